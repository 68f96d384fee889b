//! The report. Its JSON is this very structure; its PDF is set from the same. No field holds what a caller said, except
//! the transcripts, which hold what the model got.

use std::collections::BTreeMap;

use serde::Serialize;

use super::safe_harbor::Category;

/// The version of this form. A field that is added does not change it.
pub const SCHEMA_VERSION: u32 = 1;

/// The form as JSON Schema. Made from the code by a test, which holds it to be current.
pub const SCHEMA: &str = include_str!("schema.json");

/// Sessions that a report lists, and the pages of its PDF with it; behind them it has a digest of the whole list.
pub const LISTED_SESSIONS: usize = 5000;

/// What happened in a scope and a time, signed.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Report {
    /// Its own id, on every page.
    pub id: String,
    /// The version of this form.
    pub schema_version: u32,
    /// `session`, `agent` or `account`.
    pub scope: &'static str,
    /// The session, when it is about one.
    pub session_id: Option<String>,
    /// The agent, when it is about one, or about a session of it.
    pub agent_id: Option<String>,
    /// Its name.
    pub agent_name: Option<String>,
    /// Whose report it is.
    pub account_id: String,
    /// When it was made.
    pub generated_at: String,
    /// The time it is about.
    pub period: Period,
    /// What made it.
    pub generator: Generator,
    /// Of a session: the RFC 6962 root over its events. Of more sessions: the root over the roots of all of them, in the
    /// order of `sessions`, whether they are listed there or not.
    pub merkle_root_hex: String,
    /// The figures in short.
    pub summary: Summary,
    /// What of the eighteen Safe Harbor categories is found: `full`, `partial`, `in_progress` or `not_applicable`.
    pub safe_harbor_coverage: BTreeMap<&'static str, &'static str>,
    /// Why each is what it is.
    pub safe_harbor_detail: Vec<Category>,
    /// Cards.
    pub pci_dss: PciDss,
    /// What went past, or might have.
    pub leak_detection: LeakDetection,
    /// What is kept, and for how long.
    pub retention: Vec<Kept>,
    /// What was erased on demand since the beginning of the period, in this install.
    pub erasures: Vec<ErasureNote>,
    /// Who sees data, and under which agreement.
    pub baa_chain: Vec<Party>,
    /// Spans that were masked.
    pub redactions_by_kind: BTreeMap<String, u64>,
    /// Spans that these sessions recorded, by the pass that found them: those that earlier turns recorded are not among them.
    pub redactions_by_pass: BTreeMap<String, u64>,
    /// Up to twenty, as the model got them; empty where texts are not kept.
    pub masked_transcripts: Vec<Transcript>,
    /// Why there are no transcripts, where there are none.
    pub masked_transcripts_note: Option<String>,
    /// The journal that all this comes from.
    pub journal_integrity: Integrity,
    /// The policies in force, as they were written.
    pub policy_snapshot: Vec<PolicySnapshot>,
    /// What ran.
    pub configuration: Configuration,
    /// SHA-256 over a line for every session, in the order of `sessions`, whether it is listed there or not: its id, a
    /// blank, its root, a line feed.
    pub sessions_digest_hex: String,
    /// The sessions in the order in which they began (then by id), with the root of each one's tree: the first 5,000;
    /// `summary.sessions` says how many there are.
    pub sessions: Vec<SessionRoot>,
}

/// From the first moment to the last.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Period {
    /// First moment.
    pub since: String,
    /// Last moment.
    pub until: String,
}

/// What made the report.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Generator {
    /// `masker`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The commit it was built from.
    pub commit: &'static str,
}

/// The figures in short.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Summary {
    /// Proxied requests.
    pub sessions: u64,
    /// The same by how they ended.
    pub sessions_by_status: BTreeMap<String, u64>,
    /// Phone calls that the platform named, by the session that began them.
    pub calls: u64,
    /// Agents that were called.
    pub agents: u64,
    /// Spans that were masked.
    pub redactions: u64,
    /// Of them, how many stand in the history and were recorded in earlier turns of their call: those turns' reports have
    /// them.
    pub carried: u64,
    /// Of them, how many came back in an answer.
    pub restored: u64,
    /// Tokens that did not come back, values that were about to leave, passes that were left out.
    pub incidents: u64,
}

/// Cards, for the scope of PCI DSS.
#[derive(Clone, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PciDss {
    /// Card numbers that were found.
    pub cards_found: u64,
    /// Of them, how many a pass found that checks the Luhn digit.
    pub luhn_checked: u64,
    /// Replaced by a token.
    pub tokenized: u64,
    /// Removed for good.
    pub redacted: u64,
    /// Left as they were, because the policy says so.
    pub passed_through: u64,
}

/// What went past, or might have.
#[derive(Clone, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeakDetection {
    /// Tokens in answers that did not resolve.
    pub rehydration_failures: Vec<Incident>,
    /// Requests that were stopped because a masked value still stood in them.
    pub egress_blocked: Vec<Incident>,
    /// Passes that failed: the policy then let the request go on without, or stopped it.
    pub failed_passes: Vec<Incident>,
    /// More of them than are listed.
    pub not_listed: u64,
}

/// One of them.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Incident {
    /// The session.
    pub session_id: String,
    /// The turn of its call, counted from 1.
    pub turn: u64,
    /// When.
    pub at: String,
    /// The journal's event.
    pub event_id: String,
    /// How many tokens; 1 otherwise.
    pub count: u64,
    /// The pass.
    pub pass: Option<String>,
    /// `skipped` or `blocked`.
    pub outcome: Option<String>,
    /// Why, in a word.
    pub reason: Option<String>,
}

/// One thing that is kept.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Kept {
    /// What.
    pub what: &'static str,
    /// How long and where, as the configuration has it.
    pub rule: String,
    /// In days; null: until somebody deletes it.
    pub days: Option<u32>,
}

/// That something was erased; the journal has an event of it.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErasureNote {
    /// When.
    pub at: String,
    /// What was named: a moment (`before`), a person (`subject`), a key (`kid`), a `call` or an `agent`.
    pub by: String,
    /// Values of the vault that are gone; their tokens resolve no more.
    pub values: u64,
    /// Sessions whose texts are gone.
    pub payloads: u64,
}

/// One who handles the data.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Party {
    /// The agent, by name.
    pub agent: String,
    /// `operator`, `voice_platform` or `llm_provider`.
    pub role: &'static str,
    /// Who.
    pub name: String,
    /// `in the clear` or `tokens only`.
    pub sees: &'static str,
    /// `signed`, `unsigned`, `not_required`, or `not_recorded`.
    pub agreement: String,
    /// Where the agreement is filed, as the operator recorded it.
    pub reference: Option<String>,
}

/// What a model got.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Transcript {
    /// The session.
    pub session_id: String,
    /// The agent's name.
    pub agent_name: String,
    /// When it began.
    pub started_at: String,
    /// The messages.
    pub messages: Vec<Line>,
}

/// One message.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Line {
    /// Whose.
    pub role: String,
    /// Masked.
    pub text: String,
}

/// The journal.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Integrity {
    /// Always true: nothing is made of a broken journal.
    pub verified: bool,
    /// How the chain was checked.
    pub method: &'static str,
    /// Hash of its first event.
    pub start_hash: String,
    /// Hash of its last event when the report was made.
    pub end_hash: String,
    /// Its events then.
    pub event_count: u64,
    /// Events of this report's sessions.
    pub events_in_scope: u64,
}

/// A policy.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicySnapshot {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of it as RFC 8785 JSON; null when it cannot be compiled any more.
    pub digest: Option<String>,
    /// As it was written; null when it is not kept any more.
    pub yaml: Option<String>,
}

/// What ran.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Configuration {
    /// The agents of this report.
    pub agents: Vec<AgentSnapshot>,
    /// The plugins that are installed.
    pub plugins: Vec<PluginSnapshot>,
}

/// An agent as it is now.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentSnapshot {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where its requests go.
    pub upstream: String,
    /// The voice platform.
    pub platform: String,
    /// How tokens are made.
    pub tokenization: String,
    /// The policy it follows.
    pub policy_name: String,
    /// Its version.
    pub policy_version: u32,
    /// Whether it was deleted since.
    pub deleted: bool,
}

/// A plugin.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PluginSnapshot {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component.
    pub sha256: String,
}

/// A session and its tree.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionRoot {
    /// Its id.
    pub id: String,
    /// The root over its events.
    pub merkle_root_hex: String,
}

//! The report. Its JSON is this structure serialised; its PDF is rendered from the same structure. No field holds
//! caller text except the transcripts, which hold what the model received.

use std::collections::BTreeMap;

use serde::Serialize;

use super::safe_harbor::Category;

/// Schema version. Adding a field does not change it.
pub const SCHEMA_VERSION: u32 = 1;

/// JSON Schema of the report. A test generates it from the code and fails when the file is outdated.
pub const SCHEMA: &str = include_str!("schema.json");

/// Limit of sessions listed in a report, which bounds the PDF's length; a digest covers the whole list.
pub const LISTED_SESSIONS: usize = 5000;

/// Activity in a scope and a period, signed.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Report {
    /// Id of the report, printed on every page.
    pub id: String,
    /// Schema version.
    pub schema_version: u32,
    /// `session`, `agent` or `account`.
    pub scope: &'static str,
    /// The session, when the report covers one.
    pub session_id: Option<String>,
    /// The agent, when the report covers one, or a session of one.
    pub agent_id: Option<String>,
    /// Its name.
    pub agent_name: Option<String>,
    /// Account of the report.
    pub account_id: String,
    /// Time of generation.
    pub generated_at: String,
    /// Period of the report.
    pub period: Period,
    /// Software that generated the report.
    pub generator: Generator,
    /// For a session: the RFC 6962 root over its events. For several sessions: the root over the roots of all of
    /// them, in the order of `sessions`, including sessions that are not listed there.
    pub merkle_root_hex: String,
    /// Summary figures.
    pub summary: Summary,
    /// Coverage of the eighteen Safe Harbor categories: `full`, `partial`, `in_progress` or `not_applicable`.
    pub safe_harbor_coverage: BTreeMap<&'static str, &'static str>,
    /// Explanation of each rating.
    pub safe_harbor_detail: Vec<Category>,
    /// Card figures for PCI DSS.
    pub pci_dss: PciDss,
    /// Incidents.
    pub leak_detection: LeakDetection,
    /// What is stored, and for how long.
    pub retention: Vec<Kept>,
    /// Erasures on request since the beginning of the period, in this install.
    pub erasures: Vec<ErasureNote>,
    /// Parties that handle the data, and their agreements.
    pub baa_chain: Vec<Party>,
    /// Masked spans by kind.
    pub redactions_by_kind: BTreeMap<String, u64>,
    /// Spans recorded in these sessions, by the pass that found them; spans recorded in earlier turns are not
    /// counted.
    pub redactions_by_pass: BTreeMap<String, u64>,
    /// Up to twenty transcripts, as the model received them; empty where texts are not stored.
    pub masked_transcripts: Vec<Transcript>,
    /// Why there are no transcripts, when there are none.
    pub masked_transcripts_note: Option<String>,
    /// Integrity of the journal that the report is computed from.
    pub journal_integrity: Integrity,
    /// The policies in force, as written.
    pub policy_snapshot: Vec<PolicySnapshot>,
    /// Agents and plugins.
    pub configuration: Configuration,
    /// SHA-256 over one line for every session, in the order of `sessions`, including sessions that are not listed
    /// there: its id, a space, its root, a line feed.
    pub sessions_digest_hex: String,
    /// The sessions ordered by start time (then by id), each with the root of its tree: the first 5,000;
    /// `summary.sessions` has the total.
    pub sessions: Vec<SessionRoot>,
}

/// A period, both ends included.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Period {
    /// Start.
    pub since: String,
    /// End.
    pub until: String,
}

/// Software that generated the report.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Generator {
    /// `masker`.
    pub name: &'static str,
    /// Version.
    pub version: &'static str,
    /// The commit it was built from.
    pub commit: &'static str,
}

/// Summary figures.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Summary {
    /// Proxied requests.
    pub sessions: u64,
    /// Proxied requests by status.
    pub sessions_by_status: BTreeMap<String, u64>,
    /// Phone calls named by the platform, counted by their first session.
    pub calls: u64,
    /// Agents that were called.
    pub agents: u64,
    /// Masked spans.
    pub redactions: u64,
    /// How many of them are in the conversation history and were recorded in earlier turns of the call; the reports
    /// of those turns include them.
    pub carried: u64,
    /// How many of them were restored in an answer.
    pub restored: u64,
    /// Tokens that did not resolve, requests blocked at egress, and failed passes.
    pub incidents: u64,
}

/// Card figures for the scope of PCI DSS.
#[derive(Clone, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PciDss {
    /// Card numbers found.
    pub cards_found: u64,
    /// How many of them were found by a pass that checks the Luhn digit.
    pub luhn_checked: u64,
    /// Replaced by a token.
    pub tokenized: u64,
    /// Removed permanently.
    pub redacted: u64,
    /// Left unchanged, as the policy says.
    pub passed_through: u64,
}

/// Incidents.
#[derive(Clone, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeakDetection {
    /// Tokens in answers that did not resolve.
    pub rehydration_failures: Vec<Incident>,
    /// Requests blocked because a masked value was still in them.
    pub egress_blocked: Vec<Incident>,
    /// Passes that failed; the policy then let the request continue without the pass, or blocked it.
    pub failed_passes: Vec<Incident>,
    /// Number of incidents that are not listed.
    pub not_listed: u64,
}

/// An incident.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Incident {
    /// The session.
    pub session_id: String,
    /// Turn of the call, from 1.
    pub turn: u64,
    /// Time.
    pub at: String,
    /// Event in the journal.
    pub event_id: String,
    /// Number of tokens; otherwise 1.
    pub count: u64,
    /// The pass.
    pub pass: Option<String>,
    /// `skipped` or `blocked`.
    pub outcome: Option<String>,
    /// Reason, as a constant.
    pub reason: Option<String>,
}

/// A retention rule.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Kept {
    /// What is stored.
    pub what: &'static str,
    /// Duration and location, from the configuration.
    pub rule: String,
    /// Retention in days; null: until deleted.
    pub days: Option<u32>,
}

/// An erasure; the journal has an event for it.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErasureNote {
    /// Time.
    pub at: String,
    /// Selector of the erasure: a moment (`before`), a person (`subject`), a key (`kid`), a `call` or an `agent`.
    pub by: String,
    /// Vault values erased; their tokens no longer resolve.
    pub values: u64,
    /// Sessions whose texts were erased.
    pub payloads: u64,
}

/// A party that handles the data.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Party {
    /// Name of the agent.
    pub agent: String,
    /// `operator`, `voice_platform` or `llm_provider`.
    pub role: &'static str,
    /// Name of the party.
    pub name: String,
    /// `in the clear` or `tokens only`.
    pub sees: &'static str,
    /// `signed`, `unsigned`, `not_required`, or `not_recorded`.
    pub agreement: String,
    /// Where the agreement is filed, as recorded by the operator.
    pub reference: Option<String>,
}

/// What the model received in a session.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Transcript {
    /// The session.
    pub session_id: String,
    /// Name of the agent.
    pub agent_name: String,
    /// Start time.
    pub started_at: String,
    /// The messages.
    pub messages: Vec<Line>,
}

/// One message.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Line {
    /// Role.
    pub role: String,
    /// Masked text.
    pub text: String,
}

/// Integrity of the journal.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Integrity {
    /// Always true: no report is made from a broken journal.
    pub verified: bool,
    /// Method of the check.
    pub method: &'static str,
    /// Hash of the first event.
    pub start_hash: String,
    /// Hash of the last event when the report was made.
    pub end_hash: String,
    /// Number of events when the report was made.
    pub event_count: u64,
    /// Number of events of the sessions in this report.
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
    /// SHA-256 of the policy as RFC 8785 JSON; null when it no longer compiles.
    pub digest: Option<String>,
    /// The policy as written; null when it is no longer stored.
    pub yaml: Option<String>,
}

/// Agents and plugins.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Configuration {
    /// Agents in this report.
    pub agents: Vec<AgentSnapshot>,
    /// Installed plugins.
    pub plugins: Vec<PluginSnapshot>,
}

/// An agent as configured when the report was made.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentSnapshot {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Upstream of its requests.
    pub upstream: String,
    /// The voice platform.
    pub platform: String,
    /// Tokenization mode.
    pub tokenization: String,
    /// Its policy.
    pub policy_name: String,
    /// Version of the policy.
    pub policy_version: u32,
    /// Whether it has been deleted.
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

/// A session and the root of its tree.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionRoot {
    /// Its id.
    pub id: String,
    /// Root over its events.
    pub merkle_root_hex: String,
}

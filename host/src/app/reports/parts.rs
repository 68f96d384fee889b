//! Parts of a report from the configuration: policies, retention, agreements, agents; and its transcripts.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use serde_json::Value;

use super::ReportScope;
use super::gather::Gathered;
use crate::app::{App, Catalog, embedded};
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId};
use crate::policy::CompiledPolicy;
use crate::report::document::{AgentSnapshot, Kept, Party, PluginSnapshot, PolicySnapshot, Transcript};
use crate::report::safe_harbor::InForce;
use crate::report::transcript;
use crate::session::SessionRow;
use crate::store::StoreError;
use crate::store::agents::Agent;
use crate::store::erasures::Erasure;
use crate::wasm::Plugin;

/// The parts.
pub(super) struct Parts {
    pub agents: Vec<Agent>,
    pub policy_snapshot: Vec<PolicySnapshot>,
    /// The policies that compile.
    pub policies: Vec<CompiledPolicy>,
    pub erasures: Vec<Erasure>,
    pub transcripts: Vec<Transcript>,
    /// Why there are no transcripts.
    pub transcripts_note: Option<String>,
}

/// Digests of the shipped components.
static SHIPPED: LazyLock<Vec<[u8; 32]>> =
    LazyLock::new(|| embedded().iter().map(|bytes| *blake3::hash(bytes).as_bytes()).collect());

impl App {
    pub(super) async fn parts(
        &self,
        account: AccountId,
        scope: &ReportScope,
        gathered: &Gathered,
        now: Timestamp,
    ) -> Result<Parts, StoreError> {
        let mut ids: BTreeSet<AgentId> = gathered.agents.iter().copied().chain(scope.agent()).collect();
        if scope.agent().is_none() {
            // A report on an account lists every agent that could have been called.
            let living = self.store().all_agents().await?;
            ids.extend(living.iter().filter(|agent| agent.account_id == account).map(|agent| agent.id));
        }
        let agents = self.store().agents_of_report(account, ids.into_iter().collect()).await?;
        let (policy_snapshot, policies) = self.policies_in_force(account, &gathered.policies, &agents).await?;
        let (transcripts, transcripts_note) = self.transcripts(&gathered.sample, &policies).await?;
        let erasures = self.store().erasures(gathered.since, now).await?;
        Ok(Parts { agents, policy_snapshot, policies, erasures, transcripts, transcripts_note })
    }

    /// Every policy that a session used, or that an agent without sessions would use: as written, and compiled.
    async fn policies_in_force(
        &self,
        account: AccountId,
        used: &BTreeSet<(AgentId, String, u32)>,
        agents: &[Agent],
    ) -> Result<(Vec<PolicySnapshot>, Vec<CompiledPolicy>), StoreError> {
        let by_id: HashMap<AgentId, &Agent> = agents.iter().map(|agent| (agent.id, agent)).collect();
        let used = used.iter().map(|(agent, name, version)| {
            let own = by_id.get(agent).and_then(|agent| own_policy(agent, name, *version));
            (name.clone(), *version, own)
        });
        let mut used: BTreeSet<(String, u32, Option<String>)> = used.collect();
        if used.is_empty() {
            used.extend(
                agents.iter().map(|agent| (agent.policy_name.clone(), agent.policy_version, agent.policy_yaml.clone())),
            );
        }
        let (mut snapshots, mut compiled) = (Vec::new(), Vec::new());
        let catalog = self.catalog();
        for (name, version, own) in used {
            let yaml = match own {
                Some(own) => Some(own),
                None => self.policy_document(account, &name, version).await?,
            };
            let policy = yaml.as_deref().and_then(|yaml| catalog.compile(yaml, version).ok());
            snapshots.push(PolicySnapshot {
                name,
                version,
                digest: policy.as_ref().map(CompiledPolicy::digest_hex),
                yaml,
            });
            compiled.extend(policy);
        }
        Ok((snapshots, compiled))
    }

    async fn policy_document(
        &self,
        account: AccountId,
        name: &str,
        version: u32,
    ) -> Result<Option<String>, StoreError> {
        let Some(policy) = self.store().policy(account, name).await? else { return Ok(None) };
        Ok(self.store().policy_version(policy.id, version).await?.map(|(document, _)| document))
    }

    /// What the model received in these sessions, if their texts are stored.
    async fn transcripts(
        &self,
        sample: &[SessionRow],
        policies: &[CompiledPolicy],
    ) -> Result<(Vec<Transcript>, Option<String>), StoreError> {
        let keeps = self.config.payload_retention_days > 0 && policies.iter().any(|policy| policy.audit.log_payloads);
        if !keeps {
            let note = "Texts are not kept: MASKER_PAYLOAD_RETENTION_DAYS is 0, or no policy sets audit.log_payloads.";
            return Ok((Vec::new(), Some(note.to_owned())));
        }
        let mut transcripts = Vec::new();
        for session in sample {
            let Some(masked) = self.payloads(session).await?.and_then(|payloads| payloads.masked) else { continue };
            transcripts.push(Transcript {
                session_id: session.id.text(),
                agent_name: session.agent_name.to_string(),
                started_at: session.started_at.to_string(),
                messages: transcript::lines(masked.expose()),
            });
            if transcripts.len() == transcript::MOST {
                break;
            }
        }
        let note = transcripts.is_empty().then(|| "No texts are kept of these sessions.".to_owned());
        Ok((transcripts, note))
    }

    /// Retention rules in effect.
    pub(super) fn kept(&self, policies: &[CompiledPolicy]) -> Vec<Kept> {
        let payload_days = self.config.payload_retention_days;
        let keeping: Vec<&str> =
            policies.iter().filter(|policy| policy.audit.log_payloads).map(|policy| &*policy.name).collect();
        let texts = match (payload_days, keeping.as_slice()) {
            (0, _) => "Not kept: MASKER_PAYLOAD_RETENTION_DAYS is 0.".to_owned(),
            (_, []) => "Not kept: no policy in force sets audit.log_payloads.".to_owned(),
            (_, names) => format!(
                "Sealed with AES-256-GCM-SIV, for the {} {}; deleted by the hourly pass.",
                if names.len() == 1 { "policy" } else { "policies" },
                names.join(", ")
            ),
        };
        let days = self.config.session_retention_days;
        vec![
            Kept {
                what: "Texts of callers and answers",
                rule: texts,
                days: Some(if keeping.is_empty() { 0 } else { payload_days }),
            },
            Kept {
                what: "Rows of sessions: times, counts, outcome; no text",
                rule: "Deleted by the hourly pass.".to_owned(),
                days: Some(days),
            },
            Kept {
                what: "Vault: originals behind tokens",
                rule: "Each sealed with AES-256-GCM-SIV under its policy's key; kept until it is deleted.".to_owned(),
                days: None,
            },
            Kept {
                what: "Journal: events without values",
                rule: match self.config.audit_retention_days {
                    0 => "Append-only and chained; Masker deletes no part of it.".to_owned(),
                    _ => "Append-only and chained; whole files are deleted after their retention.".to_owned(),
                },
                days: Some(self.config.audit_retention_days).filter(|days| *days > 0),
            },
        ]
    }
}

/// The policies, each with those of its passes that are unmodified shipped components.
pub(super) fn in_force<'p>(catalog: &Catalog, policies: &'p [CompiledPolicy]) -> Vec<InForce<'p>> {
    let is_shipped = |pass: &&str| catalog.plugin(pass).is_some_and(|plugin| SHIPPED.contains(&plugin.digest));
    let passes =
        |policy: &'p CompiledPolicy| policy.passes.iter().map(|pass| &*pass.plugin).filter(is_shipped).collect();
    policies.iter().map(|policy| InForce { policy, as_shipped: passes(policy) }).collect()
}

/// The installed plugins.
pub(super) fn plugins(catalog: &Catalog) -> Vec<PluginSnapshot> {
    let snapshot = |plugin: &Plugin| PluginSnapshot {
        name: plugin.manifest.name.clone(),
        version: plugin.manifest.version.clone(),
        sha256: data_encoding::HEXLOWER.encode(&plugin.sha256),
    };
    catalog.shelf().plugins().iter().map(snapshot).collect()
}

/// The agent's own document, if that is what was used.
fn own_policy(agent: &Agent, name: &str, version: u32) -> Option<String> {
    (agent.policy_name == name && agent.policy_version == version).then(|| agent.policy_yaml.clone()).flatten()
}

pub(super) fn agent_snapshot(agent: &Agent) -> AgentSnapshot {
    AgentSnapshot {
        id: agent.id.text(),
        name: agent.name.clone(),
        upstream: agent.upstream.clone(),
        platform: agent.platform.clone(),
        tokenization: agent.tokenization.clone(),
        policy_name: agent.policy_name.clone(),
        policy_version: agent.policy_version,
        deleted: agent.deleted_at.is_some(),
    }
}

/// The parties that process an agent's data, from the caller to the model.
pub(super) fn parties(agent: &Agent) -> [Party; 3] {
    let agreements: Value =
        agent.agreements.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let recorded = |party: &str, field: &str| agreements.get(party)?.get(field)?.as_str().map(str::to_owned);
    let party = |role: &'static str, name: String, sees: &'static str| Party {
        agent: agent.name.clone(),
        role,
        name,
        sees,
        agreement: recorded(role, "status").unwrap_or_else(|| "not_recorded".to_owned()),
        reference: recorded(role, "reference"),
    };
    let model = match agent.upstream.split_once(':') {
        Some((provider, model)) => format!("{provider} ({model})"),
        None => "stub, inside Masker".to_owned(),
    };
    let operator = Party {
        agreement: "not_required".to_owned(),
        ..party("operator", "this install of Masker, run by its operator".to_owned(), "in the clear")
    };
    [
        party("voice_platform", agent.platform.clone(), "in the clear"),
        operator,
        party("llm_provider", model, "tokens only"),
    ]
}

//! The pipeline's view of an agent: looked up once per request, without I/O.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use subtle::ConstantTimeEq;

use crate::chat::Platform;
use crate::ids::{AccountId, AgentId};
use crate::passes::ReadyPass;
use crate::policy::CompiledPolicy;
use crate::store::agents::proxy_key_hash;
use crate::tokens::rehydrate::Fallback;
use crate::upstream::Upstream;

/// An agent with its policy compiled and its passes prepared.
pub struct ReadyAgent {
    /// The agent's id, which is the credential in its URL.
    pub id: AgentId,
    /// The account that owns it.
    pub account: AccountId,
    /// Its name, for logs and metrics.
    pub name: Arc<str>,
    /// The only model it may use.
    pub model: Arc<str>,
    /// Upstream that its requests are sent to.
    pub upstream: Upstream,
    /// The voice platform.
    pub platform: Platform,
    /// The policy: what is masked.
    pub policy: Arc<CompiledPolicy>,
    /// The passes that detect it, in order.
    pub passes: Arc<[ReadyPass]>,
    /// Text a caller gets for a token that does not resolve.
    pub fallback: Fallback,
    /// Identifies this compilation of the policy; part of the cache key for decisions.
    pub generation: u64,
    /// Access rules for callers.
    pub door: InboundAuth,
}

/// Access rules for callers beyond the agent id, and the webhook's answer.
#[derive(Clone, Default)]
pub struct InboundAuth {
    /// [`proxy_key_hash`] of the key required by the proxy, if any.
    pub proxy_key_hash: Option<[u8; 32]>,
    /// Whether the proxy requires a signature.
    pub require_signature: bool,
    /// Static configuration returned by the webhook, as JSON.
    pub assistant: Option<Arc<str>>,
    /// URL that is asked for that configuration first.
    pub assistant_callback_url: Option<Arc<str>>,
}

impl InboundAuth {
    /// Whether `key` is accepted by the proxy; any key is if none is required. Runs in constant time.
    pub fn takes(&self, key: Option<&str>) -> bool {
        self.proxy_key_hash.is_none_or(|own| {
            let shown = proxy_key_hash(key.unwrap_or_default());
            shown.ct_eq(&own).into()
        })
    }
}

impl ReadyAgent {
    /// A number unique among the compilations of this process.
    pub fn next_generation() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// An agent for commands, without a service around it: it takes no calls and has no model. It is identical in
    /// every run, so a value keeps its surrogate.
    pub fn local(policy: CompiledPolicy, passes: Arc<[ReadyPass]>) -> Self {
        let nothing: Arc<str> = Arc::from("");
        Self {
            id: AgentId::from_bytes([0; 16]),
            // Belongs to no account: the same key always makes the same tokens, which no account's agent makes.
            account: AccountId::from_bytes([0; 16]),
            name: nothing.clone(),
            model: nothing,
            upstream: Upstream::Stub,
            platform: Platform::default(),
            policy: Arc::new(policy),
            passes,
            fallback: Fallback::default(),
            generation: Self::next_generation(),
            door: InboundAuth::default(),
        }
    }

    /// Whether `asked` is this agent's model or a dated snapshot of it (`gpt-4o-mini-2024-07-18`).
    pub fn allows_model(&self, asked: &str) -> bool {
        let Some(rest) = asked.strip_prefix(&*self.model) else { return false };
        rest.is_empty() || is_date_suffix(rest)
    }
}

fn is_date_suffix(rest: &str) -> bool {
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    let sound = rest.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    rest.starts_with('-') && sound && matches!(digits.len(), 4 | 8)
}

#[cfg(test)]
mod tests {
    use super::{InboundAuth, is_date_suffix};
    use crate::store::agents::proxy_key_hash;

    #[test]
    fn a_door_takes_its_own_key_and_any_where_none_is_demanded() {
        let locked = InboundAuth { proxy_key_hash: Some(proxy_key_hash("mskp_x")), ..InboundAuth::default() };
        for (key, opens) in [(None, false), (Some(""), false), (Some("mskp_y"), false), (Some("mskp_x"), true)] {
            assert_eq!(locked.takes(key), opens, "{key:?}");
            assert!(InboundAuth::default().takes(key), "{key:?}");
        }
    }

    #[test]
    fn a_snapshot_ends_in_a_date() {
        assert!(is_date_suffix("-2024-07-18"));
        assert!(is_date_suffix("-0613"));
        assert!(!is_date_suffix("-realtime"));
        assert!(!is_date_suffix("2024"));
    }
}

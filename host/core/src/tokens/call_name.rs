//! What a call is called: platforms name calls by anything, telephone numbers among it, and a plain hash of a number is
//! found by trying them all. So what is made of a name goes through a keyed hash first.
//!
//! Before, it was the name itself that [`Scope::id`] hashed. Rows of that time are still found: an answer's tokens are looked
//! up under both ([`CallName::scope_before`]), and so are sessions ([`SoughtCall`]). Nothing is written under the old one.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::mint::Scope;
use crate::ids::AgentId;
use crate::keys::SecretKey;
use crate::sensitive::SensitiveText;

/// Makes names of calls. The key is the install's own, not the audit key: who checks the journal need not be able to try
/// numbers.
#[derive(Clone)]
pub struct CallNames(Hmac<Sha256>);

/// The name of a call.
#[derive(Clone)]
pub struct CallName {
    given: SensitiveText,
    keyed: String,
}

/// A call that is looked for among the sessions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SoughtCall {
    given: String,
    keyed: String,
}

impl CallNames {
    /// Those of this install.
    pub fn new(session_secret: &SecretKey) -> Self {
        let key = session_secret.derive("masker call names v1");
        Self(Hmac::new_from_slice(key.expose()).expect("HMAC takes keys of any length"))
    }

    /// The call that the platform gave this name.
    pub fn name(&self, given: &str) -> CallName {
        CallName { given: given.into(), keyed: self.keyed(given) }
    }

    /// The call to which a person gives this name: the platform's, or what a session's row says.
    pub fn sought(&self, given: &str) -> SoughtCall {
        SoughtCall { given: given.to_owned(), keyed: self.keyed(given) }
    }

    fn keyed(&self, given: &str) -> String {
        let mac = self.0.clone().chain_update(given).finalize();
        data_encoding::HEXLOWER.encode(&mac.into_bytes())
    }
}

impl CallName {
    /// Where the tokens of an agent resolve, in this call if there is one.
    pub fn scope(agent: AgentId, call: Option<&Self>) -> Scope {
        Scope::new(agent, call.map(|call| call.keyed.as_str()))
    }

    /// Where they resolved before names were keyed.
    pub fn scope_before(&self, agent: AgentId) -> Scope {
        Scope::new(agent, Some(self.given.expose()))
    }
}

impl SoughtCall {
    /// What rows of an agent's sessions may have, but for [`Self::given`].
    pub fn ids(&self, agent: AgentId) -> impl Iterator<Item = String> {
        let names = [&self.keyed, &self.given];
        names.map(|name| data_encoding::HEXLOWER.encode(&Scope::new(agent, Some(name)).id())).into_iter()
    }

    /// As it was given: what a row says is taken as it is.
    pub fn given(&self) -> &str {
        &self.given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_be_tried_without_the_key() {
        let agent = AgentId::generate();
        let names = [1, 2].map(|key| CallNames::new(&SecretKey::new([key; 32])).name("+13125550147"));
        let [ids, others] = [&names[0], &names[1]].map(|name| CallName::scope(agent, Some(name)).id());
        assert_ne!(ids, others);
        assert_ne!(ids, names[0].scope_before(agent).id());
        assert_eq!(names[0].scope_before(agent).id(), names[1].scope_before(agent).id());
        assert_eq!(CallName::scope(agent, None).id(), [0; 16]);
    }

    #[test]
    fn a_call_is_sought_under_its_names_of_both_times() {
        let (agent, names) = (AgentId::generate(), CallNames::new(&SecretKey::new([1; 32])));
        let name = names.name("c1");
        let ids = [CallName::scope(agent, Some(&name)), name.scope_before(agent)].map(|scope| scope.id());
        let sought: Vec<String> = names.sought("c1").ids(agent).collect();
        assert_eq!(sought, ids.map(|id| data_encoding::HEXLOWER.encode(&id)));
    }
}

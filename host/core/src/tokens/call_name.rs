//! Keyed hashes of call names. Platforms use arbitrary call names, including telephone numbers, and a plain hash of a
//! number can be reversed by trying all numbers. A call name is therefore passed through a keyed hash first.
//!
//! Earlier versions hashed the name itself in [`Scope::id`]. Rows of those versions are still found: an answer's
//! tokens are looked up under both ([`CallName::scope_before`]), and so are sessions ([`SoughtCall`]). Nothing is
//! written under the old name.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::mint::Scope;
use crate::ids::AgentId;
use crate::keys::SecretKey;
use crate::sensitive::SensitiveText;

/// Makes keyed call names. The key belongs to the install and is not the audit key: verifying the journal must not
/// make it possible to try numbers.
#[derive(Clone)]
pub struct CallNames(Hmac<Sha256>);

/// The name of a call.
#[derive(Clone)]
pub struct CallName {
    given: SensitiveText,
    keyed: String,
}

/// A call to look up among the sessions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SoughtCall {
    given: String,
    keyed: String,
}

impl CallNames {
    /// The call names of this install.
    pub fn new(session_secret: &SecretKey) -> Self {
        let key = session_secret.derive("masker call names v1");
        Self(Hmac::new_from_slice(key.expose()).expect("HMAC takes keys of any length"))
    }

    /// The call with this platform name.
    pub fn name(&self, given: &str) -> CallName {
        CallName { given: given.into(), keyed: self.keyed(given) }
    }

    /// The call that an operator refers to by this name: the platform's name, or the one in a session's row.
    pub fn sought(&self, given: &str) -> SoughtCall {
        SoughtCall { given: given.to_owned(), keyed: self.keyed(given) }
    }

    fn keyed(&self, given: &str) -> String {
        let mac = self.0.clone().chain_update(given).finalize();
        data_encoding::HEXLOWER.encode(&mac.into_bytes())
    }
}

impl CallName {
    /// The scope in which an agent's tokens resolve, limited to this call if there is one.
    pub fn scope(agent: AgentId, call: Option<&Self>) -> Scope {
        Scope::new(agent, call.map(|call| call.keyed.as_str()))
    }

    /// The scope that was used before names were keyed.
    pub fn scope_before(&self, agent: AgentId) -> Scope {
        Scope::new(agent, Some(self.given.expose()))
    }
}

impl SoughtCall {
    /// The names that rows of an agent's sessions may have, except [`Self::given`].
    pub fn ids(&self, agent: AgentId) -> impl Iterator<Item = String> {
        let names = [&self.keyed, &self.given];
        names.map(|name| data_encoding::HEXLOWER.encode(&Scope::new(agent, Some(name)).id())).into_iter()
    }

    /// The name as given: a name from a row is used unchanged.
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

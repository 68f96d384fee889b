//! Prefixed ULIDs, one type per resource, so that the compiler rejects an id of another resource.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use ulid::{Generator, Ulid};

/// The text is not an id of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {0}_ followed by 26 characters")]
pub struct InvalidId(&'static str);

/// A ULID greater than all previous ones of this process, so that ids made within one millisecond still sort by age.
/// The next one is predictable from it: do not use it for an id that is a credential.
fn in_order() -> Ulid {
    static GENERATOR: Mutex<Generator> = Mutex::new(Generator::new());
    // The generator is consistent after each call, so a panic elsewhere does not affect it.
    let mut generator = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    // Fails only when 2^80 ids are generated within a millisecond.
    generator.generate().unwrap_or_else(|_| Ulid::generate())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $new:path) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// Prefix of every id of this type.
            pub const PREFIX: &'static str = $prefix;

            /// Generates a new id.
            pub fn generate() -> Self {
                Self($new())
            }

            /// The id without its prefix: 16 bytes instead of 30 characters.
            pub fn to_bytes(&self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// An id from [`Self::to_bytes`].
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid::from_bytes(bytes))
            }

            /// The id with its prefix.
            pub fn text(&self) -> String {
                format!("{}_{}", Self::PREFIX, self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|ulid| Ulid::from_string(ulid).ok())
                    .map(Self)
                    .filter(|id| id.text() == text)
                    .ok_or(InvalidId(Self::PREFIX))
            }
        }
    };
}

macro_rules! printable {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", Self::PREFIX, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

id!(
    /// An agent. The id is the credential in the proxy's URL, so it has no `Display` and its `Debug` hides it.
    AgentId, "agt", Ulid::generate
);
id!(
    /// One proxied request.
    SessionId, "sess", in_order
);
id!(
    /// One line of the journal.
    EventId, "evt", in_order
);
id!(
    /// One HTTP request, for support.
    RequestId, "req", in_order
);
id!(
    /// An account, the owner of agents and tokens.
    AccountId, "acc", in_order
);
id!(
    /// The public id of an API token.
    TokenId, "tok", in_order
);
id!(
    /// A user who signs in.
    UserId, "usr", in_order
);

id!(
    /// A report.
    ReportId, "rep", in_order
);
id!(
    /// A policy, across versions.
    PolicyId, "pol", in_order
);

printable!(PolicyId, SessionId, EventId, RequestId, AccountId, TokenId, UserId, ReportId);

impl fmt::Debug for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("agt_..")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back() {
        let id = SessionId::generate();
        assert_eq!(id.text().parse(), Ok(id));
        assert_eq!(id.text().len(), "sess_".len() + 26);
    }

    #[test]
    fn later_ids_sort_behind_earlier_ones() {
        let ids: Vec<SessionId> = (0..1000).map(|_| SessionId::generate()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn an_id_of_another_resource_is_refused() {
        assert!(SessionId::generate().text().parse::<AgentId>().is_err());
        assert!("agt_".parse::<AgentId>().is_err());
        assert!("agt_01hyzabcdefghjkmnpqrstvwxy".parse::<AgentId>().is_err(), "lower case is another text");
    }

    #[test]
    fn an_agent_id_does_not_print_itself() {
        assert_eq!(format!("{:?}", AgentId::generate()), "agt_..");
    }
}

//! The chain: `this_hash = HMAC-SHA256(audit_key, prev_hash || canonical_json(event without this_hash))`.
//!
//! `prev_hash` is hashed as its 64 lower-case hex digits; in the first event it is 64 zeros (docs/audit.md).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::canonical::{write_head, write_tail};
use super::event::Event;
use crate::keys::SecretKey;

/// The raw bytes of an event's `this_hash`.
pub type Hash = [u8; 32];

/// `prev_hash` of the first event of a journal.
pub const START: Hash = [0; 32];

/// The end of a chain, to which the next event is appended.
#[derive(Clone)]
pub struct Chain {
    mac: ChainMac,
    prev: Hash,
    tail: Vec<u8>,
}

impl Chain {
    /// A chain that continues after `prev`; [`START`] begins a new one.
    pub fn new(key: &SecretKey, prev: Hash) -> Self {
        Self { mac: ChainMac::new(key), prev, tail: Vec::new() }
    }

    /// Appends the event's line, without a line break, to `out`, and returns its hash.
    pub fn push(&mut self, event: &Event, out: &mut Vec<u8>) -> Hash {
        let prev = hex(&self.prev);
        let start = out.len();
        write_head(out, event, &prev);
        self.tail.clear();
        write_tail(&mut self.tail, event);
        let hash = self.mac.hash(&prev, &[&out[start..], &self.tail]);
        out.extend_from_slice(b",\"this_hash\":\"");
        out.extend_from_slice(&hex(&hash));
        out.push(b'"');
        out.extend_from_slice(&self.tail);
        self.prev = hash;
        hash
    }

    /// `prev_hash` of the next event.
    pub fn end(&self) -> Hash {
        self.prev
    }

    /// Resets the chain to an earlier end, when the lines pushed since were not written.
    pub fn rewind(&mut self, end: Hash) {
        self.prev = end;
    }
}

/// HMAC state with the key already absorbed.
#[derive(Clone)]
pub(super) struct ChainMac(Hmac<Sha256>);

impl ChainMac {
    pub(super) fn new(key: &SecretKey) -> Self {
        Self(Hmac::new_from_slice(key.expose()).expect("HMAC takes keys of any length"))
    }

    pub(super) fn hash(&self, prev_hex: &[u8; 64], parts: &[&[u8]]) -> Hash {
        let mut mac = self.0.clone();
        mac.update(prev_hex);
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// Lower-case hex.
pub fn hex(hash: &Hash) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(hash) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

/// Lower-case hex, as text.
pub fn hex_text(hash: &Hash) -> String {
    hex(hash).iter().map(|&byte| char::from(byte)).collect()
}

/// Parses lower-case hex; any other text is `None`.
pub fn from_hex(text: &str) -> Option<Hash> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut hash = START;
    for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::action::Action;
    use crate::audit::event::{
        CallerToken, Completed, Detail, EventKind, Maker, NamedToken, Opened, PlatformId, StageDurations, Started,
        Status, TokenKind,
    };
    use crate::audit::line::Line;
    use crate::clock::Timestamp;
    use crate::ids::{AccountId, AgentId, EventId, SessionId, TokenId, UserId};
    use crate::keys::Kid;
    use crate::kind::Kind;
    use crate::text::CharSpan;

    pub fn key() -> SecretKey {
        SecretKey::new([42; 32])
    }

    fn kind() -> impl Strategy<Value = Kind> {
        "[A-Z][A-Z0-9_]{0,12}".prop_map(|text| Kind::new(&text).unwrap())
    }

    fn completed() -> impl Strategy<Value = Completed> {
        (
            0..3usize,
            proptest::collection::btree_map(kind(), any::<u32>(), 0..5),
            proptest::array::uniform4(0..1_000_000u32),
            proptest::collection::vec(any::<u32>(), 0..4),
            0..3u32,
        )
            .prop_map(|(status, redactions_by_kind, [a, b, c, d], rehydrated, carried)| Completed {
                status: Status::ALL[status],
                redactions_by_kind,
                carried,
                stages: StageDurations {
                    detection: f64::from(a) / 1000.0,
                    tokenize: f64::from(b) / 1000.0,
                    upstream: f64::from(c) / 1000.0,
                    rehydrate: f64::from(d) / 1000.0,
                },
                rehydrated,
            })
    }

    /// Any event, with any text that names may hold.
    pub fn event() -> impl Strategy<Value = Event> {
        let who = (any::<bool>(), any::<bool>(), 0..EventKind::ALL.len(), 0..4_000_000_000_000i64);
        let names = (
            proptest::option::of(any::<String>()),
            proptest::option::of("\\PC{0,20}|[\u{0}-\u{7f}\"\\\\]{0,9}"),
            proptest::option::of(any::<String>()),
        );
        let what = (
            proptest::option::of(kind()),
            proptest::option::of((0..1usize << 50, 0..1usize << 50)),
            proptest::option::of(any::<u32>()),
            proptest::option::of(0..=1000u16),
            proptest::option::of(0..TokenKind::ALL.len()),
            proptest::option::of(0..3usize),
            proptest::option::of(0..1u64 << 53),
            proptest::option::of(completed()),
        );
        (who, names, what).prop_map(|((session, agent, event_kind, ts), (pass, call_id, model), what)| {
            let (entity_kind, span, message, confidence, token_kind, action, count, completed) = what;
            let event_kind = EventKind::ALL[event_kind];
            let started = (event_kind == EventKind::CallStarted).then(|| {
                let caller =
                    entity_kind.as_ref().and_then(|kind| CallerToken::new(format!("MSKV1.{kind}.K_HEALTHCARE.A2B3")));
                let assistant_id = message.and_then(|number| PlatformId::new(&format!("as_{number:x}")));
                Box::new(Started { assistant_id, model: "m\n".into(), caller })
            });
            let maker = [None, Some(Maker::Person(UserId::generate())), Some(Maker::Token(TokenId::generate()))];
            let token = pass.as_deref().map(|name| NamedToken {
                id: TokenId::generate(),
                name: name.into(),
                scopes: vec!["admin".into(); action.unwrap_or_default()],
                maker: maker[action.unwrap_or_default()],
            });
            Event {
                token: token.map(Box::new),
                session_id: session.then(SessionId::generate),
                agent_id: agent.then(AgentId::generate),
                account_id: (!agent).then(AccountId::generate),
                pass: pass.map(Into::into),
                entity_kind,
                span: span.map(|(start, end)| CharSpan { start, end }),
                message,
                field: message.map(|_| "messages.content".into()),
                action: action.map(|i| [Action::Tokenize, Action::Redact, Action::Passthrough][i]),
                confidence: confidence.map(|thousandths| f32::from(thousandths) / 1000.0),
                token_kind: token_kind.map(|i| TokenKind::ALL[i]),
                kid: token_kind.and_then(|_| Kid::new("K_HEALTHCARE")),
                policy_version: message,
                call_id,
                detail: count.map(|n| if n % 2 == 0 { Detail::Count(n) } else { Detail::from("timeout") }),
                opened: model.filter(|_| started.is_none()).map(|model| {
                    let carried_by_kind = Kind::new("NAME").zip(message).into_iter().collect();
                    Box::new(Opened { policy_name: "p\"\n".into(), model: model.into(), carried_by_kind })
                }),
                completed: completed.map(Box::new),
                started,
                request: session.then(EventId::generate),
                ..Event::new(event_kind, Timestamp::from_millis(ts))
            }
        })
    }

    proptest! {
        #[test]
        fn a_line_is_canonical_json_and_reads_back(event in event()) {
            let mut out = Vec::new();
            let hash = Chain::new(&key(), START).push(&event, &mut out);
            let value: Value = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(value["this_hash"].as_str(), Some(&*hex_text(&hash)));
            prop_assert_eq!(
                String::from_utf8(out.clone()).unwrap(),
                String::from_utf8(serde_json_canonicalizer::to_vec(&value).unwrap()).unwrap()
            );
            let line = Line::parse(&out).unwrap();
            prop_assert_eq!(line.event, event);
            prop_assert_eq!(line.hash, hash);
        }
    }

    #[test]
    fn the_hash_is_what_the_contract_says() {
        let mut chain = Chain::new(&key(), START);
        let mut out = Vec::new();
        let first = chain.push(&Event::new(EventKind::Login, Timestamp::from_millis(0)), &mut out);
        out.clear();
        let second = chain.push(&Event::new(EventKind::Redaction, Timestamp::from_millis(1)), &mut out);

        let mut event: Value = serde_json::from_slice(&out).unwrap();
        event.as_object_mut().unwrap().remove("this_hash");
        let mut mac = Hmac::<Sha256>::new_from_slice(&[42; 32]).unwrap();
        mac.update(hex_text(&first).as_bytes());
        mac.update(&serde_json_canonicalizer::to_vec(&event).unwrap());
        assert_eq!(mac.finalize().into_bytes().as_slice(), second);
    }

    #[test]
    fn hex_reads_back_and_is_lower_case() {
        let hash: Hash = std::array::from_fn(|i| (i * 9) as u8);
        assert_eq!(from_hex(&hex_text(&hash)), Some(hash));
        assert_eq!(from_hex(&hex_text(&hash).to_uppercase()), None);
        assert_eq!(from_hex("00"), None);
        assert_eq!(hex_text(&START), "0".repeat(64));
    }
}

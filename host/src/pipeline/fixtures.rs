//! Fixtures shared by the pipeline's unit tests.

use std::sync::Arc;

use super::agent::{InboundAuth, ReadyAgent};
use super::pieces::Piece;
use crate::action::Action;
use crate::chat::Platform;
use crate::chat::position::{Form, Search};
use crate::ids::{AccountId, AgentId};
use crate::keys::{KeyPair, Kid, SecretKey};
use crate::kind::{Kind, STANDARD};
use crate::passes::finding::Decision;
use crate::policy::{self, Environment};
use crate::sensitive::SensitiveText;
use crate::text::ByteSpan;
use crate::tokens::mint::Minter;
use crate::tokens::rehydrate::Fallback;
use crate::upstream::Upstream;
use crate::values::{Day, Reading};

pub fn kind(name: &str) -> Kind {
    Kind::new(name).expect("a kind")
}

pub fn kid() -> Kid {
    Kid::new("K_TEST").expect("a kid")
}

pub fn minter() -> Minter {
    Minter::new(kid(), &KeyPair { current: SecretKey::new([5; 32]), old: None })
}

pub fn reading() -> Reading {
    Reading::new(Day::of_millis(1_796_083_200_000))
}

/// An agent without passes, whose policy masks names and phone numbers and includes these extra lines.
pub fn agent(lines: &str) -> ReadyAgent {
    let kinds = STANDARD.into_iter().map(kind).collect();
    let environment = Environment { kids: &[kid()], plugins: &[("regex".into(), kinds)] };
    let entities = "entities: {NAME: {}, PHONE: {}, OTHER_ID: {}}";
    let document = format!("name: t\nversion: 1\nkid: K_TEST\npasses: [regex]\n{entities}\n{lines}");
    let (_, policy) = policy::load(&document, 1, &environment).expect("a sound policy");
    ReadyAgent {
        id: AgentId::generate(),
        account: AccountId::from_bytes([7; 16]),
        name: "test".into(),
        model: "gpt-4o-mini".into(),
        upstream: Upstream::Stub,
        platform: Platform::Custom,
        policy: Arc::new(policy),
        passes: Arc::from(Vec::new()),
        fallback: Fallback::Redacted,
        generation: ReadyAgent::next_generation(),
        door: InboundAuth::default(),
    }
}

/// What the caller said in the first message.
pub fn piece(form: Form, text: &str) -> Piece {
    Piece {
        form,
        search: Search::Speech,
        role: "user",
        field: None,
        name: "content",
        message: Some(0),
        text: Arc::new(SensitiveText::from(text)),
        written: None,
    }
}

/// A decision for the place of `part` in `text`.
pub fn decision(text: &str, part: &str, name: &str, action: Action) -> Decision {
    let start = text.find(part).expect("the part stands in the text");
    let span = ByteSpan::new(start, start + part.len());
    Decision { span, kind: kind(name), confidence: 0.9, action, pass: "regex".into(), replacement: None }
}

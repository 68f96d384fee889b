//! What happened: one line of the journal.
//!
//! Invariant: nothing a caller said can get into an event by accident. [`Word`] is made of text from this source code
//! only, kinds and kids have their own alphabets, and the remaining texts are names that the operator chose.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::Action;
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId, EventId, SessionId, TokenId, UserId};
use crate::keys::Kid;
use crate::kind::Kind;
use crate::text::CharSpan;

/// One event. [`Event::new`] leaves every optional field empty; an empty field is not written.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// When.
    pub ts: Timestamp,
    /// Its own id.
    pub event_id: EventId,
    /// The request it belongs to.
    pub session_id: Option<SessionId>,
    /// The agent it belongs to.
    pub agent_id: Option<AgentId>,
    /// The account it belongs to, where no agent says so.
    pub account_id: Option<AccountId>,
    /// What happened.
    pub kind: EventKind,
    /// The pass that found the span, or the plugin concerned.
    pub pass: Option<Arc<str>>,
    /// What sort of data the span is.
    pub entity_kind: Option<Kind>,
    /// Where it stood, in characters of the original text.
    pub span: Option<CharSpan>,
    /// The message it stood in, counted from 0.
    pub message: Option<u32>,
    /// The field of the protocol it stood in, such as `messages.content`; names of the caller's own keys never.
    pub field: Option<Word>,
    /// What was done to it.
    pub action: Option<Action>,
    /// From 0 to 1, kept to three decimals.
    pub confidence: Option<f32>,
    /// What stands in its place.
    pub token_kind: Option<TokenKind>,
    /// The key that made the token.
    pub kid: Option<Kid>,
    /// Version of the policy in force, or of the one that [`Self::policy_name`] names.
    pub policy_version: Option<u32>,
    /// On `policy_reloaded`: which one, when it is one.
    pub policy_name: Option<Arc<str>>,
    /// The phone call, as the pipeline names it; on `session_opened` and `call_started` only.
    pub call_id: Option<String>,
    /// A word of our own or a count.
    pub detail: Option<Detail>,
    /// On `session_opened`: what a session's row begins with.
    pub opened: Option<Box<Opened>>,
    /// On `session_completed`: the rest of the row.
    pub completed: Option<Box<Completed>>,
    /// On `call_started`: what the platform told of the call.
    pub started: Option<Box<Started>>,
    /// On what ends a job (`vault_purged`, `payloads_purged`, `key_rotated`): the event that asked for it.
    pub request: Option<EventId>,
    /// On `token_created`, `token_deleted` and `token_revoked`: which API token.
    pub token: Option<Box<NamedToken>>,
}

impl Event {
    /// An event of this kind with a new id and nothing else filled in.
    pub fn new(kind: EventKind, ts: Timestamp) -> Self {
        Self {
            ts,
            event_id: EventId::generate(),
            session_id: None,
            agent_id: None,
            account_id: None,
            kind,
            pass: None,
            entity_kind: None,
            span: None,
            message: None,
            field: None,
            action: None,
            confidence: None,
            token_kind: None,
            kid: None,
            policy_version: None,
            policy_name: None,
            call_id: None,
            detail: None,
            opened: None,
            completed: None,
            started: None,
            request: None,
            token: None,
        }
    }
}

/// What is known of a session before its text leaves.
#[derive(Clone, PartialEq, Debug)]
pub struct Opened {
    /// The upstream model.
    pub model: Arc<str>,
    /// The policy in force; its version is in the event.
    pub policy_name: Arc<str>,
    /// Spans of the request that earlier turns of the same call recorded, and that are not written again.
    pub carried_by_kind: BTreeMap<Kind, u32>,
}

/// What is known of a session once it is over.
#[derive(Clone, PartialEq, Debug)]
pub struct Completed {
    /// How it ended.
    pub status: Status,
    /// How many spans of each kind were masked.
    pub redactions_by_kind: BTreeMap<Kind, u32>,
    /// How many of them earlier turns of the same call recorded; the session has no `redaction` event for these.
    pub carried: u32,
    /// How long each stage took.
    pub stages: StageDurations,
    /// Which of the session's `redaction` events came back in the answer, counted from 0; numbers behind the last one are
    /// spans that were carried.
    pub rehydrated: Vec<u32>,
}

/// What is known of a call when it comes in.
#[derive(Clone, PartialEq, Debug)]
pub struct Started {
    /// The platform's id of the assistant.
    pub assistant_id: Option<PlatformId>,
    /// The upstream model.
    pub model: Arc<str>,
    /// Who calls: a token that the vault resolves, never the number.
    pub caller: Option<CallerToken>,
}

/// An API token as an event names it, without its secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedToken {
    /// Its id.
    pub id: TokenId,
    /// The name that the operator gave it.
    pub name: Arc<str>,
    /// What it may do.
    pub scopes: Vec<Word>,
    /// Who created it; `None` for the command line.
    pub maker: Option<Maker>,
}

/// Who created an API token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Maker {
    /// A person in a browser.
    Person(UserId),
    /// Another token.
    Token(TokenId),
}

impl Maker {
    /// The id, with its prefix.
    pub fn text(self) -> String {
        match self {
            Self::Person(id) => id.text(),
            Self::Token(id) => id.text(),
        }
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        let person = || text.parse().ok().map(Self::Person);
        person().or_else(|| text.parse().ok().map(Self::Token))
    }
}

/// A token as it is written: a scheme, a kind, a kid and a value in base32, with dots in between. Digits alone, or a name,
/// are none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallerToken(String);

impl CallerToken {
    /// `None` for any other text.
    pub fn new(token: String) -> Option<Self> {
        let parts: Vec<&str> = token.split('.').collect();
        let upper = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let sound = matches!(parts.as_slice(), ["MSKV1" | "MSK1", kind, kid, value] if upper(kind) && upper(kid) && upper(value));
        sound.then_some(Self(token))
    }

    /// The token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An id that a platform made: letters, digits, `-` and `_`, 64 at most, and no more than 6 digits in a row, so that no
/// phone number passes for one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlatformId(Arc<str>);

impl PlatformId {
    /// `None` for any other text.
    pub fn new(text: &str) -> Option<Self> {
        let sound = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let is_uuid = text.len() == 36 && text.bytes().filter(|b| *b == b'-').count() == 4;
        let numbers = text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 6);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(sound) && (is_uuid || !numbers);
        fits.then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Time spent per stage, in milliseconds; the journal keeps whole microseconds.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct StageDurations {
    /// Passes and merge.
    pub detection: f64,
    /// Tokens, events and egress check.
    pub tokenize: f64,
    /// Until the upstream's last byte.
    pub upstream: f64,
    /// Putting originals back.
    pub rehydrate: f64,
}

impl StageDurations {
    /// What Masker added to the time of the upstream.
    pub fn added(&self) -> f64 {
        self.detection + self.tokenize + self.rehydrate
    }
}

/// A short text that stands in this source code, so that it cannot be a caller's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word(Cow<'static, str>);

impl Word {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From a line of a journal, which was written from a `Word`.
    pub(super) fn from_journal(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl From<&'static str> for Word {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

/// What else there is to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Detail {
    /// Why, in a word.
    Word(Word),
    /// How many; at most 2^53, as every number in canonical JSON.
    Count(u64),
}

impl From<&'static str> for Detail {
    fn from(text: &'static str) -> Self {
        Self::Word(text.into())
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// As it was written.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words! {
    /// What happened.
    EventKind {
        /// A request was masked and its text is about to leave.
        SessionOpened = "session_opened",
        /// A span was replaced.
        Redaction = "redaction",
        /// A token in an answer did not resolve.
        RehydrationFailed = "rehydration_failed",
        /// A platform asked for the configuration of a call.
        CallStarted = "call_started",
        /// The caller has the answer, or left.
        SessionCompleted = "session_completed",
        /// An agent was created.
        AgentCreated = "agent_created",
        /// An agent was changed.
        AgentUpdated = "agent_updated",
        /// An agent was deleted.
        AgentDeleted = "agent_deleted",
        /// Policies were read again.
        PolicyReloaded = "policy_reloaded",
        /// A plugin was installed.
        PluginInstalled = "plugin_installed",
        /// A plugin was removed.
        PluginRemoved = "plugin_removed",
        /// A masked value still stood in the finished request: it was stopped.
        EgressBlocked = "egress_blocked",
        /// A pass failed and its policy decided what follows.
        PluginFailed = "plugin_failed",
        /// Somebody signed in.
        Login = "login",
        /// An API token was created.
        TokenCreated = "token_created",
        /// An API token was deleted.
        TokenDeleted = "token_deleted",
        /// An API token was revoked: the token that created it was deleted, or its person may no longer sign in.
        TokenRevoked = "token_revoked",
        /// A person confirmed that a GitHub user is theirs; the detail is its id at GitHub.
        GithubLinked = "github_linked",
        /// The journal goes on in a new file, which begins with this event; it says at which byte of the whole.
        JournalRotated = "journal_rotated",
        /// Files of the journal whose time was over were deleted; it says at which byte of the whole it begins now.
        JournalTrimmed = "journal_trimmed",
        /// An erasure was asked for, and what it takes is known: from here on it is done, after a crash too.
        PurgeRequested = "purge_requested",
        /// Values of the vault were erased.
        VaultPurged = "vault_purged",
        /// Texts of sessions were erased.
        PayloadsPurged = "payloads_purged",
        /// Values of the vault were given out.
        VaultExported = "vault_exported",
        /// Values of the vault are about to be sealed anew, with another key.
        KeyRotationRequested = "key_rotation_requested",
        /// Values of the vault were sealed anew, with another key.
        KeyRotated = "key_rotated",
        /// The operator gave up values of the vault that no key opens any more: the kid, and how many.
        LossAccepted = "loss_accepted",
        /// A report was generated.
        ReportGenerated = "report_generated",
    }
}

words! {
    /// What stands in the place of a span.
    TokenKind {
        /// `MSKV1`: the value is in the vault.
        Vault = "vault",
        /// `MSK1`: the value is in the token.
        Aead = "aead",
        /// `[NAME_1]`: short, kept with the vault.
        Compact = "compact",
        /// A realistic stand-in.
        Synthetic = "synthetic",
        /// A keyed digest that need not come back.
        Digest = "digest",
        /// `[REDACTED:KIND]`: gone for good.
        Redacted = "redacted",
    }
}

words! {
    /// How a session ended.
    Status {
        /// The caller has the whole answer.
        Ok = "ok",
        /// The caller has an error.
        Error = "error",
        /// The caller left, the stream broke, or Masker stopped in between.
        Partial = "partial",
    }
}

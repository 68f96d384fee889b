//! Events: one line of the journal each.
//!
//! Invariant: no caller text can get into an event by accident. [`Word`] can only hold constants of this source code,
//! kinds and kids have their own alphabets, and the remaining texts are names that the operator chose.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::Action;
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId, EventId, SessionId, TokenId, UserId};
use crate::keys::Kid;
use crate::kind::Kind;
use crate::text::CharSpan;

/// An event. [`Event::new`] leaves every optional field empty; empty fields are not written.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Time.
    pub ts: Timestamp,
    /// Id of the event.
    pub event_id: EventId,
    /// Request of the event.
    pub session_id: Option<SessionId>,
    /// Agent of the event.
    pub agent_id: Option<AgentId>,
    /// Account of the event, when there is no agent.
    pub account_id: Option<AccountId>,
    /// Kind of event.
    pub kind: EventKind,
    /// The pass that found the span, or the plugin concerned.
    pub pass: Option<Arc<str>>,
    /// Kind of data in the span.
    pub entity_kind: Option<Kind>,
    /// Position of the span, in characters of the original text.
    pub span: Option<CharSpan>,
    /// Index of the message that holds the span, from 0.
    pub message: Option<u32>,
    /// Protocol field that holds the span, such as `messages.content`; never a key that the caller chose.
    pub field: Option<Word>,
    /// Action applied to the span.
    pub action: Option<Action>,
    /// From 0 to 1, rounded to three decimals.
    pub confidence: Option<f32>,
    /// What replaced the span.
    pub token_kind: Option<TokenKind>,
    /// Key that made the token.
    pub kid: Option<Kid>,
    /// Version of the policy in force, or of the one named by [`Self::policy_name`].
    pub policy_version: Option<u32>,
    /// On `policy_reloaded`: the policy, when it concerns a single one.
    pub policy_name: Option<Arc<str>>,
    /// The phone call, as the pipeline names it; only on `session_opened` and `call_started`.
    pub call_id: Option<String>,
    /// A constant or a count.
    pub detail: Option<Detail>,
    /// On `session_opened`: the initial fields of the session's row.
    pub opened: Option<Box<Opened>>,
    /// On `session_completed`: the remaining fields of the row.
    pub completed: Option<Box<Completed>>,
    /// On `call_started`: data of the call from the platform.
    pub started: Option<Box<Started>>,
    /// On events that end a job (`vault_purged`, `payloads_purged`, `key_rotated`): the event that requested it.
    pub request: Option<EventId>,
    /// On `token_created`, `token_deleted` and `token_revoked`: the API token.
    pub token: Option<Box<NamedToken>>,
}

impl Event {
    /// A new event of this kind with a new id; all optional fields are empty.
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

/// Data of a session before its text leaves.
#[derive(Clone, PartialEq, Debug)]
pub struct Opened {
    /// The upstream model.
    pub model: Arc<str>,
    /// The policy in force; its version is in the event.
    pub policy_name: Arc<str>,
    /// Spans of the request that earlier turns of the same call recorded; they are not recorded again.
    pub carried_by_kind: BTreeMap<Kind, u32>,
}

/// Data of a session after it ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Completed {
    /// How the session ended.
    pub status: Status,
    /// Masked spans by kind.
    pub redactions_by_kind: BTreeMap<Kind, u32>,
    /// How many of them earlier turns of the same call recorded; the session has no `redaction` event for these.
    pub carried: u32,
    /// Duration of each stage.
    pub stages: StageDurations,
    /// Which of the session's `redaction` events were restored in the answer, counted from 0; numbers beyond the last
    /// event are carried spans.
    pub rehydrated: Vec<u32>,
}

/// Data of an incoming call.
#[derive(Clone, PartialEq, Debug)]
pub struct Started {
    /// The platform's id of the assistant.
    pub assistant_id: Option<PlatformId>,
    /// The upstream model.
    pub model: Arc<str>,
    /// The caller: a token that the vault resolves, never the number.
    pub caller: Option<CallerToken>,
}

/// An API token as events record it, without its secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedToken {
    /// Its id.
    pub id: TokenId,
    /// Name given by the operator.
    pub name: Arc<str>,
    /// Scopes.
    pub scopes: Vec<Word>,
    /// Creator; `None` for the command line.
    pub maker: Option<Maker>,
}

/// Creator of an API token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Maker {
    /// A user in a browser.
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

/// A token in written form: scheme, kind, kid and a base32 value, separated by dots. Digits alone, or a name, are not
/// accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallerToken(String);

impl CallerToken {
    /// Returns `None` for any other text.
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

/// An id from a platform: at most 64 letters, digits, `-` and `_`, with at most 6 digits in a row, so that a phone
/// number is not accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlatformId(Arc<str>);

impl PlatformId {
    /// Returns `None` for any other text.
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

/// Duration of each stage in milliseconds; the journal keeps whole microseconds.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct StageDurations {
    /// Passes and merge.
    pub detection: f64,
    /// Tokens, events and egress check.
    pub tokenize: f64,
    /// Until the last byte from the upstream.
    pub upstream: f64,
    /// Restoring originals.
    pub rehydrate: f64,
}

impl StageDurations {
    /// Latency that Masker added to the upstream's.
    pub fn added(&self) -> f64 {
        self.detection + self.tokenize + self.rehydrate
    }
}

/// A constant of this source code, so that it cannot be caller text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word(Cow<'static, str>);

impl Word {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a value back from a journal line, which was written from a `Word`.
    pub(super) fn from_journal(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl From<&'static str> for Word {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

/// Further detail of an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Detail {
    /// Reason, as a constant.
    Word(Word),
    /// A count; at most 2^53, as every number in canonical JSON.
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

            /// The value as written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Parses a written value.
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
        /// A request was masked; its text is about to leave.
        SessionOpened = "session_opened",
        /// A span was replaced.
        Redaction = "redaction",
        /// A token in an answer did not resolve.
        RehydrationFailed = "rehydration_failed",
        /// A platform requested the configuration of a call.
        CallStarted = "call_started",
        /// The caller has the answer, or left.
        SessionCompleted = "session_completed",
        /// An agent was created.
        AgentCreated = "agent_created",
        /// An agent was changed.
        AgentUpdated = "agent_updated",
        /// An agent was deleted.
        AgentDeleted = "agent_deleted",
        /// Policies were reloaded.
        PolicyReloaded = "policy_reloaded",
        /// A plugin was installed.
        PluginInstalled = "plugin_installed",
        /// A plugin was removed.
        PluginRemoved = "plugin_removed",
        /// A masked value was still in the finished request; the request was blocked.
        EgressBlocked = "egress_blocked",
        /// A pass failed; the policy decided how to continue.
        PluginFailed = "plugin_failed",
        /// Somebody signed in.
        Login = "login",
        /// An API token was created.
        TokenCreated = "token_created",
        /// An API token was deleted.
        TokenDeleted = "token_deleted",
        /// An API token was revoked: the token that created it was deleted, or its creator may no longer sign in.
        TokenRevoked = "token_revoked",
        /// A user linked their GitHub account; the detail is its id at GitHub.
        GithubLinked = "github_linked",
        /// The journal continues in a new file, which begins with this event; the detail is the file's offset in the
        /// whole journal.
        JournalRotated = "journal_rotated",
        /// Expired journal files were deleted; the detail is the offset at which the journal now begins.
        JournalTrimmed = "journal_trimmed",
        /// An erasure was requested and its targets are determined; from here on it is carried out, also after a
        /// crash.
        PurgeRequested = "purge_requested",
        /// Vault values were erased.
        VaultPurged = "vault_purged",
        /// Session texts were erased.
        PayloadsPurged = "payloads_purged",
        /// Vault values were exported.
        VaultExported = "vault_exported",
        /// Vault values are about to be re-encrypted with another key.
        KeyRotationRequested = "key_rotation_requested",
        /// Vault values were re-encrypted with another key.
        KeyRotated = "key_rotated",
        /// The operator gave up vault values that no key can decrypt: the kid and the count.
        LossAccepted = "loss_accepted",
        /// A report was generated.
        ReportGenerated = "report_generated",
    }
}

words! {
    /// What replaced a span.
    TokenKind {
        /// `MSKV1`: the value is stored in the vault.
        Vault = "vault",
        /// `MSK1`: the value is encrypted in the token.
        Aead = "aead",
        /// `[NAME_1]`: short, stored with the vault.
        Compact = "compact",
        /// A realistic substitute value.
        Synthetic = "synthetic",
        /// A keyed digest that is not restored.
        Digest = "digest",
        /// `[REDACTED:KIND]`: removed permanently.
        Redacted = "redacted",
    }
}

words! {
    /// How a session ended.
    Status {
        /// The caller got the whole answer.
        Ok = "ok",
        /// The caller got an error.
        Error = "error",
        /// The caller left, the stream broke, or Masker stopped before the end.
        Partial = "partial",
    }
}

//! Makes tokens and opens them.
//!
//! A vault token is a truncated HMAC of the account and the value, in any spelling ([`values`]). Its original is
//! stored in a [`VaultRow`], sealed for the agent and the call. An AEAD token carries its original itself. Both use
//! AES-256-GCM-SIV, which is nonce-misuse resistant (RFC 8452), so nonces are derived from the sealed data instead of
//! drawn at random. An AEAD token is therefore the same for the same value on every turn and after a restart without
//! being stored, and the random number generator, with its failures, is off the request path. Equal ciphertexts
//! reveal that two originals are equal, which is the purpose of a token.

use std::collections::BTreeMap;
use std::sync::Arc;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::format::{AEAD_HEADER, AEAD_MAX_SURFACE, Scheme, Token, VAULT_BYTES, aead_header};
use super::normalise::normalise;
use crate::ids::{AccountId, AgentId};
use crate::keys::{KeyPair, KeyRing, Kid, SecretKey};
use crate::kind::Kind;
use crate::sensitive::{Sensitive, SensitiveText};
use crate::values::{self, Reading};

type HmacSha256 = Hmac<Sha256>;

/// Bytes of a GCM-SIV nonce.
const NONCE: usize = 12;

/// The scope in which a token resolves: only for the agent that minted it and, when the platform names the call, only
/// in that call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Scope {
    /// The agent.
    pub agent: AgentId,
    call: [u8; 16],
}

impl Scope {
    /// The scope of an agent's call, by its hashed name; without a name, all of the agent's unnamed requests.
    pub fn new(agent: AgentId, call: Option<&str>) -> Self {
        let mut id = [0; 16];
        if let Some(call) = call {
            let hash = Sha256::new().chain_update("masker call v1").chain_update(agent.text()).chain_update(call);
            id.copy_from_slice(&hash.finalize()[..16]);
        }
        Self { agent, call: id }
    }

    /// A scope from its [`Self::id`].
    pub fn with_id(agent: AgentId, id: [u8; 16]) -> Self {
        Self { agent, call: id }
    }

    /// The call's identifier in the vault: a hash, so that rows do not name calls; zero without a call.
    pub fn id(&self) -> [u8; 16] {
        self.call
    }
}

/// The form of the original in its document, which decides how it is restored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ValueType {
    /// Text, or a JSON string.
    Text,
    /// A number in a JSON document. It is restored as a number where the reading program takes numbers.
    JsonNumber,
}

impl ValueType {
    fn byte(self) -> u8 {
        match self {
            ValueType::Text => 0,
            ValueType::JsonNumber => 1,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(ValueType::Text),
            1 => Some(ValueType::JsonNumber),
            _ => None,
        }
    }
}

/// The original of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Original {
    /// The value, in its original spelling.
    pub text: SensitiveText,
    /// Its form in the document.
    pub form: ValueType,
}

/// The vault's key for a row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The agent that minted it.
    pub agent: AgentId,
    /// [`Scope::id`] of the call.
    pub scope: [u8; 16],
    /// The key it was minted with.
    pub kid: Kid,
    /// The kind of data.
    pub kind: Kind,
    /// The token's value.
    pub mac: [u8; VAULT_BYTES],
}

/// The vault row of one token. The store looks rows up by everything but `sealed`.
#[derive(Clone, PartialEq, Eq)]
pub struct VaultRow {
    /// The agent that minted it.
    pub agent: AgentId,
    /// [`Scope::id`] of the call.
    pub scope: [u8; 16],
    /// The key it was minted with.
    pub kid: Kid,
    /// The kind of data.
    pub kind: Kind,
    /// The token's value.
    pub mac: [u8; VAULT_BYTES],
    /// The original, encrypted: ciphertext and tag. The nonce is the beginning of `mac`.
    pub sealed: Vec<u8>,
    /// The label of the compact token, where the policy uses compact tokens.
    pub label: Option<String>,
    /// The kid whose key seals the original, if it differs from the token's own: the row was resealed in a key
    /// rotation.
    pub sealed_by: Option<Kid>,
}

impl VaultRow {
    /// The row's key.
    pub fn key(&self) -> RowKey {
        let Self { agent, scope, kid, kind, mac, .. } = self;
        RowKey { agent: *agent, scope: *scope, kid: kid.clone(), kind: kind.clone(), mac: *mac }
    }
}

impl std::fmt::Debug for RowKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowKey({} {})", self.kid, self.kind)
    }
}

impl std::fmt::Debug for VaultRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The label is omitted: it is part of a token.
        write!(f, "VaultRow({} {})", self.kid, self.kind)
    }
}

/// A fresh vault token and the row that resolves it.
#[derive(Clone)]
pub struct Minted {
    /// The token.
    pub token: Token,
    /// Its row.
    pub row: VaultRow,
}

/// The original is longer than an AEAD token can carry ([`AEAD_MAX_SURFACE`]): redact it, or use the vault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the value is longer than the {AEAD_MAX_SURFACE} bytes that fit into a self-contained token")]
pub struct TooLong;

/// Why a token does not resolve.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    /// No key of this name.
    #[error("the token's key is not known here")]
    UnknownKid,
    /// The token has the other scheme.
    #[error("the token does not carry its original")]
    Scheme,
    /// It was made with another agent, call, kind or key, or it was altered.
    #[error("the token was not minted here, or not for this agent and call")]
    Refused,
    /// It is authentic, but its content is not in a format of this version.
    #[error("the token's content has an unknown form")]
    Content,
}

/// Mints and opens tokens with the keys of one kid. Build it once per kid: deriving the keys costs more than a token.
#[derive(Clone)]
pub struct Minter {
    kid: Kid,
    synthetic: SecretKey,
    current: Ciphers,
    old: Option<Ciphers>,
}

#[derive(Clone)]
struct Ciphers {
    mac: HmacSha256,
    vault: Aes256GcmSiv,
    aead: Aes256GcmSiv,
    aead_nonce: HmacSha256,
}

impl Ciphers {
    fn new(key: &SecretKey) -> Self {
        let hmac = |key: &SecretKey| HmacSha256::new_from_slice(key.expose()).expect("HMAC takes keys of any length");
        let cipher = |label| Aes256GcmSiv::new(key.derive(label).expose().into());
        Self {
            mac: hmac(key),
            vault: cipher("masker vault v1"),
            aead: cipher("masker aead v1"),
            aead_nonce: hmac(&key.derive("masker aead nonce v1")),
        }
    }

    /// The MAC in a value's token. It covers the account: a reader of one account's masked text must not be able to
    /// confirm a guess about another account's values. Tokens of earlier versions do not cover it.
    fn value_of(&self, account: Option<AccountId>, identity: &[u8]) -> [u8; VAULT_BYTES] {
        let mut mac = self.mac.clone();
        if let Some(account) = account {
            // No identity begins with this byte, so none equals an account followed by a shorter identity.
            mac = mac.chain_update("\u{1}account:").chain_update(account.to_bytes());
        }
        let mut value = [0; VAULT_BYTES];
        value.copy_from_slice(&mac.chain_update(identity).finalize().into_bytes()[..VAULT_BYTES]);
        value
    }
}

/// The input of a token's MAC: the same for every spelling of a value, said or written, and for every kind. A number
/// of digits only is the same value as these digits in text. A number with a sign, a fraction or an exponent is a
/// value of its own: -1, 1.0 and 1 are different documents.
pub(super) fn identity(kind: &Kind, original: &str, form: ValueType, reading: &Reading) -> Sensitive<Vec<u8>> {
    match form {
        ValueType::JsonNumber if !original.bytes().all(|byte| byte.is_ascii_digit()) => {
            Sensitive::new(number_identity(original).into_bytes())
        }
        ValueType::Text | ValueType::JsonNumber => values::read(kind, original, reading).key(),
    }
}

/// No other identity begins with this byte, so such a number never shares a text's token.
fn number_identity(number: &str) -> String {
    ["\u{1}number:", number].concat()
}

impl Minter {
    /// A minter for a kid.
    pub fn new(kid: Kid, keys: &KeyPair) -> Self {
        let synthetic = keys.current.derive("masker synthetic v1");
        Self { kid, synthetic, current: Ciphers::new(&keys.current), old: keys.old.as_ref().map(Ciphers::new) }
    }

    /// The kid it mints with.
    pub fn kid(&self) -> &Kid {
        &self.kid
    }

    /// The key from which surrogates are derived.
    pub fn synthetic_key(&self) -> &SecretKey {
        &self.synthetic
    }

    /// The vault token of a value: one HMAC, no encryption. Stable across calls, turns and agents of the account.
    pub fn token_for(
        &self,
        account: AccountId,
        kind: &Kind,
        original: &str,
        form: ValueType,
        reading: &Reading,
    ) -> Token {
        self.token_of(self.value_for(account, kind, original, form, reading), kind)
    }

    /// The MAC in [`Minter::token_for`]. It is the same for a value in any kind, spelling and form.
    pub fn value_for(
        &self,
        account: AccountId,
        kind: &Kind,
        original: &str,
        form: ValueType,
        reading: &Reading,
    ) -> [u8; VAULT_BYTES] {
        self.current.value_of(Some(account), identity(kind, original, form, reading).expose())
    }

    /// The MAC in the vault token of a parsed value.
    pub fn value_of(&self, account: AccountId, value: &values::Value) -> [u8; VAULT_BYTES] {
        self.current.value_of(Some(account), value.key().expose())
    }

    /// The vault token with this MAC.
    pub fn token_of(&self, value: [u8; VAULT_BYTES], kind: &Kind) -> Token {
        Token { scheme: Scheme::Vault, kind: kind.clone(), kid: self.kid.clone(), value: value.to_vec() }
    }

    /// The row that resolves a token of [`Minter::token_for`]. Needed only when the vault has none yet for this
    /// scope. `None` for a token of another kid or scheme.
    pub fn seal(
        &self,
        scope: &Scope,
        token: &Token,
        original: &str,
        form: ValueType,
        label: Option<String>,
    ) -> Option<VaultRow> {
        let mac: [u8; VAULT_BYTES] = token.value.as_slice().try_into().ok()?;
        if token.scheme != Scheme::Vault || token.kid != self.kid {
            return None;
        }
        let (agent, kind, id) = (scope.agent, token.kind.clone(), scope.id());
        let aad = aad(b"row", agent, &id, &kind, &self.kid, &mac);
        let sealed = encrypt(&self.current.vault, mac[..NONCE].try_into().ok()?, &aad, original, form);
        Some(VaultRow { agent, scope: id, kid: self.kid.clone(), kind, mac, sealed, label, sealed_by: None })
    }

    /// A vault token together with its row.
    pub fn mint_vault(
        &self,
        account: AccountId,
        scope: &Scope,
        kind: &Kind,
        original: &str,
        form: ValueType,
        reading: &Reading,
    ) -> Minted {
        let token = self.token_for(account, kind, original, form, reading);
        let row = self.seal(scope, &token, original, form, None).expect("the token was just made by this minter");
        Minted { token, row }
    }

    /// A token that carries its original. The same value in the same spelling has the same token throughout the
    /// scope.
    pub fn mint_aead(&self, scope: &Scope, kind: &Kind, original: &str, form: ValueType) -> Result<Token, TooLong> {
        let header = aead_header(original.len()).ok_or(TooLong)?;
        let aad = aad(Scheme::Aead.as_str().as_bytes(), scope.agent, &scope.id(), kind, &self.kid, &header);
        let mac = self.current.aead_nonce.clone().chain_update(&aad).chain_update([form.byte()]).chain_update(original);
        let nonce: [u8; NONCE] = mac.finalize().into_bytes()[..NONCE].try_into().expect("a MAC is 32 bytes");
        let mut value = Vec::with_capacity(AEAD_HEADER + NONCE + original.len() + 17);
        value.extend_from_slice(&header);
        value.extend_from_slice(&nonce);
        value.extend(encrypt(&self.current.aead, nonce, &aad, original, form));
        Ok(Token { scheme: Scheme::Aead, kind: kind.clone(), kid: self.kid.clone(), value })
    }

    /// The MACs that vault tokens of a value may have in these accounts: with the current key and the old one, and as
    /// earlier versions made them: from the spelling, with numbers distinct from text, and without an account.
    pub fn values_of(
        &self,
        accounts: &[AccountId],
        kind: &Kind,
        original: &str,
        reading: &Reading,
    ) -> Vec<[u8; VAULT_BYTES]> {
        let value = identity(kind, original, ValueType::Text, reading);
        let (spelling, number) = (normalise(kind, original), number_identity(original));
        let identities = [spelling.as_bytes(), number.as_bytes(), value.expose()];
        let accounts = || std::iter::once(None).chain(accounts.iter().copied().map(Some));
        let keys = std::iter::once(&self.current).chain(&self.old);
        keys.flat_map(|key| accounts().map(move |account| (key, account)))
            .flat_map(|(key, account)| identities.iter().map(move |identity| key.value_of(account, identity)))
            .collect()
    }

    /// Reseals the row's original with this kid's current key; the token does not change.
    pub fn seal_anew(&self, row: &VaultRow, original: &Original) -> VaultRow {
        let aad = aad(b"row", row.agent, &row.scope, &row.kind, &row.kid, &row.mac);
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&row.mac[..NONCE]);
        let sealed = encrypt(&self.current.vault, nonce, &aad, original.text.expose(), original.form);
        let sealed_by = (row.kid != self.kid).then(|| self.kid.clone());
        VaultRow { sealed, sealed_by, ..row.clone() }
    }

    /// The original of a vault row.
    pub fn open_row(&self, row: &VaultRow) -> Result<Original, OpenError> {
        if *row.sealed_by.as_ref().unwrap_or(&row.kid) != self.kid {
            return Err(OpenError::UnknownKid);
        }
        let aad = aad(b"row", row.agent, &row.scope, &row.kind, &row.kid, &row.mac);
        let nonce = row.mac[..NONCE].try_into().map_err(|_| OpenError::Refused)?;
        self.open(|ciphers| &ciphers.vault, nonce, &aad, &row.sealed)
    }

    /// The original of an AEAD token, for the agent and call of `scope`.
    pub fn open_aead(&self, token: &Token, scope: &Scope) -> Result<Original, OpenError> {
        if token.kid != self.kid {
            return Err(OpenError::UnknownKid);
        }
        if token.scheme != Scheme::Aead {
            return Err(OpenError::Scheme);
        }
        let (header, rest) = token.value.split_first_chunk::<AEAD_HEADER>().ok_or(OpenError::Refused)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(OpenError::Refused)?;
        let aad = aad(Scheme::Aead.as_str().as_bytes(), scope.agent, &scope.id(), &token.kind, &self.kid, header);
        self.open(|ciphers| &ciphers.aead, *nonce, &aad, sealed)
    }

    /// Tries the current key, then the old one.
    fn open(
        &self,
        cipher: fn(&Ciphers) -> &Aes256GcmSiv,
        nonce: [u8; NONCE],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Original, OpenError> {
        std::iter::once(&self.current)
            .chain(&self.old)
            .find_map(|ciphers| {
                cipher(ciphers).decrypt(&Nonce::from(nonce), Payload { msg: sealed, aad }).ok().map(Zeroizing::new)
            })
            .ok_or(OpenError::Refused)
            .and_then(|plain| original(&plain).ok_or(OpenError::Content))
    }
}

/// A minter for every kid of the key ring. Cheap to clone.
#[derive(Clone, Default)]
pub struct Minters(Arc<BTreeMap<Kid, Minter>>);

impl Minters {
    /// Derives all keys of the ring.
    pub fn new(ring: &KeyRing) -> Self {
        let minter = |kid: &Kid| Some((kid.clone(), Minter::new(kid.clone(), ring.get(kid)?)));
        Self(Arc::new(ring.kids().filter_map(minter).collect()))
    }

    /// The minter of a kid.
    pub fn get(&self, kid: &Kid) -> Option<&Minter> {
        self.0.get(kid)
    }

    /// Like [`Minter::open_row`], with the kid that seals the row.
    pub fn open_row(&self, row: &VaultRow) -> Result<Original, OpenError> {
        self.get(row.sealed_by.as_ref().unwrap_or(&row.kid)).ok_or(OpenError::UnknownKid)?.open_row(row)
    }

    /// Like [`Minter::open_aead`], with the token's kid.
    pub fn open_aead(&self, token: &Token, scope: &Scope) -> Result<Original, OpenError> {
        self.get(&token.kid).ok_or(OpenError::UnknownKid)?.open_aead(token, scope)
    }
}

/// The associated data of a ciphertext. Every part has a fixed length or a length prefix, so no two bindings are
/// equal.
fn aad(purpose: &[u8], agent: AgentId, scope: &[u8; 16], kind: &Kind, kid: &Kid, more: &[u8]) -> Vec<u8> {
    let agent = agent.text();
    let mut aad = Vec::with_capacity(128);
    for part in [purpose, kind.as_str().as_bytes(), kid.as_str().as_bytes(), agent.as_bytes(), scope, more] {
        // Kinds and kids have at most 64 bytes, the others are shorter.
        aad.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
        aad.extend_from_slice(part);
    }
    aad
}

fn encrypt(cipher: &Aes256GcmSiv, nonce: [u8; NONCE], aad: &[u8], original: &str, form: ValueType) -> Vec<u8> {
    let mut plain = Zeroizing::new(Vec::with_capacity(1 + original.len()));
    plain.push(form.byte());
    plain.extend_from_slice(original.as_bytes());
    cipher.encrypt(&Nonce::from(nonce), Payload { msg: &plain, aad }).expect("GCM-SIV encrypts anything below 64 GiB")
}

fn original(plain: &[u8]) -> Option<Original> {
    let (&form, text) = plain.split_first()?;
    Some(Original { text: std::str::from_utf8(text).ok()?.into(), form: ValueType::from_byte(form)? })
}

#[cfg(test)]
mod tests;

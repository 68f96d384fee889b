//! The syntax of tokens: `{scheme}.{KIND}.{kid}.{value}`, compact `[KIND_label]`, and `[REDACTED:KIND]`.
//!
//! Parsing here is strict: the whole text is the token, exactly as it was printed. [`super::scan`] finds tokens
//! inside an answer, mangled or cut.

use std::fmt;

use data_encoding::BASE32_NOPAD;

use crate::keys::Kid;
use crate::kind::Kind;
use crate::values::View;

/// Bytes of a vault token's value: a truncated HMAC.
pub(crate) const VAULT_BYTES: usize = 16;

/// Maximum length of an original in an AEAD token, in bytes: the limit of the 11 bits in its header. A longer one
/// would make a token of more than 3,000 letters, which no model repeats faithfully.
pub(crate) const AEAD_MAX_SURFACE: usize = (1 << 11) - 1;

/// Bytes of an AEAD token's header.
pub(crate) const AEAD_HEADER: usize = 2;

/// Number of value letters needed to read the header.
pub(crate) const AEAD_HEADER_LETTERS: usize = 4;

/// Overhead of an AEAD token in bytes: header, nonce, form, tag.
const AEAD_OVERHEAD: usize = AEAD_HEADER + 12 + 1 + 16;

/// The name of a view, case-insensitive: `[SSN_4.last4]`, `MSKV1.NAME.K_X.….spelled`.
pub fn view(name: &str) -> Option<&'static str> {
    View::new(name).map(View::as_str)
}

/// How a token carries its original.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scheme {
    /// `MSKV1`: the value is the key of a vault row.
    Vault,
    /// `MSK1`: the value is the original, encrypted.
    Aead,
}

impl Scheme {
    /// The printed name.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Vault => "MSKV1",
            Scheme::Aead => "MSK1",
        }
    }
}

/// A well-formed token. It may or may not resolve.
///
/// `Debug` and `Display` print it whole: a token is not the value, but it does not belong in logs either.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token {
    /// Vault or AEAD.
    pub scheme: Scheme,
    /// The kind of data.
    pub kind: Kind,
    /// The key it was made with.
    pub kid: Kid,
    /// Vault: 16 bytes of HMAC. AEAD: header, nonce, ciphertext and tag.
    pub value: Vec<u8>,
}

impl Token {
    /// Parses a text that is exactly one token, as printed by [`Token::text`].
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let scheme = match parts.next()? {
            "MSKV1" => Scheme::Vault,
            "MSK1" => Scheme::Aead,
            _ => return None,
        };
        let (kind, kid, value) = (Kind::new(parts.next()?)?, Kid::new(parts.next()?)?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        Self::from_parts(scheme, kind, kid, value)
    }

    /// Builds a token from its parts, the value in upper-case base32. The value must have the length that the scheme
    /// requires.
    pub fn from_parts(scheme: Scheme, kind: Kind, kid: Kid, value: &str) -> Option<Self> {
        let value = BASE32_NOPAD.decode(value.as_bytes()).ok()?;
        let length = match scheme {
            Scheme::Vault => VAULT_BYTES,
            Scheme::Aead => AEAD_OVERHEAD + aead_surface_len(value.get(..AEAD_HEADER)?)?,
        };
        (value.len() == length).then_some(Self { scheme, kind, kid, value })
    }

    /// The token as the model sees it.
    pub fn text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.scheme.as_str(), self.kind, self.kid, BASE32_NOPAD.encode(&self.value))
    }
}

/// Number of unpadded base32 letters for this many bytes.
pub fn letters(bytes: usize) -> usize {
    (bytes * 8).div_ceil(5)
}

/// The header of an AEAD value: 11 bits for the length of the original and 5 check bits derived from them.
///
/// The length lets a scanner find the end of a token that a model spaced out. The check bits reject tokens that a
/// model made up: without them each would announce a random length, and the scanner would hold back the next sentence
/// for nothing.
pub(crate) fn aead_header(surface_len: usize) -> Option<[u8; AEAD_HEADER]> {
    if surface_len > AEAD_MAX_SURFACE {
        return None;
    }
    let len = u16::try_from(surface_len).ok()?;
    Some(((len << 5) | header_check(len)).to_be_bytes())
}

/// The length of the original according to a header; `None` for an invalid header.
pub(crate) fn aead_surface_len(header: &[u8]) -> Option<usize> {
    let header = u16::from_be_bytes(header.try_into().ok()?);
    let len = header >> 5;
    (header & 31 == header_check(len)).then_some(usize::from(len))
}

/// The length of an AEAD value in letters, from its first four letters (upper case).
pub(crate) fn aead_letters(first: &[u8; AEAD_HEADER_LETTERS]) -> Option<usize> {
    let digit = |b: u8| match b {
        b'A'..=b'Z' => Some(u32::from(b - b'A')),
        b'2'..=b'7' => Some(u32::from(b - b'2') + 26),
        _ => None,
    };
    let bits = first.iter().try_fold(0, |bits, &b| Some(bits << 5 | digit(b)?))?;
    let header = u16::try_from(bits >> 4).ok()?;
    aead_surface_len(&header.to_be_bytes()).map(|surface| letters(AEAD_OVERHEAD + surface))
}

/// Multiplying by an odd constant and keeping the top bits spreads every bit of the length over all five.
fn header_check(len: u16) -> u16 {
    len.wrapping_add(1).wrapping_mul(0x9E37) >> 11
}

/// A compact token: `[NAME_1]`, or `[NAME_3FQQ2ZTK]` when the platform names no call.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CompactToken {
    /// The kind of data.
    pub kind: Kind,
    /// A decimal number, or a label of [`hash_label`].
    pub label: String,
}

impl CompactToken {
    /// Parses a text that is exactly one compact token.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_inner(text.strip_prefix('[')?.strip_suffix(']')?)
    }

    /// Parses the text between the brackets, in upper case.
    pub(crate) fn from_inner(inner: &str) -> Option<Self> {
        let (kind, label) = inner.rsplit_once('_')?;
        is_label(label).then_some(Self { kind: Kind::new(kind)?, label: label.to_owned() })
    }
}

impl fmt::Display for CompactToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}_{}]", self.kind, self.label)
    }
}

/// Minimum length of a hash label. Numbers are shorter, so the two cannot collide.
pub(crate) const HASH_LABEL_MIN: usize = 8;

/// Maximum length of a hash label.
pub(crate) const HASH_LABEL_MAX: usize = 16;

/// A label from a keyed hash, `len` letters long (8 to 16).
///
/// The first letter is always a digit, so that `[YOUR_LOCATION]` in a text is not taken for a token. 8 letters are 37
/// bits: the store must reject a label that is already used for another value of the same agent, and request a longer
/// one.
pub fn hash_label(mac: &[u8; VAULT_BYTES], len: usize) -> String {
    let len = len.clamp(HASH_LABEL_MIN, HASH_LABEL_MAX);
    let mut label = String::with_capacity(len);
    label.push(char::from(b'2' + mac[0] % 6));
    label.push_str(&BASE32_NOPAD.encode(&mac[1..])[..len - 1]);
    label
}

/// Whether a text can be the label of a compact token.
pub fn is_label(text: &str) -> bool {
    let number =
        (1..HASH_LABEL_MIN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    let hash = (HASH_LABEL_MIN..=HASH_LABEL_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'2'..=b'7'))
        && text.starts_with(|c: char| c.is_ascii_digit());
    number || hash
}

/// The replacement for a value that is never restored.
pub fn redacted(kind: &Kind) -> String {
    format!("[REDACTED:{kind}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(text: &str) -> Option<Token> {
        Token::parse(text)
    }

    #[test]
    fn a_token_reads_back() {
        for text in
            ["MSKV1.NAME.K_HEALTHCARE.AAAQEAYEAUDAOCAJBIFQYDIOB4", "MSKV1.HEALTH_PLAN.K1.AAAAAAAAAAAAAAAAAAAAAAAAAA"]
        {
            assert_eq!(vault(text).map(|token| token.text()), Some(text.to_owned()));
        }
    }

    #[test]
    fn anything_else_is_no_token() {
        for text in [
            "",
            "MSKV1",
            "MSKV1.NAME.K.",
            "MSKV1.NAME.K.AAAQEAYEAUDAOCAJBIFQYDIO",
            "MSKV1.NAME.K.AAAQEAYEAUDAOCAJBIFQYDIOB4.",
            " MSKV1.NAME.K.AAAQEAYEAUDAOCAJBIFQYDIOB4",
            "mskv1.NAME.K.AAAQEAYEAUDAOCAJBIFQYDIOB4",
            "MSKV1.name.K.AAAQEAYEAUDAOCAJBIFQYDIOB4",
            "MSKV1.NAME.K.aaaqeayeaudaocajbifqydiob4",
            "MSKV1.NAME.K.AAAQEAYEAUDAOCAJBIFQYDIOB5",
            "MSKV2.NAME.K.AAAQEAYEAUDAOCAJBIFQYDIOB4",
            "MSK1.NAME.K.AAAQEAYEAUDAOCAJBIFQYDIOB4",
        ] {
            assert_eq!(vault(text), None, "{text}");
        }
    }

    #[test]
    fn a_header_tells_the_length_and_most_texts_are_no_header() {
        for len in [0, 1, 10, 255, AEAD_MAX_SURFACE] {
            let header = aead_header(len).expect("within the limit");
            assert_eq!(aead_surface_len(&header), Some(len));
            let text = BASE32_NOPAD.encode(&[header[0], header[1], 0xff]);
            let first = text.as_bytes()[..4].try_into().expect("four letters");
            assert_eq!(aead_letters(first), Some(letters(AEAD_OVERHEAD + len)));
        }
        assert_eq!(aead_header(AEAD_MAX_SURFACE + 1), None);
        let valid = (0..=u16::MAX).filter(|bits| aead_surface_len(&bits.to_be_bytes()).is_some()).count();
        assert_eq!(valid, 1 << 11, "one text of 32 is a header");
    }

    #[test]
    fn a_compact_token_reads_back() {
        for text in ["[NAME_1]", "[HEALTH_PLAN_12]", "[NAME_3FQQ2ZTK]"] {
            assert_eq!(CompactToken::parse(text).map(|token| token.to_string()), Some(text.to_owned()));
        }
        for text in
            ["[NAME_]", "[NAME_01]", "[NAME_K3F9Q2ZT]", "[1]", "[_1]", "[NAME]", "NAME_1", "[NAME_A]", "[name_1]"]
        {
            assert_eq!(CompactToken::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_hash_label_is_a_label_at_every_length() {
        for byte in 0..=255 {
            for len in HASH_LABEL_MIN..=HASH_LABEL_MAX {
                let label = hash_label(&[byte; VAULT_BYTES], len);
                assert!(is_label(&label) && label.len() == len, "{label}");
            }
        }
    }

    #[test]
    fn redaction_names_the_kind() {
        assert_eq!(Kind::new("NAME").map(|kind| redacted(&kind)), Some("[REDACTED:NAME]".to_owned()));
    }
}

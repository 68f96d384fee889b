//! Splits a message into words.
//!
//! Punctuation is not a token: it becomes the [`Gap`] before the next word. So a written sentence and its transcript
//! (lower case, no punctuation) are the same sequence of words, and what the model learns from one applies to the
//! other. Everything that features need from a word is collected in one pass over its bytes: hash, first and last
//! letters, shape.

use crate::marks::end_of_mark;

/// The characters between a word and the previous one. If there are several, the highest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Gap {
    /// Nothing, or something invisible.
    Glued,
    /// White space.
    Space,
    /// A hyphen or dash.
    Hyphen,
    /// `/`, `\`, `_`, `&`, `+` and the like.
    Slash,
    /// Quotes and brackets.
    Quote,
    /// A comma.
    Comma,
    /// A colon or semicolon.
    Colon,
    /// A full stop.
    Period,
    /// `!` or `?`.
    Mark,
    /// A line break.
    Line,
    /// `@` or `#` right before the word: a handle, a tag, the domain of an address.
    At,
    /// Any other symbol.
    Other,
    /// The start of the message.
    Start,
}

impl Gap {
    /// Whether a new sentence may begin after this gap.
    pub fn ends_sentence(self) -> bool {
        matches!(self, Self::Period | Self::Mark | Self::Line | Self::Start)
    }
}

/// The shape of a word, before the style of the whole message is taken into account.
pub mod shape {
    /// Lower case, two letters and more.
    pub const LOWER: u8 = 0;
    /// One capital, then lower case.
    pub const TITLE: u8 = 1;
    /// All capitals, two letters and more.
    pub const UPPER: u8 = 2;
    /// Capitals in the middle (`McDonald`, `iPhone`).
    pub const MIXED: u8 = 3;
    /// One small letter.
    pub const LETTER: u8 = 4;
    /// One capital letter.
    pub const CAPITAL: u8 = 5;
    /// One or two digits.
    pub const DIGITS_2: u8 = 6;
    /// Three or four digits.
    pub const DIGITS_4: u8 = 7;
    /// Five digits.
    pub const DIGITS_5: u8 = 8;
    /// More digits.
    pub const DIGITS: u8 = 9;
    /// Letters and digits (`42nd`, `3b`, `sw1a`).
    pub const ALNUM: u8 = 10;
    /// A script without Latin letters.
    pub const FOREIGN: u8 = 11;
    /// Not a word: the position before the first or after the last.
    pub const NONE: u8 = 12;
}

/// One word.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// First byte.
    pub start: u32,
    /// One past the last byte, without a possessive `'s`.
    pub end: u32,
    /// Hash of the folded word (lower case, no accents, digits as `0`) without a possessive `'s`.
    pub word: u64,
    /// The same including the possessive: `it's` is not `it`.
    pub full: u64,
    /// The first four folded bytes.
    pub head: u32,
    /// The last four folded bytes.
    pub tail: u32,
    /// The gap before it.
    pub gap: Gap,
    /// One of [`shape`]; `features::prepare` turns it into a style.
    pub shape: u8,
    /// Whether a number shortly precedes it and a street word shortly follows; set by `features::prepare`.
    pub near: u8,
    /// What the words before it announce; set by `features::prepare`.
    pub asked: u8,
    /// The lexicon entry of the word; zero until `lexicon::annotate` sets it.
    pub entry: u16,
    /// Position of this word in a place name of several words: 0 none, 1 first, 2 later.
    pub place: u8,
}

impl Token {
    /// The padding before the first and after the last word.
    pub const EDGE: Self = Self {
        start: 0,
        end: 0,
        word: 0x9e6c_63d0_676a_9a99,
        full: 0x9e6c_63d0_676a_9a99,
        head: 0,
        tail: 0,
        gap: Gap::Start,
        shape: shape::NONE,
        near: 0,
        asked: 0,
        entry: 0,
        place: 0,
    };
}

/// Only this many bytes of a longer word are hashed: a megabyte without a space is not a name.
const HASHED_BYTES: u32 = 48;

const SEED: u64 = 0xcbf2_9ce4_8422_2325;
const STEP: u64 = 0x0000_0100_0000_01b3;

/// The hash of a folded word; for tables made at compile time and by the trainer.
pub const fn hash_word(folded: &[u8]) -> u64 {
    let mut hash = SEED;
    let mut at = 0;
    while at < folded.len() && at < HASHED_BYTES as usize {
        hash = (hash ^ folded[at] as u64).wrapping_mul(STEP);
        at += 1;
    }
    finish(hash)
}

const fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

/// Folds a word as [`tokenize`] does. For word lists; apostrophes are kept.
pub fn fold(word: &str) -> Vec<u8> {
    let mut folded = Vec::new();
    for c in word.chars() {
        push_folded(c, |byte| folded.push(byte));
    }
    folded
}

/// Appends the words of `text` to `tokens`, in linear time for any input.
pub fn tokenize(text: &str, tokens: &mut Vec<Token>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut gap = Gap::Start;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte < 0x80 {
            let class = ASCII[byte as usize];
            if class == WORD {
                // Most words follow a blank.
                let may_mark = gap != Gap::Space || byte.is_ascii_digit();
                if let Some(end) = may_mark.then(|| end_of_mark(bytes, at, gap)).flatten() {
                    gap = if gap == Gap::Start { gap } else { Gap::Line };
                    at = end;
                    continue;
                }
                at = word(text, at, gap, tokens);
                gap = Gap::Glued;
                continue;
            }
            gap = widest(gap, GAPS[class as usize]);
            at += 1;
            continue;
        }
        let c = char_at(text, at);
        if is_word(c) {
            at = word(text, at, gap, tokens);
            gap = Gap::Glued;
        } else {
            gap = widest(gap, gap_of(c));
            at += c.len_utf8();
        }
    }
}

/// `@` counts only right before the word: a character after it hides it.
fn widest(before: Gap, next: Gap) -> Gap {
    match (before, next) {
        (Gap::Start, _) => Gap::Start,
        (Gap::At, next) => next,
        (_, Gap::At) => Gap::At,
        (before, next) => before.max(next),
    }
}

/// Reads the word that starts at `start`, pushes it and returns its end.
fn word(text: &str, start: usize, gap: Gap, tokens: &mut Vec<Token>) -> usize {
    let bytes = text.as_bytes();
    let mut letters = Letters::new();
    let mut at = start;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte < 0x80 {
            match ASCII[byte as usize] {
                WORD => letters.ascii(byte),
                APOSTROPHE if joins(text, at + 1) => letters.apostrophe(at),
                _ => break,
            }
            at += 1;
            continue;
        }
        let c = char_at(text, at);
        if c == '\u{2019}' && joins(text, at + 3) {
            letters.apostrophe(at);
        } else if is_word(c) || continues(c) {
            letters.other(c);
        } else {
            break;
        }
        at += c.len_utf8();
    }
    tokens.push(letters.token(start, at, gap));
    at
}

/// Whether an apostrophe before `at` is inside a word (`o'brien`, `john's`), not a quote at its end.
fn joins(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_some_and(|byte| byte.is_ascii_alphabetic())
        || text.get(at..).and_then(|rest| rest.chars().next()).is_some_and(char::is_alphabetic)
}

/// The state of the word read so far.
struct Letters {
    hash: u64,
    hashed: u32,
    /// Hash, position and tail at the last apostrophe, for the possessive.
    cut: Option<(u64, usize, u32)>,
    since_cut: u32,
    head: u32,
    tail: u32,
    count: u32,
    upper: u32,
    digits: u32,
    first_upper: bool,
    latin: bool,
}

impl Letters {
    fn new() -> Self {
        Self {
            hash: SEED,
            hashed: 0,
            cut: None,
            since_cut: 0,
            head: 0,
            tail: 0,
            count: 0,
            upper: 0,
            digits: 0,
            first_upper: false,
            latin: false,
        }
    }

    fn push(&mut self, folded: u8) {
        if self.hashed < HASHED_BYTES {
            self.hash = (self.hash ^ u64::from(folded)).wrapping_mul(STEP);
            if self.hashed < 4 {
                self.head = self.head << 8 | u32::from(folded);
            }
            self.hashed += 1;
        }
        self.tail = self.tail << 8 | u32::from(folded);
    }

    fn ascii(&mut self, byte: u8) {
        if byte.is_ascii_digit() {
            self.digits += 1;
            self.push(b'0');
        } else {
            let upper = byte.is_ascii_uppercase();
            self.first_upper |= upper && self.count == 0;
            self.upper += u32::from(upper);
            self.latin = true;
            self.push(byte | 0x20);
        }
        self.count += 1;
        self.since_cut += 1;
    }

    fn other(&mut self, c: char) {
        if continues(c) {
            return;
        }
        let upper = c.is_uppercase();
        self.first_upper |= upper && self.count == 0;
        self.upper += u32::from(upper);
        self.latin |= c < '\u{250}' || ('\u{1e00}'..'\u{1f00}').contains(&c);
        self.count += 1;
        self.since_cut += 1;
        push_folded(c, |byte| self.push(byte));
    }

    fn apostrophe(&mut self, at: usize) {
        self.cut = Some((self.hash, at, self.tail));
        self.since_cut = 0;
        self.push(b'\'');
    }

    fn token(self, start: usize, end: usize, gap: Gap) -> Token {
        let full = finish(self.hash);
        let ends_in_s = self.tail & 0xff == u32::from(b's');
        // `john's` is john; but `it's`, `d'angelo`, `don't` are words of their own.
        let (word, end, tail) = match self.cut {
            Some((hash, at, tail)) if ends_in_s && self.since_cut == 1 => (finish(hash), at, tail),
            _ => (full, end, self.tail),
        };
        let shape = self.shape();
        Token {
            start: position(start),
            end: position(end),
            word,
            full,
            head: self.head,
            tail,
            gap,
            shape,
            near: 0,
            asked: 0,
            entry: 0,
            place: 0,
        }
    }

    fn shape(&self) -> u8 {
        if self.digits == self.count {
            return match self.digits {
                0..=2 => shape::DIGITS_2,
                3..=4 => shape::DIGITS_4,
                5 => shape::DIGITS_5,
                _ => shape::DIGITS,
            };
        }
        if self.digits > 0 {
            return shape::ALNUM;
        }
        if !self.latin {
            return shape::FOREIGN;
        }
        match (self.count, self.upper) {
            (1, 0) => shape::LETTER,
            (1, _) => shape::CAPITAL,
            (_, 0) => shape::LOWER,
            (_, 1) if self.first_upper => shape::TITLE,
            (count, upper) if upper == count => shape::UPPER,
            _ => shape::MIXED,
        }
    }
}

/// The host rejects messages of gigabytes; a position that does not fit yields a span that it rejects as well.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn char_at(text: &str, at: usize) -> char {
    // `at` is always on a boundary; otherwise it reads as a symbol and ends the word.
    text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or('\u{fffd}')
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric()
}

/// Marks that belong to the letter before them: accents, Indic vowel signs, joiners.
fn continues(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200c}' | '\u{200d}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5c7}'
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{93c}' | '\u{94d}' | '\u{9bc}' | '\u{9cd}' | '\u{a4d}'
        | '\u{acd}' | '\u{b4d}' | '\u{bcd}' | '\u{c4d}' | '\u{ccd}' | '\u{d4d}' | '\u{e47}'..='\u{e4e}')
}

fn gap_of(c: char) -> Gap {
    match c {
        '\u{a0}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Gap::Space,
        '\u{2010}'..='\u{2015}' => Gap::Hyphen,
        '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => Gap::Quote,
        '\u{3001}' | '\u{ff0c}' | '\u{60c}' => Gap::Comma,
        '\u{3002}' | '\u{2026}' => Gap::Period,
        '\u{bf}' | '\u{a1}' => Gap::Mark,
        c if continues(c) => Gap::Glued,
        _ => Gap::Other,
    }
}

/// Passes the bytes by which a letter is hashed: lower case, without the accents of Latin letters.
fn push_folded(c: char, mut push: impl FnMut(u8)) {
    if c.is_ascii() {
        let byte = c as u8;
        push(if byte.is_ascii_digit() { b'0' } else { byte.to_ascii_lowercase() });
        return;
    }
    if continues(c) {
        return;
    }
    if c == '\u{2019}' {
        push(b'\'');
        return;
    }
    if let Some(base) = latin_base(c) {
        for byte in base.bytes() {
            push(byte);
        }
        return;
    }
    let mut buffer = [0; 4];
    for lower in c.to_lowercase() {
        for byte in lower.encode_utf8(&mut buffer).bytes() {
            push(byte);
        }
    }
}

/// The base letters of an accented Latin one: transcripts write `jose`, documents `José`.
fn latin_base(c: char) -> Option<&'static str> {
    Some(match c {
        'À'..='Å' | 'à'..='å' | 'Ā'..='ą' | 'Ạ'..='ặ' | 'Ǎ' | 'ǎ' => "a",
        'Æ' | 'æ' => "ae",
        'Ç' | 'ç' | 'Ć'..='č' => "c",
        'Ð' | 'ð' | 'Ď'..='đ' => "d",
        'È'..='Ë' | 'è'..='ë' | 'Ē'..='ě' | 'Ẹ'..='ệ' => "e",
        'Ĝ'..='ģ' | 'Ǧ' | 'ǧ' => "g",
        'Ĥ'..='ħ' => "h",
        'Ì'..='Ï' | 'ì'..='ï' | 'Ĩ'..='ı' | 'Ỉ'..='ị' | 'Ǐ' | 'ǐ' => "i",
        'Ĵ' | 'ĵ' => "j",
        'Ķ'..='ĸ' => "k",
        'Ĺ'..='ł' => "l",
        'Ñ' | 'ñ' | 'Ń'..='ŋ' => "n",
        'Ò'..='Ö' | 'ò'..='ö' | 'Ø' | 'ø' | 'Ō'..='ő' | 'Ơ' | 'ơ' | 'Ọ'..='ợ' | 'Ǒ' | 'ǒ' => "o",
        'Œ' | 'œ' => "oe",
        'Ŕ'..='ř' => "r",
        'ß' => "ss",
        'Ś'..='š' | 'Ș' | 'ș' => "s",
        'Þ' | 'þ' => "th",
        'Ţ'..='ŧ' | 'Ț' | 'ț' => "t",
        'Ù'..='Ü' | 'ù'..='ü' | 'Ũ'..='ų' | 'Ư' | 'ư' | 'Ụ'..='ự' | 'Ǔ' | 'ǔ' => "u",
        'Ŵ' | 'ŵ' => "w",
        'Ý' | 'ý' | 'ÿ' | 'Ŷ'..='Ÿ' | 'Ỳ'..='ỹ' => "y",
        'Ź'..='ž' => "z",
        _ => return None,
    })
}

const WORD: u8 = 0;
const APOSTROPHE: u8 = 1;
const GAPS: [Gap; 13] = [
    Gap::Glued,
    Gap::Quote,
    Gap::Space,
    Gap::Hyphen,
    Gap::Slash,
    Gap::Quote,
    Gap::Comma,
    Gap::Colon,
    Gap::Period,
    Gap::Mark,
    Gap::Line,
    Gap::At,
    Gap::Other,
];

/// Per ASCII byte: [`WORD`], or an index into [`GAPS`].
const ASCII: [u8; 128] = ascii_classes();

const fn ascii_classes() -> [u8; 128] {
    let mut classes = [12; 128];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => WORD,
            b'\'' => APOSTROPHE,
            b' ' | b'\t' => 2,
            b'-' | b'~' => 3,
            b'/' | b'\\' | b'_' | b'&' | b'+' | b'|' => 4,
            b'"' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'`' => 5,
            b',' => 6,
            b':' | b';' => 7,
            b'.' => 8,
            b'!' | b'?' => 9,
            b'\n' | b'\r' => 10,
            b'@' | b'#' => 11,
            _ => 12,
        };
        byte += 1;
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let mut tokens = Vec::new();
        tokenize(text, &mut tokens);
        tokens.iter().map(|token| &text[token.start as usize..token.end as usize]).collect()
    }

    fn only(text: &str) -> Token {
        let mut tokens = Vec::new();
        tokenize(text, &mut tokens);
        assert_eq!(tokens.len(), 1, "{text}");
        tokens[0]
    }

    #[test]
    fn punctuation_is_a_gap() {
        assert_eq!(words("Hi, Dr. O'Brien-Smith (42nd)!"), ["Hi", "Dr", "O'Brien", "Smith", "42nd"]);
        let mut tokens = Vec::new();
        tokenize("a, b - c. @d", &mut tokens);
        let gaps: Vec<_> = tokens.iter().map(|token| token.gap).collect();
        assert_eq!(gaps, [Gap::Start, Gap::Comma, Gap::Hyphen, Gap::At]);
    }

    #[test]
    fn a_possessive_is_cut_off_the_word_but_kept_in_the_full_hash() {
        assert_eq!(words("john's 'quoted' it\u{2019}s"), ["john", "quoted", "it"]);
        assert_eq!(only("john's").word, only("JOHN").word);
        assert_ne!(only("john's").full, only("john").full);
        assert_eq!(only("d'angelo").word, only("d'angelo").full);
    }

    #[test]
    fn case_accents_and_digits_fold() {
        assert_eq!(only("JOSÉ").word, only("jose").word);
        assert_eq!(only("jose\u{301}").word, only("jose").word);
        assert_eq!(only("94103").word, only("10115").word);
        assert_eq!(only("Nguyễn").word, hash_word(b"nguyen"));
        assert_eq!(hash_word(&fold("Łódź")), hash_word(b"lodz"));
    }

    #[test]
    fn shapes() {
        let shapes = ["ab", "Ab", "AB", "McD", "a", "A", "42", "1234", "12345", "123456", "4b", "李"];
        for (want, text) in shapes.iter().enumerate() {
            assert_eq!(usize::from(only(text).shape), want, "{text}");
        }
    }

    #[test]
    fn spans_are_on_character_boundaries() {
        let text = "é\u{301}\u{0}👍🏽 שָׁלוֹם नमस्ते a\u{200d}b 'ñ' ’’ ﷽ \u{fffd}";
        let mut tokens = Vec::new();
        tokenize(text, &mut tokens);
        for token in tokens {
            assert!(text.get(token.start as usize..token.end as usize).is_some_and(|word| !word.is_empty()));
        }
    }
}

//! One character as the scanner sees it: escapes decoded, look-alikes folded, case normalised.
//!
//! A model may write `MSKV1.NAME` as `mskv1&#46;name`, `MSKV1\.NAME` or `\u004dSKV1.NAME` and mean the same. Reading
//! by units keeps these variants out of the grammar: there a dot is a dot.

/// The role of a character inside a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sym {
    /// A letter, in upper case, or a digit.
    Alnum(u8),
    /// `_`
    Under,
    /// `.` and its equivalents in other scripts.
    Dot,
    /// Ignored: zero-width characters, and the backslash of an escape.
    Clear,
    /// Characters that may separate the letters of a token: space, markdown, quotes, dashes.
    Gap,
    /// `[`
    Open,
    /// `]`
    Close,
    /// The quotation mark around a JSON string, in JSON only. No token continues across it.
    Quote,
    /// Any other character.
    Other,
}

/// A character with its written form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    /// Its role.
    pub sym: Sym,
    /// The character itself.
    pub ch: char,
    /// Its length in the text, in bytes.
    pub len: usize,
}

impl Unit {
    /// Whether it is a letter in lower case.
    pub fn is_lower(self) -> bool {
        self.ch.is_ascii_lowercase()
    }

    /// Whether a token that follows would be inside a word.
    pub fn is_word(self) -> bool {
        self.ch.is_alphanumeric()
    }
}

/// The text ends before the unit is decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct More;

/// The text that units are read from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// The known part of it.
    pub text: &'a str,
    /// Whether it is JSON, where backslash and quotation mark are special.
    pub json: bool,
    /// Whether nothing follows it.
    pub done: bool,
}

impl<'a> Source<'a> {
    /// The unit at `at`; `None` at the end of a finished text.
    pub fn unit(self, at: usize) -> Result<Option<Unit>, More> {
        let rest = &self.text[at..];
        let Some(ch) = rest.chars().next() else {
            return if self.done { Ok(None) } else { Err(More) };
        };
        let written = match ch {
            '\\' => self.backslash(rest),
            '&' => entity(rest),
            '%' => percent(rest),
            '"' if self.json => Written::As(Unit { sym: Sym::Quote, ch, len: 1 }),
            _ => Written::Literally,
        };
        match written {
            Written::As(unit) => Ok(Some(unit)),
            Written::Unfinished if !self.done => Err(More),
            Written::Unfinished | Written::Literally => Ok(Some(unit(ch, ch.len_utf8()))),
        }
    }

    /// `\u0041` in every format, since models write it in text too; other escapes only in the format that defines
    /// them.
    fn backslash(self, rest: &str) -> Written {
        let Some(next) = rest[1..].chars().next() else {
            return Written::Unfinished;
        };
        match next {
            'u' => match digits(&rest[2..], 16, 4) {
                Digits::Value(code) => Written::As(unit(char::from_u32(code).unwrap_or('\u{FFFD}'), 6)),
                Digits::Unfinished => Written::Unfinished,
                Digits::None if self.json => Written::As(Unit { sym: Sym::Other, ch: '\u{FFFD}', len: 2 }),
                Digits::None => Written::Literally,
            },
            _ if !self.json => Written::Literally,
            'n' | 'r' | 't' | 'b' | 'f' => Written::As(unit(' ', 2)),
            c => Written::As(unit(c, 1 + c.len_utf8())),
        }
    }
}

enum Written {
    As(Unit),
    Literally,
    Unfinished,
}

enum Digits {
    Value(u32),
    None,
    Unfinished,
}

/// Exactly `count` digits at the beginning of a text.
fn digits(text: &str, radix: u32, count: usize) -> Digits {
    let found = text.chars().take(count).take_while(|c| c.is_digit(radix)).count();
    match () {
        () if found == count => u32::from_str_radix(&text[..count], radix).map_or(Digits::None, Digits::Value),
        () if found == text.len() => Digits::Unfinished,
        () => Digits::None,
    }
}

/// `%2E`, as tokens are written inside links.
fn percent(rest: &str) -> Written {
    match digits(&rest[1..], 16, 2) {
        Digits::Value(code @ 0x20..0x7f) => {
            char::from_u32(code).map_or(Written::Literally, |c| Written::As(unit(c, 3)))
        }
        Digits::Unfinished => Written::Unfinished,
        _ => Written::Literally,
    }
}

/// Named character references that can occur in a token. Others are read as a plain `&`.
const NAMED: [(&str, char); 31] = [
    ("period", '.'),
    ("centerdot", '.'),
    ("middot", '.'),
    ("lowbar", '_'),
    ("underbar", '_'),
    ("nbsp", ' '),
    ("ensp", ' '),
    ("emsp", ' '),
    ("thinsp", ' '),
    ("newline", '\n'),
    ("tab", '\t'),
    ("zerowidthspace", '\u{200B}'),
    ("zwj", '\u{200D}'),
    ("zwnj", '\u{200C}'),
    ("nobreak", '\u{2060}'),
    ("shy", '\u{AD}'),
    ("quot", '"'),
    ("apos", '\''),
    ("ldquo", '"'),
    ("rdquo", '"'),
    ("lsquo", '\''),
    ("rsquo", '\''),
    ("ast", '*'),
    ("grave", '`'),
    ("hyphen", '-'),
    ("bsol", '\\'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("amp", '&'),
];

/// `&#46;`, `&#x2e;`, `&period;`, also escaped twice (`&amp;#46;`).
fn entity(rest: &str) -> Written {
    let mut at = 1;
    while rest[at..].get(..4).is_some_and(|text| text.eq_ignore_ascii_case("amp;")) && at <= 9 {
        at += 4;
    }
    let body = &rest[at..];
    if let Some(number) = body.strip_prefix('#') {
        let (radix, number, lead) = match number.strip_prefix(['x', 'X']) {
            Some(hex) => (16, hex, 2),
            None => (10, number, 1),
        };
        let count = number.bytes().take(8).take_while(|b| char::from(*b).is_digit(radix)).count();
        return match number.as_bytes().get(count) {
            None if count < 8 => Written::Unfinished,
            Some(b';') if count > 0 => {
                let code = u32::from_str_radix(&number[..count], radix).ok().and_then(char::from_u32);
                Written::As(unit(code.unwrap_or('\u{FFFD}'), at + lead + count + 1))
            }
            _ => Written::Literally,
        };
    }
    let count = body.bytes().take(16).take_while(u8::is_ascii_alphabetic).count();
    let name = &body[..count];
    let known = |entry: &&(&str, char)| entry.0.eq_ignore_ascii_case(name);
    match body.as_bytes().get(count) {
        Some(b';') => {
            NAMED.iter().find(known).map_or(Written::Literally, |(name, c)| Written::As(unit(*c, at + name.len() + 1)))
        }
        None if NAMED.iter().any(|(full, _)| full.len() >= count && full[..count].eq_ignore_ascii_case(name)) => {
            Written::Unfinished
        }
        _ => Written::Literally,
    }
}

fn unit(ch: char, len: usize) -> Unit {
    // The full-width forms of ASCII have a fixed offset from it.
    let ch = match ch {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(ch) - 0xFEE0).unwrap_or(ch),
        _ => ch,
    };
    Unit { sym: sym(ch), ch, len }
}

fn sym(ch: char) -> Sym {
    match ch {
        'a'..='z' | 'A'..='Z' | '0'..='9' => {
            u8::try_from(ch).map_or(Sym::Other, |b| Sym::Alnum(b.to_ascii_uppercase()))
        }
        '_' => Sym::Under,
        '.' | '\u{B7}' | '\u{2022}' | '\u{2024}' | '\u{2219}' | '\u{22C5}' | '\u{3002}' | '\u{FE52}' | '\u{FF61}' => {
            Sym::Dot
        }
        '[' => Sym::Open,
        ']' => Sym::Close,
        '\\'
        | '\u{AD}'
        | '\u{34F}'
        | '\u{61C}'
        | '\u{180E}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' => Sym::Clear,
        '*' | '`' | '~' | '\'' | '"' | '-' | '\u{2010}'..='\u{2015}' | '\u{2018}'..='\u{201F}' | '\u{2212}' => Sym::Gap,
        _ if ch.is_whitespace() || ch.is_control() => Sym::Gap,
        _ => Sym::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, json: bool, expected: Sym) {
        let unit = Source { text, json, done: true }.unit(0).expect("done").expect("not empty");
        assert_eq!((unit.sym, unit.len), (expected, text.len()), "{text}");
        for cut in (1..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let cut = Source { text: &text[..cut], json, done: false }.unit(0);
            assert_eq!(cut.err(), Some(More), "{text}");
        }
    }

    #[test]
    fn a_dot_is_a_dot_however_it_is_written() {
        for text in ["&#46;", "&#x2e;", "&#x2E;", "&#046;", "&period;", "&PERIOD;", "&amp;#46;", "%2e", "\\u002e"] {
            check(text, false, Sym::Dot);
            check(text, true, Sym::Dot);
        }
        check(".", false, Sym::Dot);
        check("\u{FF0E}", false, Sym::Dot);
        check("\\.", true, Sym::Dot);
    }

    #[test]
    fn letters_are_upper_case_letters() {
        for text in ["m", "M", "\u{FF4D}", "\u{FF2D}", "&#109;", "\\u006D"] {
            check(text, false, Sym::Alnum(b'M'));
        }
    }

    #[test]
    fn underscores_spaces_and_nothing() {
        check("&lowbar;", false, Sym::Under);
        check("&#95;", true, Sym::Under);
        check("&nbsp;", false, Sym::Gap);
        check("\\n", true, Sym::Gap);
        check("\\\"", true, Sym::Gap);
        check("\"", true, Sym::Quote);
        check("\"", false, Sym::Gap);
        check("\u{200B}", false, Sym::Clear);
        check("\\\\", true, Sym::Clear);
        check("\\/", true, Sym::Other);
    }

    #[test]
    fn what_is_no_escape_is_read_as_it_stands() {
        for text in ["&", "&foo;", "&#;", "&# ", "&x", "%", "%zz", "% "] {
            let unit = Source { text, json: false, done: true }.unit(0).expect("done").expect("not empty");
            assert_eq!((unit.sym, unit.len), (Sym::Other, 1), "{text}");
        }
    }
}

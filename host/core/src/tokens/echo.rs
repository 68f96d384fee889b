//! Finds surrogates in a model's streamed answer and maps them to the original values.
//!
//! A surrogate matches in any case, with different separators between its words or digits, as whole words only; the
//! longest match wins. Each word of a name also matches by itself. Other variations by the model (a date in another
//! form, a number in words) are not found and stay in the text.
//!
//! Only text that may still become a surrogate is held back; the result does not depend on how the text was split.

use std::collections::HashMap;
use std::sync::Arc;

use crate::sensitive::SensitiveText;

/// Maximum number of separators between two words or digits of a surrogate, unless the surrogate itself has more.
const GAP: usize = 3;

/// Maximum number of backslashes before one escape: nested JSON documents double them.
const MAX_MARKS: usize = 128;

/// The surrogates of a request.
#[derive(Default)]
pub struct Surrogates {
    entries: Vec<SurrogateEntry>,
    /// By their letters and digits.
    by_key: HashMap<String, usize>,
    /// By their first letter or digit.
    by_first: HashMap<char, Vec<usize>>,
}

struct SurrogateEntry {
    /// Letters and digits of the surrogate, in lower case.
    key: Vec<Letter>,
    /// The original, without the characters around its letters and digits.
    original: SensitiveText,
    /// Indices of the request's replacements that use it.
    placed: Vec<u32>,
}

/// A letter or digit of a surrogate.
struct Letter {
    lower: char,
    /// Maximum number of other characters before it.
    gap: usize,
}

impl Surrogates {
    /// Adds a surrogate, or another replacement of a known one. A single letter or digit would match everywhere, so
    /// it is ignored.
    pub fn add(&mut self, surrogate: &str, original: &str, placed: u32) {
        let key = key(surrogate);
        if key.len() < 2 {
            return;
        }
        let next = self.entries.len();
        let at = *self.by_key.entry(key.iter().map(|letter| letter.lower).collect()).or_insert(next);
        if at == next {
            self.by_first.entry(key[0].lower).or_default().push(at);
            self.entries.push(SurrogateEntry { key, original: core(original).into(), placed: Vec::new() });
        }
        self.entries[at].placed.push(placed);
    }

    /// Whether there are no surrogates.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The original text for a surrogate that was found as `found`, with the indices of its replacements.
    pub fn original(&self, entry: usize, found: &str) -> Option<(SensitiveText, &[u32])> {
        let entry = self.entries.get(entry)?;
        Some((reshaped(entry.original.expose(), found).into(), &entry.placed))
    }

    /// The match at the start of a text, which must be the start of a word.
    fn judge(&self, text: &str, is_over: bool) -> EchoVerdict {
        let mut longest = EchoVerdict::Nothing;
        let first = text.chars().next().and_then(|c| self.by_first.get(&lower(c)));
        for &index in first.into_iter().flatten() {
            match self.entries[index].judge(text, is_over) {
                // A longer match is still possible.
                EchoVerdict::More => return EchoVerdict::More,
                EchoVerdict::EchoMatch { len, .. } if len > longest.len() => {
                    longest = EchoVerdict::EchoMatch { len, entry: index }
                }
                EchoVerdict::EchoMatch { .. } | EchoVerdict::Nothing => {}
            }
        }
        longest
    }
}

#[derive(Clone, Copy)]
enum EchoVerdict {
    Nothing,
    /// Undecided; needs more text.
    More,
    EchoMatch {
        len: usize,
        entry: usize,
    },
}

impl EchoVerdict {
    fn len(self) -> usize {
        if let EchoVerdict::EchoMatch { len, .. } = self { len } else { 0 }
    }
}

impl SurrogateEntry {
    fn judge(&self, text: &str, is_over: bool) -> EchoVerdict {
        let unclear = if is_over { EchoVerdict::Nothing } else { EchoVerdict::More };
        let mut rest = text;
        for (at, letter) in self.key.iter().enumerate() {
            let mut between = 0;
            loop {
                let Some(c) = rest.chars().next() else { return unclear };
                if c.is_alphanumeric() {
                    if lower(c) != letter.lower {
                        return EchoVerdict::Nothing;
                    }
                    rest = &rest[c.len_utf8()..];
                    break;
                }
                between += 1;
                let escape = if c == '\\' { backslashes(rest) } else { 0 };
                match rest[escape..].chars().next() {
                    None => return unclear,
                    // A line break or quotation mark, escaped as in JSON strings.
                    Some('n' | 'r' | 't' | '"') if escape > 0 => rest = &rest[escape..],
                    Some(_) => {}
                }
                if at == 0 || between > letter.gap {
                    return EchoVerdict::Nothing;
                }
                rest = &rest[c.len_utf8()..];
            }
        }
        match rest.chars().next() {
            Some(c) if c.is_alphanumeric() => EchoVerdict::Nothing,
            None if !is_over => EchoVerdict::More,
            _ => EchoVerdict::EchoMatch { len: text.len() - rest.len(), entry: 0 },
        }
    }
}

/// Separators are allowed between digits and between words, and as many as the surrogate itself has there: an address
/// has two lines.
fn key(surrogate: &str) -> Vec<Letter> {
    let mut key: Vec<Letter> = Vec::new();
    let (mut before, mut between) = (None, 0);
    for c in surrogate.chars() {
        if c.is_alphanumeric() {
            let is_boundary = between > 0 || before.is_none_or(|before: char| before.is_numeric() || c.is_numeric());
            key.push(Letter { lower: lower(c), gap: if is_boundary { GAP.max(between) } else { 0 } });
            (before, between) = (Some(c), 0);
        } else {
            between += 1;
        }
    }
    key
}

/// Letters whose lower case is several characters are not compared; no surrogate has any.
fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Number of leading backslashes.
fn backslashes(text: &str) -> usize {
    text.bytes().take(MAX_MARKS).take_while(|byte| *byte == b'\\').count()
}

fn core(text: &str) -> &str {
    let trimmed = text.trim_matches(|c: char| !c.is_alphanumeric());
    if trimmed.is_empty() { text } else { trimmed }
}

/// The original with the separators that the model chose, if both have the same number of digits; otherwise as it was
/// said.
fn reshaped(original: &str, found: &str) -> String {
    let count = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
    let is_number = original.chars().filter(|c| c.is_alphanumeric()).all(|c| c.is_ascii_digit());
    if !is_number || count(original) != count(found) {
        return original.to_owned();
    }
    let mut digits = original.chars().filter(|c| c.is_alphanumeric());
    found.chars().map(|c| if c.is_alphanumeric() { digits.next().unwrap_or(c) } else { c }).collect()
}

/// A piece of searched text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Echoed {
    /// Text without a surrogate.
    Text(String),
    /// A surrogate: its index, and the text as written.
    Surrogate(usize, String),
}

/// Searches one streamed text for surrogates.
pub struct Echo {
    surrogates: Arc<Surrogates>,
    held: String,
    in_word: bool,
}

impl Echo {
    /// At the beginning of a text.
    pub fn new(surrogates: Arc<Surrogates>) -> Self {
        Self { surrogates, held: String::new(), in_word: false }
    }

    /// Takes the next chunk and returns the pieces that are decided by it.
    pub fn push(&mut self, text: &str) -> Vec<Echoed> {
        self.held.push_str(text);
        self.decide(false)
    }

    /// Ends the text: decides what was held back.
    pub fn finish(&mut self) -> Vec<Echoed> {
        let decided = self.decide(true);
        self.in_word = false;
        decided
    }

    /// Whether something is held back.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    fn decide(&mut self, is_over: bool) -> Vec<Echoed> {
        let text = std::mem::take(&mut self.held);
        let (mut found, mut plain, mut at) = (Vec::new(), 0, 0);
        let release = |found: &mut Vec<Echoed>, text: &str| {
            if !text.is_empty() {
                found.push(Echoed::Text(text.to_owned()));
            }
        };
        while let Some(c) = text[at..].chars().next() {
            if c == '\\' {
                // A JSON escape, at any nesting depth, is not a letter: `
                // Jordan` begins with `J`.
                let marks = backslashes(&text[at..]);
                if marks == MAX_MARKS {
                    at += marks;
                    continue;
                }
                let Some(escaped) = text[at + marks..].chars().next() else {
                    if is_over {
                        at += marks;
                    }
                    break;
                };
                at += marks;
                if matches!(escaped, 'n' | 'r' | 't' | 'b' | 'f' | 'u') {
                    at += 1;
                    // The digits that follow do not belong to a number.
                    self.in_word = escaped == 'u';
                } else {
                    self.in_word = false;
                }
                continue;
            }
            let begins = c.is_alphanumeric() && !self.in_word;
            match if begins { self.surrogates.judge(&text[at..], is_over) } else { EchoVerdict::Nothing } {
                EchoVerdict::More => break,
                EchoVerdict::EchoMatch { len, entry } => {
                    release(&mut found, &text[plain..at]);
                    found.push(Echoed::Surrogate(entry, text[at..at + len].to_owned()));
                    at += len;
                    plain = at;
                    self.in_word = true;
                }
                EchoVerdict::Nothing => {
                    at += c.len_utf8();
                    self.in_word = c.is_alphanumeric();
                }
            }
        }
        release(&mut found, &text[plain..at]);
        self.held = text[at..].to_owned();
        found
    }
}

impl std::fmt::Debug for Echo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Echo(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn surrogates() -> Arc<Surrogates> {
        let mut surrogates = Surrogates::default();
        for (at, (surrogate, original)) in [
            ("Jordan Ellery", "Ingrid Halvorsen"),
            ("Jordan", "Ingrid"),
            ("Ellery", "Halvorsen"),
            ("(555) 555-0142", "(312) 867-5309"),
            ("riley.fenwright@example.com", "ingrid@lakeside.org"),
            ("April 2, 1961", "March 14, 1962"),
            ("K", "J"),
            ("14 Elm Road,\n   Apt 2,\n     Ardenfield", "12 Main St,\n Apt 3,\n Springfield"),
        ]
        .into_iter()
        .enumerate()
        {
            surrogates.add(surrogate, original, at as u32);
        }
        Arc::new(surrogates)
    }

    fn print(surrogates: &Surrogates, pieces: Vec<Echoed>) -> String {
        let one = |piece| match piece {
            Echoed::Text(text) => text,
            Echoed::Surrogate(entry, found) => surrogates.original(entry, &found).expect("an entry").0.expose().clone(),
        };
        pieces.into_iter().map(one).collect()
    }

    fn echoed(text: &str) -> String {
        let surrogates = surrogates();
        let mut echo = Echo::new(surrogates.clone());
        let mut pieces = echo.push(text);
        pieces.extend(echo.finish());
        print(&surrogates, pieces)
    }

    #[test]
    fn surrogates_become_what_they_stand_for() {
        for (said, heard) in [
            ("Thanks, Jordan Ellery!", "Thanks, Ingrid Halvorsen!"),
            ("JORDAN ELLERY", "Ingrid Halvorsen"),
            ("Hi jordan.", "Hi Ingrid."),
            ("Ms. Ellery's file", "Ms. Halvorsen's file"),
            ("**Jordan** *Ellery*", "**Ingrid** *Halvorsen*"),
            ("Jordans and Ellerys", "Jordans and Ellerys"),
            ("BJordan", "BJordan"),
            ("call (555) 555-0142.", "call (312) 867-5309."),
            ("call 555-555-0142.", "call 312-867-5309."),
            ("call 5555550142 now", "call 3128675309 now"),
            ("call 15555550142 now", "call 15555550142 now"),
            ("riley.fenwright@example.com", "ingrid@lakeside.org"),
            ("on april 2 1961", "on March 14, 1962"),
            ("on April 2", "on April 2"),
            ("K or k", "K or k"),
            ("to 14 Elm Road,\n   Apt 2,\n     Ardenfield.", "to 12 Main St,\n Apt 3,\n Springfield."),
            ("to 14 elm road, apt 2, Ardenfield.", "to 12 Main St,\n Apt 3,\n Springfield."),
            ("14 Elm Road and apt 2, Ardenfield", "14 Elm Road and apt 2, Ardenfield"),
            ("", ""),
        ] {
            assert_eq!(echoed(said), heard, "{said}");
        }
    }

    #[test]
    fn only_what_may_become_a_surrogate_is_held_back() {
        let mut echo = Echo::new(surrogates());
        assert_eq!(echo.push("Hello there, "), [Echoed::Text("Hello there, ".into())]);
        assert!(!echo.is_holding());
        assert_eq!(echo.push("Jor"), []);
        assert!(echo.is_holding());
        assert_eq!(echo.push("king"), [Echoed::Text("Jorking".into())]);
        assert_eq!(echo.push(" Jordan"), [Echoed::Text(" ".into())]);
        assert_eq!(echo.push(", "), []);
        assert_eq!(echo.push("x"), [Echoed::Surrogate(1, "Jordan".into()), Echoed::Text(", x".into())]);
    }

    #[test]
    fn an_escape_of_json_is_no_letter() {
        let surrogates = surrogates();
        let mut echo = Echo::new(surrogates.clone());
        let mut pieces = echo.push(r#"{"note": "for\"#);
        pieces.extend(echo.push(r#"nJordan"}"#));
        pieces.extend(echo.finish());
        assert_eq!(print(&surrogates, pieces), r#"{"note": "for\nIngrid"}"#);
        for (said, heard) in [
            (r#"{"a": "{\"b\": \"\\nJordan\"}"}"#, r#"{"a": "{\"b\": \"\\nIngrid\"}"}"#),
            (r#""Jordan\nEllery""#, r#""Ingrid Halvorsen""#),
            (r"C:\Jordan \\\\ \", r"C:\Ingrid \\\\ \"),
            (r#""\u00e9555 555 0142""#, r#""\u00e9555 555 0142""#),
        ] {
            assert_eq!(echoed(said), heard, "{said}");
        }
        let endless = format!("{}Jordan", "\\".repeat(1000));
        assert_eq!(echoed(&endless), endless.replace("Jordan", "Ingrid"));
    }

    proptest! {
        #[test]
        fn the_result_does_not_depend_on_how_the_text_was_cut(
            words in proptest::collection::vec(
                prop_oneof![
                    Just("Jordan"), Just("Ellery"), Just("jordan ellery"), Just(" "), Just(", "), Just("555"), Just("0142"), Just("-"),
                    Just("\\"), Just("n"), Just("\n     "), Just("April"), Just("2"), Just("1961"), Just("é"), Just("x")
                ],
                0..20,
            ),
            cuts in proptest::collection::vec(1usize..7, 1..20),
        ) {
            let text = words.concat();
            let surrogates = surrogates();
            let mut echo = Echo::new(surrogates.clone());
            let (mut pieces, mut rest, mut cuts) = (Vec::new(), text.as_str(), cuts.iter().cycle());
            while !rest.is_empty() {
                let mut cut = (*cuts.next().expect("endless")).min(rest.len());
                while !rest.is_char_boundary(cut) {
                    cut += 1;
                }
                pieces.extend(echo.push(&rest[..cut]));
                rest = &rest[cut..];
            }
            pieces.extend(echo.finish());
            prop_assert_eq!(print(&surrogates, pieces), echoed(&text));
        }
    }
}

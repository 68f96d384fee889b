//! Tracks the position in JSON that a model streams: how often a value inserted at this point must be escaped.
//!
//! A model nests JSON in JSON strings (arguments with a `payload` that is a document of its own), and a restored
//! value must be escaped once for every level. The cursor is fed the model's raw text in chunks and knows at each
//! point how many JSON strings enclose it. In a string, and in plain text, `{` and `[` open a document; it stays one
//! until a syntax error turns it back into plain text.
//!
//! Every character is examined once per level, memory is bounded, and chunk boundaries make no difference.

use self::level::{Inner, Kind, Level, Moved};
use crate::values;

mod level;
#[cfg(test)]
mod tests;

/// Limit of tracked nesting levels. Each further level doubles the backslashes before a quotation mark, so deeper
/// text is mostly backslashes.
pub const MAX_LEVELS: usize = 6;

/// Limit of path steps that are remembered.
const MAX_PATH: usize = 24;

/// Length limit of a fence's language, as in "```json".
const MAX_LANGUAGE: usize = 16;

/// Initial assumption about a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Root {
    /// Plain text. A `{` or `[` anywhere in it opens a document, which lasts until a syntax error.
    Text,
    /// An answer requested as JSON: a document at its beginning, also in a fence, tolerates syntax errors.
    Answer,
    /// The arguments of a tool call: always a document.
    Arguments,
}

/// A step from a document's root to a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Into an object.
    Key(String),
    /// Into a list.
    Index(usize),
}

impl Step {
    /// The same, into a schema.
    pub(super) fn as_value(&self) -> values::Step<'_> {
        match self {
            Step::Key(key) => values::Step::Key(key),
            Step::Index(index) => values::Step::Index(*index),
        }
    }
}

/// What an inserted value becomes part of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spot {
    /// Plain text, or the content of a string.
    Inside,
    /// A position where a document expects a complete value.
    Value,
}

/// State of the text outside documents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Words {
    /// Only white space so far.
    Start,
    /// Plain text, with the number of backticks at its end.
    Some { ticks: u8 },
    /// After the backticks of a fence, with the number of letters of its language.
    Fence { letters: usize },
}

/// See the module documentation.
#[derive(Debug)]
pub struct JsonCursor {
    root: Root,
    words: Words,
    /// The open documents, the outermost first. Empty outside documents.
    levels: Vec<Level>,
    /// Bytes since the last point at which no level was in the middle of an escape.
    pending: usize,
    /// Length in bytes of the quotation mark at the end of the text, when it opened a string in value position.
    opened: Option<usize>,
}

impl JsonCursor {
    /// Starts at the beginning of a text.
    pub fn new(root: Root) -> Self {
        let mut cursor = Self { root, words: Words::Start, levels: Vec::new(), pending: 0, opened: None };
        if root == Root::Arguments {
            cursor.levels.push(Level::new(Kind::Arguments));
        }
        cursor
    }

    /// Consumes the next chunk of the model's text.
    pub fn text(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            if self.levels.is_empty() && self.words == (Words::Some { ticks: 0 }) {
                // Fast path: nearly every chunk is plain text, in which no other character changes the state.
                self.opened = None;
                let Some(at) = rest.bytes().position(|byte| matches!(byte, b'`' | b'{' | b'[')) else { return };
                rest = &rest[at..];
            }
            let Some(c) = rest.chars().next() else { return };
            self.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }

    /// Consumes a replaced value: part of a string or a text, or a complete value.
    pub fn value(&mut self) {
        self.opened = None;
        self.pending = 0;
        match self.spot() {
            Spot::Value => {
                if let Some(level) = self.levels.last_mut() {
                    level.value();
                }
            }
            Spot::Inside => self.push('\u{FFFD}'),
        }
    }

    /// How often a value must be escaped when it is inserted here.
    pub fn levels(&self) -> usize {
        let strings = self.levels.iter().filter(|level| level.is_in_string()).count();
        // Outside strings, a document that was requested expects only complete values: escaped, an inserted text
        // cannot add one.
        let is_astray = match self.levels.first() {
            Some(level) => {
                strings == 0 && (self.root == Root::Arguments || self.root == Root::Answer && !level.is_done())
            }
            None => false,
        };
        strings + usize::from(is_astray)
    }

    /// Whether a value inserted here is a complete value: outside strings in a document that was requested.
    pub fn spot(&self) -> Spot {
        match self.levels.as_slice() {
            [level] if self.root != Root::Text && level.expects_value() => Spot::Value,
            _ => Spot::Inside,
        }
    }

    /// Length in bytes of the quotation mark at the end of the text, when it opened a string in value position, not a
    /// key.
    pub fn opened(&self) -> Option<usize> {
        self.opened
    }

    /// Bytes at the end of the text that are, or may be part of, such a quotation mark.
    pub fn undecided(&self) -> usize {
        self.opened.unwrap_or(self.pending)
    }

    /// Path of the current value; `None` inside a document in a string, or below the depth limit.
    pub fn path(&self) -> Option<Vec<Step>> {
        match self.levels.as_slice() {
            [level] => level.path(),
            _ => None,
        }
    }

    fn push(&mut self, c: char) {
        self.pending += c.len_utf8();
        self.opened = None;
        let opened = if self.levels.is_empty() { self.word(c) } else { self.document(c) };
        if !self.levels.iter().any(Level::is_in_escape) {
            self.opened = opened.then_some(self.pending);
            self.pending = 0;
        }
    }

    /// Consumes a character outside all documents. It never opens a string.
    fn word(&mut self, c: char) -> bool {
        self.words = match (self.words, c) {
            (words, '{' | '[') => {
                let is_asked = self.root == Root::Answer && words == Words::Start;
                self.levels.push(Level::new(if is_asked { Kind::Asked } else { Kind::Guessed }));
                return self.document(c);
            }
            (Words::Start, c) if c.is_whitespace() => Words::Start,
            (Words::Fence { .. }, '\n') => Words::Start,
            (Words::Fence { letters }, c)
                if letters < MAX_LANGUAGE && (c.is_alphanumeric() || "+-_. \r".contains(c)) =>
            {
                Words::Fence { letters: letters + 1 }
            }
            (Words::Some { ticks: 2 }, '`') => Words::Fence { letters: 0 },
            (Words::Some { ticks }, '`') => Words::Some { ticks: ticks + 1 },
            (_, '`') => Words::Some { ticks: 1 },
            _ => Words::Some { ticks: 0 },
        };
        false
    }

    /// Consumes a character of a document; returns whether it opened a string in value position.
    fn document(&mut self, c: char) -> bool {
        let (mut at, mut c) = (0, c);
        while let Some(level) = self.levels.get_mut(at) {
            match level.step(c) {
                Moved::On => return false,
                Moved::Opened => return true,
                Moved::Closed => {
                    self.levels.truncate(at + 1);
                    return false;
                }
                Moved::Inside(inner) => {
                    match level.inner(inner, at + 1 < MAX_LEVELS) {
                        Inner::Plain => return false,
                        Inner::Begins => self.levels.push(Level::new(Kind::Guessed)),
                        Inner::Document => {}
                    }
                    // The content of the string is the text of the next level.
                    (at, c) = (at + 1, inner);
                }
                Moved::Broken if at == 0 => {
                    self.levels.clear();
                    self.words = Words::Some { ticks: 0 };
                    return self.word(c);
                }
                Moved::Broken => {
                    self.levels.truncate(at);
                    let Some(outer) = self.levels.last_mut() else { return false };
                    outer.inner_is_plain();
                    // The character that ends one document may begin another.
                    match outer.inner(c, true) {
                        Inner::Begins => self.levels.push(Level::new(Kind::Guessed)),
                        Inner::Plain | Inner::Document => return false,
                    }
                }
            }
        }
        false
    }
}

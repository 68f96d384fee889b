//! Where in a JSON document a text that a model writes has got to: what a value that is put there must be escaped for.
//!
//! A model writes JSON into strings of JSON (arguments with a `payload` that is a document of its own), and a value that
//! is put back there must be escaped once for every level. The cursor is fed the model's raw text in pieces and knows at
//! each point how many strings of JSON it is inside of. In a string, and in words, `{` and `[` open a document, which is one for
//! as long as it can be; what cannot be part of it makes it plain text again.
//!
//! Every character is looked at once for each level, memory is bounded, and the cuts make no difference.

use self::level::{Inner, Kind, Level, Moved};
use crate::values;

mod level;
#[cfg(test)]
mod tests;

/// Documents inside each other that are followed. Every further one doubles the backslashes before a quotation mark, so a text
/// that goes deeper is mostly backslashes.
pub const MAX_LEVELS: usize = 6;

/// Steps of a path that are remembered.
const MAX_PATH: usize = 24;

/// The longest language of a fence, as in "```json".
const MAX_LANGUAGE: usize = 16;

/// What a text is taken for before its first character.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Root {
    /// Words. What begins with `{` or `[` anywhere in them is a document for as long as it is one.
    Text,
    /// An answer that was asked for as JSON: what it begins with as a document, also in a fence, is one with mistakes too.
    Answer,
    /// The arguments of a tool call: a document in any case.
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

/// What a value becomes a part of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spot {
    /// A text, or the inside of a string.
    Inside,
    /// A place where a document has a whole value.
    Value,
}

/// What a text is while it is no document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Words {
    /// Nothing but space so far.
    Start,
    /// Words, and how many backticks are at their end.
    Some { ticks: u8 },
    /// Behind the backticks of a fence: so many letters of its language.
    Fence { letters: usize },
}

/// See the module.
#[derive(Debug)]
pub struct JsonCursor {
    root: Root,
    words: Words,
    /// The open documents, the outermost first. None: the text is no document here.
    levels: Vec<Level>,
    /// Bytes since the last place where no level was in the middle of an escape.
    pending: usize,
    /// The bytes of the quotation mark that was the last thing, where it opened a string that is a value.
    opened: Option<usize>,
}

impl JsonCursor {
    /// At the beginning of a text.
    pub fn new(root: Root) -> Self {
        let mut cursor = Self { root, words: Words::Start, levels: Vec::new(), pending: 0, opened: None };
        if root == Root::Arguments {
            cursor.levels.push(Level::new(Kind::Arguments));
        }
        cursor
    }

    /// Takes the next piece of the model's text.
    pub fn text(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            if self.levels.is_empty() && self.words == (Words::Some { ticks: 0 }) {
                // Nearly every text is words, where nothing else changes anything.
                self.opened = None;
                let Some(at) = rest.bytes().position(|byte| matches!(byte, b'`' | b'{' | b'[')) else { return };
                rest = &rest[at..];
            }
            let Some(c) = rest.chars().next() else { return };
            self.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }

    /// Takes what is replaced: something that is part of a string or of a text, or a value by itself.
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

    /// How often a value must be escaped that is put here.
    pub fn levels(&self) -> usize {
        let strings = self.levels.iter().filter(|level| level.is_in_string()).count();
        // Outside of every string of a document that was asked for, nothing belongs but whole values: escaped, a text can
        // at least add none.
        let is_astray = match self.levels.first() {
            Some(level) => {
                strings == 0 && (self.root == Root::Arguments || self.root == Root::Answer && !level.is_done())
            }
            None => false,
        };
        strings + usize::from(is_astray)
    }

    /// Whether what is put here is a value by itself: where a document that was asked for has one outside of a string.
    pub fn spot(&self) -> Spot {
        match self.levels.as_slice() {
            [level] if self.root != Root::Text && level.expects_value() => Spot::Value,
            _ => Spot::Inside,
        }
    }

    /// The bytes of the quotation mark that was the last thing, where it opened a string that is a value and no key.
    pub fn opened(&self) -> Option<usize> {
        self.opened
    }

    /// The bytes at the end of the text that may be part of such a quotation mark, or are one.
    pub fn undecided(&self) -> usize {
        self.opened.unwrap_or(self.pending)
    }

    /// The way to the value that the text is in; nothing inside of a document in a string, or too deep.
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

    /// A character outside of every document. No string is opened by it.
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

    /// A character of a document; whether it opens a string that is a value.
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
                    // What the string says is the next level's text.
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
                    // What ends one document may begin another.
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

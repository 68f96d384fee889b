//! State of one document of the cursor, without the content of its strings.

use super::{MAX_PATH, Step};

/// Limit of the nesting depth for which the syntax is checked.
const MAX_DEPTH: usize = 512;

/// Length limit of a key that is remembered, in bytes.
const MAX_KEY: usize = 256;

/// Why a text is treated as a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// It looks like JSON, and is treated as JSON until an error.
    Guessed,
    /// It looks like JSON and JSON was requested: errors are tolerated as the model's. Plain text may follow.
    Asked,
    /// It is JSON regardless of its form.
    Arguments,
}

/// Effect of a character.
pub(super) enum Moved {
    /// No effect outside the document.
    On,
    /// Opened a string in value position.
    Opened,
    /// Closed a string.
    Closed,
    /// Produced a character of a string's content.
    Inside(char),
    /// Invalid here: the text is not a document.
    Broken,
}

/// Content of a string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Inner {
    /// Plain text.
    Plain,
    /// A document, which begins at this character.
    Begins,
    /// A document.
    Document,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Value,
    FirstValue,
    FirstKey,
    Key,
    Colon,
    After,
    Number,
    /// Remaining characters of `true`, `false` or `null`.
    Word(&'static str),
    String {
        is_key: bool,
    },
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Open {
    Object,
    List,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Escape {
    None,
    Backslash,
    Unicode { digits: u8, code: u32 },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Content {
    Plain,
    Document,
}

#[derive(Debug)]
pub(super) struct Level {
    kind: Kind,
    state: State,
    /// After an error: only strings are tracked.
    loose: bool,
    stack: Vec<Open>,
    /// For each open container, the position in it.
    path: Vec<Step>,
    escape: Escape,
    content: Content,
}

impl Level {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            state: State::Value,
            loose: false,
            stack: Vec::new(),
            path: Vec::new(),
            escape: Escape::None,
            content: Content::Plain,
        }
    }

    pub fn is_in_string(&self) -> bool {
        matches!(self.state, State::String { .. })
    }

    pub fn is_in_escape(&self) -> bool {
        self.escape != Escape::None
    }

    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether a list or an object expects a value here.
    pub fn expects_value(&self) -> bool {
        !self.loose && !self.stack.is_empty() && matches!(self.state, State::Value | State::FirstValue)
    }

    /// Path of the current or next value.
    pub fn path(&self) -> Option<Vec<Step>> {
        (!self.loose && self.stack.len() <= MAX_PATH).then(|| self.path.clone())
    }

    /// Consumes a complete value.
    pub fn value(&mut self) {
        self.state = self.after();
    }

    /// Consumes a character of a string's content.
    pub fn inner(&mut self, c: char, may_begin: bool) -> Inner {
        if let (State::String { is_key: true }, Some(Step::Key(key))) = (self.state, self.path.last_mut())
            && key.len() < MAX_KEY
        {
            key.push(c);
        }
        match (self.content, c) {
            (Content::Document, _) => Inner::Document,
            (Content::Plain, '{' | '[') if may_begin && self.state == (State::String { is_key: false }) => {
                self.content = Content::Document;
                Inner::Begins
            }
            (Content::Plain, _) => Inner::Plain,
        }
    }

    /// Marks the string's content as plain text.
    pub fn inner_is_plain(&mut self) {
        self.content = Content::Plain;
    }

    /// Consumes a character of the document's text.
    pub fn step(&mut self, c: char) -> Moved {
        match self.state {
            State::String { is_key } => self.string(c, is_key),
            _ if self.loose => {
                if c == '"' {
                    self.open(false);
                }
                Moved::On
            }
            _ => self.structure(c),
        }
    }

    fn string(&mut self, c: char, is_key: bool) -> Moved {
        match (self.escape, c) {
            (Escape::None, '"') => {
                self.state = if is_key { State::Colon } else { self.after() };
                return Moved::Closed;
            }
            (Escape::None, '\\') => self.escape = Escape::Backslash,
            (Escape::None, c) => return Moved::Inside(c),
            (Escape::Backslash, 'u') => self.escape = Escape::Unicode { digits: 0, code: 0 },
            (Escape::Backslash, c) => {
                self.escape = Escape::None;
                return match c {
                    '"' | '\\' | '/' => Moved::Inside(c),
                    'n' => Moved::Inside('\n'),
                    'r' => Moved::Inside('\r'),
                    't' => Moved::Inside('\t'),
                    'b' | 'f' => Moved::Inside(' '),
                    _ => self.misses(Moved::Inside(c)),
                };
            }
            (Escape::Unicode { digits, code }, c) => {
                let Some(digit) = c.to_digit(16) else {
                    self.escape = Escape::None;
                    return self.misses(Moved::Inside(c));
                };
                let code = code << 4 | digit;
                self.escape = Escape::Unicode { digits: digits + 1, code };
                if digits == 3 {
                    self.escape = Escape::None;
                    return Moved::Inside(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
            }
        }
        Moved::On
    }

    /// Handles a syntax error: ends a guess, and is ignored in a document of the other two kinds.
    fn misses(&mut self, otherwise: Moved) -> Moved {
        if self.kind == Kind::Guessed && !self.loose {
            return Moved::Broken;
        }
        self.loose = true;
        otherwise
    }

    fn structure(&mut self, c: char) -> Moved {
        match (self.state, c) {
            (State::Number, '0'..='9' | '-' | '+' | '.' | 'e' | 'E') => {}
            (State::Number, c) => {
                self.state = self.after();
                return self.step(c);
            }
            (State::Word(rest), c) if rest.starts_with(c) => {
                self.state = if rest.len() == 1 { self.after() } else { State::Word(&rest[1..]) };
            }
            (State::Word(_), _) => return self.astray(c),
            (_, c) if is_space(c) => {}
            (State::Value | State::FirstValue, '"') => {
                self.open(false);
                return Moved::Opened;
            }
            (State::Value | State::FirstValue, '{') => self.enter(Open::Object),
            (State::Value | State::FirstValue, '[') => self.enter(Open::List),
            (State::Value | State::FirstValue, '-' | '0'..='9') => self.state = State::Number,
            (State::Value | State::FirstValue, 't') => self.state = State::Word("rue"),
            (State::Value | State::FirstValue, 'f') => self.state = State::Word("alse"),
            (State::Value | State::FirstValue, 'n') => self.state = State::Word("ull"),
            (State::FirstKey | State::Key, '"') => self.open(true),
            (State::Colon, ':') => self.state = State::Value,
            (State::After, ',') => self.next(),
            (State::FirstValue, ']') => self.leave(),
            (State::FirstKey, '}') => self.leave(),
            (State::After, ']') if self.stack.last() == Some(&Open::List) => self.leave(),
            (State::After, '}') if self.stack.last() == Some(&Open::Object) => self.leave(),
            // Some models write several documents.
            (State::Done, '{') => self.enter(Open::Object),
            (State::Done, '[') => self.enter(Open::List),
            _ => return self.astray(c),
        }
        Moved::On
    }

    /// Handles a character that is invalid here.
    fn astray(&mut self, c: char) -> Moved {
        let breaks = match self.kind {
            Kind::Guessed => true,
            Kind::Asked => self.state == State::Done,
            Kind::Arguments => false,
        };
        if breaks {
            return Moved::Broken;
        }
        self.loose = true;
        self.step(c)
    }

    fn open(&mut self, is_key: bool) {
        if is_key && let Some(Step::Key(key)) = self.path.last_mut() {
            key.clear();
        }
        self.state = State::String { is_key };
        self.content = Content::Plain;
    }

    fn enter(&mut self, open: Open) {
        if self.stack.len() == MAX_DEPTH {
            self.loose = true;
            return;
        }
        self.stack.push(open);
        self.state = if open == Open::Object { State::FirstKey } else { State::FirstValue };
        if self.kind != Kind::Guessed && self.stack.len() <= MAX_PATH {
            self.path.push(if open == Open::Object { Step::Key(String::new()) } else { Step::Index(0) });
        }
    }

    fn leave(&mut self) {
        self.stack.pop();
        self.path.truncate(self.stack.len());
        self.state = self.after();
    }

    fn next(&mut self) {
        self.state = if self.stack.last() == Some(&Open::Object) { State::Key } else { State::Value };
        if self.path.len() == self.stack.len()
            && let Some(Step::Index(index)) = self.path.last_mut()
        {
            *index += 1;
        }
    }

    /// The state after a value.
    fn after(&self) -> State {
        if self.stack.is_empty() { State::Done } else { State::After }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

//! Reads one text of an answer as it comes: tokens first, then, in what is left, surrogates.

use std::sync::Arc;

use crate::tokens::echo::{Echo, Echoed, Surrogates};
use crate::tokens::scan::{FinishReason, Piece, ScanMode, Scanner};

/// What is decided of a text.
pub enum Read {
    /// Text, or a token.
    Piece(Piece),
    /// A surrogate of the request: which, and as the model wrote it.
    Surrogate {
        /// Its place among the request's surrogates.
        entry: usize,
        /// As it was written.
        found: String,
    },
}

impl Read {
    /// Whether it goes on as it came.
    pub fn is_text(&self) -> bool {
        matches!(self, Read::Piece(Piece::Text(_)))
    }
}

/// One for every choice and field of an answer.
pub struct Reader {
    scanner: Scanner,
    echo: Option<Echo>,
}

impl Reader {
    /// At the beginning of a text.
    pub fn new(mode: ScanMode, surrogates: Option<&Arc<Surrogates>>) -> Self {
        let echo = surrogates.map(|surrogates| Echo::new(surrogates.clone(), mode.json));
        Self { scanner: Scanner::new(mode), echo }
    }

    /// Takes the next piece, and gives what is decided by it.
    pub fn push(&mut self, text: &str) -> Vec<Read> {
        let pieces = self.scanner.push(text);
        self.echoed(pieces)
    }

    /// The text is over: decides what was held back.
    pub fn finish(&mut self, reason: FinishReason) -> Vec<Read> {
        let pieces = self.scanner.finish(reason);
        let mut pieces = self.echoed(pieces);
        if let Some(echo) = &mut self.echo {
            pieces.extend(echo.finish().into_iter().map(Read::from));
        }
        pieces
    }

    /// As [`Scanner::passes`]. A text in which surrogates are looked for never does.
    pub fn passes(&mut self, text: &str) -> bool {
        self.echo.is_none() && self.scanner.passes(text)
    }

    /// Whether something is held back.
    pub fn is_holding(&self) -> bool {
        self.scanner.is_holding() || self.echo.as_ref().is_some_and(Echo::is_holding)
    }

    fn echoed(&mut self, pieces: Vec<Piece>) -> Vec<Read> {
        let Some(echo) = &mut self.echo else { return pieces.into_iter().map(Read::Piece).collect() };
        let mut out = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.extend(echo.push(&text).into_iter().map(Read::from)),
                // No surrogate goes on over a token.
                other => {
                    out.extend(echo.finish().into_iter().map(Read::from));
                    out.push(Read::Piece(other));
                }
            }
        }
        out
    }
}

impl From<Echoed> for Read {
    fn from(echoed: Echoed) -> Self {
        match echoed {
            Echoed::Text(text) => Read::Piece(Piece::Text(text)),
            Echoed::Surrogate(entry, found) => Read::Surrogate { entry, found },
        }
    }
}

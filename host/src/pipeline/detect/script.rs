//! The input of the passes: the texts of a request in the order in which a plugin sees them.
//!
//! Under the contract (`wit/v0.1`), the findings in a message may depend on that message and on the four before it. A
//! question about a text is therefore one line of the script plus at most four lines before it. The cache key is the
//! hash of exactly these lines, and plugins see exactly these lines, so the two cannot disagree.
//!
//! The conversation comes first, as it was said, each value of a field after the field's name. Every other text
//! (tools, settings, identifiers) answers no message: it follows four blank lines, so that the same four lines precede
//! it in any position.

use std::ops::RangeInclusive;
use std::sync::{Arc, LazyLock};

use super::{Questions, Remembering};
use crate::passes::Message;
use crate::pipeline::pieces::Piece;
use crate::sensitive::SensitiveText;

/// How many earlier messages a plugin may look at.
const CONTEXT: usize = 4;

static BLANK: LazyLock<Arc<SensitiveText>> = LazyLock::new(Arc::default);

/// One message as plugins see it.
struct Line<'p> {
    role: &'static str,
    text: &'p Arc<SensitiveText>,
}

/// The lines of a request.
pub(super) struct Script<'p> {
    pieces: &'p [Piece],
    lines: Vec<Line<'p>>,
    /// The line of each piece.
    places: Vec<Option<usize>>,
}

impl<'p> Script<'p> {
    /// Builds the lines of these pieces; pieces outside the conversation are included only if they are `asked` about.
    pub fn new(pieces: &'p [Piece], asked: &[bool]) -> Self {
        let mut script = Self { pieces, lines: Vec::with_capacity(pieces.len()), places: vec![None; pieces.len()] };
        for (index, piece) in pieces.iter().enumerate().filter(|(_, piece)| piece.is_conversation()) {
            script.piece(index, piece);
        }
        for (index, piece) in pieces.iter().enumerate() {
            if asked[index] && !piece.is_conversation() {
                // Without fields: a field's name would act as context for the text after it.
                script.lines.extend(std::iter::repeat_with(|| Line { role: "system", text: &BLANK }).take(CONTEXT));
                script.piece(index, piece);
            }
        }
        script
    }

    fn piece(&mut self, index: usize, piece: &'p Piece) {
        self.lines.extend(piece.field.as_ref().map(|field| Line { role: "field", text: field }));
        self.places[index] = Some(self.lines.len());
        self.lines.push(Line { role: piece.role, text: &piece.text });
    }

    /// The lines shown for the question about a piece.
    fn question(&self, piece: usize) -> Option<RangeInclusive<usize>> {
        self.places[piece].map(|line| line.saturating_sub(CONTEXT)..=line)
    }

    /// Cache keys of the questions about all pieces: hashes of the lines shown, of whether passes are trusted there,
    /// and of the call and policy that ask.
    pub fn keys(&self, known: Remembering<'_>, generation: u64) -> Vec<Option<[u8; 16]>> {
        let hash = |line: &Line<'_>| known.memo.hash(&[line.role.as_bytes(), line.text.expose().as_bytes()]);
        let lines: Vec<[u8; 16]> = self.lines.iter().map(hash).collect();
        let key = |(index, piece): (usize, &Piece)| {
            let shown = lines[self.question(index)?].as_flattened();
            let believed = [u8::from(piece.search.is_speech())];
            Some(known.memo.hash(&[&generation.to_le_bytes(), &known.call, &believed, shown]))
        };
        self.pieces.iter().enumerate().map(key).collect()
    }

    /// The questions about these pieces. A line shared by several of them is included once.
    ///
    /// The first four lines have fewer than four lines before them in every request that shows them, because the
    /// conversation starts there.
    pub fn questions(&self, pieces: &[usize]) -> Questions {
        let mut wanted = vec![false; self.lines.len()];
        let mut searched = vec![None; self.lines.len()];
        for piece in pieces {
            let Some(question) = self.question(*piece) else { continue };
            searched[*question.end()] = Some(*piece);
            wanted[question].fill(true);
        }
        let shown = self.lines.iter().zip(searched).zip(wanted).filter(|(_, wanted)| *wanted);
        let message = |((line, piece), _): ((&Line<'_>, Option<usize>), bool)| {
            (Message { role: line.role, text: line.text.clone(), search: piece.is_some() }, piece)
        };
        let (messages, places) = shown.map(message).unzip();
        Questions { messages, places }
    }
}

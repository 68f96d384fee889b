//! What the passes are asked: the texts of a request in the order in which a plugin is shown them.
//!
//! The contract (`wit/v0.1`) lets what is found in a message depend on that message and on the four before it. So a question
//! about a text is a line of the script and at most four lines before it. The memo's key is the hash of just these lines, and the
//! plugins are shown just these lines: the two cannot disagree.
//!
//! The conversation comes first, as it was said, each value of a field behind the field's name. Every other text (tools,
//! settings, identifiers) is nobody's answer: it comes behind four blank lines, so that it has the same four before it
//! wherever it stands.

use std::ops::RangeInclusive;
use std::sync::{Arc, LazyLock};

use super::{Questions, Remembering};
use crate::passes::Message;
use crate::pipeline::pieces::Piece;
use crate::sensitive::SensitiveText;

/// How many messages before one a plugin may look at.
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
    /// For each piece its line.
    places: Vec<Option<usize>>,
}

impl<'p> Script<'p> {
    /// Of these pieces; of those outside of the conversation only the ones that are `asked` about.
    pub fn new(pieces: &'p [Piece], asked: &[bool]) -> Self {
        let mut script = Self { pieces, lines: Vec::with_capacity(pieces.len()), places: vec![None; pieces.len()] };
        for (index, piece) in pieces.iter().enumerate().filter(|(_, piece)| piece.is_conversation()) {
            script.piece(index, piece);
        }
        for (index, piece) in pieces.iter().enumerate() {
            if asked[index] && !piece.is_conversation() {
                // No fields: the name of one would speak for what follows.
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

    /// The lines that the question about a piece shows.
    fn question(&self, piece: usize) -> Option<RangeInclusive<usize>> {
        self.places[piece].map(|line| line.saturating_sub(CONTEXT)..=line)
    }

    /// The keys of the questions about all pieces: hashes of what they show, of whether the passes are believed there, and of
    /// who asks.
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

    /// The questions about these pieces. A line that several of them show comes once.
    ///
    /// Before one of the first four lines there is less than four others in every request that shows it: the conversation
    /// begins there.
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

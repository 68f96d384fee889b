//! The texts of a request, collected in the order of the walk and changed in the same order.

use std::sync::Arc;

use crate::chat::position::{Edit, Form, Place, Search, Visitor};
use crate::chat::request::{BadRequest, ChatRequest};
use crate::chat::walk::walk;
use crate::sensitive::SensitiveText;
use crate::text::CharSpan;

/// One text of a request, decoded.
pub struct Piece {
    /// How a value in it can be masked.
    pub form: Form,
    /// What is searched for in it.
    pub search: Search,
    /// Whose words.
    pub role: &'static str,
    /// The key whose value it is.
    pub field: Option<Arc<SensitiveText>>,
    /// The protocol's name of the place.
    pub name: &'static str,
    /// The message that holds it.
    pub message: Option<usize>,
    /// The text. Of a number, its digits.
    pub text: Arc<SensitiveText>,
    /// A number as it was written, where that is more than its digits.
    pub written: Option<SensitiveText>,
}

impl Piece {
    /// Whether it is part of what was said, so that what was said before is context.
    pub fn is_conversation(&self) -> bool {
        self.message.is_some() && self.search.is_speech()
    }
}

/// All texts of a request.
pub fn collect(request: &mut ChatRequest) -> Result<Vec<Piece>, BadRequest> {
    let mut collector = Collector(Vec::new());
    walk(request, &mut collector)?;
    Ok(collector.0)
}

/// Makes edits in the texts of pieces: one list per piece. `placed` hears of every replacement where it was made, in
/// characters of the field as it was sent.
pub fn replace(
    request: &mut ChatRequest,
    edits: Vec<Vec<Edit>>,
    placed: &mut dyn FnMut(u32, CharSpan),
) -> Result<(), BadRequest> {
    walk(request, &mut Replacer { edits: edits.into_iter(), placed })
}

struct Collector(Vec<Piece>);

impl Visitor for Collector {
    fn leaf(&mut self, place: &Place<'_>, text: &str) -> Vec<Edit> {
        self.0.push(Piece {
            form: place.form,
            search: place.search,
            role: place.role,
            field: place.field.map(|field| Arc::new(SensitiveText::from(field))),
            name: place.name,
            message: place.message,
            text: Arc::new(SensitiveText::from(text)),
            written: place.written.map(SensitiveText::from),
        });
        Vec::new()
    }
}

struct Replacer<'r> {
    edits: std::vec::IntoIter<Vec<Edit>>,
    placed: &'r mut dyn FnMut(u32, CharSpan),
}

impl Visitor for Replacer<'_> {
    fn leaf(&mut self, _: &Place<'_>, _: &str) -> Vec<Edit> {
        self.edits.next().unwrap_or_default()
    }

    fn applied(&mut self, edits: &[Edit], text: &str) {
        let (mut at, mut chars) = (0, 0);
        for edit in edits {
            chars += text[at..edit.span.start].chars().count();
            let start = chars;
            chars += text[edit.span.range()].chars().count();
            at = edit.span.end;
            if let Some(index) = edit.placed {
                (self.placed)(index, CharSpan { start, end: chars });
            }
        }
    }
}

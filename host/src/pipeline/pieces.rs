//! The texts of a request, collected and edited in the order of the walk.

use std::sync::Arc;

use crate::chat::position::{Edit, Form, Place, Search, Visitor};
use crate::chat::request::{BadRequest, ChatRequest};
use crate::chat::size;
use crate::chat::walk::walk;
use crate::sensitive::SensitiveText;
use crate::text::{CharCounter, CharSpan};

/// One text of a request, decoded.
pub struct Piece {
    /// How a value in it can be masked.
    pub form: Form,
    /// What is searched for in it.
    pub search: Search,
    /// The role of its author.
    pub role: &'static str,
    /// The key that it is the value of.
    pub field: Option<Arc<SensitiveText>>,
    /// The protocol's name for its position.
    pub name: &'static str,
    /// The message that contains it.
    pub message: Option<usize>,
    /// The decoded text. For a number, its digits.
    pub text: Arc<SensitiveText>,
    /// A number as written, if it is more than its digits.
    pub written: Option<SensitiveText>,
}

impl Piece {
    /// A text of a conversation that is searched unchanged.
    pub fn said(role: &'static str, text: Arc<SensitiveText>) -> Self {
        let (form, search, name) = (Form::Text, Search::Speech, "content");
        Self { form, search, role, field: None, name, message: Some(0), text, written: None }
    }

    /// Whether it belongs to the conversation, so that the messages before it are context.
    pub fn is_conversation(&self) -> bool {
        self.message.is_some() && self.search.is_speech()
    }
}

/// All texts of a request.
///
/// # Errors
/// The request has a shape in which text could be missed, or more values than allowed; they are counted before they
/// are read.
pub fn collect(request: &mut ChatRequest) -> Result<Vec<Piece>, BadRequest> {
    collect_up_to(request, size::MOST)
}

/// The same with a different limit.
pub fn collect_up_to(request: &mut ChatRequest, most: usize) -> Result<Vec<Piece>, BadRequest> {
    let mut collector = Collector { pieces: Vec::new(), room: most, full: None };
    walk(request, &mut collector)?;
    match collector.full {
        Some(path) => Err(BadRequest::shape(path, size::TOO_MANY)),
        None => Ok(collector.pieces),
    }
}

/// Edits the texts of pieces: one list per piece. `placed` is called for every replacement with its position, in
/// characters of the field as sent.
pub fn replace(
    request: &mut ChatRequest,
    edits: Vec<Vec<Edit>>,
    placed: &mut dyn FnMut(u32, CharSpan),
) -> Result<(), BadRequest> {
    walk(request, &mut Replacer { edits: edits.into_iter(), placed })
}

struct Collector {
    pieces: Vec<Piece>,
    /// Number of values that may still be read.
    room: usize,
    /// Position at which the limit was exceeded.
    full: Option<String>,
}

impl Visitor for Collector {
    fn leaf(&mut self, place: &Place<'_>, text: &str) -> Vec<Edit> {
        match self.room.checked_sub(1) {
            Some(left) => self.room = left,
            None => self.too_large(place),
        }
        if self.full.is_some() {
            return Vec::new();
        }
        self.pieces.push(Piece {
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

    fn room(&self) -> usize {
        self.room
    }

    fn too_large(&mut self, place: &Place<'_>) {
        self.full.get_or_insert_with(|| place.path());
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
        let mut counter = CharCounter::new(text);
        for edit in edits {
            if let Some(index) = edit.placed {
                (self.placed)(index, counter.span(edit.span));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::Platform;

    fn refusal(content: &str) -> Option<BadRequest> {
        let body = json!({"messages": [{"role": "user", "content": content}]}).to_string();
        let mut request = ChatRequest::parse(body.as_bytes(), Platform::Custom).expect("a request");
        collect(&mut request).err()
    }

    #[test]
    fn values_in_a_text_are_counted_before_they_are_read() {
        let list = |count: usize| format!("[{}1]", "1,".repeat(count));
        assert_eq!(refusal(&list(size::MOST / 2)), None);
        let too_many = Some(BadRequest::shape("messages[0].content", size::TOO_MANY));
        assert_eq!(refusal(&list(size::MOST)), too_many);
        assert_eq!(refusal(&json!({"deep": json!({"deeper": list(size::MOST)}).to_string()}).to_string()), too_many);
        assert_eq!(refusal(&"[so], they, said, ".repeat(size::MOST)), None, "text with commas and brackets");
    }

    #[test]
    fn many_short_lists_are_counted_together() {
        let said = json!({"a": (0..10).map(|_| format!("[{}1]", "1,".repeat(size::MOST / 8))).collect::<Vec<_>>()});
        assert_eq!(refusal(&said.to_string()), Some(BadRequest::shape("messages[0].content", size::TOO_MANY)));
    }
}

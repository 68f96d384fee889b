//! The texts of a request, collected in the order of the walk and put back in the same order.

use std::sync::Arc;

use crate::chat::request::{BadRequest, ChatRequest};
use crate::chat::walk::{Form, Place, Visitor, walk};
use crate::sensitive::SensitiveText;

/// One text of a request.
pub struct Piece {
    /// What it is.
    pub form: Form,
    /// Whose words.
    pub role: &'static str,
    /// The key whose value it is.
    pub field: Option<Arc<SensitiveText>>,
    /// The protocol's name of the place.
    pub name: &'static str,
    /// The message it stands in.
    pub message: Option<usize>,
    /// The text.
    pub text: Arc<SensitiveText>,
}

impl Piece {
    /// Whether it is part of the conversation, so that what was said before is context.
    pub fn is_conversation(&self) -> bool {
        self.message.is_some()
    }

    /// As an error names its place.
    pub fn path(&self) -> String {
        Place { form: self.form, role: self.role, field: None, name: self.name, message: self.message }.path()
    }
}

/// All texts of a request.
pub fn collect(request: &mut ChatRequest) -> Result<Vec<Piece>, BadRequest> {
    let mut collector = Collector(Vec::new());
    walk(request, &mut collector)?;
    Ok(collector.0)
}

/// Puts texts in the places of pieces: one entry per piece, `None` where the text stays.
pub fn replace(request: &mut ChatRequest, texts: Vec<Option<String>>) -> Result<(), BadRequest> {
    walk(request, &mut Replacer(texts.into_iter()))
}

struct Collector(Vec<Piece>);

impl Visitor for Collector {
    fn leaf(&mut self, place: &Place<'_>, text: &str) -> Option<String> {
        self.0.push(Piece {
            form: place.form,
            role: place.role,
            field: place.field.map(|field| Arc::new(SensitiveText::from(field))),
            name: place.name,
            message: place.message,
            text: Arc::new(SensitiveText::from(text)),
        });
        None
    }
}

struct Replacer(std::vec::IntoIter<Option<String>>);

impl Visitor for Replacer {
    fn leaf(&mut self, _: &Place<'_>, _: &str) -> Option<String> {
        self.0.next().flatten()
    }
}

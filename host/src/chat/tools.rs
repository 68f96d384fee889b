//! The tools of a request, as the answer will name them.

use serde_json::{Map, Value};

/// The tools of a request.
#[derive(Default)]
pub struct Tools {
    renamed: Vec<(String, String)>,
}

impl Tools {
    /// Reads a request before it is masked.
    pub fn read(_: &Map<String, Value>) -> Self {
        Self::default()
    }

    /// The tool `name` leaves under another name.
    pub fn rename(&mut self, name: &str, sent: &str) {
        self.renamed.push((name.to_owned(), sent.to_owned()));
    }
}

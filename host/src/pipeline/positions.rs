//! Maps positions in the model's text to positions in the restored text, for annotations that refer to it.

use serde_json::{Map, Value};

/// Maximum number of replacements tracked per text. A typical answer has a few.
const MAX_EDITS: usize = 4096;

/// Annotation fields that hold positions, in characters.
const POSITIONS: [&str; 3] = ["start_index", "end_index", "index"];

/// Length changes of a text so far, counted in characters as clients do.
#[derive(Default)]
pub struct Positions {
    /// Characters of the model's text.
    read: usize,
    edits: Vec<Edit>,
    /// Too many replacements, or positions that cannot be determined for another reason.
    is_lost: bool,
}

struct Edit {
    /// Position in the model's text.
    at: usize,
    before: usize,
    after: usize,
}

impl Positions {
    /// Records characters passed through unchanged.
    pub fn same(&mut self, characters: usize) {
        self.read += characters;
    }

    /// Records that `before` characters were replaced by `after` characters.
    pub fn replaced(&mut self, before: usize, after: usize) {
        if self.edits.len() == MAX_EDITS {
            self.is_lost = true;
        } else {
            self.edits.push(Edit { at: self.read, before, after });
        }
        self.read += before;
    }

    /// Whether the text is as the model wrote it.
    pub fn is_same(&self) -> bool {
        self.edits.is_empty() && !self.is_lost
    }

    /// The current position of a place in the model's text; `None` if it is not known yet.
    fn now(&self, position: usize, is_end: bool) -> Option<usize> {
        if self.is_lost || position > self.read {
            return None;
        }
        let (mut grown, mut shrunk) = (0, 0);
        for edit in self.edits.iter().take_while(|edit| edit.at < position) {
            if position < edit.at + edit.before {
                // Inside a replacement: the annotation covers all of it.
                let start = edit.at + grown - shrunk;
                return Some(if is_end { start + edit.after } else { start });
            }
            grown += edit.after;
            shrunk += edit.before;
        }
        Some(position + grown - shrunk)
    }

    /// Moves the positions of annotations, or removes those that cannot be determined. `has_more` means that the text
    /// may still change after what has been read.
    pub fn correct(&self, annotations: &mut Value, has_more: bool) -> bool {
        match annotations {
            Value::Array(items) => items.iter_mut().fold(false, |changed, item| self.correct(item, has_more) | changed),
            Value::Object(map) => {
                let mut changed = self.correct_object(map, has_more);
                for value in map.values_mut() {
                    changed |= self.correct(value, has_more);
                }
                changed
            }
            _ => false,
        }
    }

    fn correct_object(&self, map: &mut Map<String, Value>, has_more: bool) -> bool {
        // In an object with positions, `index` is the annotation's own number.
        let is_numbered = map.contains_key("start_index") || map.contains_key("url_citation");
        let fields = if is_numbered { &POSITIONS[..2] } else { &POSITIONS[..] };
        let mut moved = Vec::new();
        for field in fields {
            let Some(position) = map.get(*field).and_then(Value::as_u64) else { continue };
            let position = usize::try_from(position).unwrap_or(usize::MAX);
            if !has_more && self.is_same() {
                continue;
            }
            match self.now(position, *field == "end_index") {
                Some(now) if now == position => {}
                now => moved.push((*field, now)),
            }
        }
        let is_lost = moved.iter().any(|(_, now)| now.is_none());
        for (field, now) in &moved {
            if let (Some(now), false) = (now, is_lost) {
                map.insert((*field).to_owned(), (*now).into());
            }
        }
        if is_lost {
            // A range needs both ends.
            fields.iter().for_each(|field| {
                map.shift_remove(*field);
            });
        }
        !moved.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `Hi <10 characters, now 4>, see <8, now 12>!`
    fn positions() -> Positions {
        let mut positions = Positions::default();
        positions.same(3);
        positions.replaced(10, 4);
        positions.same(6);
        positions.replaced(8, 12);
        positions.same(1);
        positions
    }

    #[test]
    fn positions_move_with_the_text() {
        let positions = positions();
        for (before, start, end) in
            [(0, 0, 0), (3, 3, 3), (8, 3, 7), (13, 7, 7), (19, 13, 13), (20, 13, 25), (27, 25, 25), (28, 26, 26)]
        {
            assert_eq!(positions.now(before, false), Some(start), "{before}");
            assert_eq!(positions.now(before, true), Some(end), "{before}");
        }
        assert_eq!(positions.now(29, false), None);
    }

    #[test]
    fn annotations_keep_what_is_no_position() {
        let positions = positions();
        let mut annotations = json!([
            {"type": "url_citation", "url_citation": {"start_index": 13, "end_index": 19, "url": "https://example.com", "index": 13}},
            {"type": "file_citation", "index": 13, "file_id": "f"},
            {"start_index": 13, "end_index": 40, "title": "t"},
        ]);
        assert!(positions.correct(&mut annotations, false));
        assert_eq!(
            annotations,
            json!([
                {"type": "url_citation", "url_citation": {"start_index": 7, "end_index": 13, "url": "https://example.com", "index": 13}},
                {"type": "file_citation", "index": 7, "file_id": "f"},
                {"title": "t"},
            ])
        );
    }

    #[test]
    fn what_is_unchanged_is_left_alone_and_what_is_not_known_goes() {
        let mut positions = Positions::default();
        positions.same(5);
        let before = json!({"start_index": 2, "end_index": 900});
        let mut annotations = before.clone();
        assert!(!positions.correct(&mut annotations, false));
        assert_eq!(annotations, before);
        assert!(positions.correct(&mut annotations, true), "900 is not told yet");
        assert_eq!(annotations, json!({}));
        for _ in 0..=MAX_EDITS {
            positions.replaced(1, 2);
        }
        let mut annotations = json!({"start_index": 2, "end_index": 3});
        assert!(positions.correct(&mut annotations, false));
        assert_eq!((annotations, positions.edits.len()), (json!({}), MAX_EDITS));
    }
}

//! Errors in a policy, each with its location.

use std::fmt;

use super::document::Lines;

/// Limit of errors reported for one document.
const MAX_ERRORS: usize = 100;

/// Category of an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorCode {
    /// The policy names a key that is not in the key ring.
    UnknownKid,
    /// `passes` is empty, or one of its passes cannot run as written.
    InvalidPass,
    /// A kind is used that is not listed under `entities`.
    MissingEntity,
    /// Any other error in the document.
    PolicyYamlInvalid,
}

impl ErrorCode {
    /// The code as the API returns it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownKid => "unknown_kid",
            Self::InvalidPass => "invalid_pass",
            Self::MissingEntity => "missing_entity",
            Self::PolicyYamlInvalid => "policy_yaml_invalid",
        }
    }
}

/// An error in a policy. The message quotes keys and settings, never a text under `allow` or `deny`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct PolicyError {
    /// Category.
    pub code: ErrorCode,
    /// Path, such as `entities.PHONE.action`; empty for the whole document.
    pub path: String,
    /// Line, from 1.
    pub line: Option<u32>,
    /// The problem and the fix.
    pub message: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        self.line.map_or(Ok(()), |line| write!(f, " (line {line})"))
    }
}

/// Collects errors.
pub(super) struct Problems<'a> {
    lines: &'a Lines,
    found: Vec<PolicyError>,
}

impl<'a> Problems<'a> {
    /// An empty collection for a document with these lines.
    pub fn new(lines: &'a Lines) -> Self {
        Self { lines, found: Vec::new() }
    }

    /// Adds an error. Its line is the line of the path, or of the nearest enclosing node.
    pub fn add(&mut self, code: ErrorCode, path: impl Into<String>, message: impl Into<String>) {
        if self.found.len() < MAX_ERRORS {
            let path = path.into();
            let line = line_of(self.lines, &path);
            self.found.push(PolicyError { code, path, line, message: message.into() });
        }
    }

    /// Adds an error with the code [`ErrorCode::PolicyYamlInvalid`].
    pub fn invalid(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.add(ErrorCode::PolicyYamlInvalid, path, message);
    }

    /// All errors, in document order.
    pub fn into_errors(mut self) -> Vec<PolicyError> {
        self.found.sort_by_key(|error| error.line);
        self.found
    }
}

fn line_of(lines: &Lines, mut path: &str) -> Option<u32> {
    loop {
        if let Some(line) = lines.get(path) {
            return Some(*line);
        }
        path = &path[..path.rfind(['.', '['])?];
    }
}

/// The known word closest to a misspelt one.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    known
        .into_iter()
        .map(|known| (distance(&word, &plain(known)), known))
        .filter(|(distance, known)| *distance <= known.len().max(word.len()) / 3)
        .min()
        .map(|(_, known)| known)
}

/// Edit distance; a word that is part of the other counts as close (`threshold` in `confidence_threshold`).
fn distance(word: &str, known: &str) -> usize {
    let part = |long: &str, short: &str| short.len() >= 4 && long.contains(short);
    if part(known, word) || part(word, known) {
        return usize::from(word != known);
    }
    strsim::damerau_levenshtein(word, known)
}

/// `; did you mean x?`, or the list of known words.
pub(super) fn hint<'k>(word: &str, known: impl IntoIterator<Item = &'k str> + Clone, what: &str) -> String {
    if let Some(near) = nearest(word, known.clone()) {
        return format!("; did you mean {near}?");
    }
    let known: Vec<_> = known.into_iter().collect();
    if known.is_empty() {
        return format!("; there are no {what}");
    }
    format!("; expected one of {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_named() {
        let known = ["enabled", "regex", "confidence_threshold", "action"];
        for (word, near) in [
            ("confidence_treshold", Some("confidence_threshold")),
            ("threshold", Some("confidence_threshold")),
            ("enable", Some("enabled")),
            ("Action", Some("action")),
            ("colour", None),
        ] {
            assert_eq!(nearest(word, known), near, "{word}");
        }
    }
}

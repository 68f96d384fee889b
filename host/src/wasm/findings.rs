//! Checks a plugin's findings before anything uses them: a plugin's answer is input.

use std::sync::Arc;

use super::limits;
use super::registry::OffsetUnit;
use crate::kind::Kind;
use crate::passes::finding::Finding;
use crate::passes::{FaultKind, Message, PassFault};
use crate::text::ByteSpan;

/// A finding as a plugin sent it.
pub struct RawFinding {
    /// Index of the message.
    pub message: u32,
    /// First position, in the plugin's offset unit.
    pub start: u32,
    /// One past the last position.
    pub end: u32,
    /// The kind's name.
    pub kind: String,
    /// Not yet known to be a number from 0 to 1.
    pub confidence: f32,
    /// A wish.
    pub action: Option<String>,
    /// A generalisation.
    pub replacement: Option<String>,
}

/// Checks all findings of one call. One bad finding fails the whole pass: what else it says cannot be relied on.
pub fn check(
    raw: Vec<RawFinding>,
    messages: &[Message],
    kinds: &[Kind],
    unit: OffsetUnit,
) -> Result<Vec<Finding>, PassFault> {
    if raw.len() > limits::FINDINGS {
        return Err(fault(FaultKind::Output, format!("{} findings; {} are allowed", raw.len(), limits::FINDINGS)));
    }
    raw.into_iter()
        .enumerate()
        .map(|(index, finding)| {
            check_one(finding, messages, kinds, unit)
                .map_err(|what| fault(FaultKind::Finding, format!("finding {index}: {what}")))
        })
        .collect()
}

fn check_one(raw: RawFinding, messages: &[Message], kinds: &[Kind], unit: OffsetUnit) -> Result<Finding, String> {
    let message =
        messages.get(raw.message as usize).ok_or_else(|| format!("message {} of {}", raw.message, messages.len()))?;
    if !message.search {
        return Err(format!("message {} is context only", raw.message));
    }
    if !(0.0..=1.0).contains(&raw.confidence) {
        return Err(format!("confidence {} is not within 0 and 1", raw.confidence));
    }
    if raw.start >= raw.end {
        return Err(format!("start {} is not before end {}", raw.start, raw.end));
    }
    // A kind's name is the plugin's, not the caller's, but a plugin could put anything there: it is not repeated.
    let kind = kinds
        .iter()
        .find(|kind| kind.as_str() == raw.kind)
        .ok_or_else(|| String::from("a kind that the manifest does not name"))?;
    if raw.action.as_deref().is_some_and(|action| !["tokenize", "redact", "passthrough"].contains(&action)) {
        return Err("an action that is none of tokenize, redact, passthrough".into());
    }
    let replacement = match raw.replacement {
        Some(text) if text.len() > limits::REPLACEMENT => {
            return Err(format!("a replacement of {} bytes; {} are allowed", text.len(), limits::REPLACEMENT));
        }
        other => other.map(Arc::from),
    };
    let text = message.text.expose();
    let span = unit.to_bytes(text, raw.start as usize, raw.end as usize).ok_or_else(|| {
        let unit = match unit {
            OffsetUnit::Utf8 => "bytes of UTF-8",
            OffsetUnit::Utf16 => "code units of UTF-16",
            OffsetUnit::CodePoint => "code points",
        };
        let said = "outside the message or inside a character";
        format!("{}..{} is {said}, counted in {unit} as the manifest's offset-unit says", raw.start, raw.end)
    })?;
    Ok(Finding {
        message: raw.message as usize,
        span,
        kind: kind.clone(),
        confidence: raw.confidence,
        pass: Arc::from(""),
        replacement,
    })
}

impl OffsetUnit {
    /// A span in bytes; `None` when it is out of range or not on character boundaries.
    pub fn to_bytes(self, text: &str, start: usize, end: usize) -> Option<ByteSpan> {
        match self {
            OffsetUnit::Utf8 => text.get(start..end).map(|_| ByteSpan::new(start, end)),
            OffsetUnit::Utf16 => locate(text, start, end, char::len_utf16),
            OffsetUnit::CodePoint => locate(text, start, end, |_| 1),
        }
    }

    /// A span in this unit, for the findings that a later pass is shown.
    pub fn from_bytes(self, text: &str, span: ByteSpan) -> (usize, usize) {
        let count = |to: usize| match self {
            OffsetUnit::Utf8 => to,
            OffsetUnit::Utf16 => text[..to].chars().map(char::len_utf16).sum(),
            OffsetUnit::CodePoint => text[..to].chars().count(),
        };
        (count(span.start), count(span.end))
    }
}

fn locate(text: &str, start: usize, end: usize, width: impl Fn(char) -> usize) -> Option<ByteSpan> {
    let mut at = 0;
    let mut from = None;
    for (byte, character) in text.char_indices().map(|(b, c)| (b, Some(c))).chain([(text.len(), None)]) {
        if at == start {
            from = Some(byte);
        }
        if at == end {
            return from.map(|from| ByteSpan::new(from, byte));
        }
        at += character.map_or(0, &width);
    }
    None
}

fn fault(kind: FaultKind, detail: String) -> PassFault {
    PassFault { kind, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensitive::SensitiveText;

    const TEXT: &str = "a😀é b";

    fn check_span(unit: OffsetUnit, start: usize, end: usize, expected: Option<&str>) {
        let span = unit.to_bytes(TEXT, start, end);
        assert_eq!(span.map(|span| &TEXT[span.range()]), expected, "{unit:?} {start}..{end}");
        if let Some(span) = span {
            assert_eq!(unit.from_bytes(TEXT, span), (start, end));
        }
    }

    #[test]
    fn offsets_of_every_unit() {
        check_span(OffsetUnit::Utf8, 1, 5, Some("😀"));
        check_span(OffsetUnit::Utf8, 2, 5, None);
        check_span(OffsetUnit::Utf8, 0, 99, None);
        check_span(OffsetUnit::Utf16, 1, 3, Some("😀"));
        check_span(OffsetUnit::Utf16, 2, 3, None);
        check_span(OffsetUnit::Utf16, 3, 6, Some("é b"));
        check_span(OffsetUnit::CodePoint, 1, 2, Some("😀"));
        check_span(OffsetUnit::CodePoint, 2, 5, Some("é b"));
        check_span(OffsetUnit::CodePoint, 2, 6, None);
    }

    fn refused(change: impl Fn(&mut RawFinding)) -> String {
        let message = |search| Message { role: "user", text: Arc::new(SensitiveText::from("Jane Doe")), search };
        let mut raw = RawFinding {
            message: 1,
            start: 0,
            end: 4,
            kind: "NAME".into(),
            confidence: 0.9,
            action: None,
            replacement: None,
        };
        change(&mut raw);
        let kinds = [Kind::new("NAME").expect("a kind")];
        match check(vec![raw], &[message(false), message(true)], &kinds, OffsetUnit::Utf8) {
            Ok(_) => String::new(),
            Err(fault) => fault.detail,
        }
    }

    #[test]
    fn a_bad_finding_is_refused_and_nothing_of_the_text_is_told() {
        assert_eq!(refused(|_| ()), "");
        assert!(refused(|f| f.message = 9999).contains("message 9999 of 2"));
        assert!(refused(|f| f.message = 0).contains("context only"));
        assert!(refused(|f| f.confidence = f32::NAN).contains("confidence"));
        assert!(refused(|f| f.confidence = 1.5).contains("confidence"));
        assert!(refused(|f| f.start = 4).contains("not before"));
        assert!(refused(|f| f.end = 99).contains("outside"));
        assert!(refused(|f| f.kind = "Jane".into()).contains("manifest"));
        assert!(refused(|f| f.action = Some("shout".into())).contains("action"));
        assert!(refused(|f| f.replacement = Some("x".repeat(300))).contains("300"));
        for message in [refused(|f| f.end = 99), refused(|f| f.kind = "Jane".into())] {
            assert!(!message.contains("Jane"), "{message}");
        }
    }
}

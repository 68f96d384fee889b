//! Validates a plugin's findings before anything uses them: plugin output is untrusted input.

use std::sync::Arc;

use super::limits;
use super::offsets::{MessagePlace, OffsetUnit};
use crate::kind::Kind;
use crate::passes::fault::FaultDetail;
use crate::passes::finding::Finding;
use crate::passes::{FaultKind, Message, PassFault};
use crate::text::ByteSpan;

/// A finding as the plugin returned it.
pub struct RawFinding {
    /// Index of the message.
    pub message: u32,
    /// First position, in the plugin's offset unit.
    pub start: u32,
    /// One past the last position.
    pub end: u32,
    /// The kind's name.
    pub kind: String,
    /// Not yet checked to be from 0 to 1.
    pub confidence: f32,
    /// Requested action.
    pub action: Option<String>,
    /// Suggested replacement.
    pub replacement: Option<String>,
}

/// Validates all findings of one call. One invalid finding fails the whole pass: the rest of its output is not
/// reliable either. `in_time` is polled between steps, each of which is linear.
pub fn check(
    raw: Vec<RawFinding>,
    messages: &[Message],
    kinds: &[Kind],
    unit: OffsetUnit,
    in_time: impl Fn() -> Result<(), PassFault>,
) -> Result<Vec<Finding>, PassFault> {
    if raw.len() > limits::FINDINGS {
        return Err(PassFault { kind: FaultKind::Output, detail: FaultDetail::Words("more than 10,000 findings") });
    }
    in_time()?;
    let places = raw.iter().enumerate().map(|(index, finding)| check_place(finding, messages).map_err(refused(index)));
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let spans = unit.to_bytes(&places, |message| messages[message].text.expose());
    in_time()?;
    raw.into_iter()
        .zip(spans)
        .enumerate()
        .map(|(index, (finding, place))| check_rest(finding, place, kinds, unit).map_err(refused(index)))
        .collect()
}

/// The fault of a finding. A constant of this file: the guest controls everything else.
type Wrong = &'static str;

fn refused(index: usize) -> impl Fn(Wrong) -> PassFault {
    move |wrong| PassFault { kind: FaultKind::Finding, detail: FaultDetail::Finding(index, wrong) }
}

/// Checks the position of a finding.
fn check_place(raw: &RawFinding, messages: &[Message]) -> Result<MessagePlace, Wrong> {
    let (text, start, end) = (raw.message as usize, raw.start as usize, raw.end as usize);
    let message = messages.get(text).ok_or("its message does not exist")?;
    if !message.search {
        return Err("its message is context only");
    }
    if start >= end {
        return Err("its start is not before its end");
    }
    Ok(MessagePlace { text, start, end })
}

fn check_rest(
    raw: RawFinding,
    place: Option<MessagePlace>,
    kinds: &[Kind],
    unit: OffsetUnit,
) -> Result<Finding, Wrong> {
    let place = place.ok_or(match unit {
        OffsetUnit::Utf8 => "it is outside the message or splits a character, counted in UTF-8 bytes",
        OffsetUnit::Utf16 => "it is outside the message or splits a character, counted in UTF-16 code units",
        OffsetUnit::CodePoint => "it is outside the message, counted in code points",
    })?;
    if !(0.0..=1.0).contains(&raw.confidence) {
        return Err("its confidence is not within 0 and 1");
    }
    let kind = kinds.iter().find(|kind| kind.as_str() == raw.kind).ok_or("its kind is not in the manifest")?;
    if raw.action.as_deref().is_some_and(|action| !["tokenize", "redact", "passthrough"].contains(&action)) {
        return Err("its action is unknown, expected one of tokenize, redact, passthrough");
    }
    if raw.replacement.as_ref().is_some_and(|text| text.len() > limits::REPLACEMENT) {
        return Err("its replacement has more than 256 bytes");
    }
    Ok(Finding {
        message: place.text,
        span: ByteSpan::new(place.start, place.end),
        kind: kind.clone(),
        confidence: raw.confidence,
        pass: Arc::from(""),
        replacement: raw.replacement.map(Arc::from),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensitive::SensitiveText;

    fn message(text: &str, search: bool) -> Message {
        Message { role: "user", text: Arc::new(SensitiveText::from(text)), search }
    }

    fn sound() -> RawFinding {
        RawFinding {
            message: 1,
            start: 0,
            end: 4,
            kind: "NAME".into(),
            confidence: 0.9,
            action: None,
            replacement: None,
        }
    }

    fn kinds() -> [Kind; 1] {
        [Kind::new("NAME").expect("a kind")]
    }

    /// The error for the second of two findings; the first one is valid.
    fn refused(change: impl Fn(&mut RawFinding)) -> String {
        let mut raw = sound();
        change(&mut raw);
        let messages = [message("Jane Doe", false), message("Jane Doe", true)];
        let checked = check(vec![sound(), raw], &messages, &kinds(), OffsetUnit::Utf8, || Ok(()));
        checked.err().map(|fault| fault.detail.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_bad_finding_is_refused_with_its_index_and_nothing_that_the_guest_chose() {
        assert_eq!(refused(|_| ()), "");
        let planted = 3_125_550_147_u32;
        let text = "Jane 3125550147".to_owned();
        let long = text.repeat(30);
        type Change<'c> = &'c dyn Fn(&mut RawFinding);
        let cases: [(Change<'_>, &str); 10] = [
            (&|f| f.message = planted, "message does not exist"),
            (&|f| f.message = 0, "context only"),
            (&|f| f.confidence = f32::NAN, "confidence"),
            (&|f| f.confidence = planted as f32, "confidence"),
            (&|f| f.start = planted, "not before"),
            (&|f| f.end = planted, "outside"),
            (&|f| f.end = 99, "outside"),
            (&|f| f.kind = text.clone(), "manifest"),
            (&|f| f.action = Some(text.clone()), "action"),
            (&|f| f.replacement = Some(long.clone()), "replacement"),
        ];
        for (change, words) in cases {
            let told = refused(change);
            assert!(told.starts_with("finding 1: ") && told.contains(words), "{told}");
            assert!(!told.contains("Jane") && !told.contains("31255"), "{told}");
        }
    }

    #[test]
    fn what_is_checked_too_late_is_not_used() {
        let late = || Err(PassFault { kind: FaultKind::Timeout, detail: FaultDetail::Words("late") });
        let checked =
            check(vec![sound()], &[message("", false), message("Jane", true)], &kinds(), OffsetUnit::Utf16, late);
        assert_eq!(checked.err().map(|fault| fault.kind), Some(FaultKind::Timeout));
    }
}

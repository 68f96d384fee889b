//! The RFC 8785 form of an event, written directly in key order, because this runs several times in every request.
//!
//! All keys are ASCII, so byte order is the order that the RFC requires. Numbers are integers, or a confidence in
//! thousandths, which ECMAScript never prints with an exponent.

use std::collections::BTreeMap;

use super::event::{Completed, Detail, Event, NamedToken, StageDurations};
use crate::clock::Timestamp;
use crate::kind::Kind;
use crate::text::CharSpan;

/// Writes the keys before `this_hash`, without the closing brace.
pub(super) fn write_head(out: &mut Vec<u8>, event: &Event, prev_hash: &[u8; 64]) {
    let mut object = Object::open(out);
    if let Some(account) = &event.account_id {
        object.plain("account_id", account.text().as_bytes());
    }
    object.text_if("action", event.action.map(action_word));
    if let Some(agent) = &event.agent_id {
        object.plain("agent_id", agent.text().as_bytes());
    }
    let started = event.started.as_deref();
    object.text_if("assistant_id", started.and_then(|started| started.assistant_id.as_ref()).map(|id| id.as_str()));
    object.text_if("call_id", event.call_id.as_deref());
    if let Some(caller) = started.and_then(|started| started.caller.as_ref()) {
        object.plain("caller", caller.as_str().as_bytes());
    }
    if let Some(carried) = event.completed.as_ref().map(|completed| completed.carried).filter(|carried| *carried > 0) {
        object.number("carried", u64::from(carried));
    }
    if let Some(opened) = event.opened.as_ref().filter(|opened| !opened.carried_by_kind.is_empty()) {
        by_kind(object.key("carried_by_kind"), &opened.carried_by_kind);
    }
    if let Some(confidence) = event.confidence {
        thousandths(object.key("confidence"), confidence);
    }
    match &event.detail {
        Some(Detail::Word(word)) => object.text("detail", word.as_str()),
        Some(Detail::Count(count)) => object.number("detail", *count),
        None => {}
    }
    object.text_if("entity_kind", event.entity_kind.as_ref().map(|kind| kind.as_str()));
    object.plain("event_id", event.event_id.text().as_bytes());
    object.text_if("field", event.field.as_ref().map(|word| word.as_str()));
    object.text_if("kid", event.kid.as_ref().map(|kid| kid.as_str()));
    object.plain("kind", event.kind.as_str().as_bytes());
    object.number_if("message", event.message);
    object.text_if(
        "model",
        event.opened.as_ref().map(|opened| &*opened.model).or(started.map(|started| &*started.model)),
    );
    object.text_if("pass", event.pass.as_deref());
    object.text_if(
        "policy_name",
        event.opened.as_ref().map(|opened| &*opened.policy_name).or(event.policy_name.as_deref()),
    );
    object.number_if("policy_version", event.policy_version);
    object.plain("prev_hash", prev_hash);
    if let Some(completed) = &event.completed {
        by_kind(object.key("redactions_by_kind"), &completed.redactions_by_kind);
        rehydrated(object.key("rehydrated"), completed);
    }
    if let Some(request) = &event.request {
        object.plain("request", request.text().as_bytes());
    }
    if let Some(session) = &event.session_id {
        object.plain("session_id", session.text().as_bytes());
    }
    if let Some(CharSpan { start, end }) = event.span {
        let out = object.key("span");
        out.push(b'[');
        number(out, start as u64);
        out.push(b',');
        number(out, end as u64);
        out.push(b']');
    }
    if let Some(completed) = &event.completed {
        stages(object.key("stages_us"), &completed.stages);
        object.plain("status", completed.status.as_str().as_bytes());
    }
}

/// Writes the keys after `this_hash`, comma first, closing brace last.
pub(super) fn write_tail(out: &mut Vec<u8>, event: &Event) {
    if let Some(token) = &event.token {
        out.extend_from_slice(b",\"token\":");
        named_token(out, token);
    }
    if let Some(token_kind) = event.token_kind {
        out.extend_from_slice(b",\"token_kind\":\"");
        out.extend_from_slice(token_kind.as_str().as_bytes());
        out.push(b'"');
    }
    out.extend_from_slice(b",\"ts\":\"");
    timestamp(out, event.ts);
    out.extend_from_slice(b"\"}");
}

fn action_word(action: crate::action::Action) -> &'static str {
    use crate::action::Action;
    match action {
        Action::Tokenize => "tokenize",
        Action::Redact => "redact",
        Action::Passthrough => "passthrough",
    }
}

fn by_kind(out: &mut Vec<u8>, counts: &BTreeMap<Kind, u32>) {
    let mut object = Object::open(out);
    for (kind, count) in counts {
        object.number(kind.as_str(), u64::from(*count));
    }
    object.close();
}

fn named_token(out: &mut Vec<u8>, token: &NamedToken) {
    let mut object = Object::open(out);
    object.plain("id", token.id.text().as_bytes());
    if let Some(maker) = token.maker {
        object.plain("maker", maker.text().as_bytes());
    }
    object.text("name", &token.name);
    let out = object.key("scopes");
    out.push(b'[');
    for (i, scope) in token.scopes.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        text(out, scope.as_str());
    }
    out.push(b']');
    object.close();
}

fn rehydrated(out: &mut Vec<u8>, completed: &Completed) {
    out.push(b'[');
    for (i, index) in completed.rehydrated.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        number(out, u64::from(*index));
    }
    out.push(b']');
}

fn stages(out: &mut Vec<u8>, stages: &StageDurations) {
    let mut object = Object::open(out);
    object.number("detection", micros(stages.detection));
    object.number("rehydrate", micros(stages.rehydrate));
    object.number("tokenize", micros(stages.tokenize));
    object.number("upstream", micros(stages.upstream));
    object.close();
}

fn micros(millis: f64) -> u64 {
    // At most 2^53, the largest integer of canonical JSON. NaN and negatives become 0.
    ((millis * 1000.0).round() as u64).min(1 << 53)
}

/// Writes an object whose keys the caller gives in order.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    fn close(self) {
        self.out.push(b'}');
    }

    /// Writes a key; the caller appends the value to the returned buffer.
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A value that needs no escapes.
    fn plain(&mut self, key: &str, value: &[u8]) {
        let out = self.key(key);
        out.push(b'"');
        out.extend_from_slice(value);
        out.push(b'"');
    }

    fn text(&mut self, key: &str, value: &str) {
        text(self.key(key), value);
    }

    fn text_if(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn number(&mut self, key: &str, value: u64) {
        number(self.key(key), value);
    }

    fn number_if(&mut self, key: &str, value: Option<u32>) {
        if let Some(value) = value {
            self.number(key, u64::from(value));
        }
    }
}

/// A JSON string with the escapes of RFC 8785 section 3.2.2.2 and no others.
fn text(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.extend_from_slice(text.as_bytes());
    } else {
        for byte in text.bytes() {
            match byte {
                b'"' => out.extend_from_slice(b"\\\""),
                b'\\' => out.extend_from_slice(b"\\\\"),
                0x08 => out.extend_from_slice(b"\\b"),
                0x09 => out.extend_from_slice(b"\\t"),
                0x0a => out.extend_from_slice(b"\\n"),
                0x0c => out.extend_from_slice(b"\\f"),
                0x0d => out.extend_from_slice(b"\\r"),
                0..0x20 => {
                    out.extend_from_slice(b"\\u00");
                    out.push(HEX[usize::from(byte >> 4)]);
                    out.push(HEX[usize::from(byte & 15)]);
                }
                _ => out.push(byte),
            }
        }
    }
    out.push(b'"');
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn thousandths(out: &mut Vec<u8>, confidence: f32) {
    // NaN casts to 0.
    let value = (confidence * 1000.0).round().clamp(0.0, 1000.0) as u16;
    match value {
        0 => out.push(b'0'),
        1000 => out.push(b'1'),
        _ => {
            let digits = [b'0' + (value / 100) as u8, b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8];
            let kept = digits.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
            out.extend_from_slice(b"0.");
            out.extend_from_slice(&digits[..kept]);
        }
    }
}

/// Same output as `Timestamp`'s `Display`, which costs as much as the rest of the line together.
fn timestamp(out: &mut Vec<u8>, ts: Timestamp) {
    const DAY: i64 = 86_400_000;
    let (days, millis) = (ts.millis().div_euclid(DAY), ts.millis().rem_euclid(DAY));
    // Days to a date after Howard Hinnant, "chrono-compatible low-level date algorithms": eras of 400 years, years
    // that begin in March. Four-digit years only: other years are not supported.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = (year_of_era + era * 400 + i64::from(month <= 2)).clamp(0, 9999);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |at: usize, width: usize, mut value: i64| {
        for i in (at..at + width).rev() {
            text[i] = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    put(0, 4, year);
    put(5, 2, month);
    put(8, 2, day);
    put(11, 2, millis / 3_600_000);
    put(14, 2, millis / 60_000 % 60);
    put(17, 2, millis / 1000 % 60);
    put(20, 3, millis % 1000);
    out.extend_from_slice(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_confidence_has_at_most_three_decimals_and_no_trailing_zero() {
        for (confidence, expected) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.5, "0.5"),
            (0.951_4, "0.951"),
            (0.05, "0.05"),
            (0.001, "0.001"),
            (0.000_1, "0"),
            (0.999_9, "1"),
            (7.0, "1"),
            (-1.0, "0"),
            (f32::NAN, "0"),
        ] {
            assert_eq!(written(|out| thousandths(out, confidence)), expected);
        }
    }

    #[test]
    fn a_timestamp_is_written_as_the_api_prints_it() {
        let moments = [0, 951_782_400_000, 1_777_842_872_481, 1_709_164_799_999, 4_102_444_800_000, -1];
        for moment in moments.into_iter().chain((0..4000).map(|i| i * 86_400_000 * 7 + i * 1_000_003)) {
            let moment = Timestamp::from_millis(moment);
            assert_eq!(written(|out| timestamp(out, moment)), moment.to_string());
        }
    }
}

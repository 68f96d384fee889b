//! Run a pass natively, on cases written as marked text.
//!
//! A case is a line such as `call me at [PHONE:415 555 0100] please`: the marks say what must be found. A literal
//! `[` that starts no mark needs no escape.

use crate::{Finding, Message, Pass};

/// Configures a pass from JSON, as the host would.
pub fn configure<P: Pass>(config: &str) -> Result<P, crate::Error> {
    let settings =
        serde_json::from_str(config).map_err(|error| crate::Error::invalid_config(error.to_string(), None))?;
    P::configure(settings)
}

/// What a pass finds in one user message, with `context` before it (role and text), as text with marks.
pub fn marked<P: Pass>(pass: &P, context: &[(&str, &str)], text: &str) -> Result<String, crate::Error> {
    let mut messages: Vec<Message> = context
        .iter()
        .map(|(role, text)| Message { role: (*role).into(), text: (*text).into(), search: false })
        .collect();
    let searched = messages.len();
    messages.push(Message { role: "user".into(), text: text.into(), search: true });
    let mut found = pass.detect(&messages, &[])?;
    found.retain(|finding| finding.message == searched);
    Ok(mark(text, &found))
}

/// Puts marks around findings. Where two overlap, the longer one is shown.
pub fn mark(text: &str, findings: &[Finding]) -> String {
    let mut spans: Vec<&Finding> = findings.iter().collect();
    spans.sort_by_key(|f| (f.span.start, std::cmp::Reverse(f.span.end)));
    let mut out = String::new();
    let mut at = 0;
    for finding in spans {
        if finding.span.start < at {
            continue;
        }
        out.push_str(&text[at..finding.span.start]);
        out.push_str(&format!("[{}:{}]", finding.kind, &text[finding.span.clone()]));
        at = finding.span.end;
    }
    out.push_str(&text[at..]);
    out
}

/// The plain text of a marked case.
pub fn unmark(case: &str) -> String {
    let mut out = String::new();
    let mut rest = case;
    while let Some(open) = rest.find('[') {
        out.push_str(&rest[..open]);
        let inner = &rest[open + 1..];
        let kind_len = inner.bytes().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_').count();
        let is_mark = kind_len > 0 && inner.as_bytes().get(kind_len) == Some(&b':');
        match inner.find(']') {
            Some(close) if is_mark => {
                out.push_str(&inner[kind_len + 1..close]);
                rest = &inner[close + 1..];
            }
            _ => {
                out.push('[');
                rest = inner;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_unmarks() {
        let text = "call 555-0100 [now]";
        let marked = mark(text, &[Finding::new(0, 5..13, "PHONE", 1.0)]);
        assert_eq!(marked, "call [PHONE:555-0100] [now]");
        assert_eq!(unmark(&marked), text);
    }
}

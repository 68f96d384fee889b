//! Run a pass natively on cases written as marked text.
//!
//! A case is a line such as `call me at [PHONE:415 555 0100] please`: the marks are the expected findings. A literal
//! `[` that starts no mark needs no escape. Preceding messages come first, each with its role: `assistant: Your
//! number? || it's [PHONE:415 555 0100]`. Empty lines and lines that begin with `#` are ignored. `masker plugin test`
//! reads the same format, but runs the component.

use crate::{Finding, Message, Pass};

/// Configures a pass from JSON, as the host does.
pub fn configure<P: Pass>(config: &str) -> Result<P, crate::Error> {
    let settings =
        serde_json::from_str(config).map_err(|error| crate::Error::invalid_config(error.to_string(), None))?;
    P::configure(settings)
}

/// Runs all cases of a text. The error has one line per failed case.
pub fn check<P: Pass>(pass: &P, cases: &str) -> Result<(), String> {
    let mut wrong = Vec::new();
    let lines = cases.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    for (at, line) in lines {
        let mut parts: Vec<&str> = line.split(" || ").collect();
        let case = parts.pop().unwrap_or_default();
        let context: Vec<(&str, &str)> = parts.iter().map(|part| said_by(part)).collect();
        let found = marked(pass, &context, &unmark(case)).map_err(|error| error.message)?;
        if found != case {
            wrong.push(format!("line {}: expected {case:?}, found {found:?}", at + 1));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn said_by(part: &str) -> (&str, &str) {
    match part.split_once(": ") {
        Some((role @ ("assistant" | "system" | "user"), text)) => (role, text),
        _ => ("user", part),
    }
}

/// The findings of a pass in one user message, after `context` (role and text), as marked text.
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

/// Puts marks around findings. Of two that overlap, the longer is shown.
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

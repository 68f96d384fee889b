//! Rewrites the parser's errors as messages that say what to write instead.

use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;

use crate::policy::error::{ErrorCode, PolicyError};

/// Converts the parser's error to a policy error. `text` is the document.
pub fn explain(error: &Error, text: &str) -> PolicyError {
    let line = error.location().map(|at| at.line()).filter(|line| *line > 0);
    let source =
        line.and_then(|line| text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)).unwrap_or_default();
    PolicyError {
        code: ErrorCode::PolicyYamlInvalid,
        path: String::new(),
        line: line.and_then(|line| u32::try_from(line).ok()),
        message: message(error.without_snippet(), source),
    }
}

fn message(error: &Error, source: &str) -> String {
    match error {
        Error::Budget { breach, .. } => breach_message(breach),
        Error::MultipleDocuments { .. } => "there is more than one document (`---`): write one policy".to_owned(),
        Error::UnknownAnchor { .. } | Error::AliasError { .. } => ALIASES.to_owned(),
        Error::MergeKeyNotAllowed { .. } => "merge keys (`<<`) are not supported: write the settings out".to_owned(),
        Error::UnsupportedTag { .. } => "tags (`!name`) are not supported: write the plain value".to_owned(),
        Error::Message { msg, .. } => msg.clone(),
        other => syntax(&first_line(other), source),
    }
}

const ALIASES: &str = "anchors and aliases (`&name`, `*name`) are not supported: write the value out, or put it in \
                       quotes if it begins with `&` or `*`";

fn breach_message(breach: &BudgetBreach) -> String {
    match breach {
        BudgetBreach::Aliases { .. } | BudgetBreach::Anchors { .. } => ALIASES.to_owned(),
        BudgetBreach::Documents { .. } => "there is more than one document (`---`): write one policy".to_owned(),
        BudgetBreach::Depth { .. } => "lists and maps are nested too deeply".to_owned(),
        _ => "the document has too many parts".to_owned(),
    }
}

/// The parser's own message about a syntax error, with a hint for common mistakes.
fn syntax(said: &str, source: &str) -> String {
    let indent = &source[..source.len() - source.trim_start().len()];
    if indent.contains('\t') {
        return "the line is indented with a tab: YAML needs spaces".to_owned();
    }
    if said.contains("escape") {
        return "a backslash in double quotes begins an escape: write patterns in single quotes, '\\d+'".to_owned();
    }
    if said.contains("a tab") {
        return "the document has a tab where YAML needs spaces".to_owned();
    }
    if said.contains("alias") {
        return ALIASES.to_owned();
    }
    let hint = if said.contains("mapping values") || said.contains("expected key") {
        "; lines of one map begin in the same column, and a text that contains `: ` needs quotes"
    } else if said.contains("unexpected character") {
        "; a text that begins with a special character needs quotes"
    } else {
        ""
    };
    format!("this is not valid YAML: {said}{hint}")
}

/// The message without its location, which is reported separately.
fn first_line(error: &Error) -> String {
    let text = error.to_string();
    let said = text.lines().next().unwrap_or_default();
    said.split(" at line ").next().unwrap_or_default().to_owned()
}

//! Output as tables or as JSON.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::Output;
use super::exit::{self, Failure};

/// Prints rows as JSON lines, or as a table. A column is a title and the JSON path of its value.
pub fn rows(rows: &[Value], columns: &[(&str, &str)], output: Output) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    if output.json {
        return exit::written(rows.iter().try_for_each(|row| writeln!(out, "{row}")));
    }
    if rows.is_empty() {
        return match output.quiet {
            true => Ok(()),
            false => exit::written(writeln!(std::io::stderr(), "none")),
        };
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|(title, _)| title.to_uppercase()));
    for row in rows {
        table.add_row(columns.iter().map(|(_, at)| cell(&row[*at])));
    }
    exit::written(writeln!(out, "{table}"))
}

/// Prints one object as JSON, or as one line per field.
pub fn object(object: &Value, output: Output) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    if output.json {
        return exit::written(writeln!(out, "{object}"));
    }
    let fields = object.as_object().into_iter().flatten();
    let width = object.as_object().map_or(0, |fields| fields.keys().map(String::len).max().unwrap_or(0));
    let mut lines = fields.filter(|(_, value)| !value.is_null());
    exit::written(lines.try_for_each(|(name, value)| {
        let text = cell(value).replace('\n', &format!("\n{}", " ".repeat(width + 2)));
        writeln!(out, "{name:width$}  {text}")
    }))
}

/// Shows a progress message with the elapsed time on a terminal.
pub fn waiting(what: &'static str, output: Output) -> ProgressBar {
    if output.quiet || output.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
    let bar = ProgressBar::new_spinner().with_message(what);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let parts: Vec<String> = fields.iter().map(|(name, value)| format!("{name} {}", cell(value))).collect();
            if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
        }
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

//! Tables for people, JSON for programs.

use std::io::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

use super::Output;
use super::exit::{self, Failure};

/// Rows of a list: as JSON, one object a line; as a table with these columns, each with where its value stands.
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

/// One object: as JSON, or a line for each of its fields.
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

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let parts: Vec<String> = fields.iter().map(|(name, value)| format!("{name} {}", cell(value))).collect();
            if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
        }
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

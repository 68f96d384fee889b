//! A name in JSON, in the format of FHIR.

use serde_json::Value;

/// The parts of a name in JSON, the given names first; `None` if the surface is not a name in JSON.
pub(super) fn strings(surface: &str) -> Option<Vec<String>> {
    let trimmed = surface.trim_start();
    if !trimmed.starts_with(['{', '[']) {
        return None;
    }
    let mut parsed: Value = serde_json::from_str(trimmed).ok()?;
    let name = match &mut parsed {
        Value::Array(names) => names.first_mut()?,
        name => name,
    };
    let parts = [
        "given",
        "first",
        "first_name",
        "firstName",
        "middle",
        "middle_name",
        "middleName",
        "family",
        "last",
        "last_name",
        "lastName",
    ];
    let mut found: Vec<String> = parts.iter().filter_map(|part| name.get(part)).flat_map(texts).collect();
    if found.is_empty() {
        found = ["text", "name", "full_name", "fullName"]
            .iter()
            .filter_map(|part| name.get(part))
            .flat_map(texts)
            .take(1)
            .collect();
    }
    (!found.is_empty()).then_some(found)
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

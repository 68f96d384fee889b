//! `masker policy validate`.

use std::io::Write;
use std::path::Path;

use super::Output;
use super::exit::{self, Failure};
use super::local::{LocalPlugins, read_input};
use crate::app::compile_local;
use crate::policy::PolicyError;

/// Checks a policy: its document, its passes, and whether the plugins take what it gives them.
pub fn validate(file: &Path, output: Output) -> Result<(), Failure> {
    let document = read_input(Some(file))?;
    let plugins = LocalPlugins::load()?;
    let errors = match compile_local(&document, &plugins.registry) {
        Ok(policy) => match plugins.prepare(&policy) {
            Ok(_) => Vec::new(),
            Err(error) => vec![error.to_string()],
        },
        Err(errors) if output.json => return report(&errors, output),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    };
    let mut out = std::io::stdout();
    if errors.is_empty() {
        let shown = if output.json { r#"{"valid":true,"errors":[]}"#.to_owned() } else { "valid".to_owned() };
        if !output.quiet {
            let _ = writeln!(out, "{shown}");
        }
        return Ok(());
    }
    Err(Failure::new(exit::POLICY, format!("{} is not a valid policy\n{}", file.display(), lines(&errors))))
}

fn report(errors: &[PolicyError], _: Output) -> Result<(), Failure> {
    let errors: Vec<_> = errors
        .iter()
        .map(|error| {
            serde_json::json!({"code": error.code.as_str(), "path": error.path, "line": error.line, "message": error.message})
        })
        .collect();
    let _ = writeln!(std::io::stdout(), "{}", serde_json::json!({"valid": false, "errors": errors}));
    Err(Failure::new(exit::POLICY, ""))
}

fn lines(errors: &[String]) -> String {
    errors.iter().map(|error| format!("  {error}")).collect::<Vec<_>>().join("\n")
}

//! `masker policy validate`: checks a policy file without a server.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::Output;
use super::exit::{self, Failure};
use super::local::{LocalPlugins, read_input};
use crate::app::compile_local;
use crate::config::Environment;
use crate::policy::PolicyError;

/// Validates a policy: its document, its passes, and whether the plugins accept their configuration.
pub fn validate(file: &Path, environment: &Environment, output: Output) -> Result<(), Failure> {
    let document = read_input(Some(file))?;
    let plugins = LocalPlugins::load(environment.plugin_dir().as_deref(), 1)?;
    let errors = match compile_local(document.expose(), &plugins.registry) {
        Ok(policy) => plugins.prepare(&policy).err().map(|error| Mistake::of_plugin(&error)).into_iter().collect(),
        Err(errors) => errors.iter().map(Mistake::of_policy).collect::<Vec<_>>(),
    };
    if output.json {
        let shown: Vec<&Value> = errors.iter().map(|error| &error.json).collect();
        exit::written(writeln!(std::io::stdout(), "{}", json!({"valid": errors.is_empty(), "errors": shown})))?;
    } else if errors.is_empty() && !output.quiet {
        exit::written(writeln!(std::io::stdout(), "valid"))?;
    }
    if errors.is_empty() {
        return Ok(());
    }
    if output.json {
        return Err(Failure::new(exit::POLICY, ""));
    }
    let lines: Vec<String> = errors.iter().map(|error| format!("  {}", error.text)).collect();
    Err(Failure::new(exit::POLICY, format!("{} is not a valid policy\n{}", file.display(), lines.join("\n"))))
}

/// An error of a policy, as text and as JSON.
struct Mistake {
    text: String,
    json: Value,
}

impl Mistake {
    fn of_policy(error: &PolicyError) -> Self {
        Self {
            text: error.to_string(),
            json: json!({"code": error.code.as_str(), "path": error.path, "line": error.line, "message": error.message}),
        }
    }

    fn of_plugin(error: &Failure) -> Self {
        let text = error.to_string();
        Self { json: json!({"code": "invalid_pass", "path": "passes", "line": null, "message": text}), text }
    }
}

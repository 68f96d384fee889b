//! Runs a policy's passes without a server, for `mask`, `detect`, `eval` and `policy validate`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::TextOptions;
use super::exit::{self, Failure};
use crate::app::{compile_local, embedded, prepare_passes};
use crate::chat::request::ChatRequest;
use crate::config::Environment;
use crate::keys::SecretKey;
use crate::passes::{PassReport, ReadyPass};
use crate::pipeline::masking::{Decided, Masking};
use crate::pipeline::{PipelineError, ReadyAgent};
use crate::policy::{self, CompiledPolicy, Tokenization};
use crate::sensitive::SensitiveText;
use crate::wasm::{InstallError, Plugin, PreparedPass, Registry, Wasm};

/// Longer than the budget of a call: a command has no latency limit.
const BUDGET: Duration = Duration::from_secs(10);
/// Lines per batch.
const AT_ONCE: usize = 64;

/// The plugins embedded in this binary, and those of a folder.
pub struct LocalPlugins {
    wasm: Wasm,
    /// The plugins by name.
    pub registry: Registry,
}

impl LocalPlugins {
    /// Loads the plugins, to run on this many threads. Compiled code is stored in the user's cache folder.
    pub fn load(plugin_dir: Option<&Path>, threads: usize) -> Result<Self, Failure> {
        Self::load_with(plugin_dir, |folder, key| Wasm::start(folder, key, threads))
    }

    /// Loads the embedded plugins with engines that report a plugin's own error text.
    pub fn load_for_author() -> Result<Self, Failure> {
        Self::load_with(None, Wasm::start_for_author)
    }

    /// Loads the embedded plugins with engines that count fuel.
    pub fn load_counting() -> Result<Self, Failure> {
        Self::load_with(None, Wasm::start_counting)
    }

    fn load_with(
        plugin_dir: Option<&Path>,
        start: impl FnOnce(PathBuf, &SecretKey) -> anyhow::Result<Wasm>,
    ) -> Result<Self, Failure> {
        let folder = cache_dir();
        // The key only detects damage to the cache. It needs no secrecy: the cache belongs to the user, and an attacker
        // with the user's access could replace this program as well.
        let key = blake3::derive_key("masker command line plugin cache v1", folder.to_string_lossy().as_bytes());
        let wasm = start(folder, &SecretKey::new(key)).map_err(Failure::from)?;
        if let Some(fault) = wasm.cache_fault() {
            let _ = writeln!(std::io::stderr(), "masker: compiled plugins are not cached: {fault}");
        }
        let registry = crate::app::load_plugins(&wasm, plugin_dir, Vec::new()).map_err(Failure::from)?;
        if embedded().is_empty() && registry.iter().next().is_none() {
            return Err(Failure::new(
                exit::GENERIC,
                "this build has no embedded plugins: build with `make`, or set MASKER_PLUGIN_DIR to a folder of plugins",
            ));
        }
        Ok(Self { wasm, registry })
    }

    /// Checks a component as a server would before installing it.
    pub fn inspect(&self, bytes: Vec<u8>) -> Result<Plugin, InstallError> {
        self.wasm.inspect(bytes)
    }

    /// Prepares one plugin, as a policy with this `config` would.
    pub fn prepare_one(&self, plugin: &Plugin, config: &str) -> Result<Arc<PreparedPass>, Failure> {
        self.wasm.prepare(plugin, config, &[]).map_err(|error| Failure::new(exit::POLICY, error.to_string()))
    }

    /// Prepares a policy's passes.
    pub fn prepare(&self, policy: &CompiledPolicy) -> Result<Arc<[ReadyPass]>, Failure> {
        prepare_passes(&self.wasm, &self.registry, policy)
            .map_err(|error| Failure::new(exit::POLICY, error.to_string()))
    }
}

/// A text's lines and the spans to mask in them.
pub struct Searched {
    /// The agent that applies the policy.
    pub agent: ReadyAgent,
    /// The decisions, with one message per line.
    pub decided: Decided,
    /// The end of each line: `\n`, `\r\n` or nothing.
    pub ends: Vec<&'static str>,
}

/// Arguments of `mask` and `detect`.
pub struct Asked<'a> {
    /// Command-line options.
    pub options: &'a TextOptions,
    /// Policy file, or the name of a built-in policy.
    pub policy: &'a str,
    /// Settings of the service; commands use the keys and the plugin folder.
    pub environment: &'a Environment,
}

/// Finds what a policy masks in a text, as a server does in a call. Every line is a message of the caller, with the
/// lines before it as context.
pub fn search(asked: &Asked<'_>, tokenization: Option<Tokenization>) -> Result<Searched, Failure> {
    let options = asked.options;
    let text = read_input(options.input.as_deref())?;
    let plugins = LocalPlugins::load(asked.environment.plugin_dir().as_deref(), 1)?;
    let chosen = Selection { policy: asked.policy, passes: options.passes.as_deref(), threshold: options.threshold };
    let mut policy = chosen.compile(&plugins)?;
    policy.tokenization = tokenization.unwrap_or(policy.tokenization);
    let passes = plugins.prepare(&policy)?;
    let agent = ReadyAgent::local(policy, passes);
    let (lines, ends) = split_lines(text.expose());
    let masking = Masking::begin_long(&agent, ChatRequest::said(lines), AT_ONCE);
    let mut masking = masking.map_err(|error| Failure::new(exit::GENERIC, error.to_string()))?;
    drop(masking.detect(&agent, None, BUDGET));
    let fault = pass_fault(masking.reports());
    let decided = masking.decide(None).map_err(|error| fault.unwrap_or_else(|| failure(&error)))?;
    Ok(Searched { agent, decided, ends })
}

/// The failure of the last pass that failed.
pub fn pass_fault(reports: &[PassReport]) -> Option<Failure> {
    let (report, fault) = reports.iter().rev().find_map(|report| Some((report, report.fault.as_ref()?)))?;
    Some(Failure::new(exit::GENERIC, format!("pass {} failed: {}", report.name, fault.detail)))
}

/// A pipeline error as a command failure.
pub fn failure(error: &PipelineError) -> Failure {
    Failure::new(exit::GENERIC, error.to_string())
}

/// Splits a text into lines and their line endings.
fn split_lines(text: &str) -> (Vec<&str>, Vec<&'static str>) {
    let split = text.split_inclusive('\n').map(|line| {
        let end = ["\r\n", "\n"].into_iter().find(|end| line.ends_with(end)).unwrap_or_default();
        (&line[..line.len() - end.len()], end)
    });
    split.unzip()
}

/// A policy and the overrides to apply to it.
pub struct Selection<'a> {
    /// Policy file, or the name of a built-in policy.
    pub policy: &'a str,
    /// Use only these passes.
    pub passes: Option<&'a [String]>,
    /// Overrides the policy's thresholds.
    pub threshold: Option<f32>,
}

impl Selection<'_> {
    /// Reads and validates the policy, then applies the overrides.
    pub fn compile(&self, plugins: &LocalPlugins) -> Result<CompiledPolicy, Failure> {
        let mut policy = read_policy(self.policy, &plugins.registry)?;
        if let Some(names) = self.passes {
            let names: Vec<&str> = names.iter().map(|name| if name == "gemma" { "ner" } else { name }).collect();
            for name in &names {
                if policy.pass(name).is_none() {
                    let known: Vec<&str> = policy.passes.iter().map(|pass| &*pass.plugin).collect();
                    let message = format!("--passes: unknown pass {name}, expected one of {}", known.join(", "));
                    return Err(Failure::new(exit::USAGE, message));
                }
            }
            policy.passes.retain(|pass| names.contains(&&*pass.plugin));
        }
        if let Some(threshold) = self.threshold {
            if !(0.0..=1.0).contains(&threshold) {
                return Err(Failure::new(exit::USAGE, "--threshold must be between 0 and 1"));
            }
            policy.set_threshold(threshold);
        }
        Ok(policy)
    }
}

fn read_policy(name: &str, plugins: &Registry) -> Result<CompiledPolicy, Failure> {
    let built_in = policy::BUILT_IN.into_iter().find(|(own, _)| *own == name);
    let document = match built_in {
        Some((_, document)) => document.to_owned(),
        None => std::fs::read_to_string(name).map_err(|error| {
            let names = policy::BUILT_IN.map(|(name, _)| name).join(", ");
            Failure::new(exit::GENERIC, format!("--policy {name}: {error} (built-in policies: {names})"))
        })?,
    };
    compile_local(&document, plugins).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(|error| format!("  {error}")).collect();
        Failure::new(exit::POLICY, format!("{name} is not a valid policy\n{}", lines.join("\n")))
    })
}

/// Reads a file, or standard input.
pub fn read_input(file: Option<&Path>) -> Result<SensitiveText, Failure> {
    let file = file.filter(|file| *file != Path::new("-"));
    let name = file.map_or_else(|| "standard input".to_owned(), |file| file.display().to_string());
    let mut bytes = Vec::new();
    let result = match file {
        Some(file) => std::fs::read(file).map(|content| bytes = content),
        None => std::io::stdin().read_to_end(&mut bytes).map(|_| ()),
    };
    result.map_err(|error| Failure::new(exit::GENERIC, format!("{name}: {error}")))?;
    String::from_utf8(bytes).map(SensitiveText::from).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(exit::GENERIC, format!("{name}: not UTF-8 at byte {at}"))
    })
}

fn cache_dir() -> PathBuf {
    cache_dir_of(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
}

/// Without a home directory it is below the shared temporary folder, with the user ID in its name so that users do not
/// collide.
fn cache_dir_of(variable: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    let own = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    match own {
        Some(own) => own.join("masker").join("plugins"),
        None => std::env::temp_dir().join(format!("masker-plugins-{}", rustix::process::geteuid().as_raw())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_lines(text: &str, expected: &[(&str, &str)]) {
        let (lines, ends) = split_lines(text);
        let lines: Vec<(&str, &str)> = lines.into_iter().zip(ends).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn compiled_plugins_are_below_the_users_home_or_in_a_folder_of_their_own() {
        let with = |set: &'static [(&str, &str)]| {
            cache_dir_of(|name| set.iter().find(|(own, _)| *own == name).map(|(_, value)| PathBuf::from(value)))
        };
        assert_eq!(with(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]), Path::new("/x/masker/plugins"));
        assert_eq!(with(&[("HOME", "/h")]), Path::new("/h/.cache/masker/plugins"));
        assert_eq!(with(&[]).parent(), Some(&*std::env::temp_dir()), "not in a folder that another user may own");
    }

    #[test]
    fn every_line_keeps_its_own_end() {
        check_lines("", &[]);
        check_lines("a", &[("a", "")]);
        check_lines("a\nb\r\n\nc", &[("a", "\n"), ("b", "\r\n"), ("", "\n"), ("c", "")]);
        check_lines("a\rb\n", &[("a\rb", "\n")]);
    }
}

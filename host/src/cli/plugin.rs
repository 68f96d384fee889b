//! `masker plugin new`, `build`, `inspect`, `test`, `bench`, `keygen`, `sign` and `verify`: plugin development on this
//! machine, without a server. `list`, `install` and `remove` call a server ([`super::server`]).

mod bench;
mod build;
mod cases;
pub mod folder;
mod new;
mod signing;

pub use bench::bench;
pub use build::{COMPONENT, build};
pub use new::{Language, new};
pub use signing::{keygen, sign, verify};

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cases::{Case, Labelled};
use serde_json::{Value, json};

use super::exit::{self, Failure};
use super::local::LocalPlugins;
use super::{Output, show};
use crate::app::compile_local;
use crate::passes::finding::Finding;
use crate::passes::{Message, merge};
use crate::policy::CompiledPolicy;
use crate::sensitive::SensitiveText;
use crate::wasm::{Plugin, PreparedPass};

/// Time limit of one case, including the creation of instances.
const BUDGET: Duration = Duration::from_secs(5);

/// Describes a component, or explains why a server would reject it.
pub fn inspect(file: &Path, output: Output) -> Result<(), Failure> {
    let mut plugins = LocalPlugins::load_for_author()?;
    let plugin = take_in(&mut plugins, file)?;
    let manifest = &plugin.manifest;
    let kinds: Vec<&str> = manifest.kinds.iter().map(|kind| kind.as_str()).collect();
    let shown = json!({
        "name": manifest.name, "version": manifest.version, "description": manifest.description, "kinds": kinds.join(" "),
        "contract": manifest.contract.trim_start_matches('@'), "offsets": serde_json::to_value(manifest.offset_unit).unwrap_or_default(),
        "imports": "none", "size": plugin.bytes.len(), "sha256": data_encoding::HEXLOWER.encode(&plugin.sha256),
    });
    show::object(&shown, output)
}

/// Runs a component on labelled cases. Ends with [`exit::COMMAND`] if fewer than `floor` percent of them pass.
pub fn test(file: &Path, cases: &Path, floor: f32, output: Output) -> Result<(), Failure> {
    if !(0.0..=100.0).contains(&floor) {
        return Err(Failure::new(exit::USAGE, "--floor must be between 0 and 100"));
    }
    let text = fs::read_to_string(cases).map_err(|error| unreadable(cases, &error))?;
    let mut all =
        cases::read(&text).map_err(|error| Failure::new(exit::USAGE, format!("{}: {error}", cases.display())))?;
    // Plugins often get offsets after non-ASCII characters wrong, so each case also runs behind some of them.
    let behind: Vec<Case> = all.iter().map(Case::behind_other_characters).collect();
    all.extend(behind);
    let mut plugins = LocalPlugins::load_for_author()?;
    let plugin = take_in(&mut plugins, file)?;
    let policy = policy_of(&plugin, &plugins)?;
    let pass = plugins.prepare_one(&plugin, "{}")?;
    let name: Arc<str> = plugin.manifest.name.as_str().into();
    let mut sums = Sums::default();
    let mut out = std::io::stdout();
    for case in &all {
        let messages = conversation(case);
        let mut findings = search(&pass, case, &messages)?;
        findings.iter_mut().for_each(|finding| finding.pass = name.clone());
        let texts: Vec<&str> = messages.iter().map(|message| message.text.expose().as_str()).collect();
        let decisions = merge::merge(&findings, &texts, &policy).pop().unwrap_or_default();
        let found = decisions.iter().map(|decision| {
            let span = decision.span.to_chars(&case.text);
            Labelled { start: span.start, end: span.end, kind: decision.kind.to_string() }
        });
        let wrong = sums.add(case, found.collect());
        if !wrong.is_empty() && !output.quiet && !output.json {
            exit::written(wrong.iter().try_for_each(|line| writeln!(out, "{line}")))?;
        }
    }
    let shown = sums.shown(all.len());
    match output.json {
        true => show::object(&shown, output)?,
        false => exit::written(writeln!(out, "{}", sums.line(all.len())))?,
    }
    if sums.share(all.len()) < f64::from(floor) {
        return Err(Failure::new(exit::COMMAND, format!("fewer than {floor} % of the cases passed")));
    }
    Ok(())
}

/// Totals over all cases.
#[derive(Default)]
struct Sums {
    right: usize,
    found: usize,
    labelled: usize,
    agreed: usize,
}

impl Sums {
    /// Counts a case and returns a line for each difference.
    fn add(&mut self, case: &Case, found: Vec<Labelled>) -> Vec<String> {
        self.found += found.len();
        self.labelled += case.labels.len();
        self.agreed += case.labels.iter().filter(|label| found.contains(label)).count();
        let missed = case.labels.iter().filter(|label| !found.contains(label)).map(|label| case.shown('-', label));
        let false_ones = found.iter().filter(|found| !case.labels.contains(found)).map(|found| case.shown('+', found));
        let wrong: Vec<String> = missed.chain(false_ones).collect();
        self.right += usize::from(wrong.is_empty());
        wrong
    }

    fn share(&self, cases: usize) -> f64 {
        100.0 * self.right as f64 / cases.max(1) as f64
    }

    fn percent(part: usize, whole: usize) -> f64 {
        if whole == 0 { 100.0 } else { (1000.0 * part as f64 / whole as f64).round() / 10.0 }
    }

    fn line(&self, cases: usize) -> String {
        let (precision, recall) = (Self::percent(self.agreed, self.found), Self::percent(self.agreed, self.labelled));
        format!("{} of {cases} cases passed; precision {precision} %, recall {recall} %", self.right)
    }

    fn shown(&self, cases: usize) -> Value {
        json!({
            "cases": cases, "right": self.right, "labelled": self.labelled, "found": self.found,
            "precision": Self::percent(self.agreed, self.found), "recall": Self::percent(self.agreed, self.labelled),
        })
    }
}

fn conversation(case: &Case) -> Vec<Message> {
    let message = |(role, text, search)| Message { role, text: Arc::new(SensitiveText::from(text)), search };
    case.messages().into_iter().map(message).collect()
}

/// The plugin's findings, or its failure with the plugin's own error text. That text may contain input, which is fine
/// on the author's machine.
fn search(pass: &PreparedPass, case: &Case, messages: &[Message]) -> Result<Vec<Finding>, Failure> {
    let (found, used) = pass.run_measured(messages, &[], BUDGET);
    found.map_err(|fault| {
        let said = used.said.map(|said| format!("\n{}", said.expose())).unwrap_or_default();
        let (line, kind) = (case.line, fault.kind.as_str());
        Failure::new(exit::COMMAND, format!("line {line}: the plugin failed: {kind}: {}{said}", fault.detail))
    })
}

fn take_in(plugins: &mut LocalPlugins, file: &Path) -> Result<Plugin, Failure> {
    let bytes = fs::read(file).map_err(|error| unreadable(file, &error))?;
    let plugin =
        plugins.inspect(bytes).map_err(|error| Failure::new(exit::COMMAND, format!("{}: {error}", file.display())))?;
    plugins.registry.insert(plugin.clone());
    Ok(plugin)
}

/// A policy with only this plugin and no confidence threshold.
fn policy_of(plugin: &Plugin, plugins: &LocalPlugins) -> Result<CompiledPolicy, Failure> {
    let entities = plugin.manifest.kinds.iter().map(|kind| (kind.to_string(), json!({"confidence_threshold": 0.0})));
    let document = json!({
        "name": "cases", "version": 1, "kid": "K_HEALTHCARE", "tokenization": "vault-deterministic",
        "passes": [plugin.manifest.name], "entities": entities.collect::<serde_json::Map<_, _>>(),
    });
    compile_local(&document.to_string(), &plugins.registry).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::new(exit::COMMAND, format!("the plugin cannot be used: {}", lines.join("; ")))
    })
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(exit::GENERIC, format!("{}: {error}", file.display()))
}

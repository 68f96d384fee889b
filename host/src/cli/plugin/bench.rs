//! `masker plugin bench`: measures the cost of a component's calls and prints it next to the limits.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::exit::{self, Failure};
use super::super::local::LocalPlugins;
use super::super::{Output, show};
use super::cases::{self, Case};
use crate::passes::Message;
use crate::wasm::limits;

/// Timeout of one call, long enough to measure a slow plugin.
const LIMIT: Duration = Duration::from_secs(5);

/// Calls a component on the cases in turn, each in a fresh instance, as for requests.
pub fn bench(file: &Path, cases: &Path, config: &str, calls: usize, output: Output) -> Result<(), Failure> {
    let text = fs::read_to_string(cases).map_err(|error| super::unreadable(cases, &error))?;
    let all = cases::read(&text).map_err(|error| Failure::new(exit::USAGE, format!("{}: {error}", cases.display())))?;
    let mut plugins = LocalPlugins::load(None, 1)?;
    let plugin = super::take_in(&mut plugins, file)?;
    let started = Instant::now();
    let pass = plugins.prepare_one(&plugin, config)?;
    let prepared = started.elapsed();
    let conversations: Vec<Vec<Message>> = all.iter().map(super::conversation).collect();
    let (mut times, mut memory) = (Vec::with_capacity(calls), 0);
    for (case, messages) in all.iter().zip(&conversations).cycle().take(calls.max(1)) {
        let started = Instant::now();
        let (found, used) = pass.run_measured(messages, &[], LIMIT);
        times.push(started.elapsed());
        memory = memory.max(used.memory);
        if found.is_err() {
            return Err(failure(file, config, case));
        }
    }
    times.sort();
    let fuel = fuel(file, config, &conversations)?;
    let at = |share: f64| times.get(((times.len() - 1) as f64 * share) as usize).copied().unwrap_or_default();
    let ms = |time: Duration| format!("{:.3} ms", time.as_secs_f64() * 1e3);
    let mib = |bytes: usize| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let begins =
        if pass.configures_every_time() { "configure() in every call" } else { "a snapshot, configure() once" };
    let shown = json!({
        "calls": times.len(), "begins with": begins, "prepared in": ms(prepared),
        "call, median": ms(at(0.5)), "call, 99 of 100": ms(at(0.99)),
        "fuel, median": fuel, "may take": "the policy's timeout_ms, and MASKER_DETECTION_TIMEOUT_MS for all passes together",
        "memory": format!("{} of {}", mib(memory), mib(limits::MEMORY)),
        "component": mib(plugin.bytes.len()),
    });
    show::object(&shown, output)
}

/// Runs a failed case again with an engine that reports the plugin's error text, and returns that failure.
fn failure(file: &Path, config: &str, case: &Case) -> Failure {
    let again = || {
        let mut plugins = LocalPlugins::load_for_author()?;
        let plugin = super::take_in(&mut plugins, file)?;
        let pass = plugins.prepare_one(&plugin, config)?;
        super::search(&pass, case, &super::conversation(case))
    };
    again().err().unwrap_or_else(|| {
        Failure::new(exit::COMMAND, format!("line {}: the plugin failed, but not when it was run again", case.line))
    })
}

/// The median fuel of a call over the cases. Fuel is about one unit per WebAssembly instruction and does not depend on
/// other load on the machine.
fn fuel(file: &Path, config: &str, conversations: &[Vec<Message>]) -> Result<u64, Failure> {
    let mut plugins = LocalPlugins::load_counting()?;
    let plugin = super::take_in(&mut plugins, file)?;
    let pass = plugins.prepare_one(&plugin, config)?;
    let mut used: Vec<u64> =
        conversations.iter().filter_map(|messages| pass.run_measured(messages, &[], LIMIT).1.fuel).collect();
    used.sort_unstable();
    Ok(used.get(used.len() / 2).copied().unwrap_or_default())
}

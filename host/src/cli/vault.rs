//! `masker vault`: commands on the vault, run on the machine itself.
//!
//! A running service executes `stats` and `purge` over its admin socket, because it caches the values in memory.
//! Otherwise the command locks the files and works on them directly.

mod export;
mod rotate;

use std::io::{Read, Write};

use serde_json::{Map, Value, json};

pub use export::{ExportOptions, export};
pub use rotate::rotate_key;

use super::Output;
use super::exit::{self, Failure};
use super::install::{Install, Opened};
use super::remote::{Body, Remote};
use crate::app::{Erase, EraseError, Erased};
use crate::clock::Clock;
use crate::config::Environment;
use crate::http::since;
use crate::keys::Kid;
use crate::sensitive::SensitiveText;
use crate::store::vault::VaultStats;

/// Selection of the values to erase.
#[derive(clap::Args)]
pub struct PurgeOptions {
    #[command(flatten)]
    what: What,
    /// Print the number of values without erasing them.
    #[arg(long)]
    dry_run: bool,
}

/// Exactly one criterion.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Erase what was stored before this time (2026-01-31T00:00:00Z) or age (90d).
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// Erase everything from the calls in which this value was said. If calls have no name, erase only the value. `-`
    /// reads the value from standard input, which keeps it out of the process list.
    #[arg(long, value_name = "VALUE")]
    subject: Option<String>,
    /// Erase the values of all tokens with this key ID.
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
    /// Erase everything from one call, by the platform's call ID or the one that `masker sessions` shows. `-` reads it
    /// from standard input.
    #[arg(long, value_name = "NAME")]
    call: Option<String>,
    /// Erase everything that was said to one agent.
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
}

impl From<EraseError> for Failure {
    fn from(error: EraseError) -> Self {
        Self::new(exit::GENERIC, error.to_string())
    }
}

/// Prints statistics of the vault.
pub fn stats(environment: &Environment, output: Output) -> Result<(), Failure> {
    let opened = match Install::find(environment, "masker vault stats", output)? {
        Install::Running(service) => return stats_of(&service, output),
        Install::Stopped(opened) => opened,
    };
    let stats = opened.with(async |opened| Ok(opened.store.vault().stats().await?))?;
    exit::written(print_stats(&shown(&stats), output))
}

fn shown(stats: &VaultStats) -> Value {
    let by_kid =
        |kids: &std::collections::BTreeMap<Kid, u64>| figures(kids.iter().map(|(kid, n)| (kid.to_string(), *n)));
    json!({
        "values": stats.rows(), "size_bytes": stats.bytes,
        "values_by_kid": by_kid(&stats.by_kid), "values_sealed_by": by_kid(&stats.sealed_by),
        "values_by_kind": figures(stats.by_kind.iter().map(|(kind, n)| (kind.to_string(), *n))),
        "oldest_at": stats.between.map(|(oldest, _)| oldest.to_string()),
        "newest_at": stats.between.map(|(_, newest)| newest.to_string()),
    })
}

/// Prints the statistics; JSON in the API's form.
fn print_stats(stats: &Value, output: Output) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    if output.json {
        return writeln!(out, "{stats}");
    }
    writeln!(out, "{} values, {} bytes on disk", stats["values"], stats["size_bytes"])?;
    if let (Some(oldest), Some(newest)) = (stats["oldest_at"].as_str(), stats["newest_at"].as_str()) {
        writeln!(out, "created between {oldest} and {newest}")?;
    }
    for (title, field) in
        [("tokens of", "values_by_kid"), ("sealed by", "values_sealed_by"), ("kind", "values_by_kind")]
    {
        for (name, count) in stats[field].as_object().into_iter().flatten() {
            writeln!(out, "{title:<10} {name:<24} {:>10}", count.to_string())?;
        }
    }
    Ok(())
}

fn figures(figures: impl Iterator<Item = (String, u64)>) -> Map<String, Value> {
    figures.map(|(name, count)| (name, count.into())).collect()
}

/// Erases values, after completing an erasure that was interrupted.
pub fn purge(options: &PurgeOptions, environment: &Environment, output: Output) -> Result<(), Failure> {
    let what = options.what.read()?;
    let opened = match Install::find(environment, "masker vault purge", output)? {
        Install::Running(service) => return ask_to_purge(options, &what, &service, output),
        Install::Stopped(opened) => opened,
    };
    let erased = opened.with(async |opened| erase(opened, &what, options.dry_run).await)?;
    let done = json!({"values": erased.values, "payloads": erased.payloads, "dry_run": options.dry_run});
    exit::written(print_purge(&done, output))
}

async fn erase(opened: &Opened, what: &Erase, dry_run: bool) -> Result<Erased, Failure> {
    let eraser = opened.eraser();
    if dry_run {
        return Ok(eraser.find(what).await?.count);
    }
    for Erased { values, payloads } in eraser.resume().await? {
        let _ = writeln!(
            std::io::stderr(),
            "finished an interrupted erasure: {values} values of the vault, texts of {payloads} sessions"
        );
    }
    Ok(eraser.erase(what).await?)
}

/// Prints the result of a purge; JSON in the API's form.
fn print_purge(done: &Value, output: Output) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    if output.json {
        return writeln!(out, "{done}");
    }
    let verb = if done["dry_run"] == true { "would be erased" } else { "erased" };
    writeln!(out, "{verb}: {} values of the vault, texts of {} sessions", done["values"], done["payloads"])
}

/// Prints the vault statistics of a server.
pub fn stats_of(remote: &Remote, output: Output) -> Result<(), Failure> {
    let answer = remote.json("GET", "/api/v1/vault/stats", Body::Empty)?;
    exit::written(print_stats(&answer["vault"], output))
}

/// Purges the vault of a server, including the values cached in its memory.
pub fn purge_at(options: &PurgeOptions, remote: &Remote, output: Output) -> Result<(), Failure> {
    ask_to_purge(options, &options.what.read()?, remote, output)
}

fn ask_to_purge(options: &PurgeOptions, what: &Erase, remote: &Remote, output: Output) -> Result<(), Failure> {
    let mut body = json!({"dry_run": options.dry_run});
    let (field, value) = match what {
        // Sent as typed, so that a relative age is resolved by the server's clock.
        Erase::Before(_) | Erase::Retention(_) => ("before", options.what.before.clone().unwrap_or_default()),
        Erase::Kid(kid) => ("kid", kid.as_str().to_owned()),
        Erase::Subject(value) => ("subject", value.expose().clone()),
        Erase::Call(name) => ("call", name.expose().clone()),
        Erase::Agent(agent) => ("agent_id", agent.text().to_string()),
    };
    body[field] = value.into();
    let answer = remote.json("POST", "/api/v1/vault/purge", Body::Json(body))?;
    exit::written(print_purge(&answer["purge"], output))
}

impl What {
    fn read(&self) -> Result<Erase, Failure> {
        let wrong = |message: String| Failure::new(exit::USAGE, message);
        if let Some(text) = &self.before {
            let moment = since::parse(text, Clock::system().now());
            return moment.map(Erase::Before).ok_or_else(|| wrong(format!("--before {}", since::FORM)));
        }
        if let Some(text) = &self.kid {
            let kid = Kid::new(text).ok_or_else(|| wrong("--kid must have the form [A-Z0-9_]+".into()))?;
            return Ok(Erase::Kid(kid));
        }
        if let Some(text) = &self.agent {
            let wrong = |_| wrong("--agent must be an agent ID: agt_ and 26 characters".into());
            return text.parse().map(Erase::Agent).map_err(wrong);
        }
        match &self.call {
            Some(name) => read_value(name).map(Erase::Call),
            None => read_value(self.subject.as_deref().unwrap_or_default()).map(Erase::Subject),
        }
    }
}

/// Returns the argument, or the content of standard input if it is `-`.
fn read_value(argument: &str) -> Result<SensitiveText, Failure> {
    let mut text = SensitiveText::from(argument.to_owned());
    if argument == "-" {
        text.expose_mut().clear();
        std::io::stdin()
            .take(1 << 16)
            .read_to_string(text.expose_mut())
            .map_err(|error| Failure::new(exit::GENERIC, format!("standard input: {}", error.kind())))?;
    }
    Ok(text)
}

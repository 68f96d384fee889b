//! `masker vault`: what is behind the tokens, on the machine itself.
//!
//! All of it works on the files, with the journal's lock: while a service runs on them, it would keep in memory what is
//! erased here. Then these commands say so and do nothing; the service has an endpoint for it.

mod export;
mod rotate;

use std::io::{Read, Write};

use serde_json::{Map, Value, json};

pub use export::{ExportOptions, export};
pub use rotate::rotate_key;

use super::Output;
use super::exit::{self, Failure};
use super::remote::{Body, Remote};
use crate::app::{Erase, EraseError, Erased, Eraser};
use crate::audit::event::Event;
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::http::since;
use crate::keys::Kid;
use crate::sensitive::SensitiveText;
use crate::session::payloads::PayloadKey;
use crate::store::journal::{Journal, JournalError};
use crate::store::rebuild::remembered_end;
use crate::store::vault::VaultStats;
use crate::store::{Store, StoreError, StorePaths};
use crate::tokens::call_name::CallNames;
use crate::tokens::mint::Minters;

/// What is to be erased.
#[derive(clap::Args)]
pub struct PurgeOptions {
    #[command(flatten)]
    what: What,
    /// Only say how much it would be.
    #[arg(long)]
    dry_run: bool,
}

/// One of these.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// What was kept before this moment: a time such as 2026-01-31T00:00:00Z, or how long ago (90d).
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// Everything of the calls in which this value was said, where calls have a name; else the value alone. `-` reads it
    /// from standard input, so that it stands in no list of processes.
    #[arg(long, value_name = "VALUE")]
    subject: Option<String>,
    /// What tokens of this key stand for.
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
    /// Everything of a call, by the platform's name for it or as `masker sessions` shows it; `-` reads it as well.
    #[arg(long, value_name = "NAME")]
    call: Option<String>,
    /// Everything that was said to an agent.
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
}

/// The files of an install that no service has open.
struct Opened {
    config: Config,
    journal: Journal,
    store: Store,
    minters: Minters,
    call_names: CallNames,
    clock: Clock,
}

impl Opened {
    /// Runs a command on them.
    fn run<T>(environment: &Environment, command: impl AsyncFnOnce(&Self) -> Result<T, Failure>) -> Result<T, Failure> {
        let config = Config::load(environment).map_err(|problems| Failure::new(exit::GENERIC, problems.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(exit::GENERIC, error.to_string()))?;
        let opened = Self::open(config)?;
        let result = runtime.block_on(command(&opened));
        // What is queued is written before the lock goes.
        drop(opened.store);
        result
    }

    /// Writes an event down; ends when it is on disk.
    async fn record(&self, event: Event) -> Result<(), Failure> {
        let failed = |error: JournalError| Failure::new(exit::GENERIC, error.to_string());
        let receipt = self.journal.append(&[event]).map_err(failed)?;
        self.journal.synced(&receipt).await.map_err(failed)
    }

    fn open(config: Config) -> Result<Self, Failure> {
        if !config.vault.exists() {
            return Err(Failure::new(exit::GENERIC, format!("{}: there is no vault", config.vault.display())));
        }
        let remembered = remembered_end(&config.database).unwrap_or_default();
        let opened = Journal::open_rotating(&config.journal, &config.audit_key, u64::MAX, remembered);
        let (journal, _) = opened.map_err(|error| match error {
            JournalError::InUse => Failure::new(exit::GENERIC, in_use(&config)),
            error => Failure::new(exit::GENERIC, error.to_string()),
        })?;
        let paths = StorePaths { main: config.database.clone(), vault: config.vault.clone() };
        let store = Store::open(&paths, Clock::system()).map_err(failed)?;
        let (minters, call_names) = (Minters::new(&config.keys), CallNames::new(&config.session_secret));
        Ok(Self { config, journal, store, minters, call_names, clock: Clock::system() })
    }

    fn eraser(&self) -> Eraser<'_> {
        Eraser {
            store: &self.store,
            journal: &self.journal,
            minters: &self.minters,
            payload_key: PayloadKey::new(&self.config.session_secret),
            call_names: &self.call_names,
            secret_check: self.config.session_secret.check_value(),
            calls: None,
            clock: &self.clock,
            on_step: None,
        }
    }
}

fn in_use(config: &Config) -> String {
    format!(
        "a service runs on this data folder and has what is in the vault in memory too: ask it, with --server {url} \
         (purge and stats; POST {url}/api/v1/vault/purge), or stop it first",
        url = config.public_url
    )
}

fn failed(error: StoreError) -> Failure {
    Failure::new(exit::GENERIC, error.to_string())
}

impl From<EraseError> for Failure {
    fn from(error: EraseError) -> Self {
        Self::new(exit::GENERIC, error.to_string())
    }
}

/// Prints how much there is.
pub fn stats(environment: &Environment, output: Output) -> Result<(), Failure> {
    let stats = Opened::run(environment, async |opened| opened.store.vault().stats().await.map_err(failed))?;
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

/// As the API has it.
fn print_stats(stats: &Value, output: Output) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    if output.json {
        return writeln!(out, "{stats}");
    }
    writeln!(out, "{} values, {} bytes on the disk", stats["values"], stats["size_bytes"])?;
    if let (Some(oldest), Some(newest)) = (stats["oldest_at"].as_str(), stats["newest_at"].as_str()) {
        writeln!(out, "made between {oldest} and {newest}")?;
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

/// Erases; first what an erasure that was interrupted left.
pub fn purge(options: &PurgeOptions, environment: &Environment, output: Output) -> Result<(), Failure> {
    let what = options.what.read()?;
    let erased = Opened::run(environment, async |opened| {
        let eraser = opened.eraser();
        if options.dry_run {
            return Ok(eraser.find(&what).await?.count);
        }
        for Erased { values, payloads } in eraser.resume().await? {
            let _ = writeln!(
                std::io::stderr(),
                "an erasure that was interrupted is over: {values} values of the vault, texts of {payloads} sessions"
            );
        }
        Ok(eraser.erase(&what).await?)
    })?;
    let done = json!({"values": erased.values, "payloads": erased.payloads, "dry_run": options.dry_run});
    exit::written(print_purge(&done, output))
}

/// As the API has it.
fn print_purge(done: &Value, output: Output) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    if output.json {
        return writeln!(out, "{done}");
    }
    let verb = if done["dry_run"] == true { "would be erased" } else { "erased" };
    writeln!(out, "{verb}: {} values of the vault, texts of {} sessions", done["values"], done["payloads"])
}

/// What the service of a server says.
pub fn stats_of(remote: &Remote, output: Output) -> Result<(), Failure> {
    let answer = remote.json("GET", "/api/v1/vault/stats", Body::Empty)?;
    exit::written(print_stats(&answer["vault"], output))
}

/// Lets the service of a server erase: from its memory too.
pub fn purge_at(options: &PurgeOptions, remote: &Remote, output: Output) -> Result<(), Failure> {
    let What { before, kid, subject, call, agent } = &options.what;
    let [value, call] = [subject, call].map(|given| given.as_deref().map(read_value).transpose());
    let (value, call) = (value?, call?);
    let [value, call] = [&value, &call].map(|given| given.as_ref().map(|given| given.expose().as_str()));
    let body = json!({
        "before": before, "kid": kid, "subject": value, "call": call, "agent_id": agent, "dry_run": options.dry_run,
    });
    // The API takes a field that is null for one that is named.
    let body: Map<String, Value> = body
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    let answer = remote.json("POST", "/api/v1/vault/purge", Body::Json(Value::Object(body)))?;
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
            let kid = Kid::new(text).ok_or_else(|| wrong("--kid must be of the form [A-Z0-9_]+".into()))?;
            return Ok(Erase::Kid(kid));
        }
        if let Some(text) = &self.agent {
            let wrong = |_| wrong("--agent must be the id of an agent, agt_ and 26 characters".into());
            return text.parse().map(Erase::Agent).map_err(wrong);
        }
        match &self.call {
            Some(name) => read_value(name).map(Erase::Call),
            None => read_value(self.subject.as_deref().unwrap_or_default()).map(Erase::Subject),
        }
    }
}

/// A value, or what stands on standard input.
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

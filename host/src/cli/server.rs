//! Commands that call the API of a running server.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use similar::TextDiff;

use super::exit::{self, Failure};
use super::remote::{Body, Remote, escaped};
use super::{Output, plugin, show, tail};
use crate::files;
use crate::keys::signature;

/// `masker agents`.
#[derive(clap::Subcommand)]
pub enum Agents {
    /// List the agents.
    List {
        /// Show only agents whose name contains this text.
        #[arg(long, value_name = "TEXT")]
        name_contains: Option<String>,
    },
    /// Create an agent and print it, including its URL.
    Create {
        /// Name, unique in the account.
        #[arg(long)]
        name: String,
        /// LLM provider: `openai:MODEL` or `stub`.
        #[arg(long)]
        upstream: String,
        /// Voice platform: vapi, retell, bolna, elevenlabs, twilio or custom.
        #[arg(long)]
        platform: Option<String>,
        /// Name of a policy on the server.
        #[arg(long, value_name = "NAME", conflicts_with = "policy_file")]
        policy_name: Option<String>,
        /// Policy file, for a policy of the agent's own.
        #[arg(long, value_name = "FILE")]
        policy_file: Option<PathBuf>,
        /// Tokenization scheme: vault-deterministic, reversible-aead or synthetic.
        #[arg(long)]
        tokenization: Option<String>,
        /// Require a key on the proxy URL. The key is printed once.
        #[arg(long)]
        proxy_key: bool,
    },
    /// Show an agent with its policy and statistics.
    Show {
        /// Agent ID.
        id: String,
    },
    /// Delete an agent. Its URL returns 404 immediately.
    Delete {
        /// Agent ID.
        id: String,
    },
}

/// `masker sessions`.
#[derive(clap::Subcommand)]
pub enum Sessions {
    /// List sessions, newest first.
    List {
        /// Only sessions newer than this age (24h, 7d) or time.
        #[arg(long)]
        since: Option<String>,
        /// Only sessions of this agent.
        #[arg(long, value_name = "ID")]
        agent_id: Option<String>,
        /// Only sessions with this status: ok, error or partial.
        #[arg(long)]
        status: Option<String>,
        /// Only sessions with at least this many masked values.
        #[arg(long, value_name = "COUNT")]
        min_redactions: Option<u64>,
        /// Only turns of this call.
        #[arg(long, value_name = "ID")]
        call_id: Option<String>,
        /// Maximum number of sessions, 1 to 100.
        #[arg(long, default_value_t = 25)]
        limit: u8,
    },
    /// Show a session with all its findings.
    Show {
        /// Session ID.
        id: String,
    },
    /// Print sessions as they end, until interrupted or until the output is closed. Exits with code 2 if sessions were
    /// missed.
    Tail,
}

/// `masker plugin`.
#[derive(clap::Subcommand)]
pub enum Plugins {
    /// List the plugins with their kinds and status.
    List {
        /// List the plugins in this folder, without a server.
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
    /// Install a component with its signature, FILE.sig. Replaces an installed plugin of the same name.
    Install {
        /// Component file.
        #[arg(default_value = plugin::COMPONENT)]
        file: PathBuf,
        /// Install into this folder, the MASKER_PLUGIN_DIR of a server, without calling the server.
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
    /// Remove an installed plugin.
    Remove {
        /// Plugin name.
        name: String,
        /// Remove it from this folder, without a server.
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
}

/// Scope and output of a report.
#[derive(clap::Args)]
pub struct ReportOptions {
    /// Report on one session.
    #[arg(long, value_name = "ID", conflicts_with_all = ["agent_id", "since"])]
    session_id: Option<String>,
    /// Report on one agent. Without --session-id and --agent-id the report covers the whole account.
    #[arg(long, value_name = "ID")]
    agent_id: Option<String>,
    /// Start of the period: an age (7d) or a time.
    #[arg(long)]
    since: Option<String>,
    /// Output file. The extension selects the format, .pdf or .json. Without it JSON is printed to standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs `masker agents`.
pub fn agents(command: Agents, policy: Option<&str>, remote: &Remote, output: Output) -> Result<(), Failure> {
    match command {
        Agents::List { name_contains } => {
            let query = name_contains.map_or_else(String::new, |name| format!("&name_contains={}", escaped(&name)));
            let rows = all(remote, &format!("/api/v1/agents?limit=100{query}"))?;
            let columns = [
                ("id", "id"),
                ("name", "name"),
                ("platform", "platform"),
                ("upstream", "upstream"),
                ("policy", "policy_name"),
                ("24 h", "session_count_24h"),
            ];
            show::rows(&rows, &columns, output)
        }
        Agents::Create { name, upstream, platform, policy_name, policy_file, tokenization, proxy_key } => {
            let mut draft =
                Map::from_iter([("name".to_owned(), json!(name)), ("upstream".to_owned(), json!(upstream))]);
            // `--policy` is a file if one of that name exists, otherwise the name of a policy.
            let (policy_file, policy_name) = match policy {
                Some(policy) if Path::new(policy).is_file() => (Some(policy.into()), None),
                Some(policy) => (None, Some(policy.to_owned())),
                None => (policy_file, policy_name),
            };
            let policy_yaml = policy_file.map(|file| read(&file)).transpose()?;
            let more = [
                ("platform", platform),
                ("policy_name", policy_name),
                ("policy_yaml", policy_yaml),
                ("tokenization", tokenization),
                ("proxy_auth", proxy_key.then(|| "key".to_owned())),
            ];
            draft.extend(more.into_iter().filter_map(|(field, value)| Some((field.to_owned(), json!(value?)))));
            let made = remote.json("POST", "/api/v1/agents", Body::Json(draft.into()))?;
            show::object(&made["agent"], output)
        }
        Agents::Show { id } => {
            let agent = remote.json("GET", &format!("/api/v1/agents/{}", escaped(&id)), Body::Empty)?;
            show::object(&agent["agent"], output)
        }
        Agents::Delete { id } => done(remote.json("DELETE", &format!("/api/v1/agents/{}", escaped(&id)), Body::Empty)),
    }
}

const SESSION_COLUMNS: [(&str, &str); 7] = [
    ("began", "started_at"),
    ("id", "id"),
    ("agent", "agent_name"),
    ("status", "status"),
    ("masked", "redactions_by_kind"),
    ("ms", "duration_ms"),
    ("model", "upstream_model"),
];

/// Runs `masker sessions`.
pub fn sessions(command: Sessions, remote: &Remote, output: Output) -> Result<(), Failure> {
    match command {
        Sessions::List { since, agent_id, status, min_redactions, call_id, limit } => {
            let asked = [
                ("since", since),
                ("agent_id", agent_id),
                ("status", status),
                ("min_redactions", min_redactions.map(|n| n.to_string())),
                ("call_id", call_id),
            ];
            let asked = asked.into_iter().filter_map(|(name, value)| Some(format!("&{name}={}", escaped(&value?))));
            let page = remote.json(
                "GET",
                &format!("/api/v1/sessions?limit={limit}{}", asked.collect::<String>()),
                Body::Empty,
            )?;
            show::rows(page["data"].as_array().map_or(&[], Vec::as_slice), &SESSION_COLUMNS, output)
        }
        Sessions::Show { id } => {
            let session = remote.json("GET", &format!("/api/v1/sessions/{}", escaped(&id)), Body::Empty)?;
            show::object(&session["session"], output)
        }
        Sessions::Tail => tail::run(remote, output),
    }
}

/// Runs `masker plugin` on a server.
pub fn plugins(command: Plugins, remote: &Remote, output: Output) -> Result<(), Failure> {
    match command {
        Plugins::List { .. } => {
            let rows = all(remote, "/api/v1/plugins?limit=100")?;
            let columns = [
                ("name", "name"),
                ("version", "version"),
                ("from", "source"),
                ("calls", "calls"),
                ("failures", "failures"),
                ("p99 ms", "p99_ms"),
                ("digest", "digest"),
            ];
            show::rows(&rows, &columns, output)
        }
        Plugins::Install { file, .. } => {
            let bytes = fs::read(&file).map_err(|error| unreadable(&file, &error))?;
            let beside = signature::beside(&file);
            let signature = match fs::read_to_string(&beside) {
                Ok(text) => Some(text.trim().to_owned()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(unreadable(&beside, &error)),
            };
            let installed = remote.json("POST", "/api/v1/plugins", Body::Component { bytes, signature })?;
            show::object(&installed["plugin"], output)
        }
        Plugins::Remove { name, .. } => {
            done(remote.json("DELETE", &format!("/api/v1/plugins/{}", escaped(&name)), Body::Empty))
        }
    }
}

/// `masker policy show`.
pub fn show_policy(name: &str, version: Option<u32>, remote: &Remote, output: Output) -> Result<(), Failure> {
    let policy = policy(remote, name, version)?;
    if output.json {
        return show::object(&policy, output);
    }
    exit::written(write!(std::io::stdout(), "{}", policy["policy_yaml"].as_str().unwrap_or_default()))
}

/// `masker policy diff`: prints what a file would change. Ends with [`exit::COMMAND`] if there are differences.
pub fn diff_policy(name: &str, file: &Path, remote: &Remote, output: Output) -> Result<(), Failure> {
    let there = policy(remote, name, None)?;
    let (old, new) = (there["policy_yaml"].as_str().unwrap_or_default().to_owned(), read(file)?);
    let diff = TextDiff::from_lines(old.as_str(), new.as_str());
    let label = format!("{name} version {}", there["version"]);
    let text = diff.unified_diff().header(&label, &file.display().to_string()).to_string();
    let mut out = std::io::stdout();
    exit::written(match output.json {
        true => writeln!(out, "{}", json!({"changed": !text.is_empty(), "diff": text})),
        false => write!(out, "{text}"),
    })?;
    if text.is_empty() { Ok(()) } else { Err(Failure::new(exit::COMMAND, "")) }
}

/// `masker policy reload`.
pub fn reload_policies(remote: &Remote, output: Output) -> Result<(), Failure> {
    show::object(&remote.json("POST", "/api/v1/admin/policy/reload", Body::Empty)?, output)
}

/// `masker report`.
pub fn report(options: &ReportOptions, remote: &Remote, output: Output) -> Result<(), Failure> {
    let is_pdf =
        options.output.as_ref().is_some_and(|file| file.extension().is_some_and(|end| end.eq_ignore_ascii_case("pdf")));
    let format = if is_pdf { "pdf" } else { "json" };
    let path = match (&options.session_id, &options.agent_id) {
        (Some(id), _) => format!("/api/v1/sessions/{}/report", escaped(id)),
        (None, Some(id)) => format!("/api/v1/agents/{}/report", escaped(id)),
        (None, None) => "/api/v1/reports".to_owned(),
    };
    let since = options.since.as_ref().map_or_else(String::new, |since| format!("&since={}", escaped(since)));
    let waiting = show::waiting("the server is reading the journal and creating the report", output);
    let bytes = remote.bytes("GET", &format!("{path}?format={format}{since}"), Body::Empty);
    waiting.finish_and_clear();
    let bytes = bytes?;
    match &options.output {
        Some(file) => write(file, &bytes).map_err(|error| unreadable(file, &error)),
        None => exit::written(std::io::stdout().write_all(&bytes).and_then(|()| writeln!(std::io::stdout()))),
    }
}

/// Writes a report readable only by the user. An existing path that is not a regular file, such as a pipe, is written
/// to directly.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    match fs::metadata(file) {
        Ok(there) if !there.is_file() => fs::OpenOptions::new().write(true).open(file)?.write_all(bytes),
        Ok(_) => files::write(&fs::canonicalize(file)?, bytes),
        Err(_) => files::write(file, bytes),
    }
}

fn policy(remote: &Remote, name: &str, version: Option<u32>) -> Result<Value, Failure> {
    let version = version.map_or_else(String::new, |version| format!("?version={version}"));
    let mut answer = remote.json("GET", &format!("/api/v1/policies/{}{version}", escaped(name)), Body::Empty)?;
    Ok(answer["policy"].take())
}

/// All rows of a paginated list.
fn all(remote: &Remote, path: &str) -> Result<Vec<Value>, Failure> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut page = remote.json("GET", &format!("{path}{cursor}"), Body::Empty)?;
        if let Value::Array(more) = page["data"].take() {
            rows.extend(more);
        }
        let Some(next) = page["next_cursor"].as_str() else { return Ok(rows) };
        cursor = format!("&cursor={}", escaped(next));
    }
}

fn done(answer: Result<Value, Failure>) -> Result<(), Failure> {
    answer.map(drop)
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(exit::GENERIC, format!("{}: {error}", file.display()))
}

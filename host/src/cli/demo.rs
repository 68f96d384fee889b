//! `masker demo`: runs a sample phone call through the real service, in one process and without any set-up, and prints
//! what the caller said, what the LLM saw and what the caller heard.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::Output;
use super::exit::{self, Failure};
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::http::router::router;
use crate::store::api_tokens::NewApiToken;

/// What the caller says, one entry per turn.
const CALL: [&str; 4] = [
    "hi this is maria gonzalez i need to move my appointment",
    "my date of birth is march fourteenth nineteen eighty two",
    "you can reach me at four one five five five five oh one three four",
    "it's for my daughter sofia, we live at 12 Oak Lane, Springfield, and the card is 4111 1111 1111 1111",
];

/// One turn of the call.
struct Turn {
    said: String,
    seen: String,
    heard: String,
}

/// Runs the call and prints it.
pub fn run(output: Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(anyhow::Error::from)?;
    let folder = Scratch::new()?;
    let turns = runtime.block_on(play(&folder))?;
    let mut out = std::io::stdout();
    if output.json {
        let turns = turns.iter().map(|turn| json!({"said": turn.said, "llm_saw": turn.seen, "heard": turn.heard}));
        return exit::written(writeln!(out, "{}", json!({"turns": turns.collect::<Vec<_>>()})));
    }
    exit::written(print(&turns, &mut out))
}

fn print(turns: &[Turn], out: &mut (impl Write + IsTerminal)) -> std::io::Result<()> {
    let (bold, dim, tint, off) = match out.is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        true => ("\u{1b}[1m", "\u{1b}[2m", "\u{1b}[36m", "\u{1b}[0m"),
        false => ("", "", "", ""),
    };
    writeln!(
        out,
        "{bold}A call through Masker{off}\n{dim}policy healthcare-default, compact tokens, an LLM stub that repeats its input{off}\n"
    )?;
    for turn in turns {
        writeln!(out, "  {dim}caller said {off}  {}", turn.said)?;
        writeln!(out, "  {tint}the LLM saw{off}   {}", turn.seen)?;
        writeln!(out, "  {dim}caller heard{off}  {}\n", turn.heard)?;
    }
    writeln!(out, "{dim}Nothing was saved. Next: run `masker serve` and open the portal URL it prints.{off}")
}

async fn play(folder: &Scratch) -> anyhow::Result<Vec<Turn>> {
    let settings = [
        ("MASKER_DEV", "1".to_owned()),
        ("MASKER_DATA_DIR", folder.0.display().to_string()),
        ("MASKER_PAYLOAD_RETENTION_DAYS", "1".to_owned()),
        // Plugins are compiled before the first call, but a slow machine should not time out either.
        ("MASKER_DETECTION_TIMEOUT_MS", "10000".to_owned()),
    ];
    let config = Config::load(&Environment::from_pairs(settings)).context("invalid demo settings")?;
    let app = App::start(config, Clock::system(), Vec::new()).await?;
    let service = Service::new(&app).await?;
    let policy = app
        .catalog()
        .policy_of_install("healthcare-default")
        .context("the built-in policy is missing")?
        .document
        .clone();
    let policy = policy
        .replace("log_payloads: false", "log_payloads: true")
        .replace("token_style: full", "token_style: compact");
    let agent = json!({"name": "demo", "upstream": "stub", "policy_yaml": policy});
    let agent = service.call("POST", "/api/v1/agents", agent).await?;
    let proxy = format!("/proxy/{}/v1/chat/completions", agent["agent"]["id"].as_str().unwrap_or_default());
    let mut turns = Vec::new();
    for said in CALL {
        let answer = service.call("POST", &proxy, json!({"messages": [{"role": "user", "content": said}]})).await?;
        let heard = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default();
        // The stub repeats what it received, then the same text with `<KIND>` for tokens; only the first line is used.
        let heard = heard.lines().next().unwrap_or_default().to_owned();
        app.store().sessions_flushed().await?;
        let seen = service.masked_of_turn(turns.len()).await?;
        turns.push(Turn { said: said.to_owned(), seen, heard });
    }
    Ok(turns)
}

/// The router with a credential for it.
struct Service {
    router: Router,
    bearer: String,
}

impl Service {
    async fn new(app: &Arc<App>) -> anyhow::Result<Self> {
        let new = NewApiToken {
            account_id: app.store().first_account(),
            name: "demo".to_owned(),
            scopes: vec!["admin".to_owned()],
            expires_at: None,
            created_by: None,
            made_with: None,
        };
        let (_, secret) = app.store().create_api_token(new).await?;
        Ok(Self { router: router(app.clone()), bearer: format!("Bearer {}", secret.expose()) })
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("authorization", &self.bearer)
            .header("masker-session-id", "demo")
            .body(body)?;
        let response = self.router.clone().oneshot(request).await?;
        let bytes = response.into_body().collect().await?.to_bytes();
        Ok(serde_json::from_slice(&bytes)?)
    }

    async fn masked_of_turn(&self, turn: usize) -> anyhow::Result<String> {
        // The session's row is written after the response.
        for _ in 0..200 {
            let list = self.call("GET", "/api/v1/sessions?limit=100", Value::Null).await?;
            // Newest first.
            let rows = list["data"].as_array().map_or(&[][..], Vec::as_slice);
            if let Some(id) = rows.len().checked_sub(turn + 1).and_then(|at| rows[at]["id"].as_str()) {
                let detail = self.call("GET", &format!("/api/v1/sessions/{id}"), Value::Null).await?;
                let masked = detail["session"]["payloads"]["masked"].as_str().unwrap_or_default();
                let body: Value = serde_json::from_str(masked).unwrap_or_default();
                return Ok(body["messages"][0]["content"].as_str().unwrap_or_default().to_owned());
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        anyhow::bail!("the call was not recorded")
    }
}

/// A temporary folder, removed on drop.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let mut name = [0; 12];
        getrandom::fill(&mut name)?;
        let path = std::env::temp_dir().join(format!("masker-demo-{}", data_encoding::HEXLOWER.encode(&name)));
        crate::files::create_new_folder(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

//! The fake upstream as a program, for tests that drive other programs: it prints its base URL and writes every
//! request to a file, one JSON object per line.

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use masker_fake_upstream::{FakeUpstream, Recorded, Reply, respond};
use serde_json::{Value, json};

/// Answers like an OpenAI-compatible provider and records requests.
#[derive(Parser)]
struct Arguments {
    /// Listen address; port 0 selects a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Repeat the last message, in text or in a tool call. Currently the only mode.
    #[arg(long)]
    echo: bool,
    /// Write every request here, one JSON object per line.
    #[arg(long)]
    record: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(arguments.echo, "say how to answer: --echo");
    let record = match &arguments.record {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
            Some(Mutex::new(file))
        }
        None => None,
    };
    let upstream =
        FakeUpstream::listen(arguments.listen).await.with_context(|| format!("listen on {}", arguments.listen))?;
    upstream.respond_with(move |request| match write(record.as_ref(), request) {
        Ok(()) => respond::echo(request),
        // A gap in the record must be visible as one.
        Err(_) => Reply::server_error(),
    });
    writeln!(io::stdout(), "{}", upstream.base_url())?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// Writes the request before it is answered, so that a client that has its answer finds it in the file.
fn write(record: Option<&Mutex<File>>, request: &Recorded) -> io::Result<()> {
    let Some(record) = record else { return Ok(()) };
    let headers = request.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), Value::String(value))
    });
    let headers: serde_json::Map<String, Value> = headers.collect();
    let line = json!({
        "method": request.method, "path": request.path, "headers": headers, "body": request.text(),
    });
    let mut file = record.lock().map_err(|_| io::Error::other("poisoned"))?;
    writeln!(file, "{line}")
}

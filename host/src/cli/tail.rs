//! `masker sessions tail`: prints sessions as they end, until the output is closed.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Output;
use super::exit::{self, Failure};
use super::remote::Remote;

/// Prints sessions until standard output is closed or the server revokes access. Ends with [`exit::COMMAND`] if
/// sessions were missed.
pub fn run(remote: &Remote, output: Output) -> Result<(), Failure> {
    let mut missed = false;
    remote.follow("/api/v1/sessions/stream", |event, data| match event {
        "session" => print(data, output),
        "missed" => {
            missed = true;
            tell_missed(data, output)
        }
        _ => Ok(()),
    })?;
    if missed { Err(Failure::new(exit::COMMAND, "")) } else { Ok(()) }
}

fn print(data: &str, output: Output) -> io::Result<()> {
    let mut out = io::stdout();
    if output.json {
        writeln!(out, "{data}")?;
        return out.flush();
    }
    let row: Value = serde_json::from_str(data).unwrap_or_default();
    let text = |field: &str| row[field].as_str().unwrap_or("-").to_owned();
    let masked = row["redactions_by_kind"].as_object().map_or_else(String::new, |kinds| {
        kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
    });
    let (began, id, status, agent) = (text("started_at"), text("id"), text("status"), text("agent_name"));
    writeln!(out, "{began}  {id}  {status}  {agent}  {masked}")?;
    out.flush()
}

/// Reports a gap: as a JSON line in JSON mode, otherwise as a warning on standard error.
fn tell_missed(data: &str, output: Output) -> io::Result<()> {
    let count = serde_json::from_str::<Value>(data).unwrap_or_default()["count"].as_u64();
    if output.json {
        let mut out = io::stdout();
        writeln!(out, "{}", json!({"missed": count}))?;
        return out.flush();
    }
    let many = count.map_or_else(|| "some sessions".to_owned(), |count| format!("{count} sessions"));
    writeln!(io::stderr(), "masker: {many} were missed; run `masker sessions list` to see them")
}

//! `masker audit verify`: reads a journal and trusts nothing in it. Needs no service and no data folder.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use serde_json::json;

use super::Output;
use super::exit::{self, Failure};
use crate::audit::chain::hex_text;
use crate::audit::verify::{Broken, Fault, Verified, verify as check};
use crate::config::{Config, Environment};
use crate::keys::SecretKey;

/// Checks a journal from its first line to its last. A broken one ends with the command's own exit code.
pub fn verify(log: &Path, key: Option<&Path>, output: Output) -> Result<(), Failure> {
    let key = read_key(key)?;
    let unreadable = |error: &dyn std::fmt::Display| Failure::new(exit::GENERIC, format!("{}: {error}", log.display()));
    let journal = File::open(log).map_err(|error| unreadable(&error))?;
    match check(BufReader::new(journal), &key) {
        Ok(verified) => exit::written(print(&verified, output)),
        Err(broken) if broken.what == Fault::Unreadable => Err(unreadable(&broken)),
        Err(broken) => {
            if output.json {
                exit::written(writeln!(std::io::stdout(), "{}", shown(&broken)))?;
                return Err(Failure::new(exit::COMMAND, ""));
            }
            Err(Failure::new(exit::COMMAND, format!("{}: {broken}", log.display())))
        }
    }
}

/// From the file, or as the service reads it. A key on the command line itself would stand in the list of processes.
fn read_key(file: Option<&Path>) -> Result<SecretKey, Failure> {
    let environment = match file {
        Some(file) => Environment::from_pairs([("MASKER_AUDIT_HMAC_KEY_FILE", file.display().to_string())]),
        None => Environment::of_process(),
    };
    Config::load_audit_key(&environment).map_err(|problems| Failure::new(exit::GENERIC, problems.to_string()))
}

fn print(verified: &Verified, output: Output) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    let (start, end) = (hex_text(&verified.start_hash), hex_text(&verified.end_hash));
    if output.json {
        let shown = json!({
            "ok": true, "event_count": verified.events, "message": "chain ok", "start_hash": start, "end_hash": end,
        });
        writeln!(out, "{shown}")
    } else if output.quiet {
        Ok(())
    } else {
        writeln!(out, "chain ok: {} events\nfirst {start}\nlast  {end}", verified.events)
    }
}

fn shown(broken: &Broken) -> serde_json::Value {
    json!({
        "ok": false, "event_count": broken.line - 1, "message": broken.to_string(),
        "line": broken.line, "offset": broken.offset,
    })
}

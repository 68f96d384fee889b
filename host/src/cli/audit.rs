//! `masker audit`: reads a journal and trusts nothing in it. Needs no service and no data folder.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Output;
use super::exit::{self, Failure};
use crate::audit::chain::{Hash, hex_text};
use crate::audit::merkle;
use crate::audit::verify::{Broken, Fault, Line, Verified, next_line, verify as check, verify_part};
use crate::config::{Config, Environment};
use crate::ids::{EventId, SessionId};
use crate::keys::SecretKey;
use crate::store::journal::{Bytes, segments};

/// Checks a journal from its first line to its last. A broken one ends with the command's own exit code.
pub fn verify(
    log: &Path,
    key: Option<&Path>,
    part: bool,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let key = read_key(key, environment)?;
    // Of a part, the file alone.
    let files = if part { vec![log.to_owned()] } else { files_of(log)? };
    let bytes = Bytes::of_files(files.clone());
    match if part { verify_part(bytes, &key) } else { check(bytes, &key) } {
        Ok(verified) => exit::written(print(&verified, output)),
        Err(broken) if broken.what == Fault::Unreadable => {
            Err(Failure::new(exit::GENERIC, format!("{}: {broken}", log.display())))
        }
        Err(broken) => {
            let place = Place::find(&files, &broken);
            if output.json {
                exit::written(writeln!(std::io::stdout(), "{}", shown(&broken, &place)))?;
                return Err(Failure::new(exit::COMMAND, ""));
            }
            Err(Failure::new(exit::COMMAND, format!("{}: {}", place.file.display(), place.broken)))
        }
    }
}

/// The files of a journal, oldest first: the closed ones stand beside the newest.
fn files_of(log: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| Failure::new(exit::GENERIC, format!("{}: {error}", log.display()));
    File::open(log).map_err(|error| unreadable(&error))?;
    let closed = segments::list(log).map_err(|error| unreadable(&error))?;
    Ok(closed.into_iter().map(|segment| segment.path).chain([log.to_owned()]).collect())
}

/// Where a journal is broken, within the file in which that is.
struct Place {
    file: PathBuf,
    broken: Broken,
}

impl Place {
    fn find(files: &[PathBuf], broken: &Broken) -> Self {
        let first = files.first().cloned().unwrap_or_default();
        let mut begins = segments::begin_of(&first).unwrap_or_default();
        for file in files {
            let end = begins + std::fs::metadata(file).map_or(0, |file| file.len());
            if (begins..end).contains(&broken.offset) {
                let offset = broken.offset - begins;
                // Where it cannot be read, the line is the first as far as anybody can tell.
                let line = File::open(file).and_then(|file| lines_in(file.take(offset))).unwrap_or_default() + 1;
                return Self { file: file.clone(), broken: Broken { line, offset, ..*broken } };
            }
            begins = end;
        }
        Self { file: first, broken: *broken }
    }
}

/// Checks the whole journal, then prints an event with its audit path in the RFC 6962 tree of its session, and the root
/// that the session's row and its reports name.
pub fn prove(
    log: &Path,
    event: &str,
    key: Option<&Path>,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let event: EventId = event
        .parse()
        .map_err(|_| Failure::new(exit::USAGE, format!("{event}: is not the id of an event (evt_...)")))?;
    verify(log, key, false, environment, Output { json: false, quiet: true })?;
    let unreadable = |error: &dyn std::fmt::Display| Failure::new(exit::GENERIC, format!("{}: {error}", log.display()));
    let mut journal = Bytes::of_files(files_of(log)?);
    let mut trees: HashMap<SessionId, Vec<Hash>> = HashMap::new();
    let (mut buffer, mut found) = (Vec::new(), None);
    while let Some(text) = next_line(&mut journal, &mut buffer).map_err(|fault| unreadable(&fault))? {
        let Some(line) = Line::parse(text) else { continue };
        let Some(session) = line.event.session_id else {
            if line.event.event_id == event {
                let problem = format!("{event}: belongs to no session, so there is no tree to prove it in");
                return Err(Failure::new(exit::COMMAND, problem));
            }
            continue;
        };
        let leaves = trees.entry(session).or_default();
        if line.event.event_id == event {
            found = Some((session, leaves.len(), String::from_utf8_lossy(text).into_owned()));
        }
        leaves.push(line.hash);
    }
    let missing = || Failure::new(exit::COMMAND, format!("{event}: is not in {}", log.display()));
    let (session, index, text) = found.ok_or_else(missing)?;
    let leaves = trees.get(&session).ok_or_else(missing)?;
    let path = merkle::inclusion_proof(leaves, index).ok_or_else(missing)?;
    let proof = json!({
        "event_id": event.text(), "session_id": session.text(), "event": text, "leaf_hash": hex_text(&leaves[index]),
        "leaf_index": index, "tree_size": leaves.len(), "path": path.iter().map(hex_text).collect::<Vec<_>>(),
        "merkle_root_hex": hex_text(&merkle::root(leaves)),
    });
    exit::written(print_proof(&proof, &path, output))
}

fn lines_in(file: impl Read) -> std::io::Result<u64> {
    BufReader::new(file).split(b'\n').try_fold(0, |lines, line| line.map(|_| lines + 1))
}

fn print_proof(proof: &serde_json::Value, path: &[Hash], output: Output) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    if output.json {
        return writeln!(out, "{proof}");
    }
    let text = |key: &str| proof[key].as_str().unwrap_or_default();
    writeln!(out, "event    {}\nsession  {}", text("event_id"), text("session_id"))?;
    writeln!(out, "leaf     {}  number {} of {}", text("leaf_hash"), proof["leaf_index"], proof["tree_size"])?;
    for hash in path {
        writeln!(out, "sibling  {}", hex_text(hash))?;
    }
    writeln!(out, "root     {}", text("merkle_root_hex"))
}

/// From the file, or as the service reads it. A key on the command line itself would stand in the list of processes.
fn read_key(file: Option<&Path>, environment: &Environment) -> Result<SecretKey, Failure> {
    let of_file =
        file.map(|file| Environment::from_pairs([("MASKER_AUDIT_HMAC_KEY_FILE", file.display().to_string())]));
    Config::load_audit_key(of_file.as_ref().unwrap_or(environment))
        .map_err(|problems| Failure::new(exit::GENERIC, problems.to_string()))
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

fn shown(broken: &Broken, place: &Place) -> serde_json::Value {
    json!({
        "ok": false, "event_count": broken.line - 1, "message": broken.to_string(),
        "line": broken.line, "offset": broken.offset, "file": place.file.display().to_string(),
        "line_in_file": place.broken.line, "offset_in_file": place.broken.offset,
    })
}

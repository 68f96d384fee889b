//! `masker audit`: verifies a journal without trusting its content. Needs no service and no data folder.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Output;
use super::exit::{self, Failure};
use crate::audit::chain::{Hash, hex_text};
use crate::audit::checkpoint::Lost;
use crate::audit::merkle;
use crate::audit::verify::{Broken, Fault, Line, Verified, next_line, verify as check, verify_part};
use crate::config::{Config, Environment};
use crate::ids::{EventId, SessionId};
use crate::keys::SecretKey;
use crate::store::journal::{Bytes, Snapshot, checkpoint};
use crate::store::rebuild::remembered_end;

/// Verifies a journal from its first line to its last. A broken or truncated journal ends with [`exit::COMMAND`].
pub fn verify(
    log: &Path,
    key: Option<&Path>,
    part: bool,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let key = read_key(key, environment)?;
    if part {
        let found = verify_part(Bytes::of_file(log.to_owned()), &key);
        return match found {
            Ok(verified) => exit::written(print(&verified, output)),
            Err(broken) => Err(refuse(&broken, &LineLocation { file: log.to_owned(), broken }, log, output)),
        };
    }
    // Read before the files, because a running service may append in the meantime.
    let before = Remembered::of(log, &key);
    let (files, found) = beside(log, |files| check(files.bytes(), &key))?;
    match found {
        Ok(verified) => match before.missing(&files) {
            Some(missing) => Err(refuse_shorter(&missing, &verified, log, output)),
            None => exit::written(print(&verified, output)),
        },
        Err(broken) => Err(refuse(&broken, &LineLocation::find(&files, &broken), log, output)),
    }
}

/// Runs `read` on a snapshot of the journal, which a running service may be appending to or rotating.
fn beside<T>(
    log: &Path,
    read: impl FnMut(&Snapshot) -> Result<T, Broken>,
) -> Result<(Snapshot, Result<T, Broken>), Failure> {
    Snapshot::read_beside(log, read).map_err(|error| unreadable(log, &error))
}

fn unreadable(log: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(exit::GENERIC, format!("{}: {error}", log.display()))
}

/// The journal's length as recorded by its checkpoint and by the database next to it.
struct Remembered {
    end: u64,
    lost: Option<Lost>,
}

impl Remembered {
    fn of(log: &Path, key: &SecretKey) -> Self {
        let checkpoint = checkpoint::read(log, key).unwrap_or_default();
        let checked = checkpoint.checked.map(|checked| checked.end);
        let database = remembered_end(&log.with_file_name("masker.db"));
        Self { end: checked.max(database).unwrap_or_default(), lost: checkpoint.lost }
    }

    fn missing(&self, files: &Snapshot) -> Option<Lost> {
        let bytes = self.end.saturating_sub(files.end());
        if bytes > 0 { Some(Lost { offset: files.end(), bytes }) } else { self.lost }
    }
}

fn refuse(broken: &Broken, place: &LineLocation, log: &Path, output: Output) -> Failure {
    if broken.what == Fault::Unreadable {
        return unreadable(log, broken);
    }
    if output.json {
        return refused_as_json(&shown(broken, place));
    }
    Failure::new(exit::COMMAND, format!("{}: {}", place.file.display(), place.broken))
}

fn refuse_shorter(missing: &Lost, verified: &Verified, log: &Path, output: Output) -> Failure {
    let message = format!("the journal is shorter than recorded: {missing}");
    if output.json {
        return refused_as_json(&json!({
            "ok": false, "event_count": verified.events, "message": message,
            "missing_bytes": missing.bytes, "offset": missing.offset,
        }));
    }
    Failure::new(exit::COMMAND, format!("{}: {message}", log.display()))
}

fn refused_as_json(shown: &serde_json::Value) -> Failure {
    match exit::written(writeln!(std::io::stdout(), "{shown}")) {
        Ok(()) => Failure::new(exit::COMMAND, ""),
        Err(failure) => failure,
    }
}

/// Position of the first broken line, relative to the file that contains it.
struct LineLocation {
    file: PathBuf,
    broken: Broken,
}

impl LineLocation {
    fn find(files: &Snapshot, broken: &Broken) -> Self {
        let (file, offset, before) = files.file_at(broken.offset);
        // If the part before it cannot be read, the line counts as the first.
        let line = lines_in(before).unwrap_or_default() + 1;
        Self { file, broken: Broken { line, offset, ..*broken } }
    }
}

/// Verifies the whole journal, then prints an event with its audit path in the RFC 6962 tree of its session, and the
/// root that is also in the session's row and its reports.
pub fn prove(
    log: &Path,
    event: &str,
    key: Option<&Path>,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let event: EventId =
        event.parse().map_err(|_| Failure::new(exit::USAGE, format!("{event}: not an event ID (evt_...)")))?;
    let key = read_key(key, environment)?;
    let (files, found) = beside(log, |files| {
        check(files.bytes(), &key)?;
        tree_of(event, files.bytes())
    })?;
    let tree = found.map_err(|broken| {
        refuse(&broken, &LineLocation::find(&files, &broken), log, Output { json: false, quiet: true })
    })?;
    let missing = || Failure::new(exit::COMMAND, format!("{event}: not found in {}", log.display()));
    let Tree { session, leaves, index, text } = match tree.ok_or_else(missing)? {
        Found::InSession(tree) => tree,
        Found::Alone => {
            let problem = format!("{event}: belongs to no session, so it is in no Merkle tree");
            return Err(Failure::new(exit::COMMAND, problem));
        }
    };
    let path = merkle::inclusion_proof(&leaves, index).ok_or_else(missing)?;
    let proof = json!({
        "event_id": event.text(), "session_id": session.text(), "event": text, "leaf_hash": hex_text(&leaves[index]),
        "leaf_index": index, "tree_size": leaves.len(), "path": path.iter().map(hex_text).collect::<Vec<_>>(),
        "merkle_root_hex": hex_text(&merkle::root(&leaves)),
    });
    exit::written(print_proof(&proof, &path, output))
}

/// Result of a search for an event.
enum Found {
    InSession(Tree),
    /// The event belongs to no session.
    Alone,
}

/// The tree of an event's session.
struct Tree {
    session: SessionId,
    leaves: Vec<Hash>,
    /// Index of the event's leaf.
    index: usize,
    /// The event's journal line.
    text: String,
}

/// Looks an event up in a verified journal.
fn tree_of(event: EventId, mut journal: Bytes) -> Result<Option<Found>, Broken> {
    let mut trees: HashMap<SessionId, Vec<Hash>> = HashMap::new();
    let (mut buffer, mut found) = (Vec::new(), None);
    let broken = |what| Broken { line: 1, offset: 0, what };
    while let Some(text) = next_line(&mut journal, &mut buffer).map_err(broken)? {
        let Some(line) = Line::parse(text) else { continue };
        let Some(session) = line.event.session_id else {
            if line.event.event_id == event {
                return Ok(Some(Found::Alone));
            }
            continue;
        };
        let leaves = trees.entry(session).or_default();
        if line.event.event_id == event {
            found = Some((session, leaves.len(), String::from_utf8_lossy(text).into_owned()));
        }
        leaves.push(line.hash);
    }
    Ok(found.map(|(session, index, text)| {
        Found::InSession(Tree { session, leaves: trees.remove(&session).unwrap_or_default(), index, text })
    }))
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

/// Reads the key from the file, or from the service's settings. There is no option for the key itself, because command
/// lines are visible in the process list.
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

fn shown(broken: &Broken, place: &LineLocation) -> serde_json::Value {
    json!({
        "ok": false, "event_count": broken.line - 1, "message": broken.to_string(),
        "line": broken.line, "offset": broken.offset, "file": place.file.display().to_string(),
        "line_in_file": place.broken.line, "offset_in_file": place.broken.offset,
    })
}

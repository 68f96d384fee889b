//! `masker audit verify`: a sound journal, a changed one, and what cannot be read.

use std::fs;

use masker::audit::event::{Event, EventKind};
use masker::clock::Timestamp;
use masker::keys::SecretKey;
use masker::store::journal::Journal;
use tempfile::TempDir;

use super::{KEY, Ran, SECRET, folder, masker, run};

/// A journal of three events, written with [`KEY`].
fn journal() -> TempDir {
    let folder = folder();
    let (journal, _) = Journal::open(&folder.path().join("audit.jsonl"), &SecretKey::new([7; 32])).expect("it opens");
    let event = |at| Event::new(EventKind::Login, Timestamp::from_millis(at));
    journal.append(&[event(1), event(2), event(3)]).expect("it takes events");
    folder
}

fn verify(folder: &TempDir, more: &[&str]) -> Ran {
    let log = folder.path().join("audit.jsonl");
    let mut command = masker(&["audit", "verify", "--log"]);
    run(command.arg(log).args(more).env("MASKER_AUDIT_HMAC_KEY", KEY))
}

#[test]
fn a_sound_journal_verifies_with_the_key_of_the_environment_or_of_a_file() {
    let folder = journal();
    let ran = verify(&folder, &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("chain ok: 3 events\n"), "{}", ran.out);

    let ran = verify(&folder, &["--json"]);
    let shown: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((ran.code, &shown["ok"], &shown["event_count"]), (0, &true.into(), &3.into()));

    let other = folder.path().join("other");
    fs::write(&other, "KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio=").expect("written");
    let ran = verify(&folder, &["--key", other.to_str().expect("UTF-8")]);
    assert_eq!(ran.code, 2, "another key verifies nothing");
    fs::write(&other, KEY).expect("written");
    assert_eq!(verify(&folder, &["--quiet", "--key", other.to_str().expect("UTF-8")]).out, "");
}

#[test]
fn the_first_bad_line_is_named_by_line_and_byte() {
    let folder = journal();
    let file = folder.path().join("audit.jsonl");
    let text = fs::read_to_string(&file).expect("a journal");
    fs::write(&file, text.replace(".002Z", ".009Z")).expect("written");
    let second = text.find('\n').expect("lines") + 1;
    let ran = verify(&folder, &[]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains(&format!("line 2, byte {second}: was changed")), "{}", ran.err);

    let ran = verify(&folder, &["--json"]);
    let shown: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((ran.code, &shown["ok"], &shown["line"]), (2, &false.into(), &2.into()));
    assert_eq!((&shown["offset"], &shown["event_count"]), (&second.into(), &1.into()));
}

#[test]
fn a_missing_file_or_key_is_an_error_that_says_which() {
    let folder = folder();
    let ran = verify(&folder, &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("audit.jsonl"), "{}", ran.err);
    let ran = run(&mut masker(&["audit", "verify", "--log", "x"]));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("MASKER_AUDIT_HMAC_KEY"), "{}", ran.err);
    let ran = run(masker(&["audit", "verify", "--log", "x"]).env("MASKER_AUDIT_HMAC_KEY", SECRET));
    assert!(ran.code == 1 && !ran.err.contains(SECRET), "{}", ran.err);
    assert_eq!(run(&mut masker(&["audit", "verify"])).code, 64);
}

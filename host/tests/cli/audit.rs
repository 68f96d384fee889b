//! `masker audit verify`: intact, altered and unreadable journals.

use std::fs;

use masker::audit::chain::{from_hex, hex_text};
use masker::audit::event::{Event, EventKind};
use masker::audit::merkle::{is_included, root};
use masker::clock::Timestamp;
use masker::ids::SessionId;
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

#[test]
fn a_journal_of_several_files_is_checked_as_one_and_the_bad_file_is_named() {
    let folder = folder();
    let log = folder.path().join("audit.jsonl");
    let (journal, _) = Journal::open_rotating(&log, &SecretKey::new([7; 32]), 1, 0).expect("it opens");
    let session = SessionId::generate();
    let event =
        |at| Event { session_id: Some(session), ..Event::new(EventKind::Redaction, Timestamp::from_millis(at)) };
    let events = [event(1), event(2), event(3)];
    events.iter().for_each(|event| drop(journal.append(std::slice::from_ref(event)).expect("it takes events")));
    let closed: Vec<_> = journal.closed_files().into_iter().map(|file| file.path).collect();
    assert_eq!(closed.len(), 2);

    let ran = verify(&folder, &[]);
    assert!(ran.code == 0 && ran.out.starts_with("chain ok: 5 events\n"), "{}{}", ran.out, ran.err);
    let mut command = masker(&["audit", "prove", "--json", "--event", &events[1].event_id.text(), "--log"]);
    let proof = run(command.arg(&log).env("MASKER_AUDIT_HMAC_KEY", KEY));
    let proof: serde_json::Value = serde_json::from_str(&proof.out).expect("JSON");
    assert_eq!((&proof["leaf_index"], &proof["tree_size"]), (&1.into(), &3.into()));

    let text = fs::read_to_string(&closed[1]).expect("a journal");
    fs::write(&closed[1], text.replace("\"ts\":\"1970-01-01T00:00:00.002Z", "\"ts\":\"1970-01-01T00:00:00.009Z"))
        .expect("written");
    let ran = verify(&folder, &[]);
    assert!(ran.code == 2 && ran.err.contains(closed[1].to_str().expect("UTF-8")), "{}", ran.err);
    assert!(ran.err.contains("line 1, byte 0: was changed"), "{}", ran.err);
    let shown: serde_json::Value = serde_json::from_str(&verify(&folder, &["--json"]).out).expect("JSON");
    let first = fs::metadata(&closed[0]).expect("a file").len();
    assert_eq!((&shown["line"], &shown["offset"]), (&2.into(), &first.into()));
    assert_eq!((&shown["line_in_file"], &shown["offset_in_file"]), (&1.into(), &0.into()));
    fs::write(&closed[1], text).expect("written");

    fs::remove_file(&closed[0]).expect("it is there");
    let ran = verify(&folder, &[]);
    assert!(ran.code == 2 && ran.err.contains("is not the first of its journal"), "{}", ran.err);
    let ran = verify(&folder, &["--part"]);
    assert!(ran.code == 0 && ran.out.starts_with("chain ok: 2 events\n"), "{}", ran.err);
}

#[test]
fn an_event_is_proved_to_stand_in_its_sessions_tree() {
    let folder = folder();
    let (journal, _) = Journal::open(&folder.path().join("audit.jsonl"), &SecretKey::new([7; 32])).expect("it opens");
    let session = SessionId::generate();
    let event = |at, session_id| Event { session_id, ..Event::new(EventKind::Redaction, Timestamp::from_millis(at)) };
    let events = [event(1, Some(session)), event(2, None), event(3, Some(session)), event(4, Some(session))];
    let hashes = journal.append(&events).expect("it takes events").hashes;
    let log = folder.path().join("audit.jsonl");
    let prove = |event: &str, more: &[&str]| {
        let mut command = masker(&["audit", "prove", "--event", event, "--log"]);
        run(command.arg(&log).args(more).env("MASKER_AUDIT_HMAC_KEY", KEY))
    };

    let ran = prove(&events[2].event_id.text(), &["--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let proof: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let leaves = [hashes[0], hashes[2], hashes[3]];
    assert_eq!(proof["merkle_root_hex"], hex_text(&root(&leaves)).as_str());
    let path: Vec<_> = proof["path"]
        .as_array()
        .expect("a path")
        .iter()
        .map(|hash| from_hex(hash.as_str().expect("text")).expect("a hash"))
        .collect();
    assert!(is_included(&hashes[2], 1, 3, &path, &root(&leaves)));
    assert_eq!((&proof["leaf_index"], &proof["tree_size"]), (&1.into(), &3.into()));
    assert!(prove(&events[2].event_id.text(), &[]).out.contains("number 1 of 3"));

    let outside = prove(&events[1].event_id.text(), &[]);
    assert!(outside.code == 2 && outside.err.contains("belongs to no session"), "{}", outside.err);
    let unknown = prove("evt_01JZ0000000000000000000000", &[]);
    assert!(unknown.code == 2 && unknown.err.contains("not found in"), "{}", unknown.err);
    assert_eq!(prove("sess_1", &[]).code, 64);
    let text = fs::read_to_string(&log).expect("a journal");
    fs::write(&log, text.replace(".002Z", ".009Z")).expect("written");
    assert_eq!(prove(&events[2].event_id.text(), &[]).code, 2, "nothing is proved from a broken journal");
}

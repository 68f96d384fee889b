//! `masker vault` on the files of an install without a running service.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use base64::Engine as _;
use masker::audit::event::{Detail, EventKind};
use masker::audit::verify::{Line, verify};
use masker::clock::Clock;
use masker::ids::AgentId;
use masker::keys::{KeyPair, Kid, SecretKey};
use masker::kind::Kind;
use masker::store::journal::Journal;
use masker::store::{Store, StorePaths};
use masker::tokens::mint::{Minter, Scope, ValueType};
use masker::values::{Day, Reading};
use tempfile::TempDir;

use super::{KEY, Ran, folder, masker, run, run_on, serve_as, serve_with};

/// Base64 of 32 bytes 9.
const OTHER_KEY: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";

struct Install {
    folder: TempDir,
    agent: AgentId,
}

fn reading() -> Reading {
    Reading::new(Day::of_millis(0))
}

fn paths(folder: &TempDir) -> StorePaths {
    StorePaths { main: folder.path().join("masker.db"), vault: folder.path().join("vault.db") }
}

fn kid() -> Kid {
    Kid::new("K_HEALTHCARE").expect("a kid")
}

fn with_store<T>(folder: &TempDir, work: impl AsyncFnOnce(&Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let store = Store::open(&paths(folder), Clock::system()).expect("a store");
    runtime.block_on(work(&store))
}

impl Install {
    /// Two values of one call and one of another.
    fn new() -> Self {
        let install = Self { folder: folder(), agent: AgentId::generate() };
        let keys = KeyPair { current: SecretKey::new([7; 32]), old: None };
        let minter = Minter::new(kid(), &keys);
        let row = |store: &Store, call, kind, value| {
            let scope = Scope::new(install.agent, Some(call));
            minter
                .mint_vault(
                    store.first_account(),
                    &scope,
                    &Kind::new(kind).expect("a kind"),
                    value,
                    ValueType::Text,
                    &reading(),
                )
                .row
        };
        with_store(&install.folder, async |store| {
            let rows = vec![
                row(store, "one", "NAME", "Jane Doe"),
                row(store, "one", "PHONE", "312-555-0147"),
                row(store, "two", "PHONE", "312-555-0199"),
            ];
            store.vault().put(rows).await.expect("kept");
        });
        let journal = Journal::open(&install.folder.path().join("audit.jsonl"), &SecretKey::new([7; 32]));
        drop(journal.expect("a journal"));
        install
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = masker(&["vault"]);
        command
            .args(arguments)
            .env("MASKER_DATA_DIR", self.folder.path())
            .env("MASKER_KEY_K_HEALTHCARE", KEY)
            .env("MASKER_AUDIT_HMAC_KEY", KEY)
            .env("MASKER_SESSION_SECRET", KEY);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let ran = self.run(arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
        serde_json::from_str(&ran.out).expect("JSON")
    }

    fn journal(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("audit.jsonl")).expect("a journal")
    }

    fn kinds_of_events(&self) -> Vec<EventKind> {
        let journal = self.journal();
        verify(&journal[..], &SecretKey::new([7; 32])).expect("it verifies");
        let lines = journal.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| Line::parse(line).expect("an event").event.kind).collect()
    }

    fn sealed(&self) -> Vec<Vec<u8>> {
        let page = async |store: &Store| store.vault().page(None, 100).await.expect("the vault can be read");
        with_store(&self.folder, page).into_iter().map(|(row, _)| row.sealed).collect()
    }

    fn is_in_a_file(&self, sealed: &[u8]) -> bool {
        fs::read_dir(self.folder.path()).expect("a folder").any(|entry| {
            let path = entry.expect("an entry").path();
            path.is_file() && fs::read(path).expect("a file").windows(sealed.len()).any(|window| window == sealed)
        })
    }
}

#[test]
fn stats_say_how_much_there_is_and_none_of_it() {
    let install = Install::new();
    let shown = install.json(&["stats", "--json"]);
    assert_eq!((&shown["values"], &shown["values_by_kind"]), (&3.into(), &serde_json::json!({"NAME": 1, "PHONE": 2})));
    let ran = install.run(&["stats"]);
    assert!(ran.code == 0 && ran.out.starts_with("3 values, ") && ran.out.contains("K_HEALTHCARE"), "{}", ran.out);
    assert!(!ran.out.contains("555-01") && !ran.out.contains("Jane"), "{}", ran.out);
}

#[test]
fn a_subject_is_purged_from_the_files_and_the_journal_still_verifies() {
    let install = Install::new();
    let before = install.sealed();
    let subject = |more: &[&str]| {
        let mut arguments = vec!["purge", "--subject", "-", "--json"];
        arguments.extend(more);
        let ran = run_on(&mut install.command(&arguments), b"(312) 555 0147\n");
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        serde_json::from_str::<serde_json::Value>(&ran.out).expect("JSON")
    };
    assert_eq!(subject(&["--dry-run"])["values"], 2);
    assert_eq!(install.sealed().len(), 3);
    assert_eq!(subject(&[]), serde_json::json!({"values": 2, "payloads": 0, "dry_run": false}));
    let after = install.sealed();
    assert_eq!(after.len(), 1);
    for sealed in before {
        assert_eq!(install.is_in_a_file(&sealed), after.contains(&sealed));
    }
    assert_eq!(install.kinds_of_events(), [EventKind::PurgeRequested, EventKind::VaultPurged]);
    let journal = String::from_utf8_lossy(&install.journal()).into_owned();
    // Match whole groups, because three digits alone can occur in a hash.
    assert!(["312-555", "555-0147", "555 0147", "3125550147"].iter().all(|part| !journal.contains(part)), "{journal}");
}

#[test]
fn a_purge_by_time_or_key_takes_what_fits_and_a_wrong_call_nothing() {
    let install = Install::new();
    assert_eq!(install.json(&["purge", "--before", "1h", "--json"])["values"], 0);
    for wrong in [
        &["purge"][..],
        &["purge", "--before", "1h", "--kid", "K"],
        &["purge", "--before", "yesterday"],
        &["purge", "--kid", "k"],
        &["purge", "--agent", "agent"],
        &["rotate-key", "--new-kid", "k"],
    ] {
        assert_eq!(install.run(wrong).code, 64, "{wrong:?}");
    }
    let short = install.run(&["purge", "--subject", "J"]);
    assert!(short.code == 1 && short.err.contains("at least 3"), "{}", short.err);
    assert_eq!(install.sealed().len(), 3);
    let ran = install.run(&["purge", "--kid", "K_HEALTHCARE"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "erased: 3 values of the vault, texts of 0 sessions\n"));
    assert!(install.sealed().is_empty());
}

#[test]
fn an_export_has_values_only_when_asked_and_is_written_down() {
    let install = Install::new();
    let ran = install.run(&["export"]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 3));
    assert!(!ran.out.contains("555-0") && ran.out.contains("MSKV1.PHONE.K_HEALTHCARE."), "{}", ran.out);
    let path = install.folder.path().join("export.jsonl");
    let file = path.to_str().expect("UTF-8");
    let ran = install.run(&["export", "--values", "--subject", "Jane Doe", "--output", file]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert!(ran.err.contains("2 rows"), "{}", ran.err);
    let exported = fs::read_to_string(&path).expect("it is written");
    assert!(exported.contains("\"value\":\"Jane Doe\"") && exported.contains("312-555-0147"), "{exported}");
    assert!(!exported.contains("0199"), "a value of another call: {exported}");
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(install.run(&["export", "--output", file]).code, 1, "an existing file is not overwritten");
    assert_eq!(install.kinds_of_events(), [EventKind::VaultExported; 2]);
}

#[test]
fn an_export_with_a_wrong_key_leaves_nothing_behind() {
    let install = Install::new();
    // Only the last value is encrypted with a key that is not that of its kid.
    let other = Minter::new(kid(), &KeyPair { current: SecretKey::new([9; 32]), old: None });
    with_store(&install.folder, async |store| {
        let scope = Scope::new(AgentId::from_bytes([0xff; 16]), Some("three"));
        let kind = Kind::new("NAME").expect("a kind");
        let row = other.mint_vault(store.first_account(), &scope, &kind, "Ann Lee", ValueType::Text, &reading()).row;
        store.vault().put(vec![row]).await.expect("kept");
    });
    let file = install.folder.path().join("export.jsonl");
    for to in [&["--output", file.to_str().expect("UTF-8")][..], &[]] {
        let ran = install.run(&[&["export", "--values"], to].concat());
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        assert!(ran.err.contains("K_HEALTHCARE"), "{}", ran.err);
    }
    let left = fs::read_dir(install.folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("export")));
    assert_eq!(install.kinds_of_events(), []);
}

/// Error output of a service that fails to start.
fn refusal(install: &Install, settings: &[(&str, &str)]) -> String {
    let mut serve = masker(&["serve"]);
    serve.env("MASKER_DEV", "1").env("MASKER_DATA_DIR", install.folder.path()).env("MASKER_LISTEN_ADDR", "127.0.0.1:0");
    let ran =
        run(serve.env("MASKER_AUDIT_HMAC_KEY", KEY).env("MASKER_SESSION_SECRET", KEY).envs(settings.iter().copied()));
    assert_eq!(ran.code, 1, "{}", ran.err);
    ran.err
}

#[test]
fn without_a_key_that_the_vault_needs_the_service_starts_only_when_its_values_are_given_up() {
    let install = Install::new();
    let missing = [("MASKER_KEY_K_2", OTHER_KEY)];
    let wrong = [("MASKER_KEY_K_HEALTHCARE", OTHER_KEY)];
    let mut rotate = install.command(&["rotate-key", "--new-kid", "K_2"]);
    assert_eq!(run(rotate.env("MASKER_KEY_K_2", OTHER_KEY)).code, 0);
    let told = refusal(&install, &[("MASKER_KEY_K_HEALTHCARE", KEY)]);
    assert!(told.contains("K_2: 3 values, and MASKER_KEY_K_2 is not set"), "{told}");
    assert!(told.contains("masker serve --accept-loss K_2"), "{told}");
    let told = refusal(&install, &[("MASKER_KEY_K_HEALTHCARE", KEY), ("MASKER_KEY_K_2", KEY)]);
    assert!(told.contains("MASKER_KEY_K_2 is not the key that sealed them"), "{told}");
    drop(serve_with(&install.folder, &with_secrets(&missing)));

    let install = Install::new();
    let told = refusal(&install, &wrong);
    assert!(told.contains("K_HEALTHCARE: 3 values"), "{told}");
    let old = [("MASKER_KEY_K_HEALTHCARE", OTHER_KEY), ("MASKER_KEY_K_HEALTHCARE_OLD", KEY)];
    drop(serve_with(&install.folder, &with_secrets(&old)));
    let losses = || install.kinds_of_events().into_iter().filter(|kind| *kind == EventKind::LossAccepted).count();
    assert_eq!(losses(), 0);
    let accept = ["serve", "--accept-loss", "K_HEALTHCARE", "--accept-loss", "K_3"];
    drop(serve_as(&install.folder, &accept, &with_secrets(&wrong)));
    assert_eq!(losses(), 1);
    drop(serve_with(&install.folder, &with_secrets(&wrong)));
    assert_eq!(losses(), 1, "the loss is recorded once");
    let third = "CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo=";
    assert!(refusal(&install, &[("MASKER_KEY_K_HEALTHCARE", third)]).contains("3 values"), "not for another key");
    drop(serve_with(&install.folder, &with_secrets(&old)));
    assert!(refusal(&install, &wrong).contains("3 values"), "nor after the lost key was found again");
    assert_eq!(run(&mut masker(&["serve", "--accept-loss", "k"])).code, 64);
}

fn with_secrets<'s>(settings: &[(&'s str, &'s str)]) -> Vec<(&'s str, &'s str)> {
    [settings, &[("MASKER_AUDIT_HMAC_KEY", KEY), ("MASKER_SESSION_SECRET", KEY)]].concat()
}

#[test]
fn a_key_is_rotated_and_the_old_one_is_needed_no_more() {
    let install = Install::new();
    let before = install.sealed();
    let made = install.run(&["rotate-key", "--new-kid", "K_2"]);
    assert_eq!(made.code, 0);
    let key = made.out.trim().strip_prefix("MASKER_KEY_K_2=").expect("a variable");
    let length = base64::engine::general_purpose::STANDARD.decode(key).expect("base64").len();
    assert_eq!((length, install.sealed()), (32, before.clone()), "a new key, and the vault is unchanged");

    let mut rotate = install.command(&["rotate-key", "--new-kid", "K_2", "--json"]);
    let ran = run(rotate.env("MASKER_KEY_K_2", OTHER_KEY));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(ran.out.trim(), "{\"kid\":\"K_2\",\"sealed_anew\":3}");
    assert!(before.iter().all(|sealed| !install.is_in_a_file(sealed)), "values encrypted with the old key are gone");
    assert_eq!(install.kinds_of_events().last(), Some(&EventKind::KeyRotated));

    // The tokens are unchanged and resolve without the old key.
    let export = |key: &str| {
        let mut export = install.command(&["export", "--values"]);
        run(export.env("MASKER_KEY_K_HEALTHCARE", KEY.replace('B', "C")).env("MASKER_KEY_K_2", key))
    };
    let ran = export(OTHER_KEY);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("Jane Doe") && ran.out.contains("MSKV1.NAME.K_HEALTHCARE."), "{}", ran.out);
    assert!(export(KEY).err.contains("K_2"), "another key decrypts nothing, and the error names the right one");
}

#[test]
fn the_secret_of_a_kid_is_changed_in_place() {
    let install = Install::new();
    let rotate = |old: &str| {
        let mut rotate = install.command(&["rotate-key", "--new-kid", "K_HEALTHCARE", "--json"]);
        run(rotate.env("MASKER_KEY_K_HEALTHCARE", OTHER_KEY).env("MASKER_KEY_K_HEALTHCARE_OLD", old))
    };
    let wrong = rotate(OTHER_KEY);
    assert!(wrong.code == 1 && wrong.err.contains("MASKER_KEY_K_HEALTHCARE_OLD"), "{}", wrong.err);
    assert!(rotate(KEY).out.contains("\"sealed_anew\":3"));
    assert!(rotate(KEY).out.contains("\"sealed_anew\":0"), "a second run has nothing to do");
}

/// The events of a rotation, with their counts.
fn rotations(install: &Install) -> Vec<(EventKind, Option<Detail>)> {
    let journal = install.journal();
    let lines = journal.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let events = lines.map(|line| Line::parse(line).expect("an event").event);
    events.map(|event| (event.kind, event.detail)).collect()
}

#[test]
fn a_value_is_found_after_its_key_was_changed_in_place_and_the_old_one_is_gone() {
    let install = Install::new();
    let with_new_key = |arguments: &[&str], old: Option<&str>| {
        let mut command = install.command(arguments);
        command.env("MASKER_KEY_K_HEALTHCARE", OTHER_KEY);
        if let Some(old) = old {
            command.env("MASKER_KEY_K_HEALTHCARE_OLD", old);
        }
        run(&mut command)
    };
    let purge = ["purge", "--subject", "312-555-0147", "--json"];
    for arguments in [&purge[..], &["purge", "--subject", "312-555-0147", "--dry-run"]] {
        let ran = with_new_key(arguments, None);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "no value is encrypted with this key, and none was found");
        assert!(ran.err.contains("3 values") && ran.err.contains("MASKER_KEY_K_HEALTHCARE_OLD"), "{}", ran.err);
    }
    assert_eq!(install.sealed().len(), 3);
    let rotated = with_new_key(&["rotate-key", "--new-kid", "K_HEALTHCARE"], Some(KEY));
    assert_eq!(rotated.code, 0, "{}", rotated.err);
    let before = install.sealed();
    let ran = with_new_key(&purge, None);
    let shown: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((ran.code, &shown["values"]), (0, &2.into()), "{}", ran.err);
    let after = install.sealed();
    assert_eq!(after.len(), 1);
    for sealed in before {
        assert_eq!(install.is_in_a_file(&sealed), after.contains(&sealed));
    }
}

#[test]
fn a_rotation_that_was_interrupted_is_continued_and_written_down_once_with_all_of_it() {
    let install = Install::new();
    // Enough rows that some are re-encrypted before the last one, whose key is missing, is read.
    let minter = |kid: &str, key: u8| {
        let keys = KeyPair { current: SecretKey::new([key; 32]), old: None };
        Minter::new(Kid::new(kid).expect("a kid"), &keys)
    };
    with_store(&install.folder, async |store| {
        let row = |minter: &Minter, agent, number: usize| {
            let (scope, kind) = (Scope::new(agent, Some("one")), Kind::new("MRN").expect("a kind"));
            minter
                .mint_vault(store.first_account(), &scope, &kind, &format!("MRN-{number}"), ValueType::Text, &reading())
                .row
        };
        let first = AgentId::from_bytes([0; 16]);
        let mut rows: Vec<_> = (0..400).map(|number| row(&minter("K_HEALTHCARE", 7), first, number)).collect();
        rows.push(row(&minter("K_LOST", 5), AgentId::from_bytes([255; 16]), 0));
        store.vault().put(rows).await.expect("kept");
    });
    let rotate = |kid: &str, lost: Option<&str>| {
        let mut command = install.command(&["rotate-key", "--new-kid", kid, "--json"]);
        command.env("MASKER_KEY_K_2", OTHER_KEY).env("MASKER_KEY_K_3", KEY);
        if let Some(lost) = lost {
            command.env("MASKER_KEY_K_LOST", lost);
        }
        run(&mut command)
    };
    let ran = rotate("K_2", None);
    assert!(ran.code == 1 && ran.err.contains("MASKER_KEY_K_LOST"), "{}", ran.err);
    assert_eq!(rotations(&install), [(EventKind::KeyRotationRequested, None)]);
    let lost = base64::engine::general_purpose::STANDARD.encode([5; 32]);
    let ran = rotate("K_2", Some(&lost));
    assert_eq!((ran.code, ran.out.trim()), (0, "{\"kid\":\"K_2\",\"sealed_anew\":404}"), "{}", ran.err);
    let expected = [(EventKind::KeyRotationRequested, None), (EventKind::KeyRotated, Some(Detail::Count(404)))];
    assert_eq!(rotations(&install), expected);
    // The rotation is complete: another one starts from zero.
    let again = rotate("K_3", None);
    assert_eq!(again.out.trim(), "{\"kid\":\"K_3\",\"sealed_anew\":404}", "{}", again.err);
    assert_eq!(rotations(&install)[2..], expected);
}

#[test]
fn a_service_that_runs_does_what_it_can_and_is_named_where_it_cannot() {
    let install = Install::new();
    let keys = [("MASKER_KEY_K_HEALTHCARE", KEY), ("MASKER_AUDIT_HMAC_KEY", KEY), ("MASKER_SESSION_SECRET", KEY)];
    let serving = serve_with(&install.folder, &keys);
    for command in [&["export"][..], &["rotate-key", "--new-kid", "K_2"]] {
        let ran = install.run(command);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{command:?}");
        let holder = format!("PID {} (masker serve)", serving.0.0.id());
        assert!(ran.err.contains("a service is running") && ran.err.contains(&holder), "{}", ran.err);
    }
    assert_eq!(install.json(&["stats", "--json"])["values"], 3);
    assert_eq!(install.json(&["purge", "--before", "1h", "--json"])["values"], 0);
    // From another machine it is called over the network.
    let mut token = masker(&["token", "create", "--name", "x", "--scope", "admin"]);
    let token = run(token.env("MASKER_DATA_DIR", install.folder.path()).envs(keys));
    let ask = |arguments: &[&str]| {
        let mut command = install.command(arguments);
        run(command.args(["--server", &format!("http://{}", serving.1)]).env("MASKER_SESSION", token.out.trim()))
    };
    assert!(ask(&["stats"]).out.starts_with("3 values, "), "{}", ask(&["stats"]).err);
    let counted = ask(&["purge", "--subject", "312-555-0147", "--dry-run", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&counted.out).expect("JSON");
    assert_eq!(shown, serde_json::json!({"values": 2, "payloads": 0, "dry_run": true}));
    let refused = ask(&["purge", "--before", "yesterday"]);
    assert!(refused.code == 64 && refused.err.contains("--before"), "{}", refused.err);
    assert_eq!(ask(&["purge", "--kid", "K_HEALTHCARE"]).out, "erased: 3 values of the vault, texts of 0 sessions\n");
    drop(serving);
    assert!(install.sealed().is_empty());
    let nowhere = run(masker(&["vault", "stats"]).env("MASKER_DEV", "1").env("MASKER_DATA_DIR", "/nonexistent/masker"));
    assert!(nowhere.code == 1 && nowhere.err.contains("/nonexistent/masker: there is no install"), "{}", nowhere.err);
}

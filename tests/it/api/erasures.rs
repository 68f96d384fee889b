//! Interrupts an erasure after every step, for every criterion and token style: once resumed, it leaves no data
//! behind, and journal and database record what was done.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use masker::app::{Erase, Erased, Eraser, Step};
use masker::audit::event::{Detail, Event, EventKind};
use masker::audit::verify::verify;
use masker::clock::{Clock, Timestamp};
use masker::ids::AgentId;
use masker::keys::{KeyRing, Kid, SecretKey};
use masker::session::payloads::PayloadKey;
use masker::store::journal::Journal;
use masker::store::{Store, StorePaths};
use masker::tokens::call_name::CallNames;
use masker::tokens::mint::Minters;
use masker_tests::TestApp;
use masker_tests::fake_upstream::Reply;
use masker_tests::test_app::STAFF_POLICY;
use serde_json::json;
use tempfile::TempDir;

use crate::support::ask;

const NOON: i64 = 1_777_896_000_000;
const HOUR: i64 = 3_600_000;
/// Base64 of 32 bytes 9.
const OTHER_KEY: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";
const STYLES: [&str; 4] = ["vault", "compact", "aead", "synthetic"];

/// A policy for agents whose tokens have this style.
fn policy(style: &str, kid: &str) -> String {
    let tokenization = match style {
        "aead" => "reversible-aead",
        "synthetic" => "synthetic",
        _ => "vault-deterministic",
    };
    let compact = if style == "compact" { "token_style: compact\n" } else { "" };
    let policy = STAFF_POLICY.replace("vault-deterministic", tokenization).replace("K_HEALTHCARE", kid);
    format!("{policy}{compact}audit: {{log_payloads: true}}\n")
}

/// The settings with which an install's files were written.
struct Install {
    folder: TempDir,
    keys: KeyRing,
    audit_key: SecretKey,
    secret: SecretKey,
    agent: AgentId,
    /// All encrypted data, and its owner: the agent's call, the agent without a call, another agent.
    sealed: Vec<(Whose, Vec<u8>)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Whose {
    Row(Place),
    Text(Place),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Call,
    NoCall,
    OtherAgent,
}

impl Install {
    /// Two turns of a call and one without a call; two hours later a call of an agent whose tokens use another kid.
    async fn new(style: &str) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(NOON));
        let mut app = TestApp::builder()
            .env("MASKER_PAYLOAD_RETENTION_DAYS", "7")
            .env("MASKER_KEY_K_OTHER", OTHER_KEY)
            .policy(&policy(style, "K_HEALTHCARE"))
            .clock(&clock)
            .start()
            .await;
        let other = app
            .create_agent(json!({
                "name": "other", "upstream": "openai:gpt-4o-mini", "policy_yaml": policy(style, "K_OTHER"),
            }))
            .await;
        let answered = || app.upstream.script(Reply::text("Noted."));
        for text in ["I am E-12345.", "My colleague is E-12346."] {
            answered();
            assert_eq!(app.chat_in_call("call-1", ask(text)).await.status, 200);
        }
        answered();
        assert_eq!(app.chat(ask("I am E-12345.")).await.status, 200);
        clock.set(Timestamp::from_millis(NOON + 2 * HOUR));
        answered();
        let (path, call) = (other.path(), [("masker-session-id", "call-2")]);
        assert_eq!(app.post(&path, &call, ask("I am E-55555.").to_string()).await.status, 200);
        app.sessions().await;

        let agent: AgentId = app.agent.id.parse().expect("an agent's id");
        let place = |of: AgentId, is_named| match is_named {
            _ if of != agent => Place::OtherAgent,
            true => Place::Call,
            false => Place::NoCall,
        };
        let store = app.app().store();
        let rows = store.vault().page(None, 100).await.expect("the vault can be read");
        let texts = store.kept_payloads(None).await.expect("the database can be read");
        let rows = rows.into_iter().map(|(row, _)| (Whose::Row(place(row.agent, row.scope != [0; 16])), row.sealed));
        let texts =
            texts.into_iter().map(|(row, sealed)| (Whose::Text(place(row.agent_id, row.call_id.is_some())), sealed));
        let sealed: Vec<_> = rows.chain(texts).collect();
        assert_eq!(sealed.iter().filter(|(whose, _)| matches!(whose, Whose::Text(_))).count(), 4);
        let rows = if matches!(style, "vault" | "compact") { 4 } else { 0 };
        assert_eq!(sealed.len() - 4, rows, "{style}");

        let folder = tempfile::tempdir().expect("a folder");
        let config = &app.app().config;
        let (keys, audit_key, secret) = (config.keys.clone(), config.audit_key.clone(), config.session_secret.clone());
        app.restart_after(|data| copy(data, folder.path())).await;
        app.finish().await;
        Self { folder, keys, audit_key, secret, agent, sealed }
    }

    fn erasures(&self) -> Vec<(&'static str, Erase)> {
        let then = Timestamp::from_millis(NOON + HOUR);
        vec![
            ("subject", Erase::Subject("e-12345".into())),
            ("call", Erase::Call("call-1".into())),
            ("agent", Erase::Agent(self.agent)),
            ("before", Erase::Before(then)),
            ("kid", Erase::Kid(Kid::new("K_HEALTHCARE").expect("a kid"))),
            ("retention", Erase::Retention(then)),
        ]
    }

    /// The targets of an erasure.
    fn doomed(&self, by: &str) -> Vec<(Whose, Vec<u8>)> {
        let is_doomed = |whose: &Whose| match (by, whose) {
            (_, Whose::Row(Place::OtherAgent) | Whose::Text(Place::OtherAgent)) | ("retention", Whose::Row(_)) => false,
            ("call", Whose::Row(place) | Whose::Text(place)) => *place == Place::Call,
            _ => true,
        };
        self.sealed.iter().filter(|(whose, _)| is_doomed(whose)).cloned().collect()
    }

    async fn with<T>(
        &self,
        folder: &Path,
        on_step: Option<&(dyn Fn(Step) + Send + Sync)>,
        work: impl AsyncFnOnce(&Eraser<'_>) -> T,
    ) -> T {
        let (journal, _) = Journal::open(&folder.join("audit.jsonl"), &self.audit_key).expect("a journal");
        let clock = Clock::manual(Timestamp::from_millis(NOON + 3 * HOUR));
        let paths = StorePaths { main: folder.join("masker.db"), vault: folder.join("vault.db") };
        let store = Store::open(&paths, clock.clone()).expect("a store");
        let eraser = Eraser {
            store: &store,
            journal: &journal,
            minters: &Minters::new(&self.keys),
            payload_key: PayloadKey::new(&self.secret),
            call_names: &CallNames::new(&self.secret),
            secret_check: self.secret.check_value(),
            calls: None,
            clock: &clock,
            on_step,
        };
        work(&eraser).await
    }
}

/// The files of a folder as they are now: the state that a killed process would leave.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a type").is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }
}

/// Whether a file of the folder contains the encrypted data, or a part of it.
fn is_in_a_file(folder: &Path, sealed: &[u8]) -> bool {
    fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        let bytes = if path.is_file() { fs::read(&path).expect("a file") } else { Vec::new() };
        sealed.chunks_exact(16).any(|part| memchr::memmem::find(&bytes, part).is_some())
    })
}

/// The journal's erasure events, each with its count.
fn noted(journal: &Journal) -> Vec<(EventKind, Option<u64>)> {
    let events: Vec<Event> = journal.entries(0).expect("a journal").map(|entry| entry.expect("a line").event).collect();
    let is_of_erasure = |event: &&Event| {
        matches!(event.kind, EventKind::PurgeRequested | EventKind::VaultPurged | EventKind::PayloadsPurged)
    };
    let of_erasures: Vec<_> = events.iter().filter(is_of_erasure).collect();
    let asked = of_erasures.first().map(|event| event.event_id);
    assert!(of_erasures.iter().skip(1).all(|event| event.request == asked), "each names what asked for it");
    let count = |event: &&Event| match event.detail {
        Some(Detail::Count(count)) => Some(count),
        _ => None,
    };
    of_erasures.iter().map(|event| (event.kind, count(event))).collect()
}

/// Resumes an erasure on a folder in which it was interrupted, and checks the remaining data.
async fn continue_and_check(install: &Install, folder: &Path, by: &str, at: &str) {
    let doomed = install.doomed(by);
    let rows = doomed.iter().filter(|(whose, _)| matches!(whose, Whose::Row(_))).count() as u64;
    let texts = doomed.len() as u64 - rows;
    let (is_left, noted) = install
        .with(folder, None, async |eraser| {
            let resumed = eraser.resume().await.expect("it is continued");
            assert!(
                resumed.len() <= 1 && resumed.iter().all(|it| *it == Erased { values: rows, payloads: texts }),
                "{at}: {resumed:?}"
            );
            assert_eq!(eraser.store.jobs().await.expect("the database can be read"), [], "{at}");
            let (since, until) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
            let erasures = eraser.store.erasures(since, until).await.expect("the database can be read");
            let erasures: Vec<_> = erasures.iter().map(|it| (it.what.as_str(), it.values, it.payloads)).collect();
            let expected = if by == "retention" { vec![] } else { vec![(by, rows, texts)] };
            assert_eq!(erasures, expected, "{at}");
            // While everything is open, including write-ahead logs.
            (
                install.sealed.iter().map(|(_, sealed)| is_in_a_file(folder, sealed)).collect::<Vec<_>>(),
                noted(eraser.journal),
            )
        })
        .await;
    for ((whose, sealed), is_left) in install.sealed.iter().zip(is_left) {
        let is_doomed = doomed.iter().any(|(_, of)| of == sealed);
        assert_eq!(is_left, !is_doomed, "{at}: {whose:?}");
        assert_eq!(is_in_a_file(folder, sealed), !is_doomed, "{at}, closed: {whose:?}");
    }
    let mut expected = vec![(EventKind::PurgeRequested, None)];
    expected.extend((by != "retention").then_some((EventKind::VaultPurged, Some(rows))));
    expected.extend((texts > 0).then_some((EventKind::PayloadsPurged, Some(texts))));
    assert_eq!(noted, expected, "{at}");
    let journal = fs::read(folder.join("audit.jsonl")).expect("a journal");
    verify(&journal[..], &install.audit_key).expect("the journal verifies");
}

#[tokio::test]
async fn an_erasure_that_is_killed_after_any_step_is_continued_to_its_end() {
    for style in STYLES {
        let install = Install::new(style).await;
        for (by, erase) in install.erasures() {
            let folder = tempfile::tempdir().expect("a folder");
            copy(install.folder.path(), folder.path());
            let killed = Mutex::new(Vec::new());
            let kill = |step| {
                let left = tempfile::tempdir().expect("a folder");
                copy(folder.path(), left.path());
                killed.lock().expect("no panic").push((step, left));
            };
            let (counted, erased) = install
                .with(folder.path(), Some(&kill), async |eraser| {
                    let counted = eraser.find(&erase).await.expect("it is counted").count;
                    (counted, eraser.erase(&erase).await.expect("it is erased"))
                })
                .await;
            assert_eq!(counted, erased, "{style} {by}: a preview says what is erased");
            continue_and_check(&install, folder.path(), by, &format!("{style} {by}, not killed")).await;
            let killed = killed.into_inner().expect("no panic");
            let mut steps: Vec<Step> = killed.iter().map(|(step, _)| *step).collect();
            steps.dedup();
            let has_rows = install.doomed(by).iter().any(|(whose, _)| matches!(whose, Whose::Row(_)));
            let rows = has_rows.then_some(Step::Rows);
            let expected = [Step::Planned, Step::Requested, Step::Texts].into_iter().chain(rows);
            let expected = expected.chain([Step::MainEmptied, Step::VaultEmptied, Step::Journaled, Step::Ended]);
            assert_eq!(steps, expected.collect::<Vec<_>>(), "{style} {by}");
            for (step, left) in killed {
                continue_and_check(&install, left.path(), by, &format!("{style} {by} {step:?}")).await;
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_no_zero() {
    for style in ["vault", "aead"] {
        let mut install = Install::new(style).await;
        let (keys, secret) = (install.keys.clone(), install.secret.clone());
        let refused = async |install: &Install, erase: Erase| {
            let find = async |eraser: &Eraser<'_>| {
                let found = eraser.find(&erase).await.map(|found| found.count);
                let erased = eraser.erase(&erase).await;
                assert_eq!(eraser.store.jobs().await.expect("the database can be read"), []);
                assert_eq!(noted(eraser.journal), []);
                let (Err(one), Err(other)) = (found, erased) else { panic!("{erase:?} is not refused") };
                assert_eq!(one.to_string(), other.to_string());
                one.to_string()
            };
            install.with(install.folder.path(), None, find).await
        };
        let subject = || Erase::Subject("E-12345".into());
        if style == "vault" {
            // The key is wrong or missing.
            for ring in [KeyRing::default(), wrong_key(&keys)] {
                install.keys = ring;
                let said = refused(&install, subject()).await;
                assert!(said.contains("3 values") && said.contains("MASKER_KEY_K_HEALTHCARE"), "{said}");
            }
            install.keys = keys;
        }
        install.secret = SecretKey::new([8; 32]);
        for erase in [subject(), Erase::Call("call-1".into())] {
            let said = refused(&install, erase).await;
            assert!(said.contains("MASKER_SESSION_SECRET"), "{said}");
        }
        install.secret = secret;
        // Criteria that need no decryption work with any keys.
        install.keys = KeyRing::default();
        let erase = install.erasures().remove(4).1;
        let erased = install.with(install.folder.path(), None, async |eraser| eraser.erase(&erase).await).await;
        let values = if style == "vault" { 3 } else { 0 };
        assert_eq!(erased.expect("it is erased"), Erased { values, payloads: 3 });
    }
}

fn wrong_key(keys: &KeyRing) -> KeyRing {
    let wrong = |kid: &Kid| {
        let mut pair = keys.get(kid)?.clone();
        if kid.as_str() == "K_HEALTHCARE" {
            pair.current = SecretKey::new([8; 32]);
        }
        Some((kid.clone(), pair))
    };
    KeyRing::new(keys.kids().filter_map(wrong))
}

#[tokio::test]
async fn a_service_continues_at_its_start_what_was_interrupted() {
    let mut app = TestApp::builder()
        .env("MASKER_PAYLOAD_RETENTION_DAYS", "7")
        .policy(&policy("vault", "K_HEALTHCARE"))
        .start()
        .await;
    app.upstream.script(Reply::text("Noted."));
    app.chat_in_call("call-1", ask("I am E-12345.")).await;
    app.sessions().await;
    let store = app.app().store();
    let (row, _) = store.vault().page(None, 1).await.expect("the vault can be read").remove(0);
    let (_, text) = store.kept_payloads(None).await.expect("the database can be read").remove(0);

    let left = tempfile::tempdir().expect("a folder");
    let kill = |step| {
        if step == Step::Requested {
            copy(app.data_dir(), left.path());
        }
    };
    let service = app.app();
    let eraser = Eraser {
        store: service.store(),
        journal: &service.pipeline.journal,
        minters: &service.pipeline.minters,
        payload_key: PayloadKey::new(&service.config.session_secret),
        call_names: &service.pipeline.call_names,
        secret_check: service.config.session_secret.check_value(),
        calls: None,
        clock: &service.pipeline.clock,
        on_step: Some(&kill),
    };
    eraser.erase(&Erase::Subject("E-12345".into())).await.expect("it is erased");
    drop(eraser);
    app.restart_after(|data| copy(left.path(), data)).await;
    let is_left = |app: &TestApp| [&row.sealed, &text].map(|sealed| is_in_a_file(app.data_dir(), sealed));
    assert_eq!(is_left(&app), [true, true], "as it was when it was killed");
    let task = tokio::spawn(app.app().clone().keep_deleting());
    let is_over = async || (noted(&app.app().pipeline.journal).len() == 3).then_some(());
    app.wait_until("the erasure to be over", is_over).await;
    task.abort();
    assert_eq!(is_left(&app), [false, false]);
    app.finish().await;
}

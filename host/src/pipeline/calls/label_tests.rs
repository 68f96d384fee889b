//! The numbers of compact tokens across disruptions: requests with long tokens, memory that is lost or stale, rows of
//! earlier versions.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::action::Action;
use crate::chat::position::Form as Place;
use crate::clock::Clock;
use crate::keys::{KeyPair, KeyRing, SecretKey};
use crate::pipeline::ReadyAgent;
use crate::pipeline::fixtures::{agent, decision, kid, kind, piece, reading};
use crate::pipeline::tokenize::Tokenizer;
use crate::store::StorePaths;
use crate::tokens::mint::{Scope, ValueType};

const NAMES: [&str; 6] = ["Ann", "Bob", "Cyrus", "Diana", "Edith", "Flo"];

/// One call, in a service with two memories, as if each request in turn found a different memory evicted.
struct Service {
    folder: tempfile::TempDir,
    store: Store,
    minters: Minters,
    memories: [Calls; 2],
    long: ReadyAgent,
    compact: ReadyAgent,
}

impl Service {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = KeyPair { current: SecretKey::new([1; 32]), old: None };
        let long = agent("tokenization: vault-deterministic");
        let style = "tokenization: vault-deterministic\ntoken_style: compact";
        let compact = ReadyAgent { id: long.id, account: long.account, ..agent(style) };
        Self {
            store: open(folder.path()),
            folder,
            minters: Minters::new(&KeyRing::new([(kid(), keys)])),
            memories: Default::default(),
            long,
            compact,
        }
    }

    fn scope(&self) -> Scope {
        Scope::new(self.long.id, Some("call-1"))
    }

    /// The replacements of these names.
    async fn request(&self, memory: usize, agent: &ReadyAgent, names: &[&str]) -> Vec<String> {
        let text = names.join(", ");
        let decisions: Vec<_> = names.iter().map(|name| decision(&text, name, "NAME", Action::Tokenize)).collect();
        let (pieces, decisions) = ([piece(Place::Text, &text)], [Arc::from(decisions)]);
        let (calls, name) = (&self.memories[memory], self.scope());
        let call = calls.get(name, agent.account);
        calls.read(name, &call, &self.store, &self.minters, &reading()).await.expect("the vault can be read");
        let minter = self.minters.get(&kid()).expect("the key is there");
        let tokenize = || {
            let is_stored = |row: &VaultRow| calls.is_stored(row);
            let call = Some(&*call);
            Tokenizer {
                agent,
                minter,
                scope: self.scope(),
                call,
                is_stored: &is_stored,
                reading: reading(),
                shows_replacements: false,
            }
            .run(&pieces, &decisions)
        };
        let done = calls.settle(name, Some(&call), &self.store, &self.minters, &reading(), tokenize).await;
        done.expect("no number is in the way for good").edits[0].iter().map(|edit| edit.text.clone()).collect()
    }

    /// A row as written by earlier versions, without account and label.
    async fn older_row(&self, name: &str) {
        let minter = self.minters.get(&kid()).expect("the key is there");
        let token = minter.token_of(minter.values_of(&[], &kind("NAME"), name, &reading())[0], &kind("NAME"));
        let row = minter.seal(&self.scope(), &token, name, ValueType::Text, None).expect("its own token");
        self.store.vault().put(vec![row]).await.expect("the vault can be written");
    }
}

fn open(folder: &std::path::Path) -> Store {
    let paths = StorePaths { main: folder.join("masker.db"), vault: folder.join("vault.db") };
    Store::open(&paths, Clock::system()).expect("the store opens")
}

#[derive(Clone, Debug)]
enum Step {
    /// Long tokens for these names, with this memory.
    Long(usize, Vec<&'static str>),
    /// Compact tokens for these names, with this memory.
    Compact(usize, Vec<&'static str>),
    OlderRow(&'static str),
    Forget(usize),
    /// Writes all rows into the database.
    Merge,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let names = || proptest::sample::subsequence(NAMES.to_vec(), 1..4).prop_shuffle();
    prop_oneof![
        2 => (0..2usize, names()).prop_map(|(memory, names)| Step::Long(memory, names)),
        4 => (0..2usize, names()).prop_map(|(memory, names)| Step::Compact(memory, names)),
        1 => proptest::sample::select(NAMES.to_vec()).prop_map(Step::OlderRow),
        1 => (0..2usize).prop_map(Step::Forget),
        1 => Just(Step::Merge),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn two_values_never_share_a_label(steps in prop::collection::vec(step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut service = Service::new();
            let mut values: HashMap<String, &str> = HashMap::new();
            for step in steps {
                match step {
                    Step::Long(memory, names) => {
                        service.request(memory, &service.long, &names).await;
                    }
                    Step::Compact(memory, names) => {
                        let tokens = service.request(memory, &service.compact, &names).await;
                        for (token, name) in tokens.into_iter().zip(names) {
                            let owner = *values.entry(token.clone()).or_insert(name);
                            prop_assert_eq!(owner, name, "{} stands for both", token);
                        }
                    }
                    Step::OlderRow(name) => service.older_row(name).await,
                    Step::Forget(memory) => service.memories[memory] = Calls::default(),
                    Step::Merge => {
                        service.store.vault().count().await.expect("the vault can be read");
                    }
                    Step::Restart => {
                        let path = service.folder.path().to_owned();
                        let elsewhere = tempfile::tempdir().expect("a folder");
                        drop(std::mem::replace(&mut service.store, open(elsewhere.path())));
                        service.store = open(&path);
                        service.memories = Default::default();
                    }
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_row_without_a_label_gets_one_where_it_is() {
    let service = Service::new();
    service.request(0, &service.long, &["Ann"]).await;
    assert_eq!(service.store.vault().count().await, Ok(1), "it is in the database");
    assert_eq!(service.request(0, &service.compact, &["Ann"]).await, ["[NAME_1]"]);
    assert_eq!(service.request(1, &service.compact, &["Bob", "Ann"]).await, ["[NAME_2]", "[NAME_1]"]);
    assert_eq!(service.store.vault().count().await, Ok(2));
}

#[tokio::test]
async fn a_value_of_a_call_from_before_keeps_its_token() {
    let service = Service::new();
    service.older_row("Ann").await;
    let minter = service.minters.get(&kid()).expect("the key is there");
    let before = minter.token_of(minter.values_of(&[], &kind("NAME"), "Ann", &reading())[0], &kind("NAME"));
    let tokens = service.request(0, &service.long, &["ANN", "Bob"]).await;
    let today = |name| minter.token_for(service.long.account, &kind("NAME"), name, ValueType::Text, &reading()).text();
    assert_eq!(tokens, [before.text(), today("Bob")]);
    assert_eq!(service.store.vault().count().await, Ok(2));
    let elsewhere = Scope::new(service.long.id, Some("call-2"));
    let call = service.memories[0].get(elsewhere, service.long.account);
    assert_eq!(call.older(&kid(), &kind("NAME"), [1; 16]), None);
}

#[tokio::test]
async fn what_the_vault_has_of_a_call_is_remembered_after_a_restart() {
    let service = Service::new();
    service.request(0, &service.long, &["Ann"]).await;
    assert_eq!(service.store.vault().count().await, Ok(1), "one row is in the database");
    service.request(0, &service.long, &["Bob"]).await;
    let name = service.scope();
    let call = service.memories[1].get(name, service.long.account);
    assert!(call.values().is_empty());
    service.memories[1]
        .read(name, &call, &service.store, &service.minters, &reading())
        .await
        .expect("the vault can be read");
    let mut known: Vec<_> = call.values().into_iter().map(|known| (known.text.expose().clone(), known.kind)).collect();
    known.sort();
    assert_eq!(known, [("Ann".to_owned(), kind("NAME")), ("Bob".to_owned(), kind("NAME"))]);
    assert!(call.values().iter().all(|known| known.action == Action::Tokenize));
}

#[tokio::test]
async fn a_vault_that_cannot_be_written_is_known_before_a_text_leaves() {
    let service = Service::new();
    let other = rusqlite::Connection::open(service.folder.path().join("vault.db")).expect("the file is there");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody has the lock");
    let calls = &service.memories[0];
    let minter = service.minters.get(&kid()).expect("the key is there");
    let tokenize = || {
        let token = minter.token_for(service.long.account, &kind("NAME"), "Ann", ValueType::Text, &reading());
        let row = minter.seal(&service.scope(), &token, "Ann", ValueType::Text, Some("1".to_owned()));
        let mut done = Tokenized::default();
        done.rows.extend(row);
        Ok(done)
    };
    let name = service.scope();
    let done = calls.settle(name, None, &service.store, &service.minters, &reading(), tokenize).await;
    assert!(matches!(done, Err(PipelineError::MaskingUnavailable("the vault cannot be written"))));
}

use super::*;
use crate::audit::event::TokenKind;
use crate::clock::Timestamp;
use crate::keys::SecretKey;
use crate::kind::Kind;
use crate::session::StageDurations;
use crate::store::agents::Agent;
use crate::store::sessions::{SessionFilter, tests as sessions};
use crate::store::tests::{Folder, agent};

fn journal(folder: &Folder) -> Journal {
    Journal::open(&folder.path().join("audit.jsonl"), &SecretKey::new([42; 32])).unwrap().0
}

async fn with_agent(store: &Store) -> Agent {
    let agent = agent(store.first_account(), "a");
    store.insert_agent(agent.clone()).await.unwrap();
    agent
}

fn redaction(row: &SessionRow, kind: &str) -> Event {
    Event {
        session_id: Some(row.id),
        agent_id: Some(row.agent_id),
        entity_kind: Kind::new(kind),
        token_kind: Some(TokenKind::Vault),
        ..Event::new(EventKind::Redaction, row.started_at)
    }
}

/// What the pipeline appends before the text is sent.
fn open(journal: &Journal, row: &mut SessionRow) -> Vec<Hash> {
    let events = [row.opened_event(), redaction(row, "NAME"), redaction(row, "NAME"), redaction(row, "PHONE")];
    let receipt = journal.append(&events).unwrap();
    row.journal = vec![receipt.range];
    events.iter().for_each(|event| row.counted.count(event));
    receipt.hashes
}

/// What it appends after the response.
fn complete(journal: &Journal, row: &mut SessionRow, mut leaves: Vec<Hash>) {
    let event = row.completed_event();
    row.counted.count(&event);
    let receipt = journal.append(&[event]).unwrap();
    leaves.extend(receipt.hashes);
    row.journal.push(receipt.range);
    row.merkle_root = Some(merkle::root(&leaves));
}

async fn rows(store: &Store) -> Vec<SessionRow> {
    let filter = SessionFilter { limit: 5000, ..sessions::all(store.first_account()) };
    store.sessions_page(filter).await.unwrap().rows
}

#[tokio::test]
async fn rows_that_the_database_lost_come_back() {
    let folder = Folder::new();
    let store = folder.store();
    let journal = journal(&folder);
    let agent = with_agent(&store).await;
    assert_eq!(store.rebuild_sessions(&journal).await.unwrap(), Rebuilt::default());

    let mut recorded = sessions::row(&agent, 1000);
    let leaves = open(&journal, &mut recorded);
    // In flight while the first one is recorded: the checkpoint must not pass it.
    let mut lost = SessionRow { call_id: Some("digest".into()), ..sessions::row(&agent, 2000) };
    let lost_leaves = open(&journal, &mut lost);
    complete(&journal, &mut recorded, leaves);
    store.record_session(recorded.clone()).await.unwrap();
    store.sessions_flushed().await.unwrap();
    complete(&journal, &mut lost, lost_leaves);
    let mut cut_short = sessions::row(&agent, 3000);
    let leaves = open(&journal, &mut cut_short);

    // The process is killed before either row reached the database.
    drop((store, journal));
    let (store, journal) = (folder.store(), self::journal(&folder));
    assert_eq!(rows(&store).await, [recorded.clone()]);
    assert_eq!(store.rebuild_sessions(&journal).await.unwrap(), Rebuilt { sessions: 2, orphans: 0, missing: 0 });
    cut_short = SessionRow {
        status: Status::Partial,
        ended_at: None,
        stages: StageDurations::default(),
        rehydrated: vec![],
        merkle_root: Some(merkle::root(&leaves)),
        ..cut_short
    };
    assert_eq!(rows(&store).await, [cut_short, lost, recorded]);

    drop((store, journal));
    let (store, journal) = (folder.store(), self::journal(&folder));
    assert_eq!(store.rebuild_sessions(&journal).await.unwrap(), Rebuilt::default(), "nothing is left to do");
}

#[tokio::test]
async fn spans_that_earlier_turns_recorded_are_counted_in_a_row_that_is_rebuilt() {
    let folder = Folder::new();
    let store = folder.store();
    let journal = journal(&folder);
    let agent = with_agent(&store).await;
    let row = sessions::row(&agent, 1000);
    let mut opened = row.opened_event();
    opened.opened.as_mut().unwrap().carried_by_kind = [(Kind::new("NAME").unwrap(), 5)].into();
    journal.append(&[opened, redaction(&row, "NAME"), redaction(&row, "PHONE")]).unwrap();
    store.rebuild_sessions(&journal).await.unwrap();
    let rebuilt = rows(&store).await.remove(0);
    let counts: Vec<_> = rebuilt.redactions_by_kind.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(counts, [("NAME", 6), ("PHONE", 1)]);
}

#[tokio::test]
async fn a_batch_that_cannot_be_written_is_rebuilt_at_the_next_start() {
    let folder = Folder::new();
    let store = folder.store();
    let journal = journal(&folder);
    let agent = with_agent(&store).await;
    store.rebuild_sessions(&journal).await.unwrap();
    let mut failed = sessions::row(&agent, 1000);
    let leaves = open(&journal, &mut failed);
    complete(&journal, &mut failed, leaves);
    let other = rusqlite::Connection::open(folder.paths().main).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.record_session(failed.clone()).await.unwrap();
    assert_eq!(store.sessions_flushed().await, Err(StoreError::Locked));
    other.execute_batch("ROLLBACK").unwrap();

    let mut later = sessions::row(&agent, 2000);
    let leaves = open(&journal, &mut later);
    complete(&journal, &mut later, leaves);
    store.record_session(later.clone()).await.unwrap();
    drop((store, journal));
    let (store, journal) = (folder.store(), self::journal(&folder));
    store.rebuild_sessions(&journal).await.unwrap();
    failed.journal = vec![ByteRange { start: failed.journal[0].start, end: failed.journal[1].end }];
    assert_eq!(rows(&store).await, [later, failed]);
}

#[tokio::test]
async fn a_lost_database_is_rebuilt_as_far_as_its_agents_are_known() {
    let folder = Folder::new();
    let store = folder.store();
    let journal = journal(&folder);
    let agent = with_agent(&store).await;
    let mut stranger = agent.clone();
    stranger.id = AgentId::generate();
    for i in 0..1200 {
        let mut row = sessions::row(&agent, i);
        let leaves = open(&journal, &mut row);
        complete(&journal, &mut row, leaves);
    }
    open(&journal, &mut sessions::row(&stranger, 1));
    let rebuilt = store.rebuild_sessions(&journal).await.unwrap();
    assert_eq!(rebuilt, Rebuilt { sessions: 1200, orphans: 1, missing: 0 });
    let rows = rows(&store).await;
    assert_eq!(rows.len(), 1200);
    assert_eq!(rows[0].started_at, Timestamp::from_millis(1199));
    let events = journal.session_events(&rows[7].journal, rows[7].id).await.unwrap();
    assert_eq!(merkle::root(&events.iter().map(|entry| entry.hash).collect::<Vec<_>>()), rows[7].merkle_root.unwrap());
}

#[tokio::test]
async fn a_journal_that_was_cut_is_noticed() {
    let folder = Folder::new();
    let store = folder.store();
    let journal = journal(&folder);
    let agent = with_agent(&store).await;
    open(&journal, &mut sessions::row(&agent, 1));
    let (end, _) = journal.end().unwrap();
    store.rebuild_sessions(&journal).await.unwrap();
    drop(journal);
    let text = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    let first = text.split_inclusive('\n').next().unwrap();
    std::fs::write(folder.path().join("audit.jsonl"), first).unwrap();
    let database = folder.paths().main;
    assert_eq!(remembered_end(&database), Some(end), "also beside a service");
    let rebuilt = store.rebuild_sessions(&self::journal(&folder)).await.unwrap();
    assert_eq!(rebuilt.missing, end - first.len() as u64);
    drop(store);
    assert_eq!(remembered_end(&database), Some(first.len() as u64));
    assert_eq!(remembered_end(&folder.path().join("none.db")), None);
    assert!(!folder.path().join("none.db").exists());
}

#[tokio::test]
async fn a_session_whose_time_is_over_does_not_come_back() {
    let folder = Folder::new();
    let store = folder.store();
    let journal = journal(&folder);
    let agent = with_agent(&store).await;
    store.rebuild_sessions(&journal).await.unwrap();
    let mut row = sessions::row(&agent, 1000);
    let leaves = open(&journal, &mut row);
    complete(&journal, &mut row, leaves);
    store.record_session(row).await.unwrap();
    store.sessions_flushed().await.unwrap();
    assert_eq!(store.purge_sessions(Timestamp::from_millis(2000)).await, Ok(1));
    drop((store, journal));
    let (store, journal) = (folder.store(), self::journal(&folder));
    assert_eq!(store.rebuild_sessions(&journal).await.unwrap(), Rebuilt::default());
    assert!(rows(&store).await.is_empty());
}

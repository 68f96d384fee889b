use std::collections::BTreeMap;

use super::*;
use crate::keys::SecretKey;
use crate::kind::Kind;
use crate::store::agents::Agent;
use crate::store::tests::{Folder, agent};
use crate::tokens::call_name::CallNames;

pub fn row(agent: &Agent, started_at: i64) -> SessionRow {
    SessionRow {
        id: SessionId::generate(),
        account_id: agent.account_id,
        agent_id: agent.id,
        agent_name: agent.name.as_str().into(),
        call_id: None,
        started_at: Timestamp::from_millis(started_at),
        ended_at: Some(Timestamp::from_millis(started_at + 5)),
        status: Status::Ok,
        redactions_by_kind: BTreeMap::from([(Kind::new("NAME").unwrap(), 2), (Kind::new("PHONE").unwrap(), 1)]),
        upstream_model: "gpt-4o-mini".into(),
        policy_name: "healthcare-default".into(),
        policy_version: 3,
        stages: StageDurations { detection: 0.5, tokenize: 0.25, upstream: 400.0, rehydrate: 0.125 },
        rehydrated: vec![0, 2],
        merkle_root: Some([9; 32]),
        journal: vec![ByteRange { start: 0, end: 100 }, ByteRange { start: 200, end: 250 }],
        counted: Figures::default(),
    }
}

/// A call as a person looks for it.
pub fn sought(call: &str) -> SoughtCall {
    CallNames::new(&SecretKey::new([3; 32])).sought(call)
}

pub fn all(account: AccountId) -> SessionFilter {
    SessionFilter {
        account,
        agent: None,
        call_id: None,
        since: None,
        status: None,
        min_redactions: None,
        cursor: None,
        limit: 100,
    }
}

pub async fn with_agent(store: &Store, name: &str) -> Agent {
    let agent = agent(store.first_account(), name);
    store.insert_agent(agent.clone()).await.unwrap();
    agent
}

pub async fn record(store: &Store, rows: &[SessionRow]) {
    for row in rows {
        store.record_session(row.clone()).await.unwrap();
    }
    store.sessions_flushed().await.unwrap();
}

#[tokio::test]
async fn a_session_reads_back_as_it_was_written() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = with_agent(&store, "a").await;
    let full = SessionRow { call_id: Some("digest".into()), ..row(&agent, 1000) };
    let bare = SessionRow {
        ended_at: None,
        merkle_root: None,
        redactions_by_kind: BTreeMap::new(),
        journal: vec![],
        ..row(&agent, 2000)
    };
    record(&store, &[full.clone(), bare.clone()]).await;
    assert_eq!(store.session(agent.account_id, full.id).await.unwrap(), Some(full.clone()));
    assert_eq!(store.session(agent.account_id, bare.id).await.unwrap(), Some(bare.clone()));
    assert_eq!(store.session(AccountId::generate(), full.id).await.unwrap(), None);
    assert_eq!((full.redaction_count(), full.duration_ms(), bare.duration_ms()), (3, Some(5), None));
    let page = store.sessions_page(all(agent.account_id)).await.unwrap();
    assert_eq!(page.rows, [bare, full]);
}

#[tokio::test]
async fn the_list_is_filtered() {
    let folder = Folder::new();
    let store = folder.store();
    let (a, b) = (with_agent(&store, "a").await, with_agent(&store, "b").await);
    let account = a.account_id;
    let old = row(&a, 1000);
    let failed = SessionRow { status: Status::Error, ..row(&a, 2000) };
    let plain = SessionRow { redactions_by_kind: BTreeMap::new(), ..row(&b, 3000) };
    let call = SessionRow { call_id: Some("c1".into()), ..row(&b, 4000) };
    record(&store, &[old.clone(), failed.clone(), plain.clone(), call.clone()]).await;
    let list = async |filter: SessionFilter| {
        let page = store.sessions_page(filter).await.unwrap();
        page.rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let since = Some(Timestamp::from_millis(2000));
    assert_eq!(list(SessionFilter { since, ..all(account) }).await, [call.id, plain.id, failed.id]);
    assert_eq!(list(SessionFilter { agent: Some(a.id), ..all(account) }).await, [failed.id, old.id]);
    assert_eq!(list(SessionFilter { status: Some(Status::Error), ..all(account) }).await, [failed.id]);
    assert_eq!(list(SessionFilter { min_redactions: Some(1), since, ..all(account) }).await, [call.id, failed.id]);
    assert_eq!(list(SessionFilter { call_id: Some(sought("c1")), ..all(account) }).await, [call.id]);
    assert!(list(all(AccountId::generate())).await.is_empty());
    assert!(list(SessionFilter { agent: Some(a.id), ..all(AccountId::generate()) }).await.is_empty());
}

#[tokio::test]
async fn a_row_is_written_once() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = with_agent(&store, "a").await;
    let mut watch = store.watch_sessions(agent.account_id);
    let first = row(&agent, 1000);
    let second = SessionRow { status: Status::Error, ..first.clone() };
    record(&store, &[first.clone(), second, row(&agent, 2000)]).await;
    assert_eq!(store.session(agent.account_id, first.id).await.unwrap(), Some(first.clone()));
    // A watcher sees each written session exactly once.
    assert!(matches!(watch.next().await, Some(Watched::Session(seen)) if *seen == first.clone().for_lists()));
    assert!(matches!(watch.next().await, Some(Watched::Session(seen)) if seen.started_at.millis() == 2000));
}

#[tokio::test]
async fn a_walk_sees_every_session_once_also_those_of_one_millisecond() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = with_agent(&store, "a").await;
    let rows: Vec<_> = (0..20).map(|i| row(&agent, 1000 + i / 7)).collect();
    record(&store, &rows).await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let filter = SessionFilter { limit: 3, cursor, ..all(agent.account_id) };
        let page = store.sessions_page(filter).await.unwrap();
        seen.extend(page.rows.iter().map(|row| row.id));
        let Some(next) = page.next else { break };
        cursor = Some(next.to_string().parse().unwrap());
        record(&store, &[row(&agent, 5000)]).await;
    }
    let mut expected: Vec<_> = rows.iter().map(|row| (row.started_at, row.id)).collect();
    expected.sort();
    assert_eq!(seen, expected.into_iter().rev().map(|(_, id)| id).collect::<Vec<_>>());
    assert!("x.y".parse::<SessionCursor>().is_err());
}

#[tokio::test]
async fn a_reader_who_comes_back_gets_what_was_written_since_or_learns_that_it_cannot() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = with_agent(&store, "a").await;
    // Written in a different order than they began.
    let rows: Vec<_> = [3000, 1000, 2000].map(|started| row(&agent, started)).to_vec();
    record(&store, &rows).await;
    let behind = async |row: &SessionRow| store.sessions_behind(agent.account_id, row.id).await.unwrap();
    assert_eq!(behind(&rows[0]).await, Some(rows[1..].to_vec()));
    assert_eq!(behind(&rows[2]).await, Some(vec![]));
    assert_eq!(behind(&row(&agent, 0)).await, None);
    assert_eq!(store.sessions_behind(AccountId::generate(), rows[0].id).await.unwrap(), None);

    let many: Vec<_> = (0..MOST_MISSED).map(|n| row(&agent, n)).collect();
    record(&store, &many).await;
    assert_eq!(behind(&rows[2]).await.map(|rows| rows.len() as i64), Some(MOST_MISSED));
    assert_eq!(behind(&rows[1]).await, None, "more rows than the limit");
}

use super::*;
use crate::clock::Clock;
use crate::ids::EventId;
use crate::session::SessionRow;
use crate::store::erasures::Texts;
use crate::store::jobs::Job;
use crate::store::payloads::SealedPayloads;
use crate::store::sessions::tests::{all, record, row, with_agent};
use crate::store::tests::Folder;

fn sealed(kept_since: i64) -> Option<SealedPayloads> {
    Some(SealedPayloads { kept_since: Timestamp::from_millis(kept_since), sealed: b"sealed-text".to_vec() })
}

async fn rows_of(store: &Store, table: &'static str) -> i64 {
    let count = move |conn: &Connection| {
        Ok(conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))?)
    };
    store.main.read(count).await.unwrap()
}

#[tokio::test]
async fn sessions_go_in_batches_and_take_their_payloads_along() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = with_agent(&store, "a").await;
    let old: Vec<SessionRow> = (0..BATCH as i64 + 3).map(|n| row(&agent, n)).collect();
    record(&store, &old).await;
    let (with_text, young) = (row(&agent, 10), row(&agent, 5000));
    store.record_session_with(with_text, sealed(10)).await.unwrap();
    store.record_session_with(young.clone(), sealed(5000)).await.unwrap();
    store.sessions_flushed().await.unwrap();
    let before = Timestamp::from_millis(5000);
    assert_eq!(store.purge_sessions(before).await, Ok(BATCH));
    assert_eq!(store.purge_sessions(before).await, Ok(4));
    assert_eq!(store.purge_sessions(before).await, Ok(0));
    assert_eq!(store.sessions_page(all(agent.account_id)).await.unwrap().rows, std::slice::from_ref(&young));
    assert_eq!(rows_of(&store, "session_payloads").await, 1);
    assert_eq!(store.payloads(young.id).await.unwrap(), sealed(5000));
}

#[tokio::test]
async fn payloads_go_alone_and_leave_no_trace() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = with_agent(&store, "a").await;
    let (old, young) = (row(&agent, 1000), row(&agent, 2000));
    for (row, kept_since) in [(&old, 1000), (&young, 2000)] {
        store.record_session_with(row.clone(), sealed(kept_since)).await.unwrap();
    }
    store.sessions_flushed().await.unwrap();
    let job = Job { id: EventId::generate(), asked_at: Timestamp::from_millis(0), journal_at: 0, plan: String::new() };
    store.begin_job(job.clone()).await.unwrap();
    let erase = async |before: i64| {
        let texts = Texts::KeptBefore(Timestamp::from_millis(before));
        let (count, before) = (store.count_texts(&texts).await.unwrap(), store.texts_erased_by(job.id).await.unwrap());
        store.erase_texts(job.id, &texts, || ()).await.unwrap();
        assert_eq!(store.texts_erased_by(job.id).await, Ok(before + count));
        count
    };
    assert_eq!(erase(2000).await, 1);
    assert_eq!(store.payloads(old.id).await.unwrap(), None);
    assert_eq!(store.payloads(young.id).await.unwrap(), sealed(2000));
    assert_eq!(erase(i64::MAX).await, 1);
    assert_eq!(store.sessions_page(all(agent.account_id)).await.unwrap().rows.len(), 2);
    store.compact().await.unwrap();
    assert!(!folder.contains("sealed-text"), "what is deleted is overwritten");
}

#[tokio::test]
async fn hourly_figures_go_when_no_window_reaches_them() {
    let folder = Folder::new();
    let day = 86_400_000;
    let clock = Clock::manual(Timestamp::from_millis(20 * day));
    let store = folder.store_at(clock.clone());
    let agent = with_agent(&store, "a").await;
    record(&store, &[row(&agent, 13 * day + 1), row(&agent, 20 * day)]).await;
    assert_eq!(store.purge_figures().await, Ok(0));
    assert_eq!(store.agent_stats(agent.id).await.unwrap().session_count_7d, 2);
    clock.set(Timestamp::from_millis(22 * day));
    assert_eq!(store.purge_figures().await, Ok(2), "one hour, with two kinds");
    for (table, rows) in [("agent_hours", 1), ("agent_hour_latencies", 1), ("account_hour_kinds", 2)] {
        assert_eq!(rows_of(&store, table).await, rows, "{table}");
    }
    assert_eq!(store.agent_stats(agent.id).await.unwrap().session_count_7d, 1);
}

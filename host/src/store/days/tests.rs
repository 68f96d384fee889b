use super::*;
use crate::clock::Timestamp;
use crate::session::SessionRow;
use crate::store::reports::ReportSessions;
use crate::store::sessions::tests::{record, row, with_agent};
use crate::store::tests::Folder;

fn everything(row: &SessionRow) -> ReportSessions {
    let (since, until) = (Timestamp::from_millis(0), Timestamp::from_millis(100 * DAY_MS));
    ReportSessions { account: row.account_id, agent: None, since, until }
}

async fn sql(store: &Store, sql: &'static str) -> usize {
    store.main.write(move |conn| Ok(conn.execute(sql, [])?)).await.unwrap()
}

async fn of_days(store: &Store, agent: AgentId, days: std::ops::Range<i64>) -> Figures {
    store.main.read(move |conn| of_agent(conn, agent, days)).await.unwrap()
}

#[tokio::test]
async fn rows_from_before_there_were_days_are_counted_once() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = with_agent(&store, "a").await;
    let mut rows: Vec<SessionRow> = (0..STEP + 10)
        .map(|n| SessionRow { call_id: Some(format!("call {}", n % 30)), ..row(&agent, n * DAY_MS / 100) })
        .collect();
    rows.iter_mut().for_each(|row| row.counted.add(Figure::Passes, "regex", 2));
    record(&store, &rows).await;
    let all = everything(&rows[0]);
    let expected = store.report_rows(&all, None).unwrap().figures;
    assert_eq!(expected[&agent.id].sum(Figure::Calls), 30);
    assert!(store.uncounted_sessions().await.unwrap().is_empty());

    // The state left by an older version.
    sql(&store, "DELETE FROM agent_days").await;
    sql(&store, "UPDATE sessions SET counted = NULL, begins_call = 0").await;
    let first = store.uncounted_sessions().await.unwrap();
    assert_eq!(first.len() as i64, STEP);
    let with_figures = |mut found: Vec<SessionRow>| {
        found.iter_mut().for_each(|row| row.counted.add(Figure::Passes, "regex", 2));
        found
    };
    store.count_sessions(with_figures(first.clone())).await.unwrap();
    // Interrupted, and started again with the same rows.
    store.count_sessions(with_figures(first)).await.unwrap();
    let rest = store.uncounted_sessions().await.unwrap();
    assert_eq!(rest.len(), 10);
    store.count_sessions(with_figures(rest)).await.unwrap();
    assert!(store.uncounted_sessions().await.unwrap().is_empty());
    assert_eq!(store.report_rows(&all, None).unwrap().figures, expected);
}

#[tokio::test]
async fn a_session_that_is_written_again_counts_once() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = with_agent(&store, "a").await;
    let row = SessionRow { call_id: Some("call".into()), ..row(&agent, DAY_MS) };
    record(&store, &[row.clone(), row.clone()]).await;
    let figures = of_days(&store, agent.id, 0..9).await;
    assert_eq!((figures.sum(Figure::Sessions), figures.sum(Figure::Calls), figures.sum(Figure::Kinds)), (1, 1, 3));
}

#[tokio::test]
async fn days_go_with_the_last_of_their_sessions() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = with_agent(&store, "a").await;
    record(&store, &[row(&agent, 5), row(&agent, DAY_MS + 5), row(&agent, DAY_MS + 9)]).await;
    // In the middle of a day: its sums are kept, and a report counts the remaining rows one by one.
    assert_eq!(store.purge_sessions(Timestamp::from_millis(DAY_MS + 7)).await, Ok(2));
    let (first, second) = (of_days(&store, agent.id, 0..1).await, of_days(&store, agent.id, 1..2).await);
    assert_eq!((first.sum(Figure::Sessions), second.sum(Figure::Sessions)), (0, 2));
    let figures = store.report_rows(&everything(&row(&agent, 0)), None).unwrap().figures;
    assert_eq!(figures[&agent.id].sum(Figure::Sessions), 1);
}

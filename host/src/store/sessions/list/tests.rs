use std::collections::BTreeMap;

use super::*;
use crate::clock::Timestamp;
use crate::kind::Kind;
use crate::store::Store;
use crate::store::agents::Agent;
use crate::store::sessions::tests::{all, record, row, sought, with_agent};
use crate::store::tests::Folder;

async fn plan(store: &Store, sql: String) -> String {
    let explain = move |conn: &Connection| {
        let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        // The values do not affect the plan.
        let lines = explain.raw_query().mapped(|row| row.get::<_, String>(3));
        Ok(lines.collect::<Result<Vec<_>, _>>()?.join("\n"))
    };
    store.main.read(explain).await.unwrap()
}

#[tokio::test]
async fn every_list_is_read_from_an_index_at_the_place_where_it_begins_and_never_sorted() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = with_agent(&store, "a").await;
    let everything = all(agent.account_id);
    let call_id = Some(sought("c"));
    let outcome = "status=? AND redaction_count=? AND started_at>? AND started_at<?)";
    let many = "status=? AND <expr>=? AND started_at>? AND started_at<?)";
    for (filter, expected) in [
        (everything.clone(), vec!["sessions_by_account (account_id=? AND started_at>? AND started_at<?)".to_owned()]),
        (
            SessionFilter { agent: Some(agent.id), ..everything.clone() },
            vec!["sessions_by_agent (agent_id=? AND started_at>? AND started_at<?)".to_owned()],
        ),
        (
            SessionFilter { status: Some(Status::Error), ..everything.clone() },
            vec![
                format!("sessions_by_account_outcome (account_id=? AND {outcome}"),
                format!("sessions_by_account_many (account_id=? AND {many}"),
            ],
        ),
        (
            SessionFilter { agent: Some(agent.id), min_redactions: Some(3), ..everything.clone() },
            vec![
                format!("sessions_by_agent_outcome (agent_id=? AND {outcome}"),
                format!("sessions_by_agent_many (agent_id=? AND {many}"),
            ],
        ),
        (
            SessionFilter { call_id, status: Some(Status::Ok), ..everything.clone() },
            vec!["sessions_by_call (account_id=? AND call_id=? AND started_at>? AND started_at<?)".to_owned()],
        ),
    ] {
        let runs = store.main.read(move |conn| all_runs(conn, &filter)).await.unwrap();
        assert_eq!(runs.len(), expected.len());
        for (runs, expected) in runs.into_iter().zip(expected) {
            let plan = plan(&store, runs.sql).await;
            // SQLite shows the bound of the place as `(started_at,id)<(?,?)`.
            let plan = plan.replace("(started_at,id)<(?,?)", "started_at<?");
            assert!(plan.starts_with("SEARCH") && plan.ends_with(&expected) && !plan.contains('\n'), "{plan}");
            assert!(plan.contains("COVERING") || plan.contains("sessions_by_call"), "{plan}");
        }
    }
    for whose in ["account", "agent"] {
        for (index, number) in [("outcome", "redaction_count"), ("many", "redaction_count >> 6")] {
            let plan = plan(&store, Outcomes::new(whose, index, number, 0..9).next()).await;
            let shown = if index == "many" { "<expr>" } else { number };
            let expected = format!("status=? AND {shown}>? AND {shown}<?)");
            assert!(plan.starts_with("SEARCH") && plan.ends_with(&expected) && plan.contains("COVERING"), "{plan}");
        }
    }
}

/// Sessions of two agents with all filtered fields, many in the same millisecond.
async fn sessions(store: &Store, agents: &[Agent]) -> Vec<SessionRow> {
    let kind = Kind::new("NAME").unwrap();
    let name = |agent: &Agent, call, way: u32| sought(call).ids(agent.id).nth(way as usize % 2);
    let rows: Vec<SessionRow> = (0..400u32)
        .map(|n| {
            let agent = &agents[(n % 3 == 0) as usize];
            let spans = [0, 1, 1, 2, 63, 64, 65, 130, 191, 192, 1000][n as usize % 11];
            SessionRow {
                status: if n % 50 == 7 { Status::Error } else { [Status::Ok, Status::Partial][(n % 9 == 0) as usize] },
                redactions_by_kind: if spans > 0 { BTreeMap::from([(kind.clone(), spans)]) } else { BTreeMap::new() },
                call_id: if n % 20 < 2 { name(agent, ["call-a", "call-b"][(n % 20) as usize], n / 20) } else { None },
                ..row(agent, 1000 + i64::from(n) / 7)
            }
        })
        .collect();
    record(store, &rows).await;
    rows
}

fn fits(row: &SessionRow, filter: &SessionFilter, agents: &[Agent]) -> bool {
    let is_of_call = |call: &SoughtCall| {
        let names: Vec<String> = agents.iter().flat_map(|agent| call.ids(agent.id)).collect();
        row.call_id.as_ref().is_some_and(|id| id == call.given() || names.contains(id))
    };
    filter.agent.is_none_or(|agent| row.agent_id == agent)
        && filter.call_id.as_ref().is_none_or(is_of_call)
        && filter.since.is_none_or(|since| row.started_at >= since)
        && filter.status.is_none_or(|status| row.status == status)
        && filter.min_redactions.is_none_or(|least| row.redaction_count() >= least)
}

const SPANS: [Option<u64>; 13] = [
    None,
    Some(0),
    Some(2),
    Some(63),
    Some(64),
    Some(65),
    Some(128),
    Some(131),
    Some(192),
    Some(193),
    Some(1000),
    Some(1001),
    Some(u64::MAX),
];

#[tokio::test]
async fn every_combination_of_filters_lists_what_fits_newest_first_in_pages_of_any_size() {
    let folder = Folder::new();
    let store = folder.store();
    let agents = [with_agent(&store, "a").await, with_agent(&store, "b").await];
    let mut rows = sessions(&store, &agents).await;
    rows.sort_by_key(|row| std::cmp::Reverse((row.started_at, row.id)));
    let hash = rows.iter().find_map(|row| row.call_id.clone()).unwrap();
    let mut found_something = 0;
    for agent in [None, Some(agents[0].id), Some(agents[1].id), Some(AgentId::generate())] {
        for call_id in [None, Some("call-a"), Some(hash.as_str()), Some("never")] {
            for status in [None, Some(Status::Ok), Some(Status::Error)] {
                for min_redactions in SPANS {
                    for since in [None, Some(1030)] {
                        let filter = SessionFilter {
                            agent,
                            call_id: call_id.map(sought),
                            status,
                            min_redactions,
                            since: since.map(Timestamp::from_millis),
                            ..all(agents[0].account_id)
                        };
                        let expected: Vec<_> =
                            rows.iter().filter(|row| fits(row, &filter, &agents)).map(|row| row.id).collect();
                        found_something += usize::from(!expected.is_empty());
                        for limit in [7, 100] {
                            let found = walk(&store, SessionFilter { limit, ..filter.clone() }).await;
                            assert_eq!(found, expected, "{filter:?} in pages of {limit}");
                        }
                    }
                }
            }
        }
    }
    assert!(found_something > 60, "{found_something}");
}

async fn walk(store: &Store, mut filter: SessionFilter) -> Vec<crate::ids::SessionId> {
    let mut seen = Vec::new();
    loop {
        let page = store.sessions_page(filter.clone()).await.unwrap();
        assert!(page.rows.len() <= filter.limit);
        seen.extend(page.rows.iter().map(|row| row.id));
        let Some(next) = page.next else { return seen };
        assert_eq!(page.rows.len(), filter.limit, "only the last page is short");
        filter.cursor = Some(next.to_string().parse().unwrap());
    }
}

#[tokio::test]
async fn a_filtered_walk_sees_every_session_once_while_others_come_and_go() {
    let folder = Folder::new();
    let store = folder.store();
    let agents = [with_agent(&store, "a").await, with_agent(&store, "b").await];
    let rows = sessions(&store, &agents).await;
    let filter = SessionFilter { min_redactions: Some(1), limit: 10, ..all(agents[0].account_id) };
    let mut expected: Vec<_> =
        rows.iter().filter(|row| fits(row, &filter, &agents)).map(|row| (row.started_at, row.id)).collect();
    expected.sort();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.sessions_page(SessionFilter { cursor, ..filter.clone() }).await.unwrap();
        seen.extend(page.rows.iter().map(|row| row.id));
        let Some(next) = page.next else { break };
        cursor = Some(next);
        record(&store, &[row(&agents[0], 5000)]).await;
        // Delete the session that the cursor points to.
        let gone = seen.last().unwrap().text();
        let delete = move |conn: &Connection| Ok(conn.execute("DELETE FROM sessions WHERE id = ?1", [gone])?);
        assert_eq!(store.main.write(delete).await, Ok(1));
    }
    assert_eq!(seen, expected.into_iter().rev().map(|(_, id)| id).collect::<Vec<_>>());
}

use std::collections::BTreeSet;

use super::*;
use crate::audit::event::Status;
use crate::kind::Kind;
use crate::session::figures::Figure;
use crate::store::days::DAY_MS;
use crate::store::sessions::tests::{record, row, with_agent};
use crate::store::tests::Folder;

/// Sessions of two agents over six days, some in the same millisecond, written in a different order than they began.
async fn sessions(store: &Store) -> Vec<SessionRow> {
    let agents = [with_agent(store, "a").await, with_agent(store, "b").await];
    let mut rows: Vec<SessionRow> = (0..400i64)
        .map(|n| {
            let agent = &agents[(n % 3 == 0) as usize];
            let mut row = SessionRow {
                status: if n % 7 == 0 { Status::Error } else { Status::Ok },
                redactions_by_kind: Kind::new("NAME").map(|kind| (kind, (n % 5) as u32)).into_iter().collect(),
                call_id: (n % 2 == 0).then(|| format!("{} {}", agent.name, n / 20)),
                policy_version: 1 + (n % 2) as u32,
                merkle_root: (n % 11 > 0).then_some([n as u8; 32]),
                ..row(agent, n / 2 * 2 * 6 * DAY_MS / 400)
            };
            row.counted.add(Figure::Passes, "regex", n as u64 % 5);
            let incident = [None, Some(INCIDENTS[0]), Some(INCIDENTS[2])][n as usize % 3];
            if let Some(kind) = incident.filter(|_| n % 10 == 0) {
                row.counted.add(Figure::Incidents, kind.as_str(), 1);
            }
            row
        })
        .collect();
    rows.sort_by_key(|row| row.id.to_bytes()[15]);
    record(store, &rows).await;
    rows.sort_by_key(|row| (row.started_at, row.id));
    rows
}

#[tokio::test]
async fn what_a_report_counts_is_what_its_rows_add_up_to_in_any_window() {
    let folder = Folder::new();
    let store = folder.store();
    let rows = sessions(&store).await;
    let moments = [0, 1, DAY_MS - 1, DAY_MS, DAY_MS + 1, 2 * DAY_MS + DAY_MS / 2, 4 * DAY_MS, 5 * DAY_MS, 9 * DAY_MS];
    let begins: HashMap<SessionId, bool> = store
        .main
        .read(|conn| {
            let mut query = conn.prepare("SELECT id, begins_call FROM sessions")?;
            let rows = query.query_map([], |row| Ok((crate::store::columns::parsed(row, 0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
        .unwrap();
    let calls: BTreeSet<_> = rows.iter().filter_map(|row| row.call_id.as_ref()).collect();
    assert_eq!(begins.values().filter(|begins| **begins).count(), calls.len(), "one session begins each call");
    for agent in [None, Some(rows[0].agent_id), Some(rows[1].agent_id), Some(AgentId::generate())] {
        for since in moments {
            for until in moments {
                let fits = |row: &&SessionRow| {
                    (since..=until).contains(&row.started_at.millis()) && agent.is_none_or(|own| row.agent_id == own)
                };
                let own: Vec<&SessionRow> = rows.iter().filter(fits).collect();
                let mut figures: BTreeMap<AgentId, Figures> = BTreeMap::new();
                for row in &own {
                    figures.entry(row.agent_id).or_default().add_all(&Figures::of(row, begins[&row.id]));
                }
                let (since, until) = (Timestamp::from_millis(since), Timestamp::from_millis(until));
                let asked = ReportSessions { account: rows[0].account_id, agent, since, until };
                let found = store.report_rows(&asked, None).unwrap();
                assert_eq!(found.figures, figures, "{asked:?}");
                let roots: Vec<Hash> =
                    own.iter().map(|row| row.merkle_root.unwrap_or_else(|| merkle::root(&[]))).collect();
                assert_eq!(found.root, merkle::root(&roots));
                let lines = own.iter().zip(&roots).map(|(row, root)| format!("{} {}\n", row.id, hex_text(root)));
                assert_eq!(found.digest, Hash::from(Sha256::digest(lines.collect::<String>())));
                assert_eq!(found.listed.iter().collect::<Vec<_>>(), own);
                let incidents: BTreeSet<SessionId> = found.incidents.iter().map(|row| row.id).collect();
                let had = own.iter().filter(|row| row.counted.sum(Figure::Incidents) > 0).map(|row| row.id);
                assert_eq!(incidents, had.collect());
            }
        }
    }
}

#[tokio::test]
async fn what_was_deleted_is_in_no_figure() {
    let folder = Folder::new();
    let store = folder.store();
    let rows = sessions(&store).await;
    let before = Timestamp::from_millis(2 * DAY_MS + 1000);
    store.purge_sessions(before).await.unwrap();
    let left = rows.iter().filter(|row| row.started_at >= before).count() as u64;
    let (since, until) = (Timestamp::from_millis(0), Timestamp::from_millis(9 * DAY_MS));
    let asked = ReportSessions { account: rows[0].account_id, agent: None, since, until };
    let found = store.report_rows(&asked, None).unwrap();
    assert_eq!(found.figures.values().map(|own| own.sum(Figure::Sessions)).sum::<u64>(), left);
    assert_eq!(found.listed.len() as u64, left);
}

#[tokio::test]
async fn a_turn_counts_those_of_its_call_up_to_it() {
    let folder = Folder::new();
    let store = folder.store();
    let rows = sessions(&store).await;
    for row in rows.iter().take(60) {
        let before = |own: &&SessionRow| {
            own.call_id.is_some() && own.call_id == row.call_id && (own.started_at, own.id) <= (row.started_at, row.id)
        };
        let expected = rows.iter().filter(before).count().max(1) as u64;
        assert_eq!(store.turn_of(row).await, Ok(expected));
    }
}

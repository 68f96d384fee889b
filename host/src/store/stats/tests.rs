use std::collections::BTreeMap;

use super::*;
use crate::clock::Clock;
use crate::session::StageDurations;
use crate::store::sessions::tests::{record, row, with_agent};
use crate::store::tests::Folder;

fn at(millis: i64) -> Clock {
    Clock::manual(Timestamp::from_millis(millis))
}

#[tokio::test]
async fn counts_are_of_the_window_to_the_millisecond() {
    let folder = Folder::new();
    // Half past the hour, so that both windows begin in the middle of an hour.
    let now = 10 * DAY_MS + HOUR_MS / 2;
    let store = folder.store_at(at(now));
    let (a, b) = (with_agent(&store, "a").await, with_agent(&store, "b").await);
    let plain = SessionRow { redactions_by_kind: BTreeMap::new(), ..row(&a, now - 7 * DAY_MS + 1) };
    let of_day = [now - 5, now, now - HOUR_MS, now - DAY_MS + 1, now - DAY_MS + HOUR_MS / 2, now - DAY_MS + HOUR_MS];
    let of_week = [now - DAY_MS, now - 2 * DAY_MS, now - 7 * DAY_MS + HOUR_MS];
    let older = [now - 7 * DAY_MS, now - 7 * DAY_MS - 1, now - 9 * DAY_MS];
    record(&store, &of_day.map(|started| row(&a, started))).await;
    record(&store, &of_week.map(|started| row(&a, started))).await;
    record(&store, &older.map(|started| row(&a, started))).await;
    record(&store, &[plain, row(&b, now)]).await;
    let stats = store.agent_stats(a.id).await.unwrap();
    assert_eq!((stats.session_count_24h, stats.session_count_7d, stats.redaction_count_24h), (6, 10, 18));
    let page = store.agents_page(a.account_id, 10, None, None).await.unwrap();
    let counts: Vec<_> = page.rows.iter().map(|entry| (entry.agent.name.as_str(), entry.session_count_24h)).collect();
    assert_eq!(counts.into_iter().collect::<BTreeMap<_, _>>(), BTreeMap::from([("a", 6), ("b", 1)]));
    assert_eq!(store.agent_stats(AgentId::generate()).await.unwrap(), AgentStats::default());
}

#[tokio::test]
async fn percentiles_are_near_the_exact_ones_and_of_the_last_day_only() {
    let folder = Folder::new();
    let now = 10 * DAY_MS;
    let store = folder.store_at(at(now));
    let agent = with_agent(&store, "a").await;
    let took = |millis: f64, started| SessionRow {
        stages: StageDurations { detection: millis, ..StageDurations::default() },
        ..row(&agent, started)
    };
    // 1 to 1000 thousandths of 10 ms over the last day, and slow ones before.
    let lately: Vec<_> = (1..=1000).map(|n| took(f64::from(n) / 100.0, now - i64::from(n) * 60_000)).collect();
    let before: Vec<_> = (0..1000).map(|n| took(500.0, now - 26 * HOUR_MS - n)).collect();
    // A rejected session has no latency.
    record(&store, &[took(0.0, now)]).await;
    record(&store, &lately).await;
    record(&store, &before).await;
    let stats = store.agent_stats(agent.id).await.unwrap();
    for (found, exact) in [(stats.p50_latency_ms, 5.0), (stats.p95_latency_ms, 9.5)] {
        let found = found.unwrap();
        assert!((found - exact).abs() <= exact / 32.0, "{found} instead of {exact}");
    }
}

#[tokio::test]
async fn a_session_that_is_written_again_counts_once() {
    let folder = Folder::new();
    let store = folder.store_at(at(DAY_MS));
    let agent = with_agent(&store, "a").await;
    let row = row(&agent, DAY_MS - 10);
    record(&store, &[row.clone(), row]).await;
    let stats = store.agent_stats(agent.id).await.unwrap();
    assert_eq!((stats.session_count_24h, stats.redaction_count_24h), (1, 3));
}

#[tokio::test]
async fn an_account_sees_its_hours_by_kind() {
    let folder = Folder::new();
    let now = 10 * DAY_MS;
    let store = folder.store_at(at(now));
    let (a, b) = (with_agent(&store, "a").await, with_agent(&store, "b").await);
    let kinds = |kinds: &[(&str, u32)], row: SessionRow| SessionRow {
        redactions_by_kind: kinds.iter().map(|(kind, n)| (Kind::new(kind).unwrap(), *n)).collect(),
        ..row
    };
    let rows = [
        kinds(&[("NAME", 2), ("DOB", 1)], row(&a, now)),
        kinds(&[("NAME", 1)], row(&b, now + 1)),
        kinds(&[("EMAIL", 4)], row(&a, now - HOUR_MS)),
        kinds(&[("EMAIL", 4)], row(&a, now - 9 * DAY_MS)),
        kinds(&[], row(&a, now - 2 * HOUR_MS)),
    ];
    record(&store, &rows).await;
    let hours = store.account_stats(a.account_id).await.unwrap().hours;
    let found: Vec<String> = hours.iter().map(|hour| format!("{:?}", hour.redactions_by_kind)).collect();
    let map = |kinds: &[(&str, u64)]| {
        format!("{:?}", kinds.iter().map(|(kind, n)| (Kind::new(kind).unwrap(), *n)).collect::<BTreeMap<_, _>>())
    };
    assert_eq!(found, [map(&[]), map(&[("EMAIL", 4)]), map(&[("DOB", 1), ("NAME", 3)])]);
    assert_eq!(hours.iter().map(|hour| hour.redactions).collect::<Vec<_>>(), [0, 4, 4]);
}

//! Deletion of expired data, and its metrics.

use masker::clock::{Clock, Timestamp};
use masker_tests::TestApp;
use masker_tests::fake_upstream::respond;
use serde_json::Value;

const NOON: i64 = 1_777_896_000_000;
const DAY: i64 = 86_400_000;

async fn app(clock: &Clock, days: &str) -> TestApp {
    let app = TestApp::builder().env("MASKER_SESSION_METADATA_RETENTION_DAYS", days).clock(clock).start().await;
    app.upstream.respond_with(respond::echo);
    app
}

async fn listed(app: &TestApp) -> usize {
    let list = app.api("GET", "/api/v1/sessions?since=99w", &Value::Null).await.json();
    list["data"].as_array().expect("rows").len()
}

async fn health(app: &TestApp) -> Value {
    app.api("GET", "/health", &Value::Null).await.json()["components"]["retention"].clone()
}

#[tokio::test]
async fn sessions_go_after_their_days_and_not_before() {
    for (days, kept_for) in [("", 90), ("3", 3)] {
        let clock = Clock::manual(Timestamp::from_millis(NOON));
        let app = app(&clock, days).await;
        app.say("I am E-12345.").await;
        app.sessions().await;
        clock.set(Timestamp::from_millis(NOON + DAY));
        app.say("I am E-12345.").await;
        app.sessions().await;
        clock.set(Timestamp::from_millis(NOON + kept_for * DAY));
        app.app().delete_expired().await;
        assert_eq!(listed(&app).await, 2);
        clock.set(Timestamp::from_millis(NOON + kept_for * DAY + 1));
        app.app().delete_expired().await;
        assert_eq!(listed(&app).await, 1);
        assert_eq!(app.metric("masker_retention_deleted_total{what=\"sessions\"}"), 1.0);
        assert_eq!(app.metric("masker_retention_failures_total"), 0.0);
        let expected = (NOON + kept_for * DAY + 1) / 1000;
        assert_eq!(app.metric("masker_retention_last_success_seconds"), expected as f64);
        assert_eq!(health(&app).await, "ok");
    }
}

#[tokio::test]
async fn the_background_task_begins_with_a_pass() {
    let clock = Clock::manual(Timestamp::from_millis(NOON));
    let app = app(&clock, "1").await;
    app.say("I am E-12345.").await;
    app.sessions().await;
    clock.set(Timestamp::from_millis(NOON + 2 * DAY));
    let task = tokio::spawn(app.app().clone().keep_deleting());
    app.wait_until("the session to go", async || (listed(&app).await == 0).then_some(())).await;
    task.abort();
    assert!(task.await.is_err_and(|error| error.is_cancelled()), "it runs until it is stopped");
}

#[tokio::test]
async fn a_pass_that_fails_shows_until_one_succeeds() {
    let clock = Clock::manual(Timestamp::from_millis(NOON));
    let app = app(&clock, "1").await;
    app.say("I am E-12345.").await;
    app.sessions().await;
    clock.set(Timestamp::from_millis(NOON + 2 * DAY));
    // Deleting from a missing table fails.
    let database = rusqlite::Connection::open(&app.app().config.database).expect("the database can be opened");
    database.execute_batch("ALTER TABLE agent_hours RENAME TO away").expect("renamed");
    app.app().delete_expired().await;
    assert_eq!((health(&app).await, app.metric("masker_retention_failures_total")), ("degraded".into(), 1.0));
    assert_eq!(listed(&app).await, 0, "what can be deleted is");
    database.execute_batch("ALTER TABLE away RENAME TO agent_hours").expect("renamed");
    app.app().delete_expired().await;
    assert_eq!((health(&app).await, app.metric("masker_retention_failures_total")), ("ok".into(), 1.0));
}

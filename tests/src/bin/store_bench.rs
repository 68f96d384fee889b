//! Measures lists, figures and reports on a large install: fills a database and a journal with sessions and their
//! events, requests everything that the API lists, counts and reports, and prints the duration of each call. For `make
//! bench-store`.
//!
//! Usage: store_bench [SESSIONS], by default a million; each session has five events. The calls go through the router
//! of the real app, authenticated with a token, and each must return the planted data. A call slower than 50 ms fails.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt;
use hyper::{Request, StatusCode};
use masker::app::App;
use masker::audit::event::{Event, EventKind, TokenKind};
use masker::audit::merkle;
use masker::clock::{Clock, Timestamp};
use masker::config::{Config, Environment};
use masker::http::page::encode;
use masker::http::router::router;
use masker::ids::{AccountId, AgentId, SessionId};
use masker::kind::Kind;
use masker::session::{SessionRow, StageDurations, Status};
use masker::store::api_tokens::NewApiToken;
use masker::text::CharSpan;
use masker_tests::components;
use masker_tests::test_app::STAFF_POLICY;
use serde_json::{Value, json};
use tower::ServiceExt;

const AGENTS: u64 = 100;
/// The longest allowed call.
const LIMIT_MS: f64 = 50.0;
/// Repetitions of each call.
const ROUNDS: usize = 20;
const DAY_MS: i64 = 86_400_000;
/// This many of the first sessions have unique numbers of spans: each is a separate run for a list to merge.
const ODD: u64 = 3000;
/// One in this many of the first sessions failed, and only those have this many spans.
const RARE_EVERY: u64 = 10_000;
/// The largest number of such sessions.
const RARE_MOST: u64 = 10;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let sessions: u64 =
        std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse()).context("SESSIONS is a number")?;
    ensure!(
        sessions >= RARE_EVERY && sessions.is_multiple_of(40),
        "SESSIONS is a multiple of 40, and at least {RARE_EVERY}"
    );
    // Beside the binary, and therefore on a disk.
    let binary = std::env::current_exe()?;
    let folder = tempfile::tempdir_in(binary.parent().context("the folder of this binary")?)?;
    let bench = Bench::start(folder.path()).await?;
    let began = Instant::now();
    let planted = bench.fill(sessions).await?;
    let mut out = std::io::stdout();
    let (seconds, events) = (began.elapsed().as_secs_f64(), 5 * sessions);
    writeln!(out, "{sessions} sessions of {AGENTS} agents in 90 days, {events} events, written in {seconds:.0} s\n")?;
    writeln!(out, "| call | rows | p50, ms | worst of {ROUNDS}, ms |\n| --- | --- | --- | --- |")?;
    let mut slow = 0;
    for call in calls(&planted, sessions) {
        let (rows, times) = bench.time(&call).await?;
        let worst = times[ROUNDS - 1];
        writeln!(out, "| {} | {rows} | {:.2} | {worst:.2} |", call.what, times[ROUNDS / 2])?;
        slow += usize::from(worst > LIMIT_MS);
    }
    writeln!(out, "\n| report | bytes | ms | memory that it took at its peak, MiB |\n| --- | --- | --- | --- |")?;
    for (what, path) in reports(&planted) {
        let (bytes, ms, mib) = bench.report(&path).await?;
        writeln!(out, "| {what} | {bytes} | {ms:.0} | {mib:.0} |")?;
    }
    ensure!(slow == 0, "{slow} calls took longer than {LIMIT_MS} ms");
    Ok(())
}

/// The reports, in this order: the first one verifies the unverified part of the journal.
fn reports(planted: &Planted) -> [(&'static str, String); 6] {
    let session = format!("/api/v1/sessions/{}/report", planted.session);
    let agent = format!("/api/v1/agents/{}/report?since=52w", planted.agents[0].text());
    [
        ("a session, the first report after the start", session.clone()),
        ("the same again", session),
        ("the account, 7 days", "/api/v1/reports".into()),
        ("the account, everything", "/api/v1/reports?since=52w".into()),
        ("the same as a PDF", "/api/v1/reports?since=52w&format=pdf".into()),
        ("the busiest agent, everything", agent),
    ]
}

/// A line of `/proc/self/status`, in MiB.
fn memory(line: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kib = status.lines().find_map(|own| own.strip_prefix(line)?.trim_start_matches(':').trim().strip_suffix(" kB"));
    Ok(kib.context("a line of the status")?.parse::<f64>()? / 1024.0)
}

/// The app with its agents.
struct Bench {
    app: Arc<App>,
    router: Router,
    token: String,
    agents: Vec<AgentId>,
}

/// Identifiers for later requests.
struct Planted {
    agents: Vec<AgentId>,
    /// A session in the middle.
    session: SessionId,
    /// A cursor in the middle of the list.
    cursor: String,
}

/// A call, and the fewest rows that it must list; `None` if it lists none.
struct Call {
    what: &'static str,
    path: String,
    rows: Option<usize>,
}

impl Bench {
    async fn start(folder: &std::path::Path) -> anyhow::Result<Self> {
        let data = folder.to_str().context("a UTF-8 path")?;
        let config = Config::load(&Environment::from_pairs([("MASKER_DEV", "1"), ("MASKER_DATA_DIR", data)]))?;
        let app = App::start(config, Clock::system(), vec![components::guest("staff-id")]).await?;
        let account = app.store().first_account();
        let scopes = vec!["admin".to_owned()];
        let token = NewApiToken {
            account_id: account,
            name: "bench".into(),
            scopes,
            expires_at: None,
            created_by: None,
            made_with: None,
        };
        let (_, token) = app.store().create_api_token(token).await?;
        let token = format!("Bearer {}", token.expose());
        let mut bench = Self { router: router(app.clone()), app, token, agents: Vec::new() };
        for number in 0..AGENTS {
            let body = json!({"name": format!("agent {number}"), "upstream": "stub", "policy_yaml": STAFF_POLICY});
            let (status, answer) = bench.call("POST", "/api/v1/agents", body.to_string()).await?;
            ensure!(status == StatusCode::CREATED, "no agent: {answer}");
            let id = answer["agent"]["id"].as_str().context("an id")?.parse();
            bench.agents.push(id.ok().context("an id")?);
        }
        Ok(bench)
    }

    /// Writes sessions like the pipeline: events into the journal, then the row.
    async fn fill(&self, sessions: u64) -> anyhow::Result<Planted> {
        let (store, journal) = (self.app.store(), &self.app.pipeline.journal);
        let kind = Kind::new("NAME").context("a kind")?;
        let now = self.app.pipeline.clock.now().millis();
        let mut middle = None;
        for number in 0..sessions {
            let mut row = self.session(number, sessions, now, store.first_account(), &kind);
            let (events, completed_event) = (events(&row, &kind), row.completed_event());
            let opened = journal.append(&events)?;
            let completed = journal.append(std::slice::from_ref(&completed_event))?;
            row.merkle_root = Some(merkle::root(&[opened.hashes, completed.hashes].concat()));
            row.journal = vec![opened.range, completed.range];
            events.iter().chain([&completed_event]).for_each(|event| row.counted.count(event));
            if number == sessions / 2 {
                middle = Some((row.id, row.started_at));
            }
            store.record_session(row).await?;
        }
        store.sessions_flushed().await?;
        let (session, started_at) = middle.context("at least one session")?;
        let cursor = encode(&format!("{}.{session}", started_at.millis()));
        Ok(Planted { agents: self.agents.clone(), session, cursor })
    }

    /// Session `number` of `all`, oldest first. Every second one belongs to the first agent; half are of the last day.
    fn session(&self, number: u64, all: u64, now: i64, account: AccountId, kind: &Kind) -> SessionRow {
        let agent = if number.is_multiple_of(2) { 0 } else { (number / 2) % AGENTS };
        let half = all / 2;
        let age = match number.checked_sub(half) {
            None => DAY_MS + (89 * DAY_MS as u64 * (half - number) / half) as i64,
            Some(young) => (DAY_MS as u64 * (all - half - young) / (all - half)) as i64,
        };
        // The rare sessions are old: a scan would read nearly everything before it finds some.
        let rare = number < RARE_EVERY * RARE_MOST && number % RARE_EVERY == 1;
        let spans = match number {
            _ if rare => 10_000,
            0..ODD => 100 + number as u32,
            _ => (number % 41) as u32,
        };
        let started_at = Timestamp::from_millis(now - age);
        SessionRow {
            id: SessionId::generate(),
            account_id: account,
            agent_id: self.agents[agent as usize],
            agent_name: format!("agent {agent}").into(),
            call_id: Some(format!("{:032x}", number / 20)),
            started_at,
            ended_at: Some(Timestamp::from_millis(started_at.millis() + 700)),
            status: if rare { Status::Error } else { Status::Ok },
            redactions_by_kind: if spans > 0 { BTreeMap::from([(kind.clone(), spans)]) } else { BTreeMap::new() },
            upstream_model: "gpt-4o-mini".into(),
            policy_name: "staff".into(),
            policy_version: 1,
            stages: StageDurations {
                detection: 0.2 + (number % 997) as f64 / 100.0,
                tokenize: 0.1,
                upstream: 690.0,
                rehydrate: 0.1,
            },
            rehydrated: vec![0],
            merkle_root: None,
            journal: Vec::new(),
            counted: Default::default(),
        }
    }

    async fn time(&self, call: &Call) -> anyhow::Result<(usize, Vec<f64>)> {
        let mut times = Vec::with_capacity(ROUNDS);
        let mut rows = 0;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let (status, answer) = self.call("GET", &call.path, String::new()).await?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            rows = answer["data"].as_array().map_or(0, Vec::len);
            let enough = call.rows.is_none_or(|least| rows >= least && (least > 0 || rows == 0));
            ensure!(status == StatusCode::OK && enough, "{}: {status}, {rows} rows", call.what);
        }
        times.sort_by(f64::total_cmp);
        Ok((rows, times))
    }

    /// Bytes, milliseconds, and additional peak memory in MiB.
    async fn report(&self, path: &str) -> anyhow::Result<(usize, f64, f64)> {
        // Resets the peak.
        std::fs::write("/proc/self/clear_refs", "5")?;
        let (before, began) = (memory("VmRSS")?, Instant::now());
        let request = Request::builder().uri(path).header("authorization", &self.token).body(Body::empty())?;
        let response = self.router.clone().oneshot(request).await?;
        ensure!(response.status() == StatusCode::OK, "{path}: {}", response.status());
        let bytes = response.into_body().collect().await?.to_bytes().len();
        Ok((bytes, began.elapsed().as_secs_f64() * 1000.0, memory("VmHWM")? - before))
    }

    async fn call(&self, method: &str, path: &str, body: String) -> anyhow::Result<(StatusCode, Value)> {
        let request = Request::builder().method(method).uri(path).header("authorization", &self.token);
        let request = request.header("content-type", "application/json").body(Body::from(body))?;
        let response = self.router.clone().oneshot(request).await?;
        let status = response.status();
        let bytes = response.into_body().collect().await?.to_bytes();
        Ok((status, serde_json::from_slice(&bytes)?))
    }
}

/// A session's events before it ends: its opening and three spans.
fn events(row: &SessionRow, kind: &Kind) -> Vec<Event> {
    let span = |start| Event {
        session_id: Some(row.id),
        agent_id: Some(row.agent_id),
        pass: Some("regex".into()),
        entity_kind: Some(kind.clone()),
        span: Some(CharSpan { start, end: start + 9 }),
        message: Some(0),
        field: Some("messages.content".into()),
        confidence: Some(0.9),
        token_kind: Some(TokenKind::Vault),
        policy_version: Some(row.policy_version),
        ..Event::new(EventKind::Redaction, row.started_at)
    };
    vec![row.opened_event(), span(0), span(20), span(40)]
}

fn calls(planted: &Planted, sessions: u64) -> Vec<Call> {
    let (busy, quiet) = (planted.agents[0].text(), planted.agents[1].text());
    let never = SessionId::generate().text();
    let far = "limit=100&since=52w";
    let rare = (sessions / RARE_EVERY).min(RARE_MOST) as usize;
    let call = |what, path: String, rows| Call { what, path, rows };
    let list = |what, query: String, rows| call(what, format!("/api/v1/sessions?{query}"), Some(rows));
    vec![
        call("agents, a page of 100", "/api/v1/agents?limit=100".into(), Some(100)),
        call(
            "agents, a part of the name that none has",
            "/api/v1/agents?limit=100&name_contains=nobody".into(),
            Some(0),
        ),
        call("the busiest agent with its stats", format!("/api/v1/agents/{busy}"), None),
        call("another agent with its stats", format!("/api/v1/agents/{quiet}"), None),
        list("sessions, the default page", String::new(), 25),
        list("sessions, a page of 100", far.into(), 100),
        list("sessions, from the middle on", format!("{far}&cursor={}", planted.cursor), 100),
        list("of the busiest agent", format!("{far}&agent_id={busy}"), 100),
        list("status=ok", format!("{far}&status=ok"), 100),
        list("status=error, which is rare and old", format!("{far}&status=error"), rare),
        list("status=partial, which there is none", format!("{far}&status=partial"), 0),
        list("min_redactions=1", format!("{far}&min_redactions=1"), 100),
        list("min_redactions=1, from the middle on", format!("{far}&min_redactions=1&cursor={}", planted.cursor), 100),
        list("min_redactions=41: 3,000 old ones, no two alike", format!("{far}&min_redactions=41"), 100),
        list("min_redactions=9000, which is rare and old", format!("{far}&min_redactions=9000"), rare),
        list("min_redactions=20000, which there is none", format!("{far}&min_redactions=20000"), 0),
        list("rare in both", format!("{far}&min_redactions=9000&status=error"), rare),
        list("both, and there is none", format!("{far}&min_redactions=1&status=partial"), 0),
        list("of the busiest agent, status=error", format!("{far}&agent_id={busy}&status=error"), rare),
        list("of another agent, status=error: none", format!("{far}&agent_id={quiet}&status=error"), 0),
        list("of the busiest agent, min_redactions=40", format!("{far}&agent_id={busy}&min_redactions=40"), 1),
        list("of a call, by its hash", format!("{far}&call_id={:032x}", sessions / 40), 20),
        list("of a call that never was, by its name", format!("{far}&call_id={never}"), 0),
        call(
            "the busiest agent's own list",
            format!("/api/v1/agents/{busy}/sessions?{far}&min_redactions=1"),
            Some(100),
        ),
        call("one session with its events", format!("/api/v1/sessions/{}", planted.session), None),
    ]
}

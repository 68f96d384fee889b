//! Measures the journal: a request's appends and its wait for the disk, alone and under concurrency; verification of a
//! journal of many events; compression of its closed files; and reading one session's events from it when most files
//! are compressed. For `make bench-journal`.
//!
//! Usage: journal_bench [EVENTS], by default a million; each session has five events.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use masker::audit::event::{Event, EventKind, TokenKind};
use masker::audit::merkle;
use masker::audit::verify::{Checker, verify};
use masker::clock::Timestamp;
use masker::ids::{AgentId, SessionId};
use masker::keys::{Kid, SecretKey};
use masker::kind::Kind;
use masker::session::ByteRange;
use masker::store::journal::Journal;
use masker::text::CharSpan;

/// Requests that are timed sequentially, and by each concurrent task.
const ROUNDS: usize = 500;
const CROWD: usize = 64;
const PER_SESSION: u64 = 5;
/// As in the service.
const ROTATE_AT: u64 = 256 << 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let events: u64 =
        std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse()).context("EVENTS is a number")?;
    // Beside the binary, and therefore on a disk.
    let binary = std::env::current_exe()?;
    let folder = tempfile::tempdir_in(binary.parent().context("the folder of this binary")?)?;
    let mut out = std::io::stdout();
    let key = SecretKey::new([7; 32]);

    let (journal, _) = Journal::open_rotating(&folder.path().join("requests.jsonl"), &key, ROTATE_AT, 0)?;
    let journal = Arc::new(journal);
    let mut alone = Vec::new();
    for _ in 0..ROUNDS {
        alone.push(request(&journal).await?);
    }
    let crowd = (0..CROWD).map(|_| {
        let journal = journal.clone();
        tokio::spawn(async move {
            let mut times = Vec::new();
            for _ in 0..ROUNDS {
                times.push(request(&journal).await?);
            }
            anyhow::Ok(times)
        })
    });
    let (began, crowd) = (Instant::now(), crowd.collect::<Vec<_>>());
    let mut together = Vec::new();
    for task in crowd {
        together.extend(task.await??);
    }
    let rate = together.len() as f64 / began.elapsed().as_secs_f64();
    print(&mut out, "a request alone", &mut alone)?;
    print(&mut out, &format!("a request among {CROWD}"), &mut together)?;
    writeln!(out, "{:<44}{rate:>10.0} requests/s", "  all of them together")?;

    let path = folder.path().join("long.jsonl");
    let places = fill(&path, &key, events)?;
    let (journal, _) = Journal::open_rotating(&path, &key, ROTATE_AT, 0)?;
    let began = Instant::now();
    let verified = verify(journal.snapshot(0)?.0, &key).map_err(|broken| anyhow::anyhow!("{broken}"))?;
    ensure!(verified.events >= events, "{} events are there", verified.events);
    let took = began.elapsed();
    let bytes = journal.end()?.0;
    let each = took.as_secs_f64() * 1e6 / verified.events as f64;
    writeln!(
        out,
        "{:<44}{:>10.2} s, {each:.1} us each, {} MiB",
        format!("checking {} events", verified.events),
        took.as_secs_f64(),
        bytes >> 20
    )?;

    let began = Instant::now();
    let files = journal.compress_closed_files(|| true)?;
    let (mut plain, mut kept) = (0, 0);
    for segment in journal.closed_files() {
        plain += segment.range.end - segment.range.start;
        kept += std::fs::metadata(&segment.path)?.len();
    }
    writeln!(
        out,
        "{:<44}{:>10.2} s, {} MiB become {} MiB",
        format!("compressing {files} closed files"),
        began.elapsed().as_secs_f64(),
        plain >> 20,
        kept >> 20
    )?;

    let mut times = Vec::new();
    for (session, ranges) in places.iter().step_by(places.len().div_ceil(ROUNDS)) {
        let began = Instant::now();
        let entries = journal.session_events(ranges, *session).await?;
        let checker = Checker::new(&key);
        for entry in &entries {
            checker.check(journal.line(entry.range)?.as_bytes()).map_err(|fault| anyhow::anyhow!("{fault}"))?;
        }
        let leaves: Vec<_> = entries.iter().map(|entry| entry.hash).collect();
        ensure!(leaves.len() as u64 == PER_SESSION && merkle::root(&leaves) != [0; 32], "a session's events");
        times.push((began.elapsed(), Duration::ZERO));
    }
    print(&mut out, "one session of it", &mut times)?;
    Ok(())
}

/// The writes of a request with three spans: the time of the appends, and including the wait for the disk.
async fn request(journal: &Journal) -> anyhow::Result<(Duration, Duration)> {
    let session = SessionId::generate();
    let began = Instant::now();
    let receipt = journal.append(&opening(session, 3))?;
    let opened = began.elapsed();
    journal.synced(&receipt).await?;
    let synced = began.elapsed();
    let again = Instant::now();
    journal.append(&[event(EventKind::SessionCompleted, session)])?;
    Ok((opened + again.elapsed(), synced))
}

fn opening(session: SessionId, spans: usize) -> Vec<Event> {
    let redaction = |at: usize| Event {
        pass: Some("regex".into()),
        entity_kind: Kind::new("PHONE"),
        span: Some(CharSpan { start: at * 20, end: at * 20 + 12 }),
        message: Some(3),
        field: Some("messages.content".into()),
        confidence: Some(0.95),
        token_kind: Some(TokenKind::Vault),
        kid: Kid::new("K_HEALTHCARE"),
        ..event(EventKind::Redaction, session)
    };
    std::iter::once(event(EventKind::SessionOpened, session)).chain((0..spans).map(redaction)).collect()
}

fn event(kind: EventKind, session: SessionId) -> Event {
    Event {
        session_id: Some(session),
        agent_id: Some(AgentId::from_bytes([7; 16])),
        policy_version: Some(1),
        ..Event::new(kind, Timestamp::from_millis(1_777_896_000_000))
    }
}

type Places = Vec<(SessionId, Vec<ByteRange>)>;

fn fill(path: &Path, key: &SecretKey, events: u64) -> anyhow::Result<Places> {
    let (journal, _) = Journal::open_rotating(path, key, ROTATE_AT, 0)?;
    let mut places = Vec::new();
    for _ in 0..events / PER_SESSION {
        let session = SessionId::generate();
        let opened = journal.append(&opening(session, PER_SESSION as usize - 2))?;
        let completed = journal.append(&[event(EventKind::SessionCompleted, session)])?;
        places.push((session, vec![opened.range, completed.range]));
    }
    journal.close()?;
    Ok(places)
}

fn print(out: &mut impl Write, what: &str, times: &mut [(Duration, Duration)]) -> anyhow::Result<()> {
    let mut place = |name: &str, pick: fn(&(Duration, Duration)) -> Duration| {
        times.sort_unstable_by_key(pick);
        let at = |share: f64| pick(&times[((times.len() - 1) as f64 * share) as usize]).as_secs_f64() * 1e6;
        if at(0.5) > 0.0 {
            writeln!(out, "{:<44}{:>10.1} us p50{:>10.1} us p99", format!("{what}{name}"), at(0.5), at(0.99))?;
        }
        anyhow::Ok(())
    };
    place(", on the processor", |times| times.0)?;
    place(", until it is on disk", |times| times.1)
}

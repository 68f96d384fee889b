//! Every fault of a pass: 503 or, if the policy says so, the request continues without the pass; recorded and counted
//! either way.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::join_all;
use futures_util::poll;
use hyper::StatusCode;
use masker::audit::event::{Detail, Event, EventKind, Status};
use masker::pipeline::pool::PoolError;
use masker_tests::TestApp;
use masker_tests::fake_upstream::respond;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

/// `inside-a-character` needs a first character of two bytes.
const SAID: &str = "é, I am E-12345.";

/// A policy that runs `guest` before the pass that finds the value.
fn policy(guest: &str, on_error: &str, more: &str) -> String {
    format!(
        "name: sandbox\nversion: 1\nkid: K_HEALTHCARE\ntokenization: vault-deterministic\n\
         passes: [{{plugin: {guest}, on_error: {on_error}{more}}}, staff-id]\nentities: {{NAME: {{}}, STAFF_ID: {{}}}}\n"
    )
}

/// The journal's record of the failed pass: which, what the policy decided, how it failed.
fn failures(events: &[Event]) -> Vec<(String, String, String)> {
    let failed = events.iter().filter(|event| event.kind == EventKind::PluginFailed);
    let words = failed.map(|event| {
        let Some(Detail::Word(fault)) = &event.detail else { panic!("a failure has its fault: {event:?}") };
        let decided = event.field.as_ref().expect("a failure says what was decided").as_str().to_owned();
        (event.pass.as_ref().expect("a failure has its pass").to_string(), decided, fault.as_str().to_owned())
    });
    words.collect()
}

fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).filter(|kind| *kind != EventKind::AgentCreated).collect()
}

async fn check_fault(guest: &str, fault: &str) {
    // Only the loop is stopped by the clock; on a busy machine the others get time to fail in their own way.
    let more = if fault == "timeout" { ", timeout_ms: 100" } else { "" };
    let mut app = TestApp::builder().guest(guest).policy(&policy(guest, "block", more)).start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);

    // The policy says block: nothing is sent.
    let refused = app.say(SAID).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.text());
    let error = &refused.json()["error"];
    assert_eq!(
        (&error["code"], &error["type"], &error["param"]),
        (&json!("masking_unavailable"), &json!("masking_error"), &Value::Null)
    );
    assert!(error["message"].as_str().is_some_and(|text| text.contains(guest) && text.contains(fault)), "{error}");
    assert_eq!(error["request_id"].as_str(), refused.header("x-request-id"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(!refused.text().contains("E-12345"));
    assert!(app.upstream.requests().is_empty());
    let events = app.events();
    assert_eq!(kinds(&events), [EventKind::SessionOpened, EventKind::PluginFailed, EventKind::SessionCompleted]);
    assert_eq!(failures(&events), [(guest.to_owned(), "blocked".to_owned(), fault.to_owned())]);
    let metric = format!("masker_plugin_failures_total{{fault=\"{fault}\",plugin=\"{guest}\"}}");
    assert_eq!(app.metric(&metric), 1.0);
    assert_eq!(app.sessions().await[0].status, Status::Error);

    // The policy says skip: the other pass still masks, and the failure is recorded.
    let skipping =
        json!({"name": "skipping", "upstream": "openai:gpt-4o-mini", "policy_yaml": policy(guest, "skip", more)});
    let skipping = app.create_agent(skipping).await;
    let body = json!({"messages": [{"role": "user", "content": SAID}]});
    let answer = app.post(&skipping.path(), &[], body.to_string()).await;
    assert_eq!(answer.content(), format!("You said: {SAID}"));
    assert!(app.forwarded_text().contains("MSKV1.STAFF_ID."), "{}", app.forwarded_text());
    assert_eq!(failures(&app.events()[events.len()..]), [(guest.to_owned(), "skipped".to_owned(), fault.to_owned())]);
    assert_eq!(app.metric(&metric), 2.0);
    assert_eq!(app.sessions().await[0].status, Status::Ok);
    app.finish().await;
}

macro_rules! faults {
    ($($test:ident: $guest:literal => $fault:literal,)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                check_fault($guest, $fault).await;
            }
        )*
        const FAULTY: &[&str] = &[$($guest),*];
    };
}

faults! {
    a_pass_that_answers_with_an_error_has_failed: "answers-error" => "plugin",
    a_finding_that_ends_before_it_starts_fails_its_pass: "backwards" => "finding",
    a_string_of_20_megabytes_does_not_cross_the_border: "huge-string" => "output",
    a_finding_that_cuts_a_character_fails_its_pass: "inside-a-character" => "finding",
    an_endless_loop_ends_at_the_deadline: "loops" => "timeout",
    more_findings_than_a_message_can_have_fail_the_pass: "many-findings" => "output",
    a_memory_bomb_ends_at_the_limit: "memory-bomb" => "memory",
    a_confidence_that_is_no_number_fails_its_pass: "not-a-number" => "finding",
    an_access_out_of_bounds_traps: "out-of-bounds" => "trap",
    a_panic_traps_and_its_words_are_not_repeated: "panics" => "trap",
    an_endless_recursion_traps: "recursion" => "trap",
    more_findings_than_fit_do_not_cross_the_border: "ten-million-findings" => "output",
    a_kind_that_the_manifest_does_not_name_fails_its_pass: "undeclared-kind" => "finding",
    a_finding_in_a_message_that_is_not_there_fails_its_pass: "wrong-message" => "finding",
}

/// Guests with tests of their own, below, in `install` and in `selection`, and those of `make bench-limits`.
const OTHERS: [&str; 7] =
    ["configure-fails", "configure-panics", "many-utf16-findings", "one-finding", "remembers", "repeats", "staff-id"];

#[test]
fn every_guest_has_a_test() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/examples");
    let files = std::fs::read_dir(sources).expect("the guests' sources");
    let names = files.map(|file| {
        let path = file.expect("an entry").path();
        path.file_stem().and_then(|name| name.to_str()).expect("a name").replace('_', "-")
    });
    let tested: BTreeSet<String> = FAULTY.iter().chain(&OTHERS).map(|name| (*name).to_owned()).collect();
    assert_eq!(names.collect::<BTreeSet<_>>(), tested);
}

#[tokio::test]
async fn nothing_that_a_pass_answers_is_told_by_an_error_a_log_line_the_journal_or_a_metric() {
    let mut app = TestApp::builder().guest("repeats").policy(&policy("repeats", "block", "")).start().await;
    app.plant("3125550147");
    for part in ["message", "start", "end", "kind", "confidence", "action", "replacement", "error", "panic"] {
        let refused = app.say(&format!("{part} 3125550147")).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{part}: {}", refused.text());
        assert!(!refused.text().contains("31255501"), "{part}: {}", refused.text());
    }
    assert!(app.upstream.requests().is_empty());
    let metrics = String::from_utf8(app.app().pipeline.metrics.render()).expect("metrics are text");
    assert!(metrics.contains("repeats") && !metrics.contains("31255501"), "{metrics}");
    // As a confidence it was rounded.
    assert!(!app.logs().contains("3125550"), "a log line has it");
    assert!(!format!("{:?}", app.events()).contains("3125550"), "an event has it");
    app.finish().await;
}

#[tokio::test]
async fn a_pass_remembers_nothing_of_another_request() {
    let policy = "name: forgetful\nversion: 1\nkid: K_HEALTHCARE\ntokenization: vault-deterministic\n\
                  passes: [remembers]\nentities: {NAME: {}, STAFF_ID: {}}\n";
    let app = TestApp::builder().guest("remembers").policy(policy).start().await;
    app.upstream.respond_with(respond::echo);
    // More requests than there are instances in the pool: a reused slot must be clean.
    for turn in 0..100 {
        let said = format!("turn {turn}");
        assert_eq!(app.say(&said).await.content(), format!("You said: {said}"));
        assert_eq!(app.forwarded_text(), said);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_pass_that_failed_serves_the_next_request_as_if_nothing_had_been() {
    let policy = policy("inside-a-character", "block", "");
    let mut app = TestApp::builder().guest("inside-a-character").policy(&policy).start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    assert_eq!(app.say(SAID).await.status, StatusCode::SERVICE_UNAVAILABLE);
    // Its one-byte finding is valid here: the first letter is a name.
    assert_eq!(app.say("I am E-12345.").await.content(), "You said: I am E-12345.");
    assert!(app.forwarded_text().starts_with("MSKV1.NAME."), "{}", app.forwarded_text());
    assert_eq!(app.say(SAID).await.status, StatusCode::SERVICE_UNAVAILABLE);
    app.finish().await;
}

#[tokio::test]
async fn requests_that_find_the_queue_full_are_refused_at_once_and_nothing_leaves() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    let pool = app.app().pipeline.pool.clone();
    let gate = Arc::new(tokio::sync::Mutex::new(()));
    let closed = gate.clone().lock_owned().await;
    let (entered, mut at_the_gate) = unbounded_channel();
    let wait = || {
        let (gate, entered) = (gate.clone(), entered.clone());
        Box::pin(pool.run(move || (drop((entered.send(()), gate.blocking_lock())), ())))
    };
    let mut waiting = Vec::new();
    // First every thread, then every place of the queue: a thread that came later would free a place.
    for _ in 0..app.app().config.pass_threads {
        let mut job = wait();
        assert!(poll!(&mut job).is_pending());
        waiting.push(job);
        at_the_gate.recv().await.expect("a thread takes the job");
    }
    let refused = loop {
        let mut job = wait();
        match poll!(&mut job) {
            Poll::Pending => waiting.push(job),
            Poll::Ready(result) => break result,
        }
    };
    assert_eq!(refused, Err(PoolError::Full));

    let answer = app.say("I am E-12345.").await;
    assert_eq!((answer.status, answer.error_code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "masking_unavailable"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(app.upstream.requests().is_empty());
    assert_eq!(kinds(&app.events()), [EventKind::SessionOpened, EventKind::SessionCompleted]);
    assert_eq!(app.metric("masker_requests_total{agent=\"test\",status=\"error\"}"), 1.0);

    drop(closed);
    assert!(join_all(waiting).await.iter().all(Result::is_ok));
    app.upstream.respond_with(respond::echo);
    assert_eq!(app.say("I am E-12345.").await.content(), "You said: I am E-12345.");
    app.finish().await;
}

#[tokio::test]
async fn a_pass_that_loops_in_one_request_does_not_keep_others_from_being_answered() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return; // With one pass thread, all requests wait for the deadline.
    }
    let app = TestApp::builder().guest("loops").start().await;
    app.upstream.respond_with(respond::echo);
    let looping =
        json!({"name": "looping", "upstream": "stub", "policy_yaml": policy("loops", "block", ", timeout_ms: 8000")});
    let looping = app.create_agent(looping).await;
    let body = json!({"messages": [{"role": "user", "content": "hello"}]}).to_string();
    let over = Cell::new(false);
    let loops = async {
        let answer = app.post(&looping.path(), &[], body).await;
        over.set(true);
        answer
    };
    let others = async {
        for turn in 0..5 {
            let said = format!("turn {turn}");
            assert_eq!(app.say(&said).await.content(), format!("You said: {said}"));
        }
        assert!(!over.get(), "the others waited for the loop's deadline");
    };
    let (answer, ()) = tokio::join!(loops, others);
    assert_eq!(failures(&app.events()), [("loops".to_owned(), "blocked".to_owned(), "timeout".to_owned())]);
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    app.finish().await;
}

#[tokio::test]
async fn a_request_larger_than_what_a_pass_may_answer_is_searched_all_the_same() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    let said = format!("{} I am E-12345.", "word ".repeat(800_000));
    let answer = app.say(&said).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", &answer.text()[..200.min(answer.text().len())]);
    assert!(app.forwarded_text().contains("MSKV1.STAFF_ID."));
    app.finish().await;
}

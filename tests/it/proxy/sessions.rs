//! The record of a request, and what survives a restart.

use std::fs;
use std::path::Path;

use masker::audit::event::EventKind;
use masker::audit::merkle;
use masker::ids::SessionId;
use masker::keys::Kid;
use masker::kind::Kind;
use masker::session::{SessionRow, Status};
use masker::tokens::call_name::CallName;
use masker::tokens::mint::ValueType;
use masker::values::{Day, Reading};
use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, Script, openai, respond};
use serde_json::{Value, json};

use crate::support::{answer_with, ask, ask_streamed, fill_the_disk_below};

async fn app() -> TestApp {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.plant("E-54321");
    app
}

#[tokio::test]
async fn a_session_says_what_was_masked_and_what_came_back() {
    let app = app().await;
    for body in [ask("E-12345 and E-54321"), ask_streamed("E-12345 and E-54321")] {
        let streamed = body["stream"] == true;
        answer_with(&app, |token| format!("only {token}"));
        if streamed {
            app.upstream.respond_with(|request| {
                let text = crate::support::token(&request.text());
                Reply::stream(Script::new().events(&openai::text_events(&text, 5)).done())
            });
        }
        app.chat_in_call("call-a", body).await;
        let session = app.sessions().await.into_iter().next().expect("a session");
        assert_eq!(session.status, Status::Ok);
        assert_eq!(session.agent_id.text(), app.agent.id);
        assert_eq!(&*session.agent_name, "test");
        assert_eq!(&*session.upstream_model, "gpt-4o-mini");
        assert_eq!((&*session.policy_name, session.policy_version), ("staff", 1));
        assert_eq!(session.redaction_count(), 2);
        assert_eq!(session.rehydrated, [0], "the first of the two came back");
        assert!(session.call_id.is_some_and(|id| !id.contains("call-a")));
        assert!(session.ended_at.is_some());
        assert!(session.stages.upstream > 0.0 && session.stages.detection > 0.0);
    }
    app.finish().await;
}

#[tokio::test]
async fn the_journal_has_every_span_with_its_place_and_the_tree_hash_covers_the_session() {
    let app = app().await;
    app.upstream.respond_with(respond::echo);
    app.chat(
        json!({"messages": [{"role": "system", "content": "é E-12345"}, {"role": "user", "content": "x E-54321"}]}),
    )
    .await;
    let session = app.sessions().await.into_iter().next().expect("a session");
    let events = app.app().pipeline.journal.session_events(&session.journal, session.id).await.expect("events");
    let kinds: Vec<EventKind> = events.iter().map(|entry| entry.event.kind).collect();
    assert_eq!(
        kinds,
        [EventKind::SessionOpened, EventKind::Redaction, EventKind::Redaction, EventKind::SessionCompleted]
    );
    let first = &events[1].event;
    assert_eq!(first.message, Some(0));
    let span = first.span.expect("a span");
    assert_eq!((span.start, span.end), (2, 9), "characters, not bytes");
    assert_eq!(first.entity_kind.as_ref().map(|kind| kind.as_str()), Some("STAFF_ID"));
    assert_eq!(first.pass.as_deref(), Some("staff-id"));
    assert_eq!(events[2].event.message, Some(1));
    let hashes: Vec<_> = events.iter().map(|entry| entry.hash).collect();
    assert_eq!(session.merkle_root, Some(merkle::root(&hashes)));
    app.finish().await;
}

#[tokio::test]
async fn a_request_that_is_answered_with_an_error_is_a_session_of_that_status() {
    let app = app().await;
    app.upstream.script(Reply::server_error());
    app.say("E-12345").await;
    app.upstream.script(Reply::html(200));
    app.say("E-12345").await;
    app.upstream.script(Reply::stream(Script::new().event(&openai::text_chunk("Hel")).close()));
    app.chat(ask_streamed("E-12345")).await;
    app.upstream.script(Reply::text("ok"));
    app.say("E-12345").await;
    let statuses: Vec<Status> = app.sessions().await.iter().map(|session| session.status).collect();
    assert_eq!(statuses, [Status::Ok, Status::Partial, Status::Error, Status::Error], "newest first");
    assert_eq!(app.metric("masker_requests_total"), 4.0);
    app.finish().await;
}

#[tokio::test]
async fn a_restart_keeps_agents_sessions_and_the_vault() {
    let mut app = app().await;
    app.upstream.respond_with(respond::echo);
    app.chat_in_call("call-a", ask("I am E-12345")).await;
    let sent = app.forwarded_text();
    let before = app.sessions().await;
    app.restart().await;

    let listed = app.api("GET", "/api/v1/agents", &Value::Null).await.json();
    assert_eq!(listed["data"][0]["id"], app.agent.id);
    assert_eq!(listed["data"][0]["session_count_24h"], 1);
    assert_eq!(app.sessions().await, before);
    // The same value has the same token, and a token of the first run resolves in the second.
    app.chat_in_call("call-a", ask("I am E-12345")).await;
    assert_eq!(app.forwarded_text(), sent);
    app.upstream.respond_with(move |_| Reply::text(&sent));
    assert_eq!(app.chat_in_call("call-a", ask("who?")).await.content(), "I am E-12345");
    app.finish().await;
}

#[tokio::test]
async fn compact_tokens_keep_their_numbers_over_a_restart() {
    let mut app = TestApp::builder().staff_policy_with("token_style: compact").start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    app.chat_in_call("call-a", ask("E-12345 E-54321")).await;
    assert_eq!(app.forwarded_text(), "[STAFF_ID_1] [STAFF_ID_2]");
    app.restart().await;
    app.chat_in_call("call-a", ask("E-99999 E-54321 E-12345")).await;
    assert_eq!(app.forwarded_text(), "[STAFF_ID_3] [STAFF_ID_2] [STAFF_ID_1]");
    app.chat_in_call("call-b", ask("E-54321")).await;
    assert_eq!(app.forwarded_text(), "[STAFF_ID_1]", "another call counts for itself");
    app.finish().await;
}

/// Spoken digit by digit, no pass finds it: only the memory of the call recognises it.
const SAID: &str = "so E one two three four five it is";

#[tokio::test]
async fn what_was_masked_in_a_call_is_known_after_a_restart() {
    let mut app = app().await;
    app.upstream.respond_with(respond::echo);
    app.chat_in_call("call-a", ask("I am E-12345")).await;
    app.restart().await;
    app.chat_in_call("call-b", ask(SAID)).await;
    assert_eq!(app.forwarded_text(), SAID, "another call knows nothing of it");
    app.chat_in_call("call-a", ask(SAID)).await;
    let sent = app.forwarded_text();
    assert!(sent.starts_with("so MSKV1.STAFF_ID.") && sent.ends_with(" it is"), "{sent}");
    app.finish().await;
}

#[tokio::test]
async fn sessions_whose_rows_are_lost_are_read_from_the_journal() {
    let mut app = app().await;
    app.upstream.respond_with(respond::echo);
    let young = database(app.data_dir());
    app.say("I am E-12345").await;
    app.chat_in_call("call-a", ask_streamed("I am E-12345 and E-54321")).await;
    app.upstream.script(Reply::server_error());
    app.say("hello").await;
    let before = app.sessions().await;
    assert_eq!(before.len(), 3);
    // Simulates a power failure with an unsynced database: the database is rolled back, the journal is not.
    app.restart_after(|folder| {
        for (name, _) in database(folder) {
            fs::remove_file(folder.join(name)).expect("a file that was just read");
        }
        for (name, content) in &young {
            fs::write(folder.join(name), content).expect("the data folder can be written to");
        }
    })
    .await;
    let after = app.sessions().await;
    assert_eq!(after.len(), 3);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(
            (before.id, before.status, before.redaction_count()),
            (after.id, after.status, after.redaction_count())
        );
        assert_eq!((&before.merkle_root, &before.rehydrated), (&after.merkle_root, &after.rehydrated));
        assert_eq!(before.call_id, after.call_id);
    }
    app.finish().await;
}

/// The files of the database and their contents.
fn database(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("the data folder can be listed");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    let names = names.filter(|name| name.starts_with("masker.db"));
    names.map(|name| (name.clone(), fs::read(folder.join(&name)).expect("a file of the database"))).collect()
}

/// A turn as a voice platform sends it: with the whole history.
fn turn(said: &[&str]) -> Value {
    let messages: Vec<Value> = said.iter().map(|text| json!({"role": "user", "content": text})).collect();
    json!({"messages": messages})
}

#[tokio::test]
async fn a_span_of_the_history_is_recorded_in_the_first_turn_that_has_it() {
    let mut app = app().await;
    app.upstream.respond_with(respond::echo);
    let said = ["I am E-12345", "not E-54321", "E-12345, I said", "I am E-12345"];
    for until in 1..=said.len() {
        app.chat_in_call("call-a", turn(&said[..until])).await;
    }
    let mut sessions = app.sessions().await;
    sessions.reverse();
    for (at, session) in sessions.iter().enumerate() {
        let entries = app.app().pipeline.journal.session_events(&session.journal, session.id).await.expect("events");
        let spans: Vec<_> = entries.iter().filter(|entry| entry.event.kind == EventKind::Redaction).collect();
        assert_eq!(spans.len(), 1, "turn {at}");
        assert_eq!(
            spans[0].event.message,
            Some(at as u32),
            "the last message's, also where it says what the first did"
        );
        assert_eq!(session.redaction_count(), at as u64 + 1);
        let completed = entries.last().and_then(|entry| entry.event.completed.clone()).expect("its last event");
        assert_eq!(
            (completed.carried as usize, completed.redactions_by_kind.values().sum::<u32>()),
            (at, at as u32 + 1)
        );
        // The restored spans include the last message's, and those of the same value in the history.
        assert_eq!(session.rehydrated, [vec![0], vec![0], vec![0, 1], vec![0, 1, 3]][at], "turn {at}");
        let leaves: Vec<_> = entries.iter().map(|entry| entry.hash).collect();
        assert_eq!(session.merkle_root, Some(merkle::root(&leaves)));
    }
    let path = format!("/api/v1/sessions/{}", sessions[2].id);
    let shown = app.api("GET", &path, &Value::Null).await.json();
    assert_eq!(shown["session"]["redaction_count"], 3);
    assert_eq!(shown["session"]["events"].as_array().map(Vec::len), Some(1), "{shown}");
    assert_eq!(shown["session"]["events"][0]["rehydrated"], true);

    // In another call, without a name, and after a restart it is recorded.
    let written = async |app: &TestApp| {
        let session = app.sessions().await.remove(0);
        let entries = app.app().pipeline.journal.session_events(&session.journal, session.id).await.expect("events");
        entries.iter().filter(|entry| entry.event.kind == EventKind::Redaction).count()
    };
    app.chat_in_call("call-b", turn(&said)).await;
    assert_eq!(written(&app).await, 4);
    for _ in 0..2 {
        app.chat(turn(&said)).await;
        assert_eq!(written(&app).await, 4);
    }
    app.restart().await;
    app.chat_in_call("call-b", turn(&said)).await;
    assert_eq!(written(&app).await, 4);
    app.finish().await;
}

#[tokio::test]
async fn a_call_is_known_by_a_keyed_hash_and_what_had_another_is_found() {
    let app = app().await;
    app.upstream.respond_with(respond::echo);
    let number = "+13125550147";
    app.chat_in_call(number, ask("I am E-12345")).await;
    let session = app.sessions().await.remove(0);
    let agent = session.agent_id;
    let own = app.app().pipeline.call_names.name(number);
    let before = own.scope_before(agent);
    let hex = |id: [u8; 16]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let name = hex(CallName::scope(agent, Some(&own)).id());
    assert_eq!(session.call_id.as_ref(), Some(&name));
    assert_ne!(name, hex(before.id()));
    let opened = app.events().into_iter().find(|event| event.kind == EventKind::SessionOpened).expect("an event");
    assert_eq!(opened.call_id, session.call_id);

    // As an earlier version stored it.
    let old = SessionRow { id: SessionId::generate(), call_id: Some(hex(before.id())), ..session.clone() };
    app.app().store().record_session(old.clone()).await.expect("it is written");
    app.app().store().sessions_flushed().await.expect("it is written");
    let listed = app.api("GET", "/api/v1/sessions?since=52w&call_id=%2B13125550147", &Value::Null).await.json();
    let ids: Vec<&str> =
        listed["data"].as_array().expect("a list").iter().filter_map(|row| row["id"].as_str()).collect();
    assert!(ids.len() == 2 && ids.contains(&&*old.id.text()) && ids.contains(&&*session.id.text()), "{listed}");
    let account = app.app().store().first_account();
    let minter = app.app().pipeline.minters.get(&Kid::new("K_HEALTHCARE").expect("a kid")).expect("its minter");
    let minted = minter.mint_vault(
        account,
        &before,
        &Kind::new("STAFF_ID").expect("a kind"),
        "E-54321",
        ValueType::Text,
        &Reading::new(Day::of_millis(0)),
    );
    app.app().store().vault().put(vec![minted.row]).await.expect("the vault takes it");
    let token = minted.token.text();
    app.upstream.respond_with(move |_| Reply::text(&format!("You are {token}")));
    assert_eq!(app.chat_in_call(number, ask("who?")).await.content(), "You are E-54321");
    assert_ne!(app.chat_in_call("+13125550148", ask("who?")).await.content(), "You are E-54321");
    app.finish().await;
}

#[tokio::test]
async fn a_session_whose_end_the_journal_does_not_take_is_partial() {
    let app = app().await;
    let journal = app.journal_path();
    app.upstream.respond_with(move |request| {
        fill_the_disk_below(&journal);
        respond::echo(request)
    });
    app.say("I am E-12345").await;
    let session = app.sessions_over(1).await.remove(0);
    assert_eq!((session.status, session.ended_at, session.redaction_count()), (Status::Partial, None, 1));
    app.finish().await;
}

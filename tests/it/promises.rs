//! Masker's promises, one test each, named after the promise. The README refers to these names.

use masker::audit::event::EventKind;
use masker::session::Status;
use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, Script, openai, respond};
use masker_tests::test_app::STAFF_POLICY;
use serde_json::{Value, json};

use crate::support::{ask, ask_streamed, fill_the_disk_below, token, tokens};

/// A policy that runs `plugin` in addition to the one that finds staff ids.
fn policy_with(plugin: &str) -> String {
    STAFF_POLICY.replace("[staff-id]", &format!("[staff-id, {{plugin: {plugin}, timeout_ms: 2000}}]"))
}

#[tokio::test]
async fn nothing_that_a_pass_found_leaves_the_host_unmasked() {
    let mut app = TestApp::healthcare().await;
    let values = ["Maria Gonzalez", "415-555-0123", "maria.gonzalez@example.com", "219-09-9998"];
    let said = "My name is Maria Gonzalez, my phone number is 415-555-0123, my email is maria.gonzalez@example.com and my \
                social security number is 219-09-9998.";
    for value in values {
        app.plant(value);
    }
    app.upstream.respond_with(respond::echo);
    // Found in one position, each is masked in all, also where no pass would recognise it.
    let everywhere = values.join(" / ");
    let body = json!({
        "messages": [
            {"role": "system", "content": format!("Notes: {everywhere}")},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function",
                "function": {"name": "save", "arguments": json!({"raw": everywhere, "list": values}).to_string()}}]},
            {"role": "tool", "tool_call_id": "c", "content": json!({"saved": values}).to_string()},
            {"role": "user", "content": said},
        ],
        "tools": [{"type": "function", "function": {"name": "save", "description": everywhere, "parameters":
            {"type": "object", "properties": {"x": {"type": "string", "enum": values}}}}}],
        "tool_choice": "none", "stop": [everywhere], "user": everywhere, "metadata": {"a": everywhere},
        "prediction": {"type": "content", "content": everywhere}, "anything": {"deep": [everywhere]},
    });
    for stream in [false, true] {
        let mut body = body.clone();
        body["stream"] = json!(stream);
        let answer = app.chat(body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let forwarded = app.forwarded();
    let last = forwarded["messages"][3]["content"].as_str().expect("text");
    assert_eq!(tokens(last).len(), 4, "{last}");
    app.finish().await;
}

#[tokio::test]
async fn what_was_erased_is_gone() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.say("I am E-12345.").await;
    let token = token(&app.forwarded_text());
    let vault = app.app().store().vault();
    let (row, _) = vault.page(None, 10).await.expect("the vault can be read").remove(0);
    let is_in_a_file = || {
        ["vault.db", "vault.db-wal", "vault.db-rows-a", "vault.db-rows-b"].into_iter().any(|name| {
            let bytes = std::fs::read(app.data_dir().join(name)).unwrap_or_default();
            bytes.windows(row.sealed.len()).any(|window| window == row.sealed)
        })
    };
    assert!(is_in_a_file(), "this test can see what it looks for");
    let answer = app.api("POST", "/api/v1/vault/purge", &json!({"subject": "E-12345"})).await;
    assert_eq!(answer.json()["purge"]["values"], 1, "{}", answer.text());
    assert!(!is_in_a_file());
    app.upstream.script(Reply::text(&format!("Hello {token}.")));
    assert_eq!(app.say("go on").await.content(), "Hello [REDACTED:STAFF_ID].");
    assert!(app.events().iter().any(|event| event.kind == EventKind::VaultPurged));
    app.finish().await;
}

#[tokio::test]
async fn when_masking_fails_the_text_does_not_go() {
    for plugin in ["panics", "answers-error", "loops", "memory-bomb", "out-of-bounds", "not-a-number", "backwards"] {
        let mut app = TestApp::builder().guest(plugin).policy(&policy_with(plugin)).start().await;
        app.plant("E-12345");
        app.plant("my heart");
        for body in [ask("my heart, says E-12345"), ask_streamed("my heart, says E-12345")] {
            let answer = app.chat(body).await;
            assert_eq!((answer.status.as_u16(), answer.error_code()), (503, "masking_unavailable".into()), "{plugin}");
            assert!(!answer.text().contains("heart"), "{}", answer.text());
        }
        assert!(app.upstream.requests().is_empty(), "{plugin}: it went");
        assert!(app.sessions().await.iter().all(|session| session.status == Status::Error));
        let failed: Vec<_> = app.events().into_iter().filter(|event| event.kind == EventKind::PluginFailed).collect();
        assert_eq!(failed.len(), 2, "{plugin}");
        assert_eq!(failed[0].pass.as_deref(), Some(plugin));
        assert_eq!(app.metric("masker_plugin_failures_total"), 2.0);
        app.finish().await;
    }
}

#[tokio::test]
async fn a_pass_may_be_skipped_only_where_the_policy_says_so_and_that_is_recorded() {
    let policy = STAFF_POLICY.replace("[staff-id]", "[staff-id, {plugin: panics, on_error: skip}]");
    let mut app = TestApp::builder().guest("panics").policy(&policy).start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    assert_eq!(app.say("I am E-12345").await.content(), "You said: I am E-12345");
    let failed = app.events().into_iter().find(|event| event.kind == EventKind::PluginFailed).expect("recorded");
    assert_eq!(failed.field.as_ref().map(|field| field.as_str()), Some("skipped"));
    assert_eq!(app.sessions().await[0].status, Status::Ok);
    app.finish().await;
}

#[tokio::test]
async fn nothing_of_one_caller_reaches_another() {
    let mut app = TestApp::builder().guest("remembers").policy(&policy_with("remembers")).start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    // A value masked in one call is remembered in that call only.
    app.chat_in_call("call-a", ask("I am E-12345")).await;
    let stolen = token(&app.forwarded_text());
    app.chat_in_call("call-a", ask("yes, e-12345")).await;
    assert_eq!(tokens(&app.forwarded_text()).len(), 1, "the call remembers");
    app.chat_in_call("call-b", ask("yes, e-12345")).await;
    assert_eq!(app.forwarded_text(), "yes, e-12345", "another call does not");

    // A call's name may be any bytes of any length, and is unique.
    let long = "x".repeat(3000);
    for name in ["caf\u{e9}-1".as_bytes(), b"\xff\xfe-1", long.as_bytes()] {
        let send = async |name: &[u8], text: &str| {
            let request = hyper::Request::post(app.agent.path())
                .header("content-type", "application/json")
                .header("masker-session-id", hyper::header::HeaderValue::from_bytes(name).expect("a header"));
            app.request(request.body(ask(text).to_string().into()).expect("a request")).await;
            app.forwarded_text()
        };
        assert_eq!(tokens(&send(name, "I am E-12345").await).len(), 1);
        assert_eq!(tokens(&send(name, "yes, e-12345").await).len(), 1, "the call remembers");
        assert_eq!(send(&[name, b"2"].concat(), "yes, e-12345").await, "yes, e-12345", "another call does not");
        app.say("yes, e-12345").await;
        assert_eq!(app.forwarded_text(), "yes, e-12345", "and no other request");
    }

    // A plugin cannot keep what it sees: `remembers` finds a NAME as soon as it has seen anything before.
    for number in 0..5 {
        app.say(&format!("hello {number}")).await;
        assert_eq!(app.forwarded_text(), format!("hello {number}"));
    }

    // A token of one call does not resolve in another, not even when the caller says it.
    app.upstream.respond_with(move |_| Reply::text(&format!("It is {stolen}")));
    assert_eq!(app.chat_in_call("call-b", ask("who?")).await.content(), "It is [REDACTED:STAFF_ID]");

    // Under concurrency, each caller gets their own value back.
    app.upstream.respond_with(respond::echo);
    let answers = (10_000..10_040).map(async |number| {
        let said = format!("I am E-{number}");
        let answer = app.chat_in_call(&format!("call-{number}"), ask_streamed(&said)).await;
        assert_eq!(answer.said().text(), format!("You said: {said}"));
    });
    futures_util::future::join_all(answers).await;
    app.finish().await;
}

#[tokio::test]
async fn the_caller_hears_whole_words() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    for size in 1..50 {
        app.upstream.respond_with(move |request| {
            let token = token(&request.text());
            let text = format!("Hello {token}, I mean {}; and {}", token.to_lowercase(), &token[..token.len() - 5]);
            Reply::stream(Script::new().events(&openai::text_events(&text, size)).done().cut_every(size))
        });
        let answer = app.chat(ask_streamed("I am E-12345.")).await;
        assert_eq!(answer.said().text(), "Hello E-12345, I mean E-12345; and [REDACTED:STAFF_ID]", "{size}");
        // The text heard so far is always a prefix of the final text.
        let pieces: Vec<String> = answer
            .chunks()
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
            .collect();
        for piece in pieces.iter().filter(|piece| piece.contains("12345") || piece.contains("REDACTED")) {
            assert!(piece.contains("E-12345") || piece.contains("[REDACTED:STAFF_ID]"), "half a word: {piece}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn nothing_is_processed_unrecorded() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    assert_eq!(app.say("I am E-12345").await.status, 200);
    let recorded: Vec<EventKind> = app.events().iter().map(|event| event.kind).collect();
    assert_eq!(
        recorded,
        [EventKind::AgentCreated, EventKind::SessionOpened, EventKind::Redaction, EventKind::SessionCompleted]
    );

    fill_the_disk_below(&app.journal_path());
    for body in [ask("I am E-12345"), ask_streamed("I am E-12345"), ask("hello")] {
        let answer = app.chat(body).await;
        assert_eq!((answer.status.as_u16(), answer.error_code()), (503, "audit_unavailable".into()));
    }
    assert_eq!(app.upstream.requests().len(), 1, "something was forwarded");
    let agent = json!({"name": "another", "upstream": "stub", "policy_yaml": STAFF_POLICY});
    let refused = app.api("POST", "/api/v1/agents", &agent).await;
    assert_eq!((refused.status.as_u16(), refused.error_code()), (503, "audit_unavailable".into()));
    let health = app.api("GET", "/health", &Value::Null).await;
    assert_eq!((health.status.as_u16(), &health.json()["components"]["audit_log"]), (503, &json!("degraded")));
    app.finish().await;
}

#[tokio::test]
async fn the_vault_holds_no_plain_text() {
    for style in ["full", "compact"] {
        let mut app = TestApp::builder().staff_policy_with(&format!("token_style: {style}")).start().await;
        // `finish` looks for them in every file of the data folder.
        app.plant("E-12345");
        app.plant("-12345");
        app.plant("call-of-a-person");
        app.upstream.respond_with(respond::echo);
        app.say("I am E-12345").await;
        app.chat_in_call("call-of-a-person", ask("I am E-12345")).await;
        assert_eq!(app.app().store().vault().count().await.expect("the vault can be read"), 2);
        // But the value can be restored.
        let sent = app.forwarded_text();
        app.restart().await;
        app.upstream.respond_with(move |_| Reply::text(&sent));
        assert_eq!(app.chat_in_call("call-of-a-person", ask("who?")).await.content(), "I am E-12345");
        app.finish().await;
    }
}

#[tokio::test]
async fn logs_hold_no_caller_text() {
    // The log lines of all tests, down to TRACE, are captured, and `finish` searches them for planted values.
    let mut app = TestApp::builder().guest("panics").guest("answers-error").start().await;
    for value in ["E-98989", "my liver", "call-of-someone", "sk-of-the-tests", "Bearer mskp_secret"] {
        app.plant(value);
    }
    let said = "E-98989, my liver hurts";
    app.upstream.respond_with(respond::echo);
    app.chat_in_call("call-of-someone", ask(said)).await;
    app.chat(ask_streamed(said)).await;
    let sent = token(&app.forwarded_text());
    app.post(&app.agent.path(), &[("authorization", "Bearer mskp_secret")], ask(said).to_string()).await;
    app.send(format!("{{\"messages\": [{said}")).await;
    app.send(format!("{{\"messages\": \"{said}\"}}")).await;
    app.send(format!("{{\"messages\": [{{\"role\": \"{said}\"}}]}}")).await;
    app.post(&format!("/proxy/{}/v1/embeddings", app.agent.id), &[], said).await;
    app.post(&format!("/api/v1/{}", "my%20liver"), &[], said).await;
    for plugin in ["panics", "answers-error"] {
        let agent = json!({"name": plugin, "upstream": "openai:gpt-4o-mini", "policy_yaml": policy_with(plugin)});
        let agent = app.create_agent(agent).await;
        assert_eq!(app.post(&agent.path(), &[], ask(said).to_string()).await.status, 503);
    }
    for reply in [
        Reply::error(500, "x", said),
        Reply::html(502),
        Reply::close(),
        Reply::stream(Script::new().raw(said.to_owned())),
    ] {
        app.upstream.script(reply);
        app.chat(ask_streamed(said)).await;
    }
    let logs = app.logs();
    assert!(logs.contains("a pass failed"), "something is logged");
    assert!(!logs.contains(&sent), "a token is in the log");
    assert!(!logs.contains(&app.agent.id), "an agent's id, the credential of its URL, is in the log");
    let upstream = std::mem::replace(&mut app.upstream, masker_tests::fake_upstream::FakeUpstream::start().await);
    // The API key is sent to the upstream, and only there.
    assert!(
        upstream.requests().iter().all(|request| request.header("authorization") == Some("Bearer sk-of-the-tests"))
    );
    app.finish().await;
}

#[tokio::test]
async fn unchanged_history_costs_no_pass() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    let calls = |app: &TestApp| app.metric("masker_plugin_calls_total");
    let mut messages =
        vec![json!({"role": "system", "content": "Be kind."}), json!({"role": "user", "content": "I am E-12345."})];
    let send = async |messages: &[Value]| {
        let answer = app.chat_in_call("call-a", json!({"messages": messages})).await;
        assert_eq!(answer.status, 200);
        answer.content()
    };
    let first = send(&messages).await;
    assert_eq!(calls(&app), 1.0);
    for _ in 0..3 {
        assert_eq!(send(&messages).await, first);
    }
    assert_eq!(calls(&app), 1.0, "nothing was new");
    messages.push(json!({"role": "assistant", "content": first}));
    messages.push(json!({"role": "user", "content": "Again, E-12345."}));
    send(&messages).await;
    assert_eq!(calls(&app), 2.0, "one call for all that is new");
    // Context does not make an old message new: its context is only what precedes it.
    messages.push(json!({"role": "user", "content": "Bye."}));
    send(&messages).await;
    send(&messages).await;
    assert_eq!(calls(&app), 3.0);
    assert_eq!(tokens(&app.forwarded()["messages"].to_string()).len(), 3, "and all of it is masked every time");
    app.finish().await;
}

//! `tokenization: synthetic`: the model reads realistic values, the caller hears the real ones.

use masker::audit::event::{EventKind, TokenKind};
use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, Script, openai, respond};
use serde_json::{Value, json};

/// Uses patterns, so that the values themselves are not in the policy and therefore not in the database.
const POLICY: &str = r#"
name: synthetic
version: 1
kid: K_HEALTHCARE
tokenization: synthetic
passes: [staff-id, regex]
entities:
  STAFF_ID: {}
  PHONE: {}
  NAME: {patterns: [{name: whole, regex: 'Ing[a-z]+ Halv[a-z]+', confidence: 0.99}]}
  ACCOUNT: {action: redact, patterns: [{name: account, regex: 'AC[0-9]{8}', confidence: 0.99}]}
"#;

const SAID: &str = "I am Ingrid Halvorsen, E-12345, at (312) 867-5309.";

async fn app() -> TestApp {
    let mut app = TestApp::builder().plugin("regex").policy(POLICY).start().await;
    for value in ["Halvorsen", "E-12345", "867-5309"] {
        app.plant(value);
    }
    app
}

/// The text of the request's last message.
fn last_text(request: &Value) -> String {
    let messages = request["messages"].as_array().expect("messages");
    messages.last().expect("a message")["content"].as_str().expect("a text").to_owned()
}

/// The words that reached the model: name, staff id, telephone number.
fn surrogates(text: &str) -> [String; 4] {
    let rest = text.strip_prefix("I am ").expect("the beginning stays");
    let (name, rest) = rest.split_once(", ").expect("a name");
    let (staff, rest) = rest.split_once(", at ").expect("a staff id");
    let (given, family) = name.split_once(' ').expect("a whole name");
    [given, family, staff, rest.strip_suffix('.').expect("the end stays")].map(str::to_owned)
}

#[tokio::test]
async fn the_model_reads_surrogates_and_the_caller_hears_originals() {
    let app = app().await;
    app.upstream.respond_with(respond::echo);
    assert_eq!(app.say(SAID).await.content(), format!("You said: {SAID}"));
    let text = app.forwarded_text();
    let [given, family, staff, phone] = surrogates(&text);
    assert!(!text.contains("MSKV1") && given != "Ingrid" && family != "Halvorsen", "{text}");
    assert!(staff.len() == 7 && staff != "E-12345" && phone.contains(") 555-01"), "{text}");
    let session = &app.sessions().await[0];
    assert_eq!(session.rehydrated, [0, 1, 2]);
    let events = app.events();
    let spans: Vec<_> = events.iter().filter(|event| event.kind == EventKind::Redaction).collect();
    assert!(
        spans.len() == 3
            && spans.iter().all(|event| event.token_kind == Some(TokenKind::Synthetic) && event.kid.is_none())
    );
    app.finish().await;
}

#[tokio::test]
async fn a_value_keeps_its_surrogate_throughout_a_call_and_after_a_restart() {
    let mut app = app().await;
    app.upstream.respond_with(respond::echo);
    let say = async |app: &TestApp, call: &str| {
        app.chat_in_call(call, json!({"messages": [{"role": "user", "content": SAID}]})).await;
        app.forwarded_text()
    };
    let first = say(&app, "call-1").await;
    assert_eq!(say(&app, "call-1").await, first);
    assert_ne!(say(&app, "call-2").await, first);
    app.restart().await;
    assert_eq!(say(&app, "call-1").await, first);
    app.finish().await;
}

#[tokio::test]
async fn parts_of_names_and_other_spellings_come_back_too() {
    let app = app().await;
    app.upstream.respond_with(|request| {
        let [given, family, staff, phone] = surrogates(&last_text(&request.json()));
        let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
        Reply::text(&format!(
            "Hi {given}! {} {family}'s id {} is noted, and {}-{}-{}.",
            "Ms.",
            staff.to_lowercase(),
            &digits[..3],
            &digits[3..6],
            &digits[6..]
        ))
    });
    let heard = app.say(SAID).await.content();
    assert_eq!(heard, "Hi Ingrid! Ms. Halvorsen's id E-12345 is noted, and 312-867-5309.");
    app.finish().await;
}

#[tokio::test]
async fn a_surrogate_cut_anywhere_comes_back_whole() {
    let app = app().await;
    for size in (1..=64).step_by(3) {
        app.upstream.respond_with(move |request| {
            let text = format!("Well, {} Bye.", last_text(&request.json()));
            Reply::stream(Script::new().events(&openai::text_events(&text, 5)).done().cut_every(size))
        });
        let body = json!({"messages": [{"role": "user", "content": SAID}], "stream": true});
        let said = app.chat(body).await.said();
        assert_eq!(said.text(), format!("Well, {SAID} Bye."), "pieces of {size}");
        assert!(said.done && said.finished[&0] == "stop");
    }
    for piece in 1..40 {
        app.upstream.respond_with(move |request| {
            let [given, ..] = surrogates(&last_text(&request.json()));
            Reply::stream(Script::new().events(&openai::text_events(&format!("So long, {given}"), piece)).done())
        });
        let body = json!({"messages": [{"role": "user", "content": SAID}], "stream": true});
        assert_eq!(app.chat(body).await.said().text(), "So long, Ingrid", "{piece} characters a chunk");
    }
    app.finish().await;
}

#[tokio::test]
async fn arguments_of_tools_come_back_and_numbers_stay_numbers() {
    let mut app = app().await;
    app.plant("3128675309");
    app.upstream.respond_with(|request| {
        let body = request.json();
        let result: Value = serde_json::from_str(&last_text(&body)).expect("a tool's result is JSON");
        let arguments = json!({"who": result["who"], "phone": result["phone"]}).to_string();
        Reply::json(&openai::tool_call_completion("c", "book", &arguments))
    });
    let result = json!({"who": "Ingrid Halvorsen", "phone": 3128675309_u64});
    let answer = app.chat(json!({"messages": [
        {"role": "assistant", "content": null, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "find", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": result.to_string()},
    ]})).await;
    let arguments = answer.json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].clone();
    let arguments: Value = serde_json::from_str(arguments.as_str().expect("text")).expect("JSON");
    assert_eq!(arguments, result);
    app.finish().await;
}

#[tokio::test]
async fn what_is_redacted_stays_so_and_what_nobody_made_up_is_left_alone() {
    let app = app().await;
    app.upstream.respond_with(respond::echo);
    assert_eq!(app.say("My account is AC12345678.").await.content(), "You said: My account is [REDACTED:ACCOUNT].");
    app.upstream
        .respond_with(|_| Reply::text("Jordan said hello to MSKV1.NAME.K_HEALTHCARE.AAAQEAYEAUDAOCAJBIFQYDIOB4."));
    assert_eq!(app.say("Hello.").await.content(), "Jordan said hello to [REDACTED:NAME].");
    app.finish().await;
}

#[tokio::test]
async fn a_value_over_several_lines_comes_back_and_breaks_out_of_nothing() {
    const POLICY: &str = r#"
name: lines
version: 1
kid: K_HEALTHCARE
tokenization: synthetic
passes: [regex]
entities:
  ADDRESS: {patterns: [{name: lines, regex: '14 Elm[^.]+Arden[a-z]+', confidence: 0.99}]}
"#;
    let mut app = TestApp::builder().plugin("regex").policy(POLICY).start().await;
    app.plant("Ardenfield");
    for address in [
        "14 Elm Road,\n      Apt 2,\n      Ardenfield",
        "14 Elm Road\", \"admin\": true, \"x\": \"Ardenfield",
        "14 Elm Road, Ardenfield",
    ] {
        let text = format!("I live at {address}.");
        app.upstream.respond_with(respond::echo);
        assert_eq!(app.say(&text).await.content(), format!("You said: {text}"));
        let said = |request: &Value| {
            let text = last_text(request);
            text.strip_prefix("I live at ")
                .expect("the beginning stays")
                .strip_suffix('.')
                .expect("so does the end")
                .to_owned()
        };
        let document =
            move |request: &Value| json!({"address": said(request), "inner": json!({"at": said(request)}).to_string()});
        let expected = json!({"address": address, "inner": json!({"at": address}).to_string()});
        for size in [1, 4, 30, 1000] {
            app.upstream.respond_with(move |request| {
                let document = document(&request.json()).to_string();
                Reply::stream(Script::new().events(&openai::tool_call_events("c", "save", &document, size)).done())
            });
            let mut body = json!({"messages": [{"role": "user", "content": text}], "stream": true});
            let arguments = app.chat(body.clone()).await.said().tools[&(0, 0)].1.clone();
            assert_eq!(serde_json::from_str::<Value>(&arguments).ok(), Some(expected.clone()), "{arguments}");
            app.upstream.respond_with(move |request| {
                let document = document(&request.json()).to_string();
                Reply::stream(Script::new().events(&openai::text_events(&document, size)).done())
            });
            body["response_format"] = json!({"type": "json_object"});
            let said = app.chat(body).await.said();
            assert_eq!(serde_json::from_str::<Value>(said.text()).ok(), Some(expected.clone()), "{}", said.text());
        }
    }
    app.finish().await;
}

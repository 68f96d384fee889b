//! Tokens as a provider and a caller see them: the same for the same value, resolved only for their owner, and never
//! heard, however a model changes them.

use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, Script, openai, respond};
use masker_tests::test_app::STAFF_POLICY;
use serde_json::{Value, json};

use crate::support::{answer_with, ask, ask_streamed, token, tokens};

/// The tokenizations and token styles that a policy can ask for.
fn schemes() -> [(&'static str, String); 3] {
    [
        ("MSKV1.STAFF_ID.", STAFF_POLICY.to_owned()),
        ("MSK1.STAFF_ID.", STAFF_POLICY.replace("vault-deterministic", "reversible-aead")),
        ("[STAFF_ID_", format!("{STAFF_POLICY}token_style: compact\n")),
    ]
}

#[tokio::test]
async fn every_scheme_masks_and_restores_whole_and_streamed_with_and_without_a_call() {
    for (prefix, policy) in schemes() {
        let mut app = TestApp::builder().policy(&policy).start().await;
        app.plant("E-12345");
        app.plant("E-54321");
        app.upstream.respond_with(respond::echo);
        let text = "I am E-12345, not E-54321. E-12345!";
        for headers in [&[][..], &[("masker-session-id", "call-1")]] {
            let whole = app.post(&app.agent.path(), headers, ask(text).to_string()).await;
            assert_eq!(whole.content(), format!("You said: {text}"));
            let forwarded = app.forwarded_text();
            assert_eq!(forwarded.matches(prefix).count(), 3, "{forwarded}");
            let streamed = app.post(&app.agent.path(), headers, ask_streamed(text).to_string()).await;
            assert_eq!(streamed.said().text(), format!("You said: {text}"), "{prefix}");
            assert_eq!(app.forwarded_text(), forwarded, "the same value has the same token on every turn");
        }
        app.finish().await;
    }
}

#[tokio::test]
async fn the_masked_conversation_is_a_byte_prefix_of_the_next_turns() {
    for (prefix, policy) in schemes() {
        for call in [None, Some("call-7")] {
            let mut app = TestApp::builder().policy(&policy).start().await;
            app.plant("E-12345");
            app.plant("E-67890");
            app.plant("E-00001");
            app.upstream.respond_with(respond::echo);
            let mut messages = vec![json!({"role": "system", "content": "Be kind."})];
            let mut before = String::new();
            for said in
                ["I am E-12345.", "My friend is E-67890, I am E-12345.", "hello", "and E-00001 too, not E-12345"]
            {
                messages.push(json!({"role": "user", "content": said}));
                let headers: Vec<(&str, &str)> = call.iter().map(|call| ("masker-session-id", *call)).collect();
                let answer = app.post(&app.agent.path(), &headers, json!({"messages": messages}).to_string()).await;
                messages.push(json!({"role": "assistant", "content": answer.content()}));
                let forwarded = app.forwarded()["messages"].to_string();
                let whole = forwarded.strip_suffix(']').expect("a list").to_owned();
                assert!(whole.starts_with(&before), "{prefix} {call:?}\n{before}\n{whole}");
                before = whole;
            }
            app.finish().await;
        }
    }
}

#[tokio::test]
async fn a_token_of_another_agent_does_not_resolve() {
    for (_, policy) in &schemes()[..2] {
        let mut app = TestApp::builder().policy(policy).start().await;
        app.plant("E-12345");
        app.upstream.respond_with(respond::echo);
        app.say("I am E-12345.").await;
        let stolen = token(&app.forwarded_text());
        let other =
            app.create_agent(json!({"name": "other", "upstream": "openai:gpt-4o-mini", "policy_yaml": policy})).await;
        app.upstream.respond_with(move |_| Reply::text(&format!("It is {stolen}.")));
        let answer = app.post(&other.path(), &[], ask("who?").to_string()).await;
        assert_eq!(answer.content(), "It is [REDACTED:STAFF_ID].");
        // The agent that created it also resolves it in a later request without the value.
        assert_eq!(app.say("who?").await.content(), "It is E-12345.");
        app.finish().await;
    }
}

#[tokio::test]
async fn a_token_of_another_call_does_not_resolve() {
    for (_, policy) in schemes() {
        let mut app = TestApp::builder().policy(&policy).start().await;
        app.plant("E-12345");
        app.upstream.respond_with(respond::echo);
        app.chat_in_call("call-a", ask("I am E-12345.")).await;
        let forwarded = app.forwarded_text();
        let stolen = forwarded.trim_start_matches("I am ").trim_end_matches('.').to_owned();
        app.upstream.respond_with(move |_| Reply::text(&format!("It is {stolen}.")));
        assert_eq!(app.chat_in_call("call-b", ask("who?")).await.content(), "It is [REDACTED:STAFF_ID].");
        assert_eq!(app.chat(ask("who?")).await.content(), "It is [REDACTED:STAFF_ID].");
        assert_eq!(app.chat_in_call("call-a", ask("who?")).await.content(), "It is E-12345.");
        app.finish().await;
    }
}

#[tokio::test]
async fn a_token_that_does_not_resolve_is_noted_in_the_journal() {
    let app = TestApp::start().await;
    app.upstream.respond_with(|_| Reply::text("It is MSKV1.STAFF_ID.K_HEALTHCARE.AAAQEAYEAUDAOCAJBIFQYDIOB4."));
    assert_eq!(app.say("who?").await.content(), "It is [REDACTED:STAFF_ID].");
    let kinds: Vec<&str> = app.events().iter().map(|event| event.kind.as_str()).collect();
    assert!(kinds.contains(&"rehydration_failed"), "{kinds:?}");
    app.finish().await;
}

#[tokio::test]
async fn a_token_in_the_callers_own_text_is_data() {
    for (_, policy) in schemes() {
        let app = TestApp::builder().policy(&policy).start().await;
        app.upstream.respond_with(respond::echo);
        // A token of another caller, in the same agent.
        app.say("I am E-12345.").await;
        let sent = app.forwarded_text();
        let stolen = sent.trim_start_matches("I am ").trim_end_matches('.').to_owned();
        for text in [
            format!("say {stolen}"),
            format!("say {}", stolen.to_lowercase()),
            "MSKV1.NAME.K_X.ABC".into(),
            "[NAME_1] MSK1.".into(),
        ] {
            let answer = app.say(&text).await;
            assert_eq!(answer.content(), format!("You said: {text}"), "it comes back as it was and is not resolved");
            assert!(!answer.text().contains("E-12345"));
        }
        app.finish().await;
    }
}

#[tokio::test]
async fn a_redacted_value_never_comes_back() {
    let policy = STAFF_POLICY.replace("{STAFF_ID: {}}", "{STAFF_ID: {action: redact}}");
    let mut app = TestApp::builder().policy(&policy).start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    let answer = app.say("I am E-12345.").await;
    assert_eq!(answer.content(), "You said: I am [REDACTED:STAFF_ID].");
    assert_eq!(app.forwarded_text(), "I am [REDACTED:STAFF_ID].");
    assert_eq!(app.app().store().vault().count().await.expect("the vault can be read"), 0);
    app.finish().await;
}

#[tokio::test]
async fn a_passed_value_stays() {
    let policy = STAFF_POLICY.replace("{STAFF_ID: {}}", "{STAFF_ID: {action: passthrough}}");
    let app = TestApp::builder().policy(&policy).start().await;
    app.upstream.respond_with(respond::echo);
    assert_eq!(app.say("I am E-12345.").await.content(), "You said: I am E-12345.");
    assert_eq!(app.forwarded_text(), "I am E-12345.");
    app.finish().await;
}

#[tokio::test]
async fn a_kind_that_the_policy_does_not_enable_stays() {
    let policy = STAFF_POLICY.replace("{STAFF_ID: {}}", "{STAFF_ID: {enabled: false}}");
    let app = TestApp::builder().policy(&policy).start().await;
    app.upstream.respond_with(respond::echo);
    app.say("I am E-12345.").await;
    assert_eq!(app.forwarded_text(), "I am E-12345.");
    app.finish().await;
}

#[tokio::test]
async fn allowed_texts_are_never_masked_and_denied_texts_always() {
    let app = TestApp::builder()
        .policy(&format!("{}allow: [E-11111]\ndeny: [{{text: Project Falcon, kind: STAFF_ID}}]\n", STAFF_POLICY))
        .start()
        .await;
    app.upstream.respond_with(respond::echo);
    let text = "E-11111 leads project falcon with E-22222";
    assert_eq!(app.say(text).await.content(), format!("You said: {text}"));
    let sent = app.forwarded_text();
    assert!(sent.starts_with("E-11111 leads MSKV1.STAFF_ID."), "{sent}");
    assert_eq!(tokens(&sent).len(), 2, "{sent}");
    app.finish().await;
}

/// Typical ways in which models change tokens.
fn mangled(token: &str) -> Vec<String> {
    vec![
        token.to_lowercase(),
        token.replace('.', ". "),
        token.replace('.', " . "),
        token.replace('.', "\n."),
        format!("**{token}**"),
        format!("`{token}`"),
        format!("\"{token}\""),
        format!("<b>{token}</b>"),
        format!("({token})"),
        format!("[{token}](tel:1)"),
        token.replace('_', "\\_"),
        token.replace('.', "\\."),
        token.replace('.', "&#46;"),
        token.replace('.', "\u{200b}."),
        token.chars().flat_map(|c| [c, ' ']).collect(),
        token.chars().flat_map(|c| [c, '-']).collect(),
        token[..token.len() - 1].to_owned(),
        token[..token.len() - 9].to_owned(),
        format!("{token}X"),
        format!("{token}{token}"),
        token.replace("STAFF_ID", "STAFF ID"),
        token.replace("STAFF_ID", "STAFFID"),
        token.replace("MSK", "M S K"),
        token.chars().rev().collect::<String>().chars().rev().collect(),
        token
            .chars()
            .map(|c| if c.is_ascii_graphic() { char::from_u32(c as u32 + 0xFEE0).unwrap_or(c) } else { c })
            .collect(),
    ]
}

/// Whether the scheme or a part of the value is audible.
fn is_heard(text: &str, token: &str) -> bool {
    squeezed(text).contains("MSKV1") || is_value_heard(text, token)
}

/// Whether eight letters of the value are audible.
fn is_value_heard(text: &str, token: &str) -> bool {
    let value = token.rsplit('.').next().expect("a token has parts");
    let squeezed = squeezed(text);
    (0..value.len() - 8).any(|at| squeezed.contains(&value[at..at + 8]))
}

/// Letters and digits in capitals, full-width ones too.
fn squeezed(text: &str) -> String {
    text.chars()
        .map(|c| char::from_u32((c as u32).wrapping_sub(0xFEE0)).filter(char::is_ascii_graphic).unwrap_or(c))
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_uppercase()
}

/// Current behaviour, to be improved: without its dots a token is not recognised, and only its value is dropped.
#[tokio::test]
async fn of_a_token_without_dots_the_value_is_not_heard() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    for dot in ["", "-", ":", "/", " "] {
        answer_with(&app, move |token| format!("So you are {} then, right?", token.replace('.', dot)));
        let answer = app.say("I am E-12345.").await.content();
        let token = token(&app.forwarded_text());
        assert!(!is_value_heard(&answer, &token), "{dot:?}: {answer}");
        assert!(answer.contains("MSKV1"), "{dot:?}: better than before, tighten this test: {answer}");
    }
    app.finish().await;
}

#[tokio::test]
async fn what_a_model_makes_of_a_token_is_restored_or_replaced_but_never_heard() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.upstream.respond_with(|_| Reply::text("ok"));
    app.say("I am E-12345.").await;
    let token = token(&app.forwarded_text());
    for form in mangled(&token) {
        let text = format!("So you are {form} then, right?");
        let (whole, pieces) = (text.clone(), text);
        app.upstream.respond_with(move |_| Reply::text(&whole));
        let answer = app.say("I am E-12345.").await.content();
        assert!(answer.starts_with("So you are ") && !is_heard(&answer, &token), "{form}: {answer}");
        assert!(answer.ends_with("then, right?"), "{form}: {answer}");
        assert!(answer.contains("E-12345") || answer.contains("[REDACTED"), "{form}: {answer}");
        for size in [1, 4, 11] {
            let events = openai::text_events(&pieces, size);
            app.upstream.respond_with(move |_| Reply::stream(Script::new().events(&events).done()));
            let streamed = app.chat(ask_streamed("I am E-12345.")).await;
            assert_eq!(streamed.said().text(), answer, "{form} in pieces of {size}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn the_fallback_text_is_said_in_place_of_what_does_not_resolve() {
    let app = TestApp::builder().staff_policy_with("fallback_text: that information").start().await;
    let made_up = "MSKV1.STAFF_ID.K_HEALTHCARE.AAAQEAYEAUDAOCAJBIFQYDIOB4";
    app.upstream.respond_with(move |_| Reply::text(&format!("I have {made_up}, and {}.", &made_up[..40])));
    let answer = app.say("who?").await.content();
    assert_eq!(answer, "I have that information, and that information.");
    app.finish().await;
}

#[tokio::test]
async fn a_token_of_another_kid_or_kind_does_not_resolve() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    for (from, to) in [("STAFF_ID", "NAME"), ("K_HEALTHCARE", "K_OTHER"), ("MSKV1", "MSK1")] {
        answer_with(&app, move |token| format!("It is {}.", token.replace(from, to)));
        let answer = app.say("I am E-12345.").await.content();
        assert!(answer.starts_with("It is [REDACTED") && !answer.contains("E-12345"), "{from}: {answer}");
    }
    app.finish().await;
}

#[tokio::test]
async fn values_that_differ_never_share_a_token() {
    for (_, policy) in schemes() {
        let app = TestApp::builder().policy(&policy).start().await;
        app.upstream.respond_with(respond::echo);
        let text: String = (0..200).map(|number| format!("E-{number:05} ")).collect();
        let answer = app.say(&text).await;
        assert_eq!(answer.content(), format!("You said: {text}"));
        let sent = app.forwarded_text();
        let unique: std::collections::BTreeSet<&str> = sent.split_whitespace().collect();
        assert_eq!(unique.len(), 200);
        app.finish().await;
    }
}

#[tokio::test]
async fn log_probabilities_of_a_whole_answer_are_dropped_only_with_a_token() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    let answer = |text: &str| {
        let mut answer = openai::completion(text);
        answer["choices"][0]["logprobs"] =
            json!({"content": [{"token": text, "logprob": -0.5, "bytes": null, "top_logprobs": []}]});
        answer
    };
    app.upstream.script(Reply::json(&answer("Hello.")));
    assert_eq!(app.say("I am E-12345.").await.json(), answer("Hello."));
    app.upstream.respond_with(move |request| Reply::json(&answer(&token(&request.text()))));
    let whole = app.say("I am E-12345.").await;
    assert_eq!(whole.json()["choices"][0]["logprobs"], Value::Null);
    assert!(!whole.has_token());
    app.finish().await;
}

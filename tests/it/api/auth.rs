//! Who may call.

use hyper::StatusCode;
use masker_tests::TestApp;

use super::{send, token};

const ROUTES: [(&str, &str); 4] = [
    ("GET", "/api/v1/agents"),
    ("POST", "/api/v1/agents"),
    ("GET", "/api/v1/agents/agt_01HYZABCDEFGHJKMNPQRSTVWXY"),
    ("DELETE", "/api/v1/agents/agt_01HYZABCDEFGHJKMNPQRSTVWXY"),
];

#[tokio::test]
async fn without_a_valid_token_every_call_is_unauthenticated() {
    let app = TestApp::start().await;
    let secret = token(&app, None, &["admin"]).await;
    let basic = format!("Basic {secret}");
    let cut = format!("Bearer {}", &secret[..secret.len() - 1]);
    let longer = format!("Bearer {secret}x");
    let bare = secret.clone();
    for (method, path) in ROUTES {
        for wrong in [
            None,
            Some("Bearer mskt_wrong"),
            Some("Bearer"),
            Some("Bearer "),
            Some(&basic),
            Some(&cut),
            Some(&longer),
            Some(&bare),
        ] {
            let answer = send(&app, method, path, wrong, "{}").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path} {wrong:?}");
            assert_eq!(answer.error_code(), "unauthenticated");
            assert!(!answer.text().contains(&secret[5..]));
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn the_word_bearer_may_be_written_in_any_case() {
    let app = TestApp::start().await;
    let secret = token(&app, None, &["agents:read"]).await;
    for word in ["Bearer", "bearer", "BEARER"] {
        let answer = send(&app, "GET", "/api/v1/agents", Some(&format!("{word} {secret}")), "").await;
        assert_eq!(answer.status, StatusCode::OK, "{word}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_call_outside_of_the_tokens_scopes_is_forbidden_and_names_the_scope() {
    let app = TestApp::start().await;
    let other = ["sessions:read", "reports:read", "policies:write", "plugins:write"];
    for ((method, path), scope) in ROUTES.into_iter().zip(["agents:read", "agents:write", "agents:read", "admin"]) {
        let more = if scope == "agents:write" { "agents:read" } else { "agents:write" };
        let authorization = format!("Bearer {}", token(&app, None, &[&other[..], &[more]].concat()).await);
        let answer = send(&app, method, path, Some(&authorization), "{}").await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (StatusCode::FORBIDDEN, "forbidden"),
            "{method} {path}"
        );
        assert!(answer.text().contains(scope), "{}", answer.text());

        for enough in [scope, "admin"] {
            let authorization = format!("Bearer {}", token(&app, None, &[enough]).await);
            let answer = send(&app, method, path, Some(&authorization), "{}").await;
            assert!(![401, 403].contains(&answer.status.as_u16()), "{method} {path} with {enough}: {}", answer.status);
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_deleted_token_is_worth_nothing() {
    let app = TestApp::start().await;
    let store = app.app().store();
    let (made, secret) =
        store.create_api_token(store.first_account(), "x", &["admin".to_owned()], None).await.expect("made");
    let authorization = format!("Bearer {}", secret.expose());
    assert_eq!(send(&app, "GET", "/api/v1/agents", Some(&authorization), "").await.status, StatusCode::OK);
    assert!(store.delete_api_token(store.first_account(), made.id).await.expect("deleted"));
    assert_eq!(send(&app, "GET", "/api/v1/agents", Some(&authorization), "").await.status, StatusCode::UNAUTHORIZED);
    app.finish().await;
}

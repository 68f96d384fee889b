//! Authentication and scopes of every route.

use hyper::StatusCode;
use masker::http::auth::SCOPES;
use masker::http::openapi;
use masker_tests::TestApp;

use super::{send, token};

/// Routes and the scope each requires.
const ROUTES: [(&str, &str, &str); 12] = [
    ("GET", "/api/v1/agents", "agents:read"),
    ("POST", "/api/v1/agents", "agents:write"),
    ("GET", "/api/v1/agents/agt_01HYZABCDEFGHJKMNPQRSTVWXY", "agents:read"),
    ("DELETE", "/api/v1/agents/agt_01HYZABCDEFGHJKMNPQRSTVWXY", "admin"),
    ("PATCH", "/api/v1/agents/agt_01HYZABCDEFGHJKMNPQRSTVWXY", "agents:write"),
    ("POST", "/api/v1/agents/agt_01HYZABCDEFGHJKMNPQRSTVWXY/proxy-key", "agents:write"),
    ("GET", "/api/v1/agents/agt_01HYZABCDEFGHJKMNPQRSTVWXY/sessions", "sessions:read"),
    ("GET", "/api/v1/sessions", "sessions:read"),
    ("GET", "/api/v1/sessions/sess_01HYZABCDEFGHJKMNPQRSTVWXY", "sessions:read"),
    ("GET", "/api/v1/tokens", "admin"),
    ("POST", "/api/v1/tokens", "admin"),
    ("DELETE", "/api/v1/tokens/tok_01HYZABCDEFGHJKMNPQRSTVWXY", "admin"),
];

#[tokio::test]
async fn without_a_valid_token_every_call_is_unauthenticated() {
    let app = TestApp::start().await;
    let secret = token(&app, None, &["admin"]).await;
    let basic = format!("Basic {secret}");
    let cut = format!("Bearer {}", &secret[..secret.len() - 1]);
    let longer = format!("Bearer {secret}x");
    let bare = secret.clone();
    for (method, path, _) in ROUTES {
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
    for (method, path, scope) in ROUTES {
        let other: Vec<&str> = SCOPES.into_iter().filter(|other| ![scope, "admin"].contains(other)).collect();
        let authorization = format!("Bearer {}", token(&app, None, &other).await);
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
    let authorization = format!("Bearer {}", token(&app, None, &["admin"]).await);
    let made = send(&app, "GET", "/api/v1/tokens?limit=1", Some(&authorization), "").await;
    assert_eq!(made.status, StatusCode::OK);
    let id = made.json()["data"][0]["id"].as_str().expect("an id").to_owned();
    let deleted = send(&app, "DELETE", &format!("/api/v1/tokens/{id}"), Some(&authorization), "").await;
    assert_eq!((deleted.status, deleted.text()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(send(&app, "GET", "/api/v1/agents", Some(&authorization), "").await.status, StatusCode::UNAUTHORIZED);
    app.finish().await;
}

/// Every route below `/api/v1` with its methods, with placeholders for ids.
fn routes() -> Vec<(String, String)> {
    let mut routes = Vec::new();
    for (path, item) in openapi::document()["paths"].as_object().expect("paths") {
        if !path.starts_with("/api/v1/") {
            continue;
        }
        let filled: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        let methods = item.as_object().expect("operations").keys();
        routes.extend(methods.map(|method| (method.to_uppercase(), filled.join("/"))));
    }
    routes
}

/// Routes open without authentication: sign-in and the description of the API.
const OPEN: [&str; 8] = [
    "/api/v1/auth/github",
    "/api/v1/auth/github/callback",
    "/api/v1/auth/link",
    "/api/v1/auth/logout",
    "/api/v1/auth/methods",
    "/api/v1/docs",
    "/api/v1/openapi.json",
    "/api/v1/schemas/report.json",
];

#[tokio::test]
async fn every_route_refuses_who_is_nobody_and_who_may_nothing() {
    let app = TestApp::start().await;
    let powerless = format!("Bearer {}", token(&app, None, &[]).await);
    let routes = routes();
    assert!(routes.len() >= 12, "{routes:?}");
    for (method, path) in routes.iter().filter(|(_, path)| !OPEN.contains(&path.as_str())) {
        for wrong in [None, Some("Bearer mskt_wrong")] {
            let answer = send(&app, method, path, wrong, "{}").await;
            let found = (answer.status.as_u16(), answer.error_code());
            assert_eq!(found, (401, "unauthenticated".into()), "{method} {path}");
        }
        // Every token may read its own identity.
        if path != "/api/v1/me" {
            let answer = send(&app, method, path, Some(&powerless), "{}").await;
            assert_eq!((answer.status.as_u16(), answer.error_code()), (403, "forbidden".into()), "{method} {path}");
        }
    }
    app.finish().await;
}

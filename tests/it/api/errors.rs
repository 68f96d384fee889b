//! Errors always use the envelope, or OpenAI's format at the proxy, and always carry the request's id.

use std::collections::BTreeSet;

use axum::body::Body;
use hyper::Request;
use masker_tests::TestApp;
use masker_tests::test_app::Answer;
use serde_json::json;

use super::send;

fn check_id(answer: &Answer, place: &str) -> String {
    let id = answer.header("x-request-id").unwrap_or_else(|| panic!("{place} has no request id")).to_owned();
    assert!(id.starts_with("req_") && id.len() == 30, "{place}: {id}");
    if answer.status.is_client_error() || answer.status.is_server_error() {
        assert_eq!(answer.json()["error"]["request_id"], json!(id), "{place}");
    }
    id
}

#[tokio::test]
async fn an_unknown_path_is_404_in_the_envelope() {
    let app = TestApp::start().await;
    for path in [
        "/",
        "/nope",
        "/api",
        "/api/v1",
        "/api/v1/nope",
        "/api/v1/agents/",
        "/api/v1/agents/a/b",
        "/health/",
        "/proxy",
        "/%FF",
    ] {
        let answer = send(&app, "GET", path, None, "").await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (404, "not_found"), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.json()["error"].get("details").is_none() && answer.json()["error"].get("type").is_none());
        check_id(&answer, path);
    }
    app.finish().await;
}

#[tokio::test]
async fn an_unknown_path_of_the_proxy_is_404_in_openais_shape() {
    let app = TestApp::start().await;
    let id = &app.agent.id;
    for path in
        [format!("/proxy/{id}/v1/embeddings"), format!("/proxy/{id}"), format!("/proxy/{id}/v1/chat/completions/1")]
    {
        for method in ["GET", "POST"] {
            let answer = send(&app, method, &path, None, "{}").await;
            assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (404, "not_found"), "{method} {path}");
            assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
            assert!(!answer.text().contains(id), "the id in the path is a credential");
            check_id(&answer, &path);
        }
    }
    assert!(app.upstream.requests().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn a_wrong_method_is_405_with_the_right_ones() {
    let app = TestApp::start().await;
    for (method, path, allowed) in [
        ("PUT", "/api/v1/agents", "GET,HEAD,POST"),
        ("POST", "/api/v1/agents/agt_1", "DELETE,GET,HEAD,PATCH"),
        ("DELETE", "/api/v1/sessions", "GET,HEAD"),
        ("POST", "/health", "GET,HEAD"),
    ] {
        let answer = send(&app, method, path, None, "").await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (405, "method_not_allowed"), "{path}");
        let allow: BTreeSet<&str> = answer.header("allow").unwrap_or_default().split(',').map(str::trim).collect();
        assert_eq!(allow, allowed.split(',').collect(), "{path}");
        check_id(&answer, path);
    }
    let path = app.agent.path();
    let answer = send(&app, "GET", &path, None, "").await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (405, "method_not_allowed"));
    assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
    assert!(!answer.text().contains(&app.agent.id), "the id in the path is a credential");
    app.finish().await;
}

#[tokio::test]
async fn an_id_that_is_no_text_is_an_id_of_nothing() {
    let app = TestApp::start().await;
    for (method, path) in [
        ("GET", "/api/v1/agents/%FF"),
        ("DELETE", "/api/v1/agents/%FF"),
        ("POST", "/proxy/%FF/v1/chat/completions"),
        ("GET", "/proxy/%FF/v1/models"),
    ] {
        let answer = app.api(method, path, &json!({"messages": []})).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (404, "agent_not_found"), "{method} {path}");
        check_id(&answer, path);
    }
    app.finish().await;
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own_and_never_the_callers() {
    let app = TestApp::healthcare().await;
    let mut ids = BTreeSet::new();
    for path in ["/health", "/nope", "/api/v1/agents", "/proxy/agt_1/v1/models"] {
        let request = Request::get(path).header("x-request-id", "req_01HYZABCDEFGHJKMNPQRSTVWXY");
        let answer = app.request(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1, "{path}");
        let id = check_id(&answer, path);
        assert_ne!(id, "req_01HYZABCDEFGHJKMNPQRSTVWXY");
        ids.insert(id);
    }
    assert_eq!(ids.len(), 4);
    app.finish().await;
}

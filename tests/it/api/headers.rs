//! Response headers, and request headers with which a browser reports a request's origin.

use axum::body::Body;
use hyper::Request;
use masker_tests::TestApp;
use masker_tests::fake_upstream::respond;
use masker_tests::test_app::Browser;
use serde_json::{Value, json};

use super::send;

const PATHS: [&str; 9] = [
    "/api/v1/me",
    "/api/v1/nowhere",
    "/api/v1/openapi.json",
    "/api/v1/docs",
    "/portal",
    "/portal/agents",
    "/portal/assets/app.js",
    "/health",
    "/proxy/x/v1/models",
];

#[tokio::test]
async fn every_answer_is_kept_to_those_it_is_for() {
    let plain = TestApp::start().await;
    let tls = TestApp::builder().env("MASKER_PUBLIC_URL", "https://masker.test").start().await;
    for (app, hsts) in [(&plain, None), (&tls, Some("max-age=31536000"))] {
        for path in PATHS {
            let answer = send(app, "GET", path, None, "").await;
            for (name, value) in [
                ("x-content-type-options", Some("nosniff")),
                ("cross-origin-resource-policy", Some("same-origin")),
                ("cross-origin-opener-policy", Some("same-origin")),
                ("strict-transport-security", hsts),
            ] {
                assert_eq!(answer.header(name), value, "{path} {name}");
            }
            // A script is revalidated each time, and usually not sent again.
            let kept = if path.contains("assets") { "no-cache" } else { "no-store" };
            assert_eq!(answer.header("cache-control"), Some(kept), "{path}");
        }
    }
    plain.finish().await;
    tls.finish().await;
}

#[tokio::test]
async fn a_report_is_made_for_no_other_sites_page() {
    let app = TestApp::start().await;
    app.upstream.respond_with(respond::echo);
    app.say("hello").await;
    let session = app.sessions().await[0].id.text();
    let mut browser = Browser::of_operator(&app).await;
    let before = app.events().len();
    let reports = [
        "/api/v1/reports?format=pdf".to_owned(),
        "/api/v1/reports".to_owned(),
        format!("/api/v1/agents/{}/report?format=pdf", app.agent.id),
        format!("/api/v1/sessions/{session}/report?format=pdf"),
    ];
    for path in &reports {
        for header in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "https://masker.test"),
        ] {
            let answer = browser.send(&app, "GET", path, &[header]).await;
            assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (403, "forbidden"), "{path} {header:?}");
        }
    }
    assert_eq!(app.events().len(), before, "nothing was written down");
    for header in [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none"), ("origin", "http://masker.test")] {
        assert_eq!(browser.send(&app, "GET", &reports[0], &[header]).await.status, 200, "{header:?}");
    }
    let token = app.api("GET", &reports[1], &Value::Null).await;
    assert_eq!(token.status, 200, "a program says nothing of where it is");
    app.finish().await;
}

#[tokio::test]
async fn an_origin_of_another_scheme_is_another_origin() {
    let app = TestApp::builder().env("MASKER_PUBLIC_URL", "https://masker.test").start().await;
    let mut browser = Browser::of_operator(&app).await;
    let mut write = async |origin: &str| {
        let body = json!({"name": "x", "scopes": ["agents:read"]});
        browser.send_json(&app, "POST", "/api/v1/tokens", &[("origin", origin)], &body).await.status.as_u16()
    };
    assert_eq!(write("http://masker.test").await, 403);
    assert_eq!(write("https://masker.test").await, 201);
    app.finish().await;
}

#[tokio::test]
async fn a_time_that_no_reader_takes_back_is_in_no_query() {
    let app = TestApp::start().await;
    for since in ["%2B10000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00Z"] {
        for path in ["sessions", "reports"] {
            let answer = app.api("GET", &format!("/api/v1/{path}?since={since}"), &Value::Null).await;
            let code = answer.error_code();
            assert_eq!((answer.status.as_u16(), code.as_str()), (422, "validation_failed"), "{path} {since}");
        }
    }
    let report = app.api("GET", "/api/v1/reports?since=999999w", &Value::Null).await;
    assert!(report.text().contains("1970-01-01T00:00:00.000Z"), "{}", report.text());
    let request = Request::get("/api/v1/sessions?since=999999w").body(Body::empty());
    assert_eq!(app.request(request.expect("a request")).await.status, 401);
    app.finish().await;
}

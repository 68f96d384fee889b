//! Sign-in: links, the cookie, other sites, signing out.

use hyper::StatusCode;
use masker::audit::event::{Detail, EventKind};
use masker::clock::{Clock, Timestamp};
use masker_tests::TestApp;
use masker_tests::test_app::{Answer, Browser};
use serde_json::{Value, json};

const DAY: i64 = 24 * 3600 * 1000;

async fn link(app: &TestApp) -> String {
    let link = app.app().login_link().await.expect("a link can be made");
    app.path_of(&link).to_owned()
}

async fn is_in(app: &TestApp, browser: &mut Browser) -> bool {
    match browser.send(app, "GET", "/api/v1/me", &[]).await.status {
        StatusCode::OK => true,
        StatusCode::UNAUTHORIZED => false,
        other => panic!("{other}"),
    }
}

#[track_caller]
fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (status, code), "{}", answer.text());
}

#[tokio::test]
async fn a_link_shows_a_page_as_often_as_one_looks_and_signs_the_operator_in_once() {
    let app = TestApp::start().await;
    let link = link(&app).await;
    let mut browser = Browser::default();
    for _ in 0..2 {
        let page = browser.send(&app, "GET", &link, &[]).await;
        assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, Some("text/html; charset=utf-8")));
        assert_eq!(page.text().matches("<button").count(), 1);
        assert!(page.text().contains("<form method=\"post\">") && !page.text().contains("mskl_"));
        assert!(page.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'")));
        assert_eq!(
            (page.header("cache-control"), page.header("referrer-policy")),
            (Some("no-store"), Some("same-origin"))
        );
        assert_eq!(page.header("set-cookie"), None);
    }
    assert!(!is_in(&app, &mut browser).await);
    let pressed = browser.send(&app, "POST", &link, &[("origin", "http://masker.test")]).await;
    assert_eq!((pressed.status, pressed.header("location")), (StatusCode::FOUND, Some("/portal")));
    assert!(is_in(&app, &mut browser).await);
    let login = app.events().into_iter().find(|event| event.kind == EventKind::Login).expect("an event");
    assert_eq!(login.detail, Some(Detail::from("link")));

    for method in ["GET", "POST"] {
        check(&Browser::default().send(&app, method, &link, &[]).await, 410, "gone");
        check(&Browser::default().send(&app, method, "/api/v1/auth/link?token=mskl_made-up", &[]).await, 410, "gone");
        check(&Browser::default().send(&app, method, "/api/v1/auth/link", &[]).await, 422, "validation_failed");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_link_works_for_an_hour() {
    let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
    let app = TestApp::builder().clock(&clock).start().await;
    let link = link(&app).await;
    clock.set(Timestamp::from_millis(1_700_000_000_000 + 3_600_000));
    for method in ["GET", "POST"] {
        check(&Browser::default().send(&app, method, &link, &[]).await, 410, "gone");
    }
    app.finish().await;
}

#[tokio::test]
async fn another_sites_page_can_not_press_the_button() {
    let app = TestApp::start().await;
    let link = link(&app).await;
    let mut browser = Browser::default();
    check(&browser.send(&app, "POST", &link, &[("origin", "https://evil.example")]).await, 403, "forbidden");
    check(&browser.send(&app, "POST", &link, &[("sec-fetch-site", "cross-site")]).await, 403, "forbidden");
    assert_eq!(browser.send(&app, "POST", &link, &[]).await.status, StatusCode::FOUND, "it was not used up");
    app.finish().await;
}

#[tokio::test]
async fn the_cookie_is_as_the_contract_has_it_and_every_request_renews_it() {
    for (public_url, secure) in [("https://masker.example", " Secure;"), ("http://masker.example", "")] {
        let app = TestApp::builder().env("MASKER_PUBLIC_URL", public_url).start().await;
        let mut browser = Browser::default();
        let signed_in = browser.send(&app, "POST", &link(&app).await, &[]).await;
        let value = browser.cookie("masker_session").expect("a cookie").to_owned();
        assert!(value.len() >= 43 && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
        let expected = format!("masker_session={value}; HttpOnly;{secure} SameSite=Lax; Path=/; Max-Age=2592000");
        assert_eq!(signed_in.header("set-cookie"), Some(expected.as_str()));
        for (method, path) in [
            ("GET", "/api/v1/me"),
            ("GET", "/api/v1/agents"),
            ("GET", "/api/v1/agents/agt_1"),
            ("POST", "/api/v1/agents"),
        ] {
            let answer = browser.send(&app, method, path, &[]).await;
            assert_eq!(answer.header("set-cookie"), Some(expected.as_str()), "{method} {path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
        }
        let token = app.api("GET", "/api/v1/me", &Value::Null).await;
        assert_eq!(token.header("set-cookie"), None, "a token has no cookie");
        app.finish().await;
    }
}

#[tokio::test]
async fn a_sign_in_lives_thirty_days_from_its_last_request() {
    let clock = Clock::manual(Timestamp::from_millis(0));
    let app = TestApp::builder().clock(&clock).start().await;
    let mut browser = Browser::of_operator(&app).await;
    let copy = browser.clone();
    for day in [29, 58, 87] {
        clock.set(Timestamp::from_millis(day * DAY));
        assert!(is_in(&app, &mut browser).await, "day {day}");
    }
    clock.set(Timestamp::from_millis((87 + 31) * DAY));
    assert!(!is_in(&app, &mut copy.clone()).await);
    app.finish().await;
}

#[tokio::test]
async fn a_cookie_that_is_none_of_ours_is_nobody() {
    let app = TestApp::start().await;
    let real = Browser::of_operator(&app).await;
    let value = real.cookie("masker_session").expect("signed in").to_owned();
    for wrong in ["", "x", &value[1..], &format!("{value}x"), &value.to_uppercase(), "msks_"] {
        let mut browser = Browser::default();
        browser.set_cookie("masker_session", wrong);
        let answer = browser.send(&app, "GET", "/api/v1/me", &[]).await;
        check(&answer, 401, "unauthenticated");
        assert_eq!((answer.header("set-cookie"), answer.header("www-authenticate")), (None, Some("Bearer")));
    }
    // A request with a token is authenticated by the token.
    let mut browser = real.clone();
    check(
        &browser.send(&app, "GET", "/api/v1/me", &[("authorization", "Bearer mskt_wrong")]).await,
        401,
        "unauthenticated",
    );
    let behind_basic = browser.send(&app, "GET", "/api/v1/me", &[("authorization", "Basic eDp5")]).await;
    assert_eq!(behind_basic.status, StatusCode::OK, "a proxy before us may ask for a password of its own");
    app.finish().await;
}

#[tokio::test]
async fn another_site_may_not_write_in_the_name_of_who_is_signed_in() {
    let app = TestApp::start().await;
    let mut browser = Browser::of_operator(&app).await;
    let body = json!({"name": "desk", "upstream": "stub", "policy_yaml": masker_tests::test_app::STAFF_POLICY});
    for evil in [
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
    ] {
        for (method, path) in [
            ("POST", "/api/v1/agents".to_owned()),
            ("DELETE", format!("/api/v1/agents/{}", app.agent.id)),
            ("POST", "/api/v1/tokens".to_owned()),
            ("POST", "/api/v1/auth/logout".to_owned()),
            ("POST", "/api/v1/auth/logout-all".to_owned()),
        ] {
            check(&browser.send_json(&app, method, &path, &evil, &body).await, 403, "forbidden");
        }
        assert_eq!(browser.send(&app, "GET", "/api/v1/agents", &evil).await.status, StatusCode::OK, "a link to us");
        let token = app.api("GET", "/api/v1/me", &Value::Null).await;
        assert_eq!(token.status, StatusCode::OK);
    }
    for own in
        [("origin", "http://masker.test"), ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")]
    {
        let answer = browser.send_json(&app, "POST", "/api/v1/agents", &[own], &json!({})).await;
        check(&answer, 422, "validation_failed");
    }
    assert!(is_in(&app, &mut browser).await);
    app.finish().await;
}

#[tokio::test]
async fn signing_out_ends_this_sign_in_for_good_and_can_be_done_twice() {
    let app = TestApp::start().await;
    let mut browser = Browser::of_operator(&app).await;
    let mut other = Browser::of_operator(&app).await;
    let copy = browser.clone();
    let cleared = "masker_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0";
    for mut browser in [browser.clone(), copy.clone(), Browser::default()] {
        let answer = browser.send(&app, "POST", "/api/v1/auth/logout", &[]).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::NO_CONTENT, ""));
        assert_eq!(answer.header("set-cookie"), Some(cleared));
        assert_eq!(browser.cookie("masker_session"), None);
    }
    assert!(!is_in(&app, &mut browser).await && !is_in(&app, &mut copy.clone()).await);
    assert!(is_in(&app, &mut other).await, "another browser stays signed in");
    app.finish().await;
}

#[tokio::test]
async fn two_cookies_of_the_name_are_nobody_and_signing_out_ends_both() {
    let app = TestApp::start().await;
    let browsers = [Browser::of_operator(&app).await, Browser::of_operator(&app).await];
    let values = browsers.clone().map(|browser| browser.cookie("masker_session").expect("signed in").to_owned());
    let [first, second] = &values;
    let planted = format!("masker_session={second}");
    let sent = [("cookie", planted.as_str())];
    check(&browsers[0].clone().send(&app, "GET", "/api/v1/me", &sent).await, 401, "unauthenticated");
    check(&browsers[0].clone().send(&app, "POST", "/api/v1/auth/logout-all", &sent).await, 401, "unauthenticated");
    let twice = format!("masker_session={first}");
    let answer = browsers[0].clone().send(&app, "GET", "/api/v1/me", &[("cookie", &twice)]).await;
    assert_eq!(answer.status, StatusCode::OK, "they agree");
    let out = browsers[0].clone().send(&app, "POST", "/api/v1/auth/logout", &sent).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    for mut browser in browsers {
        assert!(!is_in(&app, &mut browser).await);
    }
    app.finish().await;
}

#[tokio::test]
async fn another_sites_form_signs_nobody_out() {
    let app = TestApp::start().await;
    // Browsers keep the cookie off such a request, but would apply the response's `Set-Cookie`.
    for evil in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let answer = Browser::default().send(&app, "POST", "/api/v1/auth/logout", &[evil]).await;
        check(&answer, 403, "forbidden");
        assert_eq!(answer.header("set-cookie"), None);
    }
    app.finish().await;
}

#[tokio::test]
async fn no_page_of_the_portal_is_kept_by_a_browser() {
    let app = TestApp::start().await;
    for path in ["/portal", "/portal/settings", "/portal/nowhere"] {
        let page = Browser::default().send(&app, "GET", path, &[]).await;
        assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, Some("no-store")), "{path}");
    }
    app.finish().await;
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_sign_in_of_the_person() {
    let app = TestApp::start().await;
    let mut browsers = Vec::new();
    for _ in 0..3 {
        browsers.push(Browser::of_operator(&app).await);
    }
    let copies = browsers.clone();
    let answer = browsers[0].send(&app, "POST", "/api/v1/auth/logout-all", &[]).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::NO_CONTENT, ""));
    assert!(answer.header("set-cookie").is_some_and(|cookie| cookie.ends_with("Max-Age=0")));
    for mut browser in copies {
        assert!(!is_in(&app, &mut browser).await);
    }
    check(&Browser::default().send(&app, "POST", "/api/v1/auth/logout-all", &[]).await, 401, "unauthenticated");
    check(&app.api("POST", "/api/v1/auth/logout-all", &Value::Null).await, 403, "forbidden");
    app.finish().await;
}

#[tokio::test]
async fn a_person_sees_where_they_are_signed_in_and_ends_one_of_these() {
    let app = TestApp::start().await;
    let mut here = Browser::of_operator(&app).await;
    let mut there = Browser::of_operator(&app).await;
    let listed = here.send(&app, "GET", "/api/v1/auth/sign-ins", &[]).await;
    let rows = listed.json()["data"].as_array().expect("a list").clone();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["by"] == "link" && row["created_at"].is_string()));
    assert_eq!(rows.iter().filter(|row| row["current"] == true).count(), 1);
    let other = rows.iter().find(|row| row["current"] == false).expect("the other browser");
    let path = format!("/api/v1/auth/sign-ins/{}", other["id"].as_str().expect("an id"));
    check(&here.send(&app, "DELETE", &path, &[("origin", "https://evil.example")]).await, 403, "forbidden");
    check(&app.api("GET", "/api/v1/auth/sign-ins", &Value::Null).await, 403, "forbidden");
    assert_eq!(here.send(&app, "DELETE", &path, &[]).await.status, StatusCode::NO_CONTENT);
    check(&here.send(&app, "DELETE", &path, &[]).await, 404, "not_found");
    assert!(is_in(&app, &mut here).await && !is_in(&app, &mut there).await);
    app.finish().await;
}

#[tokio::test]
async fn secrets_of_people_are_in_no_file_and_no_log() {
    let mut app = TestApp::start().await;
    let link = link(&app).await;
    let mut browser = Browser::default();
    browser.send(&app, "POST", &link, &[]).await;
    app.plant(link.split_once("token=mskl_").expect("a secret").1);
    let session = browser.cookie("masker_session").expect("signed in").to_owned();
    app.plant(session.strip_prefix("msks_").expect("our prefix"));
    assert!(is_in(&app, &mut browser).await);
    app.finish().await;
}

#[tokio::test]
async fn sign_ins_and_links_outlive_a_restart() {
    let mut app = TestApp::start().await;
    let mut browser = Browser::of_operator(&app).await;
    let link = link(&app).await;
    app.restart().await;
    assert!(is_in(&app, &mut browser).await);
    assert_eq!(Browser::default().send(&app, "POST", &link, &[]).await.status, StatusCode::FOUND);
    app.finish().await;
}

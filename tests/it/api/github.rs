//! Sign-in with GitHub.

use hyper::StatusCode;
use masker::audit::event::{Detail, EventKind};
use masker::clock::{Clock, Timestamp};
use masker_tests::TestApp;
use masker_tests::fake_github::{FakeGitHub, Person, Trouble};
use masker_tests::test_app::{Answer, Browser};
use serde_json::{Value, json};

const BEGIN: &str = "/api/v1/auth/github";

async fn app(github: &FakeGitHub, allow: &str) -> TestApp {
    TestApp::builder().github(github).env("MASKER_GITHUB_ALLOW", allow).start().await
}

/// Opens GitHub, agrees there, and returns the URL to which GitHub redirects the browser.
async fn agree(app: &TestApp, github: &FakeGitHub, browser: &mut Browser, person: &Person) -> String {
    let answer = browser.send(app, "GET", BEGIN, &[]).await;
    assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.text());
    let back = github.agree(answer.header("location").expect("a place to go to"), person);
    app.path_of(&back).to_owned()
}

/// The whole sign-in; returns the last response.
async fn sign_in(app: &TestApp, github: &FakeGitHub, browser: &mut Browser, person: &Person) -> Answer {
    let back = agree(app, github, browser, person).await;
    browser.send(app, "GET", &back, &[]).await
}

async fn me(app: &TestApp, browser: &mut Browser) -> Value {
    let answer = browser.send(app, "GET", "/api/v1/me", &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[track_caller]
fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (status, code), "{}", answer.text());
}

/// Asserts that this response signs nobody in and deletes the state cookie.
#[track_caller]
fn check_refused(answer: &Answer, status: u16, code: &str) {
    check(answer, status, code);
    let cookies: Vec<_> =
        answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap_or("")).collect();
    assert!(matches!(cookies[..], [cookie] if cookie.starts_with("masker_oauth_state=;")), "{cookies:?}");
}

#[tokio::test]
async fn the_first_to_sign_in_owns_the_install_and_is_shown_as_github_describes_them() {
    let github = FakeGitHub::start().await;
    let app = app(&github, "").await;
    let mut browser = Browser::default();
    let ada = Person { public_email: Some("ada@public.example.com".into()), ..Person::new(7, "Ada") };
    let answer = sign_in(&app, &github, &mut browser, &ada).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::FOUND, Some("/portal")));
    assert_eq!(browser.cookie("masker_oauth_state"), None);
    let me = me(&app, &mut browser).await;
    let (user, account) = (&me["user"], &me["account"]);
    assert_eq!(
        *user,
        json!({
            "id": user["id"], "github_login": "Ada", "github_id": 7, "name": "Ada of the tests",
            "email": "ada@public.example.com", "avatar_url": "https://avatars.example/u/7?v=4",
            "created_at": user["created_at"], "last_seen_at": user["last_seen_at"],
        })
    );
    assert_eq!(
        *account,
        json!({"id": app.app().store().first_account().text(), "name": "Owner", "plan": "internal", "created_at": account["created_at"]})
    );
    let permissions: Vec<&str> =
        me["permissions"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(permissions.starts_with(&["agents:read", "agents:write", "sessions:read", "reports:read", "billing:read"]));
    for moment in [&user["created_at"], &user["last_seen_at"], &account["created_at"]] {
        let moment = moment.as_str().expect("a time");
        assert!(Timestamp::parse(moment).is_some_and(|time| time.to_string() == moment), "{moment}");
    }
    assert!(user["id"].as_str().is_some_and(|id| id.starts_with("usr_") && id.len() == 30));
    let login = app.events().into_iter().find(|event| event.kind == EventKind::Login).expect("an event");
    assert_eq!(login.detail, Some(Detail::from("github")));
    assert_eq!(login.account_id, Some(app.app().store().first_account()));

    let eve = sign_in(&app, &github, &mut Browser::default(), &Person::new(8, "eve")).await;
    check_refused(&eve, 403, "forbidden");
    assert!(eve.text().contains("MASKER_GITHUB_ALLOW"));
    app.finish().await;
}

#[tokio::test]
async fn a_private_address_is_the_verified_one_that_is_called_the_first() {
    let github = FakeGitHub::start().await;
    let app = app(&github, "*").await;
    let unverified = vec![("x@example.com".into(), true, false), ("y@example.com".into(), false, true)];
    for (person, email) in [
        (Person::new(1, "ada"), json!("ada@example.com")),
        (Person { emails: unverified, ..Person::new(2, "bob") }, Value::Null),
        (Person { emails: Vec::new(), name: None, ..Person::new(3, "cyd") }, Value::Null),
    ] {
        let mut browser = Browser::default();
        assert_eq!(sign_in(&app, &github, &mut browser, &person).await.status, StatusCode::FOUND);
        let me = me(&app, &mut browser).await;
        assert_eq!(me["user"]["email"], email, "{}", person.login);
        assert_eq!(me["user"]["name"], person.name.unwrap_or(person.login));
    }
    github.trouble(Trouble::EmailsFail);
    let mut browser = Browser::default();
    assert_eq!(sign_in(&app, &github, &mut browser, &Person::new(4, "dee")).await.status, StatusCode::FOUND);
    assert_eq!(me(&app, &mut browser).await["user"]["email"], Value::Null, "GitHub does not show any");
    app.finish().await;
}

#[tokio::test]
async fn a_list_says_who_may_sign_in_by_login_in_any_case_or_by_membership() {
    let github = FakeGitHub::start().await;
    let app = app(&github, "ADA, org:Lakeside").await;
    let lakeside = |id, login, accepted| Person::new(id, login).in_org("lakeside", accepted);
    for (person, may) in [
        (Person::new(1, "ada"), true),
        (lakeside(2, "bob", true), true),
        (lakeside(3, "invited", false), false),
        (Person::new(4, "eve").in_org("lakeside-2", true), false),
        (Person::new(5, "lakeside"), false),
    ] {
        let answer = sign_in(&app, &github, &mut Browser::default(), &person).await;
        if may {
            assert_eq!(answer.status, StatusCode::FOUND, "{}: {}", person.login, answer.text());
        } else {
            check_refused(&answer, 403, "forbidden");
        }
    }
    let mut renamed = lakeside(2, "bob-2", true);
    assert_eq!(sign_in(&app, &github, &mut Browser::default(), &renamed).await.status, StatusCode::FOUND);
    renamed.orgs.clear();
    check_refused(&sign_in(&app, &github, &mut Browser::default(), &renamed).await, 403, "forbidden");
    github.trouble(Trouble::OrgsFail);
    check_refused(
        &sign_in(&app, &github, &mut Browser::default(), &lakeside(2, "bob", true)).await,
        502,
        "oauth_exchange_failed",
    );
    app.finish().await;
}

#[tokio::test]
async fn everyone_has_an_account_of_their_own_where_everyone_may() {
    let github = FakeGitHub::start().await;
    let app = app(&github, "*").await;
    let (mut ada, mut bob) = (Browser::default(), Browser::default());
    sign_in(&app, &github, &mut ada, &Person::new(1, "ada")).await;
    sign_in(&app, &github, &mut bob, &Person::new(2, "bob")).await;
    let (ada_is, bob_is) = (me(&app, &mut ada).await, me(&app, &mut bob).await);
    assert_ne!(ada_is["account"]["id"], bob_is["account"]["id"]);
    assert_eq!((&bob_is["account"]["name"], &bob_is["account"]["plan"]), (&json!("bob"), &json!("beta")));
    let agents =
        async |browser: &mut Browser| browser.send(&app, "GET", "/api/v1/agents", &[]).await.json()["data"].clone();
    assert_eq!(agents(&mut ada).await.as_array().map(Vec::len), Some(1), "the install's agents are its owner's");
    assert_eq!(agents(&mut bob).await, json!([]));

    let mut again = Browser::default();
    sign_in(&app, &github, &mut again, &Person::new(2, "bob-renamed")).await;
    let again_is = me(&app, &mut again).await;
    assert_eq!(again_is["user"]["id"], bob_is["user"]["id"]);
    assert_eq!(again_is["user"]["github_login"], "bob-renamed");
    app.finish().await;
}

/// The URL of the button on the confirmation page for linking a GitHub user.
#[track_caller]
fn button(page: &Answer) -> String {
    let text = page.text();
    assert_eq!(
        (page.status, page.header("content-type")),
        (StatusCode::OK, Some("text/html; charset=utf-8")),
        "{text}"
    );
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("frame-ancestors 'none'")));
    assert_eq!((page.header("cache-control"), text.matches("<button").count()), (Some("no-store"), 1));
    let action = text.split_once("<form method=\"post\" action=\"").expect("a form").1;
    action.split('"').next().expect("an address").to_owned()
}

#[tokio::test]
async fn the_operator_confirms_that_a_github_user_is_theirs_and_nobody_elses_takes_that_place() {
    let github = FakeGitHub::start().await;
    let app = app(&github, "").await;
    let mut operator = Browser::of_operator(&app).await;
    let before = me(&app, &mut operator).await;
    assert_eq!((&before["user"]["github_login"], &before["user"]["github_id"]), (&Value::Null, &Value::Null));
    check_refused(&sign_in(&app, &github, &mut Browser::default(), &Person::new(1, "eve")).await, 403, "forbidden");

    let secret = operator.cookie("masker_session").expect("signed in").to_owned();
    let page = sign_in(&app, &github, &mut operator, &Person::new(2, "ada")).await;
    let button = button(&page);
    assert!(page.text().contains("Link ada to the operator"));
    assert_eq!(me(&app, &mut operator).await["user"]["github_login"], Value::Null, "it was not confirmed");
    assert!(app.events().iter().all(|event| event.kind != EventKind::GithubLinked));
    let confirmed = operator.send(&app, "POST", &button, &[("origin", "http://masker.test")]).await;
    assert_eq!((confirmed.status, confirmed.header("location")), (StatusCode::FOUND, Some("/portal")));
    assert_eq!(operator.cookie("masker_session"), Some(secret.as_str()));
    let linked = app.events().into_iter().find(|event| event.kind == EventKind::GithubLinked).expect("an event");
    assert_eq!(linked.detail, Some(Detail::Count(2)));
    assert_eq!(linked.account_id, Some(app.app().store().first_account()));
    check(&operator.send(&app, "POST", &button, &[]).await, 400, "invalid_state");

    let mut elsewhere = Browser::default();
    assert_eq!(sign_in(&app, &github, &mut elsewhere, &Person::new(2, "ada")).await.status, StatusCode::FOUND);
    let after = me(&app, &mut elsewhere).await;
    assert_eq!((&after["user"]["id"], &after["account"]), (&before["user"]["id"], &before["account"]));
    assert_eq!(after["user"]["github_login"], "ada");
    // There is no unlinked operator left.
    check_refused(&sign_in(&app, &github, &mut operator, &Person::new(3, "eve")).await, 403, "forbidden");
    app.finish().await;
}

#[tokio::test]
async fn somebody_elses_code_in_the_operators_browser_is_a_plain_sign_in() {
    for allow in ["", "*"] {
        let github = FakeGitHub::start().await;
        let app = app(&github, allow).await;
        let mut operator = Browser::of_operator(&app).await;
        let own = operator.clone();
        // A page on another port of the host plants its own state.
        let mut attacker = Browser::default();
        let back = agree(&app, &github, &mut attacker, &Person::new(1, "eve")).await;
        operator.set_cookie("masker_oauth_state", attacker.cookie("masker_oauth_state").expect("on the way"));
        let answer = operator.send(&app, "GET", &back, &[]).await;
        if allow.is_empty() {
            check_refused(&answer, 403, "forbidden");
        } else {
            assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.text());
            assert_eq!(me(&app, &mut operator).await["account"]["plan"], "beta", "an account of its own");
        }
        // A confirmation that was started before the operator signed in, or in another of their sign-ins, is rejected.
        for begun in [Browser::default(), Browser::of_operator(&app).await] {
            let mut begun = begun;
            let back = agree(&app, &github, &mut begun, &Person::new(3, "bob")).await;
            let mut browser = own.clone();
            browser.set_cookie("masker_oauth_state", begun.cookie("masker_oauth_state").expect("on the way"));
            assert_ne!(browser.send(&app, "GET", &back, &[]).await.status, StatusCode::OK);
        }
        let mut own = own;
        let page = sign_in(&app, &github, &mut own, &Person::new(2, "ada")).await;
        assert_eq!(own.send(&app, "POST", &button(&page), &[]).await.status, StatusCode::FOUND);
        assert_eq!(me(&app, &mut own).await["user"]["github_login"], "ada");
        app.finish().await;
    }
}

#[tokio::test]
async fn a_github_user_is_linked_only_in_the_sign_in_that_began_it_and_within_ten_minutes() {
    let github = FakeGitHub::start().await;
    let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
    let app = TestApp::builder().github(&github).env("MASKER_GITHUB_ALLOW", "*").clock(&clock).start().await;
    let mut operator = Browser::of_operator(&app).await;
    let button = button(&sign_in(&app, &github, &mut operator, &Person::new(2, "ada")).await);
    for evil in
        [("origin", "https://evil.example"), ("origin", "http://masker.test:81"), ("sec-fetch-site", "same-site")]
    {
        check(&operator.send(&app, "POST", &button, &[evil]).await, 403, "forbidden");
    }
    check(&Browser::default().send(&app, "POST", &button, &[]).await, 401, "unauthenticated");
    check(&app.api("POST", &button, &Value::Null).await, 403, "forbidden");
    check(&Browser::of_operator(&app).await.send(&app, "POST", &button, &[]).await, 400, "invalid_state");
    check(&operator.send(&app, "POST", &button[..button.len() - 1], &[]).await, 400, "invalid_state");
    let path = button.split('?').next().expect("a path");
    check(&operator.send(&app, "POST", path, &[]).await, 422, "validation_failed");
    // The state of a sign-in is not enough to confirm.
    let mut other = operator.clone();
    agree(&app, &github, &mut other, &Person::new(2, "ada")).await;
    let state = other.cookie("masker_oauth_state").expect("on the way");
    check(&operator.send(&app, "POST", &format!("{path}?proof={state}"), &[]).await, 400, "invalid_state");
    // Meanwhile that GitHub user has its own account.
    let mut ada = Browser::default();
    assert_eq!(sign_in(&app, &github, &mut ada, &Person::new(2, "ada")).await.status, StatusCode::FOUND);
    check(&operator.send(&app, "POST", &button, &[]).await, 400, "invalid_state");
    let plain = sign_in(&app, &github, &mut operator.clone(), &Person::new(2, "ada")).await;
    assert_eq!(plain.status, StatusCode::FOUND, "and is asked nothing");

    let button = self::button(&sign_in(&app, &github, &mut operator, &Person::new(3, "<b>'\"")).await);
    clock.set(Timestamp::from_millis(1_700_000_600_000));
    check(&operator.send(&app, "POST", &button, &[]).await, 400, "invalid_state");
    assert!(app.events().iter().all(|event| event.kind != EventKind::GithubLinked));
    app.finish().await;
}

#[tokio::test]
async fn a_browser_goes_where_it_wanted_to_and_never_to_another_server() {
    let github = FakeGitHub::start().await;
    let app = app(&github, "").await;
    let mut browser = Browser::default();
    let asked = format!("{BEGIN}?redirect_to=/portal/agents%3Fx%3D1");
    let away = browser.send(&app, "GET", &asked, &[]).await;
    let back = github.agree(away.header("location").expect("a place"), &Person::new(1, "ada"));
    let answer = browser.send(&app, "GET", app.path_of(&back), &[]).await;
    assert_eq!(answer.header("location"), Some("/portal/agents?x=1"));
    for evil in [
        "//evil.example",
        "/%5Cevil.example",
        "https://evil.example",
        "/%09/evil.example",
        "portal",
        "",
        "%2F%2Fevil.example",
    ] {
        let answer = browser.send(&app, "GET", &format!("{BEGIN}?redirect_to={evil}"), &[]).await;
        check(&answer, 422, "validation_failed");
        assert_eq!(answer.json()["error"]["details"][0]["field"], "redirect_to", "{evil}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_state_works_once_in_its_own_browser_and_within_ten_minutes() {
    let github = FakeGitHub::start().await;
    let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
    let app = TestApp::builder().github(&github).clock(&clock).start().await;
    let ada = Person::new(1, "ada");
    let mut browser = Browser::default();
    let begun = browser.send(&app, "GET", BEGIN, &[]).await;
    let cookie = begun.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.starts_with("masker_oauth_state="));
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=600"), "{cookie}");

    // Another browser, no state, another state.
    let back = agree(&app, &github, &mut browser, &ada).await;
    check_refused(&Browser::default().send(&app, "GET", &back, &[]).await, 400, "invalid_state");
    let code = back.split_once('?').expect("a query").1.split('&').next().expect("a code");
    for query in [code.to_owned(), format!("{code}&state="), format!("{code}&state=x"), String::new()] {
        let mut copy = browser.clone();
        check_refused(&copy.send(&app, "GET", &format!("{BEGIN}/callback?{query}"), &[]).await, 400, "invalid_state");
    }
    // The same state twice, also with the cookie still present.
    let mut copy = browser.clone();
    assert_eq!(browser.send(&app, "GET", &back, &[]).await.status, StatusCode::FOUND);
    check_refused(&copy.send(&app, "GET", &back, &[]).await, 400, "invalid_state");
    // After expiry.
    let mut late = Browser::default();
    let back = agree(&app, &github, &mut late, &ada).await;
    clock.set(Timestamp::from_millis(1_700_000_600_000));
    check_refused(&late.send(&app, "GET", &back, &[]).await, 400, "invalid_state");
    app.finish().await;
}

#[tokio::test]
async fn a_person_or_github_that_says_no_signs_nobody_in() {
    let github = FakeGitHub::start().await;
    let app = app(&github, "").await;
    let mut browser = Browser::default();
    let back = agree(&app, &github, &mut browser, &Person::new(1, "ada")).await;
    let state = back.split_once("&state=").expect("a state").1;
    let denied = format!("{BEGIN}/callback?error=access_denied&error_description=no&state={state}");
    check_refused(&browser.send(&app, "GET", &denied, &[]).await, 403, "forbidden");
    check(&browser.send(&app, "GET", "/api/v1/me", &[]).await, 401, "unauthenticated");
    app.finish().await;
}

#[tokio::test]
async fn a_github_that_never_answers_is_502_when_its_time_is_over() {
    let github = FakeGitHub::start().await;
    let app = TestApp::builder().github(&github).env("MASKER_GITHUB_TIMEOUT_MS", "50").start().await;
    github.trouble(Trouble::ExchangeHangs);
    let mut browser = Browser::default();
    let answer = sign_in(&app, &github, &mut browser, &Person::new(1, "ada")).await;
    check_refused(&answer, 502, "oauth_exchange_failed");
    assert!(answer.text().contains("in time"), "{}", answer.text());
    app.finish().await;
}

#[tokio::test]
async fn whatever_fails_at_github_is_502_and_signs_nobody_in() {
    let github = FakeGitHub::start().await;
    let app = app(&github, "").await;
    let ada = Person::new(1, "ada");
    for trouble in [Trouble::ExchangeFails, Trouble::ExchangeIsGarbage, Trouble::UserFails, Trouble::UserIsEndless] {
        github.trouble(trouble);
        let mut browser = Browser::default();
        check_refused(&sign_in(&app, &github, &mut browser, &ada).await, 502, "oauth_exchange_failed");
        assert_eq!(browser.cookie("masker_session"), None, "{trouble:?}");
        github.no_trouble();
    }
    // A code that GitHub does not know: GitHub answers with status 200.
    let mut browser = Browser::default();
    let back = agree(&app, &github, &mut browser, &ada).await;
    let (path, state) = back.split_once("&state=").expect("a state");
    let wrong = format!("{}&state={state}", path.replace("code=", "code=not-"));
    let answer = browser.send(&app, "GET", &wrong, &[]).await;
    check_refused(&answer, 502, "oauth_exchange_failed");
    assert!(
        answer.text().contains("bad_verification_code") && !answer.text().contains("not-code"),
        "{}",
        answer.text()
    );
    assert!(app.events().iter().all(|event| event.kind != EventKind::Login));
    assert_eq!(sign_in(&app, &github, &mut Browser::default(), &ada).await.status, StatusCode::FOUND);
    app.finish().await;
}

#[tokio::test]
async fn nothing_of_github_is_kept_or_logged_but_the_profile() {
    let github = FakeGitHub::start().await;
    let mut app = app(&github, "").await;
    for secret in ["gho_", masker_tests::fake_github::CLIENT_SECRET] {
        app.plant(secret);
    }
    let mut browser = Browser::default();
    sign_in(&app, &github, &mut browser, &Person::new(1, "ada")).await;
    let session = browser.cookie("masker_session").expect("signed in").to_owned();
    app.plant(&session);
    me(&app, &mut browser).await;
    app.finish().await;
}

#[tokio::test]
async fn without_an_app_at_github_there_is_no_way_there() {
    let app = TestApp::start().await;
    let mut browser = Browser::default();
    for path in [BEGIN.to_owned(), format!("{BEGIN}/callback?code=x&state=y")] {
        check(&browser.send(&app, "GET", &path, &[]).await, 404, "not_found");
    }
    app.finish().await;
}

#[tokio::test]
async fn whoever_the_list_no_longer_names_is_out_at_once_and_the_operators_link_is_not() {
    let github = FakeGitHub::start().await;
    let mut app = app(&github, "ada bob org:lakeside").await;
    let people = [Person::new(1, "ada"), Person::new(2, "bob"), Person::new(3, "cyd").in_org("Lakeside", true)];
    let mut browsers = Vec::new();
    for person in &people {
        let mut browser = Browser::default();
        assert_eq!(sign_in(&app, &github, &mut browser, person).await.status, StatusCode::FOUND);
        browsers.push(browser);
    }
    let mut operator = Browser::of_operator(&app).await;
    for (allow, stay) in [
        ("bob", [false, true, false]),
        ("org:LAKESIDE", [false, false, true]),
        ("*", [true; 3]),
        ("", [true, false, false]),
    ] {
        app.restart_with("MASKER_GITHUB_ALLOW", allow).await;
        for (browser, stays) in browsers.iter_mut().zip(stay) {
            let status = browser.clone().send(&app, "GET", "/api/v1/me", &[]).await.status;
            assert_eq!(status == StatusCode::OK, stays, "{allow:?}: {status}");
        }
        // The operator is the first to have signed in, ada: the link signs them in whatever the list says.
        assert_eq!(me(&app, &mut operator).await["user"]["github_login"], "ada");
    }
    app.finish().await;
}

/// Creates a token in a browser, or with another token.
async fn token(app: &TestApp, browser: &mut Browser, name: &str, with: Option<&str>) -> String {
    let authorization = with.map(|secret| format!("Bearer {secret}"));
    let headers: Vec<_> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
    let body = json!({"name": name, "scopes": ["admin"]});
    let made = browser.send_json(app, "POST", "/api/v1/tokens", &headers, &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()["token"]["secret"].as_str().expect("a secret").to_owned()
}

async fn works(app: &TestApp, secret: &str) -> bool {
    let authorization = format!("Bearer {secret}");
    super::send(app, "GET", "/api/v1/me", Some(&authorization), "").await.status == StatusCode::OK
}

/// The names of the tokens revoked with their person.
fn revoked(app: &TestApp) -> Vec<String> {
    let events = app.events().into_iter().filter(|event| event.kind == EventKind::TokenRevoked);
    let mut names: Vec<String> = events
        .map(|event| {
            assert_eq!(event.detail, Some(Detail::from("person")));
            event.token.expect("it names the token").name.to_string()
        })
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn tokens_end_with_their_person_when_the_list_no_longer_names_them() {
    let github = FakeGitHub::start().await;
    let mut app = app(&github, "ada bob").await;
    let (mut ada, mut bob) = (Browser::default(), Browser::default());
    sign_in(&app, &github, &mut ada, &Person::new(1, "ada")).await;
    sign_in(&app, &github, &mut bob, &Person::new(2, "bob")).await;
    let of_owner = token(&app, &mut ada, "owner", None).await;
    let of_bob = token(&app, &mut bob, "bob", None).await;
    let of_bobs = token(&app, &mut bob, "bob's", Some(&of_bob)).await;
    app.restart().await;
    assert!(works(&app, &of_owner).await && works(&app, &of_bob).await && works(&app, &of_bobs).await);
    // Neither is on the list; the owner has the link.
    app.restart_with("MASKER_GITHUB_ALLOW", "cyd").await;
    assert!(works(&app, &of_owner).await && !works(&app, &of_bob).await && !works(&app, &of_bobs).await);
    assert_eq!(revoked(&app), ["bob", "bob's"]);
    app.restart_with("MASKER_GITHUB_ALLOW", "bob").await;
    assert!(!works(&app, &of_bob).await, "it is over for good");
    assert_eq!(revoked(&app).len(), 2, "said once");
    app.finish().await;
}

#[tokio::test]
async fn who_is_refused_at_the_door_has_no_sign_in_and_no_token_left() {
    let github = FakeGitHub::start().await;
    let app = app(&github, "ada org:lakeside").await;
    sign_in(&app, &github, &mut Browser::default(), &Person::new(1, "ada")).await;
    let mut member = Person::new(2, "bob").in_org("lakeside", true);
    let mut bob = Browser::default();
    sign_in(&app, &github, &mut bob, &member).await;
    let secret = token(&app, &mut bob, "bob", None).await;
    member.orgs.clear();
    // Membership cannot be checked for somebody whose organisation hides its members.
    github.trouble(Trouble::OrgsHide);
    check_refused(&sign_in(&app, &github, &mut Browser::default(), &member).await, 403, "forbidden");
    github.no_trouble();
    me(&app, &mut bob).await;
    assert!(works(&app, &secret).await);

    check_refused(&sign_in(&app, &github, &mut Browser::default(), &member).await, 403, "forbidden");
    check(&bob.send(&app, "GET", "/api/v1/me", &[]).await, 401, "unauthenticated");
    assert!(!works(&app, &secret).await);
    assert_eq!(revoked(&app), ["bob"]);
    app.finish().await;
}

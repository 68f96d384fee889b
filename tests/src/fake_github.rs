//! A fake GitHub for sign-in, faithful to the real one: status 200 for a wrong code, a form unless JSON is requested,
//! codes that work once, private addresses, memberships that only some scopes may see.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The OAuth app registered there.
pub const CLIENT_ID: &str = "Iv1.of-the-tests";
/// Its secret.
pub const CLIENT_SECRET: &str = "a-secret-of-the-tests";

/// A user account there.
#[derive(Clone, Debug)]
pub struct Person {
    /// Never changes.
    pub id: i64,
    /// May change.
    pub login: String,
    /// The display name, if set.
    pub name: Option<String>,
    /// The public address, if there is one.
    pub public_email: Option<String>,
    /// All its addresses: address, primary, verified.
    pub emails: Vec<(String, bool, bool)>,
    /// Its organisations, and whether it accepted the invitation.
    pub orgs: BTreeMap<String, bool>,
}

impl Person {
    /// A user without a public address.
    pub fn new(id: i64, login: &str) -> Self {
        Self {
            id,
            login: login.to_owned(),
            name: Some(format!("{login} of the tests")),
            public_email: None,
            emails: vec![
                (format!("{login}@old.example.com"), false, true),
                (format!("{login}@example.com"), true, true),
            ],
            orgs: BTreeMap::new(),
        }
    }

    /// A member of an organisation, or a user with a pending invitation.
    pub fn in_org(mut self, org: &str, accepted: bool) -> Self {
        self.orgs.insert(org.to_owned(), accepted);
        self
    }
}

/// A failure to simulate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Trouble {
    /// The code exchange never answers.
    ExchangeHangs,
    /// The code exchange fails.
    ExchangeFails,
    /// The code exchange returns garbage.
    ExchangeIsGarbage,
    /// Profiles cannot be read.
    UserFails,
    /// Profiles never end.
    UserIsEndless,
    /// Addresses cannot be read.
    EmailsFail,
    /// Memberships cannot be read.
    OrgsFail,
    /// Organisations hide their members from this app.
    OrgsHide,
}

/// A running fake GitHub.
pub struct FakeGitHub {
    address: SocketAddr,
    known: Arc<Mutex<Known>>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Known {
    /// Unused codes.
    codes: BTreeMap<String, Grant>,
    tokens: BTreeMap<String, Grant>,
    troubles: BTreeSet<Trouble>,
    made: u64,
}

/// The scope of a user's consent.
#[derive(Clone)]
struct Grant {
    person: Person,
    scopes: Vec<String>,
    redirect_uri: String,
    challenge: String,
}

type Shared = State<Arc<Mutex<Known>>>;

impl FakeGitHub {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let known = Arc::new(Mutex::new(Known::default()));
        let routes = Router::new()
            .route("/login/oauth/access_token", post(exchange))
            .route("/api/v3/user", get(user))
            .route("/api/v3/user/emails", get(emails))
            .route("/api/v3/user/memberships/orgs/{org}", get(membership))
            .with_state(known.clone());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
        let address = listener.local_addr().expect("a bound port");
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        Self { address, known, serving }
    }

    /// The environment of a Masker that uses it for sign-in.
    pub fn environment(&self) -> [(&'static str, String); 3] {
        [
            ("MASKER_GITHUB_URL", format!("http://{}", self.address)),
            ("MASKER_GITHUB_CLIENT_ID", CLIENT_ID.to_owned()),
            ("MASKER_GITHUB_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ]
    }

    /// Simulates this failure from now on.
    pub fn trouble(&self, trouble: Trouble) {
        lock(&self.known).troubles.insert(trouble);
    }

    /// Stops simulating failures.
    pub fn no_trouble(&self) {
        lock(&self.known).troubles.clear();
    }

    /// Simulates a person who opens the authorization URL and agrees. Returns the URL to which GitHub redirects.
    ///
    /// # Panics
    /// When GitHub would show an error instead.
    pub fn agree(&self, authorize_url: &str, person: &Person) -> String {
        let start = format!("http://{}/login/oauth/authorize?", self.address);
        let query = authorize_url.strip_prefix(&start).unwrap_or_else(|| panic!("{authorize_url} is not GitHub"));
        let query = parse(query);
        let field = |name: &str| query.get(name).unwrap_or_else(|| panic!("{name} is missing")).clone();
        assert_eq!(field("client_id"), CLIENT_ID);
        assert_eq!(field("code_challenge_method"), "S256");
        let mut known = lock(&self.known);
        known.made += 1;
        let code = format!("code-{}", known.made);
        let grant = Grant {
            person: person.clone(),
            scopes: field("scope").split(' ').map(str::to_owned).collect(),
            redirect_uri: field("redirect_uri"),
            challenge: field("code_challenge"),
        };
        let back = format!("{}?code={code}&state={}", grant.redirect_uri, field("state"));
        known.codes.insert(code, grant);
        back
    }
}

impl Drop for FakeGitHub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn exchange(State(known): Shared, headers: HeaderMap, body: String) -> Response {
    if has(&known, Trouble::ExchangeHangs) {
        std::future::pending::<()>().await;
    }
    if has(&known, Trouble::ExchangeFails) {
        return (StatusCode::BAD_GATEWAY, "<html>Unicorn!</html>").into_response();
    }
    if has(&known, Trouble::ExchangeIsGarbage) {
        return "<html>Unicorn!</html>".into_response();
    }
    let answer = exchanged(&mut lock(&known), &parse(&body));
    if headers.get(ACCEPT).is_some_and(|accept| accept == "application/json") {
        return axum::Json(answer).into_response();
    }
    let pairs =
        answer.as_object().into_iter().flatten().map(|(name, value)| (name, value.as_str().unwrap_or_default()));
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    ([(CONTENT_TYPE, "application/x-www-form-urlencoded")], form).into_response()
}

/// Always with status 200, like the real one.
fn exchanged(known: &mut Known, asked: &BTreeMap<String, String>) -> Value {
    let field = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let error = |word: &str| json!({"error": word, "error_description": "What was sent is wrong.", "error_uri": "https://docs.example/"});
    if (field("client_id"), field("client_secret")) != (CLIENT_ID, CLIENT_SECRET) {
        return error("incorrect_client_credentials");
    }
    let Some(grant) = known.codes.remove(field("code")) else { return error("bad_verification_code") };
    if field("redirect_uri") != grant.redirect_uri {
        return error("redirect_uri_mismatch");
    }
    if URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier"))) != grant.challenge {
        return error("bad_verification_code");
    }
    known.made += 1;
    let token = format!("gho_{}", known.made);
    let scope = grant.scopes.join(",");
    known.tokens.insert(token.clone(), grant);
    json!({"access_token": token, "scope": scope, "token_type": "bearer"})
}

async fn user(State(known): Shared, headers: HeaderMap) -> Response {
    if has(&known, Trouble::UserFails) {
        return (StatusCode::SERVICE_UNAVAILABLE, axum::Json(json!({"message": "Unicorn!"}))).into_response();
    }
    if has(&known, Trouble::UserIsEndless) {
        let piece = "x".repeat(1 << 16);
        let pieces = futures_util::stream::repeat_with(move || Ok::<_, std::convert::Infallible>(piece.clone()));
        return axum::body::Body::from_stream(pieces).into_response();
    }
    let person = match granted(&known, &headers, None) {
        Ok(grant) => grant.person,
        Err(refused) => return refused,
    };
    axum::Json(json!({
        "login": person.login, "id": person.id, "node_id": "MDQ6VXNlcjE=", "type": "User", "site_admin": false,
        "avatar_url": format!("https://avatars.example/u/{}?v=4", person.id),
        "name": person.name, "email": person.public_email,
    }))
    .into_response()
}

async fn emails(State(known): Shared, headers: HeaderMap) -> Response {
    if has(&known, Trouble::EmailsFail) {
        return (StatusCode::NOT_FOUND, axum::Json(json!({"message": "Not Found"}))).into_response();
    }
    let person = match granted(&known, &headers, Some("user:email")) {
        Ok(grant) => grant.person,
        Err(refused) => return refused,
    };
    let row = |(email, primary, verified): &(String, bool, bool)| json!({"email": email, "primary": primary, "verified": verified, "visibility": "private"});
    axum::Json(person.emails.iter().map(row).collect::<Vec<_>>()).into_response()
}

async fn membership(State(known): Shared, Path(org): Path<String>, headers: HeaderMap) -> Response {
    if has(&known, Trouble::OrgsFail) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    if has(&known, Trouble::OrgsHide) {
        return (StatusCode::FORBIDDEN, axum::Json(json!({"message": "OAuth App access restrictions"})))
            .into_response();
    }
    let person = match granted(&known, &headers, Some("read:org")) {
        Ok(grant) => grant.person,
        Err(refused) => return refused,
    };
    // Organisation names are case-insensitive.
    let found = person.orgs.iter().find(|(own, _)| own.eq_ignore_ascii_case(&org));
    let Some((_, accepted)) = found else {
        return (StatusCode::NOT_FOUND, axum::Json(json!({"message": "Not Found"}))).into_response();
    };
    let state = if *accepted { "active" } else { "pending" };
    axum::Json(json!({"state": state, "role": "member", "organization": {"login": org}})).into_response()
}

/// The person the request's token belongs to, if it may see this.
#[expect(clippy::result_large_err, reason = "a response of a test")]
fn granted(known: &Mutex<Known>, headers: &HeaderMap, scope: Option<&str>) -> Result<Grant, Response> {
    let refuse = |status: StatusCode, message: &str| (status, axum::Json(json!({"message": message}))).into_response();
    if !headers.contains_key(USER_AGENT) {
        return Err(refuse(StatusCode::FORBIDDEN, "Please make sure your request has a User-Agent header"));
    }
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let grant = token.and_then(|token| lock(known).tokens.get(token).cloned());
    let grant = grant.ok_or_else(|| refuse(StatusCode::UNAUTHORIZED, "Bad credentials"))?;
    match scope {
        Some(scope) if !grant.scopes.iter().any(|own| own == scope) => {
            Err(refuse(StatusCode::FORBIDDEN, &format!("You need at least {scope} scope")))
        }
        _ => Ok(grant),
    }
}

fn has(known: &Mutex<Known>, trouble: Trouble) -> bool {
    lock(known).troubles.contains(&trouble)
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().expect("no test panics while it holds this")
}

fn parse(query: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

//! The real app on a temporary folder, with a fake upstream behind it.
//!
//! ```no_run
//! # use masker_tests::TestApp;
//! # use masker_tests::fake_upstream::Reply;
//! # async fn test() {
//! let mut app = TestApp::start().await;
//! app.plant("E-12345");
//! app.upstream.script(Reply::text("Hello."));
//! let answer = app.say("I am E-12345.").await;
//! assert_eq!(answer.content(), "Hello.");
//! app.finish().await;
//! # }
//! ```
//!
//! What a test plants is what must not leave. At the end (`finish`, or at the latest when it is dropped) the app checks
//! that no planted value stands in a request that reached the upstream, in a file of the data folder or in a log line,
//! and that the journal verifies: every service test is a leak test.

mod answer;
mod browser;
mod builder;
mod invariants;
mod logs;
mod server;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Request, StatusCode};
use masker::app::App;
use masker::audit::event::{Event, EventKind};
use masker::session::SessionRow;
use masker::store::sessions::SessionFilter;
use masker_fake_upstream::FakeUpstream;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

pub use answer::{Answer, Said, say_all};
pub use browser::Browser;
pub use builder::{Builder, STAFF_POLICY};
pub use server::{LiveAnswer, Server};

/// How many sessions are read.
const PAGE: usize = 100;
/// How long is waited for what happens in the background: long enough for a busy machine, short enough for a person.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a request may take, the compilation of an agent's plugins included.
const LONGEST: Duration = Duration::from_secs(90);

/// The app, its upstream, one agent and what was planted. Build one with [`TestApp::start`] or [`TestApp::builder`].
pub struct TestApp {
    /// Records what arrived and answers what it is told to.
    pub upstream: FakeUpstream,
    /// The agent that requests go to unless they name another.
    pub agent: Agent,
    running: Option<Running>,
    folder: TempDir,
    builder: Builder,
    planted: Vec<String>,
    checked: bool,
}

/// What ends when the app is stopped.
struct Running {
    app: Arc<App>,
    router: axum::Router,
    token: String,
}

/// An agent, as the API made it.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its id.
    pub id: String,
    /// What the API said of it.
    pub body: Value,
}

impl Agent {
    /// Where its chat completions go, relative to the server.
    pub fn path(&self) -> String {
        format!("/proxy/{}/v1/chat/completions", self.id)
    }
}

impl TestApp {
    /// An app whose one agent masks `E-` and five digits, and nothing else: for tests of what surrounds detection.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// An app with the plugins and the policy that ship.
    pub async fn healthcare() -> Self {
        Self::builder().healthcare().start().await
    }

    /// An app to be described.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Says that this value must not be found anywhere but at the caller. Returns it, for use in a request.
    pub fn plant<'v>(&mut self, value: &'v str) -> &'v str {
        self.planted.push(value.to_owned());
        value
    }

    /// The app itself, for what no API shows yet.
    pub fn app(&self) -> &Arc<App> {
        &self.running().app
    }

    /// The data folder.
    pub fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// The journal's file.
    pub fn journal_path(&self) -> PathBuf {
        self.app().config.journal.clone()
    }

    /// Sends one user message to the agent.
    pub async fn say(&self, text: &str) -> Answer {
        self.chat(json!({"messages": [{"role": "user", "content": text}]})).await
    }

    /// Sends a chat completion request to the agent.
    pub async fn chat(&self, body: Value) -> Answer {
        self.post(&self.agent.path(), &[], body.to_string()).await
    }

    /// The same, as one turn of a phone call.
    pub async fn chat_in_call(&self, call: &str, body: Value) -> Answer {
        self.post(&self.agent.path(), &[("masker-session-id", call)], body.to_string()).await
    }

    /// Sends any bytes to the agent.
    pub async fn send(&self, body: impl Into<Body>) -> Answer {
        self.post(&self.agent.path(), &[], body).await
    }

    /// Posts JSON text, or what is in its place, through the router.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.request(request.body(body.into()).expect("a path and headers that fit")).await
    }

    /// Sends a request through the router and reads the whole answer.
    pub async fn request(&self, request: Request<Body>) -> Answer {
        let answer = async {
            let response = self.running().router.clone().oneshot(request).await.expect("the router always answers");
            let (head, body) = response.into_parts();
            let body = body.collect().await.expect("an answer's body does not break").to_bytes();
            Answer::new(head.status, head.headers, body)
        };
        // A failing test must not hang.
        let answer = tokio::time::timeout(LONGEST, answer).await;
        answer.unwrap_or_else(|_| panic!("there is no answer after {LONGEST:?}"))
    }

    /// Calls the API with the admin token; `Null` is no body.
    pub async fn api(&self, method: &str, path: &str, body: &Value) -> Answer {
        let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.running().token));
        self.request(request.body(bytes.into()).expect("a method and a path that fit")).await
    }

    /// What stands behind the app's public URL in an address of it.
    ///
    /// # Panics
    /// When the address is another server's.
    pub fn path_of<'u>(&self, url: &'u str) -> &'u str {
        url.strip_prefix(&self.app().config.public_url).unwrap_or_else(|| panic!("{url} is not this app"))
    }

    /// Makes an agent through the API.
    ///
    /// # Panics
    /// When the API refuses it.
    pub async fn create_agent(&self, body: Value) -> Agent {
        let answer = self.api("POST", "/api/v1/agents", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "the agent was not made: {}", answer.text());
        let body = answer.json()["agent"].clone();
        Agent { id: body["id"].as_str().expect("an agent has an id").to_owned(), body }
    }

    /// The body that reached the upstream last, as JSON.
    ///
    /// # Panics
    /// When none did.
    pub fn forwarded(&self) -> Value {
        self.upstream.requests().last().expect("a request reached the upstream").json()
    }

    /// The last user message that reached the upstream.
    pub fn forwarded_text(&self) -> String {
        let body = self.forwarded();
        let last = body["messages"].as_array().and_then(|messages| messages.last()).expect("messages were forwarded");
        last["content"].as_str().expect("the last message is text").to_owned()
    }

    /// The agents' sessions, newest first, once every session that is over is written.
    ///
    /// # Panics
    /// When that does not happen: a failing test must not hang.
    pub async fn sessions(&self) -> Vec<SessionRow> {
        self.wait_until("every session to be written", async || {
            let over = self.events().iter().filter(|event| event.kind == EventKind::SessionCompleted).count();
            let rows = self.session_rows().await;
            (rows.len() >= over.min(PAGE)).then_some(rows)
        })
        .await
    }

    /// The agents' sessions, newest first, once at least `count` are over and written: a caller who hung up does not know
    /// when its request is.
    ///
    /// # Panics
    /// When that does not happen.
    pub async fn sessions_over(&self, count: usize) -> Vec<SessionRow> {
        self.wait_until("sessions to be over", async || {
            let rows = self.session_rows().await;
            (rows.len() >= count).then_some(rows)
        })
        .await
    }

    async fn session_rows(&self) -> Vec<SessionRow> {
        let store = self.app().store();
        store.sessions_flushed().await.expect("sessions are written");
        let filter = SessionFilter {
            account: store.first_account(),
            agent: None,
            call_id: None,
            since: None,
            status: None,
            min_redactions: None,
            cursor: None,
            limit: PAGE,
        };
        store.sessions_page(filter).await.expect("sessions can be read").rows
    }

    /// Asks again and again, letting others work in between, until there is something.
    ///
    /// # Panics
    /// When there never is.
    pub async fn wait_until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
            tokio::task::yield_now().await;
        }
    }

    /// Every event of the journal so far.
    pub fn events(&self) -> Vec<Event> {
        let entries = self.app().pipeline.journal.entries(0).expect("the journal can be read");
        entries.map(|entry| entry.expect("a sound line").event).collect()
    }

    /// The sum of a counter over all its labels, as Prometheus sees it.
    pub fn metric(&self, name: &str) -> f64 {
        let text = String::from_utf8(self.app().pipeline.metrics.render()).expect("metrics are text");
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    }

    /// Everything logged so far by any test of this process.
    pub fn logs(&self) -> String {
        logs::so_far()
    }

    /// Serves the app on a real port.
    pub async fn serve(&self) -> Server {
        Server::start(self.app().clone()).await
    }

    /// Stops the app and starts it again on the same data folder. Servers made by [`TestApp::serve`] must be gone.
    pub async fn restart(&mut self) {
        self.restart_after(|_| ()).await;
    }

    /// The same, with another value of a setting from then on.
    pub async fn restart_with(&mut self, name: &str, value: &str) {
        self.builder.set(name, value);
        self.restart().await;
    }

    /// The same, with something done to the data folder in between.
    pub async fn restart_after(&mut self, meanwhile: impl FnOnce(&Path)) {
        self.sessions().await;
        self.running = None;
        meanwhile(self.folder.path());
        self.running = Some(self.builder.run(self.folder.path(), &self.upstream).await);
    }

    /// Checks the invariants once everything is written.
    pub async fn finish(mut self) {
        self.sessions().await;
        self.check_invariants();
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the app runs, except within a restart")
    }

    fn check_invariants(&mut self) {
        self.checked = true;
        invariants::check(self);
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !self.checked && !std::thread::panicking() && self.running.is_some() {
            self.check_invariants();
        }
    }
}

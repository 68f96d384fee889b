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
//! Planted values must not leak. At the end (`finish`, or at the latest on drop) the app checks that no planted value
//! is in a request that reached the upstream, in a file of the data folder or in a log line, and that the journal
//! verifies: every service test is a leak test.

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

/// Page size for reading sessions.
const PAGE: usize = 100;
/// Timeout for background work: long enough for a busy machine, short enough for a developer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Timeout for a request, including the compilation of an agent's plugins.
const LONGEST: Duration = Duration::from_secs(90);

/// The app, its upstream, one agent and the planted values. Build one with [`TestApp::start`] or [`TestApp::builder`].
pub struct TestApp {
    /// Records requests and returns scripted responses.
    pub upstream: FakeUpstream,
    /// The default agent for requests.
    pub agent: Agent,
    running: Option<Running>,
    folder: TempDir,
    builder: Builder,
    planted: Vec<String>,
    checked: bool,
}

/// Everything that is dropped when the app stops.
struct Running {
    app: Arc<App>,
    router: axum::Router,
    token: String,
}

/// An agent, as created by the API.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its id.
    pub id: String,
    /// The API's response.
    pub body: Value,
}

impl Agent {
    /// The path of its chat completions.
    pub fn path(&self) -> String {
        format!("/proxy/{}/v1/chat/completions", self.id)
    }
}

impl TestApp {
    /// An app whose one agent masks only `E-` and five digits: for tests that do not concern detection.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// An app with the shipped plugins and policy.
    pub async fn healthcare() -> Self {
        Self::builder().healthcare().start().await
    }

    /// A builder for an app.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Plants a value that must not be found anywhere but at the caller. Returns it, for use in a request.
    pub fn plant<'v>(&mut self, value: &'v str) -> &'v str {
        self.planted.push(value.to_owned());
        value
    }

    /// The app itself, for state that no API exposes yet.
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

    /// Sends arbitrary bytes to the agent.
    pub async fn send(&self, body: impl Into<Body>) -> Answer {
        self.post(&self.agent.path(), &[], body).await
    }

    /// Posts JSON text or another body through the router.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.request(request.body(body.into()).expect("a path and headers that fit")).await
    }

    /// Sends a request through the router and reads the whole response.
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

    /// Calls the API with the admin token; `Null` sends no body.
    pub async fn api(&self, method: &str, path: &str, body: &Value) -> Answer {
        let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.running().token));
        self.request(request.body(bytes.into()).expect("a method and a path that fit")).await
    }

    /// The part of one of the app's URLs after its public URL.
    ///
    /// # Panics
    /// If the URL belongs to another server.
    pub fn path_of<'u>(&self, url: &'u str) -> &'u str {
        url.strip_prefix(&self.app().config.public_url).unwrap_or_else(|| panic!("{url} is not this app"))
    }

    /// Creates an agent through the API.
    ///
    /// # Panics
    /// If the API refuses it.
    pub async fn create_agent(&self, body: Value) -> Agent {
        let answer = self.api("POST", "/api/v1/agents", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "the agent was not made: {}", answer.text());
        let body = answer.json()["agent"].clone();
        Agent { id: body["id"].as_str().expect("an agent has an id").to_owned(), body }
    }

    /// The body of the last request that reached the upstream, as JSON.
    ///
    /// # Panics
    /// If there is none.
    pub fn forwarded(&self) -> Value {
        self.upstream.requests().last().expect("a request reached the upstream").json()
    }

    /// The last user message that reached the upstream.
    pub fn forwarded_text(&self) -> String {
        let body = self.forwarded();
        let last = body["messages"].as_array().and_then(|messages| messages.last()).expect("messages were forwarded");
        last["content"].as_str().expect("the last message is text").to_owned()
    }

    /// The agents' sessions, newest first, once every completed session is written.
    ///
    /// # Panics
    /// On timeout: a failing test must not hang.
    pub async fn sessions(&self) -> Vec<SessionRow> {
        self.wait_until("every session to be written", async || {
            let over = self.events().iter().filter(|event| event.kind == EventKind::SessionCompleted).count();
            let rows = self.session_rows().await;
            (rows.len() >= over.min(PAGE)).then_some(rows)
        })
        .await
    }

    /// The agents' sessions, newest first, once at least `count` are completed and written: a caller who disconnects
    /// does not know when its request ends.
    ///
    /// # Panics
    /// On timeout.
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

    /// Polls, yielding in between, until there is a result.
    ///
    /// # Panics
    /// On timeout.
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

    /// The sum of a counter over all its labels, as exported to Prometheus.
    pub fn metric(&self, name: &str) -> f64 {
        let text = String::from_utf8(self.app().pipeline.metrics.render()).expect("metrics are text");
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    }

    /// All log lines so far of all tests of this process.
    pub fn logs(&self) -> String {
        logs::so_far()
    }

    /// Serves the app on a real port.
    pub async fn serve(&self) -> Server {
        Server::start(self.app().clone()).await
    }

    /// Stops the app and starts it again on the same data folder. Servers from [`TestApp::serve`] must be dropped
    /// first.
    pub async fn restart(&mut self) {
        self.restart_after(|_| ()).await;
    }

    /// The same, with a setting changed from then on.
    pub async fn restart_with(&mut self, name: &str, value: &str) {
        self.builder.set(name, value);
        self.restart().await;
    }

    /// The same, with a change to the data folder in between.
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

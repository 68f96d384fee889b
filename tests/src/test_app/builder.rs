//! Configures an app before it starts.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use masker::app::App;
use masker::clock::Clock;
use masker::config::{Config, Environment};
use masker::http::router::router;
use masker::store::api_tokens::NewApiToken;
use masker_fake_upstream::FakeUpstream;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::{Running, TestApp, logs};
use crate::components;
use crate::fake_github::FakeGitHub;

/// Masks the findings of the guest `staff-id`: `E-` and five digits.
pub const STAFF_POLICY: &str = "
name: staff
version: 1
kid: K_HEALTHCARE
tokenization: vault-deterministic
passes: [staff-id]
entities: {STAFF_ID: {}}
";

/// Apps start one at a time, so that the first compiles a plugin and the others read it from the cache.
static STARTING: Mutex<()> = Mutex::const_new(());

/// An app to be started.
pub struct Builder {
    environment: Vec<(String, String)>,
    plugins: Vec<Vec<u8>>,
    agent: Map<String, Value>,
    clock: Clock,
    configure: fn(&mut Config),
}

impl Default for Builder {
    fn default() -> Self {
        let mut agent = Map::new();
        agent.insert("name".into(), json!("test"));
        agent.insert("upstream".into(), json!("openai:gpt-4o-mini"));
        agent.insert("policy_yaml".into(), json!(STAFF_POLICY));
        Self {
            environment: Vec::new(),
            plugins: vec![components::guest("staff-id")],
            agent,
            clock: Clock::system(),
            configure: |_| (),
        }
    }
}

impl Builder {
    /// Uses the shipped plugins and policy.
    pub fn healthcare(mut self) -> Self {
        self.agent.remove("policy_yaml");
        self.plugin("regex").plugin("ner")
    }

    /// Adds a shipped plugin.
    pub fn plugin(mut self, name: &str) -> Self {
        self.plugins.push(components::plugin(name));
        self
    }

    /// Adds a test guest.
    pub fn guest(mut self, name: &str) -> Self {
        self.plugins.push(components::guest(name));
        self
    }

    /// The agent's policy.
    pub fn policy(self, yaml: &str) -> Self {
        self.agent("policy_yaml", yaml)
    }

    /// Adds lines to the policy that masks staff ids.
    pub fn staff_policy_with(self, lines: &str) -> Self {
        self.policy(&format!("{STAFF_POLICY}{lines}\n"))
    }

    /// Sets another field of the agent.
    pub fn agent(mut self, field: &str, value: &str) -> Self {
        self.agent.insert(field.into(), json!(value));
        self
    }

    /// Sets an environment variable. An empty value removes it.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// The same, for an app that is restarted.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(own, _)| own != name);
        self.environment.push((name.into(), value.into()));
    }

    /// Signs people in with this GitHub.
    pub fn github(self, github: &FakeGitHub) -> Self {
        github.environment().iter().fold(self, |builder, (name, value)| builder.env(name, value))
    }

    /// Sets the app's clock, for tests that move it.
    pub fn clock(mut self, clock: &Clock) -> Self {
        self.clock = clock.clone();
        self
    }

    /// Changes settings that have no variable.
    pub fn configure(mut self, configure: fn(&mut Config)) -> Self {
        self.configure = configure;
        self
    }

    /// Starts the app and creates its agent.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(self) -> TestApp {
        logs::start();
        let upstream = FakeUpstream::start().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let running = self.run(folder.path(), &upstream).await;
        let agent = super::Agent { id: String::new(), body: Value::Null };
        let mut app = TestApp {
            upstream,
            agent,
            running: Some(running),
            folder,
            builder: self,
            planted: Vec::new(),
            checked: false,
        };
        let starting = STARTING.lock().await;
        app.agent = app.create_agent(Value::Object(app.builder.agent.clone())).await;
        drop(starting);
        app
    }

    /// Starts the app on a folder, which may belong to a stopped app.
    pub(super) async fn run(&self, folder: &Path, upstream: &FakeUpstream) -> Running {
        let _starting = STARTING.lock().await;
        link_cache(folder);
        let text = folder.to_str().expect("a UTF-8 path");
        // The same on every start, since the key of the cache of compiled plugins is derived from it.
        let secret = STANDARD.encode([7; 32]);
        let mut variables = vec![
            ("MASKER_DEV".to_owned(), "1".to_owned()),
            ("MASKER_DATA_DIR".to_owned(), text.to_owned()),
            ("MASKER_SESSION_SECRET".to_owned(), secret),
            ("MASKER_OPENAI_BASE_URL".to_owned(), upstream.base_url()),
            ("MASKER_OPENAI_API_KEY".to_owned(), "sk-of-the-tests".to_owned()),
            // A debug build on a busy machine.
            ("MASKER_DETECTION_TIMEOUT_MS".to_owned(), "10000".to_owned()),
        ];
        variables.retain(|(name, _)| !self.environment.iter().any(|(own, _)| own == name));
        variables.extend(self.environment.iter().cloned());
        let mut config = Config::load(&Environment::from_pairs(variables)).expect("the test's settings are sound");
        (self.configure)(&mut config);
        let starting = App::start(config, self.clock.clone(), self.plugins.clone());
        let started = tokio::time::timeout(super::LONGEST, starting).await.expect("the app comes up in time");
        let app = started.expect("the app comes up");
        let store = app.store();
        let token = NewApiToken {
            account_id: store.first_account(),
            name: "tests".into(),
            scopes: vec!["admin".into()],
            expires_at: None,
            created_by: None,
            made_with: None,
        };
        let (_, token) = store.create_api_token(token).await.expect("an API token can be made");
        Running { router: router(app.clone()), app, token: token.expose().clone() }
    }
}

/// All apps of all tests share one folder of compiled plugins: compilation takes seconds.
fn link_cache(folder: &Path) {
    let cache = components::target_dir().join("test-cache");
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&cache);
    made.expect("the target folder can be written to");
    let cache = cache.canonicalize().expect("a folder that was just made");
    let link = folder.join("cache");
    if !link.exists() {
        symlink(cache, link).expect("the data folder can be written to");
    }
}

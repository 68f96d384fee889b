//! Every setting of the service, read in one place: [`Environment`] is what was typed, [`Config`] is checked and ready.
//!
//! Any variable may also come from a file named by `<NAME>_FILE`. All mistakes are reported together, each with the
//! variable's name and never with its value: it may be a secret.

mod callback_allow;
mod connections;
mod environment;
mod files;
mod network;
mod rate;
mod sign_in;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hyper::header::HeaderName;

use crate::keys::signature::{Trust, TrustedKeys};
use crate::keys::{KeyPair, KeyRing, Kid, SecretKey};
use crate::sensitive::SensitiveText;

pub use callback_allow::CallbackAllow;
pub use connections::ConnectionLimits;
use environment::Keys;
pub use environment::{Environment, Problem, Problems, VARIABLES, is_secret};
pub use rate::Rate;
pub use sign_in::{AllowList, GithubApp, SignIn};

/// The kid that policies use unless they name another.
pub const DEFAULT_KID: &str = "K_HEALTHCARE";

/// The endpoint below a base URL.
const COMPLETIONS: &str = "/chat/completions";

/// Where chat completions are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Provider {
    /// Any server that speaks OpenAI's API.
    Openai,
    /// Built in: echoes what it received.
    Stub,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For a person.
    Pretty,
}

/// The service's settings. Secrets in it do not print.
#[derive(Clone, Debug)]
pub struct Config {
    /// Keys may be generated, and a broken policy file is no reason not to start.
    pub development: bool,
    /// Where to listen.
    pub listen_addr: SocketAddr,
    /// How clients reach us, without a slash at the end.
    pub public_url: String,
    /// Everything we keep stands below it unless a path says otherwise.
    pub data_dir: PathBuf,
    /// Agents, sessions, tokens.
    pub database: PathBuf,
    /// The vault's own file.
    pub vault: PathBuf,
    /// The journal.
    pub journal: PathBuf,
    /// A policy file or a folder of them.
    pub policy_path: Option<PathBuf>,
    /// Components to load at start, in place of embedded ones of the same name.
    pub plugin_dir: Option<PathBuf>,
    /// Whose components are taken, from the folder and over the API.
    pub plugin_trust: Trust,
    /// Where chat completions go.
    pub provider: Provider,
    /// Authenticates upstream.
    pub openai_api_key: Option<SensitiveText>,
    /// The whole URL, with its query.
    pub openai_completions_url: String,
    /// Until the upstream's first byte, and between two of a stream's.
    pub upstream_timeout: Duration,
    /// For all passes of a request together.
    pub detection_timeout: Duration,
    /// Threads for passes.
    pub pass_threads: usize,
    /// For decisions about texts seen before.
    pub memo_bytes: usize,
    /// Of an uploaded plugin, in bytes.
    pub max_plugin_bytes: usize,
    /// How long requests in flight may go on once the service is told to stop.
    pub shutdown_grace: Duration,
    /// What Vapi signs its requests with.
    pub vapi_webhook_secret: Option<SensitiveText>,
    /// The header it puts the signature into.
    pub vapi_signature_header: HeaderName,
    /// Of a proxied request, in bytes.
    pub max_body_bytes: usize,
    /// Of connections, and of all bodies together.
    pub connections: ConnectionLimits,
    /// Hosts of the operator's own network that may be asked for an assistant.
    pub callback_allow: CallbackAllow,
    /// How people sign in.
    pub sign_in: SignIn,
    /// Of an account's calls of the proxy and the webhook.
    pub proxy_rate: Option<Rate>,
    /// Of an account's calls of the API.
    pub api_rate: Option<Rate>,
    /// How long rows of sessions are kept, in days.
    pub session_retention_days: u32,
    /// How long sealed texts of sessions are kept, where a policy asks for them, in days; 0 keeps none.
    pub payload_retention_days: u32,
    /// Where Prometheus reads, when it does.
    pub metrics_addr: Option<SocketAddr>,
    /// A file of the journal that is longer is followed by a new one.
    pub audit_rotate_bytes: u64,
    /// How long files of the journal are kept, in days; 0 keeps them for good.
    pub audit_retention_days: u32,
    /// A `tracing` filter.
    pub log_level: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Token keys.
    pub keys: KeyRing,
    /// Chains the journal.
    pub audit_key: SecretKey,
    /// Seeds the key that signs reports; of the audit key unless it is given.
    pub report_key: SecretKey,
    /// The one before, whose reports still verify.
    pub report_key_old: Option<SecretKey>,
    /// Derives whatever else needs a secret of this install.
    pub session_secret: SecretKey,
    /// Kids whose values the operator gives up where they do not open. No variable: it is said at one start.
    pub accept_loss: Vec<Kid>,
    /// How often the credential of a long answer is checked without a notice: a token may expire, and another process may
    /// revoke one. No variable: only tests change it.
    pub recheck_credentials: Duration,
}

impl Config {
    /// Checks an environment. In development mode keys that are missing are made below the data folder.
    ///
    /// # Errors
    /// Everything that is wrong or missing, at once.
    pub fn load(environment: &Environment) -> Result<Self, Problems> {
        Self::load_with(environment, Keys::Make)
    }

    /// The same for a command that works on an install: nothing is made, and an install must be there.
    ///
    /// # Errors
    /// Everything that is wrong or missing, at once.
    pub fn load_existing(environment: &Environment) -> Result<Self, Problems> {
        Self::load_with(environment, Keys::OfService)
    }

    /// `MASKER_DATA_DIR`, for a command that asks the service of an install and needs none of its other settings.
    pub fn data_dir(environment: &Environment) -> PathBuf {
        data_dir(&mut environment.reader())
    }

    fn load_with(environment: &Environment, keys: Keys) -> Result<Self, Problems> {
        let mut read = environment.reader_with(keys);
        let development = environment.is_empty() || read.flag("MASKER_DEV", false);
        let listen_addr = read
            .parsed("MASKER_LISTEN_ADDR", "an address such as 127.0.0.1:8080")
            .unwrap_or(([127, 0, 0, 1], 8080).into());
        let data_dir = data_dir(&mut read);
        let path = |text: Option<String>, name: &str| text.map_or_else(|| data_dir.join(name), PathBuf::from);
        let database = match read.text("MASKER_DATABASE_URL") {
            None => data_dir.join("masker.db"),
            Some(url) => match url.strip_prefix("sqlite://") {
                Some(path) if !path.is_empty() => PathBuf::from(path),
                _ => {
                    read.problem("MASKER_DATABASE_URL", "must have the form sqlite:///path/to/file");
                    PathBuf::new()
                }
            },
        };
        if keys == Keys::OfService && !database.is_file() {
            let variable = if read.is_set("MASKER_DATABASE_URL") { "MASKER_DATABASE_URL" } else { "MASKER_DATA_DIR" };
            let what = "there is no install, and only `masker serve` makes one; name the folder of the service";
            read.problem(variable, format!("{}: {what}", data_dir.display()));
            // Its keys would be in the folder.
            if development {
                return Err(read.failed());
            }
        }
        let provider = match read.text("MASKER_UPSTREAM_PROVIDER").as_deref() {
            // Trying Masker needs no account; setting a key or a URL says that there is one.
            None if development && !read.is_set("MASKER_OPENAI_API_KEY") && !read.is_set("MASKER_OPENAI_BASE_URL") => {
                Provider::Stub
            }
            None | Some("openai") => Provider::Openai,
            Some("stub") => Provider::Stub,
            Some(_) => {
                read.problem("MASKER_UPSTREAM_PROVIDER", "must be openai or stub");
                Provider::Stub
            }
        };
        let log_format = match read.text("MASKER_LOG_FORMAT").as_deref() {
            None if development => LogFormat::Pretty,
            None | Some("json") => LogFormat::Json,
            Some("pretty") => LogFormat::Pretty,
            Some(_) => {
                read.problem("MASKER_LOG_FORMAT", "must be json or pretty");
                LogFormat::Json
            }
        };
        let keys_dir = development.then(|| data_dir.join("keys"));
        let keys = token_keys(&mut read, keys_dir.as_deref());
        let audit_key = read.secret_key("MASKER_AUDIT_HMAC_KEY", keys_dir.as_deref());
        let report_key = read.secret_key_if("MASKER_REPORT_SIGNING_KEY");
        let report_key = report_key.unwrap_or_else(|| audit_key.derive("masker report signing v1"));
        let report_key_old = read.secret_key_if("MASKER_REPORT_SIGNING_KEY_OLD");
        let session_secret = read.secret_key("MASKER_SESSION_SECRET", keys_dir.as_deref());
        let vault = path(read.text("MASKER_VAULT_PATH"), "vault.db");
        let journal = path(read.text("MASKER_AUDIT_LOG_PATH"), "audit.jsonl");
        let millis = |value: u64| Duration::from_millis(value);
        let max_plugin_bytes = read.number("MASKER_MAX_PLUGIN_BYTES", 64 << 20, 1024..=1 << 30) as usize;
        let max_body_bytes = read.number("MASKER_MAX_BODY_BYTES", 8 << 20, 1024..=1 << 30) as usize;
        let config = Self {
            development,
            listen_addr,
            public_url: read
                .url("MASKER_PUBLIC_URL")
                .unwrap_or_else(|| format!("http://{listen_addr}"))
                .trim_end_matches('/')
                .to_owned(),
            database,
            vault,
            journal,
            policy_path: read.text("MASKER_POLICY_PATH").map(PathBuf::from),
            plugin_dir: read.text("MASKER_PLUGIN_DIR").map(PathBuf::from),
            plugin_trust: plugin_trust(&mut read),
            provider,
            openai_api_key: read.text("MASKER_OPENAI_API_KEY").map(SensitiveText::from),
            openai_completions_url: completions_url(read.url_with_query("MASKER_OPENAI_BASE_URL")),
            upstream_timeout: millis(read.number("MASKER_UPSTREAM_TIMEOUT_MS", 30_000, 1..=3_600_000)),
            detection_timeout: millis(read.number("MASKER_DETECTION_TIMEOUT_MS", 200, 1..=60_000)),
            pass_threads: std::thread::available_parallelism().map_or(1, usize::from),
            max_plugin_bytes,
            memo_bytes: read.number("MASKER_MEMO_BYTES", 16 << 20, 1 << 16..=1 << 34) as usize,
            shutdown_grace: millis(read.number("MASKER_SHUTDOWN_GRACE_MS", 25_000, 0..=3_600_000)),
            vapi_webhook_secret: read.text("MASKER_VAPI_WEBHOOK_SECRET").map(SensitiveText::from),
            vapi_signature_header: read
                .parsed("MASKER_VAPI_SIGNATURE_HEADER", "the name of a header")
                .unwrap_or(HeaderName::from_static("x-vapi-signature")),
            max_body_bytes,
            connections: ConnectionLimits::read(&mut read, max_body_bytes.max(max_plugin_bytes)),
            callback_allow: read.parsed("MASKER_CALLBACK_ALLOW", CallbackAllow::FORM).unwrap_or_default(),
            sign_in: SignIn::read(&mut read),
            proxy_rate: read.parsed("MASKER_RATE_LIMIT_PROXY", Rate::FORM),
            api_rate: read.parsed("MASKER_RATE_LIMIT_API", Rate::FORM),
            session_retention_days: read.number("MASKER_SESSION_METADATA_RETENTION_DAYS", 90, 1..=36_500) as u32,
            payload_retention_days: read.number("MASKER_PAYLOAD_RETENTION_DAYS", 0, 0..=36_500) as u32,
            audit_rotate_bytes: read.number("MASKER_AUDIT_ROTATE_BYTES", 256 << 20, 1 << 16..=1 << 40),
            audit_retention_days: audit_retention(&mut read),
            metrics_addr: read.parsed("MASKER_METRICS_ADDR", "an address such as 127.0.0.1:9090"),
            log_level: read.text("MASKER_LOG_LEVEL").unwrap_or_else(|| "info".into()),
            log_format,
            keys,
            audit_key,
            report_key,
            report_key_old,
            session_secret,
            accept_loss: Vec::new(),
            recheck_credentials: Duration::from_secs(4),
            data_dir,
        };
        read.finish(config)
    }

    /// Only the key of the journal, for whoever verifies one: it is not made.
    ///
    /// # Errors
    /// It is missing or cannot be used.
    pub fn load_audit_key(environment: &Environment) -> Result<SecretKey, Problems> {
        let mut read = environment.reader();
        let key = read.secret_key("MASKER_AUDIT_HMAC_KEY", None);
        read.finish(key)
    }

    /// Only the token keys that are set, for commands that need no service: none is made, and none is no problem.
    ///
    /// # Errors
    /// Every key that is set and cannot be used.
    pub fn load_keys(environment: &Environment) -> Result<KeyRing, Problems> {
        let mut read = environment.reader();
        let keys = set_token_keys(&mut read, None);
        read.finish(keys)
    }
}

fn data_dir(read: &mut environment::VariableReader<'_>) -> PathBuf {
    PathBuf::from(read.text("MASKER_DATA_DIR").unwrap_or_else(|| "masker-data".into()))
}

/// `MASKER_KEY_<KID>` and `MASKER_KEY_<KID>_OLD`; the default kid's is made in development mode.
fn token_keys(read: &mut environment::VariableReader<'_>, keys_dir: Option<&std::path::Path>) -> KeyRing {
    let keys = set_token_keys(read, keys_dir);
    if keys.kids().next().is_none() {
        read.problem("MASKER_KEY_K_HEALTHCARE", "is missing: the token key of a kid, base64 of 32 bytes");
    }
    keys
}

fn set_token_keys(read: &mut environment::VariableReader<'_>, keys_dir: Option<&std::path::Path>) -> KeyRing {
    let mut kids: Vec<String> = read
        .names_with_prefix("MASKER_KEY_")
        .filter(|rest| !rest.ends_with("_OLD") && *rest != "ROTATION_GRACE_DAYS")
        .map(str::to_owned)
        .collect();
    if keys_dir.is_some() && !kids.iter().any(|kid| kid == DEFAULT_KID) {
        kids.push(DEFAULT_KID.to_owned());
    }
    let mut pairs = Vec::new();
    for name in kids {
        let variable = format!("MASKER_KEY_{name}");
        let Some(kid) = Kid::new(&name) else {
            read.problem(&variable, "a kid is of the form [A-Z0-9_]+");
            continue;
        };
        let current = read.secret_key(&variable, keys_dir);
        let old_variable = format!("{variable}_OLD");
        let old = read.is_set(&old_variable).then(|| read.secret_key(&old_variable, None));
        pairs.push((kid, KeyPair { current, old }));
    }
    KeyRing::new(pairs)
}

/// A session's events are there as long as the session is listed.
fn audit_retention(read: &mut environment::VariableReader<'_>) -> u32 {
    let sessions = read.number("MASKER_SESSION_METADATA_RETENTION_DAYS", 90, 1..=36_500);
    let days = read.number("MASKER_AUDIT_RETENTION_DAYS", 0, 0..=36_500);
    if (1..sessions).contains(&days) {
        let problem =
            format!("must be 0, for good, or at least the {sessions} days of MASKER_SESSION_METADATA_RETENTION_DAYS");
        read.problem("MASKER_AUDIT_RETENTION_DAYS", &problem);
    }
    days as u32
}

/// Where chat completions go below a base URL: `/v1` is added when it has no path, `/chat/completions` when it does not end
/// in it. A query, such as Azure's `?api-version=`, stays behind the path.
fn completions_url(given: Option<String>) -> String {
    let url = given.unwrap_or_else(|| "https://api.openai.com/v1".into());
    let (url, query) = match url.find('?') {
        Some(at) => url.split_at(at),
        None => (url.as_str(), ""),
    };
    let url = url.trim_end_matches('/');
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let version = if after_scheme.contains('/') { "" } else { "/v1" };
    let endpoint = if url.ends_with(COMPLETIONS) { "" } else { COMPLETIONS };
    format!("{url}{version}{endpoint}{query}")
}

/// Anybody's components, unless signatures are asked for.
fn plugin_trust(read: &mut environment::VariableReader<'_>) -> Trust {
    const KEYS: &str = "MASKER_PLUGIN_TRUSTED_KEYS";
    let is_required = read.flag("MASKER_PLUGIN_REQUIRE_SIGNED", false);
    let text = read.text(KEYS).unwrap_or_default();
    let keys = match TrustedKeys::parse(text.split(',').filter(|key| !key.trim().is_empty())) {
        Ok(keys) => keys,
        Err(error) => {
            read.problem(KEYS, error.to_string());
            return Trust::default();
        }
    };
    match is_required {
        false => Trust::Anyone,
        true => {
            if keys.is_empty() {
                read.problem(
                    KEYS,
                    "must name a key when MASKER_PLUGIN_REQUIRE_SIGNED is 1, or no plugin could be installed",
                );
            }
            Trust::Signed(keys)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode([byte; 32])
    }

    fn production(extra: &[(&str, &str)]) -> Result<Config, Problems> {
        let key = key(1);
        let mut variables: Vec<(&str, &str)> =
            vec![("MASKER_KEY_K_HEALTHCARE", &key), ("MASKER_AUDIT_HMAC_KEY", &key), ("MASKER_SESSION_SECRET", &key)];
        variables.extend(extra);
        Config::load(&Environment::from_pairs(variables))
    }

    #[test]
    fn production_lists_everything_that_is_missing_at_once() {
        let problems =
            Config::load(&Environment::from_pairs([("MASKER_LOG_LEVEL", "info")])).expect_err("refused").to_string();
        for name in ["MASKER_KEY_K_HEALTHCARE", "MASKER_AUDIT_HMAC_KEY", "MASKER_SESSION_SECRET"] {
            assert!(problems.contains(name), "{problems}");
        }
    }

    #[test]
    fn a_bad_value_is_named_and_never_repeated() {
        let problems = production(&[
            ("MASKER_LISTEN_ADDR", "secret-1"),
            ("MASKER_UPSTREAM_TIMEOUT_MS", "secret-2"),
            ("MASKER_KEY_K_B", "secret-3"),
            ("MASKER_OPENAI_BASE_URL", "secret-4"),
            ("MASKER_RATE_LIMIT_API", "secret-5"),
            ("MASKER_GITHUB_ALLOW", "secret!6"),
        ])
        .expect_err("refused")
        .to_string();
        for name in [
            "MASKER_LISTEN_ADDR",
            "MASKER_UPSTREAM_TIMEOUT_MS",
            "MASKER_KEY_K_B",
            "MASKER_OPENAI_BASE_URL",
            "MASKER_RATE_LIMIT_API",
            "MASKER_GITHUB_ALLOW",
        ] {
            assert!(problems.contains(name), "{problems}");
        }
        assert!(!problems.contains("secret"), "{problems}");
    }

    #[test]
    fn completions_are_asked_for_below_any_form_of_base_url() {
        let table = [
            ("http://127.0.0.1:9", "http://127.0.0.1:9/v1/chat/completions"),
            ("http://127.0.0.1:9/", "http://127.0.0.1:9/v1/chat/completions"),
            ("https://x.example/v1", "https://x.example/v1/chat/completions"),
            ("https://x.example/openai/v2//", "https://x.example/openai/v2/chat/completions"),
            ("https://x.example/v1/chat/completions", "https://x.example/v1/chat/completions"),
            ("https://x.example/v1/chat/completions/", "https://x.example/v1/chat/completions"),
            ("https://x.example/chat/completions", "https://x.example/chat/completions"),
            ("https://x.example/d/gpt?api-version=1", "https://x.example/d/gpt/chat/completions?api-version=1"),
            ("https://x.example/d/gpt/?a=1&b=/", "https://x.example/d/gpt/chat/completions?a=1&b=/"),
            ("https://x.example/d/chat/completions?a=1", "https://x.example/d/chat/completions?a=1"),
            ("https://x.example?a=1", "https://x.example/v1/chat/completions?a=1"),
        ];
        for (given, wanted) in table {
            let config = production(&[("MASKER_OPENAI_BASE_URL", given)]).expect("loads");
            assert_eq!(config.openai_completions_url, wanted, "{given}");
        }
        let default = production(&[]).expect("loads").openai_completions_url;
        assert_eq!(default, "https://api.openai.com/v1/chat/completions");
        for given in
            ["x.example/v1", "ftp://x.example", "https://", "https://x.example/v1#part", "https://x.example/a b"]
        {
            assert!(production(&[("MASKER_OPENAI_BASE_URL", given)]).is_err(), "{given}");
        }
    }

    #[test]
    fn development_keys_are_made_once_and_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_str().expect("UTF-8");
        let load =
            || Config::load(&Environment::from_pairs([("MASKER_DEV", "1"), ("MASKER_DATA_DIR", path)])).expect("loads");
        let first = load();
        assert_eq!(first.audit_key.expose(), load().audit_key.expose());
        assert_ne!(first.audit_key.expose(), first.session_secret.expose());
        let mode =
            std::fs::metadata(folder.path().join("keys/MASKER_AUDIT_HMAC_KEY")).expect("made").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn token_keys_can_be_read_without_the_services_other_settings() {
        let keys = |pairs: &[(&str, &str)]| Config::load_keys(&Environment::from_pairs(pairs.iter().copied()));
        let kid = Kid::new("K_B").expect("a kid");
        assert!(keys(&[("MASKER_PLUGIN_DIR", "x")]).expect("loads").get(&kid).is_none());
        let key = key(3);
        let ring = keys(&[("MASKER_KEY_K_B", &key)]).expect("loads");
        assert_eq!(ring.get(&kid).expect("known").current.expose(), &[3; 32]);
        let problems = keys(&[("MASKER_KEY_K_B", "secret-1")]).expect_err("refused").to_string();
        assert!(problems.contains("MASKER_KEY_K_B") && !problems.contains("secret-1"), "{problems}");
    }

    #[test]
    fn a_secret_may_come_from_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key");
        std::fs::write(&file, format!("{}\n", key(9))).expect("written");
        let path = file.to_str().expect("UTF-8");
        let config = production(&[("MASKER_KEY_K_B_FILE", path)]).expect("loads");
        let kid = Kid::new("K_B").expect("a kid");
        assert_eq!(config.keys.get(&kid).expect("known").current.expose(), &[9; 32]);
    }
}

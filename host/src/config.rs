//! All settings of the service: [`Environment`] holds the raw variables, [`Config`] the validated values.
//!
//! Any variable may also come from a file named by `<NAME>_FILE`. All errors are reported together, each with the
//! variable's name but never with its value, which may be a secret.

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

/// Default key ID of policies.
pub const DEFAULT_KID: &str = "K_HEALTHCARE";

/// Path of the endpoint below a base URL.
const COMPLETIONS: &str = "/chat/completions";

/// Upstream for chat completions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Provider {
    /// Any server with an OpenAI-compatible API.
    Openai,
    /// Built-in stub that echoes its input.
    Stub,
}

/// Format of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Human-readable text.
    Pretty,
}

/// The service's settings. Secrets are redacted in its debug output.
#[derive(Clone, Debug)]
pub struct Config {
    /// Development mode: missing keys are generated, and an invalid policy file does not prevent the start.
    pub development: bool,
    /// Address to listen on.
    pub listen_addr: SocketAddr,
    /// URL under which clients reach the service, without a trailing slash.
    pub public_url: String,
    /// Folder for all data, unless another path is set.
    pub data_dir: PathBuf,
    /// Database of agents, sessions and API tokens.
    pub database: PathBuf,
    /// The vault's database file.
    pub vault: PathBuf,
    /// The journal's file.
    pub journal: PathBuf,
    /// A policy file or a folder of policy files.
    pub policy_path: Option<PathBuf>,
    /// Folder of components to load at start. They replace embedded ones of the same name.
    pub plugin_dir: Option<PathBuf>,
    /// Which signers are trusted for components from the folder and over the API.
    pub plugin_trust: Trust,
    /// Upstream for chat completions.
    pub provider: Provider,
    /// Key that authenticates requests to the upstream.
    pub openai_api_key: Option<SensitiveText>,
    /// Full URL of the chat completions endpoint, including the query.
    pub openai_completions_url: String,
    /// Timeout for the upstream's first byte and between chunks of a stream.
    pub upstream_timeout: Duration,
    /// Timeout for all passes of a request together.
    pub detection_timeout: Duration,
    /// Number of threads that run passes.
    pub pass_threads: usize,
    /// Size of the cache of decisions about texts, in bytes.
    pub memo_bytes: usize,
    /// Maximum size of an uploaded plugin, in bytes.
    pub max_plugin_bytes: usize,
    /// How long requests in flight may take after a stop signal.
    pub shutdown_grace: Duration,
    /// Secret with which Vapi signs its requests.
    pub vapi_webhook_secret: Option<SensitiveText>,
    /// Header that contains Vapi's signature.
    pub vapi_signature_header: HeaderName,
    /// Maximum size of a proxied request body, in bytes.
    pub max_body_bytes: usize,
    /// Limits of connections and of all request bodies together.
    pub connections: ConnectionLimits,
    /// Hosts of the operator's private network that callbacks may connect to.
    pub callback_allow: CallbackAllow,
    /// Sign-in settings.
    pub sign_in: SignIn,
    /// Rate limit per account for the proxy and the webhook.
    pub proxy_rate: Option<Rate>,
    /// Rate limit per account for the API.
    pub api_rate: Option<Rate>,
    /// Retention of session rows, in days.
    pub session_retention_days: u32,
    /// Retention of encrypted session texts, if a policy logs them, in days; 0 stores none.
    pub payload_retention_days: u32,
    /// Address of the Prometheus metrics endpoint.
    pub metrics_addr: Option<SocketAddr>,
    /// Size at which the journal is rotated, in bytes.
    pub audit_rotate_bytes: u64,
    /// Retention of rotated journal files, in days; 0 keeps them forever.
    pub audit_retention_days: u32,
    /// A `tracing` filter.
    pub log_level: String,
    /// Format of log lines.
    pub log_format: LogFormat,
    /// Token keys.
    pub keys: KeyRing,
    /// HMAC key of the journal.
    pub audit_key: SecretKey,
    /// Seed of the key that signs reports; derived from the audit key by default.
    pub report_key: SecretKey,
    /// The previous report key; reports signed with it still verify.
    pub report_key_old: Option<SecretKey>,
    /// Secret from which the install's other secrets are derived.
    pub session_secret: SecretKey,
    /// Kids whose values the operator gives up if they cannot be decrypted. Set by an option of `serve`, not by a
    /// variable.
    pub accept_loss: Vec<Kid>,
    /// How often the credential of a long-running response is rechecked, because tokens expire and another process may
    /// revoke them. There is no variable for it: only tests change it.
    pub recheck_credentials: Duration,
}

impl Config {
    /// Validates an environment. In development mode missing keys are generated below the data folder.
    ///
    /// # Errors
    /// All invalid or missing settings.
    pub fn load(environment: &Environment) -> Result<Self, Problems> {
        Self::load_with(environment, Keys::Make)
    }

    /// Like [`Self::load`], for commands that work on an install: nothing is created, and the install must exist.
    ///
    /// # Errors
    /// All invalid or missing settings.
    pub fn load_existing(environment: &Environment) -> Result<Self, Problems> {
        Self::load_with(environment, Keys::OfService)
    }

    /// `MASKER_DATA_DIR`, for commands that call the service of an install and need no other settings.
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
            let what =
                "there is no install here; set this to the data of the service (`masker serve` creates an install)";
            read.problem(variable, format!("{}: {what}", data_dir.display()));
            // The keys would be in the folder too.
            if development {
                return Err(read.failed());
            }
        }
        let provider = match read.text("MASKER_UPSTREAM_PROVIDER").as_deref() {
            // The stub is the default in development mode, unless a key or a URL of a provider is set.
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
                .parsed("MASKER_VAPI_SIGNATURE_HEADER", "a header name")
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

    /// Loads only the journal's key, to verify a journal. The key is never generated.
    ///
    /// # Errors
    /// The key is missing or invalid.
    pub fn load_audit_key(environment: &Environment) -> Result<SecretKey, Problems> {
        let mut read = environment.reader();
        let key = read.secret_key("MASKER_AUDIT_HMAC_KEY", None);
        read.finish(key)
    }

    /// Loads only the token keys that are set, for commands that need no service. No key is required or generated.
    ///
    /// # Errors
    /// All invalid keys.
    pub fn load_keys(environment: &Environment) -> Result<KeyRing, Problems> {
        let mut read = environment.reader();
        let keys = set_token_keys(&mut read, None);
        read.finish(keys)
    }
}

fn data_dir(read: &mut environment::VariableReader<'_>) -> PathBuf {
    PathBuf::from(read.text("MASKER_DATA_DIR").unwrap_or_else(|| "masker-data".into()))
}

/// Reads `MASKER_KEY_<KID>` and `MASKER_KEY_<KID>_OLD`. In development mode the key of the default kid is generated.
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
            read.problem(&variable, "a kid must have the form [A-Z0-9_]+");
            continue;
        };
        let current = read.secret_key(&variable, keys_dir);
        let old_variable = format!("{variable}_OLD");
        let old = read.is_set(&old_variable).then(|| read.secret_key(&old_variable, None));
        pairs.push((kid, KeyPair { current, old }));
    }
    KeyRing::new(pairs)
}

/// Reads the journal's retention, which must not be shorter than that of session rows: their events must exist.
fn audit_retention(read: &mut environment::VariableReader<'_>) -> u32 {
    let sessions = read.number("MASKER_SESSION_METADATA_RETENTION_DAYS", 90, 1..=36_500);
    let days = read.number("MASKER_AUDIT_RETENTION_DAYS", 0, 0..=36_500);
    if (1..sessions).contains(&days) {
        let problem =
            format!("must be 0 (forever) or at least {sessions}, the value of MASKER_SESSION_METADATA_RETENTION_DAYS");
        read.problem("MASKER_AUDIT_RETENTION_DAYS", &problem);
    }
    days as u32
}

/// The chat completions URL for a base URL: appends `/v1` if the base has no path, and `/chat/completions` if it does
/// not end in it. A query such as Azure's `?api-version=` stays at the end.
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

/// Reads which signers are trusted: anyone, unless signatures are required.
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
                read.problem(KEYS, "must name at least one key when MASKER_PLUGIN_REQUIRE_SIGNED is 1");
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

//! Environment variables as they are set, and a reader that parses them and collects the errors.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::files;
use crate::keys::SecretKey;

/// Every variable of this release, except `MASKER_KEY_<KID>` and `MASKER_KEY_<KID>_OLD`.
pub const VARIABLES: &[&str] = &[
    "MASKER_AUDIT_HMAC_KEY",
    "MASKER_AUDIT_LOG_PATH",
    "MASKER_AUDIT_RETENTION_DAYS",
    "MASKER_AUDIT_ROTATE_BYTES",
    "MASKER_BODY_TIMEOUT_MS",
    "MASKER_CALLBACK_ALLOW",
    "MASKER_CONFIG",
    "MASKER_DATABASE_URL",
    "MASKER_DATA_DIR",
    "MASKER_DETECTION_TIMEOUT_MS",
    "MASKER_DEV",
    "MASKER_GITHUB_ALLOW",
    "MASKER_GITHUB_API_URL",
    "MASKER_GITHUB_CLIENT_ID",
    "MASKER_GITHUB_CLIENT_SECRET",
    "MASKER_GITHUB_TIMEOUT_MS",
    "MASKER_GITHUB_URL",
    "MASKER_HEADER_TIMEOUT_MS",
    "MASKER_IDLE_TIMEOUT_MS",
    "MASKER_LISTEN_ADDR",
    "MASKER_LOG_FORMAT",
    "MASKER_LOG_LEVEL",
    "MASKER_MAX_BODY_BYTES",
    "MASKER_MAX_BUFFERED_BYTES",
    "MASKER_MAX_CONNECTIONS",
    "MASKER_MAX_PLUGIN_BYTES",
    "MASKER_MEMO_BYTES",
    "MASKER_METRICS_ADDR",
    "MASKER_OPENAI_API_KEY",
    "MASKER_OPENAI_BASE_URL",
    "MASKER_PAYLOAD_RETENTION_DAYS",
    "MASKER_PLUGIN_DIR",
    "MASKER_PLUGIN_REQUIRE_SIGNED",
    "MASKER_PLUGIN_TRUSTED_KEYS",
    "MASKER_POLICY_PATH",
    "MASKER_PROXY_KEY",
    "MASKER_PUBLIC_URL",
    "MASKER_RATE_LIMIT_API",
    "MASKER_RATE_LIMIT_PROXY",
    "MASKER_REPORT_SIGNING_KEY",
    "MASKER_REPORT_SIGNING_KEY_OLD",
    "MASKER_SERVER",
    "MASKER_SESSION",
    "MASKER_SESSION_METADATA_RETENTION_DAYS",
    "MASKER_SESSION_SECRET",
    "MASKER_SHUTDOWN_GRACE_MS",
    "MASKER_UPSTREAM_PROVIDER",
    "MASKER_UPSTREAM_TIMEOUT_MS",
    "MASKER_VAPI_SIGNATURE_HEADER",
    "MASKER_VAPI_WEBHOOK_SECRET",
    "MASKER_VAULT_PATH",
];

/// Whether the value of this variable is secret. A variable that names a file is not.
pub fn is_secret(name: &str) -> bool {
    const SECRETS: [&str; 7] = [
        "MASKER_AUDIT_HMAC_KEY",
        "MASKER_GITHUB_CLIENT_SECRET",
        "MASKER_OPENAI_API_KEY",
        "MASKER_REPORT_SIGNING_KEY",
        "MASKER_REPORT_SIGNING_KEY_OLD",
        "MASKER_SESSION_SECRET",
        "MASKER_VAPI_WEBHOOK_SECRET",
    ];
    let of_kid =
        name.starts_with("MASKER_KEY_") && name != "MASKER_KEY_ROTATION_GRACE_DAYS" && !name.ends_with("_FILE");
    SECRETS.contains(&name) || of_kid
}

/// The `MASKER_*` variables of a process.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process. A value that is not valid Unicode counts as not set.
    pub fn of_process() -> Self {
        Self::from_pairs(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// Creates an environment from pairs, for tests and for settings that the program sets itself.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(pairs.filter(|(name, value)| name.starts_with("MASKER_") && !value.is_empty()).collect())
    }

    /// Merges two environments. A variable of `others` is used only if this one sets neither it nor its `_FILE` form.
    pub fn over(mut self, others: Self) -> Self {
        let twin = |name: &str| match name.strip_suffix("_FILE") {
            Some(plain) => plain.to_owned(),
            None => format!("{name}_FILE"),
        };
        for (name, value) in others.0 {
            if !self.0.contains_key(&twin(&name)) {
                self.0.entry(name).or_insert(value);
            }
        }
        self
    }

    /// `MASKER_PLUGIN_DIR`, for commands that need no other settings.
    pub fn plugin_dir(&self) -> Option<std::path::PathBuf> {
        self.0.get("MASKER_PLUGIN_DIR").map(Into::into)
    }

    #[cfg(test)]
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether no variable is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Unknown variables, each with the most similar known one.
    pub fn unknown(&self) -> Vec<(&str, &'static str)> {
        let known = |name: &str| {
            let plain = name.strip_suffix("_FILE").unwrap_or(name);
            VARIABLES.contains(&plain) || name.starts_with("MASKER_KEY_")
        };
        self.0
            .keys()
            .filter(|name| !known(name))
            .map(|name| {
                let nearest = VARIABLES.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name));
                (name.as_str(), *nearest.unwrap_or(&"MASKER_DEV"))
            })
            .collect()
    }

    pub(super) fn reader(&self) -> VariableReader<'_> {
        self.reader_with(Keys::Set)
    }

    pub(super) fn reader_with(&self, keys: Keys) -> VariableReader<'_> {
        VariableReader { environment: self, problems: Vec::new(), keys }
    }
}

/// One invalid or missing setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub variable: String,
    /// The error.
    pub message: String,
}

/// All invalid and missing settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    problems: Vec<Problem>,
    /// Advice on missing keys.
    advice: &'static str,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid settings:")?;
        for problem in &self.problems {
            write!(f, "\n  {}: {}", problem.variable, problem.message)?;
        }
        match self.problems.iter().any(|problem| problem.message.contains("is missing")) {
            true => f.write_str(self.advice),
            false => Ok(()),
        }
    }
}

impl std::error::Error for Problems {}

/// How to handle keys that are not set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// Generate them in development mode.
    Make,
    /// Expect them in the settings or the key files of a service.
    OfService,
    /// Use only keys that are set.
    Set,
}

impl Keys {
    fn advice(self) -> &'static str {
        match self {
            Self::Make => {
                "\n  (generate a key with: openssl rand -base64 32; to try Masker without keys, set MASKER_DEV=1)"
            }
            Self::OfService => {
                "\n  (use the settings of this install's service: the same variables or the same settings file)"
            }
            Self::Set => "",
        }
    }
}

/// Reads variables and collects errors.
pub(super) struct VariableReader<'e> {
    environment: &'e Environment,
    problems: Vec<Problem>,
    keys: Keys,
}

impl VariableReader<'_> {
    pub fn finish<T>(self, value: T) -> Result<T, Problems> {
        if self.problems.is_empty() { Ok(value) } else { Err(self.failed()) }
    }

    pub fn failed(self) -> Problems {
        Problems { problems: self.problems, advice: self.keys.advice() }
    }

    pub fn problem(&mut self, variable: &str, message: impl Into<String>) {
        self.problems.push(Problem { variable: variable.into(), message: message.into() });
    }

    pub fn is_set(&self, name: &str) -> bool {
        self.environment.0.contains_key(name) || self.environment.0.contains_key(&format!("{name}_FILE"))
    }

    /// The variable's value, or the trimmed content of the file that `<NAME>_FILE` names.
    pub fn text(&mut self, name: &str) -> Option<String> {
        if let Some(value) = self.environment.0.get(name) {
            return Some(value.clone());
        }
        let file_variable = format!("{name}_FILE");
        let path = self.environment.0.get(&file_variable)?;
        match std::fs::read_to_string(path) {
            Ok(content) => Some(content.trim().to_owned()),
            Err(error) => {
                let why = match error.kind() {
                    ErrorKind::NotFound => "file not found".to_owned(),
                    kind => format!("cannot read the file: {kind}"),
                };
                self.problem(&file_variable, why);
                None
            }
        }
    }

    /// The unique rest of every name that begins with `prefix`, without `_FILE`.
    pub fn names_with_prefix(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let names = self.environment.0.keys().filter_map(move |name| name.strip_prefix(prefix));
        let unique: std::collections::BTreeSet<&str> =
            names.map(|name| name.strip_suffix("_FILE").unwrap_or(name)).collect();
        unique.into_iter()
    }

    pub fn parsed<T: FromStr>(&mut self, name: &str, form: &str) -> Option<T> {
        let text = self.text(name)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.problem(name, format!("must be {form}"));
        }
        parsed
    }

    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.text(name).as_deref() {
            None => default,
            Some("1" | "true") => true,
            Some("0" | "false") => false,
            Some(_) => {
                self.problem(name, "must be 1 or 0");
                default
            }
        }
    }

    pub fn number(&mut self, name: &str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let form = format!("an integer from {} to {}", range.start(), range.end());
        let Some(number) = self.parsed::<u64>(name, &form) else { return default };
        if !range.contains(&number) {
            self.problem(name, format!("must be {form}"));
        }
        number
    }

    pub fn url(&mut self, name: &str) -> Option<String> {
        let url = self.text(name)?;
        if !is_url(&url) || url.contains('?') {
            self.problem(name, "must be an http or https URL without a query");
        }
        Some(url)
    }

    pub fn url_with_query(&mut self, name: &str) -> Option<String> {
        let url = self.text(name)?;
        if !is_url(&url) {
            self.problem(name, "must be an http or https URL");
        }
        Some(url)
    }

    /// Like [`Self::secret_key`], for an optional key.
    pub fn secret_key_if(&mut self, name: &str) -> Option<SecretKey> {
        self.is_set(name).then(|| self.secret_key(name, None))
    }

    /// Reads a base64 key of 32 bytes. If it is not set and a folder is given, the key is read from or generated in it.
    pub fn secret_key(&mut self, name: &str, generate_in: Option<&Path>) -> SecretKey {
        let missing = SecretKey::new([0; 32]);
        let text = match (self.text(name), generate_in) {
            (Some(text), _) => text,
            (None, Some(folder)) => {
                let (key, verb) = match self.keys {
                    Keys::Make => (files::read_or_make_key(folder, name), "generate"),
                    Keys::OfService | Keys::Set => (files::read_key(folder, name), "read"),
                };
                match key {
                    Ok(text) => text,
                    Err(error) => {
                        let place = folder.display();
                        self.problem(name, format!("cannot {verb} a key in {place}, below MASKER_DATA_DIR: {error}"));
                        return missing;
                    }
                }
            }
            (None, None) => {
                if !self.is_set(name) {
                    self.problem(name, "is missing: base64 of 32 random bytes");
                }
                return missing;
            }
        };
        match STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
            Some(bytes) => SecretKey::new(bytes),
            None => {
                self.problem(name, "must be base64 of exactly 32 bytes");
                missing
            }
        }
    }
}

fn is_url(text: &str) -> bool {
    let uri = text.parse::<hyper::Uri>();
    let is_of_web = uri.is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    is_of_web && !text.contains('#')
}

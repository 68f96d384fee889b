//! Settings of the programs. Lookup order: the command line, the environment, the settings file.
//!
//! The file is the first of `--config`, `MASKER_CONFIG`, `./masker.toml` and `~/.config/masker/config.toml`. It
//! contains the server to call and, under `[service]`, the settings of the service in lower case: `listen_addr` is
//! `MASKER_LISTEN_ADDR`. The service validates those with a [`Check`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Spanned, Value};

use masker_core::sensitive::SensitiveText;

use crate::exit::{self, Failure};

/// Content of the settings file.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct File {
    server: Option<String>,
    session: Option<String>,
    /// Default of `--policy`.
    pub policy: Option<String>,
    #[serde(default)]
    service: BTreeMap<Spanned<String>, Value>,
}

/// Checks that the service has a setting with this key, which corresponds to this variable, and that it is allowed in a
/// file. The error says why not.
pub type Check = fn(key: &str, variable: &str) -> Result<(), String>;

const KEYS: [&str; 4] = ["server", "session", "policy", "service"];

/// Server address and credential.
pub struct Settings {
    /// Server address, without a trailing slash.
    pub server: String,
    /// API token, or the value of a browser's `masker_session` cookie.
    pub session: SensitiveText,
}

impl Settings {
    /// Resolves the settings from the command-line option, the environment and the file, in this order.
    ///
    /// # Errors
    /// No server or no credential is set.
    pub fn of(file: File, server: Option<&str>) -> Result<Self, Failure> {
        let (server, session) = (file.server(server)?, file.session());
        let Some(session) = session else {
            let how = "no credential: set MASKER_SESSION, or `session` in masker.toml, to an API token (`masker token create`)";
            return Err(Failure::new(exit::AUTH, how));
        };
        Ok(Self { server, session })
    }
}

impl File {
    /// The server's address, without a trailing slash, from the command-line option, the environment or the file.
    ///
    /// # Errors
    /// The address is not set or invalid.
    pub fn server(&self, option: Option<&str>) -> Result<String, Failure> {
        let server = option.map(str::to_owned).or_else(|| variable("MASKER_SERVER")).or_else(|| self.server.clone());
        let Some(server) = server else {
            let how = "no server: set --server https://masker.example, MASKER_SERVER, or `server` in masker.toml";
            return Err(Failure::new(exit::UNREACHABLE, how));
        };
        if !(server.starts_with("http://") || server.starts_with("https://")) {
            return Err(Failure::new(exit::USAGE, "the server must be a URL such as http://127.0.0.1:8080"));
        }
        Ok(server.trim_end_matches('/').to_owned())
    }

    /// The credential from the environment or the file.
    pub fn session(&self) -> Option<SensitiveText> {
        variable("MASKER_SESSION").or_else(|| self.session.clone()).map(SensitiveText::from)
    }

    /// Finds and reads the settings file, if there is one. A program without the service accepts any service setting.
    ///
    /// # Errors
    /// The file cannot be read or is invalid.
    pub fn find(named: Option<&Path>, check: Check) -> Result<Self, Failure> {
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config/masker/config.toml"));
        let here = || [Some(PathBuf::from("masker.toml")), home].into_iter().flatten().find(|path| path.is_file());
        let path = named.map(Path::to_owned).or_else(|| variable("MASKER_CONFIG").map(PathBuf::from)).or_else(here);
        let Some(path) = path else { return Ok(Self::default()) };
        let text = fs::read_to_string(&path)
            .map_err(|error| Failure::new(exit::GENERIC, format!("{}: {error}", path.display())))?;
        Self::read(&text, check).map_err(|mistake| Failure::new(exit::USAGE, format!("{}, {mistake}", path.display())))
    }

    /// Parses the text of a settings file.
    ///
    /// # Errors
    /// The error with its line.
    pub fn read(text: &str, check: Check) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|error| explain(text, &error))?;
        for (key, value) in &file.service {
            let (at, key) = (key.span().start, key.get_ref());
            let checked = check(key, &variable_of(key)).and_then(|()| plain(value).ok_or_else(|| not_plain(key)));
            checked.map_err(|what| format!("line {}: {what}", line(text, at)))?;
        }
        Ok(file)
    }

    /// The settings of the service as variables.
    pub fn service(&self) -> impl Iterator<Item = (String, String)> {
        self.service.iter().filter_map(|(key, value)| Some((variable_of(key.get_ref()), plain(value)?)))
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn variable_of(key: &str) -> String {
    format!("MASKER_{}", key.to_uppercase())
}

/// Converts a value to the form of a variable; lists are comma-separated.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(u8::from(*flag).to_string()),
        Value::Array(values) => values.iter().map(plain).collect::<Option<Vec<_>>>().map(|parts| parts.join(",")),
        _ => None,
    }
}

fn not_plain(key: &str) -> String {
    format!("{key} must be a string, an integer, a boolean or a list of strings")
}

fn line(text: &str, at: usize) -> usize {
    text[..text.floor_char_boundary(at.min(text.len()))].matches('\n').count() + 1
}

/// Describes a parse error with its line, without the value, which may be a credential.
fn explain(text: &str, error: &toml::de::Error) -> String {
    let line = line(text, error.span().map_or(0, |span| span.start));
    let key = text.lines().nth(line - 1).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim());
    let what = match key.filter(|key| !KEYS.contains(key)) {
        Some(key) => {
            let nearest = KEYS.iter().min_by_key(|known| strsim::damerau_levenshtein(known, key)).unwrap_or(&KEYS[0]);
            format!("unknown setting {key}, did you mean {nearest}?")
        }
        None => "invalid TOML, or the value is not a string".to_owned(),
    };
    format!("line {line}: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_named_by_line_and_key_and_never_by_value() {
        for (text, expected) in [
            ("server = \"x\"\nsesion = \"mskt_secret\"\n", "line 2: unknown setting sesion, did you mean session?"),
            ("server = 7\n", "line 1: invalid TOML, or the value is not a string"),
            ("server", "line 1: invalid TOML"),
            ("[service]\n\nlisten_addr = 1.5\n", "line 3: listen_addr must be a string"),
            ("[service]\nrefused = \"secret\"\n", "line 2: not MASKER_REFUSED"),
        ] {
            let check = |key: &str, name: &str| if key == "refused" { Err(format!("not {name}")) } else { Ok(()) };
            let said = File::read(text, check).err().expect("a mistake");
            assert!(said.contains(expected) && !said.contains("secret"), "{said}");
        }
    }
}

//! Where the programs look for their settings: the command line, then the environment, then a file.
//!
//! The file is the first of `--config`, `MASKER_CONFIG`, `./masker.toml` and `~/.config/masker/config.toml`. It holds how to
//! reach a server and, under `[service]`, the settings of the service in lower case: `listen_addr` is
//! `MASKER_LISTEN_ADDR`. Which of those there are is known to the service: it says so with a [`Check`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Spanned, Value};

use masker_core::sensitive::SensitiveText;

use crate::exit::{self, Failure};

/// What the file may hold.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct File {
    server: Option<String>,
    session: Option<String>,
    /// Stands for `--policy`.
    pub policy: Option<String>,
    #[serde(default)]
    service: BTreeMap<Spanned<String>, Value>,
}

/// Whether the service has a setting of this key, as the variable of this name, and may have it from a file. What is wrong
/// otherwise.
pub type Check = fn(key: &str, variable: &str) -> Result<(), String>;

const KEYS: [&str; 4] = ["server", "session", "policy", "service"];

/// How to reach a server.
pub struct Settings {
    /// Its address, without a slash at the end.
    pub server: String,
    /// An API token, or the value of a browser's `masker_session`.
    pub session: SensitiveText,
}

impl Settings {
    /// From the option of the command line, the environment and the file, in this order.
    ///
    /// # Errors
    /// There is no server; there is no credential for it.
    pub fn of(file: File, server: Option<&str>) -> Result<Self, Failure> {
        let (server, session) = (file.server(server)?, file.session());
        let Some(session) = session else {
            let how = "no credential: put an API token (`masker token create`) into MASKER_SESSION, or into `session` of masker.toml";
            return Err(Failure::new(exit::AUTH, how));
        };
        Ok(Self { server, session })
    }
}

impl File {
    /// The server's address, without a slash at the end: of the option of the command line, the environment or the file.
    ///
    /// # Errors
    /// None of them names one, or it is no address.
    pub fn server(&self, option: Option<&str>) -> Result<String, Failure> {
        let server = option.map(str::to_owned).or_else(|| variable("MASKER_SERVER")).or_else(|| self.server.clone());
        let Some(server) = server else {
            let how = "no server is named: --server https://masker.example, MASKER_SERVER, or `server` in masker.toml";
            return Err(Failure::new(exit::UNREACHABLE, how));
        };
        if !(server.starts_with("http://") || server.starts_with("https://")) {
            return Err(Failure::new(exit::USAGE, "the server must be an address such as http://127.0.0.1:8080"));
        }
        Ok(server.trim_end_matches('/').to_owned())
    }

    /// The credential, of the environment or of the file.
    pub fn session(&self) -> Option<SensitiveText> {
        variable("MASKER_SESSION").or_else(|| self.session.clone()).map(SensitiveText::from)
    }

    /// Reads the file, where there is one. A program without the service takes any setting of it.
    ///
    /// # Errors
    /// It cannot be read, or holds what it must not.
    pub fn find(named: Option<&Path>, check: Check) -> Result<Self, Failure> {
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config/masker/config.toml"));
        let here = || [Some(PathBuf::from("masker.toml")), home].into_iter().flatten().find(|path| path.is_file());
        let path = named.map(Path::to_owned).or_else(|| variable("MASKER_CONFIG").map(PathBuf::from)).or_else(here);
        let Some(path) = path else { return Ok(Self::default()) };
        let text = fs::read_to_string(&path)
            .map_err(|error| Failure::new(exit::GENERIC, format!("{}: {error}", path.display())))?;
        Self::read(&text, check).map_err(|mistake| Failure::new(exit::USAGE, format!("{}, {mistake}", path.display())))
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong with it, and on which line.
    pub fn read(text: &str, check: Check) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|error| explain(text, &error))?;
        for (key, value) in &file.service {
            let (at, key) = (key.span().start, key.get_ref());
            let checked = check(key, &variable_of(key)).and_then(|()| plain(value).ok_or_else(|| not_plain(key)));
            checked.map_err(|what| format!("line {}: {what}", line(text, at)))?;
        }
        Ok(file)
    }

    /// The settings of the service, as variables.
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

/// A value as a variable would have it; lists have commas.
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
    format!("{key} must be a text, a whole number, true or false, or a list of texts")
}

fn line(text: &str, at: usize) -> usize {
    text[..text.floor_char_boundary(at.min(text.len()))].matches('\n').count() + 1
}

/// What is wrong and on which line, without the value: it may be a credential.
fn explain(text: &str, error: &toml::de::Error) -> String {
    let line = line(text, error.span().map_or(0, |span| span.start));
    let key = text.lines().nth(line - 1).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim());
    let what = match key.filter(|key| !KEYS.contains(key)) {
        Some(key) => {
            let nearest = KEYS.iter().min_by_key(|known| strsim::damerau_levenshtein(known, key)).unwrap_or(&KEYS[0]);
            format!("there is no setting {key}; the nearest is {nearest}")
        }
        None => "this is not TOML, or the value is no text".to_owned(),
    };
    format!("line {line}: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_named_by_line_and_key_and_never_by_value() {
        for (text, expected) in [
            (
                "server = \"x\"\nsesion = \"mskt_secret\"\n",
                "line 2: there is no setting sesion; the nearest is session",
            ),
            ("server = 7\n", "line 1: this is not TOML, or the value is no text"),
            ("server", "line 1: this is not TOML"),
            ("[service]\n\nlisten_addr = 1.5\n", "line 3: listen_addr must be a text"),
            ("[service]\nrefused = \"secret\"\n", "line 2: not MASKER_REFUSED"),
        ] {
            let check = |key: &str, name: &str| if key == "refused" { Err(format!("not {name}")) } else { Ok(()) };
            let said = File::read(text, check).err().expect("a mistake");
            assert!(said.contains(expected) && !said.contains("secret"), "{said}");
        }
    }
}

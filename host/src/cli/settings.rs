//! Where the commands look for their settings: the command line, then the environment, then a file.
//!
//! The file is the first of `--config`, `MASKER_CONFIG`, `./masker.toml` and `~/.config/masker/config.toml`. It holds what
//! commands need to find a server; the service itself is set up by its environment.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::exit::{self, Failure};
use crate::sensitive::SensitiveText;

/// What the file may hold.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct File {
    server: Option<String>,
    session: Option<String>,
}

const KEYS: [&str; 2] = ["server", "session"];

/// How to reach a server.
pub struct Settings {
    /// Its address, without a slash at the end.
    pub server: String,
    /// An API token, or the value of a browser's `masker_session`.
    pub session: SensitiveText,
}

impl Settings {
    /// From the options of the command line, the environment and the file, in this order.
    ///
    /// # Errors
    /// The file cannot be used; there is no server; there is no credential for it.
    pub fn load(config: Option<&Path>, server: Option<&str>) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let file = read(config, variable("MASKER_CONFIG").map(PathBuf::from))?;
        let server = server.map(str::to_owned).or_else(|| variable("MASKER_SERVER")).or(file.server);
        let Some(server) = server else {
            let how = "no server is named: --server https://masker.example, MASKER_SERVER, or `server` in masker.toml";
            return Err(Failure::new(exit::UNREACHABLE, how));
        };
        if !(server.starts_with("http://") || server.starts_with("https://")) {
            return Err(Failure::new(exit::USAGE, "the server must be an address such as http://127.0.0.1:8080"));
        }
        let session = variable("MASKER_SESSION").or(file.session);
        let Some(session) = session else {
            let how = "no credential: put an API token (`masker token create`) into MASKER_SESSION, or into `session` of masker.toml";
            return Err(Failure::new(exit::AUTH, how));
        };
        Ok(Self { server: server.trim_end_matches('/').to_owned(), session: session.into() })
    }
}

fn read(named: Option<&Path>, variable: Option<PathBuf>) -> Result<File, Failure> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config/masker/config.toml"));
    let path = match (named, variable) {
        (Some(path), _) => Some(path.to_owned()),
        (None, Some(path)) => Some(path),
        (None, None) => [Some(PathBuf::from("masker.toml")), home].into_iter().flatten().find(|path| path.is_file()),
    };
    let Some(path) = path else { return Ok(File::default()) };
    let text = fs::read_to_string(&path)
        .map_err(|error| Failure::new(exit::GENERIC, format!("{}: {error}", path.display())))?;
    toml::from_str(&text).map_err(|error| Failure::new(exit::USAGE, explain(&path, &text, &error)))
}

/// What is wrong and on which line, without the value: it may be a credential.
fn explain(path: &Path, text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text[..text.floor_char_boundary(start)].matches('\n').count() + 1;
    let key = text.lines().nth(line - 1).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim());
    let what = match key.filter(|key| !KEYS.contains(key)) {
        Some(key) => {
            let nearest = KEYS.iter().min_by_key(|known| strsim::damerau_levenshtein(known, key)).unwrap_or(&KEYS[0]);
            format!("there is no setting {key}; the nearest is {nearest}")
        }
        None => "this is not TOML, or the value is no text".to_owned(),
    };
    format!("{}, line {line}: {what}", path.display())
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
        ] {
            let error = toml::from_str::<File>(text).err().expect("a mistake");
            let said = explain(Path::new("masker.toml"), text, &error);
            assert!(said.contains(expected) && !said.contains("secret"), "{said}");
        }
    }
}

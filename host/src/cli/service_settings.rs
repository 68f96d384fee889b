//! The `[service]` section of the settings file. It holds no secrets: a secret is in a separate file, named by a
//! setting such as `audit_hmac_key_file`.

use std::path::Path;

use masker_client::exit::Failure;
use masker_client::settings::File;

use crate::config::{Environment, VARIABLES, is_secret};

/// Reads the settings file, if there is one.
pub fn find(named: Option<&Path>) -> Result<File, Failure> {
    File::find(named, check)
}

/// The settings of the service.
pub fn environment(file: &File) -> Environment {
    Environment::from_pairs(file.service())
}

fn check(key: &str, variable: &str) -> Result<(), String> {
    let plain_name = variable.strip_suffix("_FILE").unwrap_or(variable);
    let of_client = ["MASKER_CONFIG", "MASKER_PROXY_KEY", "MASKER_SERVER", "MASKER_SESSION"].contains(&plain_name);
    if key != key.to_lowercase() || of_client || !(VARIABLES.contains(&plain_name) || is_secret(plain_name)) {
        let known = VARIABLES.iter().min_by_key(|known| strsim::damerau_levenshtein(known, variable)).unwrap_or(&"");
        let nearest = known.trim_start_matches("MASKER_").to_lowercase();
        return Err(format!("[service]: unknown setting {key}, did you mean {nearest}?"));
    }
    if is_secret(variable) {
        return Err(format!("{key} is a secret: put it into a separate file and set {key}_file to its path"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_is_named_by_line_and_key_and_never_by_value() {
        for (text, expected) in [
            (
                "[service]\n\nlisten_adr = \"secret\"\n",
                "line 3: [service]: unknown setting listen_adr, did you mean listen_addr?",
            ),
            (
                "[service]\naudit_hmac_key = \"secret\"\n",
                "line 2: audit_hmac_key is a secret: put it into a separate file",
            ),
            ("[service]\nkey_k_clinic_old = \"secret\"\n", "line 2: key_k_clinic_old is a secret"),
            ("[service]\nsession = \"secret\"\n", "line 2: [service]: unknown setting session"),
        ] {
            let said = File::read(text, check).err().expect("a mistake");
            assert!(said.contains(expected) && !said.contains("\"secret"), "{said}");
        }
    }

    #[test]
    fn settings_of_the_service_are_variables_below_those_of_the_environment() {
        let text = "policy = \"mine\"\n[service]\ndev = true\nmax_body_bytes = 4096\ngithub_allow = [\"ada\", \"org:x\"]\n\
                    audit_hmac_key_file = \"/keys/audit\"\nlisten_addr = \"127.0.0.1:1\"\n";
        let file = File::read(text, check).expect("sound");
        let over = |name, value| Environment::from_pairs([(name, value)]).over(environment(&file));
        let all = Environment::default().over(environment(&file));
        for (name, value) in [
            ("MASKER_DEV", "1"),
            ("MASKER_MAX_BODY_BYTES", "4096"),
            ("MASKER_GITHUB_ALLOW", "ada,org:x"),
            ("MASKER_AUDIT_HMAC_KEY_FILE", "/keys/audit"),
        ] {
            assert_eq!(all.value(name), Some(value));
        }
        assert_eq!(over("MASKER_LISTEN_ADDR", "[::1]:2").value("MASKER_LISTEN_ADDR"), Some("[::1]:2"));
        assert_eq!(over("MASKER_AUDIT_HMAC_KEY", "x").value("MASKER_AUDIT_HMAC_KEY_FILE"), None, "its own form wins");
    }
}

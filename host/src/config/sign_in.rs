//! Sign-in with GitHub: the OAuth app and the list of permitted users.

use std::time::Duration;

use super::environment::VariableReader;
use crate::sensitive::SensitiveText;

/// Sign-in settings.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The OAuth app at GitHub, if configured.
    pub github: Option<GithubApp>,
    /// Who may sign in. Without a list only the owner, who is the first user to sign in.
    pub allow: Option<AllowList>,
}

/// An OAuth app at GitHub, or at a GitHub Enterprise Server.
#[derive(Clone, Debug)]
pub struct GithubApp {
    /// Client ID.
    pub client_id: String,
    /// Client secret.
    pub client_secret: SensitiveText,
    /// Base URL for signing in, without a trailing slash.
    pub url: String,
    /// Base URL of the API, without a trailing slash.
    pub api_url: String,
    /// Timeout for all requests of one sign-in.
    pub timeout: Duration,
}

/// Parsed value of `MASKER_GITHUB_ALLOW`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AllowList {
    /// `*`: everyone.
    pub everyone: bool,
    /// Logins in lower case, because GitHub logins are case-insensitive.
    pub logins: Vec<String>,
    /// Organisations whose members may sign in.
    pub orgs: Vec<String>,
}

impl SignIn {
    pub(super) fn read(read: &mut VariableReader<'_>) -> Self {
        let url = read.url("MASKER_GITHUB_URL").map(without_slash);
        let api_url = read.url("MASKER_GITHUB_API_URL").map(without_slash);
        let timeout = Duration::from_millis(read.number("MASKER_GITHUB_TIMEOUT_MS", 10_000, 1..=60_000));
        let id = read.text("MASKER_GITHUB_CLIENT_ID");
        let secret = read.text("MASKER_GITHUB_CLIENT_SECRET").map(SensitiveText::from);
        let github = match (id, secret) {
            (Some(client_id), Some(client_secret)) => Some(GithubApp {
                client_id,
                client_secret,
                api_url: api_url.unwrap_or_else(|| match &url {
                    // The default path of an Enterprise Server.
                    Some(url) => format!("{url}/api/v3"),
                    None => "https://api.github.com".to_owned(),
                }),
                url: url.unwrap_or_else(|| "https://github.com".to_owned()),
                timeout,
            }),
            (None, None) => None,
            (Some(_), None) => missing(read, "MASKER_GITHUB_CLIENT_SECRET", "MASKER_GITHUB_CLIENT_ID"),
            (None, Some(_)) => missing(read, "MASKER_GITHUB_CLIENT_ID", "MASKER_GITHUB_CLIENT_SECRET"),
        };
        let allow = read.text("MASKER_GITHUB_ALLOW").and_then(|text| {
            let allow = AllowList::parse(&text);
            if allow.is_none() {
                read.problem("MASKER_GITHUB_ALLOW", "must be a comma-separated list of logins and org:NAME, or *");
            }
            allow
        });
        Self { github, allow }
    }
}

impl AllowList {
    /// Parses a list separated by commas or spaces.
    fn parse(text: &str) -> Option<Self> {
        let mut list = Self::default();
        for part in text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty()) {
            match part.strip_prefix("org:") {
                _ if part == "*" => list.everyone = true,
                Some(org) if is_name(org) => list.orgs.push(org.to_owned()),
                None if is_name(part) => list.logins.push(part.to_lowercase()),
                _ => return None,
            }
        }
        (list != Self::default()).then_some(list)
    }

    /// Whether members of this organisation may sign in.
    pub fn has_org(&self, org: &str) -> bool {
        self.orgs.iter().any(|own| own.eq_ignore_ascii_case(org))
    }

    /// Whether the list contains this login or `*`.
    pub fn names(&self, login: &str) -> bool {
        self.everyone || self.logins.contains(&login.to_lowercase())
    }
}

/// Whether this can be the login of a user or an organisation. Logins of managed users contain an underscore.
fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn without_slash(url: String) -> String {
    url.trim_end_matches('/').to_owned()
}

fn missing<T>(read: &mut VariableReader<'_>, name: &str, other: &str) -> Option<T> {
    // If it is set but cannot be read, that error is already reported.
    if !read.is_set(name) {
        read.problem(name, format!("is missing: {other} is set, and sign-in with GitHub requires both"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::Environment;
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<SignIn, String> {
        let environment = Environment::from_pairs(pairs.iter().copied());
        let mut read = environment.reader();
        let sign_in = SignIn::read(&mut read);
        read.finish(sign_in).map_err(|problems| problems.to_string())
    }

    #[test]
    fn an_allow_list_has_logins_organisations_or_everyone() {
        let list = AllowList::parse("Ada, bob_corp,org:Lakeside-Clinic\r\n\torg:x").expect("a list");
        assert_eq!(list.logins, ["ada", "bob_corp"]);
        assert_eq!(list.orgs, ["Lakeside-Clinic", "x"]);
        assert!(list.has_org("lakeside-clinic") && !list.has_org("ada"));
        assert!(list.names("ADA") && list.names("ada") && !list.names("eve") && !list.names("Lakeside-Clinic"));
        assert!(AllowList::parse("*").expect("a list").names("anyone"));
        for wrong in [",", "org:", "org:a/b", "a b!", "team:x", "org:*", "@ada"] {
            assert_eq!(AllowList::parse(wrong), None, "{wrong}");
        }
        assert!(read(&[("MASKER_GITHUB_ALLOW", "@ada")]).expect_err("refused").contains("MASKER_GITHUB_ALLOW"));
    }

    #[test]
    fn an_enterprise_servers_api_is_below_it_unless_said_otherwise() {
        let app = [("MASKER_GITHUB_CLIENT_ID", "id"), ("MASKER_GITHUB_CLIENT_SECRET", "s")];
        let urls = |more: &[(&str, &str)]| {
            let github = read(&[&app[..], more].concat()).expect("sound").github.expect("an app");
            (github.url, github.api_url)
        };
        let pair = |url: &str, api: &str| (url.to_owned(), api.to_owned());
        assert_eq!(urls(&[]), pair("https://github.com", "https://api.github.com"));
        let enterprise = ("MASKER_GITHUB_URL", "https://git.example/");
        assert_eq!(urls(&[enterprise]), pair("https://git.example", "https://git.example/api/v3"));
        let api = ("MASKER_GITHUB_API_URL", "https://api.git.example/");
        assert_eq!(urls(&[enterprise, api]), pair("https://git.example", "https://api.git.example"));
    }

    #[test]
    fn half_an_app_is_a_mistake_that_repeats_no_secret() {
        let problems = read(&[("MASKER_GITHUB_CLIENT_SECRET", "hush")]).expect_err("refused");
        assert!(problems.contains("MASKER_GITHUB_CLIENT_ID: is missing") && !problems.contains("hush"), "{problems}");
        assert!(
            read(&[("MASKER_GITHUB_CLIENT_ID", "x")]).expect_err("refused").contains("MASKER_GITHUB_CLIENT_SECRET")
        );
        assert!(read(&[]).expect("sound").github.is_none());
    }
}

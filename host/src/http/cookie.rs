//! The two cookies of the service.

use axum::http::header::{COOKIE, HeaderValue};
use axum::http::{HeaderMap, HeaderName};

use crate::app::OAUTH_STATE_SECONDS;
use crate::sensitive::SensitiveText;
use crate::store::sign_ins::LIFE_SECONDS;

/// The sign-in cookie.
pub const SESSION: &str = "masker_session";
/// The cookie of a sign-in in progress with GitHub.
pub const OAUTH_STATE: &str = "masker_oauth_state";

/// The value of a cookie. `None` if several different values were sent: a page on another port or subdomain can set a
/// cookie of the same name, and a request does not tell which one is ours.
pub fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = all(headers, name);
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// All values sent for a cookie. Values that are not UTF-8 read as empty, which never matches a secret.
pub fn all<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|b| *b == b';'));
    pairs.filter_map(move |pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(std::str::from_utf8(value).unwrap_or_default())
    })
}

/// Builds cookies for one install.
pub struct Cookies {
    secure: bool,
}

impl Cookies {
    /// Browsers drop `Secure` cookies over plain HTTP, so the attribute is omitted if the public URL is plain HTTP.
    pub fn of(public_url: &str) -> Self {
        Self { secure: !public_url.starts_with("http://") }
    }

    /// Signs the browser in for thirty days.
    pub fn session(&self, secret: &SensitiveText) -> HeaderValue {
        self.cookie(SESSION, secret.expose(), LIFE_SECONDS)
    }

    /// Removes the sign-in cookie.
    pub fn no_session(&self) -> HeaderValue {
        self.cookie(SESSION, "", 0)
    }

    /// Stores the state of a sign-in until GitHub redirects back.
    pub fn oauth_state(&self, sealed: &SensitiveText) -> HeaderValue {
        self.cookie(OAUTH_STATE, sealed.expose(), OAUTH_STATE_SECONDS)
    }

    /// Removes the state of a sign-in.
    pub fn no_oauth_state(&self) -> HeaderValue {
        self.cookie(OAUTH_STATE, "", 0)
    }

    /// Valid for every path: a reverse proxy may have added a prefix to ours.
    fn cookie(&self, name: &str, value: &str, max_age: i64) -> HeaderValue {
        let secure = if self.secure { " Secure;" } else { "" };
        let text = format!("{name}={value}; HttpOnly;{secure} SameSite=Lax; Path=/; Max-Age={max_age}");
        let mut header = HeaderValue::try_from(text).expect("our values are base64url");
        header.set_sensitive(true);
        header
    }
}

/// The header name for the values of [`Cookies`].
pub const SET_COOKIE: HeaderName = axum::http::header::SET_COOKIE;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_over_several_headers() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; masker_session_2=x;masker_session=abc=="));
        headers.append(COOKIE, HeaderValue::from_static("masker_oauth_state=s"));
        assert_eq!(read(&headers, SESSION), Some("abc=="));
        assert_eq!(read(&headers, OAUTH_STATE), Some("s"));
        assert_eq!(read(&headers, "b"), None);
        assert_eq!(read(&HeaderMap::new(), SESSION), None);
    }

    #[test]
    fn of_two_values_neither_counts() {
        let sent = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(COOKIE, HeaderValue::from_bytes(value).expect("a header's value"));
            }
            (read(&headers, SESSION).map(str::to_owned), all(&headers, SESSION).count())
        };
        assert_eq!(sent(&[b"masker_session=a; masker_session=a"]), (Some("a".into()), 2));
        assert_eq!(sent(&[b"masker_session=a; masker_session=b"]), (None, 2));
        assert_eq!(sent(&[b"masker_session=a", b"x=1; masker_session=b"]), (None, 2));
        assert_eq!(sent(&[b"masker_session=a; masker_session="]), (None, 2));
        assert_eq!(sent(&[b"masker_session=a; masker_session=\xff"]), (None, 2));
        assert_eq!(sent(&[b"masker_session=a; x=\xff"]), (Some("a".into()), 1));
    }

    #[test]
    fn the_session_cookie_is_written_as_the_contract_has_it() {
        let secret = SensitiveText::from("msks_x");
        assert_eq!(
            Cookies::of("https://m.example").session(&secret),
            "masker_session=msks_x; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=2592000"
        );
        assert_eq!(
            Cookies::of("http://127.0.0.1:8080").session(&secret),
            "masker_session=msks_x; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000"
        );
        assert_eq!(
            Cookies::of("https://m.example").no_session(),
            "masker_session=; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=0"
        );
    }
}

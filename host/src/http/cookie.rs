//! The two cookies that we set.

use axum::http::header::{COOKIE, HeaderValue};
use axum::http::{HeaderMap, HeaderName};

use crate::app::OAUTH_STATE_SECONDS;
use crate::sensitive::SensitiveText;
use crate::store::sign_ins::LIFE_SECONDS;

/// Who is signed in.
pub const SESSION: &str = "masker_session";
/// Who is on the way to GitHub and back.
pub const OAUTH_STATE: &str = "masker_oauth_state";

/// The value of a cookie. `None` when several different values were sent: a page on another port or subdomain can plant a
/// cookie of the same name, and a request does not say which one is ours.
pub fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = all(headers, name);
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// Every value sent for a cookie. One that is not UTF-8 reads as empty, which never matches a secret of ours.
pub fn all<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|b| *b == b';'));
    pairs.filter_map(move |pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(std::str::from_utf8(value).unwrap_or_default())
    })
}

/// Writes cookies for one install.
pub struct Cookies {
    secure: bool,
}

impl Cookies {
    /// Browsers keep a `Secure` cookie off plain HTTP, so it is left out only where people reach us over that.
    pub fn of(public_url: &str) -> Self {
        Self { secure: !public_url.starts_with("http://") }
    }

    /// Signs the browser in, for thirty days from now.
    pub fn session(&self, secret: &SensitiveText) -> HeaderValue {
        self.cookie(SESSION, secret.expose(), LIFE_SECONDS)
    }

    /// Takes that back.
    pub fn no_session(&self) -> HeaderValue {
        self.cookie(SESSION, "", 0)
    }

    /// Remembers a sign-in that GitHub is to send back.
    pub fn oauth_state(&self, sealed: &SensitiveText) -> HeaderValue {
        self.cookie(OAUTH_STATE, sealed.expose(), OAUTH_STATE_SECONDS)
    }

    /// Takes that back.
    pub fn no_oauth_state(&self) -> HeaderValue {
        self.cookie(OAUTH_STATE, "", 0)
    }

    /// For every path: what stands before us may have put one before ours.
    fn cookie(&self, name: &str, value: &str, max_age: i64) -> HeaderValue {
        let secure = if self.secure { " Secure;" } else { "" };
        let text = format!("{name}={value}; HttpOnly;{secure} SameSite=Lax; Path=/; Max-Age={max_age}");
        let mut header = HeaderValue::try_from(text).expect("our values are base64url");
        header.set_sensitive(true);
        header
    }
}

/// The header of [`Cookies`]'s values.
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

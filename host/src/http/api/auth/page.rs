//! Pages with a single form button. They run no script, load no resources and cannot be framed.

use axum::http::HeaderName;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::response::{IntoResponse, Response};

use crate::app::ToConfirm;

const HEADERS: [(HeaderName, &str); 3] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
    // The address is a secret. `no-referrer` would also hide from us that the form was submitted from our own page.
    (REFERRER_POLICY, "same-origin"),
];

/// The page for a one-time link.
pub(super) fn of_link() -> Response {
    (HEADERS, page("Sign in to Masker", include_str!("link.html"))).into_response()
}

/// The page that asks the operator to confirm the link to a GitHub user.
pub(super) fn of_github_user(question: &ToConfirm) -> Response {
    let page = page("Link a GitHub user to Masker's operator", include_str!("github.html"));
    let page = page.replace("{proof}", question.proof.expose());
    (HEADERS, page.replace("{login}", &escaped(&question.login))).into_response()
}

fn page(title: &str, main: &str) -> String {
    include_str!("page.html").replace("{title}", title).replace("{main}", main)
}

/// Escapes the characters that have a meaning in HTML.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_shown_as_text() {
        assert_eq!(escaped("<a href='x'>&\"ö"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;ö");
    }
}

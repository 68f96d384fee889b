//! A simulated browser: keeps cookies, and sends the headers that tell a request's origin.

use std::collections::BTreeMap;

use axum::body::Body;
use hyper::Request;
use serde_json::Value;

use super::{Answer, TestApp};

/// A browser with its own cookies. It sends requests to the app's public URL.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// A browser signed in with a link, as the operator.
    ///
    /// # Panics
    /// If the sign-in fails.
    pub async fn of_operator(app: &TestApp) -> Self {
        let mut browser = Self::default();
        let link = app.app().login_link().await.expect("a link can be made");
        let answer = browser.send(app, "POST", app.path_of(&link), &[]).await;
        assert_eq!(answer.status, 302, "{}", answer.text());
        browser
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Changes a cookie.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Sends a request without a body, with these headers in addition to the cookies.
    pub async fn send(&mut self, app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send_json(app, method, path, headers, &Value::Null).await
    }

    /// Sends JSON; `Null` sends no body.
    pub async fn send_json(
        &mut self,
        app: &TestApp,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "masker.test");
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", pairs.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Value::Null => Body::empty(),
            json => {
                request = request.header("content-type", "application/json");
                Body::from(json.to_string())
            }
        };
        let answer = app.request(request.body(body).expect("a sound request")).await;
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("a cookie is text");
            let (name, rest) = cookie.split_once('=').expect("a cookie has a name");
            let value = rest.split(';').next().unwrap_or_default();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

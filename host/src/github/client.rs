//! JSON over HTTP, with a limit on the response size. The caller sets the timeout.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;

use super::GitHubFault;
use crate::https;
use crate::sensitive::SensitiveText;

/// Maximum size of a response: a profile has a few thousand bytes.
const LONGEST: usize = 1 << 20;

pub struct Client(hyper_util::client::legacy::Client<https::Connector, Full<Bytes>>);

impl Client {
    pub fn new() -> anyhow::Result<Self> {
        // Sign-ins are too rare for pooled connections.
        let mut client = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        Ok(Self(client.pool_max_idle_per_host(0).build(https::connector())))
    }

    pub async fn post_form<T: DeserializeOwned>(&self, url: &str, body: String) -> Result<T, GitHubFault> {
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            // Without it the response is form-encoded.
            .header(ACCEPT, "application/json")
            .body(Full::from(body));
        self.send(request).await
    }

    pub async fn get<T: DeserializeOwned>(&self, url: &str, token: &SensitiveText) -> Result<T, GitHubFault> {
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| GitHubFault::Garbage)?;
        bearer.set_sensitive(true);
        let request = Request::get(url)
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .body(Full::default());
        self.send(request).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: hyper::http::Result<Request<Full<Bytes>>>,
    ) -> Result<T, GitHubFault> {
        let mut request = request.map_err(|_| GitHubFault::Unreachable)?;
        // GitHub rejects requests without a user agent.
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("masker"));
        let response = self.0.request(request).await.map_err(|_| GitHubFault::Unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(GitHubFault::Status(response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), LONGEST).collect().await.map_err(|_| GitHubFault::Garbage)?;
        serde_json::from_slice(&body.to_bytes()).map_err(|_| GitHubFault::Garbage)
    }
}

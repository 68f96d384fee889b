//! The HTTP client of the programs.

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::https;

/// Speaks HTTP and HTTPS.
pub type HttpClient = Client<https::Connector, Full<Bytes>>;

/// A client.
pub fn new() -> HttpClient {
    Client::builder(TokioExecutor::new()).build(https::connector())
}

//! The connector that every client of ours goes through.

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;

/// Connects to servers with and without TLS.
pub type Connector = HttpsConnector<HttpConnector>;

/// With nothing special about it.
pub fn connector() -> Connector {
    over(HttpConnector::new())
}

/// HTTP version 1 over such connections. Trusts the machine's certificate authorities, so that a hospital's own works;
/// Mozilla's where it has none.
pub fn over<R>(mut http: HttpConnector<R>) -> HttpsConnector<HttpConnector<R>> {
    http.enforce_http(false);
    let https = match HttpsConnectorBuilder::new().with_native_roots() {
        Ok(builder) => builder,
        Err(_) => HttpsConnectorBuilder::new().with_webpki_roots(),
    };
    https.https_or_http().enable_http1().wrap_connector(http)
}

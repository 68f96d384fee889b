//! The connector of every HTTP client in Masker.

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;

/// Connects to servers with and without TLS.
pub type Connector = HttpsConnector<HttpConnector>;

/// Creates a connector with the default resolver.
pub fn connector() -> Connector {
    over(HttpConnector::new())
}

/// Creates a connector for HTTP/1. It trusts the machine's certificate authorities, so that an organisation's own CA
/// works, or Mozilla's if the machine has none.
pub fn over<R>(mut http: HttpConnector<R>) -> HttpsConnector<HttpConnector<R>> {
    http.enforce_http(false);
    let https = match HttpsConnectorBuilder::new().with_native_roots() {
        Ok(builder) => builder,
        Err(_) => HttpsConnectorBuilder::new().with_webpki_roots(),
    };
    https.https_or_http().enable_http1().wrap_connector(http)
}

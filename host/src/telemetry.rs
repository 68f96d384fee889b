//! Logging and traces.
//!
//! Log what happened, for which agent (by name), in which session, and how long it took. Never log conversation text, a
//! token, an agent ID (the credential in its URL), a key, an `Authorization` header or a URL with its path.

mod otlp;

use std::io::IsTerminal;

use tokio::runtime::Handle;
use tracing::Span;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;
use crate::ids::SessionId;

/// Third-party crates whose debug lines contain requests or URLs. They are capped at this level regardless of the
/// settings.
const OTHERS: [&str; 7] = [
    "hyper=warn",
    "hyper_util=warn",
    "h2=warn",
    "rustls=warn",
    "wasmtime=warn",
    "cranelift=warn",
    "rusqlite_migration=warn",
];

/// Records the agent in the span of the current request, by its name, which is not a credential. All later log lines
/// and the trace contain it.
pub fn name_agent(name: &str) {
    Span::current().record("agent", name);
}

/// Records the session in the same way.
pub fn name_session(id: SessionId) {
    Span::current().record("session", tracing::field::display(id));
}

pub use otlp::{Traces, continue_trace, trace_headers};

/// Initializes logging to standard error, and tracing if `OTEL_EXPORTER_OTLP_ENDPOINT` is set. Only the first call in a
/// process has an effect.
///
/// # Errors
/// The OpenTelemetry settings are invalid.
pub fn start(level: &str, format: LogFormat, runtime: &Handle) -> anyhow::Result<Option<Traces>> {
    let (traces, layer) = otlp::start(runtime)?.unzip();
    let registry = tracing_subscriber::registry().with(layer).with(filter(level));
    let lines =
        tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    let _ = match format {
        // Lines contain the span of their request: `"span": {"request_id": ..., "name": "request"}`.
        LogFormat::Json => registry.with(lines.json().flatten_event(true).with_span_list(false)).try_init(),
        LogFormat::Pretty => registry.with(lines.compact().with_target(false)).try_init(),
    };
    Ok(traces)
}

/// The filter for a level.
pub fn filter(level: &str) -> EnvFilter {
    let asked = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    OTHERS.into_iter().filter_map(|directive| directive.parse().ok()).fold(asked, EnvFilter::add_directive)
}

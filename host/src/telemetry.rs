//! Log lines: what may be in them, and where they go.
//!
//! Log what happened, to which agent (its name), in which session, how long it took. Never text of a caller, a token,
//! an agent's id (it is the credential of its URL), a key, an `Authorization` header, a URL with its path.

mod otlp;

use std::io::IsTerminal;

use tokio::runtime::Handle;
use tracing::Span;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;
use crate::ids::SessionId;

/// Crates of others whose debug lines print requests or URLs. They are silenced below this level whatever is asked for.
const OTHERS: [&str; 7] = [
    "hyper=warn",
    "hyper_util=warn",
    "h2=warn",
    "rustls=warn",
    "wasmtime=warn",
    "cranelift=warn",
    "rusqlite_migration=warn",
];

/// Says in every line of the current request from here on, and in its trace, which agent it is for: by its name, which is no
/// credential.
pub fn name_agent(name: &str) {
    Span::current().record("agent", name);
}

/// Says in the same way in which session.
pub fn name_session(id: SessionId) {
    Span::current().record("session", tracing::field::display(id));
}

pub use otlp::{Traces, continue_trace, trace_headers};

/// Starts logging to standard error, and sending traces where `OTEL_EXPORTER_OTLP_ENDPOINT` says so. Only the first call of
/// a process counts.
///
/// # Errors
/// The settings of OpenTelemetry cannot be used.
pub fn start(level: &str, format: LogFormat, runtime: &Handle) -> anyhow::Result<Option<Traces>> {
    let (traces, layer) = otlp::start(runtime)?.unzip();
    let registry = tracing_subscriber::registry().with(layer).with(filter(level));
    let lines =
        tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    let _ = match format {
        // The span of a line is its request: `"span": {"request_id": ..., "name": "request"}`.
        LogFormat::Json => registry.with(lines.json().flatten_event(true).with_span_list(false)).try_init(),
        LogFormat::Pretty => registry.with(lines.compact().with_target(false)).try_init(),
    };
    Ok(traces)
}

/// What of a level is let through.
pub fn filter(level: &str) -> EnvFilter {
    let asked = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    OTHERS.into_iter().filter_map(|directive| directive.parse().ok()).fold(asked, EnvFilter::add_directive)
}

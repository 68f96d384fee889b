//! Traces to an OpenTelemetry collector, if `OTEL_EXPORTER_OTLP_ENDPOINT` is set: OTLP over HTTP, configured by the
//! standard `OTEL_*` variables. One span per request, with its ID, the route group and the outcome, without any
//! conversation text.

use crate::https;
use std::fmt;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_http::{HeaderExtractor, HeaderInjector, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tokio::runtime::Handle;
use tracing::{Level, Span};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, Filtered};
use tracing_subscriber::registry::LookupSpan;

/// Traces are on if any of these is set.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
const HEADER: &str = "traceparent";
/// Maximum size of a collector's response, which has a few bytes.
const LONGEST_ANSWER: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(10);

/// The exporter of spans.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends the remaining spans, with a short timeout in case the collector is down.
    pub fn finish(self) {
        if let Err(error) = self.0.shutdown_with_timeout(Duration::from_secs(3)) {
            tracing::warn!(%error, "could not send the last traces");
        }
    }
}

type OnlySpans<S> = Filtered<OpenTelemetryLayer<S, Tracer>, FilterFn, S>;

/// The layer that exports spans, if a collector is configured.
pub(super) fn start<S>(runtime: &Handle) -> anyhow::Result<Option<(Traces, OnlySpans<S>)>>
where
    S: tracing::Subscriber + for<'s> LookupSpan<'s>,
{
    if !ENDPOINTS.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        return Ok(None);
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(Collector::new(runtime.clone()))
        .build()
        .context("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    let resource = opentelemetry_sdk::Resource::builder()
        .with_service_name(std::env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| "masker".to_owned()));
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
    // Only Masker's own spans, without log events, which go to standard error.
    let only: FilterFn = FilterFn::new(|metadata| metadata.is_span() && *metadata.level() <= Level::INFO);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("masker"));
    Ok(Some((Traces(provider), layer.with_filter(only))))
}

/// Attaches a span to the trace that the request's headers name, if traces are exported.
pub fn continue_trace(span: &Span, headers: &HeaderMap) {
    if sound(headers).is_some() {
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // Fails if no layer exports spans, which is fine.
        let _ = span.set_parent(parent);
    }
}

/// W3C trace context for the upstream: our own span if traces are exported, otherwise the caller's `traceparent`, so
/// that traces are not interrupted. Its IDs are random numbers. `tracestate` may contain anything and is not
/// forwarded.
pub fn trace_headers(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    let own = Span::current().context();
    if own.span().span_context().is_valid() {
        TraceContextPropagator::new().inject_context(&own, &mut HeaderInjector(&mut kept));
        kept.remove("tracestate");
    } else if let Some(value) = sound(headers) {
        kept.insert(HEADER, value.clone());
    }
    kept
}

fn sound(headers: &HeaderMap) -> Option<&HeaderValue> {
    let is_sound = |value: &&HeaderValue| {
        value.len() <= 64 && value.as_bytes().iter().all(|b| b.is_ascii_hexdigit() || *b == b'-')
    };
    headers.get(HEADER).filter(is_sound)
}

/// HTTP client that sends OpenTelemetry's batches on the service's runtime.
struct Collector {
    runtime: Handle,
    client: Client<https::Connector, Full<Bytes>>,
}

impl Collector {
    fn new(runtime: Handle) -> Self {
        Self { runtime, client: Client::builder(TokioExecutor::new()).build(https::connector()) }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let response = tokio::time::timeout(TIMEOUT, client.request(request.map(Full::from))).await??;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(head, body))
        });
        sent.await?
    }
}

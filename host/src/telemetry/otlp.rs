//! Traces to an OpenTelemetry collector, where `OTEL_EXPORTER_OTLP_ENDPOINT` names one: OTLP over HTTP, set up by the
//! standard `OTEL_*` variables. A span for each request, with its id, the part of the surface that was asked, and the
//! outcome; nothing of what it said.

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

/// Any of these turns it on.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
const HEADER: &str = "traceparent";
/// A collector's answer is a few bytes.
const LONGEST_ANSWER: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(10);

/// Spans on their way to the collector.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends what is left. A collector that is not there keeps nobody waiting for long.
    pub fn finish(self) {
        if let Err(error) = self.0.shutdown_with_timeout(Duration::from_secs(3)) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

type OnlySpans<S> = Filtered<OpenTelemetryLayer<S, Tracer>, FilterFn, S>;

/// The layer that sends spans, where a collector is named.
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
    // Spans of ours, and not the log lines in them: those have their own way out.
    let only: FilterFn = FilterFn::new(|metadata| metadata.is_span() && *metadata.level() <= Level::INFO);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("masker"));
    Ok(Some((Traces(provider), layer.with_filter(only))))
}

/// Makes a span part of the trace that a request belongs to, where traces are sent and it names one.
pub fn continue_trace(span: &Span, headers: &HeaderMap) {
    if sound(headers).is_some() {
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // Without a layer that sends spans there is nothing to set.
        let _ = span.set_parent(parent);
    }
}

/// W3C trace context for the next in line: our own span, where traces are sent, else what came, so that a trace goes
/// through us. Its ids are random numbers; `tracestate` may hold anything and goes nowhere.
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

/// Sends from the service's runtime what OpenTelemetry's own thread has batched.
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

//! Logs and traces: one subscriber for the process, and the spans of a rebalance.
//!
//! A rebalance is one trace: its root is opened by the pool that asks, travels with the request and the turn, and ends when the
//! order is settled; each stage is a child of it. The framework's own span is open for an actor's whole life and would put all of
//! that life into one trace that never ends, so it stays out of the traces.

mod json;
#[cfg(test)]
mod tests;

use std::io::IsTerminal;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::SdkTracerProvider;
use thiserror::Error;
use tracing::dispatcher::WeakDispatch;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Span, field, info_span};
use tracing_subscriber::filter::{EnvFilter, ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt};

/// How long the last spans may take to leave.
const FLUSH: Duration = Duration::from_secs(5);

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogForm {
    /// For people: one line each, with colours on a terminal.
    #[default]
    Pretty,
    /// For machines: one JSON object a line, with the trace it belongs to.
    Json,
}

/// Why telemetry could not be set up or ended.
#[derive(Debug, Error)]
pub enum TelemetryFault {
    /// The filter has no meaning.
    #[error("the log filter is not understood: {0}")]
    Filter(#[from] ParseError),
    /// The endpoint cannot be used.
    #[error("traces cannot be exported: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// Somebody else has set a subscriber.
    #[error(transparent)]
    Taken(#[from] TryInitError),
    /// The last spans did not leave.
    #[error("the last traces were not delivered: {0}")]
    Flush(#[from] OTelSdkError),
    /// The thread that waited for the last spans died.
    #[error("the last traces were not delivered: the flush panicked")]
    FlushPanicked,
}

/// Keeps the exporter. Call [`TelemetryGuard::shutdown`] at the very end.
#[derive(Debug)]
#[must_use = "the last spans are lost without a shutdown"]
pub struct TelemetryGuard {
    provider: Option<SdkTracerProvider>,
}

impl TelemetryGuard {
    /// Sends what is left, for at most five seconds. On a thread of its own: the exporter needs the runtime's workers, and one
    /// that waits for it here could be the only one.
    ///
    /// # Errors
    /// When spans were lost. It is worth a line, not a different end of the process.
    pub async fn shutdown(self) -> Result<(), TelemetryFault> {
        let Some(provider) = self.provider else { return Ok(()) };
        let flush = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH));
        Ok(flush.await.map_err(|_| TelemetryFault::FlushPanicked)??)
    }
}

/// Sets up logs on standard error and, when an endpoint is given, traces over OTLP/gRPC (`http://host:4317`). Must be called inside
/// the runtime; once in a process. The endpoint need not be there: an absent collector costs spans, nothing else.
///
/// # Errors
/// When the filter or the endpoint is malformed, or a subscriber is already set.
pub fn init(form: LogForm, filter: &str, otlp_endpoint: Option<&str>) -> Result<TelemetryGuard, TelemetryFault> {
    let ansi = std::io::stderr().is_terminal();
    let (dispatch, guard) = assemble(form, filter, otlp_endpoint, ansi, std::io::stderr)?;
    dispatch.try_init()?;
    Ok(guard)
}

/// Everything but making it the process's own, which a test could do only once.
fn assemble<W>(
    form: LogForm,
    filter: &str,
    otlp: Option<&str>,
    ansi: bool,
    to: W,
) -> Result<(Dispatch, TelemetryGuard), TelemetryFault>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let whole: Arc<OnceLock<WeakDispatch>> = Arc::default();
    let lines = fmt::layer().with_writer(to).with_ansi(ansi);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match form {
        LogForm::Pretty => lines.compact().with_target(false).boxed(),
        LogForm::Json => {
            let inner = fmt::format().json().flatten_event(true).with_span_list(false);
            lines.fmt_fields(fmt::format::JsonFields::new()).event_format(json::WithTrace::new(inner, Arc::clone(&whole))).boxed()
        }
    };
    let lines = lines.with_filter(EnvFilter::try_new(filter)?);
    let provider = otlp.map(provider).transpose()?;
    let traces = provider.as_ref().map(|provider| {
        let tracer = provider.tracer("ballast");
        tracing_opentelemetry::layer().with_tracer(tracer).with_threads(false).with_location(false).with_filter(traced())
    });
    let dispatch = Dispatch::new(Registry::default().with(lines).with(traces));
    // The JSON lines ask the whole subscriber for the trace of a span; they are a part of it and can only know it afterwards.
    let _ = whole.set(dispatch.downgrade());
    Ok((dispatch, TelemetryGuard { provider }))
}

fn provider(endpoint: &str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name("ballast").with_attribute(version).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// What becomes a span. The exporter's own work must not: it would trace its tracing.
fn traced() -> Targets {
    let silent =
        ["opentelemetry", "opentelemetry_sdk", "opentelemetry_otlp", "hyper", "hyper_util", "tonic", "h2", "tower", "reqwest"];
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("ractor", LevelFilter::WARN)
        .with_targets(silent.into_iter().map(|target| (target, LevelFilter::OFF)))
}

/// The root of a rebalance's trace, from the request of a turn to the settlement, which records `outcome` in it.
#[must_use]
pub fn rebalance_span(pool: &str, class: &'static str, trigger: &str) -> Span {
    info_span!(parent: None, "rebalance", pool, class, trigger, outcome = field::Empty)
}

/// A stage of a rebalance: `queued`, `planned`, `simulated`, `signed`, `broadcast`, `included`. It lasts until it is dropped.
#[must_use]
pub fn stage(parent: &Span, name: &'static str) -> Span {
    // The name of a span is fixed where it is compiled; this field is how the exporter is told another.
    info_span!(parent: parent, "stage", otel.name = name)
}

//! JSON log lines that know their trace.

use std::fmt;
use std::sync::{Arc, OnceLock};

use opentelemetry::trace::TraceContextExt;
use tracing::dispatcher::WeakDispatch;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Puts `trace_id` in front of the fields that the inner format writes.
pub(super) struct WithTrace<F> {
    inner: F,
    whole: Arc<OnceLock<WeakDispatch>>,
}

impl<F> WithTrace<F> {
    pub(super) const fn new(inner: F, whole: Arc<OnceLock<WeakDispatch>>) -> Self {
        Self { inner, whole }
    }

    fn trace_id<S, N>(&self, context: &FmtContext<'_, S, N>) -> Option<String>
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
        N: for<'w> FormatFields<'w> + 'static,
    {
        let span = context.parent_span()?;
        let whole = self.whole.get()?.upgrade()?;
        let trace = tracing_opentelemetry::get_otel_context(&span.id(), &whole)?;
        let trace = trace.span().span_context().clone();
        trace.is_valid().then(|| trace.trace_id().to_string())
    }
}

impl<S, N, F> FormatEvent<S, N> for WithTrace<F>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(trace_id) = self.trace_id(context) else { return self.inner.format_event(context, writer, event) };
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        match line.strip_prefix('{') {
            Some(rest) => write!(writer, r#"{{"trace_id":"{trace_id}",{rest}"#),
            None => writer.write_str(&line),
        }
    }
}

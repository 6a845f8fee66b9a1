use std::sync::Mutex;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span as Exported;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tracing::dispatcher::with_default;
use tracing::{info, info_span};

use super::*;
use crate::observe::testing::Lines;

/// A collector that keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(&self, request: Request<ExportTraceServiceRequest>) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Self, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self::default();
        let service = TraceServiceServer::new(collector.clone());
        tokio::spawn(Server::builder().serve_with_incoming(service, TcpIncoming::from(listener)));
        (collector, endpoint)
    }

    fn spans(&self) -> Vec<Exported> {
        let requests = self.0.lock().unwrap();
        requests.iter().flat_map(|r| &r.resource_spans).flat_map(|r| &r.scope_spans).flat_map(|s| s.spans.clone()).collect()
    }
}

fn assembled(form: LogForm, filter: &str, endpoint: Option<&str>) -> (Dispatch, TelemetryGuard, Lines) {
    crate::observe::testing::keep_everyone_audible();
    let lines = Lines::default();
    let writer = lines.clone();
    let (dispatch, guard) = assemble(form, filter, endpoint, false, move || writer.clone()).unwrap();
    (dispatch, guard, lines)
}

fn rebalance() {
    let root = rebalance_span("treasury", "drift", "DAI is 2.00 % off its target");
    drop(stage(&root, "queued"));
    stage(&root, "broadcast").in_scope(|| info!(nonce = 7, "transaction sent"));
    root.record("outcome", "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_rebalance_is_one_trace_and_shutdown_delivers_it_from_a_single_worker() {
    let (collector, endpoint) = Collector::start().await;
    let (dispatch, guard, lines) = assembled(LogForm::Json, "trace", Some(&endpoint));
    with_default(&dispatch, || {
        // What the framework and the exporter open around and inside of our work.
        let _actor = info_span!(target: "ractor::actor", "Actor").entered();
        let _call = info_span!(target: "h2::client", "poll").entered();
        rebalance();
    });
    assert_eq!(collector.spans(), [], "the batch is still here");
    guard.shutdown().await.unwrap();

    let spans = collector.spans();
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (root, queued, broadcast) = (named("rebalance"), named("queued"), named("broadcast"));
    assert_eq!(spans.len(), 3, "nothing of the framework or the exporter: {spans:?}");
    assert!(root.parent_span_id.is_empty());
    for stage in [queued, broadcast] {
        assert_eq!((&stage.trace_id, &stage.parent_span_id), (&root.trace_id, &root.span_id));
    }
    let outcome = root.attributes.iter().find(|attribute| attribute.key == "outcome").unwrap();
    assert!(format!("{:?}", outcome.value).contains("done"));
    let resource = format!("{:?}", collector.0.lock().unwrap()[0].resource_spans[0].resource);
    assert!(resource.contains("service.name") && resource.contains("\"ballast\""), "{resource}");

    let line: serde_json::Value = serde_json::from_str(lines.text().trim()).unwrap();
    let trace = alloy_primitives::hex::encode(&root.trace_id);
    assert_eq!((&line["trace_id"], &line["message"], &line["nonce"]), (&trace.into(), &"transaction sent".into(), &7.into()));
}

#[tokio::test]
async fn an_absent_collector_costs_spans_and_nothing_else() {
    let (dispatch, guard, _) = assembled(LogForm::Pretty, "off", Some("http://127.0.0.1:1"));
    with_default(&dispatch, rebalance);
    let begun = tokio::time::Instant::now();
    let _ = guard.shutdown().await;
    assert!(begun.elapsed() <= FLUSH + Duration::from_secs(1));
}

#[tokio::test]
async fn logs_alone_need_no_collector() {
    let (dispatch, guard, lines) = assembled(LogForm::Json, "info", None);
    with_default(&dispatch, rebalance);
    guard.shutdown().await.unwrap();
    let line: serde_json::Value = serde_json::from_str(lines.text().trim()).unwrap();
    assert_eq!((&line["trace_id"], &line["span"]["otel.name"]), (&serde_json::Value::Null, &"broadcast".into()));

    let (dispatch, _guard, lines) = assembled(LogForm::Pretty, "info", None);
    with_default(&dispatch, rebalance);
    let text = lines.text();
    assert!(text.contains("INFO rebalance:stage: transaction sent nonce=7"), "{text}");
}

#[tokio::test]
async fn a_malformed_filter_or_endpoint_is_refused() {
    let refused =
        |filter: &str, endpoint: Option<&str>| assemble(LogForm::Json, filter, endpoint, false, std::io::sink).unwrap_err();
    assert!(matches!(refused("ballast=loud", None), TelemetryFault::Filter(_)));
    assert!(matches!(refused("info", Some("not an address")), TelemetryFault::Exporter(_)));
}

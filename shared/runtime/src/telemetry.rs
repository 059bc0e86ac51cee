//! Logs, metrics and traces of a process.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use shinkofa_web::ContinueTrace;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt};

use crate::{Environment, StartError};

/// What telemetry leaves with the process.
pub(crate) struct Telemetry {
    pub(crate) metrics: PrometheusHandle,
    /// Set when traces are exported.
    pub(crate) continue_trace: Option<ContinueTrace>,
    provider: Option<SdkTracerProvider>,
}

/// Seconds. The advice of OpenTelemetry's semantic conventions for HTTP.
const BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// The share of requests that are traced when the caller did not decide.
const SAMPLED: f64 = 0.1;

impl Telemetry {
    /// JSON logs to standard output, Prometheus metrics, and traces by OTLP when an endpoint is configured.
    pub(crate) fn install(service: &'static str, environment: &mut Environment) -> Result<Self, StartError> {
        let filter = environment.optional("SHINKOFA_LOG").unwrap_or_else(|| "info".to_owned());
        let filter = EnvFilter::try_new(&filter).unwrap_or_else(|error| {
            environment.fault(format!("SHINKOFA_LOG cannot be read: {error}"));
            EnvFilter::new("info")
        });
        let endpoint = environment.optional("OTEL_EXPORTER_OTLP_ENDPOINT");
        let provider = endpoint.map(|_| trace_provider(service)).transpose()?;
        let traces = provider
            .as_ref()
            .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer(service)));
        tracing_subscriber::registry()
            .with(filter)
            .with(fmt::layer().json().flatten_event(true).with_span_list(false))
            .with(traces)
            .try_init()
            .map_err(anyhow::Error::from)?;
        let metrics = PrometheusBuilder::new()
            .set_buckets(&BUCKETS)
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(anyhow::Error::from)?;
        metrics::gauge!("build_info", "service" => service, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        let continue_trace = provider.is_some().then_some(ContinueTrace(continue_trace));
        Ok(Self { metrics, continue_trace, provider })
    }

    /// Sends what is still buffered.
    pub(crate) fn shut_down(self) {
        if let Some(provider) = self.provider {
            let _ = provider.shutdown();
        }
    }
}

fn trace_provider(service: &'static str) -> Result<SdkTracerProvider, StartError> {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let exporter =
        opentelemetry_otlp::SpanExporter::builder().with_http().build().map_err(anyhow::Error::from)?;
    let resource = opentelemetry_sdk::Resource::builder().with_service_name(service).build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(SAMPLED))))
        .with_resource(resource)
        .build())
}

fn continue_trace(span: &tracing::Span, headers: &actix_web::http::header::HeaderMap) {
    struct Headers<'a>(&'a actix_web::http::header::HeaderMap);
    impl Extractor for Headers<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.get(key).and_then(|value| value.to_str().ok())
        }

        fn keys(&self) -> Vec<&str> {
            self.0.keys().map(|name| name.as_str()).collect()
        }
    }
    let parent =
        opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(&Headers(headers)));
    let _ = span.set_parent(parent);
}

//! The middleware around every request: its id, its span, its duration, and the body of its problem.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, web};
use shinkofa_kernel::Clock;
use tracing::Instrument;

use crate::{Problem, RequestContext, in_trace};

/// Wraps a service's whole application. Needs the [`Clock`] as application data.
pub async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let clock =
        request.app_data::<web::Data<Clock>>().map_or_else(Clock::system, |clock| clock.get_ref().clone());
    let context = RequestContext::of(request.request(), &clock);
    request.extensions_mut().insert(context.clone());
    let span = tracing::info_span!("request", request_id = %context.request_id, method = %request.method());
    continue_trace(&span, &request);

    let response = in_trace(context.request_id.clone(), next.call(request).instrument(span))
        .await?
        .map_into_boxed_body();
    let response = write_problem(response, &context);
    record(&response, started);
    Ok(response)
}

/// Hands the caller's trace to whichever tracing backend the boot installed.
fn continue_trace(span: &tracing::Span, request: &ServiceRequest) {
    if let Some(parent) = request.app_data::<web::Data<ContinueTrace>>() {
        (parent.0)(span, request.headers());
    }
}

/// Makes a span the child of the trace that the headers name. The boot provides it when traces are exported.
#[derive(Clone, Copy)]
pub struct ContinueTrace(pub fn(&tracing::Span, &actix_web::http::header::HeaderMap));

fn write_problem(response: ServiceResponse<BoxBody>, context: &RequestContext) -> ServiceResponse<BoxBody> {
    let problem = response.response().extensions().get::<Problem>().cloned();
    let mut response = match problem {
        Some(problem) => {
            let body = problem.body(context.locale, context.request_id.as_str());
            response.map_body(|_, _| BoxBody::new(body))
        }
        None => response,
    };
    if let Ok(id) = HeaderValue::from_str(context.request_id.as_str()) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}

fn record(response: &ServiceResponse<BoxBody>, started: Instant) {
    let request = response.request();
    let route = request.match_pattern().unwrap_or_else(|| "_unmatched".to_owned());
    let labels = [
        ("http_request_method", method_label(request.method())),
        ("http_route", route),
        ("http_response_status_code", response.status().as_u16().to_string()),
    ];
    metrics::histogram!("http_server_request_duration_seconds", &labels).record(started.elapsed());
}

/// A method nobody defined would otherwise become a label of the attacker's choice.
fn method_label(method: &actix_web::http::Method) -> String {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known.to_owned(),
        _ => "_OTHER".to_owned(),
    }
}

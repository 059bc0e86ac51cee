//! Names beneath the platform's domain are tenants': the gateway takes requests for all of them, and a service answers for
//! those that exist.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, ResponseError as _, web};
use shinkofa_identity::Identity;
use shinkofa_web::{Problem, RequestContext};

/// 421 for the host of nobody. Stands within [`observe`](shinkofa_web::observe).
pub(crate) async fn answer_at_known_hosts<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let is_known = {
        let extensions = request.extensions();
        let host = extensions.get::<RequestContext>().map_or("", |context| context.host.as_str());
        request.app_data::<web::Data<Identity>>().is_some_and(|identity| identity.tenants.answers(host))
    };
    if is_known {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let answer = misdirected().error_response();
    Ok(request.into_response(answer))
}

fn misdirected() -> Problem {
    Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        "misdirected_request",
        "This server does not answer for that name.",
        "Ce serveur ne répond pas pour ce nom.",
    )
}

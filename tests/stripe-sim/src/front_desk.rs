//! What every call under `/v1` passes: the key is checked, and the answer carries Stripe's headers.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::domain::ids::RequestId;
use crate::domain::rejection::Rejection;
use crate::shapes::API_VERSION;
use crate::stand_in::StandIn;

const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

pub async fn receive(
    stand_in: web::Data<StandIn>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let request_id: RequestId = stand_in.store.mint();
    request.extensions_mut().insert(request_id.clone());
    let version =
        request.headers().get(STRIPE_VERSION).cloned().unwrap_or(HeaderValue::from_static(API_VERSION));

    let mut response = match check_key(&stand_in, request.headers()) {
        Ok(()) => next.call(request).await?.map_into_boxed_body(),
        Err(rejection) => {
            let mut refusal = rejection.error_response();
            refusal
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Stripe\""));
            request.into_response(refusal)
        }
    };
    let headers = response.headers_mut();
    headers.insert(STRIPE_VERSION, version);
    if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
    Ok(response)
}

/// A path or a method that the stand-in does not have.
pub async fn refuse_unknown_url(request: HttpRequest) -> HttpResponse {
    Rejection::unknown_url(request.method().as_str(), request.path()).error_response()
}

/// The key comes as a bearer token, or as the user name of basic authentication.
fn check_key(stand_in: &StandIn, headers: &HeaderMap) -> Result<(), Rejection> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Err(Rejection::unauthorized(
            "You did not provide an API key. Give it in the Authorization header, as 'Bearer YOUR_SECRET_KEY'.",
        ));
    };
    let key = header
        .to_str()
        .ok()
        .and_then(shown_key)
        .ok_or_else(|| Rejection::unauthorized("The Authorization header holds no API key."))?;
    if stand_in.config.accepts(&key) {
        return Ok(());
    }
    let tail: String = key.chars().rev().take(4).collect();
    let tail: String = tail.chars().rev().collect();
    Err(Rejection::unauthorized(format!("Invalid API Key provided: ****{tail}")))
}

fn shown_key(header: &str) -> Option<String> {
    let (scheme, credentials) = header.split_once(' ')?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(credentials).ok()?).ok()?;
    Some(pair.split_once(':').map_or(pair.clone(), |(user, _)| user.to_owned()))
}

//! The bodies of the controls: JSON, a form, or nothing.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use serde::de::DeserializeOwned;

use crate::error::Problem;

/// A body that was read; an empty one counts as `{}`.
pub struct SimBody<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for SimBody<T> {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_form = request.content_type() == "application/x-www-form-urlencoded";
        let body = Bytes::from_request(request, payload);
        Box::pin(async move {
            let body = body.await?;
            Ok(Self(decode(&body, is_form)?))
        })
    }
}

fn decode<T: DeserializeOwned>(body: &[u8], is_form: bool) -> Result<T, Problem> {
    let decoded = if body.is_empty() {
        serde_json::from_slice(b"{}").map_err(|fault| fault.to_string())
    } else if is_form {
        let fields = url::form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), serde_json::Value::String(value.into_owned())))
            .collect();
        serde_json::from_value(serde_json::Value::Object(fields)).map_err(|fault| fault.to_string())
    } else {
        serde_json::from_slice(body).map_err(|fault| fault.to_string())
    };
    decoded.map_err(Problem::malformed)
}

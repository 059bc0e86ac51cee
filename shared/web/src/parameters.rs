//! Path and query parameters, parsed into their types.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::FutureExt as _;
use serde::de::DeserializeOwned;

use crate::Problem;

/// The parameters of the path. One that cannot be read names nothing, so the answer is 404.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Path<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let parameters = actix_web::web::Path::<T>::from_request(request, payload).now_or_never();
        ready(match parameters {
            Some(Ok(parameters)) => Ok(Self(parameters.into_inner())),
            Some(Err(_)) | None => Err(Problem::not_found()),
        })
    }
}

/// The query string as a `T`. A value it refuses: 422; an unknown name where `T` denies them: 422.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = form_urlencoded::parse(request.query_string().as_bytes());
        let pairs = serde_urlencoded::Deserializer::new(pairs);
        ready(serde_path_to_error::deserialize(pairs).map(Self).map_err(|error| {
            let name = error.path().to_string();
            Problem::invalid_field(if name == "." { String::new() } else { name }, error.inner().to_string())
        }))
    }
}

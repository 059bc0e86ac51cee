//! `GET /v1/refunds/{id}`

use actix_web::{HttpResponse, web};

use crate::api_call::ApiCall;
use crate::domain::refund::Refund;
use crate::domain::rejection::Rejection;
use crate::shapes;

pub async fn retrieve_refund(call: ApiCall, id: web::Path<String>) -> HttpResponse {
    call.read(
        |_| Ok(()),
        move |(), world, _| {
            world
                .get::<Refund>(&id)
                .map(shapes::refund)
                .ok_or_else(|| Rejection::no_such("refund", &id, "id"))
        },
    )
    .await
}

//! `GET /v1/charges/{id}`

use actix_web::{HttpResponse, web};

use crate::api_call::ApiCall;
use crate::domain::charge::Charge;
use crate::domain::rejection::Rejection;
use crate::shapes;

pub async fn retrieve_charge(call: ApiCall, id: web::Path<String>) -> HttpResponse {
    call.read(
        |_| Ok(()),
        move |(), world, _| {
            world
                .get::<Charge>(&id)
                .map(shapes::charge)
                .ok_or_else(|| Rejection::no_such("charge", &id, "id"))
        },
    )
    .await
}

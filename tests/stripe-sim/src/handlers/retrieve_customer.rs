//! `GET /v1/customers/{id}`

use actix_web::{HttpResponse, web};

use crate::api_call::ApiCall;
use crate::domain::customer::Customer;
use crate::domain::rejection::Rejection;
use crate::shapes;

pub async fn retrieve_customer(call: ApiCall, id: web::Path<String>) -> HttpResponse {
    call.read(
        |_| Ok(()),
        move |(), world, _| {
            world
                .get::<Customer>(&id)
                .map(shapes::customer)
                .ok_or_else(|| Rejection::no_such("customer", &id, "id"))
        },
    )
    .await
}

//! `GET /v1/checkout/sessions/{id}`

use actix_web::{HttpResponse, web};

use crate::api_call::ApiCall;
use crate::domain::checkout_session::CheckoutSession;
use crate::domain::rejection::Rejection;
use crate::shapes;

pub async fn retrieve_checkout_session(call: ApiCall, id: web::Path<String>) -> HttpResponse {
    call.read(
        |_| Ok(()),
        move |(), world, _| {
            world
                .get::<CheckoutSession>(&id)
                .map(shapes::checkout_session)
                .ok_or_else(|| Rejection::no_such("checkout.session", &id, "session"))
        },
    )
    .await
}

//! `GET /v1/payment_intents/{id}`

use actix_web::{HttpResponse, web};

use crate::api_call::ApiCall;
use crate::domain::payment_intent::PaymentIntent;
use crate::domain::rejection::Rejection;
use crate::shapes;

pub async fn retrieve_payment_intent(call: ApiCall, id: web::Path<String>) -> HttpResponse {
    call.read(
        |_| Ok(()),
        move |(), world, _| {
            world
                .get::<PaymentIntent>(&id)
                .map(shapes::payment_intent)
                .ok_or_else(|| Rejection::no_such("payment_intent", &id, "intent"))
        },
    )
    .await
}

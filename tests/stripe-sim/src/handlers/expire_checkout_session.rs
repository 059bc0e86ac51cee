//! `POST /v1/checkout/sessions/{id}/expire`

use actix_web::{HttpResponse, web};

use crate::api_call::ApiCall;
use crate::domain::checkout_session::CheckoutSession;
use crate::domain::rejection::Rejection;
use crate::shapes;

pub async fn expire_checkout_session(call: ApiCall, id: web::Path<String>) -> HttpResponse {
    call.write(
        |_| Ok(()),
        move |(), draft, origin| {
            let session = draft
                .get::<CheckoutSession>(&id)
                .ok_or_else(|| Rejection::no_such("checkout.session", &id, "session"))?;
            let expired = session.expire().map_err(|refused| {
                Rejection::invalid(format!(
                    "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of {}.",
                    refused.0.status()
                ))
            })?;
            let shape = shapes::checkout_session(&expired);
            draft.put_expired(expired, origin);
            Ok(shape)
        },
    )
    .await
}

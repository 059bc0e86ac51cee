//! `POST /v1/checkout/sessions`

use actix_web::{HttpResponse, web};

use crate::api_call::ApiCall;
use crate::domain::checkout_session::NewCheckoutSession;
use crate::domain::customer::Customer;
use crate::domain::rejection::Rejection;
use crate::shapes;
use crate::stand_in::StandIn;

pub async fn create_checkout_session(call: ApiCall, stand_in: web::Data<StandIn>) -> HttpResponse {
    let public_url = stand_in.config.public_url.clone();
    call.write(NewCheckoutSession::parse, move |new, draft, _| {
        let customer = match new.customer() {
            None => None,
            Some(id) => Some(
                draft
                    .get::<Customer>(id)
                    .ok_or_else(|| Rejection::no_such_reference("customer", id, "customer"))?,
            ),
        };
        let now = draft.now().seconds();
        let session = new.open(customer.map(|customer| customer.id), &public_url, now, draft.ids())?;
        let shape = shapes::checkout_session(&session);
        draft.put(session);
        Ok(shape)
    })
    .await
}

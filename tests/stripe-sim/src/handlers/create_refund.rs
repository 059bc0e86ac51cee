//! `POST /v1/refunds`

use actix_web::HttpResponse;

use crate::api_call::ApiCall;
use crate::domain::charge::Charge;
use crate::domain::payment_intent::PaymentIntent;
use crate::domain::refund::{NewRefund, RefundSource};
use crate::domain::rejection::Rejection;
use crate::shapes;
use crate::store::Draft;

pub async fn create_refund(call: ApiCall) -> HttpResponse {
    call.write(NewRefund::parse, |new, draft, origin| {
        let charge = charge_to_refund(&new.of, draft)?;
        let now = draft.now().seconds();
        let step = new.apply(&charge, now, draft.ids())?;
        let shape = shapes::refund(&step.refund);
        draft.put_refund(step, origin);
        Ok(shape)
    })
    .await
}

fn charge_to_refund(source: &RefundSource, draft: &Draft<'_>) -> Result<Charge, Rejection> {
    match source {
        RefundSource::Charge(id) => {
            draft.get(id).ok_or_else(|| Rejection::no_such_reference("charge", id, "charge"))
        }
        RefundSource::Intent(id) => {
            let intent: PaymentIntent = draft
                .get(id)
                .ok_or_else(|| Rejection::no_such_reference("payment_intent", id, "payment_intent"))?;
            intent.latest_charge.and_then(|charge| draft.get(charge.as_str())).ok_or_else(|| {
                Rejection::invalid(format!(
                    "This PaymentIntent ({id}) does not have a successful charge to refund."
                ))
            })
        }
    }
}

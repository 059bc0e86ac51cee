//! `POST /sim/checkout/{id}/settle`: the money of a delayed payment arrives, or never will.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::pay_checkout::answer;
use crate::domain::charge::Charge;
use crate::domain::checkout_session::{CheckoutSession, SessionState};
use crate::domain::event::Origin;
use crate::domain::payment::{Outcome, settle};
use crate::domain::payment_intent::PaymentIntent;
use crate::error::Problem;
use crate::sim_body::SimBody;
use crate::stand_in::StandIn;
use crate::store::Draft;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettleRequest {
    outcome: Outcome,
}

pub async fn settle_checkout(
    id: web::Path<String>,
    body: SimBody<SettleRequest>,
    stand_in: web::Data<StandIn>,
) -> Result<HttpResponse, Problem> {
    let session = stand_in.store.commit::<_, Problem>(|draft| {
        let session: CheckoutSession =
            draft.get(&id).ok_or_else(|| Problem::not_found("Checkout session"))?;
        let (intent, charge) = payment_of(&session, draft).ok_or_else(|| not_awaiting(&session))?;
        let payment = settle(&session, &intent, &charge, body.0.outcome, draft.ids())
            .map_err(|_| not_awaiting(&session))?;
        let settled = payment.session.clone();
        draft.put_payment(payment, &Origin::default());
        Ok(settled)
    })?;
    Ok(answer(&session))
}

fn payment_of(session: &CheckoutSession, draft: &Draft<'_>) -> Option<(PaymentIntent, Charge)> {
    let intent: PaymentIntent = draft.get(session.payment_intent.as_ref()?.as_str())?;
    let charge = draft.get(intent.latest_charge.as_ref()?.as_str())?;
    Some((intent, charge))
}

fn not_awaiting(session: &CheckoutSession) -> Problem {
    let detail = match session.state {
        SessionState::Open => "This Checkout session has not been paid with a delayed method.",
        _ => "This Checkout session does not wait for money.",
    };
    Problem::conflict("not_awaiting_funds", detail)
}

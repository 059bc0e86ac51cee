//! `POST /sim/checkout/{id}/pay`: what the Pay button of the page does.

use actix_web::http::header::{ACCEPT, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use crate::domain::checkout_session::{CheckoutSession, SessionState};
use crate::domain::event::Origin;
use crate::domain::payment::{Attempt, MeansKind, pay};
use crate::error::Problem;
use crate::page;
use crate::sim_body::SimBody;
use crate::stand_in::StandIn;
use crate::store::Draft;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayRequest {
    #[serde(default)]
    method: Attempt,
}

/// A browser is sent on its way; others get JSON. Paying again changes nothing and answers the same.
pub async fn pay_checkout(
    request: HttpRequest,
    id: web::Path<String>,
    body: SimBody<PayRequest>,
    stand_in: web::Data<StandIn>,
) -> Result<HttpResponse, Problem> {
    let attempt = body.0.method;
    let (session, outcome) =
        stand_in.store.commit::<_, Problem>(|draft| attempt_payment(draft, &id, attempt))?;
    if wants_page(&request) {
        return Ok(match outcome {
            Ok(()) => HttpResponse::SeeOther().insert_header((LOCATION, session.success_address())).finish(),
            Err(problem) => page::refused(&session, &problem),
        });
    }
    outcome.map(|()| answer(&session))
}

/// The refusal is inside the success, because a declined card leaves its traces too.
fn attempt_payment(
    draft: &mut Draft<'_>,
    id: &str,
    attempt: Attempt,
) -> Result<(CheckoutSession, Result<(), Problem>), Problem> {
    let session: CheckoutSession = draft.get(id).ok_or_else(|| Problem::not_found("Checkout session"))?;
    match session.state {
        SessionState::Open => {}
        SessionState::Expired => {
            let problem = Problem::conflict(
                "checkout_session_expired",
                "This Checkout session has expired and cannot be paid.",
            );
            return Ok((session, Err(problem)));
        }
        SessionState::Paid | SessionState::AwaitingFunds | SessionState::FundsFailed => {
            return Ok((session, Ok(())));
        }
    }
    let means = match attempt {
        Attempt::Delayed => MeansKind::SepaDebit,
        Attempt::Card | Attempt::Declined => MeansKind::Card,
    };
    if !session.terms.accepts.contains(&means) {
        return Err(Problem::invalid(format!("This Checkout session does not take {}.", means.as_str())));
    }
    let earlier = session.payment_intent.as_ref().and_then(|intent| draft.get(intent.as_str()));
    let now = draft.now().seconds();
    let payment = pay(&session, earlier, attempt, now, draft.ids())
        .map_err(|refused| Problem::conflict("checkout_session_closed", refused.to_string()))?;
    let after = payment.session.clone();
    draft.put_payment(payment, &Origin::default());
    let outcome = match attempt {
        Attempt::Declined => Err(Problem::card_declined()),
        Attempt::Card | Attempt::Delayed => Ok(()),
    };
    Ok((after, outcome))
}

pub fn answer(session: &CheckoutSession) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "checkout_session": session.id,
        "status": session.state.status(),
        "payment_status": session.state.payment_status(),
        "payment_intent": session.payment_intent,
        "success_url": session.success_address(),
    }))
}

fn wants_page(request: &HttpRequest) -> bool {
    request
        .headers()
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

//! `POST /sim/checkout/{id}/expire`: a session expires before its time.

use actix_web::{HttpResponse, web};

use super::pay_checkout::answer;
use crate::domain::checkout_session::{CheckoutSession, SessionState};
use crate::domain::event::Origin;
use crate::error::Problem;
use crate::stand_in::StandIn;

/// Expiring again changes nothing and answers the same.
pub async fn sim_expire_checkout(
    id: web::Path<String>,
    stand_in: web::Data<StandIn>,
) -> Result<HttpResponse, Problem> {
    let session = stand_in.store.commit::<_, Problem>(|draft| {
        let session: CheckoutSession =
            draft.get(&id).ok_or_else(|| Problem::not_found("Checkout session"))?;
        if session.state == SessionState::Expired {
            return Ok(session);
        }
        let expired = session
            .expire()
            .map_err(|refused| Problem::conflict("checkout_session_closed", refused.to_string()))?;
        draft.put_expired(expired.clone(), &Origin::default());
        Ok(expired)
    })?;
    Ok(answer(&session))
}

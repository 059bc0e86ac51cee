//! `POST /sim/refunds/{id}/settle`: a pending refund ends, or a finished one comes back.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::domain::charge::Charge;
use crate::domain::event::Origin;
use crate::domain::payment::Outcome;
use crate::domain::refund::Refund;
use crate::error::Problem;
use crate::shapes;
use crate::sim_body::SimBody;
use crate::stand_in::StandIn;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettleRequest {
    outcome: Outcome,
}

pub async fn settle_refund(
    id: web::Path<String>,
    body: SimBody<SettleRequest>,
    stand_in: web::Data<StandIn>,
) -> Result<HttpResponse, Problem> {
    let shape = stand_in.store.commit::<_, Problem>(|draft| {
        let refund: Refund = draft.get(&id).ok_or_else(|| Problem::not_found("refund"))?;
        let charge: Charge = draft.get(refund.charge.as_str()).ok_or_else(|| Problem::not_found("charge"))?;
        let step = refund
            .settle(&charge, body.0.outcome, draft.ids())
            .map_err(|refused| Problem::conflict("refund_settled", refused.to_string()))?;
        let shape = shapes::refund(&step.refund);
        draft.put_refund(step, &Origin::default());
        Ok(shape)
    })?;
    Ok(HttpResponse::Ok().json(shape))
}

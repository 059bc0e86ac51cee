//! `POST /sim/clock/advance`: makes time pass.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use crate::error::Problem;
use crate::sim_body::SimBody;
use crate::stand_in::StandIn;

const LONGEST_SECONDS: i64 = 10 * 366 * 24 * 3600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdvanceRequest {
    seconds: i64,
}

/// Sessions whose time has come are expired when this answers.
pub async fn advance_clock(
    body: SimBody<AdvanceRequest>,
    stand_in: web::Data<StandIn>,
) -> Result<HttpResponse, Problem> {
    let seconds = body.0.seconds;
    if !(0..=LONGEST_SECONDS).contains(&seconds) {
        return Err(Problem::invalid(format!("seconds lies between 0 and {LONGEST_SECONDS}.")));
    }
    stand_in.store.commit::<_, Problem>(|draft| {
        draft.advance_clock(seconds);
        Ok(())
    })?;
    let now = stand_in.store.read(|_, now| now.seconds())?;
    Ok(HttpResponse::Ok().json(json!({ "now": now })))
}

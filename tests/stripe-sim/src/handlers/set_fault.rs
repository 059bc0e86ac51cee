//! `POST /sim/faults` and `GET /sim/faults`: what goes wrong with the next calls.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::error::Problem;
use crate::faults::Fault;
use crate::sim_body::SimBody;
use crate::stand_in::StandIn;

pub async fn set_fault(body: SimBody<Fault>, stand_in: web::Data<StandIn>) -> Result<HttpResponse, Problem> {
    if let Some(complaint) = body.0.complaint() {
        return Err(Problem::invalid(complaint));
    }
    stand_in.faults.set(body.0);
    Ok(pending_faults(stand_in).await)
}

pub async fn pending_faults(stand_in: web::Data<StandIn>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "pending": stand_in.faults.pending() }))
}

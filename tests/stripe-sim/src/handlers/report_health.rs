//! `GET /healthz`

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::error::Problem;
use crate::shapes::API_VERSION;
use crate::stand_in::StandIn;

pub async fn report_health(stand_in: web::Data<StandIn>) -> Result<HttpResponse, Problem> {
    let now = stand_in.store.read(|_, now| now.seconds())?;
    Ok(HttpResponse::Ok().json(json!({
        "status": "ok",
        "api_version": API_VERSION,
        "now": now,
    })))
}

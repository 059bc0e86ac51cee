//! `POST /sim/reset`: forgets every object, fault and setting, and what was advanced on the clock.

use actix_web::{HttpResponse, web};

use crate::error::Problem;
use crate::stand_in::StandIn;

pub async fn reset(stand_in: web::Data<StandIn>) -> Result<HttpResponse, Problem> {
    stand_in.faults.clear();
    stand_in.steering.reset();
    stand_in.store.clear()?;
    Ok(HttpResponse::NoContent().finish())
}

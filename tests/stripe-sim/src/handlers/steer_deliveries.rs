//! `POST /sim/deliveries`: sets how deliveries misbehave.

use actix_web::{HttpResponse, web};

use crate::sim_body::SimBody;
use crate::stand_in::StandIn;
use crate::webhooks::steering::SteeringChange;

pub async fn steer_deliveries(body: SimBody<SteeringChange>, stand_in: web::Data<StandIn>) -> HttpResponse {
    let settings = stand_in.steering.change(&body.0);
    stand_in.wake();
    HttpResponse::Ok().json(settings)
}

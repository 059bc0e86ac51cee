//! `GET /sim/deliveries`: what was sent, how often, and what came back.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::event::Event;
use crate::error::Problem;
use crate::stand_in::StandIn;
use crate::store::World;
use crate::webhooks::delivery::Delivery;

#[derive(Deserialize)]
pub struct Wanted {
    /// Every event when absent.
    event: Option<String>,
    /// The object inside the event, as in `cs_test_...`.
    object: Option<String>,
}

pub async fn list_deliveries(
    wanted: web::Query<Wanted>,
    stand_in: web::Data<StandIn>,
) -> Result<HttpResponse, Problem> {
    let items = stand_in.store.read(|world, _| {
        world
            .newest_first::<Delivery>()
            .filter(|delivery| wanted.event.as_ref().is_none_or(|event| event == delivery.event.as_str()))
            .filter_map(|delivery| shape(delivery, world, wanted.object.as_deref()))
            .collect::<Vec<Value>>()
    })?;
    Ok(HttpResponse::Ok().json(json!({
        "settings": stand_in.steering.settings(),
        "items": items,
    })))
}

fn shape(delivery: &Delivery, world: &World, object: Option<&str>) -> Option<Value> {
    let event = world.get::<Event>(delivery.event.as_str())?;
    let id = event.object["id"].as_str();
    if object.is_some() && object != id {
        return None;
    }
    Some(json!({
        "event": delivery.event,
        "type": event.event_type.as_str(),
        "object": id,
        "state": delivery.state,
        "failures": delivery.failures,
        "due_at_millis": delivery.due_at_millis,
        "attempts": delivery.attempts,
    }))
}

//! `POST /sim/events/{id}/deliver`: sends one event now, as often and as crowded as a test likes.

use actix_web::{HttpResponse, web};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::json;

use crate::domain::event::Event;
use crate::error::Problem;
use crate::sim_body::SimBody;
use crate::stand_in::StandIn;
use crate::webhooks::pump;

const MOST_TIMES: usize = 1_000;
const MOST_PARALLEL: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverRequest {
    #[serde(default = "once")]
    times: usize,
    #[serde(default = "once")]
    parallel: usize,
}

fn once() -> usize {
    1
}

/// These deliveries come on top of the event's own, which goes on as if they had not been.
pub async fn deliver_event(
    id: web::Path<String>,
    body: SimBody<DeliverRequest>,
    stand_in: web::Data<StandIn>,
) -> Result<HttpResponse, Problem> {
    let DeliverRequest { times, parallel } = body.0;
    if !(1..=MOST_TIMES).contains(&times) || !(1..=MOST_PARALLEL).contains(&parallel) {
        return Err(Problem::invalid(format!(
            "times lies between 1 and {MOST_TIMES}, parallel between 1 and {MOST_PARALLEL}."
        )));
    }
    let Some(sender) = &stand_in.sender else {
        return Err(Problem::conflict("no_endpoint", "STRIPE_SIM_WEBHOOK_URL is not set."));
    };
    let known = stand_in.store.read(|world, _| world.get::<Event>(&id).is_some())?;
    if !known {
        return Err(Problem::not_found("event"));
    }
    let answers: Vec<_> = stream::iter(0..times)
        .map(|_| pump::send(&stand_in, sender, &id))
        .buffer_unordered(parallel)
        .collect()
        .await;
    let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(HttpResponse::Ok().json(json!({ "event": *id, "answers": answers })))
}

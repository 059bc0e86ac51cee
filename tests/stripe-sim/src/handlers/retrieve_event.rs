//! `GET /v1/events/{id}`

use actix_web::{HttpResponse, web};

use crate::api_call::ApiCall;
use crate::domain::event::{Event, RETENTION_SECONDS};
use crate::domain::rejection::Rejection;

pub async fn retrieve_event(call: ApiCall, id: web::Path<String>) -> HttpResponse {
    call.read(
        |_| Ok(()),
        move |(), world, now| {
            world
                .get::<Event>(&id)
                .filter(|event| event.created > now.seconds() - RETENTION_SECONDS)
                .map(|event| world.event_shape(event))
                .ok_or_else(|| Rejection::no_such("event", &id, "id"))
        },
    )
    .await
}

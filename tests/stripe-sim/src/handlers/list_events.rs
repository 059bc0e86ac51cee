//! `GET /v1/events`

use actix_web::HttpResponse;

use crate::api_call::ApiCall;
use crate::domain::event::{Event, RETENTION_SECONDS, type_matches};
use crate::domain::form::Params;
use crate::domain::listing::{CreatedFilter, PageRequest};
use crate::domain::rejection::Rejection;
use crate::shapes;
use crate::store::World;
use crate::webhooks::delivery::{Delivery, DeliveryState};

/// Stripe takes at most this many names in `types`.
const MOST_TYPES: usize = 20;

struct Wanted {
    page: PageRequest,
    created: CreatedFilter,
    /// Names or groups; every type when empty.
    types: Vec<String>,
    delivery_success: Option<bool>,
}

impl Wanted {
    fn parse(params: &mut Params) -> Result<Self, Rejection> {
        let single = params.text("type")?;
        let several = params.texts("types")?;
        if single.is_some() && !several.is_empty() {
            return Err(Rejection::invalid("You may only specify one of these parameters: type, types.")
                .about("types"));
        }
        if several.len() > MOST_TYPES {
            return Err(Rejection::invalid("Too many types.").about("types"));
        }
        Ok(Self {
            page: PageRequest::parse(params)?,
            created: CreatedFilter::parse(params)?,
            types: single.into_iter().chain(several).collect(),
            delivery_success: params.boolean("delivery_success")?,
        })
    }

    fn admits(&self, event: &Event, world: &World) -> bool {
        let typed =
            self.types.is_empty() || self.types.iter().any(|filter| type_matches(filter, event.event_type));
        typed
            && self.created.admits(event.created)
            && self.delivery_success.is_none_or(|wanted| wanted == was_delivered(event, world))
    }
}

/// An event without an endpoint to go to counts as delivered.
fn was_delivered(event: &Event, world: &World) -> bool {
    world.get::<Delivery>(event.id.as_str()).is_none_or(|delivery| delivery.state == DeliveryState::Delivered)
}

pub async fn list_events(call: ApiCall) -> HttpResponse {
    call.read(Wanted::parse, |wanted, world, now| {
        let oldest = now.seconds() - RETENTION_SECONDS;
        let events: Vec<&Event> = world
            .newest_first()
            .filter(|event: &&Event| event.created > oldest && wanted.admits(event, world))
            .collect();
        let (page, has_more) = wanted.page.cut(&events, |event| event.id.as_str())?;
        let shapes = page.into_iter().map(|event| world.event_shape(event)).collect();
        Ok(shapes::list("/v1/events", shapes, has_more))
    })
    .await
}

//! `GET /v1/payment_intents`

use actix_web::HttpResponse;

use crate::api_call::ApiCall;
use crate::domain::form::Params;
use crate::domain::listing::{CreatedFilter, PageRequest};
use crate::domain::payment_intent::PaymentIntent;
use crate::domain::rejection::Rejection;
use crate::shapes;

struct Wanted {
    page: PageRequest,
    created: CreatedFilter,
    customer: Option<String>,
}

impl Wanted {
    fn parse(params: &mut Params) -> Result<Self, Rejection> {
        Ok(Self {
            page: PageRequest::parse(params)?,
            created: CreatedFilter::parse(params)?,
            customer: params.text("customer")?,
        })
    }

    fn admits(&self, intent: &PaymentIntent) -> bool {
        self.created.admits(intent.created)
            && self.customer.as_ref().is_none_or(|wanted| {
                intent.customer.as_ref().is_some_and(|customer| customer.as_str() == wanted)
            })
    }
}

pub async fn list_payment_intents(call: ApiCall) -> HttpResponse {
    call.read(Wanted::parse, |wanted, world, _| {
        let intents: Vec<&PaymentIntent> =
            world.newest_first().filter(|intent| wanted.admits(intent)).collect();
        let (page, has_more) = wanted.page.cut(&intents, |intent| intent.id.as_str())?;
        let shapes = page.into_iter().map(shapes::payment_intent).collect();
        Ok(shapes::list("/v1/payment_intents", shapes, has_more))
    })
    .await
}

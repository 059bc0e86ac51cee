//! `GET /v1/refunds`

use actix_web::HttpResponse;

use crate::api_call::ApiCall;
use crate::domain::form::Params;
use crate::domain::listing::{CreatedFilter, PageRequest};
use crate::domain::refund::Refund;
use crate::domain::rejection::Rejection;
use crate::shapes;

struct Wanted {
    page: PageRequest,
    created: CreatedFilter,
    charge: Option<String>,
    payment_intent: Option<String>,
}

impl Wanted {
    fn parse(params: &mut Params) -> Result<Self, Rejection> {
        Ok(Self {
            page: PageRequest::parse(params)?,
            created: CreatedFilter::parse(params)?,
            charge: params.text("charge")?,
            payment_intent: params.text("payment_intent")?,
        })
    }

    fn admits(&self, refund: &Refund) -> bool {
        let same = |wanted: &Option<String>, id: &str| wanted.as_ref().is_none_or(|wanted| wanted == id);
        self.created.admits(refund.created)
            && same(&self.charge, refund.charge.as_str())
            && same(&self.payment_intent, refund.payment_intent.as_str())
    }
}

pub async fn list_refunds(call: ApiCall) -> HttpResponse {
    call.read(Wanted::parse, |wanted, world, _| {
        let refunds: Vec<&Refund> = world.newest_first().filter(|refund| wanted.admits(refund)).collect();
        let (page, has_more) = wanted.page.cut(&refunds, |refund| refund.id.as_str())?;
        let shapes = page.into_iter().map(shapes::refund).collect();
        Ok(shapes::list("/v1/refunds", shapes, has_more))
    })
    .await
}

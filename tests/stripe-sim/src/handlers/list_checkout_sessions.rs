//! `GET /v1/checkout/sessions`

use actix_web::HttpResponse;

use crate::api_call::ApiCall;
use crate::domain::checkout_session::CheckoutSession;
use crate::domain::form::Params;
use crate::domain::listing::{CreatedFilter, PageRequest};
use crate::domain::rejection::Rejection;
use crate::shapes;

struct Wanted {
    page: PageRequest,
    created: CreatedFilter,
    customer: Option<String>,
    payment_intent: Option<String>,
    status: Option<&'static str>,
}

impl Wanted {
    fn parse(params: &mut Params) -> Result<Self, Rejection> {
        Ok(Self {
            page: PageRequest::parse(params)?,
            created: CreatedFilter::parse(params)?,
            customer: params.text("customer")?,
            payment_intent: params.text("payment_intent")?,
            status: params.choice("status", &["complete", "expired", "open"])?,
        })
    }

    fn admits(&self, session: &CheckoutSession) -> bool {
        fn same<I: ToString>(wanted: Option<&String>, id: Option<&I>) -> bool {
            wanted.is_none_or(|wanted| id.is_some_and(|id| id.to_string() == *wanted))
        }
        self.created.admits(session.created)
            && same(self.customer.as_ref(), session.terms.customer.as_ref())
            && same(self.payment_intent.as_ref(), session.payment_intent.as_ref())
            && self.status.is_none_or(|status| status == session.state.status())
    }
}

pub async fn list_checkout_sessions(call: ApiCall) -> HttpResponse {
    call.read(Wanted::parse, |wanted, world, _| {
        let sessions: Vec<&CheckoutSession> =
            world.newest_first().filter(|session| wanted.admits(session)).collect();
        let (page, has_more) = wanted.page.cut(&sessions, |session| session.id.as_str())?;
        let shapes = page.into_iter().map(shapes::checkout_session).collect();
        Ok(shapes::list("/v1/checkout/sessions", shapes, has_more))
    })
    .await
}

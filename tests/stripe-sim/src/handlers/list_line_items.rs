//! `GET /v1/checkout/sessions/{id}/line_items`

use actix_web::{HttpResponse, web};

use crate::api_call::ApiCall;
use crate::domain::checkout_session::{CheckoutSession, LineItem};
use crate::domain::listing::PageRequest;
use crate::domain::rejection::Rejection;
use crate::shapes;

/// The items come in the order of the session, unlike other lists.
pub async fn list_line_items(call: ApiCall, id: web::Path<String>) -> HttpResponse {
    call.read(PageRequest::parse, move |wanted, world, _| {
        let session = world
            .get::<CheckoutSession>(&id)
            .ok_or_else(|| Rejection::no_such("checkout.session", &id, "session"))?;
        let items: Vec<&LineItem> = session.line_items.iter().collect();
        let (page, has_more) = wanted.cut(&items, |item| item.id.as_str())?;
        let shapes = page.into_iter().map(|item| shapes::line_item(session, item)).collect();
        Ok(shapes::list(&format!("/v1/checkout/sessions/{}/line_items", session.id), shapes, has_more))
    })
    .await
}

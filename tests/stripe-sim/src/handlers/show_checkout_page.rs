//! `GET /c/pay/{id}`: the page that a session's `url` leads to.

use actix_web::{HttpResponse, web};

use crate::domain::checkout_session::CheckoutSession;
use crate::error::Problem;
use crate::page;
use crate::stand_in::StandIn;

pub async fn show_checkout_page(
    id: web::Path<String>,
    stand_in: web::Data<StandIn>,
) -> Result<HttpResponse, Problem> {
    let session = stand_in.store.read(|world, _| world.get::<CheckoutSession>(&id).cloned())?;
    Ok(session.map_or_else(page::unknown, |session| page::of_session(&session)))
}

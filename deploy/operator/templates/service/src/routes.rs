//! Every route of the service and who may call it.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::handlers;

#[rustfmt::skip]
pub(crate) fn public(config: &mut ServiceConfig<'_>) {
    config.service(handlers::create_note::create_note); // POST /api/{{service}}/notes           signed in
    config.service(handlers::read_note::read_note);     // GET  /api/{{service}}/notes/{noteId}  signed in
}

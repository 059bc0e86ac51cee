//! Every route, and who may call it.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::handlers;

#[rustfmt::skip]
pub fn public(config: &mut ServiceConfig<'_>) {
    config.service(handlers::list_notifications::list_notifications); // GET /api/notifications  signed in
    config.service(handlers::read_preferences::read_preferences); // GET /api/notifications/preferences  signed in
    config.service(handlers::replace_preferences::replace_preferences); // PUT /api/notifications/preferences  signed in
    // Both answer 404 unless this installation keeps its mail in the development mailbox.
    config.service(handlers::list_messages::list_messages); // GET /api/messages  anyone
    config.service(handlers::show_mailbox::show_mailbox); // GET /  anyone
}

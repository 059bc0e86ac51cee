//! Every route of this service, and who may call it.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::handlers;

pub fn public(config: &mut ServiceConfig<'_>) {
    config.service(handlers::create_class::create_class); // POST /api/classes  ManageClasses
    config.service(handlers::list_classes::list_classes); // GET /api/classes  anyone
    config.service(handlers::read_class::read_class); // GET /api/classes/{id}  anyone
    config.service(handlers::create_session::create_session); // POST /api/sessions  ManageSessions
    config.service(handlers::list_sessions::list_sessions); // GET /api/sessions  anyone
    config.service(handlers::read_session::read_session); // GET /api/sessions/{id}  anyone
    config.service(handlers::create_booking::create_booking); // POST /api/booking/create  signed in
    config.service(handlers::list_bookings::list_bookings); // GET /api/booking  signed in
    config.service(handlers::read_booking::read_booking); // GET /api/booking/{reservationId}  signed in
    config.service(handlers::cancel_booking::cancel_booking); // POST /api/booking/{reservationId}/cancel  signed in
}

pub fn internal(config: &mut ServiceConfig<'_>) {
    config.service(handlers::list_reservations::list_reservations); // GET /internal/v1/reservations  service:reservations
    config.service(handlers::read_reservation::read_reservation); // GET /internal/v1/reservations/{reservationId}  service:reservations
}

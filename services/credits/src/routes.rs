//! Every route of the service, and who may ask.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::handlers;

pub(crate) fn public(config: &mut ServiceConfig<'_>) {
    config.service(handlers::list_packages::list_packages); // GET /api/credits/packages  anyone
    config.service(handlers::create_package::create_package); // POST /api/credits/packages  ManagePackages
    config.service(handlers::get_wallet::get_wallet); // GET /api/credits/wallet  signed in
    config.service(handlers::list_transactions::list_transactions); // GET /api/credits/transactions  signed in
    config.service(handlers::create_checkout::create_checkout); // POST /api/payment/checkout  signed in
    config.service(handlers::get_payment::get_payment); // GET /api/payment/{paymentId}  signed in
    config.service(handlers::show_payment_return::show_payment_return); // GET /payment/{paymentId}  anyone
    config.service(handlers::receive_stripe_event::receive_stripe_event); // POST /api/webhooks/stripe  anyone
}

pub(crate) fn internal(config: &mut ServiceConfig<'_>) {
    config.service(handlers::list_holds::list_holds); // GET /internal/v1/holds  service:holds
    config.service(handlers::get_hold::get_hold); // GET /internal/v1/holds/{reservationId}  service:holds
    config.service(handlers::hold_credits::hold_credits); // PUT /internal/v1/holds/{reservationId}  service:holds
    config.service(handlers::capture_hold::capture_hold); // PUT /internal/v1/holds/{reservationId}/capture  service:holds
    config.service(handlers::release_hold::release_hold); // PUT /internal/v1/holds/{reservationId}/release  service:holds
    config.service(handlers::refund_hold::refund_hold); // PUT /internal/v1/holds/{reservationId}/refund  service:holds
    config.service(handlers::consume_hold::consume_hold); // PUT /internal/v1/holds/{reservationId}/consume  service:holds
}

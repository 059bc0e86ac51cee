//! The whole API on one page.

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig, get, post};

use crate::front_desk;
use crate::handlers::{
    advance_clock::advance_clock,
    create_checkout_session::create_checkout_session,
    create_customer::create_customer,
    create_refund::create_refund,
    deliver_event::deliver_event,
    expire_checkout_session::expire_checkout_session,
    list_checkout_sessions::list_checkout_sessions,
    list_deliveries::list_deliveries,
    list_events::list_events,
    list_line_items::list_line_items,
    list_payment_intents::list_payment_intents,
    list_refunds::list_refunds,
    pay_checkout::pay_checkout,
    report_health::report_health,
    reset::reset,
    retrieve_charge::retrieve_charge,
    retrieve_checkout_session::retrieve_checkout_session,
    retrieve_customer::retrieve_customer,
    retrieve_event::retrieve_event,
    retrieve_payment_intent::retrieve_payment_intent,
    retrieve_refund::retrieve_refund,
    set_fault::{pending_faults, set_fault},
    settle_checkout::settle_checkout,
    settle_refund::settle_refund,
    show_checkout_page::show_checkout_page,
    sim_expire_checkout::sim_expire_checkout,
    steer_deliveries::steer_deliveries,
};

pub fn configure(routes: &mut ServiceConfig) {
    // Stripe's API: every route needs the key.
    routes.service(
        web::scope("/v1")
            .wrap(from_fn(front_desk::receive))
            .route("/checkout/sessions", post().to(create_checkout_session))
            .route("/checkout/sessions", get().to(list_checkout_sessions))
            .route("/checkout/sessions/{id}", get().to(retrieve_checkout_session))
            .route("/checkout/sessions/{id}/line_items", get().to(list_line_items))
            .route("/checkout/sessions/{id}/expire", post().to(expire_checkout_session))
            .route("/customers", post().to(create_customer))
            .route("/customers/{id}", get().to(retrieve_customer))
            .route("/payment_intents", get().to(list_payment_intents))
            .route("/payment_intents/{id}", get().to(retrieve_payment_intent))
            .route("/charges/{id}", get().to(retrieve_charge))
            .route("/refunds", post().to(create_refund))
            .route("/refunds", get().to(list_refunds))
            .route("/refunds/{id}", get().to(retrieve_refund))
            .route("/events", get().to(list_events))
            .route("/events/{id}", get().to(retrieve_event))
            .default_service(web::to(front_desk::refuse_unknown_url)),
    );

    // What a payer uses: the only routes that a gateway may show.
    routes
        .route("/c/pay/{id}", get().to(show_checkout_page))
        .route("/sim/checkout/{id}/pay", post().to(pay_checkout));

    // The controls: open to whoever reaches the loopback.
    routes
        .route("/sim/checkout/{id}/settle", post().to(settle_checkout))
        .route("/sim/checkout/{id}/expire", post().to(sim_expire_checkout))
        .route("/sim/refunds/{id}/settle", post().to(settle_refund))
        .route("/sim/deliveries", post().to(steer_deliveries))
        .route("/sim/deliveries", get().to(list_deliveries))
        .route("/sim/events/{id}/deliver", post().to(deliver_event))
        .route("/sim/clock/advance", post().to(advance_clock))
        .route("/sim/faults", post().to(set_fault))
        .route("/sim/faults", get().to(pending_faults))
        .route("/sim/reset", post().to(reset))
        .route("/healthz", get().to(report_health));
}

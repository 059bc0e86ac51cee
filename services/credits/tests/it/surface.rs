//! Routes, schema and configuration are what they say they are.

use std::collections::HashMap;

use credits::{Credits, FAILPOINTS};
use shinkofa_runtime::{Environment, Platform, Service as _};
use shinkofa_testing::{
    assert_columns_are_annotated, assert_document_reads_like_a_product, assert_every_route_asks_who,
    assert_routes_page, assert_schema_file, assert_service_accounts_are_kept_out,
};

use crate::harness::Studio;

const PAGE: &str = include_str!("../../src/routes.rs");

#[actix_web::test]
async fn the_page_of_routes_is_the_document_and_every_route_asks_who() {
    assert_routes_page::<Credits>(PAGE);
    assert_document_reads_like_a_product::<Credits>();
    let studio = Studio::open().await;
    assert_every_route_asks_who(&studio.app, PAGE).await;
    let machine = studio.app.service_account(&[]);
    assert_eq!(assert_service_accounts_are_kept_out(&studio.app, PAGE, (&machine.token, &[])).await, 5);
    studio.close().await;
}

#[actix_web::test]
async fn the_schema_file_is_the_database() {
    let studio = Studio::open().await;
    assert_schema_file(&studio.app, include_str!("../../src/db/schema.rs")).await;
    studio.close().await;
}

#[actix_web::test]
async fn every_column_says_whether_it_is_about_people() {
    let studio = Studio::open().await;
    assert_columns_are_annotated(&studio.app).await;
    studio.close().await;
}

#[test]
fn every_failpoint_stands_in_the_code_before_and_after_its_step() {
    let sources = [
        include_str!("../../src/checkout.rs"),
        include_str!("../../src/holding.rs"),
        include_str!("../../src/settlement.rs"),
        include_str!("../../src/handlers/create_checkout.rs"),
        include_str!("../../src/handlers/receive_stripe_event.rs"),
    ]
    .concat();
    for name in FAILPOINTS {
        assert_eq!(sources.matches(&format!("failpoint!(\"{name}\")")).count(), 1, "{name}");
        let (step, side) = name.rsplit_once('.').unwrap();
        let other = if side == "before" { "after" } else { "before" };
        assert!(FAILPOINTS.contains(&format!("{step}.{other}").as_str()), "{name}");
    }
    assert_eq!(sources.matches("failpoint!(").count(), FAILPOINTS.len());
}

/// What came of a payment is Stripe's to say; the page behind it claims nothing.
#[actix_web::test]
async fn the_page_behind_a_payment_only_says_what_comes_next() {
    let studio = Studio::open().await;
    let path = format!("/payment/{}", studio.app.clock.new_uuid());
    let page = |query: &str, locale: &str| {
        studio.app.get(&format!("{path}{query}")).header("accept-language", locale).send()
    };
    let paid = page("?checkout=success", "en").await.expect(200);
    assert!(paid.body.as_str().unwrap().contains("as soon as the payment is confirmed"));
    let left = page("?checkout=cancelled", "fr").await.expect(200);
    let html = left.body.as_str().unwrap();
    assert!(html.contains("Aucun paiement") && html.contains("lang=\"fr\""));
    assert!(!html.contains("{{") && !html.contains("<script"));
    assert!(left.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    page("?checkout=%3Cscript%3E", "en").await.expect(422);
    studio.close().await;
}

#[actix_web::test]
async fn every_fault_of_the_stripe_settings_is_told_at_once() {
    let studio = Studio::open().await;
    let platform: Platform = studio.app.service().platform().clone();
    let variables = HashMap::from([
        ("STRIPE_SECRET_KEY".to_owned(), "pk_live_public".to_owned()),
        ("STRIPE_WEBHOOK_SECRET".to_owned(), "secret".to_owned()),
        ("STRIPE_API_BASE".to_owned(), "http://127.0.0.1:1/".to_owned()),
    ]);
    let mut environment = Environment::from_variables(variables);
    let faults = Credits::start(platform, &mut environment).await.err().expect("a fault").to_string();
    for expected in ["STRIPE_SECRET_KEY must be", "STRIPE_API_BASE is set", "STRIPE_WEBHOOK_SECRET must be"] {
        assert!(faults.contains(expected), "{faults}");
    }
    studio.close().await;
}

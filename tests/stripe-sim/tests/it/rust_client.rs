//! The crate that the credits service uses reads every shape of the stand-in.

use std::collections::HashMap;

use stripe::{Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeError, StripeRequest};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData,
    CreateCheckoutSessionPaymentIntentData, ExpireCheckoutSession, ListCheckoutSession,
    ListLineItemsCheckoutSession, ProductData, RetrieveCheckoutSession,
};
use stripe_checkout::{
    CheckoutSession, CheckoutSessionMode, CheckoutSessionPaymentStatus, CheckoutSessionStatus,
};
use stripe_types::Currency;
use stripe_webhook::{EventObject, Webhook, WebhookError};

use crate::endpoint::Endpoint;
use crate::harness::{API_KEY, Sim, WEBHOOK_SECRET};

fn client(sim: &Sim) -> Client {
    ClientBuilder::new(API_KEY).url(format!("{}/", sim.url)).build().unwrap()
}

fn ten_credits() -> CreateCheckoutSession {
    let mut price = CreateCheckoutSessionLineItemsPriceData::new(Currency::EUR);
    price.unit_amount = Some(1900);
    price.product_data = Some(ProductData::new("Ten credits"));
    let mut item = CreateCheckoutSessionLineItems::new();
    item.quantity = Some(1);
    item.price_data = Some(price);
    let mut payment = CreateCheckoutSessionPaymentIntentData::new();
    payment.metadata = Some(HashMap::from([("payment".to_owned(), "7".to_owned())]));
    CreateCheckoutSession::new()
        .mode(CheckoutSessionMode::Payment)
        .line_items(vec![item])
        .success_url("https://app.example.test/paid?session={CHECKOUT_SESSION_ID}")
        .cancel_url("https://app.example.test/cancelled")
        .client_reference_id("payment-7")
        .metadata(HashMap::from([("payment".to_owned(), "7".to_owned())]))
        .payment_intent_data(payment)
}

async fn create(client: &Client, key: &str) -> Result<CheckoutSession, StripeError> {
    ten_credits()
        .customize()
        .request_strategy(RequestStrategy::Idempotent(IdempotencyKey::new(key).unwrap()))
        .send(client)
        .await
}

#[tokio::test]
async fn async_stripe_creates_finds_and_expires_sessions() {
    let sim = Sim::start().await;
    let client = client(&sim);
    let session = create(&client, "k1").await.unwrap();
    assert_eq!(session.status, Some(CheckoutSessionStatus::Open));
    assert_eq!(session.payment_status, CheckoutSessionPaymentStatus::Unpaid);
    assert_eq!(session.amount_total, Some(1900));
    assert_eq!(session.client_reference_id.as_deref(), Some("payment-7"));
    assert!(session.url.unwrap().ends_with(session.id.as_str()));
    let replay = create(&client, "k1").await.unwrap();
    assert_eq!(replay.id, session.id);

    let items = ListLineItemsCheckoutSession::new(session.id.clone()).send(&client).await.unwrap();
    assert_eq!(items.data[0].amount_total, 1900);
    let list = ListCheckoutSession::new()
        .status(CheckoutSessionStatus::Open)
        .created(stripe_types::RangeQueryTs::gte(session.created))
        .send(&client)
        .await
        .unwrap();
    assert_eq!(list.data.len(), 1);
    let expired = ExpireCheckoutSession::new(session.id.clone()).send(&client).await.unwrap();
    assert_eq!(expired.status, Some(CheckoutSessionStatus::Expired));

    let again = ExpireCheckoutSession::new(session.id).send(&client).await;
    let Err(StripeError::Stripe(error, 400)) = again else {
        panic!("{again:?}");
    };
    assert!(error.message.unwrap().contains("expired"));
}

#[tokio::test]
async fn async_stripe_reads_a_paid_session_with_its_payment_and_charge() {
    let sim = Sim::start().await;
    let client = client(&sim);
    let session = create(&client, "k1").await.unwrap();
    let shape = serde_json::json!({ "id": session.id.as_str() });
    sim.pay(&shape, "card").await.ok();
    let paid = RetrieveCheckoutSession::new(session.id)
        .expand(vec!["payment_intent.latest_charge".to_owned(), "line_items".to_owned()])
        .send(&client)
        .await
        .unwrap();
    assert_eq!(paid.payment_status, CheckoutSessionPaymentStatus::Paid);
    assert_eq!(paid.line_items.unwrap().data.len(), 1);
    let intent = paid.payment_intent.unwrap().into_object().unwrap();
    assert_eq!(intent.amount_received, 1900);
    assert_eq!(intent.metadata["payment"], "7");
    let charge = intent.latest_charge.unwrap().into_object().unwrap();
    assert!(charge.paid && !charge.refunded);
}

#[tokio::test]
async fn async_stripe_reads_the_refusals() {
    let sim = Sim::start().await;
    let client = client(&sim);
    let missing = RetrieveCheckoutSession::new("cs_test_x").send(&client).await;
    let Err(StripeError::Stripe(error, 404)) = missing else {
        panic!("{missing:?}");
    };
    assert_eq!(error.code, Some(stripe::ApiErrorsCode::ResourceMissing));

    create(&client, "k1").await.unwrap();
    let other = ten_credits()
        .client_reference_id("payment-8")
        .customize()
        .request_strategy(RequestStrategy::Idempotent(IdempotencyKey::new("k1").unwrap()))
        .send(&client)
        .await;
    let Err(StripeError::Stripe(error, 400)) = other else {
        panic!("{other:?}");
    };
    assert_eq!(error.type_, stripe::ApiErrorsType::IdempotencyError);

    let stranger = ClientBuilder::new("sk_test_somebody_else").url(format!("{}/", sim.url)).build().unwrap();
    let refused = create(&stranger, "k2").await;
    assert!(matches!(refused, Err(StripeError::Stripe(_, 401))), "{refused:?}");
}

#[tokio::test]
async fn async_stripe_verifies_and_reads_every_kind_of_event() {
    let endpoint = Endpoint::start().await;
    let sim = Sim::sending_to(&endpoint).await;
    play_every_event(&sim).await;
    let list = sim.get("/v1/events?limit=100").await.ok();
    let told = list["data"].as_array().unwrap().len();
    let received = endpoint.wait_for(told).await;
    let mut kinds = std::collections::BTreeSet::new();
    for one in &received {
        let event = Webhook::construct_event(&one.body, &one.signature, WEBHOOK_SECRET)
            .unwrap_or_else(|error| panic!("{error}: {}", one.body));
        assert!(!matches!(event.data.object, EventObject::Unknown(_)));
        kinds.insert(event.type_.as_str().to_owned());
    }
    assert_eq!(kinds.len(), 16, "{kinds:?}");

    let tampered = received[0].body.replace("1900", "1");
    let refused = Webhook::construct_event(&tampered, &received[0].signature, WEBHOOK_SECRET);
    assert!(matches!(refused, Err(WebhookError::BadSignature)));
}

/// Lets everything happen that the stand-in tells of.
async fn play_every_event(sim: &Sim) {
    use serde_json::json;
    let expiring = sim.session(&[]).await;
    let id = expiring["id"].as_str().unwrap();
    sim.control(&format!("/sim/checkout/{id}/expire"), json!({})).await.ok();

    let session = sim.session(&[]).await;
    assert_eq!(sim.pay(&session, "declined").await.status, 402);
    sim.pay(&session, "card").await.ok();
    for outcome in ["succeeded", "failed"] {
        let session = sim.session(&[]).await;
        sim.pay(&session, "delayed").await.ok();
        let id = session["id"].as_str().unwrap();
        let settled =
            sim.control(&format!("/sim/checkout/{id}/settle"), json!({ "outcome": outcome })).await.ok();
        if outcome == "failed" {
            continue;
        }
        let intent = settled["payment_intent"].as_str().unwrap();
        let refund = sim.post("/v1/refunds", &[("payment_intent", intent)]).await.ok();
        let id = refund["id"].as_str().unwrap();
        sim.control(&format!("/sim/refunds/{id}/settle"), json!({ "outcome": "failed" })).await.ok();
    }
}

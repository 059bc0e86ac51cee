//! A person gets a copy of what is known, and is forgotten as far as the law allows.

use diesel_async::AsyncConnection as _;
use serde_json::Value;
use shinkofa_contracts::privacy::PrivacyScope;
use shinkofa_db::{Scope, transaction};
use shinkofa_kernel::Role;
use shinkofa_runtime::Service as _;
use shinkofa_testing::assert_copy_holds_personal_columns;

use crate::harness::Studio;

#[actix_web::test]
async fn an_export_holds_the_wallet_its_story_and_the_payments_of_that_person_alone() {
    let studio = Studio::open().await;
    let (package, anna, ben) =
        (studio.package().await, studio.app.user(Role::Member), studio.app.user(Role::Member));
    for buyer in [&anna, &ben] {
        let session = studio.checkout(buyer, &package, "k").await.expect(201).text("checkoutSessionId");
        studio.pay(&session, "card").await;
    }
    studio.deliver_events().await;
    let scope = Scope::tenant(anna.tenant_id);
    let export: Value = transaction(studio.app.pool(), &scope, "export", async |tx| {
        studio.app.service().export_personal_data(tx, anna.user_id).await
    })
    .await
    .unwrap();
    assert_eq!(export["wallet"]["available"], 10);
    for list in ["lots", "transactions", "payments"] {
        assert_eq!(export[list].as_array().unwrap().len(), 1, "{list}");
    }
    studio.close().await;
}

#[actix_web::test]
async fn a_copy_holds_every_column_that_is_about_the_person() {
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let session = studio.checkout(&anna, &package, "k").await.expect(201).text("checkoutSessionId");
    studio.pay(&session, "card").await;
    studio.deliver_events().await;
    studio.hold(studio.reservation(), anna.user_id, 2).await.expect(200);
    let path = format!("/internal/v1/privacy/exports/{}", anna.user_id);
    let about = (Some(anna.tenant_id), Some(anna.user_id));
    let call = studio.app.internal_for::<PrivacyScope>("auth", about, reqwest::Method::GET, &path);
    let copy = call.send().await.expect(200).body["data"].take();
    let places = [
        ("holds.reservation_id", "holds/*/reservationId"),
        ("holds.state", "holds/*/state"),
        ("holds.user_id", "userId"),
        ("journals.cause", "transactions/*/type"),
        ("journals.reference", "transactions/*/reference"),
        ("journals.user_id", "userId"),
        ("lots.source_id", "lots/*/sourceId"),
        ("lots.source_type", "lots/*/source"),
        ("lots.user_id", "userId"),
        ("payments.checkout_session_id", "payments/*/stripeSession"),
        ("payments.checkout_url", "payments/*/checkoutUrl"),
        ("payments.currency", "payments/*/currency"),
        ("payments.package_id", "payments/*/packageId"),
        ("payments.package_name", "payments/*/package"),
        ("payments.request_key", "payments/*/requestKey"),
        ("payments.status", "payments/*/status"),
        ("payments.user_id", "userId"),
        ("wallets.user_id", "userId"),
    ];
    let withheld = [
        ("events.data", "says again what the payments say"),
        (
            "idempotency_keys.response",
            "the answer that the person had, for seven days: it says what the payments say",
        ),
    ];
    assert_copy_holds_personal_columns(&studio.app, &copy, &places, &withheld).await;
    studio.close().await;
}

#[actix_web::test]
async fn an_erased_person_leaves_the_ledger_whole_and_nothing_they_wrote() {
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let opened = studio.checkout(&anna, &package, "anna@example.test").await.expect(201);
    studio.pay(&opened.text("checkoutSessionId"), "card").await;
    studio.deliver_events().await;
    transaction(studio.app.pool(), &Scope::tenant(anna.tenant_id), "erase", async |tx| {
        studio.app.service().erase_personal_data(tx, anna.user_id).await
    })
    .await
    .unwrap();
    let kept = studio.app.sql("SELECT to_jsonb(payments)::text AS kept FROM payments").await;
    assert!(!kept[0]["kept"].as_str().unwrap().contains("anna@"), "{kept:?}");
    assert!(studio.app.sql("SELECT 1 AS one FROM idempotency_keys").await.is_empty());
    assert_eq!(studio.app.sql("SELECT id FROM journals").await.len(), 1);
    studio.close().await;
}

#[actix_web::test]
async fn the_role_of_the_service_is_refused_outside_its_schema() {
    let studio = Studio::open().await;
    let mut connection =
        diesel_async::AsyncPgConnection::establish(&studio.app.database.runtime_url()).await.unwrap();
    let made = diesel_async::RunQueryDsl::execute(
        diesel::sql_query("CREATE TABLE public.mine (id int)"),
        &mut connection,
    );
    assert!(made.await.is_err());
    drop(connection);
    studio.close().await;
}

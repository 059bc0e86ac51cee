//! Another studio's ids name nothing.

use reqwest::Method;
use serde_json::json;
use shinkofa_kernel::{Role, TenantId};
use shinkofa_testing::assert_tenant_tables_are_protected;

use crate::harness::Studio;

#[actix_web::test]
async fn every_table_of_a_tenant_is_protected() {
    let studio = Studio::open().await;
    assert_tenant_tables_are_protected(&studio.app).await;
    studio.close().await;
}

#[actix_web::test]
async fn holds_of_another_tenant_are_not_there() {
    let studio = Studio::open().await;
    let (anna, reservation) = (studio.app.user(Role::Member), studio.reservation());
    studio.grant(&anna, 5, None).await;
    studio.hold(reservation, anna.user_id, 2).await.expect(200);
    let other = TenantId::new(&studio.app.clock);
    let path = format!("/internal/v1/holds/{reservation}");
    studio.as_booking_of(other, Method::GET, &path).send().await.expect_problem(404, "not_found");
    for step in ["capture", "consume"] {
        let call = studio.as_booking_of(other, Method::PUT, &format!("{path}/{step}"));
        call.send().await.expect_problem(404, "not_found");
    }
    let refund = studio.as_booking_of(other, Method::PUT, &format!("{path}/refund"));
    refund.json(&json!({ "reason": "cancelled_in_time" })).send().await.expect_problem(404, "not_found");
    // Their own reservation of the same id is another one, and the member has nothing there.
    let hold = json!({ "userId": anna.user_id, "amount": 1, "expiresAt": studio.now() });
    let hold = studio.as_booking_of(other, Method::PUT, &path).json(&hold).send().await;
    hold.expect_problem(402, "insufficient_credits");
    studio.as_booking_of(other, Method::PUT, &format!("{path}/release")).send().await.expect(200);
    assert_eq!(studio.as_booking(Method::GET, &path).send().await.expect(200).body["state"], "held");
    let listed =
        studio.as_booking_of(other, Method::GET, "/internal/v1/holds?state=held").send().await.expect(200);
    assert_eq!(listed.body["items"], json!([]));
    studio.close().await;
}

#[actix_web::test]
async fn a_package_or_payment_of_another_tenant_is_not_there() {
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let payment = studio.checkout(&anna, &package, "k").await.expect(201).text("paymentId");
    let other = TenantId::new(&studio.app.clock);
    for table in ["packages", "payments", "stripe_calls"] {
        studio
            .app
            .superuser()
            .await
            .run(&format!("SET session_replication_role = replica; UPDATE {table} SET tenant_id = '{other}'"))
            .await;
    }
    studio.checkout(&anna, &package, "other").await.expect_problem(404, "not_found");
    studio
        .app
        .get(&format!("/api/payment/{payment}"))
        .bearer(&anna)
        .send()
        .await
        .expect_problem(404, "not_found");
    let listed = studio.app.get("/api/credits/packages").send().await.expect(200);
    assert_eq!(listed.body["items"], json!([]));
    studio.close().await;
}

//! How fast a tenant's own systems are told, and how much waits for them.

use chrono::TimeDelta;
use serde_json::json;
use shinkofa_kernel::TenantId;

use crate::people::{self, address};
use crate::receivers::{Scene, answering, is_signed};

/// So many deliveries are on their way, which no job has yet.
async fn pile_up(scene: &Scene, deliveries: u32) {
    let statement = format!(
        "INSERT INTO webhook_deliveries (tenant_id, id, endpoint_id, event_id, event_type, payload, state, created_at)
         SELECT tenant_id, gen_random_uuid(), id, gen_random_uuid(), 'account.created', '{{}}', 'pending', created_at
         FROM webhook_endpoints, generate_series(1, {deliveries}) WHERE id = '{}'",
        scene.id
    );
    scene.app.superuser().await.run(&statement).await;
}

async fn sign_up(scene: &Scene, who: &str) {
    people::sign_up(&scene.app, &address(&scene.app, who), people::PASSWORD).await.expect(202);
    scene.app.run_jobs().await;
}

#[actix_web::test]
async fn an_endpoint_that_does_not_keep_up_is_disabled_and_begins_anew_when_it_is_enabled() {
    let scene = Scene::new(&["account.created"]).await;
    answering(&scene.receiver, 503).await;
    pile_up(&scene, 999).await;
    sign_up(&scene, "anna").await;
    assert!(scene.enabled().await, "a thousand are on their way, and no more");
    sign_up(&scene, "bob").await;
    assert!(!scene.enabled().await);
    let reason = "SELECT details FROM audit_events WHERE action = 'webhook.disabled'";
    assert_eq!(scene.app.sql(reason).await[0]["details"], json!({ "reason": "backlog" }));
    let states = "SELECT DISTINCT state, last_failure FROM webhook_deliveries";
    assert_eq!(
        scene.app.sql(states).await,
        [json!({ "state": "given_up", "last_failure": "disabled" })],
        "nothing is left on its way"
    );

    answering(&scene.receiver, 200).await;
    scene.order("enable").await.expect(204);
    sign_up(&scene, "carl").await;
    assert!(scene.enabled().await);
    assert_eq!(scene.received().await.len(), 1);
}

#[actix_web::test]
async fn an_endpoint_with_more_than_a_thousand_on_their_way_is_told_nothing_until_there_are_fewer() {
    let scene = Scene::new(&["account.created"]).await;
    pile_up(&scene, 1_001).await;
    sign_up(&scene, "anna").await;
    assert_eq!(scene.app.sql("SELECT id FROM webhook_deliveries").await.len(), 1_001);
    assert!(scene.enabled().await, "nothing was tried");
    let one_arrives = "UPDATE webhook_deliveries SET state = 'delivered' WHERE id IN (SELECT id FROM webhook_deliveries LIMIT 1)";
    scene.app.superuser().await.run(one_arrives).await;
    sign_up(&scene, "bob").await;
    assert_eq!(scene.app.sql("SELECT id FROM webhook_deliveries").await.len(), 1_002);
    assert_eq!(scene.received().await.len(), 1);
}

#[actix_web::test]
async fn a_delivery_without_a_turn_waits_the_longer_the_older_it_is_and_in_a_lane_apart() {
    let scene = Scene::new(&["account.created"]).await;
    let turn = scene.app.service().outbound.turn(TenantId::DEFAULT).expect("nobody else sends");
    let waits = async || {
        let now = scene.app.clock.now().to_rfc3339();
        let query = format!(
            "SELECT lane, extract(epoch FROM run_at - timestamptz '{now}')::float8 AS seconds FROM jobs WHERE name = 'deliver_webhook'"
        );
        let waiting = scene.app.sql(&query).await;
        assert_eq!((waiting.len(), &waiting[0]["lane"]), (1, &json!("outbound")));
        waiting[0]["seconds"].as_f64().expect("a number")
    };
    sign_up(&scene, "anna").await;
    assert!((2.0..4.0).contains(&waits().await));
    for (later, at_least, less_than) in [(60, 30.0, 60.0), (60, 60.0, 120.0), (3_600, 300.0, 300.001)] {
        scene.app.advance(TimeDelta::seconds(later));
        scene.app.run_jobs().await;
        assert!((at_least..less_than).contains(&waits().await), "{later}");
    }
    drop(turn);
    scene.app.advance(TimeDelta::seconds(299));
    scene.app.run_jobs().await;
    assert_eq!(scene.received().await.len(), 0);
    scene.app.advance(TimeDelta::seconds(1));
    scene.app.run_jobs().await;
    assert_eq!(scene.received().await.len(), 1);
}

#[actix_web::test]
async fn what_waits_to_be_tried_again_is_not_sent_by_enabling_again_what_was_disabled() {
    let scene = Scene::new(&["account.created"]).await;
    answering(&scene.receiver, 500).await;
    sign_up(&scene, "anna").await;
    assert_eq!(scene.received().await.len(), 1);
    scene.order("disable").await.expect(204);
    answering(&scene.receiver, 200).await;
    scene.order("enable").await.expect(204);
    scene.app.advance(TimeDelta::seconds(5));
    scene.app.run_jobs().await;
    assert_eq!(scene.received().await.len(), 0);
    let shown = scene.deliveries().await;
    assert_eq!(
        (&shown[0]["state"], &shown[0]["attempts"], &shown[0]["lastFailure"]),
        (&json!("given_up"), &json!(1), &json!("disabled"))
    );
    sign_up(&scene, "bob").await;
    assert_eq!(scene.received().await.len(), 1);
}

#[actix_web::test]
async fn a_rotation_whose_answer_was_lost_is_repeated_and_the_receivers_secret_stays_good() {
    let scene = Scene::new(&["account.created"]).await;
    let rotate = async || scene.order("secret").await.expect(200).text("secret");
    let sent = async || {
        scene.order("test").await.expect(202);
        scene.app.run_jobs().await;
        scene.received().await.pop().expect("a delivery")
    };
    let lost = rotate().await;
    scene.app.advance(TimeDelta::seconds(59));
    let second = rotate().await;
    let delivery = sent().await;
    assert!(is_signed(&delivery, &scene.secret) && is_signed(&delivery, &second));
    assert!(!is_signed(&delivery, &lost), "nobody has it");

    scene.app.advance(TimeDelta::seconds(1));
    let third = rotate().await;
    let delivery = sent().await;
    assert!(is_signed(&delivery, &second) && is_signed(&delivery, &third));
    assert!(!is_signed(&delivery, &scene.secret), "a minute later it is another rotation");
}

//! A tenant's own systems are told what happens in it: signed, at least once, and never at an address inside.

use auth::Auth;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_identity::SealingKey;
use shinkofa_testing::TestApp;
use shinkofa_testing::wiremock::matchers::method;
use shinkofa_testing::wiremock::{Mock, MockServer, ResponseTemplate};

use crate::operations::refuse_large_portions;
use crate::people::{self, address, text};
use crate::receivers::{PATH, Scene, answering, body, create, header, is_signed};
use crate::staff::{staff, token, user_id};

#[actix_web::test]
async fn what_happens_is_sent_signed_with_ids_alone_and_once_where_it_arrives() {
    let scene = Scene::new(&["session.opened", "membership.locked"]).await;
    let anna = people::signed_in(&scene.app, &address(&scene.app, "anna")).await;
    let lock = format!("/api/admin/users/{}/lock", user_id(&anna));
    let reason = json!({ "reason": "chargebacks" });
    scene.app.post(&lock).token(&scene.admin).json(&reason).send().await.expect(204);
    scene.app.run_jobs().await;

    let mut received = scene.received().await;
    received.sort_by_key(|request| body(request)["type"].to_string());
    assert_eq!(received.len(), 2, "one of each kind that was asked for, and nothing else");
    let told = body(&received[0]);
    assert_eq!(
        (&told["type"], &told["data"]["subject"]["id"]),
        (&json!("membership.locked"), &json!(user_id(&anna)))
    );
    assert_eq!(told["timestamp"], json!(scene.app.clock.now()));
    for request in &received {
        assert!(is_signed(request, &scene.secret));
        assert!(!is_signed(request, "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="));
        assert_eq!(header(request, "content-type"), "application/json");
        assert_eq!(header(request, "webhook-timestamp"), scene.app.clock.now().timestamp().to_string());
        let text = body(request).to_string();
        assert!(!text.contains("anna") && !text.contains("Anna") && !text.contains("chargebacks"), "{text}");
    }
    let audited = scene.app.sql("SELECT id FROM audit_events WHERE action = 'membership.locked'").await;
    let entry = audited[0]["id"].as_str().unwrap().replace('-', "");
    assert_eq!(
        header(&received[0], "webhook-id"),
        format!("msg_{entry}"),
        "the trail knows it by the same id"
    );
    scene.app.run_jobs().await;
    assert_eq!(scene.received().await.len(), 2);
    let shown = scene.deliveries().await;
    assert!(
        shown
            .iter()
            .all(|delivery| (&delivery["state"], &delivery["lastStatus"])
                == (&json!("delivered"), &json!(204)))
    );
}

/// What a transaction did not do is not told.
#[actix_web::test]
async fn what_was_rolled_back_is_not_told() {
    let scene = Scene::new(&["membership.locked", "session.ended"]).await;
    let anna = people::signed_in(&scene.app, &address(&scene.app, "anna")).await;
    let lock = format!("/api/admin/users/{}/lock", user_id(&anna));
    let reason = json!({ "reason": "chargebacks" });
    // The last statement of the transaction fails: everything before it goes with it.
    let break_feed =
        "ALTER TABLE events ADD CONSTRAINT broken CHECK (type <> 'membership.changed') NOT VALID";
    scene.app.superuser().await.run(break_feed).await;
    scene.app.post(&lock).token(&scene.admin).json(&reason).send().await.expect(500);
    scene.app.run_jobs().await;
    assert_eq!(scene.received().await.len(), 0);
    assert_eq!(scene.app.sql("SELECT id FROM webhook_deliveries").await.len(), 0);
}

#[actix_web::test]
async fn what_does_not_arrive_is_sent_again_under_the_same_id_and_signed_anew() {
    let mut scene = Scene::new(&["account.created"]).await;
    answering(&scene.receiver, 500).await;
    people::sign_up(&scene.app, &address(&scene.app, "anna"), people::PASSWORD).await.expect(202);
    scene.app.run_jobs().await;
    assert_eq!(scene.received().await.len(), 1);
    scene.app.advance(TimeDelta::seconds(4));
    scene.app.run_jobs().await;
    assert_eq!(scene.received().await.len(), 1);
    scene.app.advance(TimeDelta::seconds(1));
    scene.app.run_jobs().await;
    let tried = scene.received().await;
    assert_eq!(tried.len(), 2);
    assert_eq!(header(&tried[0], "webhook-id"), header(&tried[1], "webhook-id"));
    assert_eq!(tried[0].body, tried[1].body);
    assert_ne!(header(&tried[0], "webhook-timestamp"), header(&tried[1], "webhook-timestamp"));
    assert!(tried.iter().all(|request| is_signed(request, &scene.secret)));

    answering(&scene.receiver, 200).await;
    scene.app.advance(TimeDelta::seconds(300));
    scene.app.run_jobs().await;
    scene.app.advance(TimeDelta::hours(30));
    scene.app.run_jobs().await;
    assert_eq!(scene.received().await.len(), 1);
    scene.comes_again().await;
    let shown = scene.deliveries().await;
    assert_eq!((&shown[0]["state"], &shown[0]["attempts"]), (&json!("delivered"), &json!(3)));
}

/// Sends until it is given up: eight times.
async fn give_up_one(scene: &Scene, who: &str) {
    people::sign_up(&scene.app, &address(&scene.app, who), people::PASSWORD).await.expect(202);
    for seconds in [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 72_000] {
        scene.app.advance(TimeDelta::seconds(seconds));
        scene.app.run_jobs().await;
    }
}

#[actix_web::test]
async fn an_endpoint_that_takes_nothing_any_more_is_disabled_and_the_trail_says_so() {
    let mut scene = Scene::new(&["account.created"]).await;
    answering(&scene.receiver, 503).await;
    for n in 1..5 {
        give_up_one(&scene, &format!("anna{n}")).await;
        assert_eq!(scene.received().await.len(), 8 * n);
    }
    // One that arrives in between, and counting starts again.
    answering(&scene.receiver, 200).await;
    give_up_one(&scene, "bob").await;
    answering(&scene.receiver, 503).await;
    for n in 1..5 {
        give_up_one(&scene, &format!("carl{n}")).await;
    }
    scene.comes_again().await;
    assert!(scene.enabled().await);
    give_up_one(&scene, "dora").await;
    scene.comes_again().await;
    assert!(!scene.enabled().await);
    let trail = scene
        .app
        .sql("SELECT actor, subject_id, details FROM audit_events WHERE action = 'webhook.disabled'")
        .await;
    assert_eq!(
        (trail.len(), &trail[0]["subject_id"], &trail[0]["details"]),
        (1, &json!(scene.id), &json!({ "reason": "failing" }))
    );
    let before = scene.received().await.len();
    give_up_one(&scene, "emil").await;
    assert_eq!(scene.received().await.len(), before);

    scene.comes_again().await;
    answering(&scene.receiver, 410).await;
    scene.order("enable").await.expect(204);
    people::sign_up(&scene.app, &address(&scene.app, "finn"), people::PASSWORD).await.expect(202);
    scene.app.run_jobs().await;
    assert!(!scene.enabled().await, "gone is gone");
    assert_eq!(scene.received().await.len(), 1);
}

/// V27: a receiver that sends us on sends us nowhere.
#[actix_web::test]
async fn v27_a_receiver_that_redirects_is_answered_by_nothing_more() {
    let scene = Scene::new(&["session.opened"]).await;
    let inside = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string("a secret"))
        .mount(&inside)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_string("a secret"))
        .mount(&inside)
        .await;
    for status in [301, 302, 303, 307, 308] {
        scene.receiver.reset().await;
        let to = ResponseTemplate::new(status).insert_header("location", inside.uri().as_str());
        Mock::given(method("POST")).respond_with(to).mount(&scene.receiver).await;
        scene.order("test").await.expect(202);
        scene.app.run_jobs().await;
        let shown = scene.deliveries().await;
        assert_eq!(
            (&shown[0]["state"], &shown[0]["lastStatus"], &shown[0]["lastFailure"]),
            (&json!("given_up"), &json!(status), &json!("status"))
        );
        assert!(!json!(shown).to_string().contains("a secret"));
        scene.app.advance(TimeDelta::seconds(1));
    }
    assert_eq!(inside.received_requests().await.unwrap().len(), 0);
}

/// V27: no address inside is taken, in whichever spelling. More of them, and names that change their mind, stand in the tests of
/// `shinkofa_runtime::outbound`.
#[actix_web::test]
async fn v27_addresses_inside_are_refused_when_a_webhook_is_made_changed_and_sent_to() {
    let scene = Scene::new(&["session.opened"]).await;
    let inside = MockServer::start().await;
    answering(&inside, 200).await;
    let plain = inside.uri();
    for hostile in [
        plain.as_str(),
        "http://hooks.example.org/in",
        "https://127.0.0.1/in",
        "https://2130706433/in",
        "https://[::ffff:127.0.0.1]/in",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/in",
        "https://postgres:5432/",
        "https://user@example.org/in",
        "https://example.org:6379/",
        "file:///etc/passwd",
        "",
    ] {
        create(&scene.app, &scene.admin, hostile, &["session.opened"])
            .await
            .expect_problem(422, "invalid_fields");
        let path = format!("{PATH}/{}", scene.id);
        let change = json!({ "url": hostile });
        let answer = scene.app.call(Method::PATCH, &path).token(&scene.admin).json(&change).send().await;
        assert_eq!(answer.expect_problem(422, "invalid_fields").body["errors"][0]["pointer"], "/url");
    }
    // Somebody put one into the database all the same.
    let force = format!("UPDATE webhook_endpoints SET url = '{plain}/in'");
    scene.app.superuser().await.run(&force).await;
    scene.order("test").await.expect(202);
    scene.app.run_jobs().await;
    let shown = scene.deliveries().await;
    assert_eq!(
        (&shown[0]["lastFailure"], &shown[0]["lastStatus"]),
        (&json!("refused_address"), &Value::Null)
    );
    assert_eq!(inside.received_requests().await.unwrap().len(), 0);
}

/// V28: a studio that is closed or suspended has nothing sent any more, not even what was on its way.
#[actix_web::test]
async fn v28_nothing_is_sent_for_a_studio_that_is_not_open() {
    let scene = Scene::new(&["session.opened"]).await;
    people::signed_in(&scene.app, &address(&scene.app, "anna")).await;
    scene.app.superuser().await.run("UPDATE tenants SET status = 'suspended'").await;
    scene.app.run_jobs().await;
    assert!(scene.received().await.is_empty());
}

#[actix_web::test]
async fn another_secret_signs_at_once_and_the_one_before_it_for_a_day() {
    let mut scene = Scene::new(&["session.opened"]).await;
    let after = scene.order("secret").await.expect(200).text("secret");
    assert_ne!(after, scene.secret);
    scene.order("test").await.expect(202);
    scene.app.run_jobs().await;
    let received = scene.received().await;
    assert!(is_signed(&received[0], &scene.secret) && is_signed(&received[0], &after));
    scene.app.advance(TimeDelta::hours(24));
    scene.comes_again().await;
    scene.order("test").await.expect(202);
    scene.app.run_jobs().await;
    let received = scene.received().await;
    let last = received
        .iter()
        .find(|request| body(request)["type"] == "webhook.test" && !is_signed(request, &scene.secret));
    assert!(is_signed(last.expect("signed with the new one alone"), &after));
    let kept = serde_json::to_string(&scene.app.sql("SELECT * FROM webhook_endpoints").await).unwrap();
    assert!(
        !kept.contains(scene.secret.trim_start_matches("whsec_"))
            && !kept.contains(after.trim_start_matches("whsec_"))
    );
}

#[actix_web::test]
async fn a_secret_that_an_older_key_sealed_is_sealed_with_the_present_one_within_the_hour() {
    let line = |kid: &str, start: u8| {
        let key: Vec<u8> = (0..32).map(|n: u8| n.wrapping_mul(37).wrapping_add(start)).collect();
        format!("{kid}:{}\n", STANDARD.encode(key))
    };
    let both = line("new", 3) + &line("old", 9);
    let builder = TestApp::<Auth>::builder().env("SHINKOFA_DELIVERY_KEY", &both);
    let mut scene = Scene::with(builder, &["session.opened"]).await;
    let old = SealingKey::parse(&line("old", 9)).unwrap();
    let secret = STANDARD.decode(scene.secret.trim_start_matches("whsec_")).unwrap();
    let sealed = old.seal(&format!("webhook_secret:{}", scene.id), &secret).unwrap();
    let age = format!("UPDATE webhook_endpoints SET secret_sealed = '{sealed}'");
    scene.app.superuser().await.run(&age).await;
    scene.app.run_jobs().await;
    scene.app.advance(TimeDelta::hours(1));
    scene.app.run_jobs().await;
    let kept = scene.app.sql("SELECT secret_sealed FROM webhook_endpoints").await;
    assert!(text(&kept[0], "secret_sealed").starts_with("new."));
    scene.comes_again().await;
    scene.app.run_jobs().await;
    assert!(is_signed(&scene.received().await[0], &scene.secret));
}

#[actix_web::test]
async fn webhooks_are_changed_disabled_deleted_and_not_without_number() {
    let scene = Scene::new(&["session.opened"]).await;
    let path = format!("{PATH}/{}", scene.id);
    let change = json!({ "eventTypes": ["membership.locked"], "description": "Another office" });
    let call = scene.app.call(Method::PATCH, &path).token(&scene.admin).json(&change);
    let changed = call.send().await.expect(200).body;
    assert_eq!(
        (&changed["eventTypes"], &changed["description"]),
        (&json!(["membership.locked"]), &json!("Another office"))
    );
    assert!(changed.get("secret").is_none());
    people::signed_in(&scene.app, &address(&scene.app, "anna")).await;
    scene.app.run_jobs().await;
    assert_eq!(scene.received().await.len(), 0, "nobody asked for sign-ins any more");
    for kinds in [
        json!([]),
        json!(["session.opened", "session.opened"]),
        json!(["profile.read"]),
        json!(["webhook.test"]),
    ] {
        let body = json!({ "url": "https://hooks.example.org/in", "eventTypes": kinds });
        let answer = scene.app.post(PATH).token(&scene.admin).json(&body).send().await;
        answer.expect_problem(422, "invalid_fields");
    }
    scene.order("test").await.expect(202);
    scene.order("disable").await.expect(204);
    scene.order("disable").await.expect(204);
    scene.order("test").await.expect_problem(409, "webhook_disabled");
    scene.app.run_jobs().await;
    assert_eq!(scene.received().await.len(), 0, "what was on its way is not sent either");
    assert_eq!(scene.deliveries().await[0]["lastFailure"], "disabled");
    for _ in 0..9 {
        create(&scene.app, &scene.admin, "https://hooks.example.org/in", &["session.opened"])
            .await
            .expect(201);
    }
    create(&scene.app, &scene.admin, "https://hooks.example.org/in", &["session.opened"])
        .await
        .expect_problem(409, "too_many_webhooks");
    let listed = scene.app.get(PATH).token(&scene.admin).send().await.expect(200).body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 10);
    scene.app.call(Method::DELETE, &path).token(&scene.admin).send().await.expect(204);
    scene.app.get(&path).token(&scene.admin).send().await.expect_problem(404, "not_found");
    let query = format!(
        "SELECT action FROM audit_events WHERE subject_id = '{}' ORDER BY transaction, number",
        scene.id
    );
    let trail = scene.app.sql(&query).await;
    let actions: Vec<_> = trail.iter().map(|row| text(row, "action").to_owned()).collect();
    assert_eq!(
        actions,
        ["webhook.created", "webhook.changed", "webhook.tested", "webhook.disabled", "webhook.deleted"]
    );
}

#[actix_web::test]
async fn the_deliveries_of_a_deleted_webhook_go_after_it_a_portion_at_a_time() {
    let scene = Scene::new(&["session.opened"]).await;
    let other = create(&scene.app, &scene.admin, "https://hooks.example.org/in", &["session.opened"]).await;
    let other = other.expect(201).text("id");
    refuse_large_portions(&scene.app, &["webhook_deliveries"]).await;
    let pile_up = "INSERT INTO webhook_deliveries (tenant_id, id, endpoint_id, event_id, event_type, payload, state, created_at)
        SELECT tenant_id, gen_random_uuid(), id, gen_random_uuid(), 'session.opened', '{}', 'delivered', created_at
        FROM webhook_endpoints, generate_series(1, 6000)";
    scene.app.superuser().await.run(pile_up).await;
    scene.order("test").await.expect(202);
    let path = format!("{PATH}/{}", scene.id);
    scene.app.call(Method::DELETE, &path).token(&scene.admin).send().await.expect(204);
    let deliveries = format!("{path}/deliveries");
    scene.app.get(&deliveries).token(&scene.admin).send().await.expect_problem(404, "not_found");
    scene.app.run_jobs().await;
    let left = "SELECT endpoint_id, count(*) AS n FROM webhook_deliveries GROUP BY 1";
    assert_eq!(scene.app.sql(left).await, [json!({ "endpoint_id": other, "n": 6_000 })]);
    assert_eq!(scene.received().await.len(), 0, "what was on its way is not sent");
}

/// V24: a webhook of another tenant answers as one that does not exist, and hears nothing of this one.
#[actix_web::test]
async fn v24_a_webhook_of_another_tenant_is_as_if_it_were_not_there() {
    let scene = Scene::new(&["session.opened"]).await;
    let other = "01920000-0000-7000-8000-0000000000aa";
    let moves = format!(
        "INSERT INTO tenants (id, slug, name, time_zone) VALUES ('{other}', 'other', 'Other', 'UTC');
         UPDATE webhook_endpoints SET tenant_id = '{other}'"
    );
    scene.app.superuser().await.run(&moves).await;
    let nobody = "01920000-0000-7000-8000-0000000000ee";
    for (method, what) in [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/disable"),
        ("POST", "/enable"),
        ("POST", "/secret"),
        ("POST", "/test"),
        ("GET", "/deliveries"),
    ] {
        let mut answers = Vec::new();
        for whom in [scene.id.as_str(), nobody] {
            let path = format!("{PATH}/{whom}{what}");
            let call = scene.app.call(method.parse().unwrap(), &path).token(&scene.admin).json(&json!({}));
            let mut answer = call.send().await;
            answer.body.as_object_mut().unwrap().remove("requestId");
            answers.push((answer.status, answer.body));
        }
        assert_eq!((answers[0].0, &answers[0]), (404, &answers[1]), "{method} {what}");
    }
    people::signed_in(&scene.app, &address(&scene.app, "anna")).await;
    scene.app.run_jobs().await;
    assert_eq!(scene.received().await.len(), 0);
    let manager = staff(&scene.app, "max", "manager").await;
    scene.app.get(PATH).token(token(&manager)).send().await.expect_problem(403, "permission_denied");
}

#[actix_web::test]
async fn deliveries_are_shown_page_by_page_and_forgotten_after_thirty_days() {
    let mut scene = Scene::new(&["session.opened"]).await;
    for _ in 0..3 {
        scene.order("test").await.expect(202);
        scene.app.advance(TimeDelta::seconds(1));
    }
    let path = format!("{PATH}/{}/deliveries?limit=2", scene.id);
    let first = scene.app.get(&path).token(&scene.admin).send().await.expect(200).body;
    let next = format!("{path}&cursor={}", text(&first, "nextCursor"));
    let second = scene.app.get(&next).token(&scene.admin).send().await.expect(200).body;
    assert_eq!((first["items"].as_array().unwrap().len(), second["items"].as_array().unwrap().len()), (2, 1));
    assert!(first["items"][0]["createdAt"].as_str() > second["items"][0]["createdAt"].as_str());
    scene.app.advance(TimeDelta::days(31));
    scene.app.run_jobs().await;
    scene.comes_again().await;
    // The sign-in that brought the admin back is the one that is known.
    assert_eq!(scene.deliveries().await.len(), 1);
}

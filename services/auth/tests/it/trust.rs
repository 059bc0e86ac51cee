//! What other services are told about tokens.

use auth::Auth;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::FeedScope;
use shinkofa_contracts::auth::TrustScope;
use shinkofa_testing::{TestApp, eventually};

use crate::people::{self, address};

async fn revocations(app: &TestApp<Auth>, after: i64) -> Value {
    let path = format!("/internal/v1/revocations?after={after}");
    app.internal::<TrustScope>("booking", Method::GET, &path).send().await.expect(200).body
}

async fn introspect(app: &TestApp<Auth>, token: &str) -> Value {
    let call = app.internal::<TrustScope>("credits", Method::POST, "/internal/v1/introspect");
    call.json(&json!({ "token": token })).send().await.expect(200).body
}

#[actix_web::test]
async fn a_sign_out_reaches_the_revocation_feed_and_introspection() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let access = people::text(&body, "accessToken");
    let live = introspect(&app, access).await;
    assert_eq!(
        (&live["active"], &live["userId"], &live["roles"]),
        (&json!(true), &body["user"]["userId"], &json!(["member"]))
    );
    let before = revocations(&app, 0).await;
    assert_eq!(before["items"], json!([]));

    app.post("/api/auth/logout").token(access).send().await.expect(204);
    let page = revocations(&app, before["cursor"].as_i64().unwrap()).await;
    assert_eq!(page["items"][0]["kind"], "session");
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(introspect(&app, access).await["active"], false);
    assert_eq!(introspect(&app, "nonsense").await["active"], false);
}

/// Numbers are handed out before commits: what commits late must not hide behind a cursor that moved on.
#[actix_web::test]
async fn a_revocation_that_commits_after_a_later_one_is_not_missed() {
    let app = TestApp::<Auth>::start().await;
    let (mut slow, mut fast) = (app.superuser().await, app.superuser().await);
    let insert = |id: u32| {
        format!(
            "INSERT INTO revocations (session_id, revoked_at) VALUES ('01920000-0000-7000-8000-{id:012}', '2026-12-01T09:00:00Z')"
        )
    };
    slow.run("BEGIN").await;
    slow.run(&insert(1)).await;
    fast.run(&insert(2)).await;
    let first = revocations(&app, 0).await;
    assert_eq!(first["items"].as_array().unwrap().len(), 1, "the later one is told at once");
    slow.run("COMMIT").await;
    let second = revocations(&app, first["cursor"].as_i64().unwrap()).await;
    let told: Vec<_> =
        second["items"].as_array().unwrap().iter().map(|item| item["sessionId"].clone()).collect();
    assert!(told.contains(&json!("01920000-0000-7000-8000-000000000001")), "{told:?}");
    // Other tests write to the same cluster: the cursor passes both once nobody older is left.
    let mut cursor = second["cursor"].as_i64().unwrap();
    eventually("the cursor is behind both", async || {
        let page = revocations(&app, cursor).await;
        cursor = page["cursor"].as_i64().unwrap();
        page["items"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
}

/// Whoever starts anew reads on while a page says where, and has everything: also while somebody writes.
#[actix_web::test]
async fn a_full_page_says_where_to_read_on_though_an_older_transaction_holds_the_cursor_back() {
    let app = TestApp::<Auth>::start().await;
    let (mut slow, mut fast) = (app.superuser().await, app.superuser().await);
    slow.run("BEGIN").await;
    slow.run(
        "INSERT INTO revocations (session_id, revoked_at) VALUES ('01920000-0000-7000-8000-000000000001', '2026-12-01T09:00:00Z')",
    )
    .await;
    for _ in 0..3 {
        fast.run(
            "INSERT INTO revocations (session_id, revoked_at) SELECT gen_random_uuid(), '2026-12-01T09:00:00Z' FROM generate_series(1, 4000)",
        )
        .await;
    }
    let first = revocations(&app, 0).await;
    let next = first["next"].as_i64().unwrap();
    assert!(first["cursor"].as_i64().unwrap() < next, "the cursor waits for the older transaction");
    let second = revocations(&app, next).await;
    assert!(second["next"].is_null(), "nothing is left");
    let told = [&first, &second].map(|page| page["items"].as_array().unwrap().len());
    // What one transaction revoked stays together.
    assert_eq!(told, [8_000, 4_000]);

    slow.run("COMMIT").await;
    let again = revocations(&app, first["cursor"].as_i64().unwrap()).await;
    let late = json!("01920000-0000-7000-8000-000000000001");
    assert!(again["items"].as_array().unwrap().iter().any(|item| item["sessionId"] == late));
}

#[actix_web::test]
async fn the_trust_endpoints_ask_for_their_own_scope() {
    let app = TestApp::<Auth>::start().await;
    let path = "/internal/v1/revocations";
    app.internal::<FeedScope>("booking", Method::GET, path)
        .send()
        .await
        .expect_problem(403, "permission_denied");
    app.internal_anonymous(Method::GET, path).send().await.expect_problem(401, "unauthenticated");
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    app.internal_anonymous(Method::GET, path)
        .token(people::text(&body, "accessToken"))
        .send()
        .await
        .expect(401);
}

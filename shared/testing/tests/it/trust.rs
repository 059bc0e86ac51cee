//! A process that has just started does not know what was revoked before: until it does, no token opens anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_kernel::Role;
use shinkofa_testing::wiremock::{Request, ResponseTemplate};
use shinkofa_testing::{FakePeer, TestApp, TestUser, problem};

use crate::probe::Probe;

const ME: &str = "/api/probe/me";
const REVOCATIONS: &str = "^/internal/v1/revocations$";

async fn started_beside(auth: &FakePeer) -> TestApp<Probe> {
    TestApp::<Probe>::builder().peer("auth", &auth.url()).knowing_no_revocations().start::<Probe>().await
}

fn revoked(app: &TestApp<Probe>, user: &TestUser) -> Value {
    json!({ "kind": "session", "sessionId": user.session_id, "revokedAt": app.clock.now() })
}

async fn readiness(app: &TestApp<Probe>, status: u16) -> String {
    let ready = app.internal_anonymous(Method::GET, "/readyz").send().await.expect(status);
    ready.text("status")
}

#[actix_web::test]
async fn before_it_knows_what_was_revoked_a_process_is_not_ready_and_lets_in_nobody_who_brings_a_token() {
    let auth = FakePeer::confirming().await;
    let app = started_beside(&auth).await;
    let (anna, bert) = (app.user(Role::Member), app.user(Role::Manager));
    assert_eq!(readiness(&app, 503).await, "revocations_unknown");
    for (method, path) in
        [(Method::GET, ME), (Method::POST, "/api/probe/plan"), (Method::POST, "/api/probe/settle")]
    {
        let answer = app.call(method, path).bearer(&bert).send().await;
        let refused = answer.expect_problem(503, "revocations_unknown");
        assert_eq!(refused.headers["retry-after"], "2");
    }
    assert!(auth.requests().await.is_empty(), "nobody is asked about whom nobody knows");
    // Whoever brings no token, or none of ours, is told the same as ever.
    app.get(ME).send().await.expect_problem(401, "unauthenticated");
    app.get(ME).token("a.b.c").send().await.expect_problem(401, "unauthenticated");
    app.get("/api/docs/probe.json").send().await.expect(200);
    app.internal_anonymous(Method::GET, "/healthz").send().await.expect(204);

    // Auth answers, but not now.
    auth.on("GET", REVOCATIONS, problem(503, "database_unavailable")).await;
    app.read_revocations(0).await.unwrap_err();
    assert_eq!(readiness(&app, 503).await, "revocations_unknown");
    auth.reset().await;
    let page = json!({ "items": [revoked(&app, &bert)], "cursor": 7 });
    auth.on("GET", REVOCATIONS, ResponseTemplate::new(200).set_body_json(page)).await;
    assert_eq!(app.read_revocations(0).await, Ok(7));
    assert_eq!(readiness(&app, 200).await, "ready");
    app.get(ME).bearer(&anna).send().await.expect(200);
    app.get(ME).bearer(&bert).send().await.expect_problem(401, "unauthenticated");

    // While auth is away later, the last snapshot holds.
    auth.reset().await;
    app.read_revocations(7).await.unwrap_err();
    assert_eq!(readiness(&app, 200).await, "ready");
    app.get(ME).bearer(&anna).send().await.expect(200);
    app.stop().await;
}

/// Auth tells `first` from the beginning and has more behind it, which it tells once `has_second` says so.
fn in_two_pages(
    (first, second): (Value, Value),
    has_second: Arc<AtomicBool>,
) -> impl Fn(&Request) -> ResponseTemplate {
    move |request: &Request| match request.url.query() {
        Some("after=0") => {
            // An older transaction still runs: next time begins with it, wherever this page ends.
            let page = json!({ "items": [first], "cursor": 3, "next": 8 });
            ResponseTemplate::new(200).set_body_json(page)
        }
        Some("after=8") if has_second.load(Ordering::Relaxed) => {
            ResponseTemplate::new(200).set_body_json(json!({ "items": [second], "cursor": 9 }))
        }
        _ => problem(503, "database_unavailable"),
    }
}

#[actix_web::test]
async fn a_snapshot_is_whole_when_its_last_page_was_read_and_full_ones_are_not_waited_for() {
    let auth = FakePeer::start().await;
    let app = started_beside(&auth).await;
    let [anna, bert, carl] = [(); 3].map(|()| app.user(Role::Member));
    let has_second = Arc::new(AtomicBool::new(false));
    let pages = (revoked(&app, &anna), revoked(&app, &bert));
    auth.on("GET", REVOCATIONS, in_two_pages(pages, has_second.clone())).await;

    app.read_revocations(0).await.unwrap_err();
    assert_eq!(readiness(&app, 503).await, "revocations_unknown");
    for user in [&anna, &bert, &carl] {
        app.get(ME).bearer(user).send().await.expect_problem(503, "revocations_unknown");
    }

    has_second.store(true, Ordering::Relaxed);
    assert_eq!(
        app.read_revocations(0).await,
        Ok(3),
        "what an older transaction may commit is asked for again"
    );
    assert_eq!(readiness(&app, 200).await, "ready");
    for user in [&anna, &bert] {
        app.get(ME).bearer(user).send().await.expect_problem(401, "unauthenticated");
    }
    app.get(ME).bearer(&carl).send().await.expect(200);
    app.stop().await;
}

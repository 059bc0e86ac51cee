//! Where the snapshot of revocations is not enough, auth is asked; and where auth cannot be asked, nobody passes.

use serde_json::json;
use shinkofa_kernel::Role;
use shinkofa_testing::wiremock::ResponseTemplate;
use shinkofa_testing::{FakePeer, TestApp};

use crate::probe::Probe;

const PATH: &str = "/api/probe/settle";

async fn app_with(auth: &FakePeer) -> TestApp<Probe> {
    TestApp::<Probe>::builder().peer("auth", &auth.url()).start::<Probe>().await
}

#[actix_web::test]
async fn auth_is_asked_about_the_very_token_and_about_no_other() {
    let auth = FakePeer::confirming().await;
    let app = app_with(&auth).await;
    let manager = app.user(Role::Manager);
    app.post(PATH).bearer(&manager).send().await.expect(204);
    let asked = auth.requests().await;
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].1, "/internal/v1/introspect");
    assert_eq!(asked[0].2, json!({ "token": manager.token }));

    // Whoever does not get so far is nobody to ask about.
    app.post(PATH).send().await.expect_problem(401, "unauthenticated");
    app.post(PATH).bearer(&app.user(Role::Member)).send().await.expect_problem(403, "permission_denied");
    app.post("/api/probe/plan").bearer(&manager).send().await.expect(204);
    assert_eq!(auth.requests().await.len(), 1);
    app.stop().await;
}

#[actix_web::test]
async fn a_token_that_auth_knows_to_be_over_is_refused_before_its_revocation_arrives() {
    let auth = FakePeer::start().await;
    let inactive = ResponseTemplate::new(200).set_body_json(json!({ "active": false }));
    auth.on("POST", "^/internal/v1/introspect$", inactive).await;
    let app = app_with(&auth).await;
    let manager = app.user(Role::Manager);
    app.post(PATH).bearer(&manager).send().await.expect_problem(401, "unauthenticated");
    app.post("/api/probe/plan").bearer(&manager).send().await.expect(204);
    app.stop().await;
}

#[actix_web::test]
async fn while_auth_cannot_be_asked_what_is_sensitive_waits_and_the_rest_goes_on() {
    let app = TestApp::<Probe>::start().await;
    let manager = app.user(Role::Manager);
    let answer = app.post(PATH).bearer(&manager).send().await.expect_problem(503, "trust_unavailable");
    assert_eq!(answer.headers["retry-after"], "2");
    app.post("/api/probe/plan").bearer(&manager).send().await.expect(204);
    app.get("/api/probe/me").bearer(&manager).send().await.expect(200);
    app.stop().await;
}

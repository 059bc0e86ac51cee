//! Hostile tokens open nothing.

use chrono::TimeDelta;
use reqwest::Method;
use shinkofa_contracts::FeedScope;
use shinkofa_identity::{ActingParty, Revocation, Scope, UserClaims};
use shinkofa_kernel::{Role, TenantId, UserId};
use shinkofa_testing::TestApp;

use crate::probe::Probe;

const ME: &str = "/api/probe/me";

struct OtherScope;

impl Scope for OtherScope {
    const NAME: &'static str = "something-else";
}

/// V24: an address shows what is of its own studio, to those alone whose token is of that studio.
#[actix_web::test]
async fn v24_a_token_of_another_studio_is_refused() {
    let app = TestApp::<Probe>::start().await;
    for role in [Role::Member, Role::Admin] {
        let elsewhere = app.user_of(TenantId::new(&app.clock), role);
        app.get(ME).bearer(&elsewhere).send().await.expect_problem(403, "wrong_tenant");
    }
    app.stop().await;
}

#[actix_web::test]
async fn an_expired_or_revoked_token_is_refused() {
    let app = TestApp::<Probe>::start().await;
    let anna = app.user(Role::Member);
    app.get(ME).bearer(&anna).send().await.expect(200);
    app.get(ME).send().await.expect_problem(401, "unauthenticated");
    app.get(ME).token("a.b.c").send().await.expect_problem(401, "unauthenticated");

    let revocations = &app.service().platform.identity.revocations;
    let bert = app.user(Role::Member);
    revocations.apply(&Revocation::Session { session_id: bert.session_id }, app.clock.now());
    app.get(ME).bearer(&bert).send().await.expect_problem(401, "unauthenticated");
    revocations.apply(&Revocation::User { user_id: anna.user_id, token_version: 2 }, app.clock.now());
    app.get(ME).bearer(&anna).send().await.expect_problem(401, "unauthenticated");

    let carl = app.user(Role::Member);
    app.advance(TimeDelta::minutes(15));
    app.get(ME).bearer(&carl).send().await.expect_problem(401, "unauthenticated");
    app.stop().await;
}

/// What opens something in auth alone opens nothing in any other service, and what is for looking changes nothing.
#[actix_web::test]
async fn a_token_for_the_account_for_enrolment_or_for_looking_goes_no_further() {
    let app = TestApp::<Probe>::start().await;
    let tokens = &app.service().platform.identity.user_tokens;
    let admins = tokens.verify(&app.user(Role::Admin).token).unwrap();
    let for_account = tokens.sign_for_account(admins.clone()).unwrap();
    let for_enrolment = tokens.sign_for_enrolment(admins.clone()).unwrap();
    let onlooker = ActingParty { sub: UserId::new(&app.clock) };
    let for_looking = tokens.sign(UserClaims { act: Some(onlooker), ro: true, ..admins }).unwrap();
    for (method, path) in [
        (Method::GET, ME),
        (Method::POST, "/api/probe/hang"),
        (Method::POST, "/api/probe/plan"),
        (Method::POST, "/api/probe/settle"),
    ] {
        let ask = async |token: &str| app.call(method.clone(), path).token(token).send().await;
        ask(&for_account).await.expect_problem(401, "unauthenticated");
        ask(&for_enrolment).await.expect_problem(403, "second_factor_enrolment_required");
        let looked = ask(&for_looking).await;
        if method == Method::GET {
            looked.expect(200);
        } else {
            looked.expect_problem(403, "read_only_token");
        }
    }
    app.stop().await;
}

#[actix_web::test]
async fn a_user_token_does_not_open_the_internal_listener_nor_a_service_token_the_public_one() {
    let app = TestApp::<Probe>::start().await;
    let admin = app.user(Role::Admin);
    let events = "/internal/v1/events";
    app.internal_anonymous(Method::GET, events).send().await.expect_problem(401, "unauthenticated");
    app.internal_anonymous(Method::GET, events)
        .bearer(&admin)
        .send()
        .await
        .expect_problem(401, "unauthenticated");
    app.internal::<OtherScope>("notify", Method::GET, events)
        .send()
        .await
        .expect_problem(403, "permission_denied");
    app.internal::<FeedScope>("notify", Method::GET, events).send().await.expect(200);
    app.get(events).bearer(&admin).send().await.expect_problem(404, "not_found");
    app.call(Method::DELETE, ME).bearer(&admin).send().await.expect_problem(405, "method_not_allowed");
    app.stop().await;
}

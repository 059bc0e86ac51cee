//! V13: what changes an account ends what it gave out: every other refresh token, and access tokens within seconds.

use auth::Auth;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::TrustScope;
use shinkofa_testing::TestApp;

use crate::account_letters::{link, open, post};
use crate::passwords::{NEW_PASSWORD, change, forgot, reset};
use crate::people::{self, PASSWORD, address};

/// One person, signed in twice.
struct Twice {
    app: TestApp<Auth>,
    email: String,
    here: Value,
    there: Value,
}

impl Twice {
    async fn start() -> Self {
        let app = TestApp::<Auth>::start().await;
        let email = address(&app, "anna");
        let here = people::signed_in(&app, &email).await;
        let there = people::sign_in(&app, &email, PASSWORD).await.expect(200).body;
        // Somebody else, whom none of it concerns.
        people::signed_in(&app, &address(&app, "bob")).await;
        Self { app, email, here, there }
    }

    fn access(&self) -> &str {
        people::text(&self.here, "accessToken")
    }

    /// What the other services are told within two seconds.
    async fn revoked(&self) -> Vec<Value> {
        let page =
            self.app.internal::<TrustScope>("booking", Method::GET, "/internal/v1/revocations?after=0");
        page.send().await.expect(200).body["items"].as_array().expect("items").clone()
    }

    async fn is_dead(&self, session: &Value) {
        let access = people::text(session, "accessToken");
        people::profile(&self.app, access).await.expect_problem(401, "unauthenticated");
        let call = self.app.internal::<TrustScope>("credits", Method::POST, "/internal/v1/introspect");
        let told = call.json(&json!({ "token": access })).send().await.expect(200).body;
        assert_eq!(told["active"], false);
        people::refresh(&self.app, people::text(session, "refreshToken"))
            .await
            .expect_problem(401, "refresh_refused");
    }

    /// Every access token below this version is told to be worthless.
    async fn is_revoked_below(&self, version: i32) {
        let user = &self.here["user"]["userId"];
        let told = self.revoked().await;
        let told: Vec<_> = told.iter().filter(|item| item["userId"] == *user).collect();
        assert_eq!(told.last().expect("a revocation")["tokenVersion"], version, "{told:?}");
        let bobs = self.app.sql("SELECT 1 AS one FROM sessions WHERE ended_at IS NULL").await;
        assert!(!bobs.is_empty(), "nobody else is signed out");
    }
}

#[actix_web::test]
async fn v13_a_reset_ends_every_session() {
    let twice = Twice::start().await;
    forgot(&twice.app, &twice.email).await.expect(202);
    let token = link(&twice.app, &twice.email, "password_reset").await;
    people::profile(&twice.app, twice.access()).await.expect(200);
    reset(&twice.app, &token, NEW_PASSWORD).await.expect(204);
    twice.is_dead(&twice.here).await;
    twice.is_dead(&twice.there).await;
    twice.is_revoked_below(2).await;
}

#[actix_web::test]
async fn v13_a_change_of_password_ends_every_other_session_and_every_access_token() {
    let twice = Twice::start().await;
    change(&twice.app, twice.access(), PASSWORD, NEW_PASSWORD).await.expect(204);
    twice.is_dead(&twice.there).await;
    twice.is_revoked_below(2).await;
    people::profile(&twice.app, twice.access()).await.expect(401);
    // Where it was changed, the refresh token brings the next access token.
    let next = people::refresh(&twice.app, people::text(&twice.here, "refreshToken")).await.expect(200).body;
    people::profile(&twice.app, people::text(&next, "accessToken")).await.expect(200);
}

#[actix_web::test]
async fn v13_another_address_and_the_way_back_end_every_session() {
    let twice = Twice::start().await;
    let other = address(&twice.app, "other");
    let body = json!({ "newEmail": other, "currentPassword": PASSWORD });
    post(&twice.app, "/api/auth/email/change", twice.access(), body).await.expect(202);
    let proof = link(&twice.app, &other, "email_change_confirmation").await;
    people::profile(&twice.app, twice.access()).await.expect(200);
    open(&twice.app, "/api/auth/email/change/confirm", &proof).await.expect(204);
    twice.is_dead(&twice.here).await;
    twice.is_dead(&twice.there).await;
    twice.is_revoked_below(2).await;

    let thief = people::sign_in(&twice.app, &other, PASSWORD).await.expect(200).body;
    let back = link(&twice.app, &twice.email, "email_changed").await;
    open(&twice.app, "/api/auth/email/change/undo", &back).await.expect(204);
    twice.is_dead(&thief).await;
    twice.is_revoked_below(3).await;
}

#[actix_web::test]
async fn v13_signing_out_everywhere_or_elsewhere_does_so() {
    let twice = Twice::start().await;
    let elsewhere = "/api/auth/sessions?except=current";
    twice.app.call(Method::DELETE, elsewhere).token(twice.access()).send().await.expect(204);
    twice.is_dead(&twice.there).await;
    people::profile(&twice.app, twice.access()).await.expect(200);
    assert_eq!(twice.revoked().await[0]["kind"], "session");
    let again = people::sign_in(&twice.app, &twice.email, PASSWORD).await.expect(200).body;
    twice.app.call(Method::DELETE, "/api/auth/sessions").token(twice.access()).send().await.expect(204);
    twice.is_dead(&twice.here).await;
    twice.is_dead(&again).await;
    twice.is_revoked_below(2).await;
}

#[actix_web::test]
async fn v13_this_was_not_me_ends_every_session() {
    let twice = Twice::start().await;
    let timeline =
        twice.app.get("/api/auth/security-timeline").token(twice.access()).send().await.expect(200).body;
    let event = people::text(&timeline["items"][0], "id");
    let path = format!("/api/auth/security-timeline/{event}/not-me");
    twice.app.post(&path).token(twice.access()).send().await.expect(204);
    twice.is_dead(&twice.here).await;
    twice.is_dead(&twice.there).await;
    twice.is_revoked_below(2).await;
}

#[actix_web::test]
async fn v13_erasure_ends_every_session() {
    let twice = Twice::start().await;
    let user: shinkofa_kernel::UserId = people::text(&twice.here["user"], "userId").parse().unwrap();
    let scope = shinkofa_db::Scope::tenant(shinkofa_kernel::TenantId::DEFAULT).with_user(user);
    let service = twice.app.service();
    shinkofa_db::transaction(twice.app.pool(), &scope, "erase", async |tx| {
        shinkofa_runtime::Service::erase_personal_data(service, tx, user).await
    })
    .await
    .unwrap();
    twice.is_dead(&twice.here).await;
    twice.is_dead(&twice.there).await;
    twice.is_revoked_below(2).await;
}

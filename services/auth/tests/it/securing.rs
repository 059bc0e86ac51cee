//! An account that its owner takes back from somebody else: what was begun in it to do away with it, and what is begun at that moment.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join3;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::account_letters::{kinds, link, open};
use crate::deletion::{certificate, delete};
use crate::email_changes::{moved, thief, undo};
use crate::magic_link::VERIFIER;
use crate::oauth::{code_of, returned};
use crate::passwords::{NEW_PASSWORD, forgot, reset};
use crate::people::{self, PASSWORD, address, text};
use crate::provider::{Person, Providers};
use crate::staff::token;

const DISOWN: &str = "/api/auth/signin/not-me";

/// The letter about the deletion goes to the stranger, who has the account's address by then.
#[actix_web::test]
async fn with_the_former_address_the_account_is_kept_that_a_stranger_was_having_erased() {
    let app = TestApp::<Auth>::start().await;
    let (anna, evil) = (address(&app, "anna"), address(&app, "evil"));
    let (body, _) = thief(&app, &anna).await;
    let body = moved(&app, token(&body), &evil).await;
    app.advance(TimeDelta::seconds(1));
    let id = delete(&app, &body, PASSWORD).await.expect(202).text("certificateId");
    app.advance(TimeDelta::days(6));
    undo(&app, &link(&app, &anna, "email_changed").await).await.expect(204);
    assert_eq!(certificate(&app, &id).await["state"], "cancelled");
    assert_eq!(
        kinds(&app, &anna).await,
        ["new_sign_in", "email_changed", "deletion_cancelled", "password_reset"]
    );
    let told =
        app.sql("SELECT told_to, actor FROM audit_events WHERE action = 'account.deletion_cancelled'").await;
    let whose = &body["user"]["userId"];
    assert_eq!(told, [json!({ "told_to": whose, "actor": { "kind": "anonymous" } })]);

    app.advance(TimeDelta::days(14));
    app.run_jobs().await;
    forgot(&app, &anna).await.expect(202);
    reset(&app, &link(&app, &anna, "password_reset").await, NEW_PASSWORD).await.expect(204);
    people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn with_a_disowned_sign_in_goes_the_deletion_that_was_asked_for_since() {
    let app = TestApp::<Auth>::start().await;
    let (body, not_me) = thief(&app, &address(&app, "anna")).await;
    let id = delete(&app, &body, PASSWORD).await.expect(202).text("certificateId");
    app.advance(TimeDelta::days(1));
    open(&app, DISOWN, &not_me).await.expect(204);
    assert_eq!(certificate(&app, &id).await["state"], "cancelled");
}

#[actix_web::test]
async fn with_an_event_that_was_not_me_goes_the_deletion_that_was_asked_for_since() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let owner = people::signed_in(&app, &anna).await;
    app.advance(TimeDelta::seconds(1));
    let stranger = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    let id = delete(&app, &stranger, PASSWORD).await.expect(202).text("certificateId");
    let seen = app.get("/api/auth/security-timeline").token(token(&owner)).send().await.expect(200).body;
    let is_theirs = |item: &&Value| item["type"] == "session.opened";
    let event = seen["items"].as_array().unwrap().iter().find(is_theirs).expect("the newest sign-in");
    let path = format!("/api/auth/security-timeline/{}/not-me", text(event, "id"));
    app.post(&path).token(token(&owner)).send().await.expect(204);
    assert_eq!(certificate(&app, &id).await["state"], "cancelled");
}

/// A row is written before the entry that tells of it, by a clock that goes on.
async fn written_before_it_was_told(app: &TestApp<Auth>, table: &str, at: &str) {
    let earlier = format!("UPDATE {table} SET {at} = {at} - interval '5 milliseconds'");
    app.superuser().await.run(&earlier).await;
}

#[actix_web::test]
async fn a_deletion_that_was_itself_not_me_is_cancelled() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let owner = people::signed_in(&app, &anna).await;
    app.advance(TimeDelta::seconds(1));
    let stranger = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    let id = delete(&app, &stranger, PASSWORD).await.expect(202).text("certificateId");
    written_before_it_was_told(&app, "erasures", "requested_at").await;
    let seen = app.get("/api/auth/security-timeline").token(token(&owner)).send().await.expect(200).body;
    let is_it = |item: &&Value| item["type"] == "account.deletion_requested";
    let event = seen["items"].as_array().unwrap().iter().find(is_it).expect("the deletion");
    let path = format!("/api/auth/security-timeline/{}/not-me", text(event, "id"));
    app.post(&path).token(token(&owner)).send().await.expect(204);
    assert_eq!(certificate(&app, &id).await["state"], "cancelled");
}

#[actix_web::test]
async fn with_a_disowned_sign_in_goes_the_identity_that_it_linked() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let anna = address(&app, "anna");
    people::signed_in(&app, &anna).await;
    app.advance(TimeDelta::seconds(1));
    providers.vouch_for(Person::new(25, &anna));
    let code = code_of(&returned(&app, "github").await.expect(303));
    let shown = json!({ "code": code, "codeVerifier": VERIFIER });
    let call = app.post("/api/auth/oauth/exchange").header("user-agent", "Thief/1.0").json(&shown);
    call.send().await.expect(200);
    assert_eq!(app.sql("SELECT provider FROM identities").await, [json!({ "provider": "github" })]);
    written_before_it_was_told(&app, "identities", "linked_at").await;
    open(&app, DISOWN, &link(&app, &anna, "new_sign_in").await).await.expect(204);
    assert_eq!(app.sql("SELECT provider FROM identities").await, [] as [Value; 0]);
}

/// What was asked for before is the owner's own doing.
#[actix_web::test]
async fn a_deletion_that_is_older_than_the_disowned_sign_in_goes_on() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let owner = people::signed_in(&app, &anna).await;
    let id = delete(&app, &owner, PASSWORD).await.expect(202).text("certificateId");
    app.advance(TimeDelta::seconds(1));
    let body = json!({ "email": anna, "password": PASSWORD });
    let call = app.post("/api/auth/signin").header("user-agent", "Thief/1.0").json(&body);
    call.send().await.expect(200);
    open(&app, DISOWN, &link(&app, &anna, "new_sign_in").await).await.expect(204);
    assert_eq!(certificate(&app, &id).await["state"], "scheduled");
}

/// Disowns the sign-in, which is held up at this table: the account is locked, and no session has ended yet. Does something meanwhile.
async fn while_disowned(
    app: &TestApp<Auth>,
    table: &str,
    doing: impl Future<Output = Answer>,
    not_me: &str,
) -> Answer {
    let mut holder = app.superuser().await;
    holder.run(&format!("BEGIN; LOCK TABLE {table} IN SHARE MODE")).await;
    let doing = async {
        app.until_waiting(1).await;
        doing.await
    };
    let let_go = async {
        app.until_waiting(2).await;
        holder.run("COMMIT").await;
    };
    let (disowned, done, ()) = join3(open(app, DISOWN, not_me), doing, let_go).await;
    disowned.expect(204);
    done
}

#[actix_web::test]
async fn whoever_links_an_identity_while_the_sign_in_is_disowned_has_no_session_any_more() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let (body, not_me) = thief(&app, &address(&app, "anna")).await;
    providers.vouch_for(Person::new(24, &address(&app, "thief")));
    let code = code_of(&returned(&app, "github").await.expect(303));
    let shown = json!({ "code": code, "codeVerifier": VERIFIER });
    let linking = app.post("/api/auth/oauth/github/link").token(token(&body)).json(&shown).send();
    let refused = while_disowned(&app, "identities", linking, &not_me).await;
    refused.expect_problem(401, "unauthenticated");
    assert_eq!(app.sql("SELECT user_id FROM identities").await, [] as [Value; 0]);
}

#[actix_web::test]
async fn whoever_asks_for_the_deletion_while_the_sign_in_is_disowned_has_no_session_any_more() {
    let app = TestApp::<Auth>::start().await;
    let (body, not_me) = thief(&app, &address(&app, "anna")).await;
    let refused = while_disowned(&app, "erasures", delete(&app, &body, PASSWORD), &not_me).await;
    refused.expect_problem(401, "unauthenticated");
    assert_eq!(app.sql("SELECT id FROM erasures").await, [] as [Value; 0]);
}

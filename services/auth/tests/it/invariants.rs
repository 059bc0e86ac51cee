//! What must be true of the data at any moment, as `invariants.sql` asks it: it is, where people came, changed their minds and went, and
//! every question sees the fault that it is for.

use std::collections::BTreeSet;

use auth::Auth;
use chrono::TimeDelta;
use serde_json::json;
use shinkofa_runtime::Service as _;
use shinkofa_testing::wiremock::ResponseTemplate;
use shinkofa_testing::{FakePeer, TestApp};

use crate::account_letters::post;
use crate::machines::{exchange, machine};
use crate::passwords::forgot;
use crate::people::{self, PASSWORD, address};
use crate::staff::{seal, staff, token, user_id};
use crate::studios::studio;

/// Every question, with its number.
fn questions() -> Vec<(&'static str, &'static str)> {
    let parts = include_str!("../../invariants.sql").split("\n-- A").skip(1);
    let questions = parts.map(|part| {
        let (title, query) = part.split_once('\n').expect("a query under its title");
        let (number, _) = title.split_once(' ').expect("a sentence behind its number");
        (number, query.trim().trim_end_matches(';'))
    });
    questions.collect()
}

/// Auth among services that forget whomever they are told to.
async fn among_others() -> (TestApp<Auth>, FakePeer) {
    let others = FakePeer::start().await;
    let forgotten = ResponseTemplate::new(200).set_body_json(json!({ "service": "another", "done": true }));
    others.on("GET", "^/internal/v1/privacy/erasures/", forgotten).await;
    let mut builder = TestApp::<Auth>::builder();
    for service in ["booking", "credits", "notify"] {
        builder = builder.peer(service, &others.url());
    }
    (builder.start::<Auth>().await, others)
}

/// Two studios in which there was something of everything that a question is about.
async fn lived_in() -> TestApp<Auth> {
    let (app, _others) = among_others().await;
    let elan = studio(&app, "eva", "elan").await;
    elan.member(&app, "mia", &["member"]).await;
    // Whoever signed up and never confirmed it.
    people::sign_up(&app, &address(&app, "carl"), PASSWORD).await.expect(202);
    staff_act(&app).await;
    members_ask(&app).await;
    // The schedule comes round for each telling of an erasure, and for its certificate.
    for _ in 0..3 {
        app.advance(TimeDelta::seconds(61));
        app.run_jobs().await;
    }
    let states = app.sql("SELECT state FROM erasures").await;
    assert_eq!(states, [json!({ "state": "done" })]);
    seal(&app).await;
    app
}

/// A program is given a key and uses it, somebody is looked at, and two people are kept out.
async fn staff_act(app: &TestApp<Auth>) {
    let ada = staff(app, "ada", "admin").await;
    let import = machine(app, token(&ada), &["booking.classes.manage"]).await;
    exchange(app, &import.key).await.expect(200);
    let reason = json!({ "reason": "the calendar stays empty" });
    for (who, what, status) in [("anna", "impersonate", 200), ("bob", "lock", 204)] {
        let member = people::signed_in(app, &address(app, who)).await;
        let path = format!("/api/admin/users/{}/{what}", user_id(&member));
        post(app, &path, token(&ada), reason.clone()).await.expect(status);
    }
    let sue = address(app, "sue");
    people::signed_in(app, &sue).await;
    let suspended = ["--email", sue.as_str(), "--reason", "a stolen mailbox"].map(str::to_owned);
    app.service().command("suspend-account", &suspended).await.expect("the account is suspended");
}

/// Links are asked for that nobody uses, and somebody is forgotten, without two weeks of grace.
async fn members_ask(app: &TestApp<Auth>) {
    let anna = people::sign_in(app, &address(app, "anna"), PASSWORD).await.expect(200).body;
    let change = json!({ "newEmail": address(app, "elsewhere"), "currentPassword": PASSWORD });
    post(app, "/api/auth/email/change", token(&anna), change).await.expect(202);
    forgot(app, &address(app, "anna")).await.expect(202);
    let dora = people::signed_in(app, &address(app, "dora")).await;
    let shown = json!({ "password": PASSWORD });
    post(app, "/api/me/delete", token(&dora), shown).await.expect(202);
    app.superuser().await.run("UPDATE erasures SET erase_at = requested_at").await;
}

#[actix_web::test]
async fn what_must_be_true_is_true_where_people_came_and_went() {
    let app = lived_in().await;
    let mut superuser = app.superuser().await;
    for (number, question) in questions() {
        let broken = superuser.rows(question).await;
        assert!(broken.is_empty(), "A{number}: {broken:#?}");
    }
}

/// What each question is for, as somebody would leave it who can write to the database and whom no constraint between tables stops.
const FAULTS: &[(&str, &str)] = &[
    ("1", "UPDATE users SET status = 'suspended' WHERE status = 'active'"),
    ("1.confirmed", "UPDATE users SET email_verified_at = NULL"),
    ("2", "UPDATE memberships SET status = 'suspended'"),
    ("2", "DELETE FROM memberships WHERE tenant_id <> '01920000-0000-7000-8000-000000000001'"),
    ("2.open", "UPDATE tenants SET status = 'closed'"),
    ("3", "UPDATE sessions SET sliding_expires_at = absolute_expires_at + interval '1 second'"),
    (
        "3.family",
        "UPDATE sessions SET user_id = gen_random_uuid() WHERE id IN (SELECT session_id FROM session_descents)",
    ),
    ("4", "DELETE FROM impersonations"),
    ("5", "DELETE FROM account_suspensions"),
    ("5.member", "DELETE FROM membership_locks"),
    ("6", "UPDATE users SET name = 'Dora' WHERE status = 'erased'"),
    (
        "6.left",
        "INSERT INTO known_devices (realm_id, user_id, device_hash, first_seen_at, last_seen_at)
         SELECT realm_id, id, sha256('a device'), created_at, created_at FROM users WHERE status = 'erased'",
    ),
    ("6.begun", "UPDATE users SET status = 'active' WHERE status = 'erased'"),
    ("6.members", "UPDATE memberships SET user_id = gen_random_uuid()"),
    ("6.letters", "UPDATE events SET personal = '{}'"),
    ("7", "UPDATE users SET expires_at = updated_at WHERE kind = 'member'"),
    (
        "7",
        "UPDATE users SET kind = 'temporary', expires_at = now() - interval '2 hours' WHERE kind = 'member'",
    ),
    (
        "8",
        "INSERT INTO one_time_tokens (realm_id, purpose, token_hash, user_id, device_hash, for_tenant, created_at, expires_at)
         SELECT realm_id, purpose, sha256(token_hash), user_id, device_hash, for_tenant, created_at, expires_at
         FROM one_time_tokens WHERE purpose = 'password_reset'",
    ),
    ("8.address", "UPDATE email_changes SET cancelled_at = requested_at"),
    ("9", "DELETE FROM service_accounts"),
    (
        "9.keys",
        "UPDATE api_keys SET expires_at = now() + interval '1 day'; UPDATE memberships SET status = 'suspended'",
    ),
    (
        "9.keys",
        "UPDATE api_keys SET expires_at = now() + interval '1 day';
         DELETE FROM role_permissions WHERE permission = 'auth.service_accounts.manage'",
    ),
    ("9.sessions", "UPDATE api_keys SET revoked_at = created_at"),
    ("9.sessions", "UPDATE service_accounts SET disabled_at = created_at"),
    ("10", "UPDATE invitations SET uses = 0"),
    ("10.keys", "DELETE FROM invitations"),
    ("11", "DELETE FROM membership_roles WHERE role = 'admin'"),
    ("11.whole", "DELETE FROM tenant_settings"),
    ("11.whole", "UPDATE roles SET system = false WHERE name = 'coach'"),
    ("12", "UPDATE audit_seals SET prev_hash = hash WHERE seq = 2"),
    ("12", "DELETE FROM audit_seals WHERE seq = 1"),
    (
        "12.sealed",
        "DELETE FROM audit_events WHERE id IN (SELECT event_id FROM audit_seals WHERE seq = 1)",
    ),
    ("12.added", "DELETE FROM audit_seals WHERE seq = 1"),
    ("12.signed", "DELETE FROM audit_checkpoints"),
    ("12.signed", "DELETE FROM audit_seals"),
    ("12.tenant", "DELETE FROM tenants WHERE slug = 'elan'"),
    ("13", "UPDATE user_factors SET kind = 'passkey'"),
    ("14", "UPDATE signups SET settled_at = NULL"),
];

#[actix_web::test]
async fn every_question_sees_the_fault_that_it_is_for() {
    let questions = questions();
    let asked: BTreeSet<&str> = questions.iter().map(|(number, _)| *number).collect();
    let shown: BTreeSet<&str> = FAULTS.iter().map(|(number, _)| *number).collect();
    assert_eq!(asked, shown);
    let app = lived_in().await;
    let mut superuser = app.superuser().await;
    for (number, fault) in FAULTS {
        let (_, question) = questions.iter().find(|(asked, _)| asked == number).expect("it is asked");
        superuser.run(&format!("BEGIN; SET LOCAL session_replication_role = replica; {fault}")).await;
        assert!(!superuser.rows(question).await.is_empty(), "A{number} does not see: {fault}");
        superuser.run("ROLLBACK").await;
    }
}

//! Being forgotten: by everybody, provably, and not by mistake.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shinkofa_testing::wiremock::{Request, Respond, ResponseTemplate};
use shinkofa_testing::{Answer, FakePeer, TestApp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::people::{self, PASSWORD, address, text};
use crate::staff::{seal, staff, staff_again, token, user_id};
use crate::studios::create;
use crate::trail;
use crate::unconfirmed::{STRANGERS, forget_password_at, sign_up_at};

pub async fn delete(app: &TestApp<Auth>, who: &Value, password: &str) -> Answer {
    app.post("/api/me/delete").token(token(who)).json(&json!({ "password": password })).send().await
}

pub async fn certificate(app: &TestApp<Auth>, id: &str) -> Value {
    app.get(&format!("/api/me/certificates/{id}")).send().await.expect(200).body
}

/// A service that says it is done once it was told up to `until`.
#[derive(Clone)]
struct Forgetting {
    service: &'static str,
    reads_up_to: Arc<AtomicI64>,
}

impl Respond for Forgetting {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let after =
            request.url.query_pairs().find(|(key, _)| key == "after").expect("a position").1.into_owned();
        let transaction: i64 = after.split(':').next().expect("a position").parse().expect("a position");
        let done = transaction <= self.reads_up_to.load(Ordering::SeqCst);
        ResponseTemplate::new(200).set_body_json(json!({ "service": self.service, "done": done }))
    }
}

struct Scene {
    app: TestApp<Auth>,
    /// How far the slow one of the services has read auth's feed.
    booking_reads_up_to: Arc<AtomicI64>,
    booking: FakePeer,
}

const PATH: &str = "^/internal/v1/privacy/erasures/";

async fn scene() -> Scene {
    let booking_reads_up_to = Arc::new(AtomicI64::new(0));
    let (booking, others) = (FakePeer::start().await, FakePeer::start().await);
    let slow = Forgetting { service: "booking", reads_up_to: booking_reads_up_to.clone() };
    booking.on("GET", PATH, slow).await;
    let quick = Forgetting { service: "credits", reads_up_to: Arc::new(AtomicI64::new(i64::MAX)) };
    others.on("GET", PATH, quick).await;
    let builder = TestApp::<Auth>::builder().peer("booking", &booking.url());
    let app = builder.peer("credits", &others.url()).peer("notify", &others.url()).start().await;
    Scene { app, booking_reads_up_to, booking }
}

/// The schedule comes round once more.
async fn a_minute_later(app: &TestApp<Auth>) {
    app.advance(TimeDelta::seconds(61));
    app.run_jobs().await;
}

/// To whom a letter of a request to sign up went is forgotten as well, under an id of its own.
fn is_erasure_of(event: &Value, user: &str) -> bool {
    event["type"] == "user.erasure_requested" && event["data"]["userId"] == user
}

#[actix_web::test]
async fn an_account_is_erased_after_its_grace_everywhere_and_certified() {
    let Scene { app, booking_reads_up_to, booking } = scene().await;
    let admin = staff(&app, "ada", "admin").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let answer = delete(&app, &anna, PASSWORD).await.expect(202);
    let erases_at = app.clock.now() + TimeDelta::days(14);
    assert_eq!(answer.body["erasesAt"], json!(erases_at));
    let id = answer.text("certificateId");
    assert_eq!(certificate(&app, &id).await["state"], "scheduled");
    let letter = app.events().await.pop().unwrap();
    assert_eq!(letter["data"]["letter"]["kind"], "deletion_scheduled");

    // Until then it is an account like any other.
    app.advance(TimeDelta::days(14) - TimeDelta::seconds(70));
    app.run_jobs().await;
    assert_eq!(certificate(&app, &id).await["state"], "scheduled");
    let body = people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200).body;

    a_minute_later(&app).await;
    a_minute_later(&app).await;
    let erasing = certificate(&app, &id).await;
    assert_eq!(erasing["state"], "erasing");
    people::profile(&app, token(&body)).await.expect(401);
    people::refresh(&app, text(&body, "refreshToken")).await.expect(401);
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect_problem(401, "invalid_credentials");
    let told =
        async || app.events().await.iter().filter(|event| is_erasure_of(event, user_id(&body))).count();
    assert_eq!(told().await, 1);
    let started = trail::entry(trail::by_service("auth"), "user", user_id(&body));
    assert_eq!(trail::told(&app, "account.erasure_started").await, [started]);

    // While one service is behind nothing is certified, however often it is asked.
    for _ in 0..3 {
        a_minute_later(&app).await;
    }
    assert_eq!((certificate(&app, &id).await["state"].clone(), told().await), (json!("erasing"), 1));
    assert!(!booking.requests().await.is_empty());

    // Past the first telling it is told again: whatever it read before cannot come after that.
    booking_reads_up_to.store(newest(&app).await, Ordering::SeqCst);
    a_minute_later(&app).await;
    assert_eq!((certificate(&app, &id).await["state"].clone(), told().await), (json!("erasing"), 2));
    a_minute_later(&app).await;
    assert_eq!(certificate(&app, &id).await["state"], "erasing", "booking is behind the second telling");
    booking_reads_up_to.store(i64::MAX, Ordering::SeqCst);
    a_minute_later(&app).await;
    let done = certificate(&app, &id).await;
    assert_eq!(done["state"], "done");
    let services: Vec<_> =
        done["services"].as_array().unwrap().iter().map(|s| text(s, "service").to_owned()).collect();
    assert_eq!(services, ["booking", "credits", "notify"]);
    assert!(!done.to_string().contains(user_id(&anna)), "it does not say who it was");

    assert_eq!(mentions(&app, &["anna", "Anna Martin"], &admin).await, Vec::<String>::new());
    seal(&app).await;
    let admin = staff_again(&app, "ada").await;
    let audit = app.get("/api/admin/audit/verify").token(token(&admin)).send().await.expect(200).body;
    assert_eq!(audit["intact"], true, "{audit:#}");
    let last = app.sql("SELECT details FROM audit_events WHERE action = 'account.erased'").await;
    assert_eq!(last[0]["details"], json!({ "erasureId": done["erasureId"], "services": services }));
}

async fn newest(app: &TestApp<Auth>) -> i64 {
    app.sql("SELECT max(transaction) AS newest FROM events").await[0]["newest"].as_i64().expect("a number")
}

/// Every row of every table that says one of these words, the admin's own aside.
async fn mentions(app: &TestApp<Auth>, words: &[&str], admin: &Value) -> Vec<String> {
    let tables = "SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relkind = 'r'";
    let mut found = Vec::new();
    for table in app.sql(tables).await {
        let table = text(&table, "name").to_owned();
        for row in app.sql(&format!("SELECT * FROM {table}")).await {
            let row = row.to_string();
            if words.iter().any(|word| row.contains(word)) && !row.contains(user_id(admin)) {
                found.push(format!("{table}: {row}"));
            }
        }
    }
    found
}

/// More tenants than one transaction asks.
#[actix_web::test]
async fn somebody_is_forgotten_in_the_last_of_many_tenants_too() {
    let Scene { app, .. } = scene().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let last = "01920000-0000-7000-9000-000000000250";
    let many = format!(
        "INSERT INTO tenants (id, slug, name, time_zone)
         SELECT ('01920000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, 'many' || n, 'Many', 'UTC'
         FROM generate_series(1, 250) n;
         INSERT INTO audit_events (tenant_id, id, occurred_at, actor, action, subject_type, subject_id, details)
         SELECT '{last}', gen_random_uuid(), occurred_at, actor, action, subject_type, subject_id, details
         FROM audit_events WHERE subject_id = '{}' LIMIT 1",
        user_id(&anna)
    );
    app.superuser().await.run(&many).await;
    delete(&app, &anna, PASSWORD).await.expect(202);
    app.advance(TimeDelta::days(14));
    a_minute_later(&app).await;
    let told = format!(
        "SELECT for_tenant FROM events WHERE type = 'user.erasure_requested' AND aggregate_id = '{}'
         ORDER BY transaction, number",
        user_id(&anna)
    );
    let told: Vec<_> = app.sql(&told).await.into_iter().map(|row| row["for_tenant"].clone()).collect();
    assert_eq!(told, [json!(shinkofa_kernel::TenantId::DEFAULT), json!(last)]);
}

#[actix_web::test]
async fn a_request_can_be_taken_back_and_made_again() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let cancel = async || app.post("/api/me/delete/cancel").token(token(&anna)).send().await;
    cancel().await.expect_problem(409, "no_deletion");
    let first = delete(&app, &anna, PASSWORD).await.expect(202).text("certificateId");
    delete(&app, &anna, PASSWORD).await.expect_problem(409, "deletion_scheduled");
    cancel().await.expect(204);
    cancel().await.expect_problem(409, "no_deletion");
    assert_eq!(certificate(&app, &first).await["state"], "cancelled");
    let letter = app.events().await.pop().unwrap();
    assert_eq!(letter["data"]["letter"]["kind"], "deletion_cancelled");
    let second = delete(&app, &anna, PASSWORD).await.expect(202).text("certificateId");
    assert_ne!(first, second);
    cancel().await.expect(204);
    app.advance(TimeDelta::days(30));
    app.run_jobs().await;
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn it_takes_the_password_and_guessing_it_is_as_slow_as_at_sign_in() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    delete(&app, &anna, "not the password").await.expect_problem(403, "wrong_password");
    delete(&app, &anna, PASSWORD).await.expect_problem(429, "too_many_attempts");
    app.advance(TimeDelta::seconds(2));
    delete(&app, &anna, PASSWORD).await.expect(202);
    app.post("/api/me/delete").json(&json!({ "password": PASSWORD })).send().await.expect(401);
    assert_eq!(app.sql("SELECT id FROM erasures").await.len(), 1);
}

/// Whoever signs in by a provider or a passkey alone shows that lately, and what does not exist is not guessed at.
#[actix_web::test]
async fn an_account_without_a_password_takes_a_late_sign_in_instead() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let ask = async || app.post("/api/me/delete").token(token(&anna)).json(&json!({})).send().await;
    let needed = ask().await.expect_problem(422, "invalid_fields");
    assert_eq!(needed.body["errors"][0]["pointer"], "/password");
    app.superuser().await.run("UPDATE users SET password_phc = NULL").await;
    delete(&app, &anna, PASSWORD).await.expect_problem(403, "wrong_password");
    app.advance(TimeDelta::minutes(11));
    let refused = ask().await.expect_problem(403, "step_up_required");
    assert!(refused.headers["www-authenticate"].to_str().unwrap().contains("acr_values=\"aal1\""));
    app.superuser()
        .await
        .run("UPDATE sessions SET authenticated_at = authenticated_at + interval '11 minutes'")
        .await;
    ask().await.expect(202);
    let letter = app.events().await.pop().unwrap();
    assert_eq!(letter["data"]["letter"]["kind"], "deletion_scheduled");
}

#[actix_web::test]
async fn a_guest_is_erased_for_the_asking_and_nobody_is_written_to() {
    let Scene { app, booking_reads_up_to, booking: _booking } = scene().await;
    booking_reads_up_to.store(i64::MAX, Ordering::SeqCst);
    let guest = async || app.post("/api/auth/anonymous").json(&json!({})).send().await.expect(201).body;
    let gus = guest().await;
    let ask = async |who: &Value| app.post("/api/me/delete").token(token(who)).json(&json!({})).send().await;
    let id = ask(&gus).await.expect(202).text("certificateId");
    ask(&gus).await.expect_problem(409, "deletion_scheduled");
    app.post("/api/me/delete/cancel").token(token(&gus)).send().await.expect(204);
    assert_eq!(certificate(&app, &id).await["state"], "cancelled");
    app.advance(TimeDelta::hours(1));
    // However long ago the session began.
    let gus = people::refresh(&app, text(&gus, "refreshToken")).await.expect(200).body;
    let id = ask(&gus).await.expect(202).text("certificateId");
    assert_eq!(people::event_types(&app).await, ["tenant.changed"], "there is no letter");
    app.advance(TimeDelta::days(14) + TimeDelta::seconds(1));
    app.run_jobs().await;
    for _ in 0..3 {
        a_minute_later(&app).await;
    }
    people::refresh(&app, text(&gus, "refreshToken")).await.expect(401);
    assert_eq!(certificate(&app, &id).await["state"], "done");
}

#[actix_web::test]
async fn of_many_requests_at_once_one_is_taken() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let answers = join_all((0..8).map(|_| delete(&app, &anna, PASSWORD))).await;
    let taken = answers.iter().filter(|answer| answer.status == 202).count();
    assert_eq!(taken, 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert_eq!(app.sql("SELECT id FROM erasures").await.len(), 1);
}

#[actix_web::test]
async fn a_studio_keeps_an_admin() {
    let app = TestApp::<Auth>::start().await;
    let ada = staff(&app, "ada", "admin").await;
    delete(&app, &ada, PASSWORD).await.expect_problem(409, "last_admin");
    let bea = staff(&app, "bea", "admin").await;
    delete(&app, &ada, PASSWORD).await.expect(202);
    // Who has asked to be forgotten is nobody to rely on.
    delete(&app, &bea, PASSWORD).await.expect_problem(409, "last_admin");
}

#[actix_web::test]
async fn of_two_admins_who_ask_at_once_one_stays() {
    let app = TestApp::<Auth>::start().await;
    let ada = staff(&app, "ada", "admin").await;
    let bea = staff(&app, "bea", "admin").await;
    let answers = join_all([&ada, &bea].map(|who| delete(&app, who, PASSWORD))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409]);
}

/// It would be left without an admin on the day.
#[actix_web::test]
async fn nobody_founds_a_studio_while_their_account_is_due_to_be_erased() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    delete(&app, &anna, PASSWORD).await.expect(202);
    create(&app, &anna, "elan").await.expect_problem(409, "deletion_scheduled");
    app.post("/api/me/delete/cancel").token(token(&anna)).send().await.expect(204);
    create(&app, &anna, "elan").await.expect(201);
    delete(&app, &anna, PASSWORD).await.expect_problem(409, "last_admin");
}

/// Held up when it is settled that they are nowhere the last admin: whoever founds a studio waits until the request is there.
#[actix_web::test]
async fn whoever_founds_a_studio_while_they_ask_to_be_erased_is_refused() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let mut holder = app.superuser().await;
    holder.run("BEGIN; LOCK TABLE erasures IN SHARE MODE").await;
    let founding = async {
        app.until_waiting(1).await;
        create(&app, &anna, "elan").await
    };
    let let_go = async {
        app.until_waiting(2).await;
        holder.run("COMMIT").await;
    };
    let asking = delete(&app, &anna, PASSWORD);
    let (asked, founded, ()) = futures_util::future::join3(asking, founding, let_go).await;
    asked.expect(202);
    founded.expect_problem(409, "deletion_scheduled");
}

/// Whoever is asked to join a studio is known there by their address alone, and the account is nobody's by then.
#[actix_web::test]
async fn an_erased_persons_address_is_left_in_no_studio() {
    let Scene { app, .. } = scene().await;
    let elan = crate::studios::studio(&app, "eve", "elan").await;
    let anna = address(&app, "anna");
    elan.invite(&app, &elan.admin, &anna, &["member"]).await.expect(201);
    let person = people::signed_in(&app, &anna).await;
    delete(&app, &person, PASSWORD).await.expect(202);
    app.advance(TimeDelta::days(14) + TimeDelta::seconds(1));
    app.run_jobs().await;
    let left = app.sql("SELECT email FROM invitations WHERE email IS NOT NULL").await;
    assert!(!left.iter().any(|row| row["email"] == anna.as_str()), "{left:?}");
}

/// How often the other services were told this of somebody, in one studio.
async fn told(app: &TestApp<Auth>, studio: &str, user: &str, what: &str) -> usize {
    let is_it = |event: &&Value| {
        event["type"] == what && event["for_tenant"] == studio && event["data"]["userId"] == user
    };
    app.events().await.iter().filter(is_it).count()
}

/// A stranger signs people up for a studio of theirs, who are nothing in it and never were. What letters in its name left in the other
/// services goes with the account all the same; its trail tells nothing of them.
#[actix_web::test]
async fn an_erased_person_is_forgotten_where_strangers_had_them_written_to() {
    let app = TestApp::<Auth>::start().await;
    let evil = crate::studios::studio(&app, "mallory", "evil").await;
    let (anna, bob) = (address(&app, "anna"), address(&app, "bob"));
    // Bob has an account by then. Anna makes hers her own in another studio, after letters about it.
    let bobs = people::signed_in(&app, &bob).await;
    for email in [&anna, &bob] {
        sign_up_at(&app, &evil, email, STRANGERS).await;
        forget_password_at(&app, &evil, email).await;
    }
    let annas = people::signed_in(&app, &anna).await;
    for (person, letter) in [(&annas, "account_letter.requested"), (&bobs, "signup.known_address")] {
        assert_eq!(told(&app, &evil.id, user_id(person), letter).await, 1);
        delete(&app, person, PASSWORD).await.expect(202);
    }
    app.advance(TimeDelta::days(14));
    a_minute_later(&app).await;
    for (person, email) in [(&annas, &anna), (&bobs, &bob)] {
        let user = user_id(person);
        assert!(told(&app, &evil.id, user, "user.erasure_requested").await > 0, "{email}");
        let left = app.sql(&format!("SELECT type FROM events WHERE personal->>'email' = '{email}'")).await;
        assert_eq!(left, [] as [Value; 0]);
        let trail = format!(
            "SELECT action FROM audit_events WHERE tenant_id = '{}' AND subject_id = '{user}'",
            evil.id
        );
        assert_eq!(app.sql(&trail).await, [] as [Value; 0]);
    }
}

/// What is left of somebody is not signed up with, whatever stands where their address stood.
#[actix_web::test]
async fn signing_up_touches_nothing_of_an_erased_account() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let person = people::signed_in(&app, &anna).await;
    delete(&app, &person, PASSWORD).await.expect(202);
    app.advance(TimeDelta::days(14));
    a_minute_later(&app).await;
    let left = async || app.sql("SELECT email, name, password_phc FROM users WHERE status = 'erased'").await;
    let nobodys = text(&left().await[0], "email").to_owned();
    people::sign_up(&app, &nobodys, PASSWORD).await.expect_problem(422, "invalid_fields");
    let rename = format!("UPDATE users SET email = '{anna}', email_canonical = '{anna}'");
    app.superuser().await.run(&rename).await;
    let before = left().await;
    people::sign_up(&app, &anna, PASSWORD).await.expect(202);
    assert_eq!(left().await, before);
    let to_them = |event: &Value| event["personal"]["email"] == anna.as_str();
    assert!(!app.events().await.iter().any(to_them), "nobody is written to");
}

#[actix_web::test]
async fn a_certificate_that_nobody_was_given_is_not_there() {
    let app = TestApp::<Auth>::start().await;
    for id in ["x", "01920000-0000-7000-8000-0000000000dd", &"a".repeat(600)] {
        app.get(&format!("/api/me/certificates/{id}")).send().await.expect_problem(404, "not_found");
    }
}

/// V13: what was given out before the erasure is worth nothing after it.
#[actix_web::test]
async fn v13_an_erased_account_is_revoked_everywhere() {
    let Scene { app, .. } = scene().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    delete(&app, &anna, PASSWORD).await.expect(202);
    app.advance(TimeDelta::days(14) + TimeDelta::seconds(1));
    app.run_jobs().await;
    let revoked = app.sql("SELECT user_id, token_version FROM revocations").await;
    assert_eq!(revoked[0], json!({ "user_id": user_id(&anna), "token_version": 2 }));
}

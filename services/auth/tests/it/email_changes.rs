//! From one address to another, and back.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::account_letters::{kinds, link, links, open, post};
use crate::passwords::{NEW_PASSWORD, change, forgot, reset};
use crate::people::{self, PASSWORD, address};

pub async fn ask(app: &TestApp<Auth>, access: &str, email: &str) -> Answer {
    let body = json!({ "newEmail": email, "currentPassword": PASSWORD });
    let answer = post(app, "/api/auth/email/change", access, body).await;
    app.run_jobs().await;
    answer
}

pub async fn confirm(app: &TestApp<Auth>, token: &str) -> Answer {
    open(app, "/api/auth/email/change/confirm", token).await
}

pub async fn undo(app: &TestApp<Auth>, token: &str) -> Answer {
    open(app, "/api/auth/email/change/undo", token).await
}

/// Asks and confirms, and signs in with the new address.
pub async fn moved(app: &TestApp<Auth>, access: &str, email: &str) -> Value {
    ask(app, access, email).await.expect(202);
    confirm(app, &link(app, email, "email_change_confirmation").await).await.expect(204);
    people::sign_in(app, email, PASSWORD).await.expect(200).body
}

fn access(body: &Value) -> &str {
    people::text(body, "accessToken")
}

#[actix_web::test]
async fn an_address_changes_when_the_new_one_is_shown_to_be_its_owners() {
    let app = TestApp::<Auth>::start().await;
    let (anna, new) = (address(&app, "anna"), address(&app, "Anna.New"));
    let body = people::signed_in(&app, &anna).await;
    let answer = ask(&app, access(&body), &new).await.expect(202);
    assert_eq!(answer.body, json!({ "status": "confirmation_sent" }));
    assert_eq!(people::profile(&app, access(&body)).await.expect(200).body["email"], anna, "not before");
    let token = link(&app, &new, "email_change_confirmation").await;
    let answers = join_all((0..50).map(|_| confirm(&app, &token))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(204), count(410)), (1, 49));

    people::sign_in(&app, &anna, PASSWORD).await.expect(401);
    let again = people::sign_in(&app, &new, PASSWORD).await.expect(200).body;
    let profile = people::profile(&app, access(&again)).await.expect(200).body;
    assert_eq!((&profile["email"], &profile["emailVerified"]), (&json!(new), &json!(true)));
    assert_eq!(kinds(&app, &anna).await, ["email_changed"]);
    let events = app.events().await;
    let told = events.iter().rfind(|event| event["type"] == "user.changed").unwrap();
    assert_eq!(told["personal"]["email"], new, "the other services hear of it");
    let trail = serde_json::to_string(&app.sql("SELECT * FROM audit_events").await).unwrap();
    assert!(!trail.contains("anna") && !trail.contains("Anna"), "the trail holds no address");
}

/// V5: a change of address needs the password, and its proof is good for this person, session and address alone.
#[actix_web::test]
async fn v05_the_proof_is_bound_to_person_session_and_address() {
    let app = TestApp::<Auth>::start().await;
    let (anna, one, two) = (address(&app, "anna"), address(&app, "one"), address(&app, "two"));
    let body = people::signed_in(&app, &anna).await;
    let wrong = json!({ "newEmail": one, "currentPassword": "a thief guesses" });
    post(&app, "/api/auth/email/change", access(&body), wrong).await.expect_problem(403, "wrong_password");
    app.advance(TimeDelta::seconds(1));
    let none = json!({ "newEmail": one });
    post(&app, "/api/auth/email/change", access(&body), none).await.expect_problem(422, "invalid_fields");

    // A newer request voids the earlier one's proof.
    ask(&app, access(&body), &one).await.expect(202);
    ask(&app, access(&body), &two).await.expect(202);
    confirm(&app, &link(&app, &one, "email_change_confirmation").await)
        .await
        .expect_problem(410, "link_gone");
    // The end of the session that asked is the end of its proof, although another one goes on.
    let other = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    app.post("/api/auth/logout").token(access(&body)).send().await.expect(204);
    let proof = link(&app, &two, "email_change_confirmation").await;
    confirm(&app, &proof).await.expect_problem(410, "link_gone");
    // A day later it is gone as well.
    ask(&app, access(&other), &one).await.expect(202);
    app.advance(TimeDelta::hours(24));
    confirm(&app, &link(&app, &one, "email_change_confirmation").await)
        .await
        .expect_problem(410, "link_gone");
    let rows = app.sql("SELECT email FROM users").await;
    assert_eq!(rows, [json!({ "email": anna })]);
}

/// V5: whoever has no password shows by whatever they sign in with that it is them, and lately.
#[actix_web::test]
async fn v05_without_a_password_an_address_is_changed_by_whoever_signed_in_lately() {
    let app = TestApp::<Auth>::start().await;
    let (anna, new) = (address(&app, "anna"), address(&app, "new"));
    let body = people::signed_in(&app, &anna).await;
    let path = "/api/auth/email/change";
    let without = json!({ "newEmail": new });
    let asked = post(&app, path, access(&body), without.clone()).await.expect_problem(422, "invalid_fields");
    assert_eq!(asked.body["errors"][0]["pointer"], "/currentPassword");
    // As somebody who has only ever come by a provider.
    app.superuser().await.run("UPDATE users SET password_phc = NULL").await;
    app.advance(TimeDelta::minutes(11));
    let stale = post(&app, path, access(&body), without.clone()).await;
    stale.expect_problem(403, "step_up_required");
    ask(&app, access(&body), &new).await.expect_problem(403, "wrong_password");
    assert_eq!(app.sql("SELECT id FROM email_changes").await.len(), 0);

    app.post("/api/auth/otp/send").json(&json!({ "email": anna })).send().await.expect(202);
    app.run_jobs().await;
    let code = crate::letters::secrets(&app, &anna, "sign_in_code").await.pop().expect("a letter").code;
    let shown = json!({ "email": anna, "code": code });
    let body = app.post("/api/auth/otp/verify").json(&shown).send().await.expect(200).body;
    post(&app, path, access(&body), without.clone()).await.expect(202);
    confirm(&app, &link(&app, &new, "email_change_confirmation").await).await.expect(204);
    let emails = app.sql("SELECT email FROM users").await;
    assert_eq!(emails, [json!({ "email": new })]);

    let guest = app.post("/api/auth/anonymous").json(&json!({})).send().await.expect(201).body;
    post(&app, path, access(&guest), without).await.expect_problem(403, "guest_account");
}

/// V5: the proof of one person does not move another one's account, whatever the row says.
#[actix_web::test]
async fn v05_a_proof_that_was_moved_to_somebody_else_is_worthless() {
    let app = TestApp::<Auth>::start().await;
    let (anna, bob, new) = (address(&app, "anna"), address(&app, "bob"), address(&app, "new"));
    let body = people::signed_in(&app, &anna).await;
    people::signed_in(&app, &bob).await;
    ask(&app, access(&body), &new).await.expect(202);
    let steal = format!(
        "UPDATE one_time_tokens SET user_id = (SELECT id FROM users WHERE email = '{bob}') WHERE purpose = 'email_change'"
    );
    app.superuser().await.run(&steal).await;
    confirm(&app, &link(&app, &new, "email_change_confirmation").await)
        .await
        .expect_problem(410, "link_gone");
    let other_session = format!(
        "UPDATE one_time_tokens SET user_id = (SELECT id FROM users WHERE email = '{anna}') WHERE purpose = 'email_change';
         UPDATE email_changes SET session_id = (SELECT id FROM sessions WHERE user_id = (SELECT id FROM users WHERE email = '{bob}'))"
    );
    app.superuser().await.run(&other_session).await;
    confirm(&app, &link(&app, &new, "email_change_confirmation").await)
        .await
        .expect_problem(410, "link_gone");
}

/// V5: another password cancels what was pending.
#[actix_web::test]
async fn v05_another_password_cancels_a_pending_change() {
    let app = TestApp::<Auth>::start().await;
    let (anna, new) = (address(&app, "anna"), address(&app, "new"));
    let body = people::signed_in(&app, &anna).await;
    ask(&app, access(&body), &new).await.expect(202);
    change(&app, access(&body), PASSWORD, NEW_PASSWORD).await.expect(204);
    confirm(&app, &link(&app, &new, "email_change_confirmation").await)
        .await
        .expect_problem(410, "link_gone");

    let body = people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).body;
    let again = json!({ "newEmail": new, "currentPassword": NEW_PASSWORD });
    post(&app, "/api/auth/email/change", access(&body), again.clone()).await.expect(202);
    forgot(&app, &anna).await.expect(202);
    reset(&app, &link(&app, &anna, "password_reset").await, PASSWORD).await.expect(204);
    confirm(&app, &link(&app, &new, "email_change_confirmation").await)
        .await
        .expect_problem(410, "link_gone");

    // Also when the job that mails the proof runs late.
    let body = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    let late = json!({ "newEmail": address(&app, "late"), "currentPassword": PASSWORD });
    post(&app, "/api/auth/email/change", access(&body), late).await.expect(202);
    change(&app, access(&body), PASSWORD, NEW_PASSWORD).await.expect(204);
    assert_eq!(kinds(&app, &address(&app, "late")).await, [""; 0]);
}

/// V5: the former address takes the account back for a week, with everything that came after.
#[actix_web::test]
async fn v05_the_former_address_takes_the_account_back() {
    let app = TestApp::<Auth>::start().await;
    let (anna, thief, hideout) = (address(&app, "anna"), address(&app, "thief"), address(&app, "hideout"));
    let body = people::signed_in(&app, &anna).await;
    let body = moved(&app, access(&body), &thief).await;
    moved(&app, access(&body), &hideout).await;
    let thiefs_way_back = link(&app, &thief, "email_changed").await;

    undo(&app, &link(&app, &anna, "email_changed").await).await.expect(204);
    undo(&app, &link(&app, &anna, "email_changed").await).await.expect_problem(410, "link_gone");
    undo(&app, &thiefs_way_back).await.expect_problem(410, "link_gone");
    for known in [&anna, &thief, &hideout] {
        people::sign_in(&app, known, PASSWORD).await.expect_problem(401, "invalid_credentials");
    }
    app.advance(TimeDelta::seconds(3));
    reset(&app, &link(&app, &anna, "password_reset").await, NEW_PASSWORD).await.expect(204);
    let body = people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).body;
    assert_eq!(people::profile(&app, access(&body)).await.expect(200).body["email"], anna);
    assert_eq!(links(&app, &hideout, "password_reset").await.len(), 0);
}

#[actix_web::test]
async fn v05_the_way_back_outlives_a_thiefs_reset_and_ends_after_a_week() {
    let app = TestApp::<Auth>::start().await;
    let (anna, thief) = (address(&app, "anna"), address(&app, "thief"));
    let body = people::signed_in(&app, &anna).await;
    moved(&app, access(&body), &thief).await;
    let back = link(&app, &anna, "email_changed").await;
    forgot(&app, &thief).await.expect(202);
    reset(&app, &link(&app, &thief, "password_reset").await, "the words of a thief").await.expect(204);
    app.advance(TimeDelta::days(7) - TimeDelta::seconds(1));
    app.run_jobs().await;
    undo(&app, &back).await.expect(204);
    people::sign_in(&app, &thief, "the words of a thief").await.expect(401);

    let (bob, new) = (address(&app, "bob"), address(&app, "new"));
    let body = people::signed_in(&app, &bob).await;
    moved(&app, access(&body), &new).await;
    app.advance(TimeDelta::days(7));
    undo(&app, &link(&app, &bob, "email_changed").await).await.expect_problem(410, "link_gone");
}

/// Somebody who knows the password signs in from elsewhere; what they are given, and the link of the letter that tells the owner.
pub async fn thief(app: &TestApp<Auth>, owner: &str) -> (Value, String) {
    people::signed_in(app, owner).await;
    app.advance(TimeDelta::seconds(1));
    let body = json!({ "email": owner, "password": PASSWORD });
    let call = app.post("/api/auth/signin").header("user-agent", "Thief/1.0").json(&body);
    let body = call.send().await.expect(200).body;
    (body, link(app, owner, "new_sign_in").await)
}

/// Whoever says that a sign-in was not theirs gets the account back, whatever address it was given since.
#[actix_web::test]
async fn a_sign_in_that_is_disowned_takes_the_addresses_with_it_that_came_after() {
    for given in [&["thief"][..], &["thief", "hideout"][..]] {
        let app = TestApp::<Auth>::start().await;
        let anna = address(&app, "anna");
        let (mut body, not_me) = thief(&app, &anna).await;
        let given: Vec<String> = given.iter().map(|name| address(&app, name)).collect();
        for email in &given {
            app.advance(TimeDelta::seconds(1));
            body = moved(&app, access(&body), email).await;
        }
        open(&app, "/api/auth/signin/not-me", &not_me).await.expect(204);
        people::profile(&app, access(&body)).await.expect(401);
        for email in given.iter().chain([&anna]) {
            people::sign_in(&app, email, PASSWORD).await.expect_problem(401, "invalid_credentials");
        }
        for email in &given {
            assert_eq!(links(&app, email, "password_reset").await.len(), 0, "the letter is the owner's");
            for way_back in links(&app, email, "email_changed").await {
                undo(&app, &way_back).await.expect_problem(410, "link_gone");
            }
        }
        app.advance(TimeDelta::seconds(3));
        reset(&app, &link(&app, &anna, "password_reset").await, NEW_PASSWORD).await.expect(204);
        let body = people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).body;
        assert_eq!(people::profile(&app, access(&body)).await.expect(200).body["email"], anna);
        let told = "SELECT action FROM audit_events WHERE action = 'account.email_change_undone'";
        assert_eq!(app.sql(told).await.len(), 1);
    }
}

/// Letters about sign-ins went to the stranger while the account had the stranger's address. They are no way to shut the owner out.
#[actix_web::test]
async fn what_was_mailed_to_a_strangers_address_serves_nobody_once_the_owner_is_back() {
    let app = TestApp::<Auth>::start().await;
    let (anna, evil) = (address(&app, "anna"), address(&app, "evil"));
    let (body, _) = thief(&app, &anna).await;
    moved(&app, access(&body), &evil).await;
    app.advance(TimeDelta::seconds(1));
    let body = json!({ "email": evil, "password": PASSWORD });
    let call = app.post("/api/auth/signin").header("user-agent", "Another/1.0").json(&body);
    call.send().await.expect(200);
    let kept = link(&app, &evil, "new_sign_in").await;
    undo(&app, &link(&app, &anna, "email_changed").await).await.expect(204);
    reset(&app, &link(&app, &anna, "password_reset").await, NEW_PASSWORD).await.expect(204);
    let body = people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).body;
    open(&app, "/api/auth/signin/not-me", &kept).await.expect_problem(410, "link_gone");
    people::profile(&app, access(&body)).await.expect(200);
}

/// An address that was changed before is the owner's own doing.
#[actix_web::test]
async fn a_change_of_address_that_is_older_than_the_disowned_sign_in_stays() {
    let app = TestApp::<Auth>::start().await;
    let (anna, new) = (address(&app, "anna"), address(&app, "new"));
    let body = people::signed_in(&app, &anna).await;
    moved(&app, access(&body), &new).await;
    app.advance(TimeDelta::seconds(1));
    let body = json!({ "email": new, "password": PASSWORD });
    let call = app.post("/api/auth/signin").header("user-agent", "Thief/1.0").json(&body);
    call.send().await.expect(200);
    open(&app, "/api/auth/signin/not-me", &link(&app, &new, "new_sign_in").await).await.expect(204);
    assert_eq!(links(&app, &new, "password_reset").await.len(), 1);
    assert_eq!(links(&app, &anna, "password_reset").await.len(), 0);
}

/// As with the link that puts an address back: what is another account's by now is not taken from it.
#[actix_web::test]
async fn a_sign_in_is_not_disowned_by_taking_an_address_from_somebody_else() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let (body, not_me) = thief(&app, &anna).await;
    let body = moved(&app, access(&body), &address(&app, "thief")).await;
    people::confirmed(&app, &anna).await;
    open(&app, "/api/auth/signin/not-me", &not_me).await.expect_problem(410, "link_gone");
    people::profile(&app, access(&body)).await.expect(200);
    people::sign_in(&app, &anna, PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn a_taken_address_is_answered_like_a_free_one_and_its_owner_is_told() {
    let app = TestApp::<Auth>::start().await;
    let (anna, bob) = (address(&app, "anna"), address(&app, "bob"));
    let body = people::signed_in(&app, &anna).await;
    people::confirmed(&app, &bob).await;
    let free = ask(&app, access(&body), &address(&app, "free")).await;
    let taken = ask(&app, access(&body), &bob.to_uppercase()).await;
    let own = ask(&app, access(&body), &anna).await;
    for answer in [&taken, &own] {
        assert_eq!((answer.status, &answer.body), (free.status, &free.body));
    }
    assert_eq!(kinds(&app, &bob).await, ["email_change_taken"]);
    assert_eq!(kinds(&app, &anna).await, [""; 0]);
    // The request before the taken one is overtaken all the same: nothing tells the two apart later either.
    let before = link(&app, &address(&app, "free"), "email_change_confirmation").await;
    confirm(&app, &before).await.expect_problem(410, "link_gone");
    let asked = "SELECT details FROM audit_events WHERE action = 'account.email_change_requested'";
    assert_eq!(app.sql(asked).await.len(), 3, "the timeline tells of all of them");
    let copied = "SELECT new_email FROM email_changes";
    assert_eq!(app.sql(copied).await.len(), 3, "and so does a copy of one's data");
}

/// V5: a thief who made themselves ways to come back has none of them left, and what was there before stays.
#[actix_web::test]
async fn v05_with_the_former_address_come_none_of_the_thiefs_ways_in() {
    let app = TestApp::<Auth>::start().await;
    let (anna, thief) = (address(&app, "anna"), address(&app, "thief"));
    let body = people::signed_in(&app, &anna).await;
    app.advance(TimeDelta::seconds(1));
    let body = moved(&app, access(&body), &thief).await;
    let thiefs = crate::factors::enrolled(&app, access(&body)).await;
    undo(&app, &link(&app, &anna, "email_changed").await).await.expect(204);
    app.advance(TimeDelta::seconds(31));
    reset(&app, &link(&app, &anna, "password_reset").await, NEW_PASSWORD).await.expect(204);
    let body = people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).body;
    assert!(body["accessToken"].is_string(), "nobody asks the owner for the thief's app: {body}");
    drop(thiefs);

    // The owner's own factor, which is older, is asked for afterwards as before.
    let bob = address(&app, "bob");
    let own = crate::factors::person_with_app(&app, &bob).await;
    let body = crate::factors::sign_in_with(&app, &bob, &own).await;
    app.advance(TimeDelta::seconds(31));
    moved(&app, access(&body), &address(&app, "elsewhere")).await;
    undo(&app, &link(&app, &bob, "email_changed").await).await.expect(204);
    app.advance(TimeDelta::seconds(31));
    reset(&app, &link(&app, &bob, "password_reset").await, NEW_PASSWORD).await.expect(204);
    let body = people::sign_in(&app, &bob, NEW_PASSWORD).await.expect(200).body;
    assert_eq!(body["mfaRequired"], true);
}

#[actix_web::test]
async fn an_address_that_was_taken_meanwhile_is_not_taken_from_its_owner() {
    let app = TestApp::<Auth>::start().await;
    let (anna, new) = (address(&app, "anna"), address(&app, "new"));
    let body = people::signed_in(&app, &anna).await;
    ask(&app, access(&body), &new).await.expect(202);
    people::confirmed(&app, &new).await;
    confirm(&app, &link(&app, &new, "email_change_confirmation").await)
        .await
        .expect_problem(410, "link_gone");
    people::profile(&app, access(&body)).await.expect(200);
    people::sign_in(&app, &new, PASSWORD).await.expect(200);
}

/// V6: whoever opened an account with an address that is not theirs keeps nobody from using it.
#[actix_web::test]
async fn v06_an_account_that_nobody_confirmed_gives_its_address_up() {
    let app = TestApp::<Auth>::start().await;
    let (anna, new) = (address(&app, "anna"), address(&app, "new"));
    let body = people::signed_in(&app, &anna).await;
    people::sign_up(&app, &new, "the words of a squatter").await.expect(202);
    let squatters = people::mailed_token(&app, &new).await;
    let again = moved(&app, access(&body), &new).await;
    assert_eq!(again["user"]["userId"], body["user"]["userId"]);
    people::verify(&app, &squatters).await.expect_problem(410, "link_gone");
    people::sign_in(&app, &new, "the words of a squatter").await.expect(401);
    let statuses = app.sql("SELECT status FROM users ORDER BY status").await;
    assert_eq!(statuses, [json!({ "status": "active" }), json!({ "status": "erased" })]);
    assert!(people::event_types(&app).await.contains(&"user.erasure_requested".to_owned()));
}

/// V26 and V19: hostile addresses and unknown members are refused before anything is looked up or counted.
#[actix_web::test]
async fn v26_hostile_addresses_are_refused() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    for hostile in [
        "anna\u{ff20}example.org",
        "ann\u{0430}@example.org",
        "a@b.c,c@d.e",
        "anna@example.org\r\nBcc: x@example.org",
        "anna@example.org\n",
        "\"anna\"@example.org",
        "anna@[127.0.0.1]",
        "anna\0@example.org",
        " anna@example.org",
        "",
    ] {
        let body_sent = json!({ "newEmail": hostile, "currentPassword": PASSWORD });
        let answer = post(&app, "/api/auth/email/change", access(&body), body_sent).await;
        let answer = answer.expect_problem(422, "invalid_fields");
        assert_eq!(answer.body["errors"][0]["pointer"], "/newEmail", "{hostile:?}");
    }
    let unknown = json!({ "newEmail": "a@b.example", "currentPassword": PASSWORD, "email_verified": true });
    post(&app, "/api/auth/email/change", access(&body), unknown).await.expect_problem(422, "invalid_fields");
    assert_eq!(app.sql("SELECT id FROM email_changes").await.len(), 0);
}

#[actix_web::test]
async fn the_addresses_of_late_are_exported_forgotten_and_purged() {
    let app = TestApp::<Auth>::start().await;
    let (anna, new) = (address(&app, "anna"), address(&app, "new"));
    let body = people::signed_in(&app, &anna).await;
    moved(&app, access(&body), &new).await;
    let user: shinkofa_kernel::UserId = people::text(&body["user"], "userId").parse().unwrap();
    let scope = shinkofa_db::Scope::tenant(shinkofa_kernel::TenantId::DEFAULT).with_user(user);
    let service = app.service();
    let copy = shinkofa_db::transaction(app.pool(), &scope, "export", async |tx| {
        shinkofa_runtime::Service::export_personal_data(service, tx, user).await
    });
    let copy = copy.await.unwrap();
    assert_eq!(
        (
            &copy["account"]["addresses"]["changes"][0]["from"],
            &copy["account"]["addresses"]["changes"][0]["to"]
        ),
        (&json!(anna), &json!(new))
    );
    shinkofa_db::transaction(app.pool(), &scope, "erase", async |tx| {
        shinkofa_runtime::Service::erase_personal_data(service, tx, user).await
    })
    .await
    .unwrap();
    assert_eq!(app.sql("SELECT id FROM email_changes").await.len(), 0);

    let body = people::signed_in(&app, &address(&app, "bob")).await;
    ask(&app, access(&body), &address(&app, "bobs-new")).await.expect(202);
    app.advance(TimeDelta::days(31));
    app.run_jobs().await;
    assert_eq!(app.sql("SELECT id FROM email_changes").await.len(), 0);
}

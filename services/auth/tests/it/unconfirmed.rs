//! Accounts that nobody confirmed: whoever made them gains nothing, and loses nothing for the owner of the address.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_kernel::TenantId;
use shinkofa_testing::{Answer, TestApp};

use crate::joining::{set_sign_up, told};
use crate::people::{self, PASSWORD, address, text};
use crate::personal_copy::with_services;
use crate::staff::{token, user_id};
use crate::studios::{Studio, sign_in_at, studio};
use crate::{letters, trail};

pub const STRANGERS: &str = "the stranger's own password";

pub async fn sign_up_at(app: &TestApp<Auth>, studio: &Studio, email: &str, password: &str) {
    let body = json!({ "email": email, "password": password, "name": "Anna Martin", "locale": "fr" });
    app.post("/api/auth/signup").at_host(&studio.host()).json(&body).send().await.expect(202);
    app.run_jobs().await;
}

fn items(answer: &Answer) -> &[Value] {
    answer.body["items"].as_array().expect("items")
}

async fn ask(app: &TestApp<Auth>, path: &str, email: &str) {
    app.post(path).json(&json!({ "email": email })).send().await.expect(202);
    app.run_jobs().await;
}

/// Asks for a letter in the studio's name that lets its reader choose a password.
pub async fn forget_password_at(app: &TestApp<Auth>, studio: &Studio, email: &str) {
    let call = app.post("/api/auth/password/forgot").at_host(&studio.host());
    call.json(&json!({ "email": email })).send().await.expect(202);
    app.run_jobs().await;
}

/// Chooses the usual password with the newest letter that lets its reader choose one.
async fn choose(app: &TestApp<Auth>, email: &str) -> Answer {
    let letter = letters::secrets(app, email, "password_reset").await.pop().expect("a letter");
    let body = json!({ "token": letter.link_token.expect("a link"), "newPassword": PASSWORD });
    let answer = app.post("/api/auth/password/reset").json(&body).send().await;
    app.run_jobs().await;
    answer
}

async fn assert_belongs_to_the_owner(app: &TestApp<Auth>, email: &str) {
    app.advance(TimeDelta::seconds(2));
    people::sign_in(app, email, STRANGERS).await.expect_problem(401, "invalid_credentials");
    app.advance(TimeDelta::seconds(2));
    people::sign_in(app, email, PASSWORD).await.expect(200);
}

/// V6: what the owner asks for is the owner's, whoever signed up before.
#[actix_web::test]
async fn v06_a_letter_that_the_owner_asks_for_confirms_no_strangers_password() {
    let app = TestApp::<Auth>::start().await;
    let (anna, bob, zoe) = (address(&app, "anna"), address(&app, "bob"), address(&app, "zoe"));
    // Who forgot a password that they never had.
    people::sign_up(&app, &anna, STRANGERS).await.expect(202);
    ask(&app, "/api/auth/password/forgot", &anna).await;
    assert_eq!(people::mailed_tokens(&app, &anna).await.len(), 1, "the stranger's sign-up alone");
    choose(&app, &anna).await.expect(204);
    let account = app.sql(&format!("SELECT id FROM users WHERE email = '{anna}'")).await;
    let claimed = trail::entry(trail::by_nobody_known(), "user", text(&account[0], "id"));
    assert_eq!(trail::told(&app, "account.address_claimed").await, [claimed]);
    assert_belongs_to_the_owner(&app, &anna).await;

    // Who signed up themselves, before or after, and asks for their letter once more.
    for (email, first, second) in [(&bob, STRANGERS, PASSWORD), (&zoe, PASSWORD, STRANGERS)] {
        people::sign_up(&app, email, first).await.expect(202);
        people::sign_up(&app, email, second).await.expect(202);
        ask(&app, "/api/auth/email/resend", email).await;
        assert_eq!(people::mailed_tokens(&app, email).await.len(), 2, "one for each sign-up");
        choose(&app, email).await.expect(204);
        assert_belongs_to_the_owner(&app, email).await;
    }
}

/// The one who signed up, and nobody else did: the password that they chose is theirs.
#[actix_web::test]
async fn whoever_alone_signed_up_has_the_same_password_with_another_letter() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::sign_up(&app, &anna, PASSWORD).await.expect(202);
    ask(&app, "/api/auth/email/resend", &anna).await;
    let tokens = people::mailed_tokens(&app, &anna).await;
    people::verify(&app, &tokens[1]).await.expect(204);
    people::sign_in(&app, &anna, PASSWORD).await.expect(200);
}

/// V6: signed up by a stranger for a studio of the stranger's, the owner of the address becomes a member where they confirm it
/// themselves, and nowhere else.
#[actix_web::test]
async fn v06_a_stranger_signs_nobody_up_for_a_studio_of_theirs() {
    let app = TestApp::<Auth>::start().await;
    let evil = studio(&app, "mallory", "evil").await;
    let (anna, bob) = (address(&app, "anna"), address(&app, "bob"));
    for email in [&anna, &bob] {
        sign_up_at(&app, &evil, email, STRANGERS).await;
    }
    people::confirmed(&app, &anna).await;
    let signed_in = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    let mine = app.get("/api/tenants").token(token(&signed_in)).send().await.expect(200);
    assert_eq!(items(&mine).len(), 1, "{:#}", mine.body);

    people::sign_up(&app, &bob, PASSWORD).await.expect(202);
    ask(&app, "/api/auth/password/forgot", &bob).await;
    choose(&app, &bob).await.expect(204);
    people::sign_in(&app, &bob, PASSWORD).await.expect(200);
    let theirs = evil.get(&app, "/api/tenants/members", &evil.admin).await.expect(200);
    assert_eq!(items(&theirs).len(), 1, "{:#}", theirs.body);
}

/// V1: a studio that anybody can found is told nothing of an address before its owner confirms it there.
#[actix_web::test]
async fn v01_the_founder_of_a_studio_does_not_learn_who_has_an_account() {
    let app = TestApp::<Auth>::start().await;
    let (anna, nobody) = (address(&app, "anna"), address(&app, "nobody"));
    people::confirmed(&app, &anna).await;
    let evil = studio(&app, "mallory", "evil").await;
    let seen = async || {
        let audit = evil.get(&app, "/api/admin/audit", &evil.admin).await.expect(200);
        let members = evil.get(&app, "/api/tenants/members", &evil.admin).await.expect(200);
        let users = evil.get(&app, "/api/admin/users", &evil.admin).await.expect(200);
        (items(&audit).len(), items(&members).len(), items(&users).len())
    };
    let before = seen().await;
    for email in [&anna, &nobody] {
        sign_up_at(&app, &evil, email, STRANGERS).await;
        for path in ["/api/auth/email/resend", "/api/auth/password/forgot", "/api/auth/otp/send"] {
            let call = app.post(path).at_host(&evil.host()).json(&json!({ "email": email }));
            call.send().await.expect(202);
        }
        app.run_jobs().await;
        assert_eq!(seen().await, before, "{email}");
    }
    // Whoever confirms the address there is a member there, and is shown.
    sign_up_at(&app, &evil, &nobody, PASSWORD).await;
    let mailed = people::mailed_token(&app, &nobody).await;
    people::verify(&app, &mailed).await.expect(204);
    assert!(seen().await.1 > before.1);
}

/// V1: a guest who asks for an address reads the same of it, whoever has it.
#[actix_web::test]
async fn v01_a_guest_does_not_learn_who_has_an_account() {
    let (app, _services) = with_services().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let mut read = Vec::new();
    for email in [anna, address(&app, "nobody")] {
        let guest = app.post("/api/auth/anonymous").json(&json!({})).send().await.expect(201).body;
        let body = json!({ "email": email, "password": PASSWORD, "name": "Anna" });
        let asked = app.post("/api/auth/anonymous/upgrade").token(token(&guest)).json(&body);
        asked.send().await.expect(202);
        app.run_jobs().await;
        let timeline = app.get("/api/auth/security-timeline").token(token(&guest)).send().await.expect(200);
        let what = |entry: &Value| entry["type"].clone();
        let kinds: Vec<Value> = items(&timeline).iter().map(what).collect();
        let copy = app.get("/api/me/export").token(token(&guest)).send().await.expect(200).body;
        assert!(!copy.to_string().contains(&email), "{copy:#}");
        read.push(kinds);
    }
    assert_eq!(read[0], read[1]);
}

/// Perhaps somebody else typed the address: so nothing of it stays.
#[actix_web::test]
async fn what_nobody_confirms_is_forgotten_everywhere() {
    let app = TestApp::<Auth>::start().await;
    let evil = studio(&app, "mallory", "evil").await;
    let (anna, bob) = (address(&app, "anna"), address(&app, "bob"));
    sign_up_at(&app, &evil, &anna, STRANGERS).await;
    people::sign_up(&app, &anna, STRANGERS).await.expect(202);
    app.advance(TimeDelta::days(4));
    people::sign_up(&app, &bob, PASSWORD).await.expect(202);
    app.advance(TimeDelta::days(4));
    app.run_jobs().await;
    let places = |email: &str| {
        format!(
            "SELECT (SELECT count(*) FROM users WHERE email = '{email}') AS accounts,
                (SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = '{email}') AS places,
                (SELECT count(*) FROM signups WHERE email = '{email}') AS signups,
                (SELECT count(*) FROM events WHERE personal->>'email' = '{email}') AS told"
        )
    };
    let nothing = json!({ "accounts": 0, "places": 0, "signups": 0, "told": 0 });
    assert_eq!(app.sql(&places(&anna)).await, std::slice::from_ref(&nothing));
    assert_eq!(
        app.sql("SELECT user_id FROM memberships WHERE status = 'invited'").await.len(),
        1,
        "bob's alone"
    );
    // Who can still confirm their address does.
    let mailed = people::mailed_tokens(&app, &bob).await;
    assert_eq!(mailed.len(), 1);
    ask(&app, "/api/auth/email/resend", &bob).await;
    let mailed = people::mailed_token(&app, &bob).await;
    people::verify(&app, &mailed).await.expect(204);
    people::sign_in(&app, &bob, PASSWORD).await.expect(200);
    app.advance(TimeDelta::days(8));
    app.run_jobs().await;
    people::sign_in(&app, &bob, PASSWORD).await.expect(200);
    assert_eq!(app.sql("SELECT id FROM jobs WHERE dead_at IS NOT NULL").await, [] as [Value; 0]);
}

/// The owner takes the address to another account: what strangers made with it is forgotten in every studio.
#[actix_web::test]
async fn v06_an_account_that_gives_way_is_forgotten_in_every_studio() {
    let app = TestApp::<Auth>::start().await;
    let evil = studio(&app, "mallory", "evil").await;
    let taken = address(&app, "taken");
    sign_up_at(&app, &evil, &taken, STRANGERS).await;
    let holder = app.sql(&format!("SELECT id FROM users WHERE email = '{taken}'")).await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let body = json!({ "currentPassword": PASSWORD, "newEmail": taken });
    app.post("/api/auth/email/change").token(token(&anna)).json(&body).send().await.expect(202);
    app.run_jobs().await;
    let letter = letters::secrets(&app, &taken, "email_change_confirmation").await.pop().expect("a letter");
    let confirm = json!({ "token": letter.link_token.expect("a link") });
    app.post("/api/auth/email/change/confirm").json(&confirm).send().await.expect(204);
    assert_eq!(app.sql("SELECT user_id FROM memberships WHERE status = 'invited'").await, [] as [Value; 0]);
    let told = app
        .sql("SELECT for_tenant FROM events WHERE type = 'user.erasure_requested' ORDER BY for_tenant")
        .await;
    assert!(told.contains(&json!({ "for_tenant": evil.id })), "{told:?}");
    let owner = app.sql(&format!("SELECT id FROM users WHERE email = '{taken}'")).await;
    assert_eq!(owner, [json!({ "id": user_id(&anna) })]);
    let released = trail::entry(trail::by_service("auth"), "user", text(&holder[0], "id"));
    assert_eq!(trail::told(&app, "account.address_released").await, [released]);
}

/// Somebody who signed up in a studio that lets nobody in by now, and asked for a letter there. Their id.
async fn left_outside(app: &TestApp<Auth>, studio: &Studio, email: &str) -> String {
    sign_up_at(app, studio, email, STRANGERS).await;
    forget_password_at(app, studio, email).await;
    set_sign_up(app, studio, false).await;
    let account = app.sql(&format!("SELECT id FROM users WHERE email = '{email}'")).await;
    text(&account[0], "id").to_owned()
}

/// Whoever confirms their address there is nothing in it, so its address book does not get to know them: not then, and not later.
#[actix_web::test]
async fn the_address_book_of_a_studio_that_closed_its_sign_up_does_not_know_who_confirms_there() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "eve", "elan").await;
    let anna = address(&app, "anna");
    let id = left_outside(&app, &elan, &anna).await;
    choose(&app, &anna).await.expect(204);
    assert_eq!(told(&app, &elan.id, &id).await, (0, 0, 0));
    sign_in_at(&app, &elan.host(), &anna).await.expect_problem(403, "not_a_member");

    // Their account is theirs all the same, and brings them in elsewhere.
    let alone = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    assert_eq!(alone["accountOnly"], true);
    let join = app.post("/api/tenants/join").token(token(&alone)).json(&json!({ "slug": "default" }));
    join.send().await.expect(200);
    let home = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    let rename = app.call(Method::PATCH, "/api/user/profile").token(token(&home));
    rename.json(&json!({ "name": "Anna Nouvelle" })).send().await.expect(200);
    assert_eq!(told(&app, &TenantId::DEFAULT.to_string(), &id).await, (2, 1, 1), "joined, and renamed");
    assert_eq!(told(&app, &elan.id, &id).await, (0, 0, 0));
}

#[actix_web::test]
async fn the_address_book_of_a_studio_that_closed_its_sign_up_knows_who_is_something_in_it_already() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "eve", "elan").await;
    let anna = address(&app, "anna");
    let id = left_outside(&app, &elan, &anna).await;
    let suspend = format!("UPDATE memberships SET status = 'suspended' WHERE user_id = '{id}'");
    app.superuser().await.run(&suspend).await;
    choose(&app, &anna).await.expect(204);
    assert_eq!(told(&app, &elan.id, &id).await, (1, 0, 0));
}

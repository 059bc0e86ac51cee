//! Who was banned is known by what they come with, whichever account they try.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::{BanScope, TrustScope};
use shinkofa_testing::{Answer, TestApp};

use crate::letters;
use crate::machines::machine;
use crate::people::{self, PASSWORD, address};
use crate::staff::{staff, token, user_id};
use crate::studios::{anonymous, profile_at, sign_in_at, studio};

pub const BAN: &str = "01920000-0000-7000-8000-0000000000b1";
/// A later one.
const OTHER: &str = "01920000-0000-7000-8000-0000000000b2";

pub async fn ban(app: &TestApp<Auth>, what: Value) -> Answer {
    let mut body = json!({ "banId": BAN, "reason": "spam in three salons" });
    body.as_object_mut().expect("an object").extend(what.as_object().expect("an object").clone());
    app.internal::<BanScope>("community", Method::POST, "/internal/v1/bans").json(&body).send().await
}

async fn ban_as(app: &TestApp<Auth>, id: &str, what: Value) -> Answer {
    let mut body = what;
    body["banId"] = json!(id);
    ban(app, body).await
}

pub async fn lift(app: &TestApp<Auth>, id: &str) {
    let path = format!("/internal/v1/bans/{id}");
    app.internal::<BanScope>("community", Method::DELETE, &path).send().await.expect(204);
}

async fn sign_in_on(app: &TestApp<Auth>, who: &str, device: &str, user_agent: &str) -> Answer {
    let body = json!({ "email": address(app, who), "password": PASSWORD, "deviceId": device });
    app.post("/api/auth/signin").header("user-agent", user_agent).json(&body).send().await
}

#[actix_web::test]
async fn a_banned_members_devices_open_no_other_account() {
    let app = TestApp::<Auth>::start().await;
    for who in ["troll", "sock", "anna"] {
        people::confirmed(&app, &address(&app, who)).await;
    }
    let troll = sign_in_on(&app, "troll", "phone-1", "Phone").await.expect(200).body;
    let answer = ban(&app, json!({ "userId": user_id(&troll) })).await.expect(200).body;
    assert_eq!(answer["fingerprints"], 3, "the account, the device, and network and program together");
    sign_in_on(&app, "sock", "phone-1", "Other").await.expect_problem(403, "banned");
    sign_in_on(&app, "sock", "phone-2", "Phone").await.expect_problem(403, "banned");
    sign_in_on(&app, "anna", "laptop", "Laptop").await.expect(200);
    let body = json!({ "email": address(&app, "again"), "password": PASSWORD, "name": "Troll" });
    let sign_up = app.post("/api/auth/signup").header("user-agent", "Phone").json(&body);
    sign_up.send().await.expect_problem(403, "banned");

    // Only keyed digests are kept, and the trail has no reason.
    let rows = app.sql("SELECT * FROM bans").await;
    assert!(rows.iter().all(|row| !row.to_string().contains("127.0.0.1")));
    let hashes = app.sql("SELECT device_hash FROM known_devices").await;
    assert!(rows.iter().all(|row| hashes.iter().all(|hash| hash["device_hash"] != row["fingerprint"])));
    let trail = app.sql("SELECT action, details FROM audit_events WHERE action LIKE 'ban.%'").await;
    assert!(trail.len() == 1 && !trail[0].to_string().contains("salons"));

    for _ in 0..2 {
        lift(&app, BAN).await;
    }
    sign_in_on(&app, "sock", "phone-1", "Phone").await.expect(200);
}

#[actix_web::test]
async fn a_ban_of_a_network_ends_when_it_is_over_and_the_same_ban_again_is_one() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let network = json!({ "address": "127.0.0.1", "until": "2026-12-01T10:00:00Z" });
    for _ in 0..2 {
        ban(&app, network.clone()).await.expect(200);
    }
    assert_eq!(app.sql("SELECT ban_id FROM bans").await.len(), 1);
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect_problem(403, "banned");
    app.advance(TimeDelta::hours(1));
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
    app.run_jobs().await;
    assert_eq!(app.sql("SELECT ban_id FROM bans").await.len(), 0);
}

async fn banned(app: &TestApp<Auth>) {
    people::sign_in(app, &address(app, "anna"), PASSWORD).await.expect_problem(403, "banned");
}

#[actix_web::test]
async fn a_shorter_ban_of_what_is_banned_for_good_ends_alone() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    ban_as(&app, BAN, json!({ "address": "127.0.0.1" })).await.expect(200);
    let short = json!({ "address": "127.0.0.1", "until": "2026-12-01T10:00:00Z" });
    ban_as(&app, OTHER, short).await.expect(200);
    assert_eq!(app.sql("SELECT ban_id FROM bans").await.len(), 2);
    app.advance(TimeDelta::hours(1));
    banned(&app).await;
    app.run_jobs().await;
    assert_eq!(app.sql("SELECT ban_id FROM bans").await, [json!({ "ban_id": BAN })]);
    banned(&app).await;
    lift(&app, BAN).await;
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn lifting_one_of_two_bans_leaves_the_other() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    for (first, second) in [(BAN, OTHER), (OTHER, BAN)] {
        for id in [BAN, OTHER] {
            ban_as(&app, id, json!({ "address": "127.0.0.1" })).await.expect(200);
        }
        lift(&app, first).await;
        banned(&app).await;
        lift(&app, second).await;
        people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
    }
}

#[actix_web::test]
async fn an_older_ban_that_is_asked_for_again_changes_neither_itself_nor_a_later_one() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let short = json!({ "address": "127.0.0.1", "until": "2026-12-01T10:00:00Z" });
    ban_as(&app, BAN, short.clone()).await.expect(200);
    app.advance(TimeDelta::minutes(10));
    ban_as(&app, OTHER, json!({ "address": "127.0.0.1", "until": "2026-12-01T11:00:00Z" })).await.expect(200);
    let rows = "SELECT * FROM bans ORDER BY ban_id";
    let before = app.sql(rows).await;
    app.advance(TimeDelta::minutes(10));
    for again in [short, json!({ "address": "127.0.0.1" }), json!({ "address": "192.0.2.9" })] {
        let answer = ban_as(&app, BAN, again).await.expect(200).body;
        assert_eq!(answer, json!({ "banId": BAN, "fingerprints": 1 }));
    }
    assert_eq!(app.sql(rows).await, before);
    let placed = "SELECT subject_id FROM audit_events WHERE action = 'ban.placed' ORDER BY subject_id";
    assert_eq!(app.sql(placed).await, [json!({ "subject_id": BAN }), json!({ "subject_id": OTHER })]);
    app.advance(TimeDelta::minutes(40));
    banned(&app).await;
    app.advance(TimeDelta::hours(1));
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn of_one_ban_asked_for_many_times_at_once_there_is_one() {
    let app = TestApp::<Auth>::start().await;
    let answers = join_all((0..8).map(|_| ban(&app, json!({ "address": "192.0.2.9" })))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(app.sql("SELECT ban_id FROM bans").await.len(), 1);
    assert_eq!(app.sql("SELECT id FROM audit_events WHERE action = 'ban.placed'").await.len(), 1);
}

/// Somebody who was banned brings another device and another program.
#[actix_web::test]
async fn a_banned_account_is_kept_out_on_whatever_it_comes_and_whichever_way() {
    let app = TestApp::<Auth>::start().await;
    for who in ["troll", "anna"] {
        people::confirmed(&app, &address(&app, who)).await;
    }
    let troll = sign_in_on(&app, "troll", "phone-1", "Phone").await.expect(200).body;
    ban(&app, json!({ "userId": user_id(&troll) })).await.expect(200);
    sign_in_on(&app, "troll", "new-1", "New").await.expect_problem(403, "banned");
    let email = address(&app, "troll");
    app.post("/api/auth/otp/send").json(&json!({ "email": email })).send().await.expect(202);
    app.run_jobs().await;
    let secret = letters::secrets(&app, &email, "sign_in_code").await.pop().expect("a letter");
    let body = json!({ "email": email, "code": secret.code.expect("a code"), "deviceId": "new-2" });
    let code = app.post("/api/auth/otp/verify").header("user-agent", "New").json(&body);
    code.send().await.expect_problem(403, "banned");
    // What they came with is nobody else's fault.
    sign_in_on(&app, "anna", "new-1", "New").await.expect(200);
    lift(&app, BAN).await;
    sign_in_on(&app, "troll", "new-1", "New").await.expect(200);
}

/// Who does not know the password learns nothing of a ban.
#[actix_web::test]
async fn a_ban_of_an_account_is_told_after_a_right_password_alone() {
    let app = TestApp::<Auth>::start().await;
    let troll = people::signed_in(&app, &address(&app, "troll")).await;
    ban(&app, json!({ "userId": user_id(&troll) })).await.expect(200);
    let guess = async |who: &str| {
        let body = json!({ "email": address(&app, who), "password": "a stranger guesses" });
        let call = app.post("/api/auth/signin").header("user-agent", "Stranger").json(&body);
        anonymous(call.send().await.expect(401))
    };
    assert_eq!(guess("troll").await, guess("nobody").await);
    // Nor does who signs up with the address.
    let body = json!({ "email": address(&app, "troll"), "password": PASSWORD, "name": "Troll" });
    let sign_up = app.post("/api/auth/signup").header("user-agent", "Stranger").json(&body);
    sign_up.send().await.expect(202);
}

#[actix_web::test]
async fn a_ban_holds_in_the_studio_that_made_it() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let troll = elan.member(&app, "troll", &["member"]).await;
    ban(&app, json!({ "userId": user_id(&troll) })).await.expect(200);
    let body = json!({ "email": address(&app, "troll"), "password": PASSWORD });
    let here = app.post("/api/auth/signin").header("user-agent", "New").json(&body);
    here.send().await.expect_problem(403, "banned");
    profile_at(&app, &elan.host(), &troll).await.expect(200);
    sign_in_at(&app, &elan.host(), &address(&app, "troll")).await.expect(200);
}

/// The key of a program is a way in for whoever made it.
#[actix_web::test]
async fn the_keys_that_a_banned_person_made_bring_no_tokens_while_they_are_banned() {
    let app = TestApp::<Auth>::start().await;
    let mia = staff(&app, "mia", "admin").await;
    let made = machine(&app, token(&mia), &["booking.classes.manage"]).await;
    let show = async || {
        let body = json!({ "grantType": "client_credentials", "apiKey": made.key });
        app.post("/api/auth/token").header("user-agent", "Job").json(&body).send().await
    };
    show().await.expect(200);
    ban(&app, json!({ "userId": user_id(&mia) })).await.expect(200);
    show().await.expect_problem(403, "banned");
    lift(&app, BAN).await;
    show().await.expect(200);
    ban(&app, json!({ "userId": made.account })).await.expect(200);
    show().await.expect_problem(403, "banned");
}

#[actix_web::test]
async fn a_ban_names_something_and_takes_its_own_scope() {
    let app = TestApp::<Auth>::start().await;
    ban(&app, json!({})).await.expect_problem(422, "invalid_fields");
    ban(&app, json!({ "userId": "01920000-0000-7000-8000-0000000000dd" }))
        .await
        .expect_problem(404, "not_found");
    let call = app.internal::<TrustScope>("community", Method::POST, "/internal/v1/bans");
    call.json(&json!({ "banId": BAN, "reason": "none", "address": "127.0.0.1" })).send().await.expect(403);
}

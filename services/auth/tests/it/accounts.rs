//! Signing up and confirming an address.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::identity_provider::{Provider, expect_error};
use crate::people::{self, PASSWORD, address};

#[actix_web::test]
async fn the_whole_story_from_signing_up_to_signing_out() {
    let app = TestApp::<Auth>::start().await;
    let answer = people::sign_up(&app, &address(&app, "anna"), PASSWORD).await.expect(202);
    assert_eq!(answer.body, json!({ "status": "verification_sent" }));
    let events = people::event_types(&app).await;
    assert_eq!(
        events,
        ["tenant.changed", "email_verification.requested"],
        "nobody hears of them before they confirm"
    );

    let early = people::sign_in(&app, &address(&app, "anna"), PASSWORD).await;
    let early = early.expect_problem(401, "invalid_credentials").text("detail");
    assert!(early.contains("open the link"), "who has only just signed up is told what to do: {early}");
    app.advance(TimeDelta::seconds(1));
    let token = people::mailed_token(&app, &address(&app, "anna")).await;
    people::verify(&app, &token).await.expect(204);
    people::verify(&app, &token).await.expect_problem(410, "link_gone");
    assert_eq!(people::event_types(&app).await[2..], ["user.changed", "membership.changed"]);

    let signed_in = people::sign_in(&app, &address(&app, "anna").to_uppercase(), PASSWORD).await.expect(200);
    assert_eq!(signed_in.headers["cache-control"], "no-store");
    let body = signed_in.body;
    assert_eq!((&body["tokenType"], &body["expiresIn"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(body["user"]["roles"], json!(["member"]));
    assert_eq!(body["user"]["tier"], "free");
    let access = people::text(&body, "accessToken");

    let profile = people::profile(&app, access).await.expect(200).body;
    assert_eq!(profile["email"], address(&app, "anna"));
    assert_eq!(profile["name"], "Anna Martin");
    assert_eq!(profile["locale"], "fr");
    assert_eq!(profile["emailVerified"], true);
    assert_eq!(profile["userId"], body["user"]["userId"]);
    assert_eq!(profile["createdAt"], "2026-12-01T09:00:00Z");

    let next = people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200).body;
    let access = people::text(&next, "accessToken");
    app.post("/api/auth/logout").token(access).send().await.expect(204);
    people::profile(&app, access).await.expect_problem(401, "unauthenticated");
    app.post("/api/auth/logout").token(access).send().await.expect_problem(401, "unauthenticated");
    people::refresh(&app, people::text(&next, "refreshToken")).await.expect_problem(401, "refresh_refused");
}

#[actix_web::test]
async fn signing_up_with_a_known_address_answers_the_same_and_tells_its_owner_alone() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let fresh = people::sign_up(&app, &address(&app, "new"), PASSWORD).await;
    let known =
        people::sign_up(&app, &address(&app, "anna").to_uppercase(), "another private sentence").await;
    assert_eq!((fresh.status, &fresh.body), (known.status, &known.body));
    assert_eq!(headers(&fresh), headers(&known));

    let events = app.events().await;
    let last = events.last().unwrap();
    assert_eq!(last["type"], "signup.known_address");
    assert_eq!(last["personal"]["email"], address(&app, "anna"));
    people::sign_in(&app, &address(&app, "anna"), "another private sentence").await.expect(401);
    assert_eq!(app.sql("SELECT id FROM signups WHERE email_canonical LIKE 'anna@%'").await.len(), 0);
}

/// V1: before the answer nothing is done for one address that is not done for the other.
#[actix_web::test]
async fn v01_signing_up_and_asking_again_write_the_same_for_known_and_unknown_addresses() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let written = async |app: &TestApp<Auth>| {
        let tables = ["users", "signups", "jobs", "events", "one_time_tokens", "audit_events"];
        let counts = tables.map(|table| format!("(SELECT count(*) FROM {table}) AS {table}")).join(", ");
        app.sql(&format!("SELECT {counts}")).await.remove(0)
    };
    let mut grown: Vec<Vec<i64>> = Vec::new();
    for email in [address(&app, "anna"), address(&app, "new")] {
        let body = json!({ "email": email, "password": PASSWORD, "name": "Anna" });
        let before = written(&app).await;
        app.post("/api/auth/signup").json(&body).send().await.expect(202);
        app.post("/api/auth/email/resend").json(&json!({ "email": email })).send().await.expect(202);
        let after = written(&app).await;
        let before = before.as_object().unwrap();
        grown.push(
            before.iter().map(|(table, n)| after[table].as_i64().unwrap() - n.as_i64().unwrap()).collect(),
        );
    }
    assert_eq!(grown[0], grown[1]);
}

/// V1: what a stranger chose for somebody else's address opens nothing that would tell whether it has an account. Each attempt is
/// refused alike, and is followed by the same wait.
#[actix_web::test]
async fn v01_whoever_signs_up_with_anothers_address_learns_nothing_by_signing_in() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let strangers = "the stranger's own password";
    let mut told = Vec::new();
    for email in [address(&app, "anna"), address(&app, "new")] {
        people::sign_up(&app, &email, strangers).await.expect(202);
        let mut answers = Vec::new();
        // The wait grows after the third and after the ninth.
        for _ in 0..10 {
            let refused = people::sign_in(&app, &email, strangers).await;
            answers.push(as_told(refused.expect_problem(401, "invalid_credentials")));
            let locked = people::sign_in(&app, &email, strangers).await;
            let locked = locked.expect_problem(429, "too_many_attempts");
            let wait = locked.headers["retry-after"].to_str().unwrap().parse::<i64>().unwrap();
            answers.push(as_told(locked));
            app.advance(TimeDelta::seconds(wait));
        }
        told.push(answers);
    }
    assert_eq!(told[0], told[1]);
    let counted = app.sql("SELECT failures FROM auth_failures").await;
    assert_eq!(counted, [json!({ "failures": 10 }), json!({ "failures": 10 })]);
}

#[actix_web::test]
async fn parallel_requests_to_sign_up_with_one_address_make_one_account() {
    let app = TestApp::<Auth>::start().await;
    let body = json!({ "email": address(&app, "anna"), "password": PASSWORD, "name": "Anna" });
    let answers = join_all((0..8).map(|_| app.post("/api/auth/signup").json(&body).send())).await;
    assert!(answers.iter().all(|answer| answer.status == 202));
    app.run_jobs().await;
    assert_eq!(app.sql("SELECT id FROM users").await.len(), 1);
    assert_eq!(app.sql("SELECT user_id FROM memberships").await.len(), 1);
    assert_eq!(app.sql("SELECT id FROM jobs WHERE dead_at IS NOT NULL").await.len(), 0);
}

/// V6: whoever signs up with somebody else's address first gains nothing by it.
#[actix_web::test]
async fn v06_a_link_confirms_the_password_that_was_chosen_with_it_and_no_other() {
    let app = TestApp::<Auth>::start().await;
    people::sign_up(&app, &address(&app, "anna"), "the attacker's password").await.expect(202);
    people::sign_up(&app, &address(&app, "anna"), "the real owner's password").await.expect(202);
    let tokens = people::mailed_tokens(&app, &address(&app, "anna")).await;
    assert_eq!(tokens.len(), 2);
    people::verify(&app, &tokens[1]).await.expect(204);
    people::sign_in(&app, &address(&app, "anna"), "the attacker's password").await.expect(401);
    app.advance(TimeDelta::seconds(2));
    people::sign_in(&app, &address(&app, "anna"), "the real owner's password").await.expect(200);
    people::verify(&app, &tokens[0]).await.expect_problem(410, "link_gone");
}

/// V3: of fifty at once exactly one works, an expired one never, and a new one voids the old.
#[actix_web::test]
async fn v03_a_link_works_once_in_time_and_until_the_next() {
    let app = TestApp::<Auth>::start().await;
    people::sign_up(&app, &address(&app, "anna"), PASSWORD).await.expect(202);
    let token = people::mailed_token(&app, &address(&app, "anna")).await;
    let answers = join_all((0..50).map(|_| people::verify(&app, &token))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(204), count(410)), (1, 49));

    people::sign_up(&app, &address(&app, "bob"), PASSWORD).await.expect(202);
    let first = people::mailed_token(&app, &address(&app, "bob")).await;
    app.post("/api/auth/email/resend")
        .json(&json!({ "email": address(&app, "bob") }))
        .send()
        .await
        .expect(202);
    app.run_jobs().await;
    let second = people::mailed_token(&app, &address(&app, "bob")).await;
    assert_ne!(first, second);
    people::verify(&app, &first).await.expect_problem(410, "link_gone");
    app.advance(TimeDelta::hours(24));
    people::verify(&app, &second).await.expect_problem(410, "link_gone");
}

#[actix_web::test]
async fn asking_for_another_link_is_answered_alike_and_sends_nothing_where_nothing_is_to_confirm() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let before = app.events().await.len();
    for email in [address(&app, "anna"), address(&app, "nobody")] {
        let answer =
            app.post("/api/auth/email/resend").json(&json!({ "email": email })).send().await.expect(202);
        assert_eq!(answer.body, json!({ "status": "verification_sent" }));
    }
    app.run_jobs().await;
    assert_eq!(app.events().await.len(), before);
}

/// V25: the key that a token is found by contains what it is for.
#[actix_web::test]
async fn v25_a_token_of_another_purpose_confirms_nothing() {
    let app = TestApp::<Auth>::start().await;
    people::sign_up(&app, &address(&app, "anna"), PASSWORD).await.expect(202);
    let token = people::mailed_token(&app, &address(&app, "anna")).await;
    app.superuser().await.run("UPDATE one_time_tokens SET purpose = 'second_factor'").await;
    people::verify(&app, &token).await.expect_problem(410, "link_gone");
    let second_step = json!({ "mfaToken": token, "code": "123456" });
    app.post("/api/auth/signin/mfa")
        .json(&second_step)
        .send()
        .await
        .expect_problem(401, "second_factor_refused");
}

/// V19 and V26: what a client may not say is refused before anything is looked up.
#[actix_web::test]
async fn v19_v26_unknown_members_and_hostile_addresses_are_refused_before_lookup() {
    let app = TestApp::<Auth>::start().await;
    let good = json!({ "email": address(&app, "anna"), "password": PASSWORD, "name": "Anna" });
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body
    };
    for (pointer, body) in [
        ("/userId", with("userId", json!("01920000-0000-7000-8000-000000000001"))),
        ("/tenant_id", with("tenant_id", json!("01920000-0000-7000-8000-000000000001"))),
        ("/roles", with("roles", json!(["admin"]))),
        ("/email_verified", with("email_verified", json!(true))),
        ("/email", with("email", json!("anna\u{ff20}example.org"))),
        ("/email", with("email", json!("a@b.c,c@d.e"))),
        ("/email", with("email", json!("anna@example.org\r\nBcc: x@example.org"))),
        ("/password", with("password", json!("short"))),
        ("/password", with("password", json!("password1234"))),
        ("/password", with("password", json!("x".repeat(1025)))),
        ("/name", with("name", json!("https://example.org"))),
        ("/locale", with("locale", json!("de"))),
    ] {
        let answer =
            app.post("/api/auth/signup").json(&body).send().await.expect_problem(422, "invalid_fields");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{:#}", answer.body);
    }
    assert_eq!(app.sql("SELECT id FROM signups").await.len(), 0);
    let sign_in = json!({ "email": address(&app, "anna"), "password": PASSWORD, "tenantId": "x" });
    app.post("/api/auth/signin").json(&sign_in).send().await.expect_problem(422, "invalid_fields");
}

/// Nothing comes back from there. The accounts that have such an address sign in with it all the same.
#[actix_web::test]
async fn an_address_that_no_mail_reaches_is_refused_wherever_a_new_one_is_typed() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let nobodys = format!("anna@{}.INVALID", app.database.name.replace('_', "-"));
    let signup = json!({ "email": nobodys, "password": PASSWORD, "name": "Anna" });
    for (path, pointer, body) in [
        ("/api/auth/signup", "/email", signup.clone()),
        ("/api/auth/anonymous/upgrade", "/email", signup),
        ("/api/auth/email/change", "/newEmail", json!({ "newEmail": nobodys, "currentPassword": PASSWORD })),
        (
            "/api/tenants/invitations",
            "/email",
            json!({ "kind": "email", "email": nobodys, "roles": ["member"] }),
        ),
    ] {
        let answer = app.post(path).token(&provider.admin).json(&body).send().await;
        let answer = answer.expect_problem(422, "invalid_fields");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{path}: {:#}", answer.body);
    }
    let brought = provider.bring(json!({ "userName": nobodys })).await;
    expect_error(brought, 400, Some("invalidValue"), "invalid_value");
    let id = provider.bring(json!({ "userName": address(app, "zoe") })).await.expect(201).text("id");
    let rename = json!([{ "op": "replace", "path": "userName", "value": nobodys }]);
    expect_error(provider.patch(&id, rename).await, 400, Some("invalidValue"), "invalid_value");
    people::sign_in(app, &nobodys, PASSWORD).await.expect_problem(401, "invalid_credentials");
}

/// The whole answer, but for what no two have in common.
fn as_told(mut answer: Answer) -> (u16, Vec<(String, String)>, Value) {
    answer.body["requestId"] = Value::Null;
    (answer.status, headers(&answer), answer.body)
}

fn headers(answer: &Answer) -> Vec<(String, String)> {
    let told = answer.headers.iter().filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()));
    told.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

//! Signing in by a link, in the browser that asked for it.

use auth::Auth;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::people::{self, PASSWORD, address};
use crate::{factors, letters};

/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const OTHER_VERIFIER: &str = "another-verifier-that-is-long-enough-to-be-one";

pub async fn ask(app: &TestApp<Auth>, email: &str) -> Answer {
    let body = json!({ "email": email, "codeChallenge": CHALLENGE, "codeChallengeMethod": "S256" });
    let answer = app.post("/api/auth/magic-link").json(&body).send().await;
    app.run_jobs().await;
    answer
}

/// The token and the code of the newest link to this address.
pub async fn mailed(app: &TestApp<Auth>, email: &str) -> (String, String) {
    let secret = letters::secrets(app, email, "magic_link").await.pop().expect("a link");
    (secret.link_token.expect("a token"), secret.code.expect("a code"))
}

async fn consume(app: &TestApp<Auth>, body: Value) -> Answer {
    app.post("/api/auth/magic-link/consume").json(&body).send().await
}

pub async fn by_token(app: &TestApp<Auth>, token: &str, verifier: &str) -> Answer {
    consume(app, json!({ "token": token, "codeVerifier": verifier })).await
}

async fn by_code(app: &TestApp<Auth>, email: &str, code: &str, verifier: &str) -> Answer {
    consume(app, json!({ "email": email, "code": code, "codeVerifier": verifier })).await
}

/// V3: of what is sent at the same moment one is left, be it a link or a code.
#[actix_web::test]
async fn v03_of_two_that_are_sent_at_once_one_is_left() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let link = json!({ "email": anna, "codeChallenge": CHALLENGE, "codeChallengeMethod": "S256" });
    let ways = [
        ("magic_link", "/api/auth/magic-link", link),
        ("sign_in_code", "/api/auth/otp/send", json!({ "email": anna })),
    ];
    for (purpose, path, body) in ways {
        app.post(path).json(&body).send().await.expect(202);
        let mut holder = app.superuser().await;
        holder.run("BEGIN; SELECT id FROM users FOR UPDATE").await;
        let let_go = async {
            app.until_waiting(2).await;
            holder.run("COMMIT").await;
        };
        let ask_again = async {
            app.until_waiting(1).await;
            app.post(path).json(&body).send().await.expect(202);
            tokio::join!(app.run_jobs(), let_go)
        };
        tokio::join!(app.run_jobs(), ask_again);
        let live = format!(
            "SELECT 1 AS one FROM one_time_tokens WHERE purpose = '{purpose}' AND consumed_at IS NULL"
        );
        assert_eq!(app.sql(&live).await.len(), 1, "{purpose}");
    }
}

/// Whoever signs in with the letter before has used it up when they come to the account: each would wait for the other for ever.
#[actix_web::test]
async fn nobody_who_signs_in_waits_for_a_letter_that_is_about_to_replace_another() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let link = json!({ "email": anna, "codeChallenge": CHALLENGE, "codeChallengeMethod": "S256" });
    for (path, body) in [("/api/auth/magic-link", link), ("/api/auth/otp/send", json!({ "email": anna }))] {
        app.post(path).json(&body).send().await.expect(202);
        app.run_jobs().await;
        app.post(path).json(&body).send().await.expect(202);
        let mut holder = app.superuser().await;
        holder.run("BEGIN; SELECT token_hash FROM one_time_tokens FOR UPDATE").await;
        let sign_in = async {
            app.until_waiting(1).await;
            people::sign_in(&app, &anna, PASSWORD).await.expect(200);
            holder.run("COMMIT").await;
        };
        tokio::join!(app.run_jobs(), sign_in);
    }
}

#[actix_web::test]
async fn a_link_signs_in_once_in_the_browser_that_asked() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let answer = ask(&app, &anna).await.expect(202);
    assert_eq!(answer.body, json!({ "status": "link_sent" }));
    let (token, _) = mailed(&app, &anna).await;
    let signed_in = by_token(&app, &token, VERIFIER).await.expect(200);
    assert_eq!(signed_in.headers["cache-control"], "no-store");
    people::profile(&app, people::text(&signed_in.body, "accessToken")).await.expect(200);
    let sessions = app.sql("SELECT amr, acr FROM sessions").await;
    assert_eq!(sessions[0], json!({ "amr": "email", "acr": "aal1" }));
    by_token(&app, &token, VERIFIER).await.expect_problem(410, "link_gone");
}

#[actix_web::test]
async fn the_short_code_signs_in_where_the_link_was_asked_for() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    ask(&app, &anna).await.expect(202);
    let (token, code) = mailed(&app, &anna).await;
    assert_eq!(code.len(), 9, "{code}");
    // Another browser holds another verifier: the code alone is worth nothing there.
    by_code(&app, &anna, &code, OTHER_VERIFIER).await.expect_problem(401, "code_refused");
    app.advance(TimeDelta::seconds(1));
    let typed = code.to_lowercase().replace('-', " ");
    by_code(&app, &anna, &typed, VERIFIER).await.expect(200);
    by_token(&app, &token, VERIFIER).await.expect_problem(410, "link_gone");
    by_code(&app, &anna, &code, VERIFIER).await.expect_problem(401, "code_refused");
}

/// V1: before the answer nothing is done for one address that is not done for the other.
#[actix_web::test]
async fn v01_asking_for_a_link_or_a_code_tells_nothing_about_the_address() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    app.superuser().await.run("UPDATE users SET status = 'active'").await;
    let events = app.events().await.len();
    let mut answers = Vec::new();
    for email in [anna.clone(), address(&app, "nobody")] {
        let jobs = app.sql("SELECT id FROM jobs").await.len();
        let link = json!({ "email": email, "codeChallenge": CHALLENGE, "codeChallengeMethod": "S256" });
        let link = app.post("/api/auth/magic-link").json(&link).send().await.expect(202);
        let code = app.post("/api/auth/otp/send").json(&json!({ "email": email })).send().await.expect(202);
        assert_eq!(app.sql("SELECT id FROM jobs").await.len(), jobs + 2);
        let tokens = "SELECT purpose FROM one_time_tokens WHERE purpose IN ('magic_link', 'sign_in_code')";
        assert_eq!(app.sql(tokens).await.len(), 0, "nothing is made before the answer");
        answers.push((link.body, code.body));
    }
    assert_eq!(answers[0], answers[1]);
    app.run_jobs().await;
    assert_eq!(app.events().await.len(), events + 2, "two letters to anna, none to nobody");
    // What is presented without having been sent is refused, and counted, alike.
    let nobody = address(&app, "nobody");
    let unknown = by_code(&app, &nobody, "AAAA-AAAA", VERIFIER).await.expect_problem(401, "code_refused");
    let wrong = by_code(&app, &anna, "AAAA-AAAA", VERIFIER).await.expect_problem(401, "code_refused");
    assert_eq!(unknown.body["detail"], wrong.body["detail"]);
    for email in [&nobody, &anna] {
        by_code(&app, email, "AAAA-AAAA", VERIFIER).await.expect_problem(429, "too_many_attempts");
    }
}

/// V3: of fifty at once exactly one signs in, an expired link never does, and a new one voids the old.
#[actix_web::test]
async fn v03_a_link_works_once_in_time_and_until_the_next() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    ask(&app, &anna).await.expect(202);
    let (first, first_code) = mailed(&app, &anna).await;
    ask(&app, &anna).await.expect(202);
    let (second, _) = mailed(&app, &anna).await;
    by_token(&app, &first, VERIFIER).await.expect_problem(410, "link_gone");
    by_code(&app, &anna, &first_code, VERIFIER).await.expect_problem(401, "code_refused");
    app.advance(TimeDelta::seconds(1));
    let answers = join_all((0..50).map(|_| by_token(&app, &second, VERIFIER))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(410)), (1, 49));
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 1);

    ask(&app, &anna).await.expect(202);
    let (late, late_code) = mailed(&app, &anna).await;
    app.advance(TimeDelta::minutes(10));
    by_token(&app, &late, VERIFIER).await.expect_problem(410, "link_gone");
    by_code(&app, &anna, &late_code, VERIFIER).await.expect_problem(401, "code_refused");
}

/// V6: a link to an address that a stranger signed up with first takes the account from the stranger.
#[actix_web::test]
async fn v06_the_password_of_an_unconfirmed_account_does_not_survive_its_owners_first_sign_in() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::sign_up(&app, &anna, PASSWORD).await.expect(202);
    let confirmation = people::mailed_token(&app, &anna).await;
    ask(&app, &anna).await.expect(202);
    let (token, _) = mailed(&app, &anna).await;
    let body = by_token(&app, &token, VERIFIER).await.expect(200).body;
    let profile = people::profile(&app, people::text(&body, "accessToken")).await.expect(200);
    assert_eq!(profile.body["emailVerified"], true);
    people::sign_in(&app, &anna, PASSWORD).await.expect_problem(401, "invalid_credentials");
    people::verify(&app, &confirmation).await.expect_problem(410, "link_gone");
    let left = app.sql("SELECT password_phc, token_version FROM users").await;
    assert_eq!(left[0], json!({ "password_phc": null, "token_version": 2 }));
    assert_eq!(app.sql("SELECT id FROM signups").await.len(), 0);
}

/// V15: a link is one factor, and does not go around a second.
#[actix_web::test]
async fn v15_a_link_does_not_skip_the_second_factor() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    factors::everybody_enrols(&app).await;
    ask(&app, &anna).await.expect(202);
    let (token, _) = mailed(&app, &anna).await;
    let answer = by_token(&app, &token, VERIFIER).await.expect(200);
    assert_eq!((&answer.body["mfaRequired"], &answer.body["methods"]), (&json!(true), &json!(["totp"])));
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 0);
    let code = factors::everybodys_code(&app);
    factors::second_step(&app, &answer.text("mfaToken"), &code).await.expect(200);
    assert_eq!(app.sql("SELECT amr FROM sessions").await[0]["amr"], "email otp");
}

/// V15: whoever reads the mail has one factor, not two.
#[actix_web::test]
async fn v15_email_is_never_both_factors() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    factors::everybody_enrols(&app).await;
    app.superuser().await.run("UPDATE user_factors SET kind = 'email_code'").await;
    ask(&app, &anna).await.expect(202);
    let (token, _) = mailed(&app, &anna).await;
    by_token(&app, &token, VERIFIER).await.expect_problem(403, "same_channel_twice");
    // After a password the same factor is asked for.
    let body = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    assert_eq!(body["methods"], json!(["email_code"]));
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 0);
}

/// V17: one lock for every way of signing in, whichever the failed attempts were made by.
#[actix_web::test]
async fn v17_links_and_codes_wait_like_passwords_and_failed_ones_make_passwords_wait() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    ask(&app, &anna).await.expect(202);
    let (token, code) = mailed(&app, &anna).await;
    app.post("/api/auth/otp/send").json(&json!({ "email": anna })).send().await.expect(202);
    app.run_jobs().await;
    people::sign_in(&app, &anna, "a stranger guesses").await.expect(401);
    by_token(&app, &token, VERIFIER).await.expect_problem(429, "too_many_attempts");
    by_code(&app, &anna, &code, VERIFIER).await.expect_problem(429, "too_many_attempts");
    let guess = json!({ "email": anna, "code": "000000" });
    let locked = app.post("/api/auth/otp/verify").json(&guess).send().await;
    locked.expect_problem(429, "too_many_attempts");
    app.advance(TimeDelta::seconds(1));
    by_token(&app, &token, OTHER_VERIFIER).await.expect_problem(401, "verifier_refused");
    people::sign_in(&app, &anna, PASSWORD).await.expect_problem(429, "too_many_attempts");
    app.advance(TimeDelta::seconds(1));
    // Whoever had to wait has not used up an attempt, and a whole sign-in ends the count.
    by_token(&app, &token, VERIFIER).await.expect(200);
    assert_eq!(app.sql("SELECT failures FROM auth_failures").await.len(), 0);
}

#[actix_web::test]
async fn v17_strangers_cannot_lock_a_link_out_of_the_device_that_its_owner_signed_in_on() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let on_phone = json!({ "email": anna, "password": PASSWORD, "deviceId": "phone-7f3a" });
    app.post("/api/auth/signin").json(&on_phone).send().await.expect(200);
    let asked = json!({ "email": anna, "codeChallenge": CHALLENGE, "deviceId": "phone-7f3a" });
    app.post("/api/auth/magic-link").json(&asked).send().await.expect(202);
    app.run_jobs().await;
    let (token, _) = mailed(&app, &anna).await;
    people::sign_in(&app, &anna, "a stranger guesses").await.expect(401);
    by_token(&app, &token, VERIFIER).await.expect(200);
}

/// V21: without the verifier there is no sign-in, and no way to begin without one.
#[actix_web::test]
async fn v21_a_missing_empty_or_plain_verifier_is_refused_and_burns_nothing() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    for body in [
        json!({ "email": anna }),
        json!({ "email": anna, "codeChallenge": null }),
        json!({ "email": anna, "codeChallenge": "" }),
        json!({ "email": anna, "codeChallenge": VERIFIER, "codeChallengeMethod": "plain" }),
        json!({ "email": anna, "codeChallenge": CHALLENGE, "codeChallengeMethod": "" }),
        json!({ "email": anna, "codeChallenge": "too short" }),
    ] {
        let answer = app.post("/api/auth/magic-link").json(&body).send().await;
        answer.expect_problem(400, "pkce_required");
    }
    ask(&app, &anna).await.expect(202);
    let (token, code) = mailed(&app, &anna).await;
    for body in [
        json!({ "token": token }),
        json!({ "token": token, "codeVerifier": null }),
        json!({ "token": token, "codeVerifier": "" }),
        json!({ "token": token, "codeVerifier": "plain" }),
        json!({ "token": token, "codeVerifier": CHALLENGE }),
        json!({ "email": anna, "code": code }),
        json!({ "email": anna, "code": code, "codeVerifier": "" }),
    ] {
        consume(&app, body).await.expect_problem(400, "pkce_required");
        app.advance(TimeDelta::seconds(1));
    }
    by_token(&app, &token, VERIFIER).await.expect(200);
}

#[actix_web::test]
async fn a_wrong_verifier_leaves_the_link_as_it_is_five_times_and_counts() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    ask(&app, &anna).await.expect(202);
    let (token, _) = mailed(&app, &anna).await;
    for n in 1..=5 {
        by_token(&app, &token, OTHER_VERIFIER).await.expect_problem(401, "verifier_refused");
        assert_eq!(app.sql("SELECT failures FROM auth_failures").await[0]["failures"], n);
        app.advance(TimeDelta::seconds(3));
    }
    by_token(&app, &token, VERIFIER).await.expect_problem(410, "link_gone");

    ask(&app, &anna).await.expect(202);
    let (token, _) = mailed(&app, &anna).await;
    by_token(&app, &token, OTHER_VERIFIER).await.expect(401);
    app.advance(TimeDelta::seconds(5));
    by_token(&app, &token, VERIFIER).await.expect(200);
}

/// V17: whoever knows an address can guess at its codes, and takes nothing from the link in the same letter.
#[actix_web::test]
async fn v17_codes_that_strangers_guess_leave_the_link_as_it_is() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    ask(&app, &anna).await.expect(202);
    let (token, code) = mailed(&app, &anna).await;
    for _ in 0..6 {
        by_code(&app, &anna, "AAAA-AAAA", VERIFIER).await.expect_problem(401, "code_refused");
        app.advance(TimeDelta::seconds(5));
    }
    by_code(&app, &anna, &code, VERIFIER).await.expect_problem(401, "code_refused");
    app.advance(TimeDelta::seconds(5));
    by_token(&app, &token, VERIFIER).await.expect(200);
}

/// V14: a code is not guessed in parallel.
#[actix_web::test]
async fn v14_two_hundred_guesses_at_once_are_five() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    ask(&app, &anna).await.expect(202);
    let (_, code) = mailed(&app, &anna).await;
    let guesses = (0..200).map(|n| format!("ZZZZ-{n:04}"));
    let answers = join_all(guesses.map(|guess| {
        let (app, anna) = (&app, &anna);
        async move { by_code(app, anna, &guess, VERIFIER).await }
    }))
    .await;
    assert!(answers.iter().all(|answer| [401, 429].contains(&answer.status)));
    let tried = app.sql("SELECT code_attempts FROM one_time_tokens WHERE purpose = 'magic_link'").await;
    assert!(tried[0]["code_attempts"].as_i64().unwrap() <= 5, "{tried:?}");
    app.advance(TimeDelta::days(1));
    by_code(&app, &anna, &code, VERIFIER).await.expect(401);
}

/// V22: neither a look at the page nor one at the endpoint uses a link up.
#[actix_web::test]
async fn v22_a_link_scanner_consumes_nothing() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    ask(&app, &anna).await.expect(202);
    let (token, _) = mailed(&app, &anna).await;
    let endpoint = format!("/api/auth/magic-link/consume?token={token}&codeVerifier={VERIFIER}");
    for path in [format!("/magic-link?token={token}"), "/magic-link".to_owned()] {
        app.get(&path).send().await.expect(200);
        app.call(Method::HEAD, &path).send().await;
    }
    app.get(&endpoint).send().await.expect_problem(405, "method_not_allowed");
    app.call(Method::HEAD, &endpoint).send().await.expect(405);
    app.call(Method::OPTIONS, &endpoint).send().await;
    // A scanner that even runs the page and presses its button knows no verifier.
    consume(&app, json!({ "token": token })).await.expect_problem(400, "pkce_required");
    by_token(&app, &token, VERIFIER).await.expect(200);
}

/// V25: what was given out for one purpose is nothing for another.
#[actix_web::test]
async fn v25_tokens_of_one_purpose_open_nothing_of_another() {
    let app = TestApp::<Auth>::start().await;
    let (anna, bob) = (address(&app, "anna"), address(&app, "bob"));
    people::confirmed(&app, &anna).await;
    people::sign_up(&app, &bob, PASSWORD).await.expect(202);
    let confirmation = people::mailed_token(&app, &bob).await;
    ask(&app, &anna).await.expect(202);
    let (token, code) = mailed(&app, &anna).await;
    let stray = json!({ "email": anna, "code": code });
    people::verify(&app, &token).await.expect(410);
    people::refresh(&app, &token).await.expect(401);
    people::profile(&app, &token).await.expect(401);
    factors::second_step(&app, &token, "123456").await.expect(401);
    let exchange = json!({ "code": token, "codeVerifier": VERIFIER });
    app.post("/api/auth/oauth/exchange").json(&exchange).send().await.expect(410);
    app.post("/api/auth/otp/verify").json(&stray).send().await.expect(401);
    app.advance(TimeDelta::seconds(1));
    by_token(&app, &confirmation, VERIFIER).await.expect(410);
    by_token(&app, &token, VERIFIER).await.expect(200);
}

/// V4: what auth tells notify holds no host, whatever a request says.
#[actix_web::test]
async fn v04_a_forged_host_appears_in_no_letter() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let body = json!({ "email": anna, "codeChallenge": CHALLENGE });
    for path in ["/api/auth/magic-link", "/api/auth/otp/send"] {
        let body = if path.ends_with("link") { body.clone() } else { json!({ "email": anna }) };
        let call = app.http.post(format!("{}{path}", app.public_url())).header("host", "evil.test");
        let call = call.header("x-forwarded-host", "evil.test").header("forwarded", "host=evil.test");
        assert_eq!(call.json(&body).send().await.unwrap().status(), 202);
    }
    app.run_jobs().await;
    assert!(!serde_json::to_string(&app.events().await).unwrap().contains("evil.test"));
    assert_eq!(letters::secrets(&app, &anna, "sign_in_code").await.len(), 1);
}

#[actix_web::test]
async fn a_link_is_worthless_once_the_account_has_another_address_or_is_suspended() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    ask(&app, &anna).await.expect(202);
    let (token, _) = mailed(&app, &anna).await;
    let other = address(&app, "other");
    let change = |to: &str| format!("UPDATE users SET email = '{to}', email_canonical = '{to}'");
    app.superuser().await.run(&change(&other)).await;
    by_token(&app, &token, VERIFIER).await.expect_problem(410, "link_gone");
    app.superuser().await.run(&change(&anna)).await;
    app.superuser().await.run("UPDATE users SET status = 'suspended'").await;
    by_token(&app, &token, VERIFIER).await.expect_problem(403, "account_suspended");
    ask(&app, &anna).await.expect(202);
    assert_eq!(letters::secrets(&app, &anna, "magic_link").await.len(), 1, "nothing is sent any more");
    app.superuser()
        .await
        .run("UPDATE users SET status = 'active'; UPDATE memberships SET status = 'suspended'")
        .await;
    by_token(&app, &token, VERIFIER).await.expect_problem(403, "not_a_member");
}

#[actix_web::test]
async fn either_a_token_or_an_address_and_a_code_is_sent() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    for body in [
        json!({ "codeVerifier": VERIFIER }),
        json!({ "codeVerifier": VERIFIER, "email": anna }),
        json!({ "codeVerifier": VERIFIER, "code": "AAAA" }),
        json!({ "codeVerifier": VERIFIER, "token": "t", "email": anna, "code": "AAAA" }),
        json!({ "codeVerifier": VERIFIER, "token": "t", "userId": "x" }),
    ] {
        consume(&app, body).await.expect_problem(422, "invalid_fields");
    }
    by_token(&app, "unknown", VERIFIER).await.expect_problem(410, "link_gone");
}

/// The page works the short code out of the token, so the two have to agree.
#[actix_web::test]
async fn the_letters_code_is_the_one_that_the_page_shows() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    ask(&app, &anna).await.expect(202);
    let (token, code) = mailed(&app, &anna).await;
    assert!(URL_SAFE_NO_PAD.decode(&token).is_ok(), "notify puts nothing else behind the #");
    let text = format!("short code of {token}");
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let bits = hash.as_ref()[..5].iter().fold(0_u64, |sum, byte| sum * 256 + u64::from(*byte));
    let alphabet = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let letters: Vec<_> =
        (0..8).map(|place| char::from(alphabet[(bits >> (35 - 5 * place) & 31) as usize])).collect();
    let (left, right) = letters.split_at(4);
    assert_eq!(code, format!("{}-{}", String::from_iter(left), String::from_iter(right)));
    let html = app.get("/magic-link").send().await.expect(200).body;
    let html = html.as_str().unwrap();
    assert!(html.contains("`short code of ${ofToken}`") && html.contains("0123456789ABCDEFGHJKMNPQRSTVWXYZ"));
    assert!(!html.contains("{{") && !html.contains("https://"), "every placeholder is filled");
}

/// The document says what a client has to send, also where a missing member is answered 400 rather than 422.
#[actix_web::test]
async fn the_document_asks_for_challenge_and_verifier() {
    let app = TestApp::<Auth>::start().await;
    let document = app.get("/api/docs/auth.json").send().await.expect(200).body;
    for (schema, member) in [
        ("MagicLinkRequest", "codeChallenge"),
        ("ConsumeMagicLinkRequest", "codeVerifier"),
        ("StartOAuthRequest", "codeChallenge"),
        ("ExchangeOAuthRequest", "codeVerifier"),
        ("LinkOAuthRequest", "codeVerifier"),
    ] {
        let required = &document["components"]["schemas"][schema]["required"];
        assert!(
            required.as_array().is_some_and(|names| names.contains(&json!(member))),
            "{schema}: {required}"
        );
    }
}

//! Strangers who know an address ask for letters and guess: on a device that its owner signed in on nothing comes of it.

use auth::Auth;
use chrono::TimeDelta;
use serde_json::{Value, json};
use shinkofa_contracts::auth::LetterSecret;
use shinkofa_testing::{Answer, TestApp};

use crate::browser::{self, APP, Browser};
use crate::letters;
use crate::magic_link::{CHALLENGE, VERIFIER};
use crate::passwords::{NEW_PASSWORD, reset};
use crate::people::{self, PASSWORD, address};

const PHONE: Option<&str> = Some("phone-7f3a");
const LINK: &str = "/api/auth/magic-link";
const CODE: &str = "/api/auth/otp/send";
const RESET: &str = "/api/auth/password/forgot";

/// Somebody who signed in on their phone.
async fn known_on_phone(app: &TestApp<Auth>, who: &str) -> String {
    let email = address(app, who);
    people::confirmed(app, &email).await;
    let body = json!({ "email": email, "password": PASSWORD, "deviceId": PHONE });
    app.post("/api/auth/signin").json(&body).send().await.expect(200);
    email
}

fn asking(path: &str, email: &str, device: Option<&str>) -> Value {
    let mut body = json!({ "email": email });
    if path == LINK {
        body["codeChallenge"] = json!(CHALLENGE);
    }
    if let Some(device) = device {
        body["deviceId"] = json!(device);
    }
    body
}

async fn ask(app: &TestApp<Auth>, path: &str, email: &str, device: Option<&str>) -> Answer {
    app.post(path).json(&asking(path, email, device)).send().await
}

/// What the letter holds that is sent upon this.
async fn sent(app: &TestApp<Auth>, path: &str, email: &str, device: Option<&str>) -> LetterSecret {
    ask(app, path, email, device).await.expect(202);
    app.run_jobs().await;
    newest(app, path, email).await
}

async fn newest(app: &TestApp<Auth>, path: &str, email: &str) -> LetterSecret {
    let kind = match path {
        LINK => "magic_link",
        CODE => "sign_in_code",
        _ => "password_reset",
    };
    letters::secrets(app, email, kind).await.pop().expect("a letter")
}

async fn verify(app: &TestApp<Auth>, email: &str, code: &str, device: Option<&str>) -> Answer {
    let body = json!({ "email": email, "code": code, "deviceId": device });
    app.post("/api/auth/otp/verify").json(&body).send().await
}

async fn consume(app: &TestApp<Auth>, mut proof: Value) -> Answer {
    proof["codeVerifier"] = json!(VERIFIER);
    app.post("/api/auth/magic-link/consume").json(&proof).send().await
}

/// Six digits that are none of these codes.
fn wrong(codes: &[&str]) -> &'static str {
    let guesses = ["000000", "000001", "000002"];
    guesses.into_iter().find(|guess| !codes.contains(guess)).expect("two codes at most")
}

/// V17: of the letters that an address may be sent strangers use up their own, on however many devices they say they are.
#[actix_web::test]
async fn v17_strangers_who_ask_for_letters_leave_a_known_device_as_many() {
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    let (anna, nobody) = (known_on_phone(&app, "anna").await, address(&app, "nobody"));
    for path in [LINK, CODE, RESET] {
        for number in 0..5 {
            ask(&app, path, &anna, Some(&format!("invented-{number}"))).await.expect(202);
        }
        for device in [None, Some("invented-5")] {
            ask(&app, path, &anna, device).await.expect_problem(429, "too_many_requests");
        }
        for _ in 0..5 {
            ask(&app, path, &anna, PHONE).await.expect(202);
        }
        ask(&app, path, &anna, PHONE).await.expect_problem(429, "too_many_requests");
        // A device is known to an account: nobody's address has one, and is answered like one that has.
        for number in 0..5 {
            ask(&app, path, &nobody, Some(&format!("invented-{number}"))).await.expect(202);
        }
        ask(&app, path, &nobody, PHONE).await.expect_problem(429, "too_many_requests");
    }
}

/// V17: a code that was asked for on a known device is the owner's alone to void and to guess at.
#[actix_web::test]
async fn v17_a_code_of_a_known_device_outlives_what_strangers_ask_for_and_guess() {
    let app = TestApp::<Auth>::start().await;
    let anna = known_on_phone(&app, "anna").await;
    let owners = sent(&app, CODE, &anna, PHONE).await.code.expect("a code");
    let strangers = sent(&app, CODE, &anna, None).await.code.expect("a code");
    let last = sent(&app, CODE, &anna, Some("invented")).await.code.expect("a code");
    if strangers != last && strangers != owners {
        verify(&app, &anna, &strangers, None).await.expect_problem(401, "code_refused");
        app.advance(TimeDelta::seconds(5));
    }
    for _ in 0..6 {
        verify(&app, &anna, wrong(&[&owners, &last]), None).await.expect_problem(401, "code_refused");
        app.advance(TimeDelta::seconds(5));
    }
    for elsewhere in [None, Some("invented")] {
        verify(&app, &anna, &owners, elsewhere).await.expect_problem(401, "code_refused");
        app.advance(TimeDelta::seconds(5));
    }
    verify(&app, &anna, &owners, PHONE).await.expect(200);
    verify(&app, &anna, &owners, PHONE).await.expect_problem(401, "code_refused");
}

/// V3 and V14: on its own device a code is good until the next one, and takes five guesses.
#[actix_web::test]
async fn v14_on_its_own_device_a_code_takes_five_guesses_and_lasts_until_the_next() {
    let app = TestApp::<Auth>::start().await;
    let anna = known_on_phone(&app, "anna").await;
    let first = sent(&app, CODE, &anna, PHONE).await.code.expect("a code");
    let second = sent(&app, CODE, &anna, PHONE).await.code.expect("a code");
    let live = "SELECT 1 AS one FROM one_time_tokens WHERE purpose = 'sign_in_code' AND consumed_at IS NULL";
    assert_eq!(app.sql(live).await.len(), 1);
    if first != second {
        verify(&app, &anna, &first, PHONE).await.expect_problem(401, "code_refused");
        app.advance(TimeDelta::seconds(1));
    }
    verify(&app, &anna, &second, PHONE).await.expect(200);

    let third = sent(&app, CODE, &anna, PHONE).await.code.expect("a code");
    for _ in 0..5 {
        verify(&app, &anna, wrong(&[&third]), PHONE).await.expect_problem(401, "code_refused");
        app.advance(TimeDelta::seconds(5));
    }
    verify(&app, &anna, &third, PHONE).await.expect_problem(401, "code_refused");
}

#[actix_web::test]
async fn a_code_that_no_known_device_asked_for_is_good_on_any() {
    let app = TestApp::<Auth>::start().await;
    let anna = known_on_phone(&app, "anna").await;
    let code = sent(&app, CODE, &anna, None).await.code.expect("a code");
    verify(&app, &anna, &code, PHONE).await.expect(200);
    let code = sent(&app, CODE, &anna, Some("laptop")).await.code.expect("a code");
    verify(&app, &anna, &code, None).await.expect(200);
}

/// V17: the same for a link, and for the short code in its letter.
#[actix_web::test]
async fn v17_a_link_of_a_known_device_outlives_what_strangers_ask_for_and_guess() {
    let app = TestApp::<Auth>::start().await;
    let anna = known_on_phone(&app, "anna").await;
    let mut proofs = Vec::new();
    for typed in [false, true] {
        let secret = sent(&app, LINK, &anna, PHONE).await;
        let first = sent(&app, LINK, &anna, Some("invented")).await.link_token;
        let second = sent(&app, LINK, &anna, Some("invented-too")).await.link_token;
        // However many devices strangers say they are, they have one link between them.
        consume(&app, json!({ "token": first })).await.expect_problem(410, "link_gone");
        for _ in 0..6 {
            let guess = json!({ "email": anna, "code": "AAAA-AAAA" });
            consume(&app, guess).await.expect_problem(401, "code_refused");
            app.advance(TimeDelta::seconds(5));
        }
        proofs.push(second);
        let proof = if typed {
            json!({ "email": anna, "code": secret.code, "deviceId": PHONE })
        } else {
            json!({ "token": secret.link_token })
        };
        consume(&app, proof).await.expect(200);
        consume(&app, json!({ "token": secret.link_token })).await.expect_problem(410, "link_gone");
    }
    consume(&app, json!({ "token": proofs[0] })).await.expect_problem(410, "link_gone");
}

#[actix_web::test]
async fn a_link_signs_in_on_the_device_that_asked_for_it_although_nobody_knew_it() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let token = sent(&app, LINK, &anna, PHONE).await.link_token;
    consume(&app, json!({ "token": token })).await.expect(200);
    let same = "SELECT 1 AS one FROM known_devices JOIN sessions USING (realm_id, user_id, device_hash)";
    assert_eq!(app.sql(same).await.len(), 1);
}

/// V17: whoever forgot their password gets in, however often strangers say that they did.
#[actix_web::test]
async fn v17_a_reset_link_of_a_known_device_outlives_what_strangers_ask_for() {
    let app = TestApp::<Auth>::start().await;
    let anna = known_on_phone(&app, "anna").await;
    let before = sent(&app, RESET, &anna, PHONE).await.link_token.expect("a link");
    let owners = sent(&app, RESET, &anna, PHONE).await.link_token.expect("a link");
    let first = sent(&app, RESET, &anna, None).await.link_token.expect("a link");
    let last = sent(&app, RESET, &anna, Some("invented")).await.link_token.expect("a link");
    for void in [&before, &first] {
        reset(&app, void, NEW_PASSWORD).await.expect_problem(410, "link_gone");
    }
    reset(&app, &owners, NEW_PASSWORD).await.expect(204);
    reset(&app, &last, PASSWORD).await.expect_problem(410, "link_gone");
}

/// In cookie mode the device is the browser, whatever its page says.
#[actix_web::test]
async fn v17_in_cookie_mode_the_known_device_is_the_browser() {
    let app = browser::app().await;
    let anna = known_on_phone(&app, "anna").await;
    let browser = Browser::default();
    browser.sign_in(&app, &anna).await.expect(200);
    browser.post(&app, CODE, &asking(CODE, &anna, PHONE)).await.expect(202);
    app.run_jobs().await;
    let code = newest(&app, CODE, &anna).await.code.expect("a code");
    sent(&app, CODE, &anna, None).await;
    let on_phone = sent(&app, CODE, &anna, PHONE).await.code.expect("a code");
    let body = json!({ "email": anna, "code": code });
    if code != on_phone {
        verify(&app, &anna, &code, PHONE).await.expect_problem(401, "code_refused");
        app.advance(TimeDelta::seconds(1));
    }
    browser.post(&app, "/api/auth/otp/verify", &body).await.expect(200);

    for path in [LINK, CODE, RESET] {
        let call = || app.post(path).header("session-mode", "cookie").json(&asking(path, &anna, None));
        call().header("origin", "https://evil.test").send().await.expect_problem(403, "origin_refused");
        // A browser that was never seen is a stranger like any other.
        call().header("origin", APP).send().await.expect(202);
    }
}

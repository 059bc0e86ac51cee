//! Cookie mode under attack: pages of others, forged and borrowed CSRF tokens, planted cookies.

use auth::Auth;
use serde_json::{Value, json};
use shinkofa_kernel::TenantId;
use shinkofa_testing::{Answer, TestApp};

use crate::browser::{self, APP, Browser, STUDIO, set_cookies, signed_in};
use crate::people::{self, PASSWORD, address, text};

async fn generations(app: &TestApp<Auth>) -> Vec<Value> {
    app.sql("SELECT generation, ended_at FROM sessions ORDER BY id").await
}

fn unmoved(count: usize) -> Vec<Value> {
    vec![json!({ "generation": 1, "ended_at": null }); count]
}

#[actix_web::test]
async fn a_refresh_without_the_csrf_token_of_its_session_changes_nothing() {
    let app = browser::app().await;
    let (browser, body) = signed_in(&app, &address(&app, "anna")).await;
    let (_, others) = signed_in(&app, &address(&app, "bob")).await;
    let own = text(&body, "csrfToken");
    let refresh = json!({});
    let without = browser.request(app.post("/api/auth/refresh").json(&refresh), APP);
    browser.send(without).await.expect_problem(403, "csrf_refused");
    let mut forged: Vec<char> = own.chars().collect();
    for place in [0, 30, 60] {
        let kept = forged[place];
        forged[place] = if kept == 'A' { 'B' } else { 'A' };
        let forged = forged.iter().collect::<String>();
        browser.refresh(&app, &forged).await.expect_problem(403, "csrf_refused");
    }
    let cookie = browser.cookie("__Host-rt").unwrap();
    let borrowed = text(&others, "csrfToken");
    for other in ["", "null", "A", borrowed, &cookie, text(&body, "accessToken"), &own[1..]] {
        browser.refresh(&app, other).await.expect_problem(403, "csrf_refused");
    }
    assert_eq!(generations(&app).await, unmoved(2));
    browser.refresh(&app, own).await.expect(200);
}

/// A token stays good while its session is: a tab does not lose its own because another one refreshed.
#[actix_web::test]
async fn a_csrf_token_outlives_rotations_and_dies_with_its_session() {
    let app = browser::app().await;
    let anna = address(&app, "anna");
    let (browser, body) = signed_in(&app, &anna).await;
    let first = text(&body, "csrfToken");
    let second = browser.refresh(&app, first).await.expect(200).text("csrfToken");
    assert_ne!(first, second);
    browser.refresh(&app, first).await.expect(200);
    let last = browser.refresh(&app, &second).await.expect(200);
    let call = app.post("/api/auth/logout").token(&last.text("accessToken"));
    browser.send(browser.request(call, APP)).await.expect(204);
    // The same person, the same browser: another session.
    browser.sign_in(&app, &anna).await.expect(200);
    browser.refresh(&app, first).await.expect_problem(403, "csrf_refused");
}

/// Every header a browser could be made to send on the page of somebody else.
async fn from_elsewhere(app: &TestApp<Auth>, browser: &Browser, path: &str, csrf: &str) -> Vec<Answer> {
    let cookies = format!(
        "__Host-rt={}; __Host-device={}",
        browser.cookie("__Host-rt").expect("a refresh cookie"),
        browser.cookie("__Host-device").expect("a device cookie")
    );
    let call = || app.post(path).header("cookie", &cookies).header("x-csrf-token", csrf).json(&json!({}));
    let mut answers = vec![call().send().await];
    for origin in [
        "null",
        "",
        "https://evil.test",
        "https://evil.shinkofa.localhost:8443",
        "https://app.shinkofa.localhost:8443.evil.test",
        "https://app.shinkofa.localhost",
        "http://app.shinkofa.localhost:8443",
        "https://APP.shinkofa.localhost:8443",
        "https://app.shinkofa.localhost:8443/",
        "https://app.shinkofa.localhost:8443, https://evil.test",
        "*",
    ] {
        answers.push(call().header("origin", origin).send().await);
        answers.push(call().header("origin", origin).header("sec-fetch-site", "same-origin").send().await);
    }
    for site in ["cross-site", "none", "", "same-origin, same-site", "SAME-ORIGIN"] {
        answers.push(call().header("origin", APP).header("sec-fetch-site", site).send().await);
    }
    let twice = call().header("origin", APP).header("origin", "https://evil.test");
    answers.push(twice.send().await);
    answers
}

#[actix_web::test]
async fn the_page_of_somebody_else_moves_no_session_even_with_every_secret() {
    let app = browser::app().await;
    let (browser, body) = signed_in(&app, &address(&app, "anna")).await;
    let csrf = text(&body, "csrfToken");
    for path in ["/api/auth/refresh", "/api/auth/csrf"] {
        for answer in from_elsewhere(&app, &browser, path, csrf).await {
            let answer = answer.expect_problem(403, "origin_refused");
            assert!(set_cookies(&answer).is_empty());
        }
    }
    assert_eq!(generations(&app).await, unmoved(1));
    browser.refresh_from(&app, STUDIO, csrf).await.expect(200);
}

/// Nor does it sign anybody in: a browser is not made to act for an account of the attacker's.
#[actix_web::test]
async fn the_page_of_somebody_else_signs_nobody_in() {
    let app = browser::app().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let body = json!({ "email": anna, "password": PASSWORD });
    let call = || app.post("/api/auth/signin").header("session-mode", "cookie").json(&body);
    call().send().await.expect_problem(403, "origin_refused");
    call().header("origin", "https://evil.test").send().await.expect_problem(403, "origin_refused");
    call().header("origin", "null").send().await.expect_problem(403, "origin_refused");
    let cross = call().header("origin", APP).header("sec-fetch-site", "cross-site");
    cross.send().await.expect_problem(403, "origin_refused");
    assert!(app.sql("SELECT id FROM sessions").await.is_empty());
    // A browser that does not know `Sec-Fetch-Site` still says where its page is from.
    call().header("origin", APP).send().await.expect(200);
}

/// Only what is configured is ours; nothing a request says widens it.
#[actix_web::test]
async fn only_configured_origins_are_ours() {
    let app = TestApp::<Auth>::start().await;
    let (browser, body) = signed_in(&app, &address(&app, "anna")).await;
    let csrf = text(&body, "csrfToken");
    browser.refresh_from(&app, STUDIO, csrf).await.expect_problem(403, "origin_refused");
    let call = app.post("/api/auth/refresh").header("x-csrf-token", csrf).json(&json!({}));
    let call = browser.request(call, STUDIO).header("x-forwarded-host", "studio.shinkofa.localhost");
    call.send().await.expect_problem(403, "origin_refused");
    browser.refresh(&app, csrf).await.expect(200);
}

#[actix_web::test]
async fn a_token_in_the_body_is_taken_by_itself_and_the_cookie_beside_it_is_not_looked_at() {
    let app = browser::app().await;
    let anna = address(&app, "anna");
    let (browser, _) = signed_in(&app, &anna).await;
    let program = people::sign_in(&app, &anna, PASSWORD).await.expect(200).text("refreshToken");
    let before = browser.cookie("__Host-rt");
    let call = app.post("/api/auth/refresh").json(&json!({ "refreshToken": program }));
    let answer = browser.send(browser.request(call, APP)).await.expect(200);
    assert!(answer.body["refreshToken"].is_string() && set_cookies(&answer).is_empty());
    assert_eq!(browser.cookie("__Host-rt"), before);
    let rows = app.sql("SELECT generation FROM sessions ORDER BY generation").await;
    assert_eq!(rows, [json!({ "generation": 1 }), json!({ "generation": 2 })]);
}

/// A script that has got hold of an access token gets nothing out of it that outlives it.
#[actix_web::test]
async fn no_refresh_token_is_had_for_the_access_token_of_a_browser() {
    let app = browser::app().await;
    let (browser, body) = signed_in(&app, &address(&app, "anna")).await;
    let elsewhere = json!({ "tenantId": TenantId::new(&app.clock), "refreshToken": "nothing" });
    for mode in ["bearer", "cookie"] {
        let call = app.post("/api/tenants/switch").token(text(&body, "accessToken"));
        let call = call.header("session-mode", mode).json(&elsewhere);
        let answer = browser.send(browser.request(call, APP)).await.expect_problem(403, "sign_in_there");
        assert!(set_cookies(&answer).is_empty());
    }
    assert_eq!(generations(&app).await, unmoved(1));
}

/// V16: what stood in the browser before a sign-in is neither read nor kept.
#[actix_web::test]
async fn v16_a_cookie_that_was_there_before_signing_in_is_ignored_and_overwritten() {
    let app = browser::app().await;
    let (attackers, attackers_body) = signed_in(&app, &address(&app, "mallory")).await;
    let planted = attackers.cookie("__Host-rt").unwrap();
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    for value in [planted.as_str(), "garbage", ""] {
        let browser = Browser::default();
        browser.set_cookie("__Host-rt", value);
        let body = browser.sign_in(&app, &anna).await.expect(200);
        let own = browser.cookie("__Host-rt").unwrap();
        assert_ne!(own, value);
        assert_eq!(body.body["user"]["email"], anna);
        let next = browser.refresh(&app, &body.text("csrfToken")).await.expect(200);
        assert_eq!(next.body["user"]["email"], anna);
    }
    // The session before the second factor, and the one before any, are not the one after.
    let sessions = app.sql("SELECT count(DISTINCT id) AS ids, count(*) AS rows FROM sessions").await;
    assert_eq!(sessions, [json!({ "ids": 4, "rows": 4 })]);
    attackers.refresh(&app, text(&attackers_body, "csrfToken")).await.expect(200);
}

/// V16: a token that its owner keeps elsewhere is worth nothing as a cookie, and the other way round.
#[actix_web::test]
async fn v16_a_token_of_one_mode_is_worth_nothing_in_the_other() {
    let app = browser::app().await;
    let anna = address(&app, "anna");
    let (browser, body) = signed_in(&app, &anna).await;
    let mallory = people::signed_in(&app, &address(&app, "mallory")).await;

    let planted = Browser::default();
    planted.set_cookie("__Host-rt", text(&mallory, "refreshToken"));
    planted.csrf(&app, APP).await.expect_problem(401, "refresh_refused");
    planted.refresh(&app, text(&body, "csrfToken")).await.expect_problem(401, "refresh_refused");

    let cookie = browser.cookie("__Host-rt").unwrap();
    people::refresh(&app, &cookie).await.expect_problem(401, "refresh_refused");
    assert_eq!(generations(&app).await, unmoved(2));
    browser.refresh(&app, text(&body, "csrfToken")).await.expect(200);
    people::refresh(&app, text(&mallory, "refreshToken")).await.expect(200);
}

/// V16: a neighbour cannot set a cookie with the prefix. Whatever comes beside the one cookie is one too many, and other
/// spellings are other cookies.
#[actix_web::test]
async fn v16_a_cookie_that_a_neighbour_slipped_in_is_not_taken_for_ours() {
    let app = browser::app().await;
    let (browser, body) = signed_in(&app, &address(&app, "anna")).await;
    let (mallory, mallorys) = signed_in(&app, &address(&app, "mallory")).await;
    let (own, planted) = (browser.cookie("__Host-rt").unwrap(), mallory.cookie("__Host-rt").unwrap());
    let device = mallory.cookie("__Host-device").unwrap();
    let csrf = text(&mallorys, "csrfToken");
    for cookies in [
        format!("__Host-rt={planted}; __Host-rt={own}"),
        format!("__Host-rt={own}; __Host-rt={planted}"),
        format!("__host-rt={planted}"),
        format!("__HOST-RT={planted}"),
        format!("__Secure-rt={planted}"),
        format!("rt={planted}"),
        format!("x__Host-rt={planted}"),
        format!("__Host-rt =x; {planted}"),
        format!("a=\"__Host-rt={planted}"),
    ] {
        let cookies = format!("{cookies}; __Host-device={device}");
        let call = app.post("/api/auth/refresh").header("x-csrf-token", csrf).header("cookie", &cookies);
        let call = call.header("origin", APP).json(&json!({}));
        call.send().await.expect_problem(401, "refresh_refused");
    }
    assert_eq!(generations(&app).await, unmoved(2));
    browser.refresh(&app, text(&body, "csrfToken")).await.expect(200);
}

/// V16: a browser is handed over. What its last user left opens nothing for the next one, and what is easy to guess is not
/// taken for its name.
#[actix_web::test]
async fn v16_a_browser_that_is_handed_over_leaks_nothing() {
    let app = browser::app().await;
    let (browser, body) = signed_in(&app, &address(&app, "anna")).await;
    let left = browser.copy();
    let call = app.post("/api/auth/logout").token(text(&body, "accessToken"));
    browser.send(browser.request(call, APP)).await.expect(204);
    left.refresh(&app, text(&body, "csrfToken")).await.expect_problem(401, "refresh_refused");
    left.csrf(&app, APP).await.expect_problem(401, "refresh_refused");

    let bob = address(&app, "bob");
    people::confirmed(&app, &bob).await;
    let answer = browser.sign_in(&app, &bob).await.expect(200);
    assert_eq!(answer.body["user"]["email"], bob);
    for easy in ["phone", "1", &"x".repeat(42), &"!".repeat(43)] {
        let planted = Browser::default();
        planted.set_cookie("__Host-device", easy);
        planted.sign_in(&app, &bob).await.expect(200);
        assert_ne!(planted.cookie("__Host-device").as_deref(), Some(easy));
    }
}

#[actix_web::test]
async fn a_hostile_cookie_header_is_a_refusal_and_never_a_fault() {
    let app = browser::app().await;
    let long = "A".repeat(6_000);
    for cookies in ["", ";", "=", ";;;==;", "__Host-rt", "__Host-rt=", "__Host-rt=%00", &long] {
        let call = app.post("/api/auth/refresh").header("cookie", cookies).header("origin", APP);
        call.json(&json!({})).send().await.expect_problem(401, "refresh_refused");
    }
    app.post("/api/auth/refresh").header("origin", APP).json(&json!({})).send().await.expect(401);
    app.post("/api/auth/refresh").header("origin", APP).send().await.expect(415);
}

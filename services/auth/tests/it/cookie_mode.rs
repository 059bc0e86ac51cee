//! Cookie mode: the browser keeps the refresh token, and no script ever sees it.

use std::collections::BTreeSet;

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use shinkofa_runtime::openapi;
use shinkofa_testing::Answer;

use crate::browser::{self, APP, Browser, STUDIO, set_cookies, signed_in, told};
use crate::magic_link::{CHALLENGE, VERIFIER};
use crate::people::{self, PASSWORD, address, text};
use crate::provider::{Person, Providers};
use crate::{factors, letters, oauth};

/// Signed in in cookie mode: the token is a cookie with exactly these attributes, and nowhere else.
fn is_in_cookie_mode(answer: &Answer) {
    assert_eq!(answer.headers["cache-control"], "no-store");
    let cookies = set_cookies(answer);
    let names: Vec<_> = cookies.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["__Host-rt", "__Host-device"], "{cookies:?}");
    assert!(answer.body.get("refreshToken").is_none(), "{:#}", answer.body);
    for (_, value, _) in &cookies {
        assert!(value.len() > 40 && !told(answer).contains(value), "{:#}", answer.body);
    }
    assert_eq!(answer.text("csrfToken").len(), 64);
    assert_eq!(answer.text("tokenType"), "Bearer");
}

#[actix_web::test]
async fn the_refresh_token_is_a_cookie_of_this_host_that_no_script_reads() {
    let app = browser::app().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let answer = Browser::default().sign_in(&app, &anna).await.expect(200);
    is_in_cookie_mode(&answer);
    let headers: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|h| h.to_str().unwrap()).collect();
    let (_, rt) = headers[0].split_once("; ").unwrap();
    assert_eq!(rt, "Max-Age=2592000; Path=/; Secure; HttpOnly; SameSite=Lax");
    let (_, device) = headers[1].split_once("; ").unwrap();
    assert_eq!(device, "Max-Age=34560000; Path=/; Secure; HttpOnly; SameSite=Lax");
    people::profile(&app, &answer.text("accessToken")).await.expect(200);
}

#[actix_web::test]
async fn without_being_asked_for_there_is_no_cookie() {
    let app = browser::app().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let body = json!({ "email": anna, "password": PASSWORD });
    for mode in [None, Some("bearer")] {
        let call = app.post("/api/auth/signin").json(&body);
        let call = mode.into_iter().fold(call, |call, mode| call.header("session-mode", mode));
        let answer = call.send().await.expect(200);
        assert!(set_cookies(&answer).is_empty() && answer.body.get("csrfToken").is_none());
        let next = people::refresh(&app, &answer.text("refreshToken")).await.expect(200);
        assert!(set_cookies(&next).is_empty() && next.body.get("csrfToken").is_none());
    }
    for mode in ["", "Cookie", "cookies", "bearer, cookie"] {
        let call = app.post("/api/auth/signin").header("session-mode", mode).json(&body);
        call.send().await.expect_problem(400, "malformed_request");
    }
}

#[actix_web::test]
async fn every_refresh_sets_the_next_cookie_and_shows_the_token_to_nobody() {
    let app = browser::app().await;
    let (browser, body) = signed_in(&app, &address(&app, "anna")).await;
    let mut csrf = text(&body, "csrfToken").to_owned();
    let mut seen = BTreeSet::from([browser.cookie("__Host-rt").unwrap()]);
    let device = browser.cookie("__Host-device").unwrap();
    for hours in 1..4 {
        app.advance(TimeDelta::hours(1));
        let answer = browser.refresh(&app, &csrf).await.expect(200);
        is_in_cookie_mode(&answer);
        assert!(seen.insert(browser.cookie("__Host-rt").unwrap()), "another token each time");
        assert_eq!(browser.cookie("__Host-device").unwrap(), device, "the same browser");
        let lasts = format!("Max-Age={}", 2_592_000 - hours * 3_600);
        assert!(set_cookies(&answer)[0].2.contains(&lasts), "no longer than the session: {lasts}");
        people::profile(&app, &answer.text("accessToken")).await.expect(200);
        csrf = answer.text("csrfToken");
    }
    assert_eq!(app.sql("SELECT generation FROM sessions").await[0]["generation"], 4);
}

#[actix_web::test]
async fn a_page_that_was_just_loaded_asks_for_a_csrf_token_and_refreshes() {
    let app = browser::app().await;
    let (browser, _) = signed_in(&app, &address(&app, "anna")).await;
    for origin in [APP, STUDIO] {
        let answer = browser.csrf(&app, origin).await.expect(200);
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(set_cookies(&answer).is_empty());
        let members: Vec<_> = answer.body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["csrfToken"]);
        browser.refresh_from(&app, origin, &answer.text("csrfToken")).await.expect(200);
    }
    let nobody = Browser::default();
    nobody.csrf(&app, APP).await.expect_problem(401, "refresh_refused");
    let trail = app.sql("SELECT action FROM audit_events WHERE action LIKE 'session.%'").await;
    assert_eq!(trail.len(), 3, "asking for a CSRF token changes nothing: {trail:?}");
}

#[actix_web::test]
async fn signing_out_has_the_browser_forget_the_cookie_of_that_session_alone() {
    let app = browser::app().await;
    let anna = address(&app, "anna");
    let (browser, first) = signed_in(&app, &anna).await;
    let second = browser.sign_in(&app, &anna).await.expect(200);
    let sign_out = async |access: &str| {
        let call = app.post("/api/auth/logout").token(access);
        browser.send(browser.request(call, APP)).await.expect(204)
    };
    // The tab of the session before: the cookie is another one's by now.
    assert!(set_cookies(&sign_out(text(&first, "accessToken")).await).is_empty());
    browser.refresh(&app, &second.text("csrfToken")).await.expect(200);
    let answer = sign_out(&second.text("accessToken")).await;
    assert_eq!(answer.headers["set-cookie"], "__Host-rt=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax");
    assert_eq!(browser.cookie("__Host-rt"), None);
    assert!(browser.cookie("__Host-device").is_some(), "it is still the same browser");
    browser.refresh(&app, &second.text("csrfToken")).await.expect_problem(401, "refresh_refused");
}

/// V11 in a browser: tabs share the cookie, and race.
#[actix_web::test]
async fn v11_tabs_that_wake_at_once_rotate_once_and_stay_signed_in() {
    let app = browser::app().await;
    let (browser, body) = signed_in(&app, &address(&app, "anna")).await;
    let tabs: Vec<_> = (0..50).map(|_| browser.copy()).collect();
    let csrf = text(&body, "csrfToken");
    let answers = join_all(tabs.iter().map(|tab| tab.refresh(&app, csrf))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let next: BTreeSet<_> = tabs.iter().map(|tab| tab.cookie("__Host-rt").unwrap()).collect();
    assert_eq!(next.len(), 1);
    assert_eq!(app.sql("SELECT generation FROM sessions").await[0]["generation"], 2);
}

/// V11 in a browser: and so do two that had both read the session before either of them moved it on.
#[actix_web::test]
async fn v11_of_two_tabs_that_waited_together_one_rotates() {
    let app = browser::app().await;
    let (browser, body) = signed_in(&app, &address(&app, "anna")).await;
    let (tab, other) = (browser.copy(), browser.copy());
    let csrf = text(&body, "csrfToken");
    let mut holder = app.superuser().await;
    holder.run("BEGIN; SELECT id FROM sessions FOR UPDATE").await;
    let let_go = async {
        app.until_waiting(2).await;
        holder.run("COMMIT").await;
    };
    let (answers, ()) = join(join(tab.refresh(&app, csrf), other.refresh(&app, csrf)), let_go).await;
    assert_eq!((answers.0.status, answers.1.status), (200, 200));
    assert_ne!(tab.cookie("__Host-rt"), browser.cookie("__Host-rt"));
    assert_eq!(tab.cookie("__Host-rt"), other.cookie("__Host-rt"));
    assert_eq!(app.sql("SELECT generation FROM sessions").await[0]["generation"], 2);
}

#[actix_web::test]
async fn the_previous_cookie_is_good_for_ten_seconds_in_its_own_browser_alone() {
    let app = browser::app().await;
    let anna = address(&app, "anna");
    let (browser, body) = signed_in(&app, &anna).await;
    let csrf = text(&body, "csrfToken");
    let before = browser.copy();
    browser.refresh(&app, csrf).await.expect(200);
    app.advance(TimeDelta::seconds(9));
    let late = before.copy();
    late.refresh(&app, csrf).await.expect(200);
    assert_eq!(late.cookie("__Host-rt"), browser.cookie("__Host-rt"));

    // The same cookie without the browser's own, or with another's, is a thief's, whatever its page calls its device.
    for device in [None, Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")] {
        let browser = Browser::default();
        let body = browser.sign_in(&app, &anna).await.expect(200);
        let thief = browser.copy();
        match device {
            Some(device) => thief.set_cookie("__Host-device", device),
            None => thief.forget("__Host-device"),
        }
        browser.refresh(&app, &body.text("csrfToken")).await.expect(200);
        let refused = thief.refresh(&app, &body.text("csrfToken")).await;
        refused.expect_problem(401, "refresh_refused");
        let over = browser.refresh(&app, &body.text("csrfToken")).await;
        over.expect_problem(401, "refresh_refused");
    }
    app.advance(TimeDelta::seconds(2));
    before.refresh(&app, csrf).await.expect_problem(401, "refresh_refused");
}

#[actix_web::test]
async fn a_browser_that_its_owner_signed_in_with_is_known_and_cannot_be_locked_out() {
    let app = browser::app().await;
    let anna = address(&app, "anna");
    let (browser, _) = signed_in(&app, &anna).await;
    people::sign_in(&app, &anna, "a stranger guesses").await.expect(401);
    people::sign_in(&app, &anna, PASSWORD).await.expect_problem(429, "too_many_attempts");
    Browser::default().sign_in(&app, &anna).await.expect_problem(429, "too_many_attempts");
    browser.sign_in(&app, &anna).await.expect(200);
    // What a page calls its device says nothing beside the browser's own name.
    let body = json!({ "email": anna, "password": PASSWORD, "deviceId": browser.cookie("__Host-device") });
    Browser::default().post(&app, "/api/auth/signin", &body).await.expect(429);
    let kept = serde_json::to_string(&app.sql("SELECT * FROM known_devices").await).unwrap();
    assert!(!kept.contains(&browser.cookie("__Host-device").unwrap()));
}

#[actix_web::test]
async fn a_browser_is_remembered_with_its_second_factor_and_no_other_is_by_the_same_proof() {
    let app = browser::app().await;
    let anna = address(&app, "anna");
    let with = factors::person_with_app(&app, &anna).await;
    let browser = Browser::default();
    let half = browser.sign_in(&app, &anna).await.expect(200);
    assert!(set_cookies(&half).is_empty(), "half way there is nothing to keep");
    let step = json!({ "mfaToken": half.text("mfaToken"), "code": with.shown(&app), "rememberDevice": true });
    let answer = browser.post(&app, "/api/auth/signin/mfa", &step).await.expect(200);
    is_in_cookie_mode(&answer);
    let body = json!({ "email": anna, "password": PASSWORD, "deviceToken": answer.text("deviceToken") });
    is_in_cookie_mode(&browser.post(&app, "/api/auth/signin", &body).await.expect(200));
    let stolen = Browser::default().post(&app, "/api/auth/signin", &body).await.expect(200);
    assert_eq!(stolen.body["mfaRequired"], true);
}

#[actix_web::test]
async fn every_way_of_signing_in_gives_the_token_to_the_browser_alone() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let browser = Browser::default();

    let body = json!({ "email": anna, "codeChallenge": CHALLENGE });
    app.post("/api/auth/magic-link").json(&body).send().await.expect(202);
    app.run_jobs().await;
    let secret = letters::secrets(&app, &anna, "magic_link").await.pop().unwrap();
    let body = json!({ "token": secret.link_token, "codeVerifier": VERIFIER });
    is_in_cookie_mode(&browser.post(&app, "/api/auth/magic-link/consume", &body).await.expect(200));

    app.post("/api/auth/otp/send").json(&json!({ "email": anna })).send().await.expect(202);
    app.run_jobs().await;
    let secret = letters::secrets(&app, &anna, "sign_in_code").await.pop().unwrap();
    let body = json!({ "email": anna, "code": secret.code });
    is_in_cookie_mode(&browser.post(&app, "/api/auth/otp/verify", &body).await.expect(200));

    providers.vouch_for(Person::new(1, &address(&app, "bob")));
    let code = oauth::code_of(&oauth::returned(&app, "google").await.expect(303));
    let body = json!({ "code": code, "codeVerifier": VERIFIER });
    is_in_cookie_mode(&browser.post(&app, "/api/auth/oauth/exchange", &body).await.expect(200));

    let guest = browser.post(&app, "/api/auth/anonymous", &json!({})).await.expect(201);
    is_in_cookie_mode(&guest);
    browser.refresh(&app, &guest.text("csrfToken")).await.expect(200);
    let known = app.sql("SELECT DISTINCT device_hash FROM known_devices").await;
    assert_eq!(known.len(), 1, "all of it in one browser");
}

#[actix_web::test]
async fn showing_again_who_one_is_moves_the_cookie_on_whatever_is_asked_for() {
    let app = browser::app().await;
    let (browser, body) = signed_in(&app, &address(&app, "anna")).await;
    let before = browser.cookie("__Host-rt").unwrap();
    let call = app.post("/api/auth/reauthenticate").token(text(&body, "accessToken"));
    let call = call.header("session-mode", "bearer").json(&json!({ "password": PASSWORD }));
    let answer = browser.send(browser.request(call, APP)).await.expect(200);
    assert!(answer.body.get("refreshToken").is_none());
    assert_ne!(browser.cookie("__Host-rt").unwrap(), before);
    assert!(!told(&answer).contains(&browser.cookie("__Host-rt").unwrap()));
    browser.refresh(&app, &answer.text("csrfToken")).await.expect(200);
}

/// A studio's pages are at its own host, and so is their cookie.
#[actix_web::test]
async fn a_page_of_a_studio_has_its_cookie_at_the_studios_own_host() {
    let app = browser::app().await;
    let elan = crate::studios::studio(&app, "eve", "elan").await;
    let mia = elan.member(&app, "mia", &["member"]).await;
    let host = elan.host();
    let sign_in = async |at: &str, page: &str| {
        let call = app.post("/api/auth/signin").at_host(at).header("origin", page);
        let body = json!({ "email": mia["user"]["email"], "password": people::PASSWORD });
        call.header("session-mode", "cookie").json(&body).send().await
    };
    let own = APP.replace("app.", "elan.");
    let half_way = sign_in(&host, &own).await.expect(200).body;
    assert_eq!(half_way["mfaRequired"], true);
    for (at, page) in [
        ("app.shinkofa.localhost", own.as_str()),
        (&host, &APP.replace("app.", "other.")),
        (&host, &own.replace("localhost", "localhost.evil.test")),
        (&host, &own.replace("https", "http")),
        (&host, &format!("{own}1")),
        ("other.shinkofa.localhost", &APP.replace("app.", "other.")),
    ] {
        let answer = sign_in(at, page).await;
        assert!(matches!(answer.status, 403 | 421), "{at} {page}: {answer:?}");
    }
}

#[actix_web::test]
async fn the_document_declares_cookie_mode() {
    let document: Value = serde_json::to_value(openapi::<Auth>()).unwrap();
    let parameters = |path: &str| {
        let parameters =
            document["paths"][path]["post"]["parameters"].as_array().cloned().unwrap_or_default();
        let named = parameters.iter().map(|parameter| {
            format!("{}:{}", parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap())
        });
        named.collect::<Vec<_>>()
    };
    for way in [
        "/api/auth/signin",
        "/api/auth/signin/mfa",
        "/api/auth/magic-link",
        "/api/auth/magic-link/consume",
        "/api/auth/otp/send",
        "/api/auth/otp/verify",
        "/api/auth/password/forgot",
        "/api/auth/oauth/exchange",
        "/api/auth/anonymous",
        "/api/auth/passkeys/login/verify",
        "/api/auth/signin/mfa/passkey/verify",
    ] {
        assert_eq!(parameters(way), ["header:Session-Mode"], "{way}");
        assert!(document["paths"][way]["post"]["responses"]["403"].is_object(), "{way}");
    }
    assert_eq!(parameters("/api/auth/refresh"), ["header:X-CSRF-Token", "cookie:__Host-rt"]);
    assert_eq!(parameters("/api/auth/csrf"), ["cookie:__Host-rt"]);
    let answer = &document["components"]["schemas"]["TokenAnswer"];
    assert!(answer["properties"]["csrfToken"].is_object() && answer["properties"]["cookies"].is_null());
    let required = answer["required"].as_array().unwrap();
    assert!(!required.contains(&json!("refreshToken")) && required.contains(&json!("accessToken")));
}

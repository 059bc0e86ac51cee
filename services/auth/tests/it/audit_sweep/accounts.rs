//! What people do to their own account.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;
use shinkofa_testing::TestApp;

use super::{Area, Sweep};
use crate::account_letters::{link, open, post};
use crate::browser::{self, APP};
use crate::passwords::{NEW_PASSWORD, change, forgot, reset};
use crate::people::{self, PASSWORD, address, refresh, text};
use crate::personal_copy::with_services;
use crate::staff::token;
use crate::{email_changes, guests, magic_link, sessions, sign_in_code, timeline};

pub(super) const AREA: Area = Area {
    changes: &[
        ("POST /api/auth/signin", &["session.opened"]),
        ("POST /api/auth/refresh", &["session.rotated", "session.repeated"]),
        ("POST /api/auth/email/verify", &["account.email_verified", "account.guest_upgraded"]),
        ("POST /api/auth/magic-link/consume", &["session.opened"]),
        ("POST /api/auth/otp/verify", &["session.opened"]),
        ("POST /api/auth/anonymous", &["account.created"]),
        ("POST /api/auth/logout", &["session.ended"]),
        ("POST /api/auth/password/reset", &["account.password_reset"]),
        ("POST /api/auth/password/change", &["account.password_changed"]),
        ("POST /api/auth/email/change/confirm", &["account.email_changed"]),
        ("POST /api/auth/email/change/undo", &["account.email_change_undone"]),
        ("PATCH /api/auth/sessions/{id}", &["session.named"]),
        ("DELETE /api/auth/sessions/{id}", &["session.ended"]),
        ("DELETE /api/auth/sessions", &["account.sessions_ended"]),
        ("POST /api/auth/security-timeline/{eventId}/not-me", &["account.not_me_reported"]),
        ("POST /api/auth/signin/not-me", &["account.not_me_reported"]),
        ("PATCH /api/user/profile", &["account.profile_changed"]),
        ("PUT /api/me/consents", &["consent.granted", "consent.withdrawn"]),
        ("GET /api/me/export", &["account.exported"]),
        ("POST /api/me/delete", &["account.deletion_requested"]),
        ("POST /api/me/delete/cancel", &["account.deletion_cancelled"]),
    ],
    later: &[
        ("POST /api/auth/signup", &["account.created"]),
        ("POST /api/auth/email/resend", &["account.verification_requested"]),
        ("POST /api/auth/magic-link", &["account.magic_link_sent"]),
        ("POST /api/auth/otp/send", &["account.sign_in_code_sent"]),
        ("POST /api/auth/anonymous/upgrade", &["account.verification_requested"]),
        ("POST /api/auth/password/forgot", &["account.password_reset_requested"]),
        ("POST /api/auth/email/change", &["account.email_change_requested"]),
    ],
    unchanged: &[("POST /api/auth/csrf", "it works a token out of the session, and keeps none")],
    refused: &[("POST /api/auth/refresh", "refresh_refused", "session.ended")],
};

#[actix_web::test]
async fn what_people_do_to_their_account_is_told_in_their_name() {
    let (app, _services) = with_services().await;
    let sweep = Sweep::begin(&app).await;
    comes_and_goes(&app).await;
    comes_by_mail(&app).await;
    sets_another_password(&app).await;
    moves_to_another_address_and_back(&app).await;
    tidies_up_sessions(&app).await;
    was_not_it(&app).await;
    says_who_they_are_and_leaves(&app).await;
    sweep.assert_told(&AREA).await;
}

async fn comes_and_goes(app: &TestApp<Auth>) {
    let anna = address(app, "anna");
    people::sign_up(app, &anna, PASSWORD).await.expect(202);
    app.post("/api/auth/email/resend").json(&json!({ "email": anna })).send().await.expect(202);
    app.run_jobs().await;
    people::verify(app, &people::mailed_token(app, &anna).await).await.expect(204);
    let body = people::sign_in(app, &anna, PASSWORD).await.expect(200).body;
    refresh(app, text(&body, "refreshToken")).await.expect(200);
    app.post("/api/auth/logout").token(token(&body)).send().await.expect(204);

    // Whoever shows a token a second time has a copy of it.
    let body = people::sign_in(app, &anna, PASSWORD).await.expect(200).body;
    refresh(app, text(&body, "refreshToken")).await.expect(200);
    app.advance(TimeDelta::seconds(11));
    refresh(app, text(&body, "refreshToken")).await.expect_problem(401, "refresh_refused");

    let (browser, _) = browser::signed_in(app, &address(app, "bea")).await;
    browser.csrf(app, APP).await.expect(200);
}

async fn comes_by_mail(app: &TestApp<Auth>) {
    let bob = address(app, "bob");
    people::confirmed(app, &bob).await;
    magic_link::ask(app, &bob).await.expect(202);
    let (link, _) = magic_link::mailed(app, &bob).await;
    magic_link::by_token(app, &link, magic_link::VERIFIER).await.expect(200);
    let code = sign_in_code::sent(app, &bob).await;
    sign_in_code::verify(app, &bob, &code).await.expect(200);

    let cleo = address(app, "cleo");
    let guest = guests::guest(app).await;
    guests::upgrade(app, &guest, &cleo).await.expect(202);
    people::verify(app, &people::mailed_token(app, &cleo).await).await.expect(204);
}

async fn sets_another_password(app: &TestApp<Auth>) {
    let dora = address(app, "dora");
    people::confirmed(app, &dora).await;
    forgot(app, &dora).await.expect(202);
    reset(app, &link(app, &dora, "password_reset").await, NEW_PASSWORD).await.expect(204);
    let body = people::sign_in(app, &dora, NEW_PASSWORD).await.expect(200).body;
    change(app, token(&body), NEW_PASSWORD, "a third sentence, and the last").await.expect(204);
}

async fn moves_to_another_address_and_back(app: &TestApp<Auth>) {
    let (eve, new) = (address(app, "eve"), address(app, "eve-new"));
    let body = people::signed_in(app, &eve).await;
    email_changes::ask(app, token(&body), &new).await.expect(202);
    email_changes::confirm(app, &link(app, &new, "email_change_confirmation").await).await.expect(204);
    email_changes::undo(app, &link(app, &eve, "email_changed").await).await.expect(204);
}

async fn tidies_up_sessions(app: &TestApp<Auth>) {
    let fay = address(app, "fay");
    let other = people::signed_in(app, &fay).await;
    let body = people::sign_in(app, &fay, PASSWORD).await.expect(200).body;
    let seen = sessions::sessions(app, token(&other)).await;
    let id = text(seen.iter().find(|session| session["current"] == true).expect("the one that asks"), "id");
    sessions::rename(app, token(&body), id, json!("My laptop")).await.expect(200);
    sessions::end(app, token(&body), id).await.expect(204);
    app.call(Method::DELETE, "/api/auth/sessions").token(token(&body)).send().await.expect(204);
}

async fn was_not_it(app: &TestApp<Auth>) {
    let gil = address(app, "gil");
    people::confirmed(app, &gil).await;
    sessions::sign_in_with(app, &gil, "Phone/1.0", Some("phone-1")).await;
    sessions::sign_in_with(app, &gil, "Thief/1.0", Some("thief-1")).await;
    open(app, "/api/auth/signin/not-me", &link(app, &gil, "new_sign_in").await).await.expect(204);

    let body = people::signed_in(app, &address(app, "hal")).await;
    let seen = timeline::timeline(app, token(&body), "en").await;
    let path = format!("/api/auth/security-timeline/{}/not-me", text(&seen[0], "id"));
    app.post(&path).token(token(&body)).send().await.expect(204);
}

async fn says_who_they_are_and_leaves(app: &TestApp<Auth>) {
    let body = people::signed_in(app, &address(app, "ida")).await;
    let profile = json!({ "bio": "Yoga since 2011." });
    app.call(Method::PATCH, "/api/user/profile").token(token(&body)).json(&profile).send().await.expect(200);
    for granted in [true, false] {
        let consent = json!({ "kind": "marketing", "version": "v1", "granted": granted });
        app.put("/api/me/consents").token(token(&body)).json(&consent).send().await.expect(200);
    }
    app.get("/api/me/export").token(token(&body)).send().await.expect(200);
    post(app, "/api/me/delete", token(&body), json!({ "password": PASSWORD })).await.expect(202);
    app.post("/api/me/delete/cancel").token(token(&body)).send().await.expect(204);
}

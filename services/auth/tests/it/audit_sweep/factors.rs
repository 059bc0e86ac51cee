//! What people do to what they sign in with.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;
use shinkofa_testing::TestApp;

use super::{Area, Sweep};
use crate::authenticator::{self, Authenticator, register, step_up};
use crate::factors::{self, half_way, person_with_app, reauthenticate, second_step};
use crate::mailed_codes::{chooser, mail};
use crate::people::{self, address, text};
use crate::remembered_devices::remember;
use crate::staff::token;

pub(super) const AREA: Area = Area {
    changes: &[
        ("POST /api/auth/signin/mfa", &["session.opened"]),
        ("POST /api/auth/signin/mfa/email", &["factor.mailed_code_sent"]),
        ("POST /api/auth/signin/mfa/passkey/verify", &["session.opened"]),
        ("POST /api/auth/passkeys/login/verify", &["session.opened"]),
        ("POST /api/auth/passkeys/register/verify", &["factor.confirmed"]),
        ("PATCH /api/auth/passkeys/{passkeyId}", &["passkey.renamed"]),
        ("DELETE /api/auth/passkeys/{passkeyId}", &["factor.removed"]),
        ("POST /api/auth/mfa/totp", &["factor.enrolled"]),
        ("POST /api/auth/mfa/totp/{factorId}/confirm", &["factor.confirmed"]),
        ("POST /api/auth/mfa/email", &["factor.confirmed"]),
        ("DELETE /api/auth/mfa/factors/{factorId}", &["factor.removed"]),
        ("POST /api/auth/mfa/recovery-codes", &["recovery_codes.replaced"]),
        ("DELETE /api/auth/mfa/remembered-devices/{deviceId}", &["device.forgotten"]),
        ("POST /api/auth/reauthenticate", &["session.reauthenticated"]),
        ("POST /api/auth/reauthenticate/email", &["factor.mailed_code_sent"]),
        ("POST /api/auth/reauthenticate/passkey/verify", &["session.reauthenticated"]),
    ],
    later: &[],
    unchanged: &[
        ("POST /api/auth/passkeys/login/options", ASKED),
        ("POST /api/auth/passkeys/register/options", ASKED),
        ("POST /api/auth/signin/mfa/passkey/options", ASKED),
        ("POST /api/auth/reauthenticate/passkey/options", ASKED),
    ],
    refused: &[("POST /api/auth/passkeys/login/verify", "passkey_cloned", "passkey.cloned")],
};
const ASKED: &str = "it asks an authenticator something, and what comes of the answer is told";

#[actix_web::test]
async fn what_people_do_to_what_they_sign_in_with_is_told_in_their_name() {
    let app = TestApp::<Auth>::start().await;
    let sweep = Sweep::begin(&app).await;
    has_an_app(&app).await;
    is_mailed_codes(&app).await;
    has_a_passkey(&app).await;
    sweep.assert_told(&AREA).await;
}

async fn has_an_app(app: &TestApp<Auth>) {
    let anna = address(app, "anna");
    let with = person_with_app(app, &anna).await;
    let body = remember(app, &anna, &with).await;
    let devices = factors::factors(app, token(&body)).await;
    let device = text(&devices["rememberedDevices"][0], "deviceId");
    let path = format!("/api/auth/mfa/remembered-devices/{device}");
    app.call(Method::DELETE, &path).token(token(&body)).send().await.expect(204);
    app.post("/api/auth/mfa/recovery-codes").token(token(&body)).send().await.expect(200);
    // The code of this step is used up.
    app.advance(TimeDelta::seconds(30));
    let shown = json!({ "code": with.shown(app) });
    let again = reauthenticate(app, token(&body), shown).await.expect(200).body;
    factors::remove(app, token(&again), &with.factor_id).await.expect(204);
}

async fn is_mailed_codes(app: &TestApp<Auth>) {
    let bob = address(app, "bob");
    let access = chooser(app, &bob).await;
    let half = half_way(app, &bob).await;
    mail(app, &half).await.expect(202);
    second_step(app, &half, &factors::mailed_code(app, &bob).await).await.expect(200);
    app.post("/api/auth/reauthenticate/email").token(&access).send().await.expect(202);
}

async fn has_a_passkey(app: &TestApp<Auth>) {
    let carl = address(app, "carl");
    let body = people::signed_in(app, &carl).await;
    let mut phone = Authenticator::new();
    let passkey = register(app, token(&body), &mut phone).await.expect(201).text("passkeyId");
    let path = format!("/api/auth/passkeys/{passkey}");
    let name = json!({ "name": "Blue key" });
    app.call(Method::PATCH, &path).token(token(&body)).json(&name).send().await.expect(200);
    authenticator::sign_in(app, &mut phone).await.expect(200);
    let half = half_way(app, &carl).await;
    authenticator::second_step(app, &half, &mut phone).await.expect(200);
    let again = step_up(app, token(&body), &mut phone).await.expect(200).body;
    // There are two of it.
    phone.counter = 0;
    authenticator::sign_in(app, &mut phone).await.expect_problem(403, "passkey_cloned");
    authenticator::remove(app, token(&again), &passkey).await.expect(204);
}

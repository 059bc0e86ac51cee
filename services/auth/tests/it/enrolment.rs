//! Enrolling a second factor, and those who have to.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shinkofa_contracts::auth::TrustScope;
use shinkofa_testing::TestApp;

use crate::factors::{self, confirm, create_account, enrol, enrolled, sign_in_with, signed_in_as};
use crate::people::{self, PASSWORD, address};

#[actix_web::test]
async fn an_app_is_enrolled_by_a_code_that_it_shows_and_not_before() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let token = people::text(&body, "accessToken");
    let answer = enrol(&app, token).await.expect(201);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let (secret, uri) = (answer.text("secret"), answer.text("otpauthUri"));
    assert_eq!(secret.len(), 32, "160 bits in base 32");
    assert!(uri.starts_with("otpauth://totp/Shinkofa:anna%40") && uri.contains(&secret), "{uri}");
    // Not confirmed: nothing asks for it, and it is not in the list.
    assert!(people::sign_in(&app, &anna, PASSWORD).await.expect(200).body["accessToken"].is_string());
    assert_eq!(factors::factors(&app, token).await["items"], json!([]));
    let stored = serde_json::to_string(&app.sql("SELECT * FROM user_factors").await).unwrap();
    assert!(!stored.contains(&secret));

    let app_of_anna = factors::App {
        factor_id: answer.text("factorId"),
        secret: data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap(),
        recovery_codes: Vec::new(),
    };
    let id = &app_of_anna.factor_id;
    confirm(&app, token, id, &app_of_anna.wrong(&app)).await.expect_problem(422, "invalid_fields");
    let confirmed = confirm(&app, token, id, &app_of_anna.shown(&app)).await.expect(200);
    assert_eq!(confirmed.body["recoveryCodes"].as_array().unwrap().len(), 10);
    confirm(&app, token, id, &app_of_anna.shown(&app)).await.expect_problem(404, "not_found");
    let list = factors::factors(&app, token).await;
    assert_eq!((&list["items"][0]["kind"], &list["recoveryCodesLeft"]), (&json!("totp"), &json!(10)));
    assert_eq!(list["mandatory"], false);
    assert_eq!(factors::letters(&app, &anna).await, ["factor_added"]);
}

#[actix_web::test]
async fn an_enrolment_that_is_not_confirmed_is_given_up() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let token = people::text(&body, "accessToken");
    let first = enrol(&app, token).await.expect(201).text("factorId");
    let second = enrol(&app, token).await.expect(201).text("factorId");
    confirm(&app, token, &first, "123456").await.expect_problem(404, "not_found");
    app.advance(TimeDelta::minutes(15));
    let renewed = people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200);
    confirm(&app, &renewed.text("accessToken"), &second, "123456").await.expect_problem(404, "not_found");
    app.advance(TimeDelta::minutes(5));
    app.run_jobs().await;
    assert!(app.sql("SELECT id FROM user_factors").await.is_empty());
}

#[actix_web::test]
async fn a_confirmation_takes_three_guesses_in_a_time_step_and_happens_once() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let token = people::text(&body, "accessToken");
    let id = enrol(&app, token).await.expect(201).text("factorId");
    let answers = join_all((0..50).map(|_| confirm(&app, token, &id, "000000"))).await;
    assert!(answers.iter().filter(|answer| answer.status != 429).count() <= 3);
    assert!(answers.iter().all(|answer| [200, 404, 422, 429].contains(&answer.status)));
}

#[actix_web::test]
async fn nobody_confirms_or_removes_the_factor_of_somebody_else() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let bob = people::signed_in(&app, &address(&app, "bob")).await;
    let (anna, bob) = (people::text(&anna, "accessToken"), people::text(&bob, "accessToken"));
    let begun = enrol(&app, anna).await.expect(201);
    let with = enrolled(&app, anna).await;
    confirm(&app, bob, &begun.text("factorId"), "123456").await.expect_problem(404, "not_found");
    factors::remove(&app, bob, &with.factor_id).await.expect_problem(404, "not_found");
    factors::remove(&app, bob, "not-an-id").await.expect_problem(404, "not_found");
}

/// Who may change everything has to have a second factor: until then their token opens enrolment, and refreshing it does not
/// help.
#[actix_web::test]
async fn an_admin_without_a_second_factor_can_enrol_one_and_nothing_else() {
    for role in ["admin", "manager"] {
        let app = TestApp::<Auth>::start().await;
        let boss = address(&app, "boss");
        create_account(&app, &boss, role, None).await;
        let body = people::sign_in(&app, &boss, PASSWORD).await.expect(200).body;
        assert_eq!(body["secondFactorEnrolmentRequired"], true);
        let token = people::text(&body, "accessToken").to_owned();
        refused_but_for_enrolment(&app, &token).await;
        introspected_as_inactive(&app, &token).await;
        let renewed = people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200);
        assert_eq!(renewed.body["secondFactorEnrolmentRequired"], true);

        people::profile(&app, &token).await.expect(200);
        let with = enrolled(&app, &token).await;
        assert_eq!(with.recovery_codes.len(), 10);
        // The token itself does not change; the next one opens everything.
        let renewed = people::refresh(&app, &renewed.text("refreshToken")).await.expect(200);
        assert!(renewed.body.get("secondFactorEnrolmentRequired").is_none());
        let list = factors::factors(&app, &renewed.text("accessToken")).await;
        assert_eq!(list["mandatory"], true);

        let body = sign_in_with(&app, &boss, &with).await;
        assert!(body.get("secondFactorEnrolmentRequired").is_none());
        factors::factors(&app, people::text(&body, "accessToken")).await;
    }
}

/// What is open to a token of enrolment.
const ENROLLING: [&str; 10] = [
    "get /api/user/profile",
    "post /api/auth/logout",
    "post /api/auth/mfa/totp",
    "post /api/auth/mfa/totp/{factorId}/confirm",
    "post /api/auth/passkeys/register/options",
    "post /api/auth/passkeys/register/verify",
    "post /api/auth/reauthenticate",
    "post /api/auth/reauthenticate/email",
    "post /api/auth/reauthenticate/passkey/options",
    "post /api/auth/reauthenticate/passkey/verify",
];

/// V15: every route of the document but those refuses a token of enrolment.
async fn refused_but_for_enrolment(app: &TestApp<Auth>, token: &str) {
    let document = app.get("/api/docs/auth.json").send().await.expect(200).body;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let is_open = operation["security"].as_array().is_none_or(Vec::is_empty);
            if is_open || ENROLLING.contains(&format!("{method} {path}").as_str()) {
                continue;
            }
            let with_ids = path.split('/').map(|part| {
                if part.starts_with('{') { "01920000-0000-7000-8000-00000000ffff" } else { part }
            });
            let call = app.call(
                method.to_ascii_uppercase().parse().expect("a method"),
                &with_ids.collect::<Vec<_>>().join("/"),
            );
            let answer = call.token(token).json(&json!({})).send().await;
            people::expect_refusal(answer, path, 403, "second_factor_enrolment_required");
        }
    }
}

async fn introspected_as_inactive(app: &TestApp<Auth>, token: &str) {
    let call = app.internal::<TrustScope>("credits", reqwest::Method::POST, "/internal/v1/introspect");
    let answer: Value = call.json(&json!({ "token": token })).send().await.expect(200).body;
    assert_eq!(answer["active"], false);
}

/// V15: a verifier that has never heard of enrolment refuses the token as well: it is meant for another audience, and names
/// no role.
#[actix_web::test]
async fn v15_a_token_of_enrolment_is_meant_for_nobody_else_and_names_no_role() {
    let app = TestApp::<Auth>::start().await;
    let boss = address(&app, "boss");
    create_account(&app, &boss, "admin", None).await;
    let token = people::sign_in(&app, &boss, PASSWORD).await.expect(200).text("accessToken");
    refused_but_for_enrolment(&app, &token).await;
    let claims = claims_of(&token);
    assert_eq!((&claims["aud"], &claims["roles"]), (&json!(["enrolment"]), &json!([])));
    // Signed out is signed out.
    app.post("/api/auth/logout").token(&token).send().await.expect(204);
    people::profile(&app, &token).await.expect(401);
    app.get("/api/auth/mfa/factors").token(&token).send().await.expect_problem(401, "unauthenticated");
}

fn claims_of(token: &str) -> Value {
    use base64::Engine as _;
    let claims = token.split('.').nth(1).expect("three parts");
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).expect("base64");
    serde_json::from_slice(&json).expect("JSON")
}

/// Somebody who becomes an admin does not stay one by a session that showed one factor.
#[actix_web::test]
async fn a_member_who_becomes_an_admin_has_to_enrol_before_anything_else() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let access = people::text(&body, "accessToken");
    factors::factors(&app, access).await;
    app.superuser().await.run("UPDATE membership_roles SET role = 'admin'").await;
    let refused = app.get("/api/auth/mfa/factors").token(access).send().await;
    refused.expect_problem(403, "second_factor_enrolment_required");
    introspected_as_inactive(&app, access).await;
    let renewed = people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200);
    assert_eq!(renewed.body["secondFactorEnrolmentRequired"], true);
}

#[actix_web::test]
async fn the_last_factor_that_a_role_needs_stays() {
    let app = TestApp::<Auth>::start().await;
    let (body, _) = signed_in_as(&app, &address(&app, "boss"), "manager").await;
    let token = people::text(&body, "accessToken");
    let first = factors::factors(&app, token).await["items"][0]["factorId"].as_str().unwrap().to_owned();
    factors::remove(&app, token, &first).await.expect_problem(409, "last_factor_required");
    // Mailed codes are not what the role needs.
    app.post("/api/auth/mfa/email").token(token).send().await.expect(201);
    factors::remove(&app, token, &first).await.expect_problem(409, "last_factor_required");
    app.advance(TimeDelta::seconds(30));
    let second = enrolled(&app, token).await;
    // Two at once are not two that look at one another.
    let answers = join_all([&first, &second.factor_id].map(|id| factors::remove(&app, token, id))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
}

#[actix_web::test]
async fn an_account_takes_few_factors() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let token = people::text(&body, "accessToken");
    for n in 0..5 {
        let with = enrolled(&app, token).await;
        assert_eq!(with.recovery_codes.len(), if n == 0 { 10 } else { 0 }, "they come with the first");
        app.advance(TimeDelta::seconds(30));
    }
    enrol(&app, token).await.expect_problem(409, "too_many_factors");
}

#[actix_web::test]
async fn create_user_enrols_the_app_it_is_given_and_a_repetition_changes_nothing() {
    let app = TestApp::<Auth>::start().await;
    let boss = address(&app, "boss");
    let (body, with) = signed_in_as(&app, &boss, "admin").await;
    assert!(body.get("secondFactorEnrolmentRequired").is_none());
    let rows = app.sql("SELECT * FROM user_factors").await;
    create_account(&app, &boss, "admin", Some(factors::SECRET)).await;
    assert_eq!(app.sql("SELECT * FROM user_factors").await, rows);
    people::profile(&app, people::text(&body, "accessToken")).await.expect(200);
    sign_in_with(&app, &boss, &with).await;
    // An account that was there before gets one as well.
    create_account(&app, &address(&app, "late"), "admin", None).await;
    create_account(&app, &address(&app, "late"), "admin", Some(factors::SECRET)).await;
    sign_in_with(&app, &address(&app, "late"), &with).await;
}

#[actix_web::test]
async fn a_copy_of_what_is_known_holds_no_secret_and_erasure_leaves_nothing() {
    use shinkofa_db::{Scope, transaction};
    use shinkofa_kernel::{TenantId, UserId};
    use shinkofa_runtime::Service as _;

    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let with = enrolled(&app, people::text(&body, "accessToken")).await;
    app.advance(TimeDelta::seconds(30));
    let credentials = json!({ "email": anna, "password": PASSWORD, "deviceId": "phone-7f3a" });
    let token = app.post("/api/auth/signin").json(&credentials).send().await.expect(200).text("mfaToken");
    let step = json!({ "mfaToken": token, "code": with.shown(&app), "rememberDevice": true });
    app.post("/api/auth/signin/mfa")
        .header("user-agent", "Anna's phone")
        .json(&step)
        .send()
        .await
        .expect(200);

    let user: UserId = people::text(&body["user"], "userId").parse().unwrap();
    let scope = Scope::tenant(TenantId::DEFAULT).with_user(user);
    let service = app.service();
    let copy =
        transaction(app.pool(), &scope, "export", async |tx| service.export_personal_data(tx, user).await);
    let copy = copy.await.unwrap();
    let known = &copy["account"]["secondFactors"];
    assert_eq!((&known["factors"][0]["kind"], &known["recoveryCodesLeft"]), (&json!("totp"), &json!(10)));
    assert_eq!(copy["account"]["devices"]["remembered"][0]["userAgent"], "Anna's phone");
    assert!(!copy.to_string().contains("sealed"));
    transaction(app.pool(), &scope, "erase", async |tx| service.erase_personal_data(tx, user).await)
        .await
        .unwrap();
    for table in ["user_factors", "recovery_codes", "remembered_devices", "factor_guesses", "one_time_tokens"]
    {
        assert!(app.sql(&format!("SELECT * FROM {table}")).await.is_empty(), "{table}");
    }
}

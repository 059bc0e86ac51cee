//! Callers whom most is closed to: every operation that is not for anyone is asked with their token. One that their table does not name
//! has to refuse them, so a new one has to as well. Who has to enrol, who looks on in a member's place and programs are asked likewise
//! in `enrolment.rs`, `impersonation.rs` and `api_keys.rs`.

use auth::Auth;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, Route, TestApp, routes_of};

use crate::account_only::alone;
use crate::asked_again::{NOBODY, name, question};
use crate::personal_copy::with_services;
use crate::staff::{staff, token, user_id};
use crate::temporary::temporary;

const ROUTES: &str = include_str!("../../src/routes.rs");

/// What is open to a member of nothing.
const TO_THE_ACCOUNT_ALONE: [&str; 5] = [
    "POST /api/auth/logout",
    "GET /api/me/export",
    "POST /api/me/delete",
    "POST /api/me/delete/cancel",
    "POST /api/tenants/join",
];

/// What is open to whoever has an ordinary token and was only invited. They are a member of nothing as well, and these two ask for the
/// account and its password alone.
const TO_THE_INVITED: [&str; 7] = [
    "POST /api/auth/logout",
    "GET /api/me/export",
    "POST /api/me/delete",
    "POST /api/me/delete/cancel",
    "POST /api/tenants/join",
    "POST /api/auth/password/change",
    "POST /api/auth/email/change",
];

/// What is open to an account for a day, which is a plain member's: all that is for the signed in, but for what takes an address
/// that somebody confirmed.
const TO_THE_TEMPORARY: [&str; 42] = [
    "POST /api/auth/anonymous/upgrade",
    "POST /api/auth/oauth/{provider}/link",
    "DELETE /api/auth/oauth/{provider}/link",
    "GET /api/user/identities",
    "POST /api/auth/logout",
    "GET /api/user/profile",
    "POST /api/auth/reauthenticate",
    "POST /api/auth/reauthenticate/email",
    "POST /api/auth/reauthenticate/passkey/options",
    "POST /api/auth/reauthenticate/passkey/verify",
    "POST /api/auth/passkeys/register/options",
    "POST /api/auth/passkeys/register/verify",
    "POST /api/auth/mfa/totp",
    "POST /api/auth/mfa/totp/{factorId}/confirm",
    "GET /api/auth/mfa/factors",
    "DELETE /api/auth/mfa/factors/{factorId}",
    "POST /api/auth/mfa/recovery-codes",
    "DELETE /api/auth/mfa/remembered-devices/{deviceId}",
    "GET /api/auth/passkeys",
    "PATCH /api/auth/passkeys/{passkeyId}",
    "DELETE /api/auth/passkeys/{passkeyId}",
    "GET /api/me/consents",
    "PUT /api/me/consents",
    "GET /api/me/export",
    "POST /api/me/delete",
    "POST /api/me/delete/cancel",
    "GET /api/tenants",
    "POST /api/tenants/switch",
    "GET /api/tenants/current",
    "DELETE /api/tenants/members/me",
    "GET /api/tenants/permissions",
    "GET /api/tenants/roles",
    "POST /api/tenants/invitations/accept",
    "POST /api/auth/password/change",
    "POST /api/auth/email/change",
    "GET /api/auth/sessions",
    "PATCH /api/auth/sessions/{id}",
    "DELETE /api/auth/sessions/{id}",
    "DELETE /api/auth/sessions",
    "GET /api/auth/security-timeline",
    "POST /api/auth/security-timeline/{eventId}/not-me",
    "PATCH /api/user/profile",
];

/// There is no provider here, which is said before the database is asked whose token it is.
const OF_A_PROVIDER: &str = "POST /api/auth/oauth/{provider}/link";

/// Refusals of what is sent or shown: whoever gets one was let in.
const BEHIND_THE_DOOR: [&str; 5] = [
    "mailed_code_not_available",
    "passkey_not_available",
    "reauthentication_refused",
    "refresh_refused",
    "wrong_password",
];

/// What a caller is to be answered.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// What was sent may be wrong, or about nothing, or not to be had by this account.
    LetIn,
    /// With this status and code.
    Refused(u16, &'static str),
}

impl Expected {
    fn is(self, answer: &Answer) -> bool {
        match self {
            Self::LetIn if matches!(answer.status, 401 | 403) => is_behind_the_door(answer),
            Self::LetIn => answer.status < 500 && !matches!(answer.status, 405 | 429),
            Self::Refused(status, wanted) => (answer.status, code(answer)) == (status, wanted),
        }
    }
}

fn code(answer: &Answer) -> &str {
    answer.body["code"].as_str().unwrap_or_default()
}

fn is_behind_the_door(answer: &Answer) -> bool {
    BEHIND_THE_DOOR.contains(&code(answer))
}

fn is_in(table: &[&str], route: &Route) -> bool {
    table.contains(&name(route).as_str())
}

fn is_asked(route: &Route) -> bool {
    route.who != "anyone" && !route.path.starts_with("/internal/")
}

/// What is sent where the example of the document does not come as far as the database: it shows something in both of two ways, signs
/// no challenge, or names a studio that is not there.
fn body_of(route: &Route) -> Option<Value> {
    let body = match name(route).as_str() {
        "POST /api/auth/reauthenticate" => json!({ "password": "not the password" }),
        "POST /api/tenants/invitations/accept" => json!({ "code": "7KQ4X-M2D9P" }),
        "POST /api/tenants/join" => json!({ "slug": "default" }),
        "POST /api/auth/passkeys/register/verify" => {
            let signed = json!({
                "type": "webauthn.create", "challenge": URL_SAFE_NO_PAD.encode([7_u8; 32]),
                "origin": "https://app.shinkofa.localhost:8443",
            });
            let response = json!({
                "clientDataJSON": URL_SAFE_NO_PAD.encode(signed.to_string()), "attestationObject": "o2NmbXRkbm9uZQ",
            });
            let id = "uZcVDBVS68E_MtAgeQpElA";
            json!({ "credential": { "id": id, "type": "public-key", "response": response } })
        }
        _ => return None,
    };
    Some(body)
}

async fn ask(app: &TestApp<Auth>, document: &Value, route: &Route, token: &str) -> Answer {
    let call = question(app, document, route, (token, NOBODY)).header("if-match", "*");
    match body_of(route) {
        Some(body) => call.json(&body).send().await,
        None => call.send().await,
    }
}

/// Asks every operation that is not for anyone. `newcomer` makes a caller: the first one, and another where the last one may have
/// signed out, left or joined, or has to wait after a wrong password.
async fn sweep(
    app: &TestApp<Auth>,
    newcomer: impl AsyncFn(usize) -> String,
    expected: impl Fn(&Route) -> Expected,
) {
    let document = app.get("/api/docs/auth.json").send().await.expect(200).body;
    let (mut turn, mut asked, mut wrong) = (0, 0, Vec::new());
    let mut caller = newcomer(turn).await;
    for route in routes_of(ROUTES).iter().filter(|route| is_asked(route)) {
        let answer = ask(app, &document, route, &caller).await;
        let expected = expected(route);
        asked += 1;
        if !expected.is(&answer) {
            let (name, status) = (name(route), answer.status);
            wrong.push(format!("{name}: {expected:?} was expected, not {status} {:#}", answer.body));
        }
        let is_changed = answer.status < 300 && route.method != "GET";
        if is_changed || is_behind_the_door(&answer) {
            turn += 1;
            caller = newcomer(turn).await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked >= 100, "{asked} operations asked");
}

#[actix_web::test]
async fn a_member_of_nothing_is_let_in_to_their_account_and_to_nothing_else() {
    let (app, _services) = with_services().await;
    let newcomer = async |turn: usize| token(&alone(&app, &format!("mia-{turn}")).await).to_owned();
    sweep(&app, newcomer, |route| {
        if is_in(&TO_THE_ACCOUNT_ALONE, route) {
            Expected::LetIn
        } else {
            Expected::Refused(401, "unauthenticated")
        }
    })
    .await;
}

/// Somebody whose token may ask for everything, and whose place in the studio is another than when they were given it: but for that
/// their session is as it was.
async fn once_an_admin(app: &TestApp<Auth>, status: &str, turn: usize) -> String {
    let admin = staff(app, &format!("{status}-{turn}"), "admin").await;
    let change = format!("UPDATE memberships SET status = '{status}' WHERE user_id = '{}'", user_id(&admin));
    app.superuser().await.run(&change).await;
    token(&admin).to_owned()
}

/// What the database knows of them, and every operation asks it.
fn now_that_they_are_no_admin(open: &[&str], route: &Route) -> Expected {
    if name(route) == OF_A_PROVIDER {
        Expected::Refused(404, "not_found")
    } else if is_in(open, route) {
        Expected::LetIn
    } else {
        Expected::Refused(401, "unauthenticated")
    }
}

/// V23: not even signing out is open to whoever is suspended, whose sessions staff have ended.
#[actix_web::test]
async fn v23_a_token_from_before_a_suspension_opens_nothing() {
    let (app, _services) = with_services().await;
    let newcomer = async |turn: usize| once_an_admin(&app, "suspended", turn).await;
    sweep(&app, newcomer, |route| now_that_they_are_no_admin(&[], route)).await;
}

#[actix_web::test]
async fn v23_whoever_is_only_invited_is_let_in_to_their_account_and_to_nothing_else() {
    let (app, _services) = with_services().await;
    for status in ["invited", "accepted"] {
        let newcomer = async |turn: usize| once_an_admin(&app, status, turn).await;
        sweep(&app, newcomer, |route| now_that_they_are_no_admin(&TO_THE_INVITED, route)).await;
    }
}

#[actix_web::test]
async fn an_account_for_a_day_is_a_plain_members_but_for_what_takes_an_address() {
    let (app, _services) = with_services().await;
    let newcomer = async |turn: usize| token(&temporary(&app, turn).await).to_owned();
    sweep(&app, newcomer, |route| {
        if is_in(&TO_THE_TEMPORARY, route) {
            Expected::LetIn
        } else if route.base().starts_with("signed in") {
            Expected::Refused(403, "email_not_verified")
        } else {
            Expected::Refused(403, "permission_denied")
        }
    })
    .await;
}

#[test]
fn the_tables_say_what_the_page_says() {
    let routes = routes_of(ROUTES);
    let tables = [&TO_THE_ACCOUNT_ALONE[..], &TO_THE_INVITED, &TO_THE_TEMPORARY];
    for listed in tables.concat() {
        let is_there = routes.iter().any(|route| is_asked(route) && name(route) == listed);
        assert!(is_there, "{listed} is on a table, and not on the page");
    }
    for route in routes.iter().filter(|route| is_asked(route)) {
        let (name, base) = (name(route), route.base());
        let is_the_accounts = base == "signed in in any way" || base.ends_with("or to the account alone");
        assert_eq!(is_in(&TO_THE_ACCOUNT_ALONE, route), is_the_accounts, "{name}: {base}");
        let is_a_members = base.starts_with("signed in");
        assert!(is_a_members || !is_in(&TO_THE_TEMPORARY, route), "{name}: {base}");
    }
}

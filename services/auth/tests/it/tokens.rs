//! Hostile access tokens on a real endpoint.

use auth::Auth;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use shinkofa_testing::TestApp;

use crate::people::{self, address};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A key that the test gives the service, so that it can sign like auth does.
const SECRET: [u8; 48] = [
    0x1f, 0x8b, 0x5c, 0xd2, 0x77, 0xa1, 0x3e, 0x90, 0x64, 0xfb, 0x02, 0xc9, 0x4d, 0xe6, 0x38, 0x15, 0xba,
    0x71, 0x0c, 0xd7, 0x5e, 0x83, 0x29, 0xf4, 0x96, 0x4b, 0xe0, 0x37, 0x1a, 0xcd, 0x68, 0xb2, 0x05, 0x7f,
    0xda, 0x43, 0xee, 0x91, 0x2c, 0x86, 0x59, 0xb7, 0x30, 0xcb, 0x74, 0x0e, 0xa8, 0x53,
];

async fn app() -> TestApp<Auth> {
    let keyring = format!("2026-11-a:{}", base64::engine::general_purpose::STANDARD.encode(SECRET));
    TestApp::<Auth>::builder().env("JWT_SECRET", &keyring).start::<Auth>().await
}

fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64url"));
    let mut json = || serde_json::from_slice(&parts.next().expect("a part")).expect("JSON");
    (json(), json())
}

/// Signs whatever header and claims say, as text, so that they may be nonsense.
fn sign(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = EncodingKey::from_secret(&SECRET);
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("a signature");
    format!("{message}.{signature}")
}

fn changed(of: &Value, member: &str, value: Value) -> String {
    let mut of = of.clone();
    of[member] = value;
    of.to_string()
}

fn without(of: &Value, member: &str) -> String {
    let mut of = of.clone();
    of.as_object_mut().expect("an object").remove(member);
    of.to_string()
}

#[actix_web::test]
async fn an_access_token_says_what_the_platform_agreed_on() {
    let app = app().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let (header, claims) = parts(people::text(&body, "accessToken"));
    assert_eq!(header, json!({ "alg": "HS256", "typ": "at+jwt", "kid": "2026-11-a" }));
    let user = &body["user"]["userId"];
    assert_eq!((&claims["sub"], &claims["userId"], &claims["user_id"]), (user, user, user));
    assert_eq!(claims["iss"], "https://app.shinkofa.localhost:8443");
    assert_eq!(claims["aud"], json!(["platform"]));
    assert_eq!(claims["email_verified"], true);
    assert_eq!(claims["roles"], json!(["member"]));
    assert_eq!((&claims["tier"], &claims["acct"]), (&json!("free"), &json!("member")));
    assert_eq!((&claims["amr"], &claims["acr"], &claims["tv"]), (&json!(["pwd"]), &json!("aal1"), &json!(1)));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
}

/// V9: nothing in a header chooses how the token is checked.
#[actix_web::test]
async fn v09_hostile_headers_and_signatures_are_refused() {
    let app = app().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let token = people::text(&body, "accessToken");
    let (header, claims) = parts(token);
    let text = claims.to_string();
    assert_eq!(
        people::profile(&app, &sign(&header.to_string(), &text)).await.status,
        200,
        "the test signs like auth"
    );

    let mut hostile: Vec<String> = ["none", "NONE", "None", "HS512", "RS256", "ES256", ""]
        .into_iter()
        .map(|alg| sign(&changed(&header, "alg", json!(alg)), &text))
        .collect();
    for kid in ["../../dev/null", "' OR 1=1 --", "unknown", "", "2026-11-A"] {
        hostile.push(sign(&changed(&header, "kid", json!(kid)), &text));
    }
    for typ in ["JWT", "svc+jwt", "rt+jwt", ""] {
        hostile.push(sign(&changed(&header, "typ", json!(typ)), &text));
    }
    hostile.push(sign(&without(&header, "typ"), &text));
    let unsigned = changed(&header, "alg", json!("none"));
    hostile.push(format!("{}.{}.", URL_SAFE_NO_PAD.encode(unsigned), URL_SAFE_NO_PAD.encode(&text)));
    hostile.push(format!("{}.", token.rsplit_once('.').unwrap().0));
    hostile.push(token.rsplit_once('.').unwrap().0.to_owned());
    let stranger = EncodingKey::from_secret(b"another secret that is long enough for it");
    let mut embedded = Header::new(Algorithm::HS256);
    embedded.typ = Some("at+jwt".to_owned());
    embedded.kid = Some("2026-11-a".to_owned());
    embedded.jku = Some("https://evil.test/keys".to_owned());
    embedded.x5u = Some("https://evil.test/certificate".to_owned());
    hostile.push(jsonwebtoken::encode(&embedded, &claims, &stranger).unwrap());
    hostile.push(people::text(&body, "refreshToken").to_owned());
    hostile.push(people::mailed_token(&app, &address(&app, "anna")).await);
    for token in &hostile {
        people::profile(&app, token).await.expect_problem(401, "unauthenticated");
    }
}

/// V10: times that are no numbers, or no times, make a token worthless; so does a life that outlasts what is kept of
/// revocations.
#[actix_web::test]
async fn v10_hostile_times_and_missing_claims_are_refused() {
    let app = app().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let (header, claims) = parts(people::text(&body, "accessToken"));
    let header = header.to_string();
    let mut hostile = Vec::new();
    for time in ["exp", "nbf", "iat"] {
        let at = claims[time].as_i64().unwrap();
        for value in [
            json!(at.to_string()),
            json!(-1),
            json!(null),
            json!([at]),
            json!({}),
            json!(true),
            json!(at as f64 + 0.5),
        ] {
            hostile.push(changed(&claims, time, value));
        }
        let whole = claims.to_string();
        hostile.push(format!("{},\"{time}\":{}}}", &whole[..whole.len() - 1], at + 1));
    }
    for member in ["exp", "nbf", "iat", "sub", "sid", "aud", "iss", "tv", "tenant_id", "user_id", "userId"] {
        hostile.push(without(&claims, member));
    }
    let issued = claims["iat"].as_i64().unwrap();
    hostile.push(changed(&claims, "exp", json!(issued)));
    hostile.push(changed(&claims, "nbf", json!(issued + 3_600)));
    hostile.push(changed(&claims, "exp", json!(issued + 3_601)));
    hostile.push(changed(&claims, "exp", json!(issued + 31_536_000)));
    hostile.push(changed(&claims, "aud", json!(["other"])));
    hostile.push(changed(&claims, "iss", json!("https://evil.test")));
    hostile.push(changed(&claims, "userId", json!("01920000-0000-7000-8000-00000000ffff")));
    hostile.push("{}".to_owned());
    hostile.push("null".to_owned());
    let longest = sign(&header, &changed(&claims, "exp", json!(issued + 3_600)));
    people::profile(&app, &longest).await.expect(200);
    for claims in &hostile {
        let answer = people::profile(&app, &sign(&header, claims)).await;
        assert_eq!(answer.status, 401, "{claims}");
    }
}

/// A good signature is not enough: whoever holds the secret cannot make up sessions, versions or places.
#[actix_web::test]
async fn a_well_signed_token_without_a_session_or_with_another_version_is_refused() {
    let app = app().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let (header, claims) = parts(people::text(&body, "accessToken"));
    let header = header.to_string();
    let nobody = json!("01920000-0000-7000-8000-00000000ffff");
    for forged in [
        changed(&claims, "sid", nobody.clone()),
        changed(&claims, "tv", json!(2)),
        changed(&claims, "tv", json!(0)),
    ] {
        people::profile(&app, &sign(&header, &forged)).await.expect_problem(401, "unauthenticated");
    }
    // Roles are read from the database, not from the token.
    let admin = sign(&header, &changed(&claims, "roles", json!(["admin"])));
    assert_eq!(people::profile(&app, &admin).await.expect(200).body["roles"], json!(["member"]));
    let elsewhere = sign(&header, &changed(&claims, "tenant_id", nobody));
    people::profile(&app, &elsewhere).await.expect_problem(403, "wrong_tenant");
}

#[actix_web::test]
async fn an_access_token_dies_after_a_quarter_of_an_hour() {
    let app = app().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    app.advance(chrono::TimeDelta::seconds(899));
    people::profile(&app, people::text(&body, "accessToken")).await.expect(200);
    app.advance(chrono::TimeDelta::seconds(1));
    people::profile(&app, people::text(&body, "accessToken")).await.expect(401);
}

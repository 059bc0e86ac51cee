//! Passkeys: registered, listed, named, removed and forgotten.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::authenticator::{
    Authenticator, BACKED_UP, BACKUP_ELIGIBLE, PRESENT, VERIFIED, creation_options, passkeys, register,
    remove, sign_in, sign_in_options, spoil, verify_creation,
};
use crate::factors::{self, signed_in_as};
use crate::people::{self, PASSWORD, address, text};
use crate::staff::{token, user_id};

#[actix_web::test]
async fn a_passkey_is_registered_and_signs_in_without_an_address() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let here = people::signed_in(&app, &anna).await;
    let there = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    let mut phone = Authenticator::new();
    let answer = register(&app, token(&here), &mut phone).await.expect(201);
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.body["recoveryCodes"].as_array().unwrap().len(), 10);
    let shown = json!({
        "passkeyId": answer.body["passkeyId"], "name": "Anna's phone", "createdAt": "2026-12-01T09:00:00Z",
        "lastUsedAt": null, "discoverable": true, "backedUp": false,
    });
    // It was registered on one session; the others end, as with every change of factors, and the owner is told.
    people::refresh(&app, text(&there, "refreshToken")).await.expect_problem(401, "refresh_refused");
    assert_eq!(passkeys(&app, token(&here)).await, [shown]);
    assert_eq!(factors::letters(&app, &anna).await, ["factor_added"]);
    let trail = "SELECT details ->> 'kind' AS kind FROM audit_events WHERE action = 'factor.confirmed'";
    assert_eq!(app.sql(trail).await, [json!({ "kind": "passkey" })]);
    let listed = factors::factors(&app, token(&here)).await;
    assert_eq!(listed["items"][0]["factorId"], answer.body["passkeyId"]);
    let session = app.sql("SELECT amr, acr FROM sessions WHERE ended_at IS NULL").await;
    assert_eq!(session, [json!({ "amr": "pwd hwk user mfa", "acr": "aal2" })]);

    app.advance(TimeDelta::minutes(1));
    let signed_in = sign_in(&app, &mut phone).await.expect(200);
    assert_eq!(signed_in.headers["cache-control"], "no-store");
    assert_eq!(signed_in.body["user"]["email"], anna);
    people::profile(&app, &signed_in.text("accessToken")).await.expect(200);
    let newest = app.sql("SELECT amr, acr FROM sessions ORDER BY id DESC LIMIT 1").await;
    assert_eq!(newest, [json!({ "amr": "hwk user mfa", "acr": "aal2" })]);
    let used = app.sql("SELECT sign_count FROM passkeys").await;
    assert_eq!(used, [json!({ "sign_count": 2 })]);
    assert_eq!(passkeys(&app, token(&here)).await[0]["lastUsedAt"], "2026-12-01T09:01:00Z");
}

#[actix_web::test]
async fn what_the_browser_is_asked_for_names_the_domain_and_nobody_by_their_id() {
    let app = TestApp::<Auth>::start().await;
    let (anna, bob) = (address(&app, "anna"), address(&app, "bob"));
    let (annas, bobs) = (people::signed_in(&app, &anna).await, people::signed_in(&app, &bob).await);
    let mut phone = Authenticator::new();
    register(&app, token(&annas), &mut phone).await.expect(201);
    let options = creation_options(&app, token(&annas)).await.expect(200);
    assert_eq!(options.headers["cache-control"], "no-store");
    let asked = &options.body["publicKey"];
    assert_eq!(asked["rp"], json!({ "id": "shinkofa.localhost", "name": "Shinkofa" }));
    assert_eq!(
        (&asked["user"]["name"], &asked["user"]["displayName"]),
        (&json!(anna), &json!("Anna Martin"))
    );
    assert_eq!(
        asked["pubKeyCredParams"],
        json!([
            { "type": "public-key", "alg": -7 },
            { "type": "public-key", "alg": -8 },
            { "type": "public-key", "alg": -257 },
        ])
    );
    assert_eq!(
        asked["excludeCredentials"],
        json!([{ "type": "public-key", "id": phone.name(), "transports": ["internal", "hybrid"] }])
    );
    assert_eq!(
        asked["authenticatorSelection"],
        json!({ "residentKey": "preferred", "requireResidentKey": false, "userVerification": "preferred" })
    );
    assert_eq!((&asked["attestation"], &asked["timeout"]), (&json!("none"), &json!(300_000)));
    // One random handle for each person, the same every time.
    let handle = crate::authenticator::decode(&asked["user"]["id"]);
    assert_eq!(Some(&handle), phone.user_handle.as_ref());
    assert_eq!(handle.len(), 32);
    let of_bob = creation_options(&app, token(&bobs)).await.expect(200);
    assert_ne!(of_bob.body["publicKey"]["user"]["id"], asked["user"]["id"]);
    assert_ne!(of_bob.body["publicKey"]["challenge"], asked["challenge"]);
    assert_eq!(of_bob.body["publicKey"]["excludeCredentials"], json!([]));
    let plain = asked["user"]["id"].as_str().unwrap();
    assert!(!plain.contains(user_id(&annas)) && !handle.starts_with(b"anna"));
}

/// What an authenticator that is not honest answers, and where that is pointed at.
fn lies() -> Vec<(&'static str, Authenticator)> {
    let honest = Authenticator::new;
    vec![
        ("clientDataJSON", Authenticator { origin: "https://evil.test".to_owned(), ..honest() }),
        ("clientDataJSON", Authenticator { origin: "https://app.shinkofa.localhost".to_owned(), ..honest() }),
        (
            "clientDataJSON",
            Authenticator { origin: "https://media.shinkofa.localhost:8443".to_owned(), ..honest() },
        ),
        ("clientDataJSON", Authenticator { cross_origin: true, ..honest() }),
        ("clientDataJSON", Authenticator { ceremony: Some("webauthn.get"), ..honest() }),
        ("attestationObject", Authenticator { relying_party: Some("evil.test".to_owned()), ..honest() }),
        (
            "attestationObject",
            Authenticator { relying_party: Some("app.shinkofa.localhost".to_owned()), ..honest() },
        ),
        ("attestationObject", Authenticator { flags: VERIFIED, ..honest() }),
        ("attestationObject", Authenticator { flags: PRESENT | BACKED_UP, ..honest() }),
    ]
}

#[actix_web::test]
async fn a_registration_that_is_not_to_be_believed_changes_nothing() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let points_at = |answer: &Answer, member: &str| {
        assert_eq!(answer.body["errors"][0]["pointer"], format!("/credential/response/{member}"));
    };
    for (member, mut liar) in lies() {
        let answer = register(&app, token(&body), &mut liar).await.expect_problem(422, "invalid_fields");
        points_at(&answer, member);
    }
    // The name outside is not the one that the authenticator wrote, or what it wrote is not whole.
    let options = creation_options(&app, token(&body)).await.expect(200);
    let mut credential = Authenticator::new().create(&options);
    credential["id"] = json!(Authenticator::new().name());
    let answer = verify_creation(&app, token(&body), &credential).await.expect_problem(422, "invalid_fields");
    points_at(&answer, "attestationObject");
    let options = creation_options(&app, token(&body)).await.expect(200);
    let mut credential = Authenticator::new().create(&options);
    spoil(&mut credential, "attestationObject", 0);
    let answer = verify_creation(&app, token(&body), &credential).await.expect_problem(422, "invalid_fields");
    points_at(&answer, "attestationObject");
    for table in ["passkeys", "user_factors", "recovery_codes"] {
        assert!(app.sql(&format!("SELECT * FROM {table}")).await.is_empty(), "{table}");
    }
    assert_eq!(app.sql("SELECT amr, acr FROM sessions").await, [json!({ "amr": "pwd", "acr": "aal1" })]);
}

#[actix_web::test]
async fn hostile_members_of_a_credential_are_pointed_at() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let options = creation_options(&app, token(&body)).await.expect(200);
    let honest = Authenticator::new().create(&options);
    let with = |pointer: &str, value: Value| {
        let mut credential = honest.clone();
        *credential.pointer_mut(pointer).unwrap() = value;
        credential
    };
    for (pointer, value) in [
        ("/id", json!("")),
        ("/id", json!("not base64url!")),
        ("/id", json!("A".repeat(1368))),
        ("/type", json!("password")),
        ("/response/clientDataJSON", json!(17)),
        ("/response/clientDataJSON", json!("bm90IGpzb24")),
        ("/response/attestationObject", json!("A".repeat(90_000))),
        ("/response/transports", json!(["a transport"])),
        ("/response/transports", json!(vec!["usb"; 9])),
    ] {
        let credential = with(pointer, value.clone());
        let answer = verify_creation(&app, token(&body), &credential).await;
        let answer = answer.expect_problem(422, "invalid_fields");
        let pointed = answer.body["errors"][0]["pointer"].as_str().unwrap().to_owned();
        assert!(pointed.starts_with(&format!("/credential{pointer}")), "{pointer}: {pointed}");
    }
    // None of them used the challenge up.
    verify_creation(&app, token(&body), &honest).await.expect(201);
}

/// V25: a challenge is found for what it was given out for alone, in the session that asked for it, for five minutes, once.
#[actix_web::test]
async fn v25_a_challenge_of_another_purpose_or_session_registers_nothing() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let here = people::signed_in(&app, &anna).await;
    let there = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    let bob = people::signed_in(&app, &address(&app, "bob")).await;
    let gone = async |options: &Answer| {
        let mut credential = Authenticator::new();
        let mut options_of_creation = creation_options(&app, token(&here)).await.expect(200);
        options_of_creation.body["publicKey"]["challenge"] = options.body["publicKey"]["challenge"].clone();
        let credential = credential.create(&options_of_creation);
        verify_creation(&app, token(&here), &credential).await.expect_problem(410, "challenge_gone");
    };
    gone(&sign_in_options(&app).await).await;
    gone(&creation_options(&app, token(&there)).await.expect(200)).await;
    gone(&creation_options(&app, token(&bob)).await.expect(200)).await;
    let late = creation_options(&app, token(&here)).await.expect(200);
    app.advance(TimeDelta::minutes(5));
    gone(&late).await;

    let options = creation_options(&app, token(&here)).await.expect(200);
    let credential = Authenticator::new().create(&options);
    verify_creation(&app, token(&here), &credential).await.expect(201);
    verify_creation(&app, token(&here), &credential).await.expect_problem(410, "challenge_gone");
}

#[actix_web::test]
async fn one_answer_presented_many_times_at_once_registers_one_passkey() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let options = creation_options(&app, token(&body)).await.expect(200);
    let credential = Authenticator::new().create(&options);
    let answers = join_all((0..20).map(|_| verify_creation(&app, token(&body), &credential))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| [201, 410].contains(&answer.status)));
    assert_eq!(app.sql("SELECT id FROM passkeys").await.len(), 1);
}

#[actix_web::test]
async fn a_credential_belongs_to_one_account() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let bob = people::signed_in(&app, &address(&app, "bob")).await;
    let mut phone = Authenticator::new();
    register(&app, token(&anna), &mut phone).await.expect(201);
    for who in [&anna, &bob] {
        register(&app, token(who), &mut phone).await.expect_problem(409, "passkey_exists");
    }
    assert_eq!(app.sql("SELECT id FROM user_factors").await.len(), 1);
}

#[actix_web::test]
async fn an_account_takes_ten_passkeys_beside_its_other_factors() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let access = token(&body);
    for n in 0..10 {
        let answer = register(&app, access, &mut Authenticator::new()).await.expect(201);
        assert_eq!(answer.body["recoveryCodes"].is_array(), n == 0, "they come with the first factor");
    }
    creation_options(&app, access).await.expect_problem(409, "too_many_factors");
    factors::enrolled(&app, access).await;
    assert_eq!(passkeys(&app, access).await.len(), 10);
}

#[actix_web::test]
async fn a_passkey_is_registered_by_somebody_who_showed_lately_who_they_are_and_by_no_guest() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    app.advance(TimeDelta::minutes(9));
    let options = creation_options(&app, token(&body)).await.expect(200);
    app.advance(TimeDelta::seconds(61));
    creation_options(&app, token(&body)).await.expect_problem(403, "step_up_required");
    let credential = Authenticator::new().create(&options);
    verify_creation(&app, token(&body), &credential).await.expect_problem(403, "step_up_required");
    let again =
        factors::reauthenticate(&app, token(&body), json!({ "password": PASSWORD })).await.expect(200);
    verify_creation(&app, &again.text("accessToken"), &credential).await.expect(201);

    let guest =
        app.post("/api/auth/anonymous").json(&json!({ "locale": "fr" })).send().await.expect(201).body;
    creation_options(&app, token(&guest)).await.expect_problem(403, "guest_account");
}

#[actix_web::test]
async fn v24_nobody_sees_names_or_removes_the_passkey_of_somebody_else() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let bob = people::signed_in(&app, &address(&app, "bob")).await;
    let annas = register(&app, token(&anna), &mut Authenticator::new()).await.expect(201).text("passkeyId");
    assert!(passkeys(&app, token(&bob)).await.is_empty());
    let nothing = "01920000-0000-7000-8000-00000000ffff";
    let mut told = Vec::new();
    for id in [annas.as_str(), nothing, "not-an-id"] {
        let path = format!("/api/auth/passkeys/{id}");
        let call = app.call(Method::PATCH, &path).token(token(&bob)).json(&json!({ "name": "mine" }));
        let named = call.send().await.expect_problem(404, "not_found");
        let removed = remove(&app, token(&bob), id).await.expect_problem(404, "not_found");
        for mut answer in [named, removed] {
            answer.body.as_object_mut().unwrap().remove("requestId");
            told.push(answer.body);
        }
    }
    assert!(told.iter().all(|body| *body == told[0]), "{told:#?}");
    assert_eq!(passkeys(&app, token(&anna)).await[0]["name"], "Anna's phone");
}

#[actix_web::test]
async fn a_passkey_is_named_by_its_owner() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let id = register(&app, token(&body), &mut Authenticator::new()).await.expect(201).text("passkeyId");
    let name = async |name: Value| {
        let path = format!("/api/auth/passkeys/{id}");
        app.call(Method::PATCH, &path).token(token(&body)).json(&json!({ "name": name })).send().await
    };
    for _ in 0..2 {
        assert_eq!(name(json!("  Blue key ")).await.expect(200).text("name"), "Blue key");
    }
    for refused in [json!(""), json!("a\nb"), json!("a".repeat(101)), json!(null)] {
        name(refused).await.expect_problem(422, "invalid_fields");
    }
    assert_eq!(passkeys(&app, token(&body)).await[0]["name"], "Blue key");
    let trail = "SELECT details FROM audit_events WHERE action = 'passkey.renamed'";
    assert_eq!(app.sql(trail).await, [json!({ "details": { "factorId": id } })]);
}

#[actix_web::test]
async fn a_passkey_that_was_removed_opens_nothing_and_is_asked_for_no_more() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let (mut phone, mut key) = (Authenticator::new(), Authenticator::new());
    let of_phone = register(&app, token(&body), &mut phone).await.expect(201).text("passkeyId");
    let of_key = register(&app, token(&body), &mut key).await.expect(201).text("passkeyId");
    let elsewhere = sign_in(&app, &mut phone).await.expect(200);
    let with_app = factors::enrolled(&app, token(&body)).await;
    remove(&app, token(&body), &with_app.factor_id).await.expect_problem(404, "not_found");
    factors::remove(&app, token(&body), &with_app.factor_id).await.expect(204);

    app.advance(TimeDelta::minutes(11));
    remove(&app, token(&body), &of_phone).await.expect_problem(403, "step_up_required");
    let renewed = crate::authenticator::step_up(&app, token(&body), &mut key).await.expect(200);
    let access = renewed.text("accessToken");
    remove(&app, &access, &of_phone).await.expect(204);
    remove(&app, &access, &of_phone).await.expect_problem(404, "not_found");
    sign_in(&app, &mut phone).await.expect_problem(401, "passkey_refused");
    people::refresh(&app, &elsewhere.text("refreshToken")).await.expect(401);
    // With the last factor the recovery codes go, and a password is enough again.
    remove(&app, &access, &of_key).await.expect(204);
    assert!(app.sql("SELECT * FROM passkeys").await.is_empty());
    assert!(app.sql("SELECT * FROM recovery_codes").await.is_empty());
    assert!(people::sign_in(&app, &anna, PASSWORD).await.expect(200).body["accessToken"].is_string());
    let letters = factors::letters(&app, &anna).await;
    assert_eq!(letters.iter().filter(|letter| *letter == "factor_removed").count(), 3);
    let trail = "SELECT 1 AS one FROM audit_events WHERE action = 'factor.removed' AND details ->> 'kind' = 'passkey'";
    assert_eq!(app.sql(trail).await.len(), 2);
}

#[actix_web::test]
async fn the_last_passkey_that_a_role_needs_stays() {
    let app = TestApp::<Auth>::start().await;
    let (body, _) = signed_in_as(&app, &address(&app, "boss"), "admin").await;
    let passkey = register(&app, token(&body), &mut Authenticator::new()).await.expect(201).text("passkeyId");
    let listed = factors::factors(&app, token(&body)).await;
    let items = listed["items"].as_array().unwrap();
    let totp = items.iter().find(|item| item["kind"] == "totp").unwrap()["factorId"].as_str().unwrap();
    factors::remove(&app, token(&body), totp).await.expect(204);
    remove(&app, token(&body), &passkey).await.expect_problem(409, "last_factor_required");
    factors::remove(&app, token(&body), &passkey).await.expect_problem(409, "last_factor_required");
}

#[actix_web::test]
async fn a_copy_of_what_is_known_names_the_passkeys_and_erasure_leaves_nothing_of_them() {
    use shinkofa_db::{Scope, transaction};
    use shinkofa_kernel::{TenantId, UserId};
    use shinkofa_runtime::Service as _;

    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let mut key = Authenticator::new();
    key.flags |= BACKUP_ELIGIBLE | BACKED_UP;
    register(&app, token(&body), &mut key).await.expect(201);
    creation_options(&app, token(&body)).await.expect(200);
    let user: UserId = user_id(&body).parse().unwrap();
    let scope = Scope::tenant(TenantId::DEFAULT).with_user(user);
    let service = app.service();
    let copy =
        transaction(app.pool(), &scope, "export", async |tx| service.export_personal_data(tx, user).await);
    let copy = copy.await.unwrap();
    let known = &copy["account"]["secondFactors"]["passkeys"][0];
    assert_eq!((&known["name"], &known["backedUp"]), (&json!("Anna's phone"), &json!(true)));
    transaction(app.pool(), &scope, "erase", async |tx| service.erase_personal_data(tx, user).await)
        .await
        .unwrap();
    for table in ["passkeys", "passkey_handles", "passkey_challenges"] {
        assert!(app.sql(&format!("SELECT * FROM {table}")).await.is_empty(), "{table}");
    }
    sign_in(&app, &mut key).await.expect_problem(401, "passkey_refused");
}

#[actix_web::test]
async fn challenges_that_nobody_answered_are_forgotten() {
    let app = TestApp::<Auth>::start().await;
    sign_in_options(&app).await;
    app.run_jobs().await;
    assert_eq!(app.sql("SELECT purpose FROM passkey_challenges").await.len(), 1);
    app.advance(TimeDelta::minutes(6));
    app.run_jobs().await;
    assert!(app.sql("SELECT purpose FROM passkey_challenges").await.is_empty());
}

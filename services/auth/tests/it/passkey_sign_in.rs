//! Signing in with a passkey alone, and what tries to.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::BanScope;
use shinkofa_testing::TestApp;

use crate::authenticator::{
    Authenticator, BACKED_UP, BACKUP_ELIGIBLE, VERIFIED, creation_options, encode, register, second_step,
    sign_in, sign_in_options, spoil, step_options, step_up_options, verify_sign_in, verify_step,
};
use crate::factors;
use crate::people::{self, PASSWORD, address, text};
use crate::staff::{staff, token, user_id};

/// Somebody with a passkey: the answer to their sign-in by password, and the passkey.
async fn somebody(app: &TestApp<Auth>, who: &str, mut passkey: Authenticator) -> (Value, Authenticator) {
    let body = people::signed_in(app, &address(app, who)).await;
    register(app, token(&body), &mut passkey).await.expect(201);
    (body, passkey)
}

async fn failures(app: &TestApp<Auth>) -> i64 {
    let counted = app.sql("SELECT coalesce(sum(failures), 0)::bigint AS counted FROM auth_failures").await;
    counted[0]["counted"].as_i64().expect("a number")
}

async fn sessions(app: &TestApp<Auth>) -> usize {
    app.sql("SELECT id FROM sessions").await.len()
}

#[actix_web::test]
async fn everybody_is_asked_alike_whoever_they_are() {
    let app = TestApp::<Auth>::start().await;
    let before = sign_in_options(&app).await;
    assert_eq!(before.headers["cache-control"], "no-store");
    somebody(&app, "anna", Authenticator::new()).await;
    let mut after = sign_in_options(&app).await;
    assert_ne!(before.body["publicKey"]["challenge"], after.body["publicKey"]["challenge"]);
    assert_eq!(text(&before.body["publicKey"], "challenge").len(), 43);
    after.body["publicKey"]["challenge"] = before.body["publicKey"]["challenge"].clone();
    assert_eq!(before.body, after.body);
    assert_eq!(
        (&before.body["publicKey"]["allowCredentials"], &before.body["publicKey"]["rpId"]),
        (&json!([]), &json!("shinkofa.localhost"))
    );
    assert_eq!(before.body["publicKey"]["userVerification"], "preferred");
}

type Lie = fn(&mut Authenticator);

const LIES: [(&str, Lie); 9] = [
    ("another origin", |key| key.origin = "https://evil.test".to_owned()),
    ("our host on another port", |key| key.origin = "https://app.shinkofa.localhost".to_owned()),
    ("a sibling that is not listed", |key| key.origin = "https://media.shinkofa.localhost:8443".to_owned()),
    ("a frame of another origin", |key| key.cross_origin = true),
    ("another relying party", |key| key.relying_party = Some("evil.test".to_owned())),
    ("another ceremony", |key| key.ceremony = Some("webauthn.create")),
    ("nobody was there", |key| key.flags = VERIFIED),
    ("a backup that cannot be", |key| key.flags |= BACKUP_ELIGIBLE | BACKED_UP),
    ("somebody else's handle", |key| key.user_handle = Some(vec![7; 32])),
];

type Change = fn(&mut Value);

const CHANGES: [(&str, Change); 5] = [
    ("the signature", |credential| spoil(credential, "signature", 12)),
    ("the counter", |credential| spoil(credential, "authenticatorData", 36)),
    ("the flags", |credential| spoil(credential, "authenticatorData", 32)),
    ("the client data", |credential| spoil(credential, "clientDataJSON", 2)),
    ("no handle", |credential| credential["response"]["userHandle"] = Value::Null),
];

#[actix_web::test]
async fn what_is_not_to_be_believed_opens_nothing_and_has_one_answer() {
    let app = TestApp::<Auth>::start().await;
    let (_, honest) = somebody(&app, "anna", Authenticator::new()).await;
    let (mut key, before) = (honest, sessions(&app).await);
    let (handle, origin) = (key.user_handle.clone(), key.origin.clone());
    let mut told = Vec::new();
    for (what, lie) in LIES {
        lie(&mut key);
        let answer = sign_in(&app, &mut key).await;
        assert_eq!(answer.status, 401, "{what}: {:#}", answer.body);
        told.push(answer.expect_problem(401, "passkey_refused").body);
        (key.user_handle, key.origin, key.flags) = (handle.clone(), origin.clone(), VERIFIED | 1);
        (key.relying_party, key.cross_origin, key.ceremony) = (None, false, None);
        app.advance(TimeDelta::seconds(10));
    }
    for (what, change) in CHANGES {
        let mut credential = key.get(&sign_in_options(&app).await);
        change(&mut credential);
        let answer = verify_sign_in(&app, &credential).await;
        assert_eq!(answer.status, 401, "{what}: {:#}", answer.body);
        told.push(answer.expect_problem(401, "passkey_refused").body);
        app.advance(TimeDelta::seconds(10));
    }
    // Nobody has this one.
    let mut stranger = Authenticator { user_handle: handle, ..Authenticator::new() };
    told.push(sign_in(&app, &mut stranger).await.expect_problem(401, "passkey_refused").body);
    for body in &mut told {
        body.as_object_mut().unwrap().remove("requestId");
    }
    assert!(told.iter().all(|body| *body == told[0]), "{told:#?}");
    assert_eq!(sessions(&app).await, before);
    assert!(failures(&app).await >= 9, "they count like wrong passwords");
    sign_in(&app, &mut key).await.expect(200);
    assert_eq!(failures(&app).await, 0);
}

#[actix_web::test]
async fn hostile_members_are_pointed_at() {
    let app = TestApp::<Auth>::start().await;
    let mut key = Authenticator { user_handle: Some(vec![1]), ..Authenticator::new() };
    let honest = key.get(&sign_in_options(&app).await);
    for (pointer, value) in [
        ("/id", json!("")),
        ("/id", json!("A".repeat(1368))),
        ("/type", json!("password")),
        ("/response/clientDataJSON", json!("A".repeat(6000))),
        ("/response/authenticatorData", json!("=")),
        ("/response/signature", json!(null)),
        ("/response/userHandle", json!("A".repeat(100))),
        ("/response", json!([])),
    ] {
        let mut credential = honest.clone();
        *credential.pointer_mut(pointer).unwrap() = value;
        let answer = verify_sign_in(&app, &credential).await.expect_problem(422, "invalid_fields");
        let pointed = text(&answer.body["errors"][0], "pointer").to_owned();
        assert!(pointed.starts_with(&format!("/credential{pointer}")), "{pointer}: {pointed}");
    }
    // V19: what the body says beside it is refused.
    let body = json!({ "credential": honest, "userId": "01920000-0000-7000-8000-0000000000dd" });
    let answer = app.post("/api/auth/passkeys/login/verify").json(&body).send().await;
    answer.expect_problem(422, "invalid_fields");
}

/// V25, V3: a challenge is good for what it was given out for, for five minutes, once.
#[actix_web::test]
async fn v25_a_challenge_of_another_purpose_signs_nobody_in() {
    let app = TestApp::<Auth>::start().await;
    let (body, mut key) = somebody(&app, "anna", Authenticator::new()).await;
    let half = factors::half_way(&app, &address(&app, "anna")).await;
    let step = step_options(&app, &half).await.expect(200);
    for other in [
        creation_options(&app, token(&body)).await.expect(200),
        step_up_options(&app, token(&body)).await.expect(200),
        step.clone(),
    ] {
        let mut options = sign_in_options(&app).await;
        options.body["publicKey"]["challenge"] = other.body["publicKey"]["challenge"].clone();
        verify_sign_in(&app, &key.get(&options)).await.expect_problem(410, "challenge_gone");
    }
    // Nobody made this one up here.
    let mut options = sign_in_options(&app).await;
    options.body["publicKey"]["challenge"] = json!(encode(&[9; 32]));
    verify_sign_in(&app, &key.get(&options)).await.expect_problem(410, "challenge_gone");
    // And those of signing in are good for nothing else.
    let options = sign_in_options(&app).await;
    verify_step(&app, &half, &key.get(&options)).await.expect_problem(410, "challenge_gone");

    let credential = key.get(&sign_in_options(&app).await);
    app.advance(TimeDelta::minutes(5));
    verify_sign_in(&app, &credential).await.expect_problem(410, "challenge_gone");
}

#[actix_web::test]
async fn v03_an_answer_works_once_and_of_fifty_at_once_one_opens_a_session() {
    let app = TestApp::<Auth>::start().await;
    let (_, mut key) = somebody(&app, "anna", Authenticator::new()).await;
    let before = sessions(&app).await;
    let credential = key.get(&sign_in_options(&app).await);
    let answers = join_all((0..50).map(|_| verify_sign_in(&app, &credential))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| [200, 410].contains(&answer.status)));
    assert_eq!(sessions(&app).await, before + 1);
    verify_sign_in(&app, &credential).await.expect_problem(410, "challenge_gone");
    // A wrong answer uses its challenge up as well: there is one try.
    let mut wrong = key.get(&sign_in_options(&app).await);
    let right = wrong.clone();
    spoil(&mut wrong, "signature", 12);
    verify_sign_in(&app, &wrong).await.expect_problem(401, "passkey_refused");
    app.advance(TimeDelta::seconds(10));
    verify_sign_in(&app, &right).await.expect_problem(410, "challenge_gone");
}

#[actix_web::test]
async fn a_passkey_whose_counter_went_back_opens_nothing_and_its_owner_is_told() {
    let app = TestApp::<Auth>::start().await;
    let (_, mut key) = somebody(&app, "anna", Authenticator::new()).await;
    key.counter = 41;
    let body = sign_in(&app, &mut key).await.expect(200).body;
    for stale in [0, 5, 41] {
        // Goes on by one before it answers: the last of them repeats what was counted already.
        key.counter = stale;
        sign_in(&app, &mut key).await.expect_problem(403, "passkey_cloned");
        app.advance(TimeDelta::seconds(5));
    }
    assert_eq!(failures(&app).await, 3);
    let trail =
        app.sql("SELECT actor ->> 'kind' AS actor FROM audit_events WHERE action = 'passkey.cloned'").await;
    assert_eq!(trail.len(), 3);
    let call = app.get("/api/auth/security-timeline").token(token(&body));
    let items = call.send().await.expect(200).body["items"].as_array().unwrap().clone();
    assert_eq!((&items[0]["type"], &items[0]["by"]), (&json!("passkey.cloned"), &json!("unknown")));
    key.counter = 42;
    sign_in(&app, &mut key).await.expect(200);
    assert_eq!(app.sql("SELECT sign_count FROM passkeys").await, [json!({ "sign_count": 43 })]);
    // One that does not count is no copy.
    let (_, mut silent) = somebody(&app, "bob", Authenticator { step: 0, ..Authenticator::new() }).await;
    for _ in 0..2 {
        sign_in(&app, &mut silent).await.expect(200);
    }
}

/// V15: a passkey that did not recognise its user is one factor, and the second one is asked for.
#[actix_web::test]
async fn v15_a_key_that_is_touched_twice_is_no_second_factor() {
    let app = TestApp::<Auth>::start().await;
    let (_, mut key) = somebody(&app, "anna", Authenticator::touched()).await;
    let before = sessions(&app).await;
    let half = sign_in(&app, &mut key).await.expect(200).body;
    assert_eq!(half["mfaRequired"], true);
    assert_eq!(half["methods"], json!(["passkey", "recovery_code"]));
    assert!(half.get("accessToken").is_none());
    let mfa_token = text(&half, "mfaToken");
    let options = step_options(&app, mfa_token).await.expect(200);
    assert_eq!(options.body["publicKey"]["userVerification"], "required");
    verify_step(&app, mfa_token, &key.get(&options)).await.expect_problem(401, "second_factor_refused");
    // One of the address, and one of the person's second factor.
    assert_eq!((sessions(&app).await, failures(&app).await), (before, 2));
    app.advance(TimeDelta::seconds(1));
    key.flags |= VERIFIED;
    second_step(&app, mfa_token, &mut key).await.expect(200);
    let newest = app.sql("SELECT amr, acr FROM sessions ORDER BY id DESC LIMIT 1").await;
    assert_eq!(newest, [json!({ "amr": "hwk user mfa", "acr": "aal2" })]);
}

#[actix_web::test]
async fn a_recovery_code_or_an_app_follows_a_key_that_was_touched() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let mut key = Authenticator::touched();
    let codes = register(&app, token(&body), &mut key).await.expect(201).body["recoveryCodes"].clone();
    let half = sign_in(&app, &mut key).await.expect(200).text("mfaToken");
    factors::second_step(&app, &half, codes[0].as_str().unwrap()).await.expect(200);
    let with = factors::enrolled(&app, token(&body)).await;
    app.advance(TimeDelta::seconds(30));
    let half = sign_in(&app, &mut key).await.expect(200).body;
    assert_eq!(half["methods"], json!(["passkey", "totp", "recovery_code"]));
    factors::second_step(&app, text(&half, "mfaToken"), &with.shown(&app)).await.expect(200);
    let newest = app.sql("SELECT amr, acr FROM sessions ORDER BY id DESC LIMIT 1").await;
    assert_eq!(newest, [json!({ "amr": "hwk user otp", "acr": "aal2" })]);
}

/// V17: who has to wait after wrong passwords waits with a passkey as well, and loses nothing by trying.
#[actix_web::test]
async fn v17_an_account_that_is_locked_is_locked_for_passkeys() {
    let app = TestApp::<Auth>::start().await;
    let (_, mut key) = somebody(&app, "anna", Authenticator::new()).await;
    let anna = address(&app, "anna");
    let credential = key.get(&sign_in_options(&app).await);
    people::sign_in(&app, &anna, "a stranger guesses").await.expect(401);
    let locked = verify_sign_in(&app, &credential).await.expect_problem(429, "too_many_attempts");
    assert_eq!(locked.headers["retry-after"], "1");
    app.advance(TimeDelta::seconds(1));
    verify_sign_in(&app, &credential).await.expect(200);
    // And the other way round: wrong passkeys make the password wait.
    let mut wrong = key.get(&sign_in_options(&app).await);
    spoil(&mut wrong, "signature", 12);
    verify_sign_in(&app, &wrong).await.expect(401);
    people::sign_in(&app, &anna, PASSWORD).await.expect_problem(429, "too_many_attempts");
}

#[actix_web::test]
async fn strangers_do_not_lock_a_known_device_out_of_its_passkey() {
    let app = TestApp::<Auth>::start().await;
    let (_, mut key) = somebody(&app, "anna", Authenticator::new()).await;
    let on_phone = async |key: &mut Authenticator| {
        let credential = key.get(&sign_in_options(&app).await);
        let body = json!({ "credential": credential, "deviceId": "phone-7f3a" });
        app.post("/api/auth/passkeys/login/verify").json(&body).send().await
    };
    on_phone(&mut key).await.expect(200);
    people::sign_in(&app, &address(&app, "anna"), "a stranger guesses").await.expect(401);
    sign_in(&app, &mut key).await.expect(429);
    on_phone(&mut key).await.expect(200);
}

/// V23, V28: whoever is suspended, locked out or banned is not let in by a passkey.
#[actix_web::test]
async fn v28_suspended_locked_and_banned_people_are_not_let_in_by_a_passkey() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let (anna, mut annas) = somebody(&app, "anna", Authenticator::new()).await;
    let lock = app.post(&format!("/api/admin/users/{}/lock", user_id(&anna))).token(token(&admin));
    lock.json(&json!({ "reason": "asked by the owner" })).send().await.expect(204);
    sign_in(&app, &mut annas).await.expect_problem(403, "not_a_member");

    let (bob, mut bobs) = somebody(&app, "bob", Authenticator::new()).await;
    let suspend = format!("UPDATE users SET status = 'suspended' WHERE id = '{}'", user_id(&bob));
    app.superuser().await.run(&suspend).await;
    sign_in(&app, &mut bobs).await.expect_problem(403, "account_suspended");

    let (_, mut trolls) = somebody(&app, "troll", Authenticator::new()).await;
    let on_phone = async |key: &mut Authenticator| {
        let credential = key.get(&sign_in_options(&app).await);
        let body = json!({ "credential": credential, "deviceId": "phone-7f3a" });
        app.post("/api/auth/passkeys/login/verify").header("user-agent", "Phone").json(&body).send().await
    };
    let troll = on_phone(&mut trolls).await.expect(200).body;
    let ban = app.internal::<BanScope>("community", Method::POST, "/internal/v1/bans");
    let what = json!({
        "banId": "01920000-0000-7000-8000-0000000000b1", "reason": "spam", "userId": user_id(&troll),
    });
    ban.json(&what).send().await.expect(200);
    on_phone(&mut trolls).await.expect_problem(403, "banned");
}

/// V16: every sign-in opens a session of its own, whatever was there before.
#[actix_web::test]
async fn v16_a_sign_in_takes_over_no_earlier_session() {
    let app = TestApp::<Auth>::start().await;
    let (before, mut key) = somebody(&app, "anna", Authenticator::new()).await;
    let credential = key.get(&sign_in_options(&app).await);
    let call = app.post("/api/auth/passkeys/login/verify").token(token(&before));
    let planted = call.header("cookie", "__Host-rt=planted; sid=planted");
    let answer = planted.json(&json!({ "credential": credential })).send().await.expect(200);
    assert_ne!(answer.text("refreshToken"), text(&before, "refreshToken"));
    assert_eq!(app.sql("SELECT id FROM sessions WHERE ended_at IS NULL").await.len(), 2);
    let half = factors::half_way(&app, &address(&app, "anna")).await;
    let signed_in = second_step(&app, &half, &mut key).await.expect(200);
    assert!(!signed_in.body.to_string().contains(&half));
    assert_eq!(app.sql("SELECT id FROM sessions WHERE ended_at IS NULL").await.len(), 3);
}

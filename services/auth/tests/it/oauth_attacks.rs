//! What providers, browsers and strangers try on the way through a provider.

use serde_json::{Value, json};

use crate::factors;
use crate::magic_link::{CHALLENGE, VERIFIER};
use crate::oauth::{ALL, REDIRECT, code_of, consent, exchange, expect_told, returned, start, through};
use crate::people::{self, address};
use crate::provider::{CLIENT_ID, Lies, Person, Providers};

/// V6: a stranger who signed up with somebody's address first keeps nothing of the account once its owner comes.
#[actix_web::test]
async fn v06_an_unconfirmed_account_is_taken_from_whoever_made_it_before_it_is_linked() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let anna = address(&app, "anna");
    people::sign_up(&app, &anna, "the stranger's own password").await.expect(202);
    let strangers = people::mailed_token(&app, &anna).await;
    let made = app.sql("SELECT id FROM users").await[0]["id"].clone();
    factors::everybody_enrols(&app).await;
    let planted = "01920000-0000-7000-8000-00000000beef";
    // As if there had been a way to plant a session and an identity.
    app.superuser()
        .await
        .run(&format!(
            "INSERT INTO identities SELECT realm_id, 'https://evil.test', '1', id, 'github', created_at, created_at FROM users;
             INSERT INTO sessions SELECT realm_id, '{planted}', id, '01920000-0000-7000-8000-000000000001', 1, 'sealed',
                created_at, 0, NULL, '\\x00', 'pwd', 'aal1', created_at, created_at + interval '7 days',
                created_at + interval '30 days', NULL FROM users;
             INSERT INTO known_devices SELECT realm_id, id, '\\x00', created_at, created_at FROM users"
        ))
        .await;

    providers.vouch_for(Person::new(21, &anna));
    let body = through(&app, "google").await.expect(200).body;
    assert_eq!(body["user"]["userId"], made);
    assert!(body.get("mfaRequired").is_none(), "the stranger's second factor is gone");
    people::profile(&app, people::text(&body, "accessToken")).await.expect(200);
    people::sign_in(&app, &anna, "the stranger's own password")
        .await
        .expect_problem(401, "invalid_credentials");
    people::verify(&app, &strangers).await.expect_problem(410, "link_gone");
    let left = app
        .sql(&format!(
            "SELECT (SELECT count(*) FROM user_factors) AS factors, (SELECT count(*) FROM known_devices) AS devices,
                (SELECT count(*) FROM identities) AS identities, (SELECT count(*) FROM signups) AS signups,
                (SELECT password_phc FROM users) AS password,
                (SELECT ended_at IS NOT NULL FROM sessions WHERE id = '{planted}') AS ended"
        ))
        .await;
    let nothing =
        json!({ "factors": 0, "devices": 0, "identities": 1, "signups": 0, "password": null, "ended": true });
    assert_eq!(left[0], nothing);
}

/// V7: an address that the provider has not verified opens no account and makes none.
#[actix_web::test]
async fn v07_an_unverified_address_is_never_matched() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let mut subject = 30;
    for provider in ALL {
        for verified in [json!(false), Value::Null] {
            for email in [anna.clone(), address(&app, "nobody")] {
                subject += 1;
                providers.vouch_for(Person { verified: verified.clone(), ..Person::new(subject, &email) });
                let answer = through(&app, provider).await;
                answer.expect_problem(403, "provider_email_unverified");
            }
        }
        subject += 1;
        providers.vouch_for(Person { email: None, ..Person::new(subject, "") });
        through(&app, provider).await.expect_problem(403, "provider_email_unverified");
    }
    // A word in place of yes is not yes.
    providers.vouch_for(Person { verified: json!("true"), ..Person::new(99, &anna) });
    expect_told(returned(&app, "google").await, "identity_refused");
    expect_told(returned(&app, "discord").await, "identity_refused");
    assert_eq!(app.sql("SELECT user_id FROM identities").await.len(), 0);
    assert_eq!(app.sql("SELECT id FROM users").await.len(), 1);
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 0);
}

/// V8: only the configured issuer's answer to this very request is believed.
#[actix_web::test]
async fn v08_id_tokens_that_are_not_the_issuers_answer_to_us_are_refused() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(40, &address(&app, "anna")));
    let now = app.clock.now().timestamp();
    let jku = format!("{}/evil/keys", providers.base);
    let claim = |name, value: Value| Lies { claims: vec![(name, value)], ..Lies::default() };
    let header = |name, value: Value| Lies { header: vec![(name, value)], ..Lies::default() };
    let stranger = |lies: Lies| Lies { strange_key: true, ..lies };
    let lies = [
        claim("iss", json!("https://evil.test")),
        claim("iss", json!(format!("{}/google/", providers.base))),
        claim("iss", Value::Null),
        claim("aud", json!("another-client")),
        claim("aud", json!(["another-client"])),
        claim("aud", Value::Null),
        Lies {
            claims: vec![("aud", json!([CLIENT_ID, "another"])), ("azp", Value::Null)],
            ..Lies::default()
        },
        claim("azp", json!("another-client")),
        claim("nonce", json!("of-another-request")),
        claim("nonce", Value::Null),
        claim("sub", Value::Null),
        claim("sub", json!("")),
        claim("exp", json!(now - 3600)),
        claim("exp", json!((now + 3600).to_string())),
        claim("iat", json!(now + 3600)),
        claim("iat", Value::Null),
        stranger(Lies::default()),
        stranger(header("jku", json!(jku))),
        stranger(header("x5u", json!(jku))),
        stranger(header("jwk", json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }))),
        header("kid", json!("unknown")),
        header("kid", Value::Null),
        header("kid", json!("other")),
        header("alg", json!("HS256")),
        header("alg", json!("none")),
        header("alg", json!("RS512")),
        Lies { unsigned: true, ..Lies::default() },
        Lies { unsigned: true, ..header("alg", json!("none")) },
    ];
    for (n, lies) in lies.into_iter().enumerate() {
        providers.lie(lies);
        expect_told(returned(&app, "google").await, "identity_refused");
        assert!(!providers.seen().iter().any(|path| path.contains("evil")), "lie {n} was followed");
    }
    assert_eq!(app.sql("SELECT id FROM users").await.len(), 0);
    providers.lie(Lies::default());
    through(&app, "google").await.expect(200);
}

/// V8: neither a forged name of the issuer nor a mixed-up answer passes.
#[actix_web::test]
async fn v08_an_answer_of_another_provider_or_issuer_is_refused() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(41, &address(&app, "anna")));
    // The answer to a request to one provider comes back as another's.
    let url = start(&app, "github").await.expect(200).text("authorizationUrl");
    let mixed = consent(&app, &url).await.replace("/github/", "/google/");
    app.get(&mixed).send().await.expect_problem(400, "state_refused");
    // RFC 9207.
    let url = start(&app, "google").await.expect(200).text("authorizationUrl");
    let named = format!("{}&iss=https%3A%2F%2Fevil.test", consent(&app, &url).await);
    expect_told(app.get(&named).send().await, "identity_refused");
    // A state of nobody's, none at all, and a code of nobody's.
    let stray = |query: &str| format!("/api/auth/oauth/google/callback?{query}");
    for query in ["code=c&state=made-up", "code=c", "code=c&state=", ""] {
        app.get(&stray(query)).send().await.expect_problem(400, "state_refused");
    }
    let url = start(&app, "google").await.expect(200).text("authorizationUrl");
    let forged = consent(&app, &url).await.replace("code=code-", "code=forged-");
    expect_told(app.get(&forged).send().await, "identity_refused");
}

/// Whoever is sent back without a code is told why by the page that they came from, once, and of what the provider says
/// nothing but that.
#[actix_web::test]
async fn whoever_comes_back_without_a_code_is_told_why_by_the_page_that_they_came_from() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(46, &address(&app, "anna")));
    let too_long = format!("code={}", "c".repeat(4097));
    for (said, why) in [
        ("error=access_denied", "access_denied"),
        ("error=access_denied&error_description=%23code%3Dplanted", "access_denied"),
        ("error=temporarily_unavailable", "provider_unavailable"),
        ("error=server_error", "provider_unavailable"),
        ("error=invalid_scope", "identity_refused"),
        ("error=%23code%3Dplanted", "identity_refused"),
        ("error=invalid_scope&code=code-1", "identity_refused"),
        ("error=access_denied&iss=https%3A%2F%2Fevil.test", "identity_refused"),
        ("error=", "identity_refused"),
        ("code=", "identity_refused"),
        (too_long.as_str(), "identity_refused"),
        ("", "identity_refused"),
    ] {
        let url = start(&app, "google").await.expect(200).text("authorizationUrl");
        let state = url.split("state=").nth(1).unwrap().split('&').next().unwrap();
        let back = format!("/api/auth/oauth/google/callback?state={state}&{said}");
        expect_told(app.get(&back).send().await, why);
        app.get(&back).send().await.expect_problem(400, "state_refused");
    }
    assert_eq!(app.sql("SELECT id FROM users").await.len(), 0);
}

#[actix_web::test]
async fn an_issuer_that_says_it_is_another_is_not_asked() {
    let providers = Providers::start().await;
    providers.lie(Lies { issuer: Some("https://evil.test".to_owned()), ..Lies::default() });
    let app = providers.app().await;
    start(&app, "google").await.expect_problem(401, "identity_refused");
}

#[actix_web::test]
async fn a_provider_that_fails_or_redirects_is_a_dependency_down_or_a_refusal() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(42, &address(&app, "anna")));
    for provider in ALL {
        let (down, refused) = ("provider_unavailable", "identity_refused");
        for (status, why) in [(500, down), (503, down), (429, down), (302, refused), (403, refused)] {
            let url = start(&app, provider).await.expect(200).text("authorizationUrl");
            let callback = consent(&app, &url).await;
            providers.lie(Lies { status: Some(status), ..Lies::default() });
            expect_told(app.get(&callback).send().await, why);
            providers.lie(Lies::default());
            // It is over, whatever the provider says now.
            app.get(&callback).send().await.expect_problem(400, "state_refused");
        }
    }
    through(&app, "google").await.expect(200);
}

#[actix_web::test]
async fn a_key_that_the_issuer_changes_to_is_learned_and_the_old_one_is_forgotten() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(43, &address(&app, "anna")));
    through(&app, "google").await.expect(200);
    providers.seen();
    through(&app, "google").await.expect(200);
    assert!(!providers.seen().contains(&"/google/keys".to_owned()), "keys are kept");
    providers.rotate_key();
    // Strangers cannot make us ask again and again.
    expect_told(returned(&app, "google").await, "identity_refused");
    app.advance(chrono::TimeDelta::minutes(1));
    through(&app, "google").await.expect(200);
}

/// V20: a browser is sent to an address that was configured, to the letter, or nowhere.
#[actix_web::test]
async fn v20_no_other_redirect_address_passes() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let host = "app.shinkofa.localhost:8443";
    for hostile in [
        "",
        "/signed-in",
        "//evil.test",
        "//evil.test/signed-in",
        r"\\evil.test",
        r"https:\\evil.test\signed-in",
        "https:evil.test",
        "https:/evil.test",
        "https:///evil.test",
        "https://evil.test/signed-in",
        "https://evil.test",
        "javascript:alert(1)",
        "data:text/html,x",
        &format!("https://{host}@evil.test/signed-in"),
        &format!("https://evil.test@{host}/signed-in"),
        &format!("https://user:pass@{host}/signed-in"),
        &format!("https://{host}.evil.test/signed-in"),
        &format!("https://evil.test#{host}/signed-in"),
        &format!("https://evil.test\\@{host}/signed-in"),
        &format!("https://{host}%00.evil.test/signed-in"),
        &format!("https://{host}/signed-in%00"),
        &format!("https://{host}/signed-in\0"),
        &format!("https://{host}/signed-in\r\nlocation: https://evil.test"),
        "https://app.shinkofa.localhost.:8443/signed-in",
        "https://app\u{3002}shinkofa\u{3002}localhost:8443/signed-in",
        "https://app\u{ff0e}shinkofa.localhost:8443/signed-in",
        "https://\u{ff41}pp.shinkofa.localhost:8443/signed-in",
        "https://app.shinkofa.localhost/signed-in",
        "https://app.shinkofa.localhost:443/signed-in",
        "http://app.shinkofa.localhost:8443/signed-in",
        "HTTPS://app.shinkofa.localhost:8443/signed-in",
        "https://APP.shinkofa.localhost:8443/signed-in",
        &format!("{REDIRECT}/"),
        &format!("{REDIRECT}/evil"),
        &format!("{REDIRECT}.evil"),
        &format!("{REDIRECT}?next=https://evil.test"),
        &format!("{REDIRECT}#code=planted"),
        &format!("{REDIRECT}/../evil"),
        &format!("https://{host}/evil/../signed-in"),
        &format!("https://{host}/%73igned-in"),
        &format!(" {REDIRECT}"),
        &format!("{REDIRECT} "),
        &format!("{REDIRECT}\t"),
        &REDIRECT[..REDIRECT.len() - 1],
    ] {
        let body = json!({ "redirectUri": hostile, "codeChallenge": CHALLENGE });
        for provider in ALL {
            let path = format!("/api/auth/oauth/{provider}/start");
            app.post(&path).json(&body).send().await.expect_problem(400, "redirect_refused");
        }
    }
    assert_eq!(app.sql("SELECT state_hash FROM oauth_attempts").await.len(), 0);
}

/// V4 and V20: where a provider sends people back to comes from the configuration.
#[actix_web::test]
async fn v04_a_forged_host_does_not_change_the_way_back() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let body = json!({ "redirectUri": REDIRECT, "codeChallenge": CHALLENGE });
    for provider in ALL {
        let call = app.http.post(format!("{}/api/auth/oauth/{provider}/start", app.public_url()));
        let call = call.header("host", "evil.test").header("x-forwarded-host", "evil.test");
        let answer = call.json(&body).send().await.unwrap().text().await.unwrap();
        let back = format!(
            "redirect_uri=https%3A%2F%2Fapp.shinkofa.localhost%3A8443%2Fapi%2Fauth%2Foauth%2F{provider}%2Fcallback"
        );
        assert!(answer.contains(&back) && !answer.contains("evil.test"), "{answer}");
    }
}

/// V25: a code of the exchange is nothing else, and nothing else is one.
#[actix_web::test]
async fn v25_a_code_of_the_exchange_opens_nothing_else() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(44, &address(&app, "anna")));
    let code = code_of(&returned(&app, "google").await.expect(303));
    people::verify(&app, &code).await.expect(410);
    people::refresh(&app, &code).await.expect(401);
    people::profile(&app, &code).await.expect(401);
    factors::second_step(&app, &code, "123456").await.expect(401);
    let link = json!({ "token": code, "codeVerifier": VERIFIER });
    app.post("/api/auth/magic-link/consume").json(&link).send().await.expect(410);
    let state = app.sql("SELECT encode(state_hash, 'hex') AS state FROM oauth_attempts").await;
    exchange(&app, people::text(&state[0], "state"), VERIFIER).await.expect(410);
    exchange(&app, &code, VERIFIER).await.expect(200);
}

/// A stranger's way through a provider ends in the stranger's own browser: they can neither be signed in as their victim nor
/// sign their victim in as themselves.
#[actix_web::test]
async fn only_who_began_finishes() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let victim = people::signed_in(&app, &address(&app, "victim")).await;
    providers.vouch_for(Person::new(45, &address(&app, "stranger")));
    let strangers = code_of(&returned(&app, "github").await.expect(303));
    // The victim's application presents the verifier that it kept, which is not the stranger's.
    let verifier = "the-victims-own-verifier-that-is-long-enough-here";
    exchange(&app, &strangers, verifier).await.expect_problem(401, "verifier_refused");
    let call = app.post("/api/auth/oauth/github/link").token(people::text(&victim, "accessToken"));
    let body = json!({ "code": strangers, "codeVerifier": verifier });
    call.json(&body).send().await.expect_problem(401, "verifier_refused");
    assert_eq!(app.sql("SELECT user_id FROM identities").await.len(), 0);
}

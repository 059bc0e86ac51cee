//! Ways of signing in on the pages of a studio that was made while the service runs, at the studio's own host.

use auth::Auth;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::authenticator::{Authenticator, register, sign_in as sign_in_by_passkey};
use crate::browser::{APP, set_cookies};
use crate::magic_link::{CHALLENGE, VERIFIER};
use crate::oauth::{ALL, consent};
use crate::people::{self, address, text};
use crate::provider::{Person, Providers};
use crate::staff::token;
use crate::studios::{Studio, accept, plain_person, profile_at, studio, switch};

/// The origin of the pages of a studio.
fn page(slug: &str) -> String {
    APP.replace("app.", &format!("{slug}."))
}

async fn start_at(app: &TestApp<Auth>, host: &str, provider: &str, back_to: &str) -> Answer {
    let body = json!({ "redirectUri": back_to, "codeChallenge": CHALLENGE });
    app.post(&format!("/api/auth/oauth/{provider}/start")).at_host(host).json(&body).send().await
}

/// Where the browser is in the end, who began at the studio's own page.
async fn returned_to(app: &TestApp<Auth>, studio: &Studio) -> String {
    let back_to = format!("{}/signed-in", page(&studio.slug));
    let url = start_at(app, &studio.host(), "google", &back_to).await.expect(200).text("authorizationUrl");
    // The provider knows one address of ours, on the platform's own host.
    let answer = app.get(&consent(app, &url).await).send().await.expect(303);
    answer.headers["location"].to_str().expect("text").to_owned()
}

async fn exchange_at(app: &TestApp<Auth>, host: &str, code: &str) -> Answer {
    let body = json!({ "code": code, "codeVerifier": VERIFIER });
    app.post("/api/auth/oauth/exchange").at_host(host).json(&body).send().await
}

#[actix_web::test]
async fn a_provider_opens_an_account_at_the_host_of_a_studio_that_was_made_a_moment_ago() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let elan = studio(&app, "eve", "elan").await;
    providers.vouch_for(Person::new(61, &address(&app, "anna")));
    let location = returned_to(&app, &elan).await;
    let code = location.strip_prefix("https://elan.shinkofa.localhost:8443/signed-in#code=").expect("a code");
    // The way was the studio's: nobody goes on with it elsewhere.
    exchange_at(&app, "app.shinkofa.localhost", code).await.expect_problem(410, "sign_in_gone");
    let body = exchange_at(&app, &elan.host(), code).await.expect(200).body;
    assert_eq!(body["user"]["tenantId"], elan.id);
    assert_eq!(body["user"]["roles"], json!(["member"]));
    profile_at(&app, &elan.host(), &body).await.expect(200);
    exchange_at(&app, &elan.host(), code).await.expect_problem(410, "sign_in_gone");
    // A provider that fails sends people back there as well.
    providers.lie(crate::provider::Lies { unsigned: true, ..Default::default() });
    let told = format!("{}/signed-in#error=identity_refused", page("elan"));
    assert_eq!(returned_to(&app, &elan).await, told);
}

#[actix_web::test]
async fn a_page_of_a_studio_keeps_what_a_provider_opened_in_its_own_cookie() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let elan = studio(&app, "eve", "elan").await;
    providers.vouch_for(Person::new(62, &address(&app, "anna")));
    let location = returned_to(&app, &elan).await;
    let code = location.split("#code=").nth(1).expect("a code");
    let exchange = async |origin: &str| {
        let call =
            app.post("/api/auth/oauth/exchange").at_host(&elan.host()).header("session-mode", "cookie");
        let body = json!({ "code": code, "codeVerifier": VERIFIER });
        call.header("origin", origin).json(&body).send().await
    };
    exchange(&page("other")).await.expect_problem(403, "origin_refused");
    let answer = exchange(&page("elan")).await.expect(200);
    assert!(answer.body.get("refreshToken").is_none());
    let cookies = set_cookies(&answer);
    assert_eq!(
        cookies.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(),
        ["__Host-rt", "__Host-device"]
    );
}

/// A studio's host is one more place to come back to for whoever asks there, and for nobody else.
#[actix_web::test]
async fn a_browser_comes_back_to_the_host_that_was_asked_and_to_no_other_studios() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let elan = studio(&app, "eve", "elan").await;
    studio(&app, "mallory", "other").await;
    let (own, host) = (page("elan"), elan.host());
    for provider in ALL {
        start_at(&app, &host, provider, &format!("{own}/signed-in")).await.expect(200);
        for (at, back_to) in [
            (host.as_str(), format!("{}/signed-in", page("other"))),
            (&host, format!("{}/signed-in", page("ghost"))),
            ("app.shinkofa.localhost", format!("{own}/signed-in")),
            ("other.shinkofa.localhost", format!("{own}/signed-in")),
            ("evil.test", "https://evil.test/signed-in".to_owned()),
            ("evil.test", "https://evil.test:8443/signed-in".to_owned()),
            (&host, own.clone()),
            (&host, format!("{own}/")),
            (&host, format!("{own}/signed-in/")),
            (&host, format!("{own}/signed-in?next=https://evil.test")),
            (&host, format!("{own}/signed-in#code=planted")),
            (&host, format!("{own}/elsewhere")),
            (&host, format!("{own}/elsewhere/../signed-in")),
            (&host, format!("{own}@evil.test/signed-in")),
            (&host, "https://elan.shinkofa.localhost/signed-in".to_owned()),
            (&host, "http://elan.shinkofa.localhost:8443/signed-in".to_owned()),
            (&host, "https://ELAN.shinkofa.localhost:8443/signed-in".to_owned()),
            (&host, "https://elan.shinkofa.localhost.:8443/signed-in".to_owned()),
            (&host, "/signed-in".to_owned()),
        ] {
            let refused = start_at(&app, at, provider, &back_to).await;
            refused.expect_problem(400, "redirect_refused");
        }
        // Beneath the platform's domain a name of nobody's is not answered at all.
        let ghost = "ghost.shinkofa.localhost";
        let answer = start_at(&app, ghost, provider, &format!("{}/signed-in", page("ghost"))).await;
        answer.expect_problem(421, "misdirected_request");
    }
}

/// Whoever owns a domain reads what stands on its pages: a code that a sign-in of somebody else's brought there would be theirs.
#[actix_web::test]
async fn a_studios_own_domain_is_no_page_that_a_provider_leads_back_to() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let elan = studio(&app, "eve", "elan").await;
    let domain = elan.call(&app, Method::PUT, "/api/tenants/current/domain", &elan.admin);
    domain.json(&json!({ "domain": "elan.example" })).send().await.expect(200);
    for back_to in ["https://elan.example:8443/signed-in", "https://elan.example/signed-in"] {
        let refused = start_at(&app, "elan.example", "google", back_to).await;
        refused.expect_problem(400, "redirect_refused");
    }
}

/// Somebody of a studio without a second factor, signed in there.
async fn member(app: &TestApp<Auth>, studio: &Studio, who: &str) -> Value {
    let code = studio.code(app, &["member"], 1).await;
    let body = plain_person(app, who).await;
    accept(app, &body, json!({ "code": code })).await.expect(200);
    switch(app, &body, &studio.id).await.expect(200).body
}

async fn passkey_at(app: &TestApp<Auth>, host: &str, key: &mut Authenticator) -> Answer {
    let options = app.post("/api/auth/passkeys/login/options").at_host(host).send().await.expect(200);
    let body = json!({ "credential": key.get(&options) });
    app.post("/api/auth/passkeys/login/verify").at_host(host).json(&body).send().await
}

#[actix_web::test]
async fn a_passkey_is_made_and_shown_on_the_pages_of_a_studio_that_was_made_a_moment_ago() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "eve", "elan").await;
    let mia = member(&app, &elan, "mia").await;
    let mut key = Authenticator { origin: page("elan"), ..Authenticator::new() };
    let call = elan.call(&app, Method::POST, "/api/auth/passkeys/register/options", &mia);
    let options = call.send().await.expect(200);
    let body = json!({ "name": "Mia's phone", "credential": key.create(&options) });
    elan.post(&app, "/api/auth/passkeys/register/verify", &mia, body).await.expect(201);

    let opened = passkey_at(&app, &elan.host(), &mut key).await.expect(200).body;
    assert_eq!(opened["user"]["tenantId"], elan.id);
    // The same page asks for it as the second step, and once more for what is sensitive.
    let body = json!({ "email": mia["user"]["email"], "password": people::PASSWORD });
    let half = app.post("/api/auth/signin").at_host(&elan.host()).json(&body).send().await.expect(200);
    let step = json!({ "mfaToken": half.text("mfaToken") });
    let call = app.post("/api/auth/signin/mfa/passkey/options").at_host(&elan.host()).json(&step);
    let credential = key.get(&call.send().await.expect(200));
    let step = json!({ "mfaToken": half.text("mfaToken"), "credential": credential });
    let call = app.post("/api/auth/signin/mfa/passkey/verify").at_host(&elan.host()).json(&step);
    let body = call.send().await.expect(200).body;
    let call = elan.call(&app, Method::POST, "/api/auth/reauthenticate/passkey/options", &body);
    let credential = key.get(&call.send().await.expect(200));
    let body = elan
        .post(&app, "/api/auth/reauthenticate/passkey/verify", &body, json!({ "credential": credential }))
        .await
        .expect(200);
    assert!(!text(&body.body, "accessToken").is_empty());
}

/// One passkey serves on all pages beneath the platform's domain that are somebody's, and on none besides.
#[actix_web::test]
async fn a_passkey_is_believed_on_the_pages_of_tenants_beneath_the_domain_alone() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let mut key = Authenticator::new();
    register(&app, token(&anna), &mut key).await.expect(201);
    key.origin = page("elan");
    sign_in_by_passkey(&app, &mut key).await.expect_problem(401, "passkey_refused");
    let elan = studio(&app, "eve", "elan").await;
    let domain = elan.call(&app, Method::PUT, "/api/tenants/current/domain", &elan.admin);
    domain.json(&json!({ "domain": "elan.example" })).send().await.expect(200);
    app.superuser().await.run("DELETE FROM auth_failures").await;
    sign_in_by_passkey(&app, &mut key).await.expect(200);
    for other in [
        "https://elan.example:8443".to_owned(),
        page("ghost"),
        page("evil.elan"),
        page("elan").replace("https", "http"),
        page("elan").replace(":8443", ""),
        format!("{}/", page("elan")),
        page("elan").replace("localhost", "localhost.evil.test"),
    ] {
        key.origin.clone_from(&other);
        let refused = sign_in_by_passkey(&app, &mut key).await;
        assert_eq!((refused.status, &refused.body["code"]), (401, &json!("passkey_refused")), "{other}");
        app.superuser().await.run("DELETE FROM auth_failures").await;
    }
    // Whatever shows it: who is no member of the studio is not let in there.
    key.origin = page("elan");
    passkey_at(&app, &elan.host(), &mut key).await.expect_problem(403, "not_a_member");
}

//! The pages that people see.

use std::fs;
use std::path::Path;

use auth::Auth;
use serde_json::json;
use shinkofa_testing::TestApp;

use crate::account_letters::{link, open, post};
use crate::people::{self, PASSWORD, address};

#[actix_web::test]
async fn the_confirmation_page_speaks_both_languages_and_runs_only_its_own_script() {
    let app = TestApp::<Auth>::start().await;
    let english = app.get("/verify-email").header("accept-language", "en").send().await.expect(200);
    let french = app.get("/verify-email").header("accept-language", "fr-CH").send().await.expect(200);
    assert!(english.body.as_str().unwrap().contains("Confirm your address"));
    let html = french.body.as_str().unwrap();
    assert!(html.contains("Confirmez votre adresse") && html.contains("lang=\"fr\""));
    assert!(!html.contains("{{"), "every placeholder is filled");
    assert!(!html.contains("http://") && !html.contains("https://"), "nothing comes from elsewhere");

    let policy = french.headers["content-security-policy"].to_str().unwrap();
    let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert!(html.contains(&format!("<script nonce=\"{nonce}\">")));
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe"));
    assert_eq!(french.headers["cache-control"], "no-store");
    assert_ne!(
        french.headers["content-security-policy"], english.headers["content-security-policy"],
        "a nonce is used once"
    );
}

/// V22: a link scanner that follows the link confirms nothing.
#[actix_web::test]
async fn v22_looking_at_the_link_consumes_nothing() {
    let app = TestApp::<Auth>::start().await;
    people::sign_up(&app, &address(&app, "anna"), PASSWORD).await.expect(202);
    let token = people::mailed_token(&app, &address(&app, "anna")).await;
    for path in [format!("/verify-email?token={token}"), "/verify-email".to_owned()] {
        app.get(&path).send().await.expect(200);
        app.call(reqwest::Method::HEAD, &path).send().await;
    }
    app.get(&format!("/api/auth/email/verify?token={token}"))
        .send()
        .await
        .expect_problem(405, "method_not_allowed");
    people::verify(&app, &token).await.expect(204);
}

/// V22: and so it is with every other letter that holds a link.
#[actix_web::test]
async fn v22_no_letters_link_is_used_up_by_a_look_at_its_page_or_its_endpoint() {
    let app = TestApp::<Auth>::start().await;
    let (anna, other) = (address(&app, "anna"), address(&app, "other"));
    let body = people::signed_in(&app, &anna).await;
    let change = json!({ "newEmail": other, "currentPassword": PASSWORD });
    post(&app, "/api/auth/email/change", people::text(&body, "accessToken"), change).await.expect(202);

    let proof = link(&app, &other, "email_change_confirmation").await;
    look(&app, ["/confirm-email-change", "/api/auth/email/change/confirm"], &proof).await;
    open(&app, "/api/auth/email/change/confirm", &proof).await.expect(204);
    let back = link(&app, &anna, "email_changed").await;
    look(&app, ["/undo-email-change", "/api/auth/email/change/undo"], &back).await;
    open(&app, "/api/auth/email/change/undo", &back).await.expect(204);
    let anew = link(&app, &anna, "password_reset").await;
    look(&app, ["/reset-password", "/api/auth/password/reset"], &anew).await;
    let chosen = json!({ "token": anew, "newPassword": "another sentence, only mine" });
    app.post("/api/auth/password/reset").json(&chosen).send().await.expect(204);
}

async fn look(app: &TestApp<Auth>, [page, endpoint]: [&str; 2], token: &str) {
    let (page, endpoint) = (format!("{page}?token={token}"), format!("{endpoint}?token={token}"));
    app.get(&page).send().await.expect(200);
    app.get(&endpoint).send().await.expect_problem(405, "method_not_allowed");
    for path in [&page, &endpoint] {
        app.call(reqwest::Method::HEAD, path).send().await;
        app.call(reqwest::Method::OPTIONS, path).send().await;
    }
}

/// V4: a link is made by notify from its configuration; what auth tells it holds no host at all.
#[actix_web::test]
async fn v04_a_forged_host_appears_nowhere() {
    let app = TestApp::<Auth>::start().await;
    let body = serde_json::json!({ "email": address(&app, "anna"), "password": PASSWORD, "name": "Anna" });
    app.post("/api/auth/signup")
        .header("x-forwarded-host", "evil.test")
        .header("x-forwarded-proto", "http")
        .header("forwarded", "host=evil.test")
        .json(&body)
        .send()
        .await
        .expect(202);
    app.run_jobs().await;
    let events = serde_json::to_string(&app.events().await).unwrap();
    assert!(!events.contains("evil.test"));
    let body = serde_json::json!({ "email": address(&app, "anna") });
    let forged =
        app.http.post(format!("{}/api/auth/email/resend", app.public_url())).header("host", "evil.test");
    assert_eq!(forged.json(&body).send().await.unwrap().status(), 202);
    app.run_jobs().await;
    assert!(!serde_json::to_string(&app.events().await).unwrap().contains("evil.test"));
    let page =
        app.http.get(format!("{}/verify-email", app.public_url())).header("host", "evil.test").send().await;
    assert!(!page.unwrap().text().await.unwrap().contains("evil.test"));
}

#[actix_web::test]
async fn every_page_of_a_letter_is_filled_in_and_loads_nothing_from_elsewhere() {
    let app = TestApp::<Auth>::start().await;
    for path in ["/reset-password", "/confirm-email-change", "/undo-email-change", "/not-me", "/invitation"] {
        for locale in ["en", "fr"] {
            let page = app.get(path).header("accept-language", locale).send().await.expect(200);
            let html = page.body.as_str().unwrap();
            assert!(html.contains(&format!("lang=\"{locale}\"")) && !html.contains("{{"), "{path} {locale}");
            assert!(!html.contains("http://") && !html.contains("https://"), "{path} {locale}");
            assert!(html.contains("/api/auth/"), "{path} {locale}");
            assert!(!page.headers["content-security-policy"].to_str().unwrap().contains("unsafe"));
            assert_eq!(page.headers["referrer-policy"], "no-referrer");
        }
    }
}

/// Whatever pages there are: none that takes a password shows it, or keeps a manager or the clipboard out.
#[test]
fn every_field_for_a_password_hides_it_and_is_open_to_managers_and_the_clipboard() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages");
    let mut with_one = Vec::new();
    for page in fs::read_dir(folder).expect("the pages") {
        let page = page.expect("a page");
        let html = fs::read_to_string(page.path()).expect("text");
        let name = page.file_name().into_string().expect("a plain name");
        for kept_out in ["paste", "beforeinput", "autocomplete=\"off\""] {
            assert!(!html.contains(kept_out), "{name}: {kept_out}");
        }
        let fields = html.split("<input").skip(1).filter_map(|rest| rest.split('>').next());
        let fields: Vec<_> = fields.filter(|field| field.contains("password")).collect();
        for field in &fields {
            assert!(field.contains("type=\"password\""), "{name}: {field}");
            assert!(field.contains("autocomplete=\"new-password\""), "{name}: {field}");
        }
        if !fields.is_empty() {
            with_one.push(name);
        }
    }
    with_one.sort();
    assert_eq!(with_one, ["invitation.html", "reset_password.html"], "docs/security/asvs.md names them");
}

#[actix_web::test]
async fn the_documentation_page_needs_nothing_from_elsewhere_and_the_document_is_there() {
    let app = TestApp::<Auth>::start().await;
    let page = app.get("/api/docs").send().await.expect(200);
    let html = page.body.as_str().unwrap();
    assert!(html.contains("auth credits booking notify") && !html.contains("https://"));
    let document = app.get("/api/docs/auth.json").send().await.expect(200).body;
    assert!(document["paths"]["/api/auth/signin"]["post"]["responses"]["429"].is_object());
}

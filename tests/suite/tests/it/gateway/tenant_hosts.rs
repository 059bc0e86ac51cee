//! A studio of somebody's: found at its own name beneath the platform's domain, by every service, and by nobody else's token.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_kernel::Role;
use suite::{App, Stack, invariants, until_within};

/// A new host reaches every service.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);

struct Studio {
    slug: String,
    /// Of its admin, in the studio and in the tenant that every installation has.
    token: String,
    token_elsewhere: String,
    email: String,
    password: String,
}

async fn studio(stack: &Stack) -> Studio {
    let account = stack.hire(Role::Admin, App::Enrolled).await;
    let session = stack.sign_in_with_app(&account).await;
    let token_elsewhere = session["accessToken"].as_str().expect("a token").to_owned();
    let slug = stack.fresh("elan")[..20].to_owned();
    let body =
        json!({ "slug": slug, "name": "Studio Élan", "timeZone": "Europe/Paris", "defaultLocale": "fr" });
    let made = stack.post("/api/tenants").bearer(&token_elsewhere).json(&body).send().await.expect(201);
    assert_eq!(made.body["hosts"][0], format!("{slug}.{}", stack.domain), "{made:?}");
    let switch = stack.post("/api/tenants/switch").bearer(&token_elsewhere);
    let tenant = made.text("tenantId");
    let asked = json!({ "tenantId": tenant, "refreshToken": session["refreshToken"] });
    let token = switch.json(&asked).send().await.expect(200).text("accessToken");
    Studio { slug, token, token_elsewhere, email: account.email, password: account.password }
}

#[tokio::test]
async fn a_studio_is_found_at_its_own_host_by_every_service_and_takes_no_other_studios_token() {
    let stack = Stack::attach().await;
    let Studio { slug, token, token_elsewhere, .. } = studio(&stack).await;
    let profile = async |host: &str, token: &str| {
        stack.call(Method::GET, stack.url_of(host, "/api/user/profile")).bearer(token).send().await
    };
    until_within(KNOWN_WITHIN, "the studio's host is known", async || {
        (profile(&slug, &token).await.status == 200).then_some(())
    })
    .await;
    profile(&slug, &token_elsewhere).await.expect_problem(403, "wrong_tenant");
    profile("app", &token).await.expect_problem(403, "wrong_tenant");
    profile("ghost", &token).await.expect_problem(421, "misdirected_request");

    // What is made there is of that studio, and is nobody else's to see.
    let class = json!({ "title": "Élan", "durationMinutes": 60, "creditCost": 1 });
    // Each replica hears of it by itself.
    let host = format!("{slug}.{}", stack.domain);
    for process in stack.processes_of("booking").await {
        let url = format!("http://127.0.0.1:{}/api/sessions", process.ports[0]);
        until_within(KNOWN_WITHIN, "every process of booking knows the host", async || {
            let answer = stack.call(Method::GET, url.clone()).header("host", &host).send().await;
            (answer.status == 200).then_some(())
        })
        .await;
    }
    let call = stack.call(Method::POST, stack.url_of(&slug, "/api/classes")).bearer(&token).json(&class);
    let class = call.send().await.expect(201).text("id");
    let starts_at = (stack.clock.now() + chrono::TimeDelta::days(1)).to_rfc3339();
    let session = json!({ "classId": class, "startsAt": starts_at, "capacity": 5 });
    let call = stack.call(Method::POST, stack.url_of(&slug, "/api/sessions")).bearer(&token).json(&session);
    let session = call.send().await.expect(201).text("id");
    let listed = async |host: &str| {
        let answer = stack.call(Method::GET, stack.url_of(host, "/api/sessions")).send().await.expect(200);
        answer.items().iter().any(|item| item["id"] == session.as_str())
    };
    assert!(listed(&slug).await && !listed("app").await);
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_page_of_a_studio_signs_in_at_its_own_host_and_keeps_its_cookie_there() {
    let stack = Stack::attach().await;
    let Studio { slug, email, password, .. } = studio(&stack).await;
    let origin = |host: &str| format!("https://{host}.{}:{}", stack.domain, stack.gateway_port);
    let sign_in = async |host: &str, page: &str| {
        let call = stack.call(Method::POST, stack.url_of(host, "/api/auth/signin"));
        let call = call.header("session-mode", "cookie").header("origin", &origin(page));
        call.json(&json!({ "email": email, "password": password })).send().await
    };
    let answer = until_within(KNOWN_WITHIN, "the studio's host is known", async || {
        let answer = sign_in(&slug, &slug).await;
        (answer.status != 421).then_some(answer)
    })
    .await
    .expect(200);
    assert_eq!(answer.body["mfaRequired"], Value::Bool(true), "{answer:?}");
    // Neither the page of one host at another's, nor that of a host which is nobody's.
    for (host, page) in [("app", slug.as_str()), (&slug, "ghost"), (&slug, "evil")] {
        sign_in(host, page).await.expect_problem(403, "origin_refused");
    }
    invariants::check(&stack).await;
}

//! Passwords that leaked elsewhere are refused, and a service that does not answer refuses nobody.

use std::time::Duration;

use auth::Auth;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use chrono::TimeDelta;
use serde_json::json;
use shinkofa_testing::wiremock::matchers::{header, method, path};
use shinkofa_testing::wiremock::{Mock, MockServer, ResponseTemplate};
use shinkofa_testing::{Answer, TestApp};

use crate::account_letters::link;
use crate::passwords::{change, forgot, reset};
use crate::people::{self, PASSWORD, address};

const LEAKED: &str = "a cold wind over grey water";

/// The first five digits, and the others.
fn parts(password: &str) -> (String, String) {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    (hex[..5].to_owned(), hex[5..].to_owned())
}

/// A service that knows `password`, among padding.
async fn range_service(password: &str, count: u32) -> MockServer {
    let server = MockServer::start().await;
    let (prefix, suffix) = parts(password);
    let body = format!(
        "0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n{suffix}:{count}\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:0"
    );
    Mock::given(method("GET"))
        .and(path(format!("/range/{prefix}")))
        .and(header("add-padding", "true"))
        .respond_with(ResponseTemplate::new(200).set_body_string(body))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string("0018A45C4D1DEF81644B54AB7F969B88D65:3"))
        .mount(&server)
        .await;
    server
}

async fn app(base: &str) -> TestApp<Auth> {
    TestApp::<Auth>::builder().env("BREACHED_PASSWORDS_URL", base).start::<Auth>().await
}

async fn sign_up(app: &TestApp<Auth>, password: &str) -> Answer {
    let body = json!({ "email": address(app, "anna"), "password": password, "name": "Anna" });
    app.post("/api/auth/signup").json(&body).send().await
}

#[actix_web::test]
async fn a_leaked_password_is_refused_wherever_one_is_chosen_and_is_never_told() {
    let service = range_service(LEAKED, 120).await;
    let app = app(&service.uri()).await;
    let refused = |answer: Answer, pointer: &str| {
        let answer = answer.expect_problem(422, "invalid_fields");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    };
    refused(sign_up(&app, LEAKED).await, "/password");
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    refused(change(&app, people::text(&body, "accessToken"), PASSWORD, LEAKED).await, "/newPassword");
    forgot(&app, &anna).await.expect(202);
    let token = link(&app, &anna, "password_reset").await;
    refused(reset(&app, &token, LEAKED).await, "/newPassword");
    reset(&app, &token, "nobody else has this sentence").await.expect(204);
    let guest = app.post("/api/auth/anonymous").json(&json!({})).send().await.expect(201).body;
    let upgrade = json!({ "email": address(&app, "guest"), "password": LEAKED, "name": "Gus" });
    let upgrade =
        app.post("/api/auth/anonymous/upgrade").token(people::text(&guest, "accessToken")).json(&upgrade);
    refused(upgrade.send().await, "/password");
    // Signing in asks nobody.
    let asked = service.received_requests().await.unwrap().len();
    people::sign_in(&app, &anna, "nobody else has this sentence").await.expect(200);
    let requests = service.received_requests().await.unwrap();
    assert_eq!((requests.len(), asked), (6, 6));
    for request in &requests {
        assert_eq!(request.url.path().len(), "/range/".len() + 5, "five digits and no more: {}", request.url);
        assert!(request.body.is_empty() && request.url.query().is_none());
        assert_eq!(request.headers["add-padding"], "true");
    }
}

#[actix_web::test]
async fn padding_is_no_leak() {
    let service = range_service(LEAKED, 0).await;
    sign_up(&app(&format!("{}/", service.uri())).await, LEAKED).await.expect(202);
}

#[actix_web::test]
async fn a_service_that_is_away_broken_or_slow_refuses_nobody_and_is_left_alone_for_a_while() {
    sign_up(&app("http://127.0.0.1:1/").await, LEAKED).await.expect(202);
    let answers = [
        ResponseTemplate::new(500),
        ResponseTemplate::new(302).insert_header("location", "https://example.org/"),
        ResponseTemplate::new(200).set_body_bytes(vec![0xff; 64]),
        ResponseTemplate::new(200).set_body_string("x".repeat(600 * 1024)),
        ResponseTemplate::new(200).set_body_string(parts(LEAKED).1 + ":9").set_delay(Duration::from_secs(30)),
    ];
    for answer in answers {
        let service = MockServer::start().await;
        Mock::given(method("GET")).respond_with(answer).mount(&service).await;
        let app = app(&service.uri()).await;
        sign_up(&app, LEAKED).await.expect(202);
        sign_up(&app, LEAKED).await.expect(202);
        assert_eq!(service.received_requests().await.unwrap().len(), 1, "an outage slows down one request");
        // The list at hand decides all the while.
        sign_up(&app, "password1234").await.expect_problem(422, "invalid_fields");
        service.reset().await;
        let found = ResponseTemplate::new(200).set_body_string(parts(LEAKED).1 + ":9");
        Mock::given(method("GET")).respond_with(found).mount(&service).await;
        app.advance(TimeDelta::seconds(30));
        sign_up(&app, LEAKED).await.expect_problem(422, "invalid_fields");
    }
}

#[actix_web::test]
async fn an_installation_may_bring_a_list_of_its_own() {
    let file = std::env::temp_dir().join(format!("leaks-{}.txt", std::process::id()));
    std::fs::write(&file, b"short\r\nThe Studio Down The Road\r\n\xff\xfe not text \xff\n")
        .expect("the file is written");
    let app =
        TestApp::<Auth>::builder().env("COMMON_PASSWORDS_FILE", file.to_str().unwrap()).start::<Auth>().await;
    let _ = std::fs::remove_file(&file);
    sign_up(&app, "the studio DOWN the road").await.expect_problem(422, "invalid_fields");
    sign_up(&app, "the studio up the road").await.expect(202);
}

#[actix_web::test]
async fn a_password_says_more_than_the_name_and_the_address_of_its_person() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna.martin");
    let refused = |answer: Answer, pointer: &str| {
        let answer = answer.expect_problem(422, "invalid_fields");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    };
    let body = json!({ "email": anna, "password": "anna.martin.1984", "name": "A" });
    refused(app.post("/api/auth/signup").json(&body).send().await, "/password");
    let body = people::signed_in(&app, &anna).await;
    refused(
        change(&app, people::text(&body, "accessToken"), PASSWORD, "MartinMartin!!").await,
        "/newPassword",
    );
    forgot(&app, &anna).await.expect(202);
    refused(reset(&app, &link(&app, &anna, "password_reset").await, "shinkofa-anna-1").await, "/newPassword");
}

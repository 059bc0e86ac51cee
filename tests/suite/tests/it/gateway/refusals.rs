//! Whoever refuses, the gateway or a service: one shape, one id, the same headers.

use rustls::pki_types::ServerName;
use serde_json::json;
use suite::{Stack, invariants};

use super::problem::problem;
use super::wire::{Reply, Wire, request};
use crate::absence::Absence;

/// What every answer through the gateway carries, exactly once.
const SECURITY: [(&str, &str); 5] = [
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=()"),
    ("cross-origin-opener-policy", "same-origin"),
];

#[track_caller]
fn assert_secure(what: &str, reply: &Reply) {
    for (name, value) in SECURITY {
        assert_eq!(reply.header(name), Some(value), "{what}: {name} in {reply:?}");
    }
    // A page may say even less about where its reader comes from.
    let referrer = reply.header("referrer-policy");
    assert!(matches!(referrer, Some("strict-origin-when-cross-origin" | "no-referrer")), "{what}: {reply:?}");
    let policy = reply.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src"), "{what}: {policy}");
    assert!(!policy.contains("unsafe-eval") && !policy.contains('*'), "{what}: {policy}");
    assert_eq!(reply.header("x-powered-by"), None, "{what}");
    assert!(reply.header("server").is_none_or(|server| server == "nginx"), "{what}: {reply:?}");
    assert!(reply.header("x-request-id").is_some_and(super::problem::is_request_id), "{what}: {reply:?}");
}

fn json_request(method: &str, target: &str, host: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("Content-Type", "application/json"), ("Idempotency-Key", "refusal-of-the-suite")];
    headers.extend(authorization.as_deref().map(|value| ("Authorization", value)));
    request(method, target, host, &headers, body.as_bytes())
}

/// What it is, method, target, token, body, and the status it is refused with.
type RefusedRequest<'a> = (&'a str, &'a str, String, Option<&'a str>, String, u16);

#[tokio::test]
async fn every_refusal_of_a_service_is_a_problem_with_its_code_and_id() {
    let stack = Stack::attach().await;
    let (wire, host) = (Wire::to(&stack), format!("app.{}", stack.domain));
    let person = stack.sign_up("en").await;
    let admin = stack.admin().await.token;
    let own = Some(person.member.token.as_str());
    let nothing = "01920000-0000-7000-8000-0000000000aa";
    let booking = json!({ "sessionId": nothing, "seats": 1 }).to_string();
    let long =
        json!({ "email": format!("{}@example.test", "a".repeat(300_000)), "password": "x" }).to_string();
    let cases: Vec<RefusedRequest> = vec![
        ("malformed JSON", "POST", "/api/auth/signin".into(), None, "{\"email\":".into(), 400),
        ("an empty body", "POST", "/api/auth/signin".into(), None, String::new(), 400),
        ("another shape", "POST", "/api/auth/signin".into(), None, "[]".into(), 422),
        (
            "a null",
            "POST",
            "/api/auth/signin".into(),
            None,
            json!({ "email": null, "password": null }).to_string(),
            422,
        ),
        (
            "an unknown member",
            "POST",
            "/api/classes".into(),
            Some(&admin),
            json!({ "roles": ["admin"] }).to_string(),
            422,
        ),
        ("a body beyond the service's limit", "POST", "/api/auth/signin".into(), None, long, 413),
        ("no token", "GET", "/api/user/profile".into(), None, String::new(), 401),
        (
            "a wrong password",
            "POST",
            "/api/auth/signin".into(),
            None,
            json!({ "email": person.email, "password": "wrong" }).to_string(),
            401,
        ),
        (
            "a used link",
            "POST",
            "/api/auth/email/verify".into(),
            None,
            json!({ "token": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }).to_string(),
            410,
        ),
        (
            "a dead refresh token",
            "POST",
            "/api/auth/refresh".into(),
            None,
            json!({ "refreshToken": "nothing" }).to_string(),
            401,
        ),
        (
            "no permission",
            "POST",
            "/api/classes".into(),
            own,
            json!({ "title": "A", "durationMinutes": 60, "creditCost": 1 }).to_string(),
            403,
        ),
        ("nothing there", "GET", format!("/api/booking/{nothing}"), own, String::new(), 404),
        ("no such session", "POST", "/api/booking/create".into(), own, booking, 404),
        ("no such payment", "GET", format!("/api/payment/{nothing}"), own, String::new(), 404),
        ("no such route", "GET", "/api/auth/nothing".into(), None, String::new(), 404),
        ("no such method", "DELETE", "/api/credits/wallet".into(), own, String::new(), 405),
        ("a path that is no id", "GET", "/api/booking/x".into(), own, String::new(), 404),
        (
            "a query that is no number",
            "GET",
            "/api/credits/packages?limit=many".into(),
            None,
            String::new(),
            400,
        ),
        (
            "a limit beyond the limit",
            "GET",
            "/api/credits/packages?limit=100000".into(),
            None,
            String::new(),
            422,
        ),
        (
            "a cursor of another world",
            "GET",
            "/api/credits/packages?cursor=%F0%9F%92%A9".into(),
            None,
            String::new(),
            400,
        ),
        ("a forged webhook", "POST", "/api/webhooks/stripe".into(), None, "{}".into(), 400),
        (
            "a fields' fault",
            "POST",
            "/api/credits/packages".into(),
            Some(&admin),
            json!({ "name": "", "credits": -1 }).to_string(),
            422,
        ),
    ];
    for (what, method, target, token, body, status) in &cases {
        let reply = wire.ask(&host, &json_request(method, target, &host, *token, body));
        problem(what, &reply);
        assert_secure(what, &reply);
        let near =
            [*status, if *status == 400 { 422 } else { *status }, if *status == 404 { 400 } else { *status }];
        assert!(near.contains(&reply.status), "{what}: {status} is expected: {reply:?}");
    }
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let reply = wire.ask(&host, &request("POST", "/api/auth/signin", &host, &form, b"email=a&password=b"));
    assert_eq!((reply.status, &problem("a form", &reply)["code"]), (415, &json!("unsupported_media_type")));
    invariants::check(&stack).await;
}

#[tokio::test]
async fn every_refusal_of_the_gateway_is_a_problem_with_its_code_and_id() {
    let stack = Stack::attach().await;
    let (wire, host) = (Wire::to(&stack), format!("app.{}", stack.domain));
    let plain = |target: &str| request("GET", target, &host, &[], b"");
    let long_header = "a".repeat(40_000);
    let long_target = format!("/api/auth/{}", "a".repeat(9_000));
    let too_large = vec![b'a'; (1 << 20) + 1];
    let json = [("Content-Type", "application/json")];
    let cases = [
        ("nothing there", plain("/nothing"), 404, "not_found"),
        ("a zero byte in the path", plain("/api/auth/%00"), 400, "malformed_request"),
        ("a broken escape", plain("/api/auth/%zz"), 400, "malformed_request"),
        ("a target that is too long", plain(&long_target), 414, "uri_too_long"),
        (
            "headers that are too large",
            request("GET", "/api/auth/x", &host, &[("X-Long", &long_header)], b""),
            400,
            "malformed_request",
        ),
        ("a trace", request("TRACE", "/api/auth/x", &host, &[], b""), 405, "method_not_allowed"),
        (
            "a body beyond the limit",
            request("POST", "/api/auth/signin", &host, &json, &too_large),
            413,
            "body_too_large",
        ),
        (
            "a webhook beyond the limit",
            request("POST", "/api/webhooks/stripe", &host, &json, &too_large),
            413,
            "body_too_large",
        ),
        ("another's name", request("GET", "/", "evil.test", &[], b""), 421, "misdirected_request"),
        ("no name", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec(), 400, "malformed_request"),
        ("no request at all", b"\x16\x03\x01 nonsense\r\n\r\n".to_vec(), 400, "malformed_request"),
    ];
    for (what, bytes, status, code) in cases {
        let reply = wire.ask(&host, &bytes);
        let document = problem(what, &reply);
        assert_eq!((reply.status, document["code"].as_str()), (status, Some(code)), "{what}: {reply:?}");
        assert_secure(what, &reply);
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
    }
    let chunks = chunked(&host, 2 << 20);
    let replies = wire.send(&host, &chunks);
    assert!(replies.iter().any(|reply| reply.status == 413), "a chunked body beyond the limit: {replies:?}");
    let french = [("Accept-Language", "fr-FR, en;q=0.5")];
    let reply = wire.ask(&host, &request("GET", "/nothing", &host, &french, b""));
    assert_eq!(problem("in French", &reply)["detail"], "Il n'y a rien ici, ou vous n'y avez pas accès.");
    invariants::check(&stack).await;
}

/// A body that never says how long it is.
fn chunked(host: &str, size: usize) -> Vec<u8> {
    let head = format!(
        "POST /api/auth/signin HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let mut bytes = head.into_bytes();
    for _ in 0..size / 0x4000 {
        bytes.extend_from_slice(b"4000\r\n");
        bytes.extend(std::iter::repeat_n(b'a', 0x4000));
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

#[tokio::test]
async fn answers_of_every_class_carry_the_security_headers_once() {
    let stack = Stack::attach().await;
    let wire = Wire::to(&stack);
    let hosts = ["app", "mail", "pay"].map(|host| format!("{host}.{}", stack.domain));
    for (host, target, status) in [
        (&hosts[0], "/api/credits/packages", 200),
        (&hosts[0], "/api/docs", 200),
        (&hosts[0], "/api/docs/auth.json", 200),
        (&hosts[0], "/verify-email", 200),
        (&hosts[0], "/api/user/profile", 401),
        (&hosts[0], "/nothing", 404),
        (&hosts[1], "/", 200),
        (&hosts[1], "/api/messages?to=nobody@example.test", 200),
        (&hosts[1], "/nothing", 404),
        (&hosts[2], "/nothing", 404),
    ] {
        let reply = wire.ask(host, &request("GET", target, host, &[], b""));
        assert_eq!(reply.status, status, "{host}{target}: {reply:?}");
        assert_secure(&format!("{host}{target}"), &reply);
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_service_that_is_down_is_a_503_that_says_when_to_come_back() {
    let stack = Stack::attach().await;
    let (wire, host) = (Wire::to(&stack), format!("app.{}", stack.domain));
    let absence = Absence::of(&stack, "notify").await;
    for (method, target) in
        [("GET", "/api/notifications"), ("POST", "/api/notifications"), ("GET", "/api/docs/notify.json")]
    {
        let reply = wire.ask(&host, &request(method, target, &host, &[], b""));
        let what = format!("{method} {target} without notify");
        let document = problem(&what, &reply);
        assert_eq!(
            (reply.status, document["code"].as_str()),
            (503, Some("service_unavailable")),
            "{what}: {reply:?}"
        );
        assert_eq!(reply.header("retry-after"), Some("5"), "{what}: {reply:?}");
        assert_secure(&what, &reply);
    }
    let others = wire.ask(&host, &request("GET", "/api/credits/packages", &host, &[], b""));
    assert_eq!(others.status, 200, "the others go on: {others:?}");
    absence.end(&stack).await;
    let back = wire.ask(&host, &request("GET", "/api/notifications", &host, &[], b""));
    assert_eq!(back.status, 401, "{back:?}");
    invariants::check(&stack).await;
}

#[tokio::test]
async fn plain_http_is_sent_on_for_good_and_never_to_a_stranger() {
    let stack = Stack::attach().await;
    let wire = Wire::to(&stack);
    let (host, port) = (format!("app.{}", stack.domain), stack.gateway_port);
    for (method, target, name, location) in [
        (
            "GET",
            "/api/sessions?from=a&to=b",
            host.clone(),
            format!("https://{host}:{port}/api/sessions?from=a&to=b"),
        ),
        ("POST", "/api/auth/signin", host.clone(), format!("https://{host}:{port}/api/auth/signin")),
        ("GET", "/", format!("mail.{}", stack.domain), format!("https://mail.{}:{port}/", stack.domain)),
        ("GET", "//evil.test/", host.clone(), format!("https://{host}:{port}//evil.test/")),
        ("GET", "/x", "evil.test".to_owned(), format!("https://{host}:{port}/x")),
        ("GET", "/x", format!("app.{}.evil.test", stack.domain), format!("https://{host}:{port}/x")),
    ] {
        let replies = wire.ask_plainly(&request(method, target, &name, &[], b""));
        let found: Vec<_> = replies.iter().map(|reply| (reply.status, reply.header("location"))).collect();
        assert_eq!(found, [(308, Some(location.as_str()))], "{method} {target} of {name}");
    }
    for target in ["http://evil.test/x", "/%0d%0aLocation:%20https://evil.test"] {
        let replies = wire.ask_plainly(&request("GET", target, &host, &[], b""));
        for reply in &replies {
            let location = reply.header("location").unwrap_or_default().to_owned();
            assert!(
                location.is_empty() || location.starts_with(&format!("https://{host}:{port}/")),
                "{target}: {reply:?}"
            );
        }
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_name_that_is_not_ours_gets_no_certificate() {
    let stack = Stack::attach().await;
    let wire = Wire::to(&stack);
    // Any name beneath the domain may be a tenant's.
    for host in ["app", "mail", "pay", "ghost"] {
        let name = ServerName::try_from(format!("{host}.{}", stack.domain)).expect("a name");
        assert!(wire.handshake(name).is_ok(), "{host}");
    }
    for name in [
        format!("ghost.app.{}", stack.domain),
        "evil.test".to_owned(),
        stack.domain.clone(),
        "127.0.0.1".to_owned(),
    ] {
        let refused = wire.handshake(ServerName::try_from(name.clone()).expect("a name"));
        // Not we refuse a certificate: none is offered.
        let fault = refused.expect_err(&name).to_string();
        assert!(!fault.contains("certificate"), "{name}: {fault}");
    }
    invariants::check(&stack).await;
}

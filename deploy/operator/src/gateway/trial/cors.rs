//! What browsers let the pages of other hosts do.

use super::{Answer, OUR_PAGE, Trial};

/// What a page of `origin` is told when its browser asks whether it may.
fn preflight(trial: &Trial, origin: &str, path: &str) -> Answer {
    let origin = format!("Origin: {origin}");
    let asks = ["Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"];
    trial.get(
        "app",
        path,
        &["--request", "OPTIONS", "--header", &origin, "--header", asks[0], "--header", asks[1]],
    )
}

const CORS: [&str; 6] = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-max-age",
];

#[test]
fn pages_of_ours_may_call_every_service_and_send_cookies_where_they_are_needed() {
    let trial = Trial::start();
    for (path, credentials) in [
        ("/api/auth/refresh", Some("true")),
        ("/api/auth/refresh?x=1", Some("true")),
        ("/api/auth/signin", Some("true")),
        ("/api/auth/signup", None),
        ("/api/auth/refresh/x", None),
        ("/api/auth/%72efresh", None),
        ("/api/user/profile", None),
        ("/api/booking/create", None),
        ("/api/booking/create?x=/api/auth/refresh", None),
    ] {
        let asked = preflight(&trial, OUR_PAGE, path);
        assert_eq!((asked.status, asked.body.as_str()), (204, ""), "{path}: {asked:?}");
        assert_eq!(asked.header("access-control-max-age"), Some("600"), "{asked:?}");
        assert!(asked.header("access-control-allow-methods").unwrap().contains("PATCH"), "{asked:?}");
        let headers = asked.header("access-control-allow-headers").unwrap();
        assert!(headers.contains("Authorization") && headers.contains("X-CSRF-Token"), "{asked:?}");
        let called = trial.get("app", path, &["--header", &format!("Origin: {OUR_PAGE}")]);
        assert_eq!(called.status, 200, "{path}: {called:?}");
        assert_eq!(called.header("access-control-allow-methods"), None, "{path}: {called:?}");
        for answer in [asked, called] {
            assert_eq!(answer.header("access-control-allow-origin"), Some(OUR_PAGE), "{path}: {answer:?}");
            assert_eq!(answer.header("access-control-allow-credentials"), credentials, "{path}: {answer:?}");
            assert_eq!(answer.header("vary"), Some("Origin"), "{path}: {answer:?}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}: {answer:?}");
        }
    }
}

#[test]
fn a_page_of_ours_reads_the_gateways_own_problems() {
    let trial = Trial::start();
    let answer = trial.get("app", "/nothing", &["--header", &format!("Origin: {OUR_PAGE}")]);
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (404, Some(OUR_PAGE)));
    assert!(answer.header("access-control-expose-headers").unwrap().contains("Retry-After"), "{answer:?}");
}

#[test]
fn the_page_of_somebody_else_is_told_nothing() {
    let trial = Trial::with(|shape| shape.more_origins = vec!["https://coach.example".to_owned()]);
    for origin in [
        "null",
        "https://evil.test",
        "https://evil.shinkofa.localhost:8443",
        "https://studio.shinkofa.localhost:8443.evil.test",
        "https://studio.shinkofa.localhost",
        "http://studio.shinkofa.localhost:8443",
        "https://studio-shinkofa.localhost:8443",
        "https://coach.example:8443",
        "https://coach.example.evil.test",
    ] {
        let asked = preflight(&trial, origin, "/api/auth/refresh");
        // Nobody answers it for the service, which knows no such method.
        assert!(asked.seen("origin").contains(&origin), "{asked:?}");
        let called = trial.get("app", "/api/auth/refresh", &["--header", &format!("Origin: {origin}")]);
        for answer in [asked, called] {
            for header in CORS {
                assert_eq!(answer.header(header), None, "{origin}: {answer:?}");
            }
            assert_eq!(answer.header("vary"), Some("Origin"), "{origin}: {answer:?}");
        }
    }
    let named = preflight(&trial, "https://coach.example", "/api/auth/refresh");
    assert_eq!(
        (named.status, named.header("access-control-allow-origin")),
        (204, Some("https://coach.example"))
    );
    // To the letter as it is configured, whatever the request's letters are.
    let loud = preflight(&trial, "HTTPS://COACH.EXAMPLE", "/api/auth/refresh");
    assert_eq!(loud.header("access-control-allow-origin"), Some("https://coach.example"), "{loud:?}");
}

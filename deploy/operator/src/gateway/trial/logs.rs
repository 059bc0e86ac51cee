//! What the gateway writes down of a request.

use std::time::Duration;

use super::{Trial, free_port};
use crate::settings::Limits;
use crate::wait;

/// In no spelling. What else is asked for is logged as it is.
#[test]
fn the_id_of_a_certificate_is_not_logged() {
    let trial = Trial::start();
    for folder in ["/api/me", "/api/%6de"] {
        let answer = trial.get("app", &format!("{folder}/certificates/q7Jf0Zb3nWm1x9vR"), &[]);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(trial.get("app", "/api/me/export", &[]).status, 200);
    let log = || std::fs::read_to_string(trial.path("access.log")).ok();
    // Each worker writes its own lines, a second later.
    let written = || log().filter(|log| log.matches("\"path\":\"/api/me/").count() == 3);
    let log = wait::until(Duration::from_secs(10), written).expect("what was asked for is logged");
    assert_eq!(log.matches("\"path\":\"/api/me/certificates/-\"").count(), 2, "{log}");
    assert!(!log.contains("q7Jf0Zb3nWm1x9vR"), "{log}");
}

/// Nginx tells the error log of every request that is limited or finds no service, and what was asked for.
#[test]
fn the_id_of_a_certificate_is_not_in_the_error_log_either() {
    let trial = Trial::with(|shape| {
        shape.limits = Limits::Production;
        shape.upstreams.insert("auth".to_owned(), vec![format!("127.0.0.1:{}", free_port())]);
    });
    let (certificate, other) = ("/api/me/certificates/q7Jf0Zb3nWm1x9vR", "/api/me/export");
    for path in [certificate, other] {
        assert_eq!(trial.get("app", path, &[]).status, 503, "{path}");
    }
    // One curl asks them all, sooner than a moment allows.
    for path in [certificate, other] {
        let answers = trial.get("app", &format!("{path}?[1-1000]"), &[]);
        assert!(answers.body.contains("\"status\":429"), "{path}");
    }
    let log = std::fs::read_to_string(trial.path("stderr")).unwrap();
    for told in ["connect() failed", "limiting requests"] {
        assert!(log.lines().any(|line| line.contains(told) && line.contains(other)), "{told}: {log}");
    }
    assert!(!log.contains("q7Jf0Zb3nWm1x9vR"), "{log}");
}

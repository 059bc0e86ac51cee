//! What every refusal must look like, whoever gives it.

use serde_json::Value;

use super::wire::Reply;

/// What only the inside of the platform talks about.
const LEAKS: [&str; 12] = [
    "panicked",
    "backtrace",
    ".rs:",
    "SELECT ",
    "INSERT INTO",
    "diesel",
    "postgres",
    "127.0.0.1",
    "upstream",
    "<html",
    "/var/lib",
    "nginx/",
];

/// Fails the test unless this is a problem document (RFC 9457) with a code and the id of the request.
#[track_caller]
pub fn problem(what: &str, reply: &Reply) -> Value {
    assert!(reply.status >= 400, "{what}: {reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{what}: {reply:?}");
    let document = reply.json();
    assert_eq!(document["status"], reply.status, "{what}: {document:#}");
    for member in ["type", "title", "detail", "code"] {
        assert!(
            document[member].as_str().is_some_and(|text| !text.is_empty()),
            "{what}: no {member} in {document:#}"
        );
    }
    let code = document["code"].as_str().unwrap_or_default();
    assert!(
        code.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'),
        "{what}: {code}"
    );
    let id = document["requestId"].as_str().unwrap_or_default();
    assert!(is_request_id(id), "{what}: {document:#}");
    assert_eq!(reply.header("x-request-id"), Some(id), "{what}: one request has one id");
    let text = reply.text();
    for leak in LEAKS {
        assert!(!text.contains(leak), "{what} tells about {leak}: {text}");
    }
    document
}

/// A trace id: 32 hexadecimal digits (W3C Trace Context).
pub fn is_request_id(text: &str) -> bool {
    text.len() == 32 && text.chars().all(|digit| matches!(digit, '0'..='9' | 'a'..='f'))
}

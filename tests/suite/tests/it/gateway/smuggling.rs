//! Requests that two parsers could cut in two different places.

use suite::{Stack, invariants};

use super::problem::problem;
use super::wire::{Reply, Wire, request};

/// What hides behind or inside the first request. No answer to it may be anything but a refusal.
const HIDDEN: &str = "GET /internal/v1/events HTTP/1.1\r\nHost: HOST\r\nX-Hidden: yes\r\n\r\n";

/// Requests whose length is told twice, wrongly or oddly. `HIDDEN` stands where a second parser would begin anew.
const ATTEMPTS: &[(&str, &str)] = &[
    ("length and chunks", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN"),
    ("chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nHIDDEN"),
    ("a long length and chunks", "Content-Length: 400\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN"),
    ("an unknown coding", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\nHIDDEN"),
    ("a coding after another", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\nHIDDEN"),
    ("a coding before another", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\nHIDDEN"),
    ("the coding twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\nHIDDEN"),
    ("two equal codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN"),
    ("a space before the colon", "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nHIDDEN"),
    ("a tab before the coding", "Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nHIDDEN"),
    (
        "a vertical tab before the coding",
        "Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nHIDDEN",
    ),
    ("a folded coding", "Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nHIDDEN"),
    ("a coding in quotes", "Transfer-Encoding: \"chunked\"\r\nContent-Length: 5\r\n\r\n0\r\n\r\nHIDDEN"),
    (
        "a coding in capitals beside a length",
        "Transfer-Encoding: CHUNKED\r\nContent-Length: 5\r\n\r\n0\r\n\r\nHIDDEN",
    ),
    ("an underscored coding", "Transfer_Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\nHIDDEN"),
    ("two lengths", "Content-Length: 0\r\nContent-Length: 80\r\n\r\nHIDDEN"),
    ("two lengths in one", "Content-Length: 0, 80\r\n\r\nHIDDEN"),
    ("a signed length", "Content-Length: +5\r\n\r\nabcdeHIDDEN"),
    ("a negative length", "Content-Length: -1\r\n\r\nHIDDEN"),
    ("a hexadecimal length", "Content-Length: 0x5\r\n\r\nabcdeHIDDEN"),
    ("a length beyond every number", "Content-Length: 99999999999999999999\r\n\r\nHIDDEN"),
    ("no length", "\r\nHIDDEN"),
    (
        "a chunk of a size beyond every number",
        "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nHIDDEN",
    ),
    ("a chunk that is longer than it says", "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\nHIDDEN"),
    ("a chunk of a negative size", "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\nHIDDEN"),
    ("a chunk's size with 0x", "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\nHIDDEN"),
    ("a chunk's extension with a bare line feed", "Transfer-Encoding: chunked\r\n\r\n0;a\n\r\nHIDDEN"),
    ("trailers that are headers", "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 80\r\n\r\nHIDDEN"),
    (
        "a header that ends with a bare carriage return",
        "X-Ignored: a\rTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\nHIDDEN",
    ),
    ("a header without a colon", "Transfer-Encoding chunked\r\nContent-Length: 0\r\n\r\nHIDDEN"),
    ("a header with a zero byte", "X-Ignored: a\0b\r\nContent-Length: 0\r\n\r\nHIDDEN"),
    ("a body that must be expected first", "Expect: 100-continue\r\nContent-Length: 0\r\n\r\nHIDDEN"),
    ("an unknown expectation", "Expect: 200-ok\r\nContent-Length: 0\r\n\r\nHIDDEN"),
    (
        "the length as a header of the hop",
        "Connection: keep-alive, Content-Length\r\nContent-Length: 80\r\n\r\nHIDDEN",
    ),
    (
        "the coding as a header of the hop",
        "Connection: keep-alive, Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN",
    ),
];

fn attempts(host: &str) -> Vec<(String, Vec<u8>)> {
    let hidden = HIDDEN.replace("HOST", host);
    let mut all: Vec<(String, Vec<u8>)> = ATTEMPTS
        .iter()
        .map(|(name, rest)| {
            let head = format!(
                "POST /api/auth/signin HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            );
            ((*name).to_owned(), format!("{head}{}", rest.replace("HIDDEN", &hidden)).into_bytes())
        })
        .collect();
    let old = format!(
        "POST /api/auth/signin HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
    );
    all.push(("chunks in HTTP/1.0".to_owned(), old.into_bytes()));
    all.push(("HTTP/0.9".to_owned(), format!("GET /internal/v1/events\r\n{hidden}").into_bytes()));
    all.push((
        "HTTP/2 without a negotiation".to_owned(),
        format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{hidden}").into_bytes(),
    ));
    all.push(("HTTP/9.9".to_owned(), format!("GET / HTTP/9.9\r\nHost: {host}\r\n\r\n{hidden}").into_bytes()));
    all.push((
        "a line feed in the target".to_owned(),
        format!("GET /api/auth/x\nHost: {host}\r\n\r\n{hidden}").into_bytes(),
    ));
    all.push((
        "a space in the target".to_owned(),
        format!("GET /api/auth/x /internal/v1/events HTTP/1.1\r\nHost: {host}\r\n\r\n{hidden}").into_bytes(),
    ));
    all
}

/// Both what it says in the first place and what hides in it are refused; nothing is blamed on a service.
fn assert_refused(name: &str, replies: &[Reply]) {
    for reply in replies.iter().filter(|reply| reply.status != 100) {
        assert!(
            (400..500).contains(&reply.status) || reply.status == 501 || reply.status == 505,
            "{name}: {replies:?}"
        );
        assert!(!reply.text().contains("\"items\""), "{name} has read a feed: {replies:?}");
        problem(name, reply);
    }
}

#[tokio::test]
async fn no_request_hides_in_the_body_of_another() {
    let stack = Stack::attach().await;
    let wire = Wire::to(&stack);
    let host = format!("app.{}", stack.domain);
    for (name, bytes) in attempts(&host) {
        assert_refused(&name, &wire.send(&host, &bytes));
        // Had half a request been left on a connection to a service, somebody else's next one would suffer.
        for path in ["/api/credits/packages", "/api/sessions", "/api/classes"] {
            let reply = wire.ask(&host, &request("GET", path, &host, &[], b""));
            assert_eq!(reply.status, 200, "after {name}: {reply:?}");
        }
        let reply = wire.ask(&host, &request("GET", "/api/user/profile", &host, &[], b""));
        assert_eq!(reply.status, 401, "after {name}: {reply:?}");
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_connection_never_becomes_another_protocol() {
    let stack = Stack::attach().await;
    let wire = Wire::to(&stack);
    let host = format!("app.{}", stack.domain);
    for protocol in ["h2c", "websocket", "HTTP/2.0", "TLS/1.2", "h2c, websocket"] {
        let head = format!(
            "GET /api/credits/packages HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: {protocol}\r\n\
             HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        let replies = wire.send(&host, head.as_bytes());
        assert_eq!(
            replies.iter().map(|reply| reply.status).collect::<Vec<_>>(),
            [200],
            "{protocol}: {replies:?}"
        );
        assert_eq!(replies[0].header("upgrade"), None, "{protocol}");
        let plain = wire.ask_plainly(head.as_bytes());
        assert_eq!(
            plain.iter().map(|reply| reply.status).collect::<Vec<_>>(),
            [308],
            "{protocol}: {plain:?}"
        );
    }
    let preface = wire.ask_plainly(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(preface.iter().all(|reply| matches!(reply.status, 308 | 400)), "{preface:?}");
    invariants::check(&stack).await;
}

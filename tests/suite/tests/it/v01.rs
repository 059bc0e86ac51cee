//! V1: whether an address has an account is told by no answer, by no header and by no time.
//!
//! What is compared and how it is judged says `shinkofa_testing::assert_times_tell_nothing`. The requests go straight at auth's
//! public listener, nearer than any stranger comes: TLS and the gateway would only add noise. They are made one at a time over
//! one connection, from a network of their own, so that the limits count nobody else. The build is not optimised, but argon2
//! is (`Cargo.toml`), and hashing is most of what an answer takes; whatever else the code does takes longer here than it does
//! in a release, so a difference can only show more clearly. The control, in a build without the defence, is auth's own
//! `v01_a_refused_sign_in_takes_as_long_for_every_address`.

use std::cell::{Cell, RefCell};

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use shinkofa_testing::assert_times_tell_nothing;
use suite::{Answer, Call, Stack, invariants};

/// A hundred of each kind at least, before anything is judged.
const TIMES: usize = 100;
/// What no two answers have in common.
const VARYING: [&str; 4] = ["date", "x-request-id", "traceparent", "connection"];

struct Stranger {
    stack: Stack,
    listener: String,
    network: String,
}

impl Stranger {
    async fn new() -> Self {
        let stack = Stack::attach().await;
        let auth = stack.processes_of("auth").await;
        let listener = format!("http://127.0.0.1:{}", auth[0].ports[0]);
        let [.., a, b, c] = stack.clock.new_uuid().into_bytes();
        Self { stack, listener, network: format!("10.{a}.{b}.{c}") }
    }

    fn post(&self, path: &str, body: &Value) -> Call {
        let call = self.stack.call(Method::POST, format!("{}{path}", self.listener));
        let host = format!("app.{}", self.stack.domain);
        call.header("host", &host).header("x-real-ip", &self.network).json(body)
    }

    fn nobody(&self) -> String {
        format!("{}@{}", self.stack.fresh("nobody"), self.stack.domain)
    }

    /// Somebody who signs in with a password, and somebody who has none, as after a first sign-in by a provider.
    async fn known(&self) -> [String; 2] {
        let with_password = self.stack.sign_up("en").await.email;
        let without = self.stack.sign_up("en").await.email;
        let forget = format!("UPDATE auth.users SET password_phc = NULL WHERE email_canonical = '{without}'");
        self.stack.superuser().await.run(&forget).await;
        [with_password, without]
    }
}

/// The first answer of each kind of request, compared to the letter.
#[derive(Default)]
struct FirstAnswers(RefCell<Vec<(usize, u16, HeaderMap, Value)>>);

impl FirstAnswers {
    fn see(&self, kind: usize, answer: Answer) {
        let mut seen = self.0.borrow_mut();
        if seen.iter().any(|(known, ..)| *known == kind) {
            return;
        }
        let Answer { status, mut headers, mut body } = answer;
        for name in VARYING {
            headers.remove(name);
        }
        if let Some(body) = body.as_object_mut() {
            body.remove("requestId");
        }
        seen.push((kind, status, headers, body));
    }

    fn assert_alike(&self, kinds: &[&str]) {
        let seen = self.0.borrow();
        assert_eq!(seen.len(), kinds.len(), "every kind was asked for");
        for (kind, status, headers, body) in seen.iter() {
            let (_, first_status, first_headers, first_body) = &seen[0];
            let name = kinds[*kind];
            assert_eq!((status, body), (first_status, first_body), "{name}");
            assert_eq!(headers, first_headers, "{name}");
        }
    }
}

#[tokio::test]
async fn v01_a_wrong_password_is_refused_alike_for_every_address() {
    let stranger = Stranger::new().await;
    let kinds = ["with a password", "without one", "unknown", "never asked before"];
    let [with_password, without] = stranger.known().await;
    let unknown = stranger.nobody();
    let answers = FirstAnswers::default();
    let fresh = Cell::new(None);
    let prepare = async |_: usize| {
        // Else the second attempt would have to wait.
        stranger.stack.superuser().await.run("DELETE FROM auth.auth_failures").await;
        fresh.set(Some(stranger.nobody()));
    };
    let ask = async |kind: usize, _: usize| {
        let email = match kind {
            0 => with_password.clone(),
            1 => without.clone(),
            2 => unknown.clone(),
            _ => fresh.take().unwrap_or_default(),
        };
        let body = json!({ "email": email, "password": "a stranger guesses" });
        answers.see(kind, stranger.post("/api/auth/signin", &body).send().await.expect(401));
    };
    assert_times_tell_nothing("sign-in", &kinds, TIMES, prepare, ask).await;
    answers.assert_alike(&kinds);
    invariants::check(&stranger.stack).await;
}

/// Attempts are counted for addresses without an account as well, and the wait tells as little.
#[tokio::test]
async fn v01_a_locked_address_is_refused_alike_whether_it_has_an_account() {
    let stranger = Stranger::new().await;
    let kinds = ["with a password", "without one", "unknown"];
    let [with_password, without] = stranger.known().await;
    let addresses = [with_password, without, stranger.nobody()];
    let answers = FirstAnswers::default();
    let guess = async |email: &str| {
        let body = json!({ "email": email, "password": "a stranger guesses" });
        stranger.post("/api/auth/signin", &body).send().await
    };
    for email in &addresses {
        guess(email).await.expect(401);
    }
    // Locked until the test is over, all of them alike: no answer of these measures how much of a second is left.
    let mut superuser = stranger.stack.superuser().await;
    superuser
        .run("UPDATE auth.auth_failures SET failures = 100, locked_until = date_trunc('day', now()) + interval '2 days'")
        .await;
    let ask = async |kind: usize, _: usize| {
        let mut answer = guess(&addresses[kind]).await.expect_problem(429, "too_many_attempts");
        // Seconds go by between two answers.
        let wait =
            answer.headers.remove("retry-after").and_then(|wait| wait.to_str().ok()?.parse::<u64>().ok());
        assert!(wait.is_some_and(|wait| wait > 86_000), "{wait:?}");
        answer.body["detail"] = Value::Null;
        answers.see(kind, answer);
    };
    assert_times_tell_nothing("sign-in, locked", &kinds, TIMES, async |_| {}, ask).await;
    answers.assert_alike(&kinds);
    superuser.run("DELETE FROM auth.auth_failures").await;
    invariants::check(&stranger.stack).await;
}

/// Asks for what is always answered 202, for addresses with and without an account.
async fn assert_requests_tell_nothing(path: &str, body: impl Fn(&str) -> Value) {
    let stranger = Stranger::new().await;
    let kinds = ["with a password", "without one", "unknown"];
    // Two of each: an address may be asked for so often, and the experiment may go on for long.
    let known = [stranger.known().await, stranger.known().await];
    let answers = FirstAnswers::default();
    let ask = async |kind: usize, number: usize| {
        let email = match kind {
            // One that was asked for before waits to be confirmed: that is another kind.
            2 => stranger.nobody(),
            known_kind => known[number % 2][known_kind].clone(),
        };
        answers.see(kind, stranger.post(path, &body(&email)).send().await.expect(202));
    };
    assert_times_tell_nothing(path, &kinds, TIMES, async |_| {}, ask).await;
    answers.assert_alike(&kinds);
    invariants::check(&stranger.stack).await;
}

#[tokio::test]
async fn v01_signing_up_is_answered_alike_for_every_address() {
    let body = |email: &str| json!({ "email": email, "password": "a long and private sentence", "name": "Nina", "locale": "en" });
    assert_requests_tell_nothing("/api/auth/signup", body).await;
}

#[tokio::test]
async fn v01_asking_for_another_password_is_answered_alike_for_every_address() {
    assert_requests_tell_nothing("/api/auth/password/forgot", |email| json!({ "email": email })).await;
}

#[tokio::test]
async fn v01_asking_for_a_link_is_answered_alike_for_every_address() {
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let body = |email: &str| json!({ "email": email, "codeChallenge": challenge });
    assert_requests_tell_nothing("/api/auth/magic-link", body).await;
}

#[tokio::test]
async fn v01_asking_for_a_code_is_answered_alike_for_every_address() {
    assert_requests_tell_nothing("/api/auth/otp/send", |email| json!({ "email": email })).await;
}

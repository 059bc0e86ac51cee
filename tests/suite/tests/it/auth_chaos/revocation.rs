//! What auth takes back is taken back everywhere, and soon, with Redis and without.

use std::time::Instant;

use reqwest::Method;
use serde_json::json;
use suite::{Person, Stack, invariants, until_within};

use super::PROMISED;

/// A route of each service that a member may take.
const ROUTES: [(&str, &str); 4] = [
    ("auth", "/api/user/profile"),
    ("credits", "/api/credits/wallet"),
    ("booking", "/api/booking"),
    ("notify", "/api/notifications"),
];

/// Does every process of every service answer a token with this status? Each is asked itself: behind the gateway one replica
/// would speak for another.
pub async fn is_answered(stack: &Stack, token: &impl AsRef<str>, status: u16) -> bool {
    let processes = stack.processes().await;
    for (service, route) in ROUTES {
        for process in processes.iter().filter(|process| process.name == service) {
            let call = stack.call(Method::GET, format!("http://127.0.0.1:{}{route}", process.ports[0]));
            let call = call.header("host", &format!("app.{}", stack.domain));
            if call.bearer(token).send().await.status != status {
                return false;
            }
        }
    }
    true
}

/// Waits until no service takes the token any more, for as long as is promised.
pub async fn assert_refused_everywhere(stack: &Stack, token: &impl AsRef<str>, what: &str) {
    let since = Instant::now();
    until_within(PROMISED, &format!("{what}: every service refuses the token"), async || {
        is_answered(stack, token, 401).await.then_some(())
    })
    .await;
    eprintln!("{what}: refused everywhere after {:.1} s", since.elapsed().as_secs_f64());
}

/// Somebody whose token every service takes.
async fn accepted(stack: &Stack) -> Person {
    let person = stack.sign_up("en").await;
    assert!(is_answered(stack, &person, 200).await);
    person
}

async fn revoke_and_see(stack: &Stack, circumstances: &str) {
    let leaver = accepted(stack).await;
    stack.post("/api/auth/logout").bearer(&leaver).send().await.expect(204);
    assert_refused_everywhere(stack, &leaver, &format!("a sign-out {circumstances}")).await;

    let changer = accepted(stack).await;
    let body = json!({ "currentPassword": changer.password, "newPassword": stack.fresh("Passw0rd") });
    stack.post("/api/auth/password/change").bearer(&changer).json(&body).send().await.expect(204);
    assert_refused_everywhere(stack, &changer, &format!("another password {circumstances}")).await;

    let ender = accepted(stack).await;
    let elsewhere = stack.sign_in(&ender.email, &ender.password).await;
    let other = elsewhere["accessToken"].as_str().expect("a token").to_owned();
    stack.call(Method::DELETE, stack.url("/api/auth/sessions")).bearer(&ender).send().await.expect(204);
    assert_refused_everywhere(stack, &ender, &format!("the end of all sessions {circumstances}")).await;
    assert!(is_answered(stack, &other, 401).await, "the other session too");
}

#[tokio::test]
async fn v13_what_is_taken_back_is_refused_by_every_service_within_five_seconds() {
    let stack = Stack::attach().await;
    revoke_and_see(&stack, "with Redis").await;
    invariants::check(&stack).await;
}

#[tokio::test]
async fn v13_the_same_while_redis_hangs() {
    let stack = Stack::attach().await;
    stack.freeze("redis").await;
    revoke_and_see(&stack, "while Redis hangs").await;
    stack.thaw("redis").await;
    invariants::check(&stack).await;
}

#[tokio::test]
async fn v13_a_service_that_starts_anew_learns_what_was_taken_back_before() {
    let stack = Stack::attach().await;
    let leaver = accepted(&stack).await;
    stack.post("/api/auth/logout").bearer(&leaver).send().await.expect(204);
    assert_refused_everywhere(&stack, &leaver, "a sign-out").await;
    for service in ["credits", "booking", "notify"] {
        let before = stack.processes_of(service).await;
        stack.kill(service).await;
        stack.wait_for_successors(&before).await;
    }
    assert_refused_everywhere(&stack, &leaver, "after every service started anew").await;
    invariants::check(&stack).await;
}

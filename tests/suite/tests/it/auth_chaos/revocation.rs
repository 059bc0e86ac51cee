//! What auth takes back is taken back everywhere, and soon, with Redis and without.

use std::time::Instant;

use reqwest::Method;
use serde_json::json;
use suite::{Person, Stack, invariants, until_within};

use super::PROMISED;

/// A route of each service that a member may take.
pub const ROUTES: [&str; 4] =
    ["/api/user/profile", "/api/credits/wallet", "/api/booking", "/api/notifications"];

/// The status of a token at each service.
pub async fn statuses(stack: &Stack, token: &impl AsRef<str>) -> Vec<u16> {
    let mut statuses = Vec::new();
    for route in ROUTES {
        statuses.push(stack.get(route).bearer(token).send().await.status);
    }
    statuses
}

/// Waits until no service takes the token any more, for as long as is promised.
pub async fn assert_refused_everywhere(stack: &Stack, token: &impl AsRef<str>, what: &str) {
    let since = Instant::now();
    until_within(PROMISED, &format!("{what}: every service refuses the token"), async || {
        (statuses(stack, token).await == [401; ROUTES.len()]).then_some(())
    })
    .await;
    eprintln!("{what}: refused everywhere after {:.1} s", since.elapsed().as_secs_f64());
}

/// Somebody whose token every service takes.
async fn accepted(stack: &Stack) -> Person {
    let person = stack.sign_up("en").await;
    assert_eq!(statuses(stack, &person).await, [200; ROUTES.len()]);
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
    assert_eq!(statuses(stack, &other).await, [401; ROUTES.len()], "the other session too");
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

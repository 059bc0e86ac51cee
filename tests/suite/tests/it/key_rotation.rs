//! Keys replaced under load: nobody is refused while it happens, and the old key opens nothing afterwards.
//!
//! The load goes straight at the public listeners of two services, over connections that stay open. Through the gateway the
//! same rate is mostly TLS and a second hop, which know nothing of keys: on two cores and in a build without optimisation
//! they would leave too little for what is tested.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use suite::{Pace, Person, Requests, Stack, invariants, until_within};

use crate::auth_chaos::revocation::is_answered;

/// Five hundred requests in a second.
const EVERY: Duration = Duration::from_millis(2);
const CONNECTIONS: usize = 32;
/// Every service looks at its keys every two seconds.
const TAKEN_IN: Duration = Duration::from_secs(5);
/// Routes that need a good token. Most are asked for what there is not (422, said after the token was taken): then the rate is
/// one of tokens, and not of the database.
const ASKED: [(&str, &str); 4] = [
    ("booking", "/api/booking?limit=0"),
    ("booking", "/api/booking?limit=0"),
    ("booking", "/api/booking?limit=0"),
    ("booking", "/api/booking?limit=1"),
];

fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap_or_default()).expect("base64url");
    let header: Value = serde_json::from_slice(&header).expect("a header");
    header["kid"].as_str().expect("a kid").to_owned()
}

/// Tokens that are good at this moment: the oldest, and those that auth gave out since.
type Tokens = Arc<RwLock<Vec<String>>>;

/// Refreshes on and on, so that the load always holds what auth signs now.
async fn renew(stack: Stack, person: Person, tokens: Tokens) {
    let mut refresh_token = person.refresh_token;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let body = json!({ "refreshToken": refresh_token });
        let answer = stack.post("/api/auth/refresh").json(&body).send().await.expect(200);
        refresh_token = answer.text("refreshToken");
        tokens.write().unwrap_or_else(PoisonError::into_inner).push(answer.text("accessToken"));
    }
}

async fn requests(stack: &Stack, tokens: &Tokens) -> Requests {
    let mut targets = Vec::new();
    for (service, path) in ASKED {
        let port = stack.processes_of(service).await[0].ports[0];
        targets.push((format!("127.0.0.1:{port}"), path));
    }
    let (host, tokens) = (format!("app.{}", stack.domain), tokens.clone());
    Arc::new(move |number| {
        let number = number as usize;
        let (address, path) = &targets[number % targets.len()];
        let tokens = tokens.read().unwrap_or_else(PoisonError::into_inner);
        // The oldest and the newest in turn.
        let token = if (number / targets.len()).is_multiple_of(2) { tokens.first() } else { tokens.last() };
        let token = token.map(String::as_str).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
        (address.clone(), request.into_bytes())
    })
}

#[tokio::test]
async fn a_rotation_under_500_requests_a_second_refuses_nobody_and_the_old_key_opens_nothing_afterwards() {
    let stack = Stack::attach().await;
    let person = stack.sign_up("en").await;
    let first = person.member.token.clone();
    let tokens: Tokens = Arc::new(RwLock::new(vec![first.clone()]));
    let load = Pace::keep(EVERY, CONNECTIONS, requests(&stack, &tokens).await);
    let renewing = tokio::spawn(renew(stack.clone(), person, tokens.clone()));

    let rotated = stack.operate_to_the_end(&["keys", "rotate", "--keep-old"]).await;
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    let newest = until_within(TAKEN_IN, "auth signs with the new key", async || {
        let newest = tokens.read().unwrap_or_else(PoisonError::into_inner).last().cloned()?;
        (kid(&newest) != kid(&first)).then_some(newest)
    })
    .await;
    renewing.abort();
    let load = load.end().await;
    eprintln!("{load:?}");
    assert_eq!(load.answers.keys().copied().collect::<Vec<_>>(), [200, 422], "{load:?}");
    let meant = load.took.as_millis() / EVERY.as_millis();
    assert!(u128::from(load.requests) * 10 >= meant * 9, "this machine cannot keep the rate: {load:?}");

    for token in [&first, &newest] {
        assert!(is_answered(&stack, token, 200).await, "both keys are known");
    }
    let retired = stack.operate_to_the_end(&["keys", "retire"]).await;
    assert!(retired.status.success(), "{}", String::from_utf8_lossy(&retired.stderr));
    until_within(TAKEN_IN, "every service refuses what the old key signed", async || {
        is_answered(&stack, &first, 401).await.then_some(())
    })
    .await;
    assert!(is_answered(&stack, &newest, 200).await, "the new key goes on");
    // What the tests after this one mint is signed with the key that is left.
    let anew = Stack::attach().await;
    anew.get("/api/credits/wallet").bearer(anew.mint()).send().await.expect(200);
    anew.admin().await;
    invariants::check(&anew).await;
}

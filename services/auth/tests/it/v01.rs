//! V1: how long a refusal takes does not tell whether an address has an account, or what it signs in with.

use auth::Auth;
use serde_json::json;
use shinkofa_testing::{TestApp, assert_times_tell_nothing};

use crate::people::{self, address};

/// Attempts are limited by network in a Redis that all tests share: these come from one of their own (RFC 5737).
const NETWORK: &str = "203.0.113.201";
const TIMES: usize = 40;
const GUESS: &str = "a stranger guesses";

#[actix_web::test]
async fn v01_a_refused_sign_in_takes_as_long_for_every_address() {
    let app = TestApp::<Auth>::start().await;
    let kinds = ["with a password", "without one", "unknown", "signed up by who asks"];
    let addresses = ["anna", "olga", "nobody", "mia"].map(|who| address(&app, who));
    for known in &addresses[..2] {
        people::confirmed(&app, known).await;
    }
    // As somebody who has only ever come by a provider.
    let forget = format!("UPDATE users SET password_phc = NULL WHERE email_canonical = '{}'", addresses[1]);
    app.superuser().await.run(&forget).await;
    // The password is right, and nobody has confirmed the address.
    people::sign_up(&app, &addresses[3], GUESS).await.expect(202);
    let prepare = async |_: usize| {
        // Else the second attempt would have to wait.
        app.superuser().await.run("DELETE FROM auth_failures").await;
    };
    let ask = async |kind: usize, _: usize| {
        let body = json!({ "email": addresses[kind], "password": GUESS });
        let call = app.post("/api/auth/signin").header("x-real-ip", NETWORK).json(&body);
        call.send().await.expect_problem(401, "invalid_credentials");
    };
    assert_times_tell_nothing("sign-in", &kinds, TIMES, prepare, ask).await;
}

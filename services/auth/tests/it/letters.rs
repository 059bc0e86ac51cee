//! What notify would write to people.

use auth::Auth;
use shinkofa_contracts::auth::{AccountLetterRequested, LetterSecret};
use shinkofa_testing::TestApp;

/// The secrets of all letters of one kind to this address, oldest first, as notify would open them.
pub async fn secrets(app: &TestApp<Auth>, email: &str, kind: &str) -> Vec<LetterSecret> {
    let events = app.events().await;
    let letters = events.iter().filter(|event| {
        event["type"] == "account_letter.requested"
            && event["data"]["letter"]["kind"] == kind
            && event["personal"]["email"] == email
    });
    letters
        .map(|event| {
            let Some(sealed) = event["data"]["sealedSecret"].as_str() else { return LetterSecret::default() };
            let json = app.service().sealing.open(AccountLetterRequested::SEALED_FOR, sealed);
            serde_json::from_slice(&json.expect("sealed for notify")).expect("a secret")
        })
        .collect()
}

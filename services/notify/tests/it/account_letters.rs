//! Letters about accounts: each goes where its event says, with the one link of its kind.

use chrono::Duration;
use serde_json::Value;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_web::Locale;

use crate::studio::Studio;

#[actix_web::test]
async fn each_letter_goes_where_its_event_says_and_opens_its_own_page() {
    let studio = Studio::open().await;
    let ann = studio.member("Ann", Locale::English);
    let (at, later) = (studio.now(), studio.now() + Duration::days(7));
    let letters = [
        (
            AccountLetter::PasswordReset { expires_at: later },
            "Choose another password",
            Some("reset-password"),
        ),
        (AccountLetter::PasswordChanged, "Your password was changed", None),
        (AccountLetter::RecoveryCodesReplaced, "Your recovery codes were replaced", None),
        (
            AccountLetter::EmailChangeConfirmation { expires_at: later },
            "Confirm your new email address",
            Some("confirm-email-change"),
        ),
        (
            AccountLetter::EmailChanged { undo_until: later },
            "Your account has another email address",
            Some("undo-email-change"),
        ),
        (AccountLetter::EmailChangeTaken, "This address already has an account", None),
        (AccountLetter::NewSignIn { at, expires_at: later }, "A sign-in on a new device", Some("not-me")),
        (
            AccountLetter::TokenReused { at, expires_at: later },
            "One of your sessions was ended",
            Some("not-me"),
        ),
        (AccountLetter::Invitation { expires_at: later }, "You are invited to Shinkofa", Some("invitation")),
    ];
    for (number, (letter, _, page)) in letters.iter().enumerate() {
        let token = page.map(|page| format!("token-of-{page}"));
        let email = format!("elsewhere{number}@example.org");
        studio.account_letter(&ann, &email, letter.clone(), token.as_deref());
    }
    studio.settle().await;
    assert_eq!(studio.mail_to(&ann).await, [Value::Null; 0], "not to the address that the contact has");
    for (number, (_, subject, page)) in letters.iter().enumerate() {
        let path = format!("/api/messages?to=elsewhere{number}@example.org");
        let mail = studio.app.get(&path).send().await.expect(200).body["items"][0].clone();
        assert_eq!(mail["subject"], *subject);
        let text = mail["text"].as_str().unwrap();
        match page {
            Some(page) => {
                let link = format!("https://app.shinkofa.localhost:8443/{page}#token=token-of-{page}");
                assert!(text.contains(&link) && mail["html"].as_str().unwrap().contains(&link), "{text}");
            }
            None => assert!(!text.contains("://"), "{text}"),
        }
    }
    let kept = studio.app.sql("SELECT sealed_token FROM deliveries WHERE sealed_token IS NOT NULL").await;
    assert!(kept.is_empty(), "a token is forgotten once it was mailed");
    studio.close().await;
}

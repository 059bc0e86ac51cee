//! Letters about accounts: each goes where its event says, with the one link of its kind.

use chrono::Duration;
use serde_json::Value;
use shinkofa_contracts::auth::{AccountLetter, PersonalLetter, SignInPlace};
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

#[actix_web::test]
async fn a_letter_about_a_sign_in_says_on_what_and_from_where() {
    let studio = Studio::open().await;
    let (at, expires_at) = (studio.now(), studio.now() + Duration::days(7));
    let letter = || AccountLetter::NewSignIn { at, expires_at };
    let place = SignInPlace {
        program: Some("Firefox".to_owned()),
        system: Some("Linux".to_owned()),
        network: Some("192.0.2.0/24".to_owned()),
    };
    for (locale, told, bare) in [
        (Locale::English, ["Device: Firefox on Linux", "Network: 192.0.2.0/24"], "Device"),
        (Locale::French, ["Appareil : Firefox sur Linux", "Réseau : 192.0.2.0/24"], "Appareil"),
    ] {
        let person = studio.member("Ann", locale);
        let emails = [format!("told-{locale}@example.org"), format!("bare-{locale}@example.org")];
        studio.account_letter_from(&person, (&emails[0], Some(place.clone())), letter(), Some("token"));
        studio.account_letter(&person, &emails[1], letter(), Some("token"));
        studio.settle().await;
        let text = async |email: &str| {
            let path = format!("/api/messages?to={email}");
            let mail = studio.app.get(&path).send().await.expect(200).body["items"][0].clone();
            mail["text"].as_str().expect("a letter").to_owned()
        };
        let letter = text(&emails[0]).await;
        assert!(told.iter().all(|line| letter.lines().any(|l| l == *line)), "{letter}");
        let letter = text(&emails[1]).await;
        assert!(!letter.contains(bare) && letter.contains("#token=token"), "{letter}");
    }
    studio.close().await;
}

/// Events are read from the beginning, by whoever comes later too.
#[test]
fn what_was_written_before_letters_told_a_place_is_still_read() {
    let before = serde_json::json!({ "email": "ann@example.org", "name": "Ann" });
    let read: PersonalLetter = serde_json::from_value(before.clone()).unwrap();
    assert_eq!((read.contact.email.as_str(), &read.place), ("ann@example.org", &None));
    assert_eq!(serde_json::to_value(&read).unwrap(), before, "and one without a place is written as before");
}

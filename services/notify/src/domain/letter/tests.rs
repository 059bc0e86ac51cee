use std::collections::BTreeSet;

use minijinja::HtmlEscape;
use shinkofa_contracts::auth::{LetterFactor, SignInPlace};
use shinkofa_kernel::Currency;
use shinkofa_web::Locale;
use uuid::Uuid;

use super::*;
use crate::domain::{Kind, RejectionReason};

const HOSTILE: &str = "<script>alert('x')</script>\r\nBcc: \"eve\" & {{ 7 * 7 }}";
const LINK: &str = "https://app.shinkofa.localhost:8443/verify-email#token=c2VjcmV0LXRva2VuLTEyMw";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn reservation(title: &str, location: Option<&str>) -> ReservationDetails {
    ReservationDetails {
        reservation_id: shinkofa_contracts::ReservationId::from_uuid(Uuid::nil()),
        user_id: shinkofa_kernel::UserId::from_uuid(Uuid::nil()),
        session_id: shinkofa_contracts::ClassSessionId::from_uuid(Uuid::nil()),
        class_title: title.to_owned(),
        starts_at: at("2026-12-08T17:30:00Z"),
        ends_at: at("2026-12-08T18:45:00Z"),
        location: location.map(str::to_owned),
        seats: 2,
        credits: 6,
        cancel_deadline: at("2026-12-07T17:30:00Z"),
    }
}

fn payment(package: &str, expires_at: Option<DateTime<Utc>>) -> PaymentPaid {
    PaymentPaid {
        payment_id: shinkofa_contracts::PaymentId::from_uuid(Uuid::nil()),
        user_id: shinkofa_kernel::UserId::from_uuid(Uuid::nil()),
        package_id: shinkofa_contracts::PackageId::from_uuid(Uuid::nil()),
        package_name: package.to_owned(),
        credits: 12,
        amount_minor: 9999,
        currency: Currency::EUR,
        lot_id: shinkofa_contracts::LotId::from_uuid(Uuid::nil()),
        expires_at,
    }
}

fn account(letter: AccountLetter) -> Occasion {
    Occasion::Account { letter, place: None }
}

/// A sign-in from a place that auth knows this much of.
fn sign_in_from(known: Option<&str>, network: Option<&str>) -> Occasion {
    let known = || known.map(str::to_owned);
    let place = SignInPlace { program: known(), system: known(), network: network.map(str::to_owned) };
    let letter =
        AccountLetter::NewSignIn { at: at("2026-12-01T09:00:00Z"), expires_at: at("2026-12-08T09:00:00Z") };
    Occasion::Account { letter, place: Some(place) }
}

/// Every letter there is, in every variant of its kind, with `title` wherever somebody else's words stand.
fn occasions(title: &str) -> Vec<Occasion> {
    let full = || reservation(title, Some(title));
    let bare = || reservation(title, None);
    let free = ReservationDetails { credits: 0, ..bare() };
    let closed = ReservationDetails { cancel_deadline: at("2026-11-30T00:00:00Z"), ..bare() };
    vec![
        Occasion::EmailVerification { expires_at: at("2026-12-02T09:00:00Z") },
        Occasion::SignupKnownAddress,
        account(AccountLetter::PasswordReset { expires_at: at("2026-12-02T09:00:00Z") }),
        account(AccountLetter::PasswordChanged),
        account(AccountLetter::MagicLink { expires_at: at("2026-12-01T09:15:00Z") }),
        account(AccountLetter::SignInCode { expires_at: at("2026-12-01T09:10:00Z") }),
        account(AccountLetter::ProviderLinked { provider: title.to_owned() }),
        account(AccountLetter::ProviderUnlinked { provider: title.to_owned() }),
        account(AccountLetter::SecondFactorCode { expires_at: at("2026-12-02T09:00:00Z") }),
        account(AccountLetter::FactorAdded { factor: LetterFactor::Totp }),
        account(AccountLetter::FactorAdded { factor: LetterFactor::EmailCode }),
        account(AccountLetter::FactorRemoved { factor: LetterFactor::Passkey }),
        account(AccountLetter::FactorRemoved { factor: LetterFactor::Totp }),
        account(AccountLetter::RecoveryCodeUsed { left: 9 }),
        account(AccountLetter::RecoveryCodeUsed { left: 1 }),
        account(AccountLetter::RecoveryCodeUsed { left: 0 }),
        account(AccountLetter::RecoveryCodesReplaced),
        account(AccountLetter::EmailChangeConfirmation { expires_at: at("2026-12-02T09:00:00Z") }),
        account(AccountLetter::EmailChanged { undo_until: at("2026-12-08T09:00:00Z") }),
        account(AccountLetter::EmailChangeTaken),
        account(AccountLetter::NewSignIn {
            at: at("2026-12-01T09:00:00Z"),
            expires_at: at("2026-12-08T09:00:00Z"),
        }),
        sign_in_from(Some(title), Some(title)),
        sign_in_from(None, Some("2001:db8::/64")),
        sign_in_from(None, None),
        account(AccountLetter::TokenReused {
            at: at("2026-12-01T09:00:00Z"),
            expires_at: at("2026-12-08T09:00:00Z"),
        }),
        account(AccountLetter::ImpersonationStarted { until: at("2026-12-01T09:15:00Z") }),
        account(AccountLetter::ApiKeyCreated {
            account: title.to_owned(),
            prefix: "shk_mfrggzdfmztw".to_owned(),
            expires_at: at("2027-03-01T09:00:00Z"),
        }),
        account(AccountLetter::DeletionScheduled { erases_at: at("2026-12-15T09:00:00Z") }),
        account(AccountLetter::DeletionCancelled),
        account(AccountLetter::Invitation { expires_at: at("2026-12-08T09:00:00Z") }),
        Occasion::PaymentPaid { payment: payment(title, Some(at("2027-03-01T09:00:00Z"))) },
        Occasion::PaymentPaid { payment: payment(title, None) },
        Occasion::ReservationConfirmed { reservation: full() },
        Occasion::ReservationConfirmed { reservation: free.clone() },
        Occasion::ReservationConfirmed { reservation: closed },
        Occasion::ReservationCancelled { reservation: full(), late: false, credits_refunded: 6 },
        Occasion::ReservationCancelled { reservation: bare(), late: true, credits_refunded: 0 },
        Occasion::ReservationCancelled { reservation: free, late: false, credits_refunded: 0 },
        Occasion::ReservationRejected { reservation: full(), reason: RejectionReason::InsufficientCredits },
        Occasion::ReservationRejected { reservation: bare(), reason: RejectionReason::Expired },
        Occasion::ReservationRejected { reservation: bare(), reason: RejectionReason::Other },
    ]
}

fn write(occasion: &Occasion, locale: Locale, name: &str) -> Letter {
    let link = occasion.page().map(|_| LINK);
    let head = Letterhead {
        studio: name,
        zone: Tz::Europe__Paris,
        written_at: at("2026-12-01T09:00:00Z"),
        link,
        code: Some("7KQ4-XM2D"),
    };
    // Letters about accounts go to the address that the event brought, with no name.
    let named = !matches!(
        occasion,
        Occasion::EmailVerification { .. } | Occasion::SignupKnownAddress | Occasion::Account { .. }
    );
    let email = "ann@example.org".to_owned();
    let addressee = Addressee { email, name: named.then(|| name.to_owned()), locale };
    LetterTemplates::load().unwrap().write(&head, occasion, &addressee).unwrap()
}

fn every_letter(words: &str) -> Vec<(Kind, Locale, Letter)> {
    let locales = Locale::ALL.iter().copied();
    locales
        .flat_map(|locale| {
            occasions(words)
                .into_iter()
                .map(move |occasion| (occasion.kind(), locale, write(&occasion, locale, words)))
        })
        .collect()
}

/// What a browser would show of the body.
fn visible(html: &str) -> String {
    let body = html.split_once("<body").unwrap().1.split_once('>').unwrap().1;
    let mut text = String::new();
    let mut inside_tag = false;
    for c in body.chars() {
        match c {
            '<' => inside_tag = true,
            '>' => {
                inside_tag = false;
                text.push(' ');
            }
            _ if inside_tag => {}
            _ => text.push(c),
        }
    }
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2f;", "/"), ("&amp;", "&")];
    entities.iter().fold(text, |text, (entity, character)| text.replace(entity, character))
}

/// What the link of the letter says, where it has one: the text shows the address itself.
fn button(html: &str) -> &str {
    let Some((_, link)) = html.split_once("<a ") else { return "" };
    link.split_once('>').unwrap().1.split_once("</a>").unwrap().0
}

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace()
        .map(|word| word.trim_matches([':', ',', '.']).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn every_kind_has_a_letter_in_both_languages_with_nothing_left_unfilled() {
    let letters = every_letter("Élan");
    for kind in Kind::ALL {
        for locale in Locale::ALL {
            assert!(letters.iter().any(|(k, l, _)| (k, l) == (kind, locale)), "{kind} {locale}");
        }
    }
    for (kind, locale, letter) in letters {
        for part in [&letter.subject, &letter.text, &letter.html] {
            assert!(!part.trim().is_empty(), "{kind} {locale}");
            assert!(!part.contains(['{', '}']), "{kind} {locale}: {part}");
        }
        for part in [&letter.subject, &letter.text, &visible(&letter.html)] {
            for left in ["none", "None", "undefined"] {
                assert!(!part.contains(left), "{kind} {locale} holds {left:?}: {part}");
            }
        }
    }
}

#[test]
fn somebody_elses_words_cannot_become_markup_a_header_or_a_line() {
    for (kind, locale, letter) in every_letter(HOSTILE) {
        assert!(!letter.html.contains("<script"), "{kind} {locale}: {}", letter.html);
        assert!(!letter.html.contains("49"), "{kind} {locale}: somebody's words were taken for a template");
        assert!(!letter.subject.contains(['\r', '\n']), "{kind} {locale}");
        let forged = |line: &str| line.trim_start().starts_with("Bcc:");
        assert!(!letter.text.lines().any(forged), "{kind} {locale}: {}", letter.text);
        assert!(
            letter.html.contains(&HtmlEscape("<script>").to_string()),
            "{kind} {locale}: the studio's name is missing"
        );
    }
}

#[test]
fn the_text_and_the_html_say_the_same() {
    for (kind, locale, letter) in every_letter("Élan") {
        let (text, html) = (letter.text.replace(LINK, ""), visible(&letter.html));
        let button = words(button(&letter.html));
        let only_text: Vec<_> =
            words(&text).difference(&words(&html)).filter(|word| *word != "--").cloned().collect();
        let only_html: Vec<_> =
            words(&html).difference(&words(&text)).filter(|word| !button.contains(*word)).cloned().collect();
        assert!(
            only_text.is_empty() && only_html.is_empty(),
            "{kind} {locale}: {only_text:?} and {only_html:?}"
        );
    }
}

#[test]
fn a_letter_holds_the_one_link_of_its_kind_or_none() {
    for (kind, locale, letter) in every_letter("Élan") {
        let opens_a_page = |occasion: &Occasion| occasion.kind() == kind && occasion.page().is_some();
        let links = usize::from(occasions("").iter().any(opens_a_page));
        for part in [&letter.text, &letter.html] {
            assert_eq!(part.matches("://").count(), links, "{kind} {locale}: {part}");
            assert_eq!(part.matches(LINK).count(), links, "{kind} {locale}: {part}");
        }
        for remote in ["src=", "url(", "@import", "<link", "<script"] {
            assert!(!letter.html.contains(remote), "{kind} {locale} loads something from elsewhere");
        }
    }
}

#[test]
fn a_letter_tells_the_facts_in_the_persons_language_and_the_studios_time() {
    let [confirmed, _] = [Locale::French, Locale::English].map(|locale| {
        write(
            &Occasion::ReservationConfirmed { reservation: reservation("Yoga", Some("Salle 2")) },
            locale,
            "Zoé",
        )
    });
    assert_eq!(confirmed.subject, "Réservé : Yoga, mardi 8 décembre 2026");
    for fact in [
        "Bonjour Zoé,",
        "mardi 8 décembre 2026 de 18 h 30 à 19 h 45 (Europe/Paris)",
        "Lieu : Salle 2",
        "Places : 2",
    ] {
        assert!(confirmed.text.contains(fact), "{fact}: {}", confirmed.text);
    }
    let paid = write(&Occasion::PaymentPaid { payment: payment("Ten", None) }, Locale::English, "Zoé");
    assert_eq!(paid.subject, "Payment received: 99.99 EUR");
    assert!(paid.text.contains("Credits: 12") && !paid.text.contains("Valid until"), "{}", paid.text);
}

#[test]
fn whoever_signs_up_with_a_known_address_is_told_that_they_can_join_with_their_account() {
    for (locale, sentence) in [
        (Locale::English, "If you are not a member of Élan yet, you can sign in with your account"),
        (Locale::French, "Si vous n'êtes pas encore membre chez Élan, vous pouvez vous connecter"),
    ] {
        let letter = write(&Occasion::SignupKnownAddress, locale, "Élan");
        assert!(letter.text.contains(sentence), "{}", letter.text);
        assert!(visible(&letter.html).contains(sentence), "{}", letter.html);
    }
}

#[test]
fn a_late_cancellation_and_one_in_time_are_told_apart() {
    let cancelled = |late, credits_refunded| {
        let occasion =
            Occasion::ReservationCancelled { reservation: reservation("Yoga", None), late, credits_refunded };
        write(&occasion, Locale::English, "Zoé")
    };
    assert!(cancelled(true, 0).text.contains("the credits are not given back"));
    assert!(cancelled(false, 6).text.contains("The credits are back in your wallet"));
    assert_ne!(cancelled(true, 0).subject, cancelled(false, 6).subject);
}

#[test]
fn a_letter_about_a_sign_in_tells_as_much_of_the_place_as_is_known() {
    let text = |occasion: Occasion| write(&occasion, Locale::English, "Zoé").text;
    let told = text(sign_in_from(Some("Firefox"), Some("192.0.2.0/24")));
    assert!(
        told.contains("\n\nDevice: Firefox on Firefox\nNetwork: 192.0.2.0/24\n\nIf it was you"),
        "{told}"
    );
    let unknown = text(sign_in_from(None, None));
    assert!(unknown.contains("\n\nDevice: not recognised\n\nIf it was you"), "{unknown}");
    let older = text(account(AccountLetter::NewSignIn {
        at: at("2026-12-01T09:00:00Z"),
        expires_at: at("2026-12-08T09:00:00Z"),
    }));
    assert!(!older.contains("Device") && older.contains("(Europe/Paris).\n\nIf it was you"), "{older}");
}

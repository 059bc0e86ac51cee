//! Every event that asks for a message brings exactly one, in the person's language, whatever the order of the feeds.

use chrono::Duration;
use serde_json::Value;
use shinkofa_contracts::booking::ReservationConfirmed;
use shinkofa_web::Locale;

use crate::studio::Studio;

fn text(message: &Value, member: &str) -> String {
    message[member].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn each_event_brings_one_message_in_the_persons_language() {
    let studio = Studio::open().await;
    let (ann, zoe) = (studio.member("Ann", Locale::English), studio.member("Zoé", Locale::French));
    for person in [&ann, &zoe] {
        studio.paid(person);
        studio.confirmed(person);
        studio.cancelled(person, false);
        studio.cancelled(person, true);
        studio.rejected(person, "insufficient_credits");
        studio.rejected(person, "expired");
        studio.signup_again(person);
    }
    studio.settle().await;

    let subjects = async |person| {
        let mut subjects: Vec<_> =
            studio.mail_to(person).await.iter().map(|mail| text(mail, "subject")).collect();
        subjects.sort();
        subjects
    };
    assert_eq!(
        subjects(&ann).await,
        [
            "Booked: Yoga <doux>, Tuesday 8 December 2026",
            "Cancelled late: Yoga <doux>, Tuesday 8 December 2026",
            "Cancelled: Yoga <doux>, Tuesday 8 December 2026",
            "Not booked: Yoga <doux>, Tuesday 8 December 2026",
            "Not booked: Yoga <doux>, Tuesday 8 December 2026",
            "Payment received: 99.00 EUR",
            "Your address already has an account",
        ]
    );
    assert_eq!(
        subjects(&zoe).await,
        [
            "Annulé : Yoga <doux>, mardi 8 décembre 2026",
            "Annulé hors délai : Yoga <doux>, mardi 8 décembre 2026",
            "Non réservé : Yoga <doux>, mardi 8 décembre 2026",
            "Non réservé : Yoga <doux>, mardi 8 décembre 2026",
            "Paiement reçu : 99,00 EUR",
            "Réservé : Yoga <doux>, mardi 8 décembre 2026",
            "Votre adresse a déjà un compte",
        ]
    );
    let messages = studio.mail_to(&zoe).await;
    let confirmed = messages.iter().find(|mail| text(mail, "subject").starts_with("Réservé")).unwrap();
    // 09:00 UTC is 10:00 in Paris, where the tenant is.
    assert!(
        text(confirmed, "text").contains("mardi 8 décembre 2026 de 10 h 00 à 11 h 15 (Europe/Paris)"),
        "{confirmed}"
    );
    assert!(text(confirmed, "html").contains("Yoga &lt;doux&gt;"), "{confirmed}");
    studio.close().await;
}

/// V4 and V22: the link begins with the installation's own address, and the token stands in its fragment.
#[actix_web::test]
async fn v04_v22_the_verification_mail_holds_the_one_link_and_the_token_is_forgotten_once_it_is_sent() {
    let studio = Studio::open().await;
    let ann = studio.stranger("Ann", Locale::English);
    studio.introduce(&ann, false);
    studio.verification(&ann, "dGhpcnR5LXR3byBieXRlcyBvZiByYW5kb21uZXNzISE");
    studio.app.read_feeds().await.unwrap();
    let sealed = studio.app.sql("SELECT sealed_token FROM deliveries WHERE sealed_token IS NOT NULL").await;
    assert_eq!(sealed.len(), 1);
    studio.app.run_jobs().await;

    let mail = studio.mail_to(&ann).await.remove(0);
    let token = "dGhpcnR5LXR3byBieXRlcyBvZiByYW5kb21uZXNzISE";
    let link = format!("https://app.shinkofa.localhost:8443/verify-email#token={token}");
    for part in ["text", "html"] {
        assert_eq!(text(&mail, part).matches("://").count(), 1, "{mail}");
        assert!(text(&mail, part).contains(&link), "{mail}");
    }
    // A stranger chose the name: it is not carried to whoever owns the address.
    assert!(!text(&mail, "text").contains("Ann"), "{mail}");
    let kept = studio.app.sql("SELECT * FROM deliveries").await;
    assert_eq!(kept[0]["sealed_token"], Value::Null);
    assert!(!kept[0].to_string().contains(token), "{kept:?}");
    studio.close().await;
}

#[actix_web::test]
async fn a_message_waits_for_the_contact_and_goes_once_it_comes() {
    let studio = Studio::open().await;
    let ann = studio.stranger("Ann", Locale::English);
    studio.confirmed(&ann);
    studio.paid(&ann);
    studio.settle().await;
    assert!(studio.mail().await.is_empty());
    assert!(studio.deliveries().await.iter().all(|(_, state, _)| state == "waiting_for_contact"));

    // An address that nobody has confirmed is not yet the person's.
    studio.introduce(&ann, false);
    studio.settle().await;
    assert!(studio.mail().await.is_empty());

    studio.introduce(&ann, true);
    studio.settle().await;
    assert_eq!(studio.mail_to(&ann).await.len(), 2);
    studio.close().await;
}

#[actix_web::test]
async fn feeds_that_are_read_again_from_the_beginning_bring_no_second_message() {
    let studio = Studio::open().await;
    let ann = studio.member("Ann", Locale::English);
    studio.confirmed(&ann);
    studio.paid(&ann);
    studio.verification(&ann, "token");
    studio.settle().await;
    assert_eq!(studio.mail().await.len(), 3);

    studio.app.superuser().await.run("DELETE FROM feed_cursors").await;
    studio.settle().await;
    assert_eq!(studio.mail().await.len(), 3);
    assert_eq!(studio.deliveries().await.len(), 3);
    studio.close().await;
}

#[actix_web::test]
async fn a_message_goes_to_the_address_the_person_has_when_it_is_sent() {
    let studio = Studio::open().await;
    let mut ann = studio.member("Ann", Locale::English);
    studio.confirmed(&ann);
    ann.email = "ann@elsewhere.example.org".to_owned();
    ann.locale = Locale::French;
    studio.introduce(&ann, true);
    studio.settle().await;
    let mail = studio.mail_to(&ann).await.remove(0);
    assert!(text(&mail, "subject").starts_with("Réservé"), "{mail}");
    studio.close().await;
}

#[actix_web::test]
async fn a_link_that_expired_before_it_could_be_sent_is_not_sent() {
    let studio = Studio::open().await;
    let ann = studio.stranger("Ann", Locale::English);
    studio.verification(&ann, "token");
    studio.app.read_feeds().await.unwrap();
    studio.app.advance(Duration::hours(25));
    studio.app.run_jobs().await;
    assert!(studio.mail().await.is_empty());
    let suppressed = ("email_verification".to_owned(), "suppressed".to_owned(), Some("expired".to_owned()));
    assert_eq!(studio.deliveries().await, [suppressed]);
    studio.close().await;
}

#[actix_web::test]
async fn what_was_not_sealed_for_us_makes_no_link_and_nothing_else_waits_for_it() {
    let studio = Studio::open().await;
    let (ann, bob) = (studio.stranger("Ann", Locale::English), studio.stranger("Bob", Locale::English));
    studio.verification(&ann, "no token\r\nbut a trick");
    studio.verification(&bob, "dG9rZW4");
    studio.settle().await;
    assert!(studio.mail_to(&ann).await.is_empty());
    assert_eq!(studio.mail_to(&bob).await.len(), 1);
    let pending = (
        "email_verification".to_owned(),
        "pending".to_owned(),
        Some("what was sealed is no token".to_owned()),
    );
    assert!(studio.deliveries().await.contains(&pending));
    studio.close().await;
}

#[actix_web::test]
async fn a_run_that_died_while_it_was_sending_is_taken_up_again() {
    let studio = Studio::open().await;
    let ann = studio.member("Ann", Locale::English);
    studio.confirmed(&ann);
    studio.app.read_feeds().await.unwrap();
    // What a killed process leaves: the delivery in its hand, and a job that nobody ended.
    studio.app.superuser().await.run("UPDATE deliveries SET state = 'sending'").await;
    studio.app.run_jobs().await;
    assert_eq!(studio.mail_to(&ann).await.len(), 1);
    assert_eq!(studio.deliveries().await[0].1, "sent");
    studio.close().await;
}

#[actix_web::test]
async fn what_happened_more_than_a_month_ago_is_not_told_any_more() {
    let studio = Studio::open().await;
    let ann = studio.member("Ann", Locale::English);
    studio.confirmed(&ann);
    studio.app.advance(Duration::days(31));
    studio.settle().await;
    assert!(studio.deliveries().await.is_empty());
    studio.close().await;
}

#[actix_web::test]
async fn after_a_month_words_and_addresses_are_forgotten_and_the_outcome_is_not() {
    let studio = Studio::open().await;
    let (ann, unknown) = (studio.member("Ann", Locale::English), studio.stranger("Bob", Locale::English));
    studio.confirmed(&ann);
    studio.confirmed(&unknown);
    studio.settle().await;
    studio.app.advance(Duration::days(31));
    studio.app.run_jobs().await;

    let rows = studio.app.sql("SELECT email, subject, occasion, state FROM deliveries ORDER BY state").await;
    assert_eq!(rows.iter().map(|row| &row["state"]).collect::<Vec<_>>(), ["sent", "suppressed"]);
    for row in rows {
        assert_eq!([&row["email"], &row["subject"], &row["occasion"]], [&Value::Null; 3], "{row}");
    }
    assert!(studio.mail().await.is_empty());
    studio.close().await;
}

#[actix_web::test]
async fn an_event_without_a_tenant_is_put_aside_and_stops_nobody() {
    let studio = Studio::open().await;
    let (ann, bob) = (studio.member("Ann", Locale::English), studio.member("Bob", Locale::English));
    // As a producer's mistake would leave it.
    let reservation = studio.reservation(&ann);
    let id = reservation.reservation_id.as_uuid();
    studio.booking.append_in(None, id, &ReservationConfirmed { reservation }, None);
    studio.confirmed(&bob);
    studio.settle().await;
    assert!(studio.mail_to(&ann).await.is_empty());
    assert_eq!(studio.mail_to(&bob).await.len(), 1);
    assert_eq!(studio.app.sql("SELECT * FROM parked_events").await.len(), 1);
    studio.close().await;
}

#[actix_web::test]
async fn a_thousand_events_are_caught_up_with_and_each_is_told_once() {
    let studio = Studio::open().await;
    let people: Vec<_> = (0..20).map(|n| studio.member(&format!("Person{n}"), Locale::English)).collect();
    for n in 0..1000 {
        studio.confirmed(&people[n % people.len()]);
    }
    studio.settle().await;
    let told = studio.app.sql("SELECT count(*) AS messages, count(DISTINCT event_id) AS events FROM deliveries WHERE state = 'sent'").await;
    assert_eq!((&told[0]["messages"], &told[0]["events"]), (&Value::from(1000), &Value::from(1000)));
    let in_the_mailbox = studio.app.sql("SELECT count(*) AS messages FROM mailbox_messages").await;
    assert_eq!(in_the_mailbox[0]["messages"], 1000);
    studio.close().await;
}

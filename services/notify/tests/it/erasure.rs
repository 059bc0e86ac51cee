//! The privacy contract: a copy of everything about a person, and nothing of them after they are forgotten.

use serde_json::Value;
use shinkofa_contracts::auth::UserErasureRequested;
use shinkofa_contracts::privacy::PrivacyScope;
use shinkofa_kernel::TenantId;
use shinkofa_testing::assert_copy_holds_personal_columns;
use shinkofa_web::Locale;

use crate::studio::{Person, Studio};

async fn export(studio: &Studio, person: &Person) -> Value {
    let path = format!("/internal/v1/privacy/exports/{}", person.id);
    let about = (Some(TenantId::DEFAULT), Some(person.id));
    studio
        .app
        .internal_for::<PrivacyScope>("auth", about, reqwest::Method::GET, &path)
        .send()
        .await
        .expect(200)
        .body
}

fn erase(studio: &Studio, person: &Person) {
    let request = UserErasureRequested { user_id: person.id };
    studio.auth.append(person.id.as_uuid(), &request, None);
}

/// Every row of every table that mentions `needle`.
async fn mentions(studio: &Studio, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for table in ["contacts", "deliveries", "preferences", "mailbox_messages", "jobs", "parked_events"] {
        for row in studio.app.sql(&format!("SELECT * FROM {table}")).await {
            if row.to_string().contains(needle) {
                found.push(format!("{table}: {row}"));
            }
        }
    }
    found
}

#[actix_web::test]
async fn a_copy_holds_the_contact_the_choices_and_the_messages() {
    let studio = Studio::open().await;
    let ann = studio.member("Ann", Locale::English);
    studio.confirmed(&ann);
    studio.settle().await;
    let copy = export(&studio, &ann).await;
    assert_eq!(copy["data"]["contact"]["email"], "ann@example.org");
    assert_eq!(copy["data"]["contact"]["emailVerified"], true);
    assert_eq!(copy["data"]["messages"][0]["kind"], "reservation_confirmed");
    assert_eq!(copy["data"]["messages"][0]["email"], "ann@example.org");
    studio.close().await;
}

#[actix_web::test]
async fn a_copy_holds_every_column_that_is_about_the_person() {
    const BOX: &str = "stands for a mail server of the outside world, on installations for development alone";
    let studio = Studio::open().await;
    let ann = studio.member("Ann", Locale::English);
    studio.confirmed(&ann);
    studio.verification(&ann, "token");
    studio.settle().await;
    let switched_off = format!(
        "INSERT INTO preferences (tenant_id, user_id, kind, channel, enabled, updated_at)
         VALUES ('{}', '{}', 'reservation_cancelled', 'email', false, now())",
        TenantId::DEFAULT,
        ann.id
    );
    studio.app.superuser().await.run(&switched_off).await;
    let copy = export(&studio, &ann).await["data"].take();
    let places = [
        ("contacts.email", "contact/email"),
        ("contacts.locale", "contact/locale"),
        ("contacts.name", "contact/name"),
        ("contacts.user_id", "userId"),
        ("deliveries.channel", "messages/*/channel"),
        ("deliveries.email", "messages/*/email"),
        ("deliveries.kind", "messages/*/kind"),
        ("deliveries.locale", "messages/*/locale"),
        ("deliveries.occasion", "messages/*/occasion"),
        ("deliveries.state", "messages/*/status"),
        ("deliveries.subject", "messages/*/subject"),
        ("deliveries.user_id", "userId"),
        ("preferences.channel", "preferences/*/channel"),
        ("preferences.kind", "preferences/*/kind"),
        ("preferences.user_id", "userId"),
    ];
    let withheld = [
        ("mailbox_messages.html", BOX),
        ("mailbox_messages.recipient", BOX),
        ("mailbox_messages.subject", BOX),
        ("mailbox_messages.text", BOX),
        ("parked_events.event", "the service that told it hands it out"),
    ];
    assert_copy_holds_personal_columns(&studio.app, &copy, &places, &withheld).await;
    studio.close().await;
}

/// Every column that says something is empty a month later, the language as well.
#[actix_web::test]
async fn what_messages_said_is_forgotten_in_the_end() {
    let studio = Studio::open().await;
    let ann = studio.member("Ann", Locale::English);
    studio.verification(&ann, "token");
    studio.settle().await;
    let said = "SELECT occasion, email, locale, subject FROM deliveries";
    assert_eq!(studio.app.sql(said).await[0]["locale"], "en");
    studio.app.advance(chrono::TimeDelta::days(31));
    studio.app.run_jobs().await;
    let nothing = serde_json::json!({ "occasion": null, "email": null, "locale": null, "subject": null });
    assert_eq!(studio.app.sql(said).await, [nothing]);
    studio.close().await;
}

#[actix_web::test]
async fn whoever_is_forgotten_leaves_no_address_name_or_word_and_gets_no_more_mail() {
    let studio = Studio::open().await;
    let ann = studio.member("Annabelle", Locale::English);
    studio.confirmed(&ann);
    studio.settle().await;
    studio.verification(&ann, "token");
    studio.app.read_feeds().await.unwrap();
    assert!(!mentions(&studio, "nnabelle").await.is_empty());

    erase(&studio, &ann);
    studio.settle().await;
    assert_eq!(mentions(&studio, "nnabelle").await, Vec::<String>::new());
    assert!(studio.mail().await.is_empty());

    // Feeds are read at their own pace: what was told before may be read after.
    studio.introduce(&ann, true);
    studio.cancelled(&ann, false);
    studio.signup_again(&ann);
    studio.settle().await;
    assert!(studio.mail().await.is_empty());
    assert_eq!(mentions(&studio, "nnabelle").await, Vec::<String>::new());
    assert_eq!(export(&studio, &ann).await["data"]["contact"], Value::Null);
    studio.close().await;
}

/// What auth asks before it certifies an erasure.
#[actix_web::test]
async fn the_service_says_that_it_has_forgotten_once_all_its_subscriptions_are_past_the_request() {
    let studio = Studio::open().await;
    let ann = studio.member("Ann", Locale::English);
    let progress = async |after: &str| {
        let path = format!("/internal/v1/privacy/erasures/{}?after={after}", ann.id);
        let call = studio.app.internal::<PrivacyScope>("auth", reqwest::Method::GET, &path);
        call.send().await.expect(200).body
    };
    assert_eq!(progress("1:1").await, serde_json::json!({ "service": "notify", "done": false }));
    erase(&studio, &ann);
    studio.settle().await;
    let cursor =
        "SELECT transaction || ':' || number AS place FROM feed_cursors WHERE feed = 'auth/platform'";
    let told = studio.app.sql(cursor).await[0]["place"].as_str().unwrap().to_owned();
    assert_eq!(progress(&told).await["done"], true);
    assert_eq!(progress("99999999:1").await["done"], false);

    // What waits aside may still bring somebody back.
    let aside = format!(
        "INSERT INTO parked_events (feed, transaction, number, aggregate_type, aggregate_id, event, reason, parked_at)
         VALUES ('auth', 1, 1, 'user', '{}', '{{}}', 'test', now())",
        ann.id
    );
    studio.app.superuser().await.run(&aside).await;
    assert_eq!(progress(&told).await["done"], false);
    studio.close().await;
}

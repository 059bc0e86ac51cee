//! What a person may switch off, and what they see of their messages.

use serde_json::{Value, json};
use shinkofa_kernel::Role;
use shinkofa_testing::TestUser;
use shinkofa_web::Locale;

use crate::studio::{Person, Studio};

const PREFERENCES: &str = "/api/notifications/preferences";

/// A member with a token.
fn signed_in(studio: &Studio, name: &str) -> (Person, TestUser) {
    let user = studio.app.user(Role::Member);
    let mut person = studio.stranger(name, Locale::English);
    person.id = user.user_id;
    studio.introduce(&person, true);
    (person, user)
}

fn preference<'a>(preferences: &'a Value, kind: &str) -> &'a Value {
    preferences["items"].as_array().unwrap().iter().find(|item| item["kind"] == kind).unwrap()
}

#[actix_web::test]
async fn what_a_person_switched_off_is_not_sent_and_everything_else_is() {
    let studio = Studio::open().await;
    let (ann, token) = signed_in(&studio, "Ann");
    let choice = json!({"items": [{"kind": "reservation_confirmed", "enabled": false}]});
    let answer = studio.app.put(PREFERENCES).bearer(&token).json(&choice).send().await.expect(200);
    assert_eq!(preference(&answer.body, "reservation_confirmed")["enabled"], false);
    assert_eq!(
        preference(&answer.body, "reservation_cancelled"),
        &json!({"kind": "reservation_cancelled", "enabled": true, "optional": true})
    );
    assert_eq!(preference(&answer.body, "payment_paid")["optional"], false);
    assert_eq!(studio.app.get(PREFERENCES).bearer(&token).send().await.expect(200).body, answer.body);

    studio.confirmed(&ann);
    studio.cancelled(&ann, false);
    studio.paid(&ann);
    studio.settle().await;
    assert_eq!(studio.mail_to(&ann).await.len(), 2);
    assert!(studio.deliveries().await.contains(&(
        "reservation_confirmed".to_owned(),
        "suppressed".to_owned(),
        Some("switched_off".to_owned())
    )));

    // Choices are replaced as a whole: what is not listed is on again.
    studio.app.put(PREFERENCES).bearer(&token).json(&json!({"items": []})).send().await.expect(200);
    studio.confirmed(&ann);
    studio.settle().await;
    assert_eq!(studio.mail_to(&ann).await.len(), 3);
    studio.close().await;
}

#[actix_web::test]
async fn what_is_owed_to_a_person_cannot_be_switched_off() {
    let studio = Studio::open().await;
    let (_, token) = signed_in(&studio, "Ann");
    let put = async |body: Value| studio.app.put(PREFERENCES).bearer(&token).json(&body).send().await;
    for kind in ["email_verification", "signup_known_address", "payment_paid", "reservation_rejected"] {
        let answer = put(json!({"items": [{"kind": kind, "enabled": false}]}))
            .await
            .expect_problem(422, "invalid_fields");
        assert_eq!(answer.body["errors"][0]["pointer"], "/items/0/enabled");
        put(json!({"items": [{"kind": kind, "enabled": true}]})).await.expect(200);
    }
    let twice = json!({"items": [
        {"kind": "reservation_confirmed", "enabled": false}, {"kind": "reservation_confirmed", "enabled": true}
    ]});
    let answer = put(twice).await.expect_problem(422, "invalid_fields");
    assert_eq!(answer.body["errors"][0]["pointer"], "/items/1/kind");
    put(json!({"items": [{"kind": "horoscope", "enabled": true}]}))
        .await
        .expect_problem(422, "invalid_fields");
    put(json!({"items": [], "userId": "x"})).await.expect_problem(422, "invalid_fields");
    studio.close().await;
}

#[actix_web::test]
async fn a_person_sees_their_own_messages_page_by_page_and_nobody_elses() {
    let studio = Studio::open().await;
    let (ann, token) = signed_in(&studio, "Ann");
    let (bob, _) = signed_in(&studio, "Bob");
    for _ in 0..3 {
        studio.confirmed(&ann);
        studio.paid(&bob);
    }
    studio.settle().await;

    let page = async |cursor: &str| {
        let path = format!("/api/notifications?limit=2{cursor}");
        studio.app.get(&path).bearer(&token).send().await.expect(200).body
    };
    let first = page("").await;
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    assert_eq!(first["items"][0]["status"], "sent");
    assert_eq!(first["items"][0]["kind"], "reservation_confirmed");
    let second = page(&format!("&cursor={}", first["nextCursor"].as_str().unwrap())).await;
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!(second["nextCursor"], Value::Null);
    for bad in ["&limit=0", "?cursor=x"] {
        let path = format!("/api/notifications?{}", &bad[1..]);
        studio.app.get(&path).bearer(&token).send().await.expect_problem(422, "invalid_fields");
    }
    studio.close().await;
}

//! The development mailbox: what a test or a developer reads instead of mail.

use chrono::Duration;
use shinkofa_web::Locale;

use crate::studio::Studio;

#[actix_web::test]
async fn messages_are_listed_newest_first_in_the_shape_that_was_agreed() {
    let studio = Studio::open().await;
    let (ann, bob) = (studio.member("Ann", Locale::English), studio.member("Bob", Locale::English));
    studio.paid(&ann);
    studio.settle().await;
    studio.app.advance(Duration::seconds(5));
    studio.confirmed(&ann);
    studio.confirmed(&bob);
    studio.settle().await;

    let answer = studio.app.get("/api/messages?to=ANN@example.org").send().await.expect(200);
    assert_eq!(answer.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["items"]);
    let items = answer.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let mut members: Vec<_> = items[0].as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["createdAt", "html", "id", "subject", "text", "to"]);
    assert_eq!(items[0]["to"], "ann@example.org");
    assert_eq!(items[0]["createdAt"], "2026-12-01T09:00:05Z");
    assert!(items[0]["subject"].as_str().unwrap().starts_with("Booked"), "{items:?}");
    assert_eq!(studio.mail().await.len(), 3);
    studio.close().await;
}

#[actix_web::test]
async fn the_page_shows_each_message_in_a_frame_of_its_own_and_runs_nothing() {
    let studio = Studio::open().await;
    let ann = studio.member("Ann", Locale::English);
    studio.confirmed(&ann);
    studio.settle().await;
    let page = studio.app.get("/").send().await.expect(200);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
    let html = page.body.as_str().unwrap();
    assert!(html.contains("Booked: Yoga &lt;doux&gt;"), "{html}");
    assert!(html.contains("sandbox=") && html.contains("srcdoc=\"&lt;!doctype html&gt;"), "{html}");
    studio.app.get("/?to=nobody@example.org").send().await.expect(200);
    studio.close().await;
}

#[actix_web::test]
async fn an_address_that_cannot_be_one_is_refused_and_not_looked_for() {
    let studio = Studio::open().await;
    studio.app.get("/api/messages?to=a%00b").send().await.expect_problem(422, "invalid_fields");
    studio.app.get("/api/messages?from=x").send().await.expect_problem(422, "invalid_fields");
    assert_eq!(
        studio.app.get("/api/messages?to=%25").send().await.expect(200).body["items"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    studio.close().await;
}

//! Classes and sessions: what managers write and everybody reads.

use chrono::TimeDelta;
use serde_json::{Value, json};
use shinkofa_testing::Answer;

use crate::studio::{Studio, written};

async fn sessions(studio: &Studio, query: &str) -> Answer {
    studio.app.get(&format!("/api/sessions{query}")).send().await
}

fn ids(page: &Answer) -> Vec<String> {
    let items = page.body["items"].as_array().expect("items").iter();
    items.map(|item| item["id"].as_str().unwrap_or_default().to_owned()).collect()
}

#[actix_web::test]
async fn a_class_is_created_once_per_key_and_read_by_anybody() {
    let studio = Studio::open().await;
    let class = json!({
        "title": "  Vinyasa ", "durationMinutes": 75, "creditCost": 2, "description": "Du souffle", "level": "débutants"
    });
    let create =
        || studio.app.post("/api/classes").bearer(&studio.manager).idempotency_key("class-1").json(&class);
    let first = create().send().await.expect(201);
    let again = create().send().await.expect(201);
    assert_eq!(first.body, again.body);
    assert_eq!(first.body["title"], "Vinyasa");
    let read = studio.app.get(&format!("/api/classes/{}", first.text("id"))).send().await.expect(200);
    assert_eq!(read.body, first.body);
    let list = studio.app.get("/api/classes").send().await.expect(200);
    assert_eq!(list.body, json!({ "items": [first.body], "nextCursor": null }));
    studio.app.get("/api/classes/nothing").send().await.expect_problem(404, "not_found");
    studio.close().await;
}

#[actix_web::test]
async fn a_class_that_nobody_could_hold_is_refused_field_by_field() {
    let studio = Studio::open().await;
    let good = json!({ "title": "Yoga", "durationMinutes": 60, "creditCost": 1 });
    let faults = [
        ("title", json!("")),
        ("title", json!("a\u{0}b")),
        ("durationMinutes", json!(0)),
        ("durationMinutes", json!(1441)),
        ("creditCost", json!(-1)),
        ("creditCost", json!("1")),
        ("tenantId", json!("x")),
    ];
    for (field, value) in faults {
        let mut class = good.clone();
        class[field] = value;
        let answer = studio.app.post("/api/classes").bearer(&studio.manager).json(&class).send().await;
        answer.expect_problem(422, "invalid_fields");
    }
    studio.close().await;
}

/// What auth does not confirm at this moment is not done; what is there goes on being read.
#[actix_web::test]
async fn nothing_is_put_on_the_calendar_while_auth_cannot_be_asked() {
    let studio = Studio::open().await;
    let class = studio.class(1).await;
    studio.auth.reset().await;
    let yoga = json!({ "title": "Yoga", "durationMinutes": 60, "creditCost": 1 });
    let starts_at = studio.now() + TimeDelta::days(1);
    let session = json!({ "classId": class, "startsAt": starts_at, "capacity": 8 });
    for (path, body) in [("/api/classes", yoga), ("/api/sessions", session)] {
        let refused = studio.app.post(path).bearer(&studio.manager).json(&body).send().await;
        refused.expect_problem(503, "trust_unavailable");
    }
    assert_eq!(studio.app.sql("SELECT id FROM classes").await.len(), 1);
    assert_eq!(studio.app.sql("SELECT id FROM sessions").await.len(), 0);
    studio.app.get("/api/sessions").send().await.expect(200);
    studio.close().await;
}

#[actix_web::test]
async fn a_session_lasts_as_long_as_its_class_and_keeps_the_price_of_that_day() {
    let studio = Studio::open().await;
    let class = studio.class(3).await;
    let starts_at = studio.now() + TimeDelta::days(1);
    let session = studio.session_of(&class, 12, starts_at).await.expect(201);
    assert_eq!(session.body["startsAt"], written(starts_at));
    assert_eq!(session.body["endsAt"], written(starts_at + TimeDelta::minutes(60)));
    assert_eq!((&session.body["seatsLeft"], &session.body["creditCost"]), (&json!(12), &json!(3)));
    let read = studio.app.get(&format!("/api/sessions/{}", session.text("id"))).send().await.expect(200);
    assert_eq!(read.body, session.body);
    let unknown = studio.session_of("01920000-0000-7000-8000-00000000ffff", 12, starts_at).await;
    let problem = unknown.expect_problem(422, "invalid_fields");
    assert_eq!(problem.body["errors"][0]["pointer"], "/classId");
    studio.close().await;
}

#[actix_web::test]
async fn the_calendar_shows_the_next_seven_days_in_order_of_start() {
    let studio = Studio::open().await;
    let class = studio.class(0).await;
    let mut expected = Vec::new();
    for hours in [-1, 0, 30, 2, 168] {
        let answer = studio.session_of(&class, 5, studio.now() + TimeDelta::hours(hours)).await.expect(201);
        if (0..168).contains(&hours) {
            expected.push((hours, answer.text("id")));
        }
    }
    expected.sort();
    let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids(&sessions(&studio, "").await.expect(200)), expected);
    studio.close().await;
}

#[actix_web::test]
async fn sessions_that_start_together_are_paged_without_gaps_or_repetitions() {
    let studio = Studio::open().await;
    let class = studio.class(0).await;
    for n in 0..7 {
        let starts_at = studio.now() + TimeDelta::hours(1 + n / 4);
        studio.session_of(&class, 5, starts_at).await.expect(201);
    }
    let whole = ids(&sessions(&studio, "").await.expect(200));
    assert_eq!(whole.len(), 7);
    let (mut paged, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = sessions(&studio, &query).await.expect(200);
        paged.extend(ids(&page));
        let Value::String(next) = &page.body["nextCursor"] else { break };
        query = format!("?limit=2&cursor={next}");
    }
    assert_eq!(paged, whole);
    studio.close().await;
}

#[actix_web::test]
async fn a_window_is_at_most_ninety_two_days_of_the_studios_own_calendar() {
    let studio = Studio::open().await;
    let refused = [
        "?from=2026-12-01T00:00:00Z&to=2026-12-01T00:00:00Z",
        "?from=2026-12-02T00:00:00Z&to=2026-12-01T00:00:00Z",
        "?from=2026-12-01T00:00:00Z&to=2027-03-03T00:00:01Z",
        "?to=2026-11-01T00:00:00Z",
        "?from=yesterday",
        "?from=0001-01-01T00:00:00Z",
        "?limit=0",
        "?limit=201",
        "?cursor=nonsense",
        "?page=2",
    ];
    for query in refused {
        sessions(&studio, query).await.expect_problem(422, "invalid_fields");
    }
    let accepted = [
        "?from=2026-12-01T00:00:00Z&to=2027-03-03T00:00:00Z",
        // Paris leaves summer time in between: 92 days of its own are an hour longer.
        "?from=2026-09-01T00:00:00%2B02:00&to=2026-12-02T00:00:00%2B01:00",
    ];
    for query in accepted {
        sessions(&studio, query).await.expect(200);
    }
    studio.close().await;
}

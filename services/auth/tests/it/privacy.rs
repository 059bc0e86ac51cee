//! What somebody agrees to, takes with them, and may read about.

use auth::Auth;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shinkofa_testing::wiremock::ResponseTemplate;
use shinkofa_testing::{FakePeer, TestApp};

use crate::people::{self, address, text};
use crate::staff::{staff, token, user_id};

async fn decide(app: &TestApp<Auth>, who: &Value, kind: &str, version: &str, granted: bool) -> Value {
    let body = json!({ "kind": kind, "version": version, "granted": granted });
    app.put("/api/me/consents").token(token(who)).json(&body).send().await.expect(200).body
}

#[actix_web::test]
async fn a_consent_keeps_its_version_and_its_whole_history() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let none = app.get("/api/me/consents").token(token(&anna)).send().await.expect(200).body;
    assert_eq!(none, json!({ "current": [], "history": [] }));
    decide(&app, &anna, "marketing", "v1", false).await;
    decide(&app, &anna, "terms", "2026-11", true).await;
    app.advance(chrono::TimeDelta::seconds(10));
    decide(&app, &anna, "marketing", "v1", true).await;
    decide(&app, &anna, "marketing", "v1", true).await;
    decide(&app, &anna, "marketing", "v2", true).await;
    app.advance(chrono::TimeDelta::seconds(10));
    let told = decide(&app, &anna, "marketing", "v2", false).await;
    let history: Vec<_> = told["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (text(d, "kind"), text(d, "version"), d["granted"].clone()))
        .collect();
    assert_eq!(
        history,
        [
            ("terms", "2026-11", json!(true)),
            ("marketing", "v1", json!(true)),
            ("marketing", "v2", json!(true)),
            ("marketing", "v2", json!(false))
        ]
    );
    let current = &told["current"];
    assert_eq!((&current[0]["kind"], &current[0]["withdrawnAt"]), (&json!("terms"), &Value::Null));
    assert_eq!(
        (&current[1]["version"], &current[1]["withdrawnAt"]),
        (&json!("v2"), &json!("2026-12-01T09:00:20Z"))
    );
    assert_eq!(app.get("/api/me/consents").token(token(&anna)).send().await.expect(200).body, told);
    let audited = app
        .sql("SELECT action, details FROM audit_events WHERE action LIKE 'consent.%' ORDER BY number")
        .await;
    assert_eq!(audited.len(), 4);
    assert_eq!(
        audited[3],
        json!({ "action": "consent.withdrawn", "details": { "kind": "marketing", "version": "v2" } })
    );
}

#[actix_web::test]
async fn one_decision_made_many_times_at_once_is_one_decision_and_none_is_written_over() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    join_all((0..20).map(|_| decide(&app, &anna, "terms", "v1", true))).await;
    assert_eq!(app.sql("SELECT number FROM consent_decisions").await.len(), 1);
    let may = "SELECT has_table_privilege('auth_rt', 'consent_decisions', 'UPDATE') AS alter";
    assert_eq!(app.sql(may).await[0]["alter"], false);
    for body in [
        json!({ "kind": "soul", "version": "v1", "granted": true }),
        json!({ "kind": "terms", "version": "", "granted": true }),
    ] {
        app.put("/api/me/consents")
            .token(token(&anna))
            .json(&body)
            .send()
            .await
            .expect_problem(422, "invalid_fields");
    }
}

async fn with_peers(peers: &[(&str, &FakePeer)]) -> TestApp<Auth> {
    let builder = TestApp::<Auth>::builder();
    peers.iter().fold(builder, |builder, (name, peer)| builder.peer(name, &peer.url())).start().await
}

async fn exporting(service: &str) -> FakePeer {
    let peer = FakePeer::start().await;
    let body = json!({ "service": service, "data": { "from": service } });
    peer.on("GET", "^/internal/v1/privacy/exports/", ResponseTemplate::new(200).set_body_json(body)).await;
    peer
}

#[actix_web::test]
async fn a_copy_holds_what_every_service_knows() {
    let (booking, credits, notify) =
        (exporting("booking").await, exporting("credits").await, exporting("notify").await);
    let app = with_peers(&[("booking", &booking), ("credits", &credits), ("notify", &notify)]).await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    decide(&app, &anna, "terms", "v1", true).await;
    let answer = app.get("/api/me/export").token(token(&anna)).send().await.expect(200);
    assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"export.json\"");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let services = answer.body["services"].as_object().unwrap();
    assert_eq!(services.keys().collect::<Vec<_>>(), ["auth", "booking", "credits", "notify"]);
    assert_eq!(services["auth"]["account"]["email"], address(&app, "anna"));
    assert_eq!(services["auth"]["consents"][0]["version"], "v1");
    assert_eq!(services["booking"]["from"], "booking");
    let asked = booking.requests().await;
    assert!(asked[0].1.ends_with(user_id(&anna)));
    assert_eq!(app.sql("SELECT id FROM audit_events WHERE action = 'account.exported'").await.len(), 1);
}

#[actix_web::test]
async fn a_service_that_does_not_answer_is_named_and_nothing_is_handed_out() {
    let (booking, notify) = (exporting("booking").await, exporting("notify").await);
    let app = with_peers(&[("booking", &booking), ("notify", &notify)]).await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let answer = app.get("/api/me/export").token(token(&anna)).send().await;
    let answer = answer.expect_problem(503, "export_incomplete");
    assert!(text(&answer.body, "detail").contains("credits"), "{:#}", answer.body);
    assert!(answer.headers.contains_key("retry-after"));
    assert!(!answer.body.to_string().contains("anna"));

    // One that answers for another is as good as none.
    let (impostor, credits) = (exporting("booking").await, exporting("credits").await);
    let app = with_peers(&[("booking", &booking), ("credits", &credits), ("notify", &impostor)]).await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let answer =
        app.get("/api/me/export").token(token(&anna)).send().await.expect_problem(503, "export_incomplete");
    assert!(text(&answer.body, "detail").contains("notify"));
}

#[actix_web::test]
async fn who_looks_in_somebodys_place_cannot_carry_their_data_away() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let call = app.post(&format!("/api/admin/users/{}/impersonate", user_id(&anna))).token(token(&admin));
    let seen = call.json(&json!({ "reason": "a look" })).send().await.expect(200).text("accessToken");
    app.get("/api/me/consents").token(&seen).send().await.expect(200);
    app.get("/api/me/export").token(&seen).send().await.expect_problem(403, "permission_denied");
}

/// Whoever adds a column that can hold words says what for: `personal: purpose; basis; retention` or `technical: why not`.
#[actix_web::test]
async fn every_column_says_whether_it_is_personal_and_the_register_tells_those_that_are() {
    let app = TestApp::<Auth>::start().await;
    let columns = app
        .sql(
            "SELECT c.relname || '.' || a.attname AS name, col_description(c.oid, a.attnum) AS comment
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE '\\_\\_%'
               AND format_type(a.atttypid, NULL) IN ('text', 'jsonb', 'bytea', 'text[]', 'inet')
             ORDER BY 1",
        )
        .await;
    let silent: Vec<_> = columns
        .iter()
        .filter(|column| {
            let comment = column["comment"].as_str().unwrap_or_default();
            !comment.starts_with("personal: ") && !comment.starts_with("technical: ")
        })
        .map(|column| column["name"].clone())
        .collect();
    assert!(silent.is_empty(), "say in a migration what these are for (COMMENT ON COLUMN): {silent:?}");

    let personal =
        columns.iter().filter(|column| column["comment"].as_str().unwrap().starts_with("personal:"));
    let personal: Vec<_> = personal.map(|column| column["name"].clone()).collect();
    let register = app.get("/api/auth/processing-register").send().await.expect(200).body;
    let told: Vec<_> =
        register["items"].as_array().unwrap().iter().map(|item| item["data"].clone()).collect();
    assert_eq!(told, personal, "an annotation has three parts");
    let email =
        register["items"].as_array().unwrap().iter().find(|item| item["data"] == "users.email").unwrap();
    assert_eq!((text(email, "basis"), text(email, "retention")), ("contract", "until the account is erased"));
}

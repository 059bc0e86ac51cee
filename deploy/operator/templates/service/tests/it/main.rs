//! The service's promises, through HTTP on a real database.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use reqwest::Method;
use serde_json::json;
use {{service_crate}}::State;
use shinkofa_contracts::FeedScope;
use shinkofa_contracts::privacy::PrivacyScope;
use shinkofa_kernel::{Role, TenantId};
use shinkofa_testing::{
    TestApp, assert_columns_are_annotated, assert_copy_holds_personal_columns, assert_every_route_asks_who,
    assert_routes_page, assert_schema_file, assert_tenant_tables_are_protected,
};

const ROUTES: &str = include_str!("../../src/routes.rs");
const NOTES: &str = "/api/{{service}}/notes";

#[actix_web::test]
async fn the_internal_listener_says_that_the_service_lives_and_is_ready() {
    let app = TestApp::<State>::start().await;
    app.internal_anonymous(Method::GET, "/healthz").send().await.expect(204);
    let ready = app.internal_anonymous(Method::GET, "/readyz").send().await.expect(200);
    assert_eq!(ready.text("status"), "ready");
    app.get("/readyz").send().await.expect_problem(404, "not_found");
    app.stop().await;
}

#[actix_web::test]
async fn whoever_is_not_signed_in_is_refused() {
    let app = TestApp::<State>::start().await;
    app.post(NOTES).json(&json!({"text": "Hello"})).send().await.expect_problem(401, "unauthenticated");
    app.post(NOTES).token("x.y.z").json(&json!({"text": "Hello"})).send().await.expect_problem(401, "unauthenticated");
    assert!(app.sql("SELECT id FROM notes").await.is_empty());
    app.stop().await;
}

#[actix_web::test]
async fn a_note_is_read_by_its_author_and_by_nobody_else() {
    let app = TestApp::<State>::start().await;
    let anna = app.user(Role::Member);
    let note = app.post(NOTES).bearer(&anna).json(&json!({"text": "Bring a mat."})).send().await.expect(201);
    let path = format!("{NOTES}/{}", note.text("id"));

    let read = app.get(&path).bearer(&anna).send().await.expect(200);
    assert_eq!(read.text("text"), "Bring a mat.");
    app.get(&path).bearer(&app.user(Role::Admin)).send().await.expect_problem(404, "not_found");
    app.stop().await;
}

#[actix_web::test]
async fn a_note_is_told_in_the_feed_once_it_is_committed() {
    let app = TestApp::<State>::start().await;
    let anna = app.user(Role::Member);
    app.post(NOTES).bearer(&anna).json(&json!({"text": "Hello"})).send().await.expect(201);
    app.post(NOTES).bearer(&anna).json(&json!({"text": ""})).send().await.expect_problem(422, "invalid_fields");

    // Another test's running transaction may hold the feed back for a moment.
    let feed = app.internal::<FeedScope>("notify", Method::GET, "/internal/v1/events?wait=10").send().await.expect(200);
    let types: Vec<_> = feed.body["items"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["note.created"]);
    app.stop().await;
}

#[actix_web::test]
async fn a_query_without_its_tenant_sees_nothing() {
    let app = TestApp::<State>::start().await;
    let anna = app.user(Role::Member);
    app.post(NOTES).bearer(&anna).json(&json!({"text": "Hello"})).send().await.expect(201);
    let elsewhere = TenantId::new(&app.clock);
    assert_eq!(count_notes(&app, shinkofa_db::Scope::infrastructure()).await, 0);
    assert_eq!(count_notes(&app, shinkofa_db::Scope::tenant(elsewhere)).await, 0);
    assert_eq!(count_notes(&app, shinkofa_db::Scope::tenant(TenantId::DEFAULT)).await, 1);
    assert_tenant_tables_are_protected(&app).await;
    app.stop().await;
}

#[actix_web::test]
async fn the_schema_file_and_the_routes_page_tell_the_truth() {
    let app = TestApp::<State>::start().await;
    assert_schema_file(&app, include_str!("../../src/db/schema.rs")).await;
    assert_routes_page::<State>(ROUTES);
    assert_every_route_asks_who(&app, ROUTES).await;
    app.stop().await;
}

#[actix_web::test]
async fn every_column_says_whether_it_is_about_people_and_a_copy_holds_those_that_are() {
    let app = TestApp::<State>::start().await;
    assert_columns_are_annotated(&app).await;
    let anna = app.user(Role::Member);
    app.post(NOTES).bearer(&anna).json(&json!({"text": "Bring a mat."})).send().await.expect(201);
    let path = format!("/internal/v1/privacy/exports/{}", anna.user_id);
    let about = (Some(TenantId::DEFAULT), Some(anna.user_id));
    let call = app.internal_for::<PrivacyScope>("auth", about, Method::GET, &path);
    let copy = call.send().await.expect(200).body["data"].take();
    let places = [("notes.text", "notes/*"), ("notes.user_id", "userId")];
    assert_copy_holds_personal_columns(&app, &copy, &places, &[]).await;
    app.stop().await;
}

async fn count_notes(app: &TestApp<State>, scope: shinkofa_db::Scope) -> i64 {
    use diesel_async::RunQueryDsl as _;
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    shinkofa_db::transaction(app.pool(), &scope, "count_notes", async |tx| {
        let count: Count = diesel::sql_query("SELECT count(*) FROM notes").get_result(tx).await?;
        Ok::<_, shinkofa_db::Error>(count.count)
    })
    .await
    .unwrap()
}

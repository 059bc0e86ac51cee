//! What every service has to keep.

use booking::Booking;
use reqwest::Method;
use serde_json::json;
use shinkofa_contracts::booking::ReservationsScope;
use shinkofa_contracts::privacy::PrivacyScope;
use shinkofa_contracts::{FeedScope, ReservationId};
use shinkofa_identity::Permission;
use shinkofa_kernel::{Role, TenantId};
use shinkofa_testing::{
    FakePeer, TestApp, assert_columns_are_annotated, assert_copy_holds_personal_columns,
    assert_document_reads_like_a_product, assert_every_route_asks_who, assert_routes_page,
    assert_schema_file, assert_service_accounts_are_kept_out, assert_tenant_tables_are_protected,
};

use crate::studio::Studio;

const ROUTES: &str = include_str!("../../src/routes.rs");

#[actix_web::test]
async fn every_table_with_a_tenant_is_protected_and_described_by_the_schema_file() {
    let app = TestApp::<Booking>::start().await;
    assert_tenant_tables_are_protected(&app).await;
    assert_schema_file(&app, include_str!("../../src/db/schema.rs")).await;
    app.stop().await;
}

#[actix_web::test]
async fn every_column_says_whether_it_is_about_people() {
    let app = TestApp::<Booking>::start().await;
    assert_columns_are_annotated(&app).await;
    app.stop().await;
}

#[actix_web::test]
async fn a_copy_holds_every_column_that_is_about_the_person() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(2), studio.session(2, 3).await);
    studio.book(&member, &session).await.expect(201);
    let coaches = format!("UPDATE sessions SET coach_id = '{}'", member.user_id);
    studio.app.superuser().await.run(&coaches).await;
    let path = format!("/internal/v1/privacy/exports/{}", member.user_id);
    let about = (Some(TenantId::DEFAULT), Some(member.user_id));
    let call = studio.app.internal_for::<PrivacyScope>("auth", about, Method::GET, &path);
    let copy = call.send().await.expect(200).body["data"].take();
    let places = [
        ("reservations.customer_id", "reservations/*/reservation/userId"),
        ("reservations.idempotency_key", "reservations/*/idempotencyKey"),
        ("reservations.session_id", "reservations/*/reservation/sessionId"),
        ("reservations.status", "reservations/*/status"),
        ("sessions.coach_id", "lessons/*/coachId"),
    ];
    let withheld = [("events.data", "says again, change by change, what the reservations say")];
    assert_copy_holds_personal_columns(&studio.app, &copy, &places, &withheld).await;
    assert_eq!(copy["lessons"][0]["classTitle"], "Yoga");
    studio.close().await;
}

#[actix_web::test]
async fn the_page_of_routes_is_the_document_and_every_route_asks_who() {
    assert_routes_page::<Booking>(ROUTES);
    assert_document_reads_like_a_product::<Booking>();
    let app = TestApp::<Booking>::start().await;
    assert_every_route_asks_who(&app, ROUTES).await;
    app.stop().await;
}

#[actix_web::test]
async fn a_service_account_does_what_its_scope_names_and_nothing_that_is_a_persons() {
    let auth = FakePeer::confirming().await;
    let app = TestApp::<Booking>::builder().peer("auth", &auth.url()).start::<Booking>().await;
    let nothing = app.service_account(&[]);
    assert_eq!(assert_service_accounts_are_kept_out(&app, ROUTES, (&nothing.token, &[])).await, 6);
    let one = app.service_account(&[Permission::ManageClasses]);
    assert_eq!(assert_service_accounts_are_kept_out(&app, ROUTES, (&one.token, &["ManageClasses"])).await, 5);
    let class = json!({ "title": "Aikido", "durationMinutes": 60, "creditCost": 1 });
    app.post("/api/classes").bearer(&one).json(&class).send().await.expect(201);
    app.post("/api/classes")
        .bearer(&nothing)
        .json(&class)
        .send()
        .await
        .expect_problem(403, "permission_denied");
    app.stop().await;
}

#[test]
fn every_failpoint_in_the_sources_is_on_the_list_and_the_list_names_no_other() {
    let sources = [
        include_str!("../../src/saga/reserve.rs"),
        include_str!("../../src/saga/advance.rs"),
        include_str!("../../src/saga/cancel.rs"),
        include_str!("../../src/jobs/settle_hold.rs"),
    ]
    .concat();
    let mut named: Vec<&str> = sources.split('"').filter(|text| text.starts_with("booking.")).collect();
    named.sort_unstable();
    named.dedup();
    let mut listed = booking::FAILPOINTS.to_vec();
    listed.sort_unstable();
    assert_eq!(named, listed);
    for name in listed {
        assert!(name.ends_with(".before") || name.ends_with(".after"), "{name}");
    }
}

#[actix_web::test]
async fn credits_learns_what_became_of_a_reservation_and_only_of_one_in_its_tenant() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(3), studio.session(3, 5).await);
    let id = studio.book(&member, &session).await.expect(201).text("reservationId");
    let path = format!("/internal/v1/reservations/{id}");
    let ask =
        |tenant| studio.app.internal_for::<ReservationsScope>("credits", (tenant, None), Method::GET, &path);
    let summary = ask(Some(TenantId::DEFAULT)).send().await.expect(200);
    assert_eq!(
        summary.body,
        json!({ "reservationId": id, "userId": member.user_id, "status": "confirmed", "credits": 3 })
    );
    ask(Some(studio.stranger().tenant_id)).send().await.expect_problem(404, "not_found");
    ask(None).send().await.expect(403);
    let wrong_scope = studio.app.internal::<FeedScope>("credits", Method::GET, &path);
    wrong_scope.send().await.expect(403);
    let unknown = format!("/internal/v1/reservations/{}", ReservationId::new(&studio.app.clock));
    studio.app.internal::<ReservationsScope>("credits", Method::GET, &unknown).send().await.expect(404);
    studio.close().await;
}

#[actix_web::test]
async fn the_list_for_reconciliation_turns_its_pages_without_gaps() {
    let studio = Studio::open().await;
    let mut booked = Vec::new();
    for _ in 0..5 {
        let session = studio.session(0, 1).await;
        booked.push(studio.book(&studio.member(0), &session).await.expect(201).text("reservationId"));
    }
    booked.sort();
    let mut listed = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/internal/v1/reservations?limit=2{cursor}");
        let page =
            studio.app.internal::<ReservationsScope>("credits", Method::GET, &path).send().await.expect(200);
        let items = page.body["items"].as_array().expect("items").clone();
        listed.extend(items.iter().map(|item| item["reservationId"].as_str().unwrap_or_default().to_owned()));
        let Some(next) = page.body["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(listed, booked);
    studio.close().await;
}

#[actix_web::test]
async fn a_person_who_is_forgotten_gives_up_their_seats_and_leaves_a_pseudonym() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(2), studio.session(2, 1).await);
    let id = studio.book(&member, &session).await.expect(201).text("reservationId");
    studio.app.run_jobs().await;
    let scope = shinkofa_db::Scope::tenant(TenantId::DEFAULT);
    let service = studio.app.service().clone();
    let copy = shinkofa_db::transaction(studio.app.pool(), &scope, "export", async |tx| {
        shinkofa_runtime::Service::export_personal_data(&service, tx, member.user_id).await
    });
    assert_eq!(copy.await.expect("an export")["reservations"][0]["reservation"]["reservationId"], id);
    let erased = shinkofa_db::transaction(studio.app.pool(), &scope, "erase", async |tx| {
        shinkofa_runtime::Service::erase_personal_data(&service, tx, member.user_id).await
    });
    erased.await.expect("an erasure");
    studio.app.run_jobs().await;
    assert_eq!(studio.seats_left(&session).await, 1);
    assert_eq!(studio.credits.available(&member), 2);
    let traces = format!(
        "SELECT 1 AS one FROM reservations WHERE customer_id = '{0}'
         UNION ALL SELECT 1 FROM idempotency_keys WHERE caller = '{0}'",
        member.user_id
    );
    assert!(studio.app.sql(&traces).await.is_empty());
    studio.close().await;
}

#[actix_web::test]
async fn managing_the_calendar_needs_the_role() {
    let studio = Studio::open().await;
    let class = json!({ "title": "Yoga", "durationMinutes": 60, "creditCost": 1 });
    for role in [Role::Member, Role::Coach] {
        let user = studio.app.user(role);
        studio
            .app
            .post("/api/classes")
            .bearer(&user)
            .json(&class)
            .send()
            .await
            .expect_problem(403, "permission_denied");
        studio.app.post("/api/sessions").bearer(&user).json(&json!({})).send().await.expect(403);
    }
    let admin = studio.app.user(Role::Admin);
    studio.app.post("/api/classes").bearer(&admin).json(&class).send().await.expect(201);
    studio.close().await;
}

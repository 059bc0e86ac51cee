//! The journal cannot be bent, and what it tells adds up.

use chrono::TimeDelta;
use diesel_async::RunQueryDsl as _;
use serde_json::json;
use shinkofa_db::{Scope, transaction};
use shinkofa_kernel::{Role, TenantId};

use crate::harness::Studio;

async fn as_the_service(studio: &Studio, statement: &str) -> Result<(), shinkofa_db::Error> {
    transaction(studio.app.pool(), &Scope::tenant(TenantId::DEFAULT), "bend", async |tx| {
        diesel::sql_query(statement).execute(tx).await.map_err(shinkofa_db::Error::from)
    })
    .await
    .map(drop)
}

#[actix_web::test]
async fn the_service_itself_can_neither_change_nor_delete_what_is_booked() {
    let studio = Studio::open().await;
    studio.grant(&studio.app.user(Role::Member), 5, None).await;
    for statement in [
        "UPDATE journals SET amount = 6",
        "DELETE FROM journals",
        "UPDATE entries SET amount = -amount",
        "DELETE FROM entries",
        "TRUNCATE entries",
    ] {
        assert!(as_the_service(&studio, statement).await.is_err(), "{statement}");
    }
    studio.close().await;
}

#[actix_web::test]
async fn an_entry_without_its_counterpart_does_not_commit() {
    let studio = Studio::open().await;
    studio.grant(&studio.app.user(Role::Member), 5, None).await;
    let lonely = "INSERT INTO entries (tenant_id, journal_id, number, asset, account, amount)
        SELECT tenant_id, id, 9, 'CREDIT', 'issued', 1 FROM journals";
    let refusal = as_the_service(&studio, lonely).await.unwrap_err().to_string();
    assert!(refusal.contains("not balanced"), "{refusal}");
    studio.close().await;
}

#[actix_web::test]
async fn no_statement_can_lose_a_unit_of_a_lot_or_make_a_number_negative() {
    let studio = Studio::open().await;
    studio.grant(&studio.app.user(Role::Member), 5, None).await;
    for statement in [
        "UPDATE lots SET remaining = remaining - 1",
        "UPDATE lots SET remaining = remaining + 6, held = held - 6",
        "UPDATE wallets SET available = -1",
    ] {
        assert!(as_the_service(&studio, statement).await.is_err(), "{statement}");
    }
    studio.close().await;
}

#[actix_web::test]
async fn every_invariant_sees_the_fault_it_is_for() {
    let faults = [
        ("I4", "UPDATE hold_allocations SET amount = amount + 1"),
        ("I4.lots", "UPDATE holds SET state = 'captured'"),
        ("I5.children", "UPDATE lots SET moved = 1, remaining = remaining - 1"),
        ("I5.ledger", "UPDATE lots SET expired = 1, remaining = remaining - 1"),
        ("I6", "UPDATE wallets SET available = available + 1"),
        (
            "I7",
            "SET session_replication_role = replica; UPDATE entries SET amount = amount * 2 WHERE number = 1",
        ),
        ("I7.entries", "SET session_replication_role = replica; DELETE FROM entries"),
        ("I7.amounts", "SET session_replication_role = replica; UPDATE journals SET amount = 77"),
        ("I8", "UPDATE payments SET credits = credits + 1"),
        ("I8.unpaid", "UPDATE payments SET status = 'open', lot_id = NULL, paid_at = NULL"),
        ("I8.money", "UPDATE payments SET amount_minor = amount_minor + 1"),
    ];
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let session = studio.checkout(&anna, &package, "k").await.expect(201).text("checkoutSessionId");
    studio.pay(&session, "card").await;
    studio.deliver_events().await;
    studio.hold(studio.reservation(), anna.user_id, 1).await.expect(200);
    studio.check_invariants().await;
    for (name, fault) in faults {
        let all = credits::invariants::parse(credits::invariants::SQL);
        let invariant = all.iter().find(|invariant| invariant.name == name).expect(name);
        let mut superuser = studio.app.superuser().await;
        superuser.run(&format!("BEGIN; {fault}")).await;
        assert!(!superuser.rows(&invariant.query).await.is_empty(), "{name} does not see: {fault}");
        superuser.run("ROLLBACK; RESET session_replication_role").await;
    }
    studio.close().await;
}

#[actix_web::test]
async fn the_amounts_of_all_transactions_are_what_is_available() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    studio.grant(&anna, 10, Some(1)).await;
    studio.grant(&anna, 10, None).await;
    let [held, captured, consumed, released, refunded] = std::array::from_fn(|_| studio.reservation());
    for reservation in [held, captured, consumed, released, refunded] {
        studio.app.advance(TimeDelta::seconds(1));
        studio.hold(reservation, anna.user_id, 1).await.expect(200);
    }
    studio.settle(captured, "capture").await.expect(200);
    studio.settle(consumed, "consume").await.expect(200);
    studio.settle(released, "release").await.expect(200);
    studio.settle(refunded, "capture").await.expect(200);
    studio.refund(refunded, "cancelled_in_time").await.expect(200);
    studio.app.advance(TimeDelta::days(1));
    studio.app.run_jobs().await;
    let anna = studio.app.renewed(&anna, Role::Member);
    let transactions = studio.transactions(&anna).await;
    let count = |kind: &str| transactions.iter().filter(|(found, _)| found == kind).count();
    let counts = ["adjustment", "hold", "release", "deduction", "refund", "expiry"].map(count);
    assert_eq!(counts, [2, 2, 1, 3, 1, 1], "{transactions:?}");
    let sum: i64 = transactions.iter().map(|(_, amount)| amount).sum();
    assert_eq!(sum, studio.available(&anna).await);
    assert!(transactions.contains(&("expiry".to_owned(), -7)), "{transactions:?}");
    studio.close().await;
}

#[actix_web::test]
async fn transactions_go_on_page_by_page_newest_first() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    for _ in 0..5 {
        studio.grant(&anna, 1, None).await;
        studio.app.advance(TimeDelta::seconds(1));
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/credits/transactions?limit=2{cursor}");
        let page = studio.app.get(&path).bearer(&anna).send().await.expect(200).body;
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["createdAt"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by(|newer, older| newer > older), "{seen:?}");
    studio.close().await;
}

#[actix_web::test]
async fn the_nightly_check_runs_as_the_service_and_finds_a_whole_ledger_whole() {
    let studio = Studio::open().await;
    studio.grant(&studio.app.user(Role::Member), 5, None).await;
    studio.app.advance(TimeDelta::hours(2));
    studio.app.run_jobs().await;
    let failed = studio.app.sql("SELECT name, last_error FROM jobs WHERE last_error IS NOT NULL").await;
    assert_eq!(failed, Vec::<serde_json::Value>::new());
    let waiting = studio.app.sql("SELECT name FROM jobs WHERE name = 'check_ledger'").await;
    assert_eq!(waiting, [json!({ "name": "check_ledger" })]);
    studio.close().await;
}

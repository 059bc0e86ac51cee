//! What Stripe tells, however often and in whatever order, and what merely claims to come from Stripe.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use suite::{Checkout, Member, PackageTerms, Stack, invariants, signature, until, until_within};

const PACK: i32 = 4;
const CREDITS: i64 = PACK as i64;
/// A job whose worker was killed is taken again when its lease has lapsed.
const LEASES_LAPSE_WITHIN: Duration = Duration::from_secs(120);
const COMPLETED: &str = "checkout.session.completed";

async fn package(stack: &Stack) -> String {
    let admin = stack.admin().await;
    stack.package(&admin, PackageTerms { credits: PACK, validity_days: 30 }).await
}

/// Paid at Stripe, of which nothing has been told yet.
async fn paid_in_silence(stack: &Stack, member: &Member, package: &str) -> Checkout {
    let checkout = stack.start_checkout(member, package).await;
    stack.press_pay(&checkout.session_id).await;
    checkout
}

/// The purchase granted one lot, once, and booked one journal.
async fn assert_granted_once(stack: &Stack, member: &Member, checkout: &Checkout) {
    stack.wait_until_paid(member, &checkout.payment_id).await;
    let wallet = stack.wallet(member).await;
    assert_eq!((wallet.available, wallet.held, wallet.lots.len()), (CREDITS, 0, 1), "{wallet:?}");
    let payment = &checkout.payment_id;
    let mut superuser = stack.superuser().await;
    for query in [
        format!(
            "SELECT count(*) AS n FROM credits.lots WHERE source_type = 'payment' AND source_id = '{payment}'"
        ),
        format!("SELECT count(*) AS n FROM credits.journals WHERE idem_key = 'payment:{payment}'"),
        format!(
            "SELECT count(*) AS n FROM credits.events WHERE type = 'payment.paid' AND aggregate_id = '{payment}'"
        ),
    ] {
        assert_eq!(superuser.number(&query).await, 1, "{query}");
    }
}

/// The lot is still the only one after all the jobs that events left behind have run.
async fn wait_until_quiet(stack: &Stack) {
    let mut superuser = stack.superuser().await;
    until_within(LEASES_LAPSE_WITHIN, "every event has been settled", async || {
        let waiting =
            "SELECT count(*) AS n FROM credits.jobs WHERE name = 'settle_payment' AND dead_at IS NULL";
        (superuser.number(waiting).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_same_event_fifty_times_at_once_grants_one_lot() {
    let stack = Stack::attach().await;
    let (package, member, stripe) = (package(&stack).await, stack.enlist_one().await, stack.stripe());
    stripe.steer(json!({ "paused": true })).await;
    let checkout = paid_in_silence(&stack, &member, &package).await;
    let event = stripe.event(&checkout.session_id, COMPLETED).await;
    let answers = stripe.deliver(&event, 50, 50).await;
    stripe.behave().await;
    assert_eq!(answers, vec![json!({ "status": 200 }); 50]);
    assert_granted_once(&stack, &member, &checkout).await;
    wait_until_quiet(&stack).await;
    assert_granted_once(&stack, &member, &checkout).await;
    invariants::check(&stack).await;
}

#[tokio::test]
async fn events_in_any_order_and_each_four_times_end_in_one_lot_for_each_payment() {
    let stack = Stack::attach().await;
    let (package, stripe) = (package(&stack).await, stack.stripe());
    for seed in 1..=4 {
        stripe.steer(json!({ "paused": true })).await;
        let mut purchases = Vec::new();
        for number in 0..6 {
            let member = stack.enlist_one().await;
            let checkout = stack.start_checkout(&member, &package).await;
            if number % 2 == 0 {
                stack.press_pay(&checkout.session_id).await;
            } else {
                stack.pay_with(&checkout.session_id, "delayed").await;
                stripe.settle(&checkout.session_id).await;
            }
            purchases.push((member, checkout));
        }
        let disorder =
            json!({ "shuffle": true, "seed": seed, "duplicates": 3, "parallel": 8, "paused": false });
        stripe.steer(disorder).await;
        for (member, checkout) in &purchases {
            stack.wait_until_paid(member, &checkout.payment_id).await;
        }
        until("everything is delivered", async || {
            let mut delivered = true;
            for (_, checkout) in &purchases {
                let deliveries = stripe.deliveries(&checkout.session_id).await;
                delivered &= deliveries.iter().all(|delivery| delivery["state"] == "delivered");
            }
            delivered.then_some(())
        })
        .await;
        wait_until_quiet(&stack).await;
        for (member, checkout) in &purchases {
            assert_granted_once(&stack, member, checkout).await;
        }
    }
    stripe.behave().await;
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_kill_between_the_webhook_and_its_application_costs_nothing_and_grants_nothing_twice() {
    let stack = Stack::attach().await;
    let (package, member, stripe) = (package(&stack).await, stack.enlist_one().await, stack.stripe());
    stripe.steer(json!({ "paused": true })).await;
    let checkout = paid_in_silence(&stack, &member, &package).await;
    let event = stripe.event(&checkout.session_id, COMPLETED).await;
    let before = stack.processes_of("credits").await;
    stack.arm("credits.settle_payment.before");
    assert_eq!(stripe.deliver(&event, 1, 1).await, [json!({ "status": 200 })]);
    stack.wait_until_fired("credits.settle_payment.before").await;
    stack.wait_for_successors(&before).await;
    stripe.behave().await;
    assert_granted_once(&stack, &member, &checkout).await;
    stripe.deliver(&event, 50, 50).await;
    wait_until_quiet(&stack).await;
    assert_granted_once(&stack, &member, &checkout).await;
    invariants::check(&stack).await;
}

#[tokio::test]
async fn money_is_not_lost_when_credits_are_down_while_stripe_tells_of_it() {
    let stack = Stack::attach().await;
    let (package, member) = (package(&stack).await, stack.enlist_one().await);
    let checkout = stack.start_checkout(&member, &package).await;
    let before = stack.processes_of("credits").await;
    stack.kill("credits").await;
    stack.press_pay(&checkout.session_id).await;
    stack.wait_for_successors(&before).await;
    assert_granted_once(&stack, &member, &checkout).await;
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_forged_or_stale_signature_is_refused_and_leaves_no_trace() {
    let stack = Stack::attach().await;
    let (package, member, stripe) = (package(&stack).await, stack.enlist_one().await, stack.stripe());
    stripe.steer(json!({ "paused": true })).await;
    let checkout = paid_in_silence(&stack, &member, &package).await;
    let event = stripe.event(&checkout.session_id, COMPLETED).await;
    let body = stripe.event_body(&event).await;
    let secret = stack.secret("stripe-webhook-secret");
    let now = stack.clock.now().timestamp();
    let tell = async |header: Option<String>, body: &str| {
        let call = stack.post("/api/webhooks/stripe").header("content-type", "application/json");
        let call = match &header {
            Some(header) => call.header("stripe-signature", header),
            None => call,
        };
        call.body(body).send().await
    };

    let before = row_counts(&stack).await;
    let other_body = body.replace(&checkout.session_id, "cs_test_of_somebody_else");
    for (header, body, code) in [
        (None, &body, "signature_missing"),
        (Some("t=,v1=".to_owned()), &body, "signature_missing"),
        (Some(signature("whsec_0123456789abcdef", now, &body)), &body, "signature_invalid"),
        (Some(signature(&secret, now, &body)), &other_body, "signature_invalid"),
        (Some(signature(&secret, now - 310, &body)), &body, "signature_stale"),
        (Some(signature(&secret, now + 400, &body)), &body, "signature_stale"),
    ] {
        tell(header, body).await.expect_problem(400, code);
    }
    assert_eq!(row_counts(&stack).await, before);
    assert_eq!(stack.payment_status(&member, &checkout.payment_id).await, "open");

    tell(Some(signature(&secret, stack.clock.now().timestamp(), &body)), &body).await.expect(200);
    assert_granted_once(&stack, &member, &checkout).await;
    stripe.behave().await;
    invariants::check(&stack).await;
}

/// How many rows each table has that a webhook could write to.
async fn row_counts(stack: &Stack) -> BTreeMap<&'static str, i64> {
    let mut superuser = stack.superuser().await;
    let mut counts = BTreeMap::new();
    for table in [
        "payments",
        "lots",
        "wallets",
        "journals",
        "entries",
        "holds",
        "hold_allocations",
        "stripe_events",
        "stripe_calls",
        "events",
    ] {
        let count = superuser.number(&format!("SELECT count(*) AS n FROM credits.{table}")).await;
        counts.insert(table, count);
    }
    let jobs = "SELECT count(*) AS n FROM credits.jobs WHERE name = 'settle_payment'";
    counts.insert("jobs", superuser.number(jobs).await);
    counts
}

//! Five hundred people and twenty seats.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use reqwest::Method;
use serde_json::json;
use suite::{Answer, Member, PackageTerms, SessionTerms, Stack, UnguardedBooking, invariants, until_within};

const PEOPLE: usize = 500;
const SEATS: i32 = 20;
/// Requests under way at once: more than the seats by far, and what two processes of a development machine answer in time.
const AT_ONCE: usize = 64;
const REFUSALS: &str = r#"booking_reservations_total{outcome="rejected_capacity"}"#;

#[tokio::test]
async fn five_hundred_race_for_twenty_seats_and_exactly_twenty_get_one() {
    let stack = Stack::attach().await;
    let refused_before = refusals_of_each_process(&stack).await;
    assert_eq!(refused_before.len(), 2, "two booking processes share the race");
    let admin = stack.admin().await;
    let package = stack.package(&admin, PackageTerms { credits: 1, validity_days: 30 }).await;
    let session = stack.session_costing(&admin, 1, SessionTerms::far_ahead(SEATS)).await;
    let people = crowd_with_credits(&stack, &package).await;

    // On a busy machine a winner may first be told `pending`: then they ask again.
    let answers: Vec<(usize, Answer)> = stream::iter(people.iter().enumerate())
        .map(async |(number, member)| (number, stack.book_and_settle(member, &session).await))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;

    let mut outcomes: BTreeMap<(u16, String), usize> = BTreeMap::new();
    for (_, answer) in &answers {
        let what = answer.body.get("code").or_else(|| answer.body.get("status"));
        let what = what.and_then(|what| what.as_str()).unwrap_or_default().to_owned();
        *outcomes.entry((answer.status, what)).or_default() += 1;
    }
    let seats = usize::try_from(SEATS).unwrap();
    let expected = BTreeMap::from([
        ((201, "confirmed".to_owned()), seats),
        ((409, "session_full".to_owned()), PEOPLE - seats),
    ]);
    assert_eq!(outcomes, expected);

    let winners: Vec<usize> =
        answers.iter().filter(|(_, answer)| answer.status == 201).map(|(number, _)| *number).collect();
    for (number, answer) in answers {
        if !winners.contains(&number) {
            answer.expect_problem(409, "session_full");
        }
    }
    assert_wallets(&stack, &people, &winners).await;
    for (before, after) in refused_before.iter().zip(refusals_of_each_process(&stack).await) {
        assert!(after > *before, "one of the processes took no part in the race");
    }
    let mut superuser = stack.superuser().await;
    let taken = format!("SELECT taken FROM booking.sessions WHERE id = '{session}'");
    assert_eq!(superuser.number(&taken).await, i64::from(SEATS));
    invariants::check(&stack).await;
}

/// How many requests each booking process has refused for want of seats, by its own count.
async fn refusals_of_each_process(stack: &Stack) -> Vec<u64> {
    let mut counts = Vec::new();
    for process in stack.processes_of("booking").await {
        let internal = process.ports.last().expect("booking has an internal listener");
        let url = format!("http://127.0.0.1:{internal}/metrics");
        let metrics = stack.call(Method::GET, url).send().await.expect(200).body;
        let line =
            metrics.as_str().and_then(|text| text.lines().find_map(|line| line.strip_prefix(REFUSALS)));
        counts.push(line.and_then(|count| count.trim().parse().ok()).unwrap_or_default());
    }
    counts
}

/// People with one credit each, bought as everybody buys.
async fn crowd_with_credits(stack: &Stack, package: &str) -> Vec<Member> {
    let people = stack.enlist(PEOPLE).await;
    stream::iter(&people)
        .map(async |member| {
            let checkout = stack.start_checkout(member, package).await;
            stack.press_pay(&checkout.session_id).await;
        })
        .buffer_unordered(16)
        .collect::<()>()
        .await;
    let ids: Vec<String> = people.iter().map(|member| format!("'{}'", member.user_id)).collect();
    let paid = format!(
        "SELECT count(*) AS n FROM credits.payments WHERE status = 'paid' AND user_id IN ({})",
        ids.join(",")
    );
    let mut superuser = stack.superuser().await;
    until_within(Duration::from_secs(180), "everybody's payment has arrived", async || {
        (superuser.number(&paid).await == PEOPLE as i64).then_some(())
    })
    .await;
    people
}

/// The twenty have spent their credit, the others have theirs whole.
async fn assert_wallets(stack: &Stack, people: &[Member], winners: &[usize]) {
    let wallets: Vec<_> = stream::iter(people.iter().enumerate())
        .map(async |(number, member)| (number, stack.wallet(member).await))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    for (number, wallet) in wallets {
        let left = i64::from(!winners.contains(&number));
        assert_eq!(wallet.available, left, "{wallet:?}");
        assert!(wallet.held == 0 || left == 0, "{wallet:?}");
    }
}

#[tokio::test]
async fn without_its_guard_the_same_race_sells_more_seats_than_there_are() {
    let stack = Stack::attach().await;
    let control = UnguardedBooking::start(&stack).await;
    let admin = stack.admin().await;
    let create = async |path: &str, body: serde_json::Value| {
        control.post(0, path).bearer(&admin).json(&body).send().await.expect(201).text("id")
    };
    let class =
        create("/api/classes", json!({ "title": "Unguarded", "durationMinutes": 60, "creditCost": 0 })).await;
    let starts_at = stack.clock.now() + SessionTerms::far_ahead(SEATS).starts_in;
    let session = json!({ "classId": class, "startsAt": starts_at, "capacity": SEATS });
    let session = create("/api/sessions", session).await;

    let people: Vec<Member> = (0..PEOPLE).map(|_| stack.mint()).collect();
    let request = json!({ "sessionId": session, "seats": 1 });
    stream::iter(people.iter().enumerate())
        .map(async |(number, member)| {
            let key = stack.fresh("book");
            let call = control.post(number, "/api/booking/create").bearer(member).idempotency_key(&key);
            call.json(&request).send().await
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let confirmed = control.confirmed(&session).await;
    control.stop().await;
    assert!(confirmed > i64::from(SEATS), "the guard is off, and yet {confirmed} got a seat");
    invariants::check(&stack).await;
}

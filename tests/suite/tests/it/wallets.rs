//! One wallet, and more who draw on it than it can pay.

use futures_util::{StreamExt as _, stream};
use suite::{Answer, ClassTerms, Lot, Member, PackageTerms, Person, SessionTerms, Stack, invariants, until};

const SESSIONS: usize = 100;
/// Bought in this order; spent in the order of their expiry.
const VALIDITY_DAYS: [i32; 3] = [60, 10, 30];

#[tokio::test]
async fn three_credits_pay_exactly_three_of_a_hundred_bookings_made_at_once() {
    let stack = Stack::attach().await;
    let admin = stack.admin().await;
    let (person, _) = person_with_three_lots(&stack, &admin).await;
    let answers = book_at_once(&stack, &admin, &person, SESSIONS).await;
    let (booked, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(booked.len(), 3, "{booked:#?}");
    for answer in refused {
        answer.expect_problem(402, "insufficient_credits");
    }
    assert!(lots_left(&stack, &person).await.is_empty());
    invariants::check(&stack).await;
}

#[tokio::test]
async fn the_lot_that_expires_soonest_is_spent_first_also_by_bookings_made_at_once() {
    let stack = Stack::attach().await;
    let admin = stack.admin().await;
    let (person, lots) = person_with_three_lots(&stack, &admin).await;
    for answer in book_at_once(&stack, &admin, &person, 2).await {
        answer.expect(201);
    }
    assert_eq!(lots_left(&stack, &person).await, [lots[2].id.clone()]);

    let (person, lots) = person_with_three_lots(&stack, &admin).await;
    for spent in 1..=3 {
        book_at_once(&stack, &admin, &person, 1).await.remove(0).expect(201);
        let left: Vec<String> = lots[spent..].iter().map(|lot| lot.id.clone()).collect();
        assert_eq!(lots_left(&stack, &person).await, left);
    }
    book_at_once(&stack, &admin, &person, 1).await.remove(0).expect_problem(402, "insufficient_credits");
    invariants::check(&stack).await;
}

/// Three lots of one credit each, by their expiry.
async fn person_with_three_lots(stack: &Stack, admin: &Member) -> (Person, Vec<Lot>) {
    let person = stack.sign_up("en").await;
    for validity_days in VALIDITY_DAYS {
        let package = stack.package(admin, PackageTerms { credits: 1, validity_days }).await;
        stack.buy(&person, &package).await;
    }
    let lots = stack.wallet(&person).await.lots;
    assert_eq!(lots.len(), 3, "{lots:#?}");
    let expiries: Vec<_> = lots.iter().filter_map(|lot| lot.expires_at.clone()).collect();
    assert_eq!(expiries.len(), 3, "{lots:#?}");
    assert!(expiries.is_sorted(), "a wallet shows its lots in the order in which they are spent: {lots:#?}");
    (person, lots)
}

/// Books so many sessions, each another, all at once.
async fn book_at_once(stack: &Stack, admin: &Member, person: &Person, count: usize) -> Vec<Answer> {
    let class = stack.class(admin, ClassTerms { credit_cost: 1 }).await;
    let sessions: Vec<String> = stream::iter(0..count)
        .map(async |_| stack.session(admin, &class, SessionTerms::far_ahead(5)).await)
        .buffered(8)
        .collect()
        .await;
    let bookings = stream::iter(&sessions).map(async |session| stack.book_and_settle(person, session).await);
    bookings.buffer_unordered(count).collect().await
}

/// The lots that still have something, once nothing is held any more.
async fn lots_left(stack: &Stack, person: &Person) -> Vec<String> {
    let wallet = until("every hold is captured", async || {
        Some(stack.wallet(person).await).filter(|wallet| wallet.held == 0)
    })
    .await;
    wallet.lots.into_iter().filter(|lot| lot.remaining > 0).map(|lot| lot.id).collect()
}

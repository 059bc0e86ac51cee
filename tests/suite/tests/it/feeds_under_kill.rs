//! A subscriber that was away for ten thousand events and is killed again and again while it catches up.

use std::time::Duration;

use suite::{Person, Stack, invariants, until_within};

use crate::absence::Absence;

const EVENTS: i64 = 10_000;
/// Aggregates that the events are about, in turn.
const PAYMENTS: i64 = 100;
const PEOPLE: i64 = 5;
/// Events of one transaction.
const BATCH: usize = 500;
const KILLS: usize = 8;
/// Where the kills fall. Another seed is another test; this one fails or passes the same way again.
const SEED: u64 = 0x5348_494e_4b4f_4641;
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(300);

/// A generator whose numbers anybody can work out again (Knuth's MMIX).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Payments that are told of over and over, and notify, which writes a receipt each time.
struct CatchUp {
    stack: Stack,
    people: Vec<Person>,
    payments: Vec<String>,
}

impl CatchUp {
    async fn prepare(stack: &Stack) -> Self {
        let mut people = Vec::new();
        for _ in 0..PEOPLE {
            people.push(stack.sign_up("en").await);
        }
        let payments = (0..PAYMENTS).map(|_| stack.clock.new_uuid().to_string()).collect();
        Self { stack: stack.clone(), people, payments }
    }

    /// A query over our deliveries `d`, each with the event `e` that it was made of.
    fn query(&self, select: &str, and: &str) -> String {
        format!(
            "SELECT {select} FROM credits.events e JOIN notify.deliveries d ON d.event_id = e.id
             WHERE e.aggregate_type = 'payment' AND e.aggregate_id = ANY ('{{{}}}'::uuid[]) {and}",
            self.payments.join(",")
        )
    }

    async fn number(&self, select: &str, and: &str) -> i64 {
        self.stack.superuser().await.number(&self.query(select, and)).await
    }

    async fn append_events(&self) {
        let mut superuser = self.stack.superuser().await;
        superuser.run("SET search_path = credits").await;
        let payments: Vec<String> = (0..PAYMENTS)
            .zip(&self.payments)
            .zip(self.people.iter().cycle())
            .map(|((place, payment), person)| {
                format!("({place}, '{payment}'::uuid, '{}'::uuid)", person.user_id())
            })
            .collect();
        for first in (0..EVENTS).step_by(BATCH) {
            let append = format!(
                "SELECT append_event(gen_random_uuid(), 'payment.paid', 1, clock_timestamp(), t.id, 'payment', p.id,
                    jsonb_build_object('kind', 'user', 'userId', p.person), NULL,
                    jsonb_build_object('paymentId', p.id, 'userId', p.person, 'packageId', p.id, 'packageName', 'Ten',
                        'credits', 10, 'amountMinor', 1000, 'currency', 'EUR', 'lotId', p.id, 'expiresAt', NULL), NULL)
                 FROM generate_series({first}, {first} + {BATCH} - 1) n
                 JOIN (VALUES {}) p (place, id, person) ON p.place = n % {PAYMENTS}
                 JOIN tenants t ON t.slug = 'default' ORDER BY n",
                payments.join(", ")
            );
            superuser.run(&append).await;
        }
    }

    /// Recorded deliveries and settled ones: both halves of the work are interrupted.
    async fn progress(&self) -> i64 {
        self.number("count(*) + count(d.settled_at)", "").await
    }

    async fn kill_at_random_points(&self) {
        let mut seeded = Seeded(SEED);
        let mut points: Vec<i64> =
            (0..KILLS).map(|_| i64::try_from(seeded.below(20_000)).expect("a small number")).collect();
        points.sort_unstable();
        for point in points {
            until_within(CAUGHT_UP_WITHIN, &format!("{point} of 20000 steps are done"), async || {
                (self.progress().await >= point).then_some(())
            })
            .await;
            let before = self.stack.processes_of("notify").await;
            self.stack.kill("notify").await;
            self.stack.wait_for_successors(&before).await;
        }
    }

    async fn assert_applied_once_and_in_order(&self) {
        let mut superuser = self.stack.superuser().await;
        until_within(CAUGHT_UP_WITHIN, "the cursor is behind the last event", async || {
            let ahead = superuser
                .number(
                    "SELECT count(*) FROM credits.events e, notify.feed_cursors c
                     WHERE c.feed = 'credits' AND (e.transaction, e.number) > (c.transaction, c.number)",
                )
                .await;
            (ahead == 0).then_some(())
        })
        .await;
        let parked = "SELECT count(*) FROM notify.parked_events WHERE feed = 'credits'";
        assert_eq!(superuser.number(parked).await, 0);
        assert_eq!(self.number("count(*)", "").await, EVENTS, "each event has a delivery");
        assert_eq!(self.number("count(DISTINCT d.event_id)", "").await, EVENTS, "and one only");
        let story = self.query(
            "e.aggregate_id, e.aggregate_seq, d.created_at,
             lag(d.created_at) OVER (PARTITION BY e.aggregate_id ORDER BY e.aggregate_seq) AS previous",
            "",
        );
        let disordered = format!("SELECT * FROM ({story}) t WHERE t.previous > t.created_at LIMIT 5");
        let disordered = superuser.rows(&disordered).await;
        assert!(disordered.is_empty(), "applied out of order: {disordered:?}");
    }

    /// The mailbox takes a message once, however often it is handed over, as a server that knows its Message-IDs.
    async fn assert_mailed_once(&self) {
        until_within(CAUGHT_UP_WITHIN, "every mail is sent", async || {
            (self.number("count(*)", "AND d.state = 'sent'").await == EVENTS).then_some(())
        })
        .await;
        let mut superuser = self.stack.superuser().await;
        for person in &self.people {
            let mails = superuser
                .number(&format!(
                    "SELECT count(*) FROM notify.mailbox_messages m JOIN notify.deliveries d ON d.id = m.id
                     WHERE m.recipient = '{}' AND d.kind = 'payment_paid'",
                    person.email
                ))
                .await;
            assert_eq!(mails, EVENTS / PEOPLE, "{} has each mail once", person.email);
        }
    }
}

#[tokio::test]
async fn a_subscriber_killed_at_random_while_it_catches_up_applies_each_event_once_and_in_order() {
    let stack = Stack::attach().await;
    let catch_up = CatchUp::prepare(&stack).await;
    let absence = Absence::of(&stack, "notify").await;
    catch_up.append_events().await;
    assert_eq!(catch_up.progress().await, 0, "notify is away");
    absence.end(&stack).await;
    catch_up.kill_at_random_points().await;
    catch_up.assert_applied_once_and_in_order().await;
    catch_up.assert_mailed_once().await;
    invariants::check(&stack).await;
}

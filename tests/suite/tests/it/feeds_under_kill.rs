//! A subscriber that was away for ten thousand events and is killed again and again while it catches up.

use std::time::Duration;

use suite::{Person, Stack, invariants, until, until_within};

use crate::absence::Absence;

const EVENTS: i64 = 10_000;
const PEOPLE: usize = 10;
/// Events of one transaction.
const BATCH: i64 = 500;
const KILLS: usize = 12;
/// Where the kills fall. Another seed is another test; this one fails or passes the same way again.
const SEED: u64 = 0x5348_494e_4b4f_4641;
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(240);

/// Deliveries of ours, each with the event it was made of.
const OURS: &str =
    "FROM auth.events e JOIN notify.deliveries d ON d.event_id = e.id WHERE e.type = 'signup.known_address'
    AND e.aggregate_id = ANY (PEOPLE)";

/// A generator whose numbers anybody can work out again (Knuth's MMIX).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

struct CatchUp {
    stack: Stack,
    people: Vec<Person>,
}

impl CatchUp {
    fn query(&self, select: &str, and: &str) -> String {
        let ids: Vec<String> = self.people.iter().map(|person| format!("'{}'", person.user_id())).collect();
        format!(
            "SELECT {select} {} {and}",
            OURS.replace("PEOPLE", &format!("ARRAY[{}]::uuid[]", ids.join(",")))
        )
    }

    async fn number(&self, select: &str, and: &str) -> i64 {
        self.stack.superuser().await.number(&self.query(select, and)).await
    }

    /// Tells auth's feed that somebody tried to sign up with each of these addresses, in turn and over and over.
    async fn append_events(&self) {
        let mut superuser = self.stack.superuser().await;
        superuser.run("SET search_path = auth").await;
        let people: Vec<String> = self
            .people
            .iter()
            .enumerate()
            .map(|(place, person)| {
                format!("({place}, '{}'::uuid, '{}', '{}')", person.user_id(), person.email, person.name)
            })
            .collect();
        for first in (0..EVENTS).step_by(usize::try_from(BATCH).expect("a small number")) {
            let append = format!(
                "SELECT append_event(gen_random_uuid(), 'signup.known_address', 1, clock_timestamp(), t.id, 'user', p.id,
                    '{{\"kind\": \"anonymous\"}}', NULL, jsonb_build_object('userId', p.id, 'locale', 'en'),
                    jsonb_build_object('email', p.email, 'name', p.name))
                 FROM generate_series({first}, {first} + {BATCH} - 1) n
                 JOIN (VALUES {}) p (place, id, email, name) ON p.place = n % {PEOPLE}
                 JOIN tenants t ON t.slug = 'default' ORDER BY n",
                people.join(", ")
            );
            superuser.run(&append).await;
        }
        let appended = superuser
            .number(&format!(
                "SELECT count(*) FROM auth.events WHERE type = 'signup.known_address' AND aggregate_id = ANY (ARRAY[{}]::uuid[])",
                self.people.iter().map(|person| format!("'{}'", person.user_id())).collect::<Vec<_>>().join(",")
            ))
            .await;
        assert_eq!(appended, EVENTS);
    }

    /// Recorded deliveries and sent ones: both halves of the work are interrupted.
    async fn progress(&self) -> i64 {
        self.number("count(*) + count(*) FILTER (WHERE d.settled_at IS NOT NULL)", "").await
    }

    async fn kill_at_random_points(&self) {
        let mut seeded = Seeded(SEED);
        let mut points: Vec<i64> =
            (0..KILLS).map(|_| i64::try_from(seeded.below(2 * 10_000)).expect("a small number")).collect();
        points.sort_unstable();
        for point in points {
            until_within(CAUGHT_UP_WITHIN, &format!("{point} steps are done"), async || {
                (self.progress().await >= point).then_some(())
            })
            .await;
            let before = self.stack.processes_of("notify").await;
            self.stack.kill("notify").await;
            self.stack.wait_for_successors(&before).await;
        }
    }
}

#[tokio::test]
async fn a_subscriber_killed_at_random_while_it_catches_up_applies_each_event_once_and_in_order() {
    let stack = Stack::attach().await;
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        people.push(stack.sign_up("en").await);
    }
    let catch_up = CatchUp { stack: stack.clone(), people };

    let absence = Absence::of(&stack, "notify").await;
    catch_up.append_events().await;
    assert_eq!(catch_up.progress().await, 0, "notify is away");
    absence.end(&stack).await;
    catch_up.kill_at_random_points().await;

    let mut superuser = stack.superuser().await;
    until("the cursor is behind the last event", async || {
        let behind = superuser
            .number(
                "SELECT count(*) FROM auth.events e, notify.feed_cursors c
                 WHERE c.feed = 'auth' AND (e.transaction, e.number) > (c.transaction, c.number)",
            )
            .await;
        (behind == 0).then_some(())
    })
    .await;
    assert_eq!(superuser.number("SELECT count(*) FROM notify.parked_events WHERE feed = 'auth'").await, 0);
    assert_eq!(catch_up.number("count(*)", "").await, EVENTS, "each event has a delivery");
    assert_eq!(catch_up.number("count(DISTINCT d.event_id)", "").await, EVENTS, "and one only");

    let inner = catch_up.query(
        "e.aggregate_id, e.aggregate_seq, d.created_at,
         lag(d.created_at) OVER (PARTITION BY e.aggregate_id ORDER BY e.aggregate_seq) AS previous",
        "",
    );
    let disordered =
        superuser.rows(&format!("SELECT * FROM ({inner}) t WHERE t.previous > t.created_at LIMIT 5")).await;
    assert!(disordered.is_empty(), "applied out of order: {disordered:?}");

    until_within(CAUGHT_UP_WITHIN, "every mail is sent", async || {
        (catch_up.number("count(*)", "AND d.state = 'sent'").await == EVENTS).then_some(())
    })
    .await;
    for person in &catch_up.people {
        let mails = superuser
            .number(&format!(
                "SELECT count(*) FROM notify.mailbox_messages m JOIN notify.deliveries d ON d.id = m.id
                 WHERE m.recipient = '{}' AND d.kind = 'signup_known_address'",
                person.email
            ))
            .await;
        assert_eq!(mails, EVENTS / 10, "{} has each mail once", person.email);
    }
    invariants::check(&stack).await;
}

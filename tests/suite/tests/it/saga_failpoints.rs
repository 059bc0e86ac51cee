//! `kill -9` of booking and of credits before and after every step of every saga: within a minute all is as it should be.
//!
//! Every point that a service declares is tried in the scenario that passes it, each with a person of its own. While one
//! is being tried, those before it settle; each has its own minute, counted from the kill.

use std::time::{Duration, Instant};

use serde_json::Value;
use suite::{Checkout, Member, PackageTerms, SessionTerms, Stack, Wallet, invariants, until, until_within};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

const COST_IN_CREDITS: i32 = 2;
const COST: i64 = COST_IN_CREDITS as i64;
const CREDITS_OF_A_PACK: i32 = 3;
const PACK: i64 = CREDITS_OF_A_PACK as i64;
const CONFIRMED: &str = "Your booking is confirmed";
const SETTLES_WITHIN: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scenario {
    /// A seat is booked and paid for.
    Book,
    /// The wallet does not cover it.
    Refuse,
    CancelInTime,
    CancelLate,
    /// Credits do not answer until the seats have lapsed.
    Lapse,
    /// A package is bought.
    Purchase,
    /// A mail is handed over.
    Tell,
    /// The audit trail is sealed: see `audit_trail`.
    Seal,
}

/// The scenario that passes a point. A point that nobody passes fails the test that asks.
fn scenario_of(point: &str) -> Scenario {
    let step = point.rsplit_once('.').map_or(point, |(step, _)| step);
    match step {
        "booking.reserve" | "booking.hold" | "booking.confirm" | "booking.capture" | "credits.hold"
        | "credits.capture" => Scenario::Book,
        "booking.reject" => Scenario::Refuse,
        "booking.cancel" | "booking.refund" | "credits.refund" => Scenario::CancelInTime,
        "booking.consume" | "credits.consume" => Scenario::CancelLate,
        "booking.expire" | "booking.release" | "credits.release" => Scenario::Lapse,
        "credits.begin_checkout"
        | "credits.open_checkout"
        | "credits.receive_event"
        | "credits.settle_payment" => Scenario::Purchase,
        "notify.deliver" => Scenario::Tell,
        "auth.seal" => Scenario::Seal,
        _ => panic!("no scenario passes the failpoint {point}: add one"),
    }
}

#[tokio::test]
async fn every_declared_failpoint_comes_in_a_pair_and_has_a_scenario() {
    let stack = Stack::attach().await;
    let points = stack.declared_failpoints();
    for point in &points {
        scenario_of(point);
        let (step, side) = point.rsplit_once('.').expect("a side of a step");
        let twin = if side == "before" { format!("{step}.after") } else { format!("{step}.before") };
        assert!(points.iter().any(|other| other.starts_with(&twin)), "{point} has no {twin}");
    }
}

#[tokio::test]
async fn a_booking_survives_a_kill_at_every_step() {
    survive(Scenario::Book).await;
}

#[tokio::test]
async fn a_refused_booking_survives_a_kill_at_every_step() {
    survive(Scenario::Refuse).await;
}

#[tokio::test]
async fn a_cancellation_in_time_survives_a_kill_at_every_step() {
    survive(Scenario::CancelInTime).await;
}

#[tokio::test]
async fn a_late_cancellation_survives_a_kill_at_every_step() {
    survive(Scenario::CancelLate).await;
}

#[tokio::test]
async fn seats_that_lapse_survive_a_kill_at_every_step() {
    survive(Scenario::Lapse).await;
}

#[tokio::test]
async fn a_purchase_survives_a_kill_at_every_step() {
    survive(Scenario::Purchase).await;
}

/// A job that was killed is taken again when its lease lapses, which for mails takes a minute.
const MAIL_ARRIVES_WITHIN: Duration = Duration::from_secs(150);

#[tokio::test]
async fn a_mail_survives_a_kill_and_comes_twice_only_when_it_died_after_the_handing_over() {
    let stack = Stack::attach().await;
    let studio = Studio::open(&stack, Scenario::Tell).await;
    let points = stack.declared_failpoints();
    let mut expected = Vec::new();
    for point in points.into_iter().filter(|point| scenario_of(point) == Scenario::Tell) {
        let person = stack.sign_up("en").await;
        stack.buy(&person, &studio.package).await;
        stack.mail_with(&person.email, "credits").await;
        stack.arm(&point);
        stack.book(&person, &studio.session).await.expect(201);
        stack.wait_until_fired(&point).await;
        stack.wait_until_ready().await;
        let most = if point.ends_with(".before") { 1 } else { 2 };
        expected.push((point, person, most));
    }
    assert!(!expected.is_empty());
    for (point, person, most) in expected {
        let told = until_within(MAIL_ARRIVES_WITHIN, &format!("{point}: the mail arrives"), async || {
            let mails = stack.mails_to(&person.email).await;
            let holds = |mail: &&Value| mail["text"].as_str().is_some_and(|text| text.contains(CONFIRMED));
            Some(mails.iter().filter(holds).count()).filter(|count| *count > 0)
        })
        .await;
        assert!(told <= most, "{point}: told {told} times");
    }
    invariants::check(&stack).await;
}

/// Kills at each point of a scenario, one after the other, and waits until everybody's affairs are in order.
async fn survive(scenario: Scenario) {
    LocalSet::new().run_until(kill_at_every_point(scenario)).await;
}

async fn kill_at_every_point(scenario: Scenario) {
    let stack = Stack::attach().await;
    let studio = Studio::open(&stack, scenario).await;
    let points = stack.declared_failpoints();
    let points: Vec<String> = points.into_iter().filter(|point| scenario_of(point) == scenario).collect();
    assert!(!points.is_empty());
    let mut watched: Vec<(String, JoinHandle<Duration>)> = Vec::new();
    for point in points {
        let outcome = studio.drive(&stack, scenario, &point).await;
        let fired = Instant::now();
        let watch = outcome.wait_until_in_order(stack.clone(), point.clone(), fired);
        watched.push((point, spawn_local(watch)));
        stack.wait_until_ready().await;
    }
    for (point, watch) in watched {
        let took = watch.await.unwrap_or_else(|error| panic!("{point}: {error}"));
        eprintln!("{point}: in order {:.1} s after the kill", took.as_secs_f64());
    }
    invariants::check(&stack).await;
}

/// What everybody books and buys.
struct Studio {
    package: String,
    session: String,
}

/// A person after a kill, and how their affairs must end.
struct Outcome {
    member: Member,
    wallet: Expected,
    /// The status that their one reservation must have, and the state of its hold.
    reservation: Option<(&'static str, &'static str)>,
    payment: Option<String>,
}

/// What must be in the wallet in the end.
enum Expected {
    /// Exactly what was there before, lot by lot.
    Whole(Wallet),
    /// So many credits, and none held.
    Available(i64),
}

impl Studio {
    async fn open(stack: &Stack, scenario: Scenario) -> Self {
        let admin = stack.admin().await;
        let pack = PackageTerms { credits: CREDITS_OF_A_PACK, validity_days: 30 };
        let terms = match scenario {
            Scenario::CancelLate => SessionTerms::soon(1000),
            _ => SessionTerms::far_ahead(1000),
        };
        Self {
            package: stack.package(&admin, pack).await,
            session: stack.session_costing(&admin, COST_IN_CREDITS, terms).await,
        }
    }

    /// Plays the scenario with a fresh person until the point has killed a process.
    async fn drive(&self, stack: &Stack, scenario: Scenario, point: &str) -> Outcome {
        let member = stack.enlist_one().await;
        match scenario {
            Scenario::Book => self.book(stack, point, member).await,
            Scenario::Refuse => self.refuse(stack, point, member).await,
            Scenario::CancelInTime => {
                self.cancel(stack, point, member, ("cancelled", "refunded", COST)).await
            }
            Scenario::CancelLate => {
                self.cancel(stack, point, member, ("late_cancelled", "consumed", 0)).await
            }
            Scenario::Lapse => self.lapse(stack, point, member).await,
            Scenario::Purchase => self.purchase(stack, point, member).await,
            Scenario::Tell | Scenario::Seal => unreachable!("mails and seals have tests of their own"),
        }
    }

    async fn book(&self, stack: &Stack, point: &str, member: Member) -> Outcome {
        stack.buy(&member, &self.package).await;
        stack.arm(point);
        let booking = stack.booking(&member, &self.session, &stack.fresh("book"));
        let answer = booking.send_until_answered().await;
        assert!(matches!(answer.status, 201 | 202), "{point}: {} {:#}", answer.status, answer.body);
        stack.wait_until_fired(point).await;
        let wallet = Expected::Available(PACK - COST);
        Outcome { member, wallet, reservation: Some(("confirmed", "captured")), payment: None }
    }

    async fn refuse(&self, stack: &Stack, point: &str, member: Member) -> Outcome {
        stack.arm(point);
        let booking = stack.booking(&member, &self.session, &stack.fresh("book"));
        booking.send_until_answered().await.expect_problem(402, "insufficient_credits");
        stack.wait_until_fired(point).await;
        let wallet = Expected::Available(0);
        Outcome { member, wallet, reservation: Some(("rejected", "released")), payment: None }
    }

    async fn cancel(
        &self,
        stack: &Stack,
        point: &str,
        member: Member,
        (status, hold, refunded): (&'static str, &'static str, i64),
    ) -> Outcome {
        stack.buy(&member, &self.package).await;
        let before = stack.wallet(&member).await;
        let reservation = stack.book(&member, &self.session).await.expect(201).text("reservationId");
        until("the credits are captured", async || (stack.wallet(&member).await.held == 0).then_some(()))
            .await;
        stack.arm(point);
        let answer = stack.cancellation(&member, &reservation).send_until_answered().await.expect(200);
        assert_eq!(
            (&answer.body["status"], &answer.body["creditsRefunded"]),
            (&status.into(), &refunded.into())
        );
        stack.wait_until_fired(point).await;
        let wallet = if refunded > 0 { Expected::Whole(before) } else { Expected::Available(PACK - COST) };
        Outcome { member, wallet, reservation: Some((status, hold)), payment: None }
    }

    /// Credits hang while the seats are booked, and the time for which the seats were kept is cut short.
    async fn lapse(&self, stack: &Stack, point: &str, member: Member) -> Outcome {
        stack.buy(&member, &self.package).await;
        let before = stack.wallet(&member).await;
        let mut superuser = stack.superuser().await;
        stack.freeze("credits").await;
        let pending = stack.book(&member, &self.session).await;
        let reservation = pending.expect(202).text("reservationId");
        let cut_short = format!(
            "UPDATE booking.reservations SET hold_expires_at = now() WHERE id = '{reservation}' AND status = 'pending'"
        );
        superuser.run(&cut_short).await;
        stack.arm(point);
        stack.thaw("credits").await;
        stack.wait_until_fired(point).await;
        Outcome {
            member,
            wallet: Expected::Whole(before),
            reservation: Some(("expired", "released")),
            payment: None,
        }
    }

    async fn purchase(&self, stack: &Stack, point: &str, member: Member) -> Outcome {
        stack.arm(point);
        let checkout = stack.checkout(&member, &self.package, &stack.fresh("checkout"));
        let answer = checkout.send_until_answered().await.expect(201);
        let checkout =
            Checkout { payment_id: answer.text("paymentId"), session_id: answer.text("checkoutSessionId") };
        stack.press_pay(&checkout.session_id).await;
        stack.wait_until_fired(point).await;
        let (wallet, payment) = (Expected::Available(PACK), Some(checkout.payment_id));
        Outcome { member, wallet, reservation: None, payment }
    }
}

impl Outcome {
    /// Returns how long after the kill everything was in order.
    async fn wait_until_in_order(self, stack: Stack, point: String, fired: Instant) -> Duration {
        let mut superuser = stack.superuser().await;
        until_within(SETTLES_WITHIN * 2, &format!("{point}: everything is in order"), async || {
            let complaints = self.complaints(&stack, &mut superuser).await;
            assert!(
                complaints.is_empty() || fired.elapsed() < SETTLES_WITHIN,
                "{point}: {:?} after the kill {} has {complaints:?}",
                fired.elapsed(),
                self.member.user_id
            );
            complaints.is_empty().then_some(())
        })
        .await;
        fired.elapsed()
    }

    /// What is not yet as it must be.
    async fn complaints(&self, stack: &Stack, superuser: &mut suite::Superuser) -> Vec<String> {
        let mut complaints = Vec::new();
        let wallet = stack.wallet(&self.member).await;
        let as_expected = match &self.wallet {
            Expected::Whole(before) => wallet == *before,
            Expected::Available(available) => wallet.available == *available && wallet.held == 0,
        };
        if !as_expected {
            complaints.push(format!("{wallet:?}"));
        }
        let user = self.member.user_id;
        let reservations = format!(
            "SELECT reservations.status, holds.state FROM booking.reservations LEFT JOIN credits.holds \
             ON holds.tenant_id = reservations.tenant_id AND holds.reservation_id = reservations.id \
             WHERE customer_id = '{user}'"
        );
        let found = superuser.rows(&reservations).await;
        let pairs = found.iter().map(|row| (text(row, "status"), text(row, "state")));
        if pairs.ne(self.reservation) {
            complaints.push(format!("reservations {found:?}"));
        }
        if self.payment.is_some() {
            let payments = format!("SELECT status FROM credits.payments WHERE user_id = '{user}'");
            let found = superuser.rows(&payments).await;
            if !found.iter().map(|row| text(row, "status")).eq(["paid"]) || wallet.lots.len() != 1 {
                complaints.push(format!("payments {found:?}, lots {:?}", wallet.lots));
            }
        }
        complaints
    }
}

/// A member of a row; empty where there is none.
fn text<'a>(row: &'a Value, member: &str) -> &'a str {
    row[member].as_str().unwrap_or_default()
}

//! A stand-in for credits that keeps wallets and holds as the real one does, and can be told to misbehave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::{Hold, HoldState};
use shinkofa_kernel::UserId;
use shinkofa_testing::wiremock::{Request, Respond, ResponseTemplate};
use shinkofa_testing::{FakePeer, TestUser, problem};

#[derive(Default)]
struct Books {
    wallets: HashMap<UserId, i32>,
    holds: HashMap<ReservationId, Hold>,
    down: bool,
    /// What is asked is done, and its answer comes too late.
    slow: bool,
}

#[derive(Clone, Default)]
struct Answers(Arc<Mutex<Books>>);

pub struct FakeCredits {
    peer: FakePeer,
    answers: Answers,
}

/// Longer than anybody waits for an answer.
const TOO_LONG: Duration = Duration::from_secs(5);

impl FakeCredits {
    pub async fn start() -> Self {
        let (peer, answers) = (FakePeer::start().await, Answers::default());
        for verb in ["GET", "PUT"] {
            peer.on(verb, "^/internal/v1/holds", answers.clone()).await;
        }
        Self { peer, answers }
    }

    pub fn url(&self) -> String {
        self.peer.url()
    }

    pub fn give(&self, user: &TestUser, credits: i32) {
        *self.books().wallets.entry(user.user_id).or_default() += credits;
    }

    pub fn available(&self, user: &TestUser) -> i32 {
        self.books().wallets.get(&user.user_id).copied().unwrap_or_default()
    }

    pub fn state(&self, reservation: &str) -> Option<HoldState> {
        self.books().holds.get(&reservation.parse().expect("an id")).map(|hold| hold.state)
    }

    /// Puts a hold into the books that no call asked for.
    pub fn plant(&self, reservation: ReservationId, user: &TestUser, amount: i32, state: HoldState) {
        let hold = Hold {
            reservation_id: reservation,
            user_id: user.user_id,
            amount,
            state,
            allocations: Vec::new(),
        };
        self.books().holds.insert(reservation, hold);
    }

    pub fn forget(&self, reservation: &str) {
        self.books().holds.remove(&reservation.parse().expect("an id"));
    }

    pub fn set_down(&self, down: bool) {
        self.books().down = down;
    }

    pub fn set_slow(&self, slow: bool) {
        self.books().slow = slow;
    }

    /// The calls so far, as `PUT /internal/v1/holds/...`.
    pub async fn calls(&self, verb: &str) -> Vec<String> {
        let requests = self.peer.requests().await.into_iter();
        requests
            .filter(|(method, ..)| method == verb)
            .map(|(method, path, _)| format!("{method} {path}"))
            .collect()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.answers.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut books = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if books.down {
            return problem(503, "database_unavailable");
        }
        let path = request.url.path().trim_start_matches("/internal/v1/holds").to_owned();
        let answer = match path.trim_matches('/').split_once('/') {
            None if path.is_empty() => books.page(request),
            None => books.hold(path.trim_matches('/'), request),
            Some((id, verb)) => books.follow_up(id, verb),
        };
        if books.slow { answer.set_delay(TOO_LONG) } else { answer }
    }
}

impl Books {
    fn page(&self, request: &Request) -> ResponseTemplate {
        let query = |name: &str| {
            request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let state: HoldState = query("state").expect("a state").parse().expect("a known state");
        let after =
            query("cursor").map(|cursor| cursor.parse::<ReservationId>().expect("a cursor of this list"));
        let mut items: Vec<&Hold> = self.holds.values().filter(|hold| hold.state == state).collect();
        items.sort_by_key(|hold| hold.reservation_id);
        items.retain(|hold| after.is_none_or(|after| hold.reservation_id > after));
        // Pages of two, so that every reader has to turn them.
        let next = (items.len() > 2).then(|| items[1].reservation_id);
        items.truncate(2);
        ResponseTemplate::new(200).set_body_json(json!({ "items": items, "nextCursor": next }))
    }

    fn hold(&mut self, id: &str, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).expect("a JSON body");
        let id: ReservationId = id.parse().expect("an id");
        let user: UserId = serde_json::from_value(body["userId"].clone()).expect("a user");
        let amount = i32::try_from(body["amount"].as_i64().expect("an amount")).expect("a small amount");
        if let Some(known) = self.holds.get(&id) {
            return match known.state {
                HoldState::Released | HoldState::Expired | HoldState::Refunded => problem(409, "hold_closed"),
                _ if (known.user_id, known.amount) != (user, amount) => problem(422, "hold_differs"),
                _ => ResponseTemplate::new(200).set_body_json(known),
            };
        }
        let available = self.wallets.entry(user).or_default();
        if *available < amount {
            return problem(402, "insufficient_credits");
        }
        *available -= amount;
        let hold = Hold {
            reservation_id: id,
            user_id: user,
            amount,
            state: HoldState::Held,
            allocations: Vec::new(),
        };
        self.holds.insert(id, hold.clone());
        ResponseTemplate::new(200).set_body_json(hold)
    }

    fn follow_up(&mut self, id: &str, verb: &str) -> ResponseTemplate {
        let id: ReservationId = id.parse().expect("an id");
        if verb == "release" {
            // The tombstone that a late hold finds.
            let (user_id, state) = (UserId::from_uuid(uuid::Uuid::nil()), HoldState::Released);
            let tombstone = Hold { reservation_id: id, user_id, amount: 0, state, allocations: Vec::new() };
            self.holds.entry(id).or_insert(tombstone);
        }
        let Some(hold) = self.holds.get_mut(&id) else { return problem(404, "not_found") };
        let next = match (verb, hold.state) {
            ("capture", HoldState::Held) => HoldState::Captured,
            ("capture", HoldState::Released | HoldState::Expired) => return problem(409, "hold_closed"),
            ("release", HoldState::Held) => HoldState::Released,
            ("release", HoldState::Captured) => return problem(409, "hold_captured"),
            ("refund", HoldState::Held | HoldState::Captured) => HoldState::Refunded,
            ("consume", HoldState::Held | HoldState::Captured) => HoldState::Consumed,
            ("refund" | "release", HoldState::Consumed) => return problem(409, "hold_consumed"),
            (_, state) => state,
        };
        let returns = matches!(next, HoldState::Released | HoldState::Refunded) && next != hold.state;
        hold.state = next;
        let hold = hold.clone();
        if returns {
            *self.wallets.entry(hold.user_id).or_default() += hold.amount;
        }
        ResponseTemplate::new(200).set_body_json(hold)
    }
}

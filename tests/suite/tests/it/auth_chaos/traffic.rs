//! People who go on while something is taken away, and what they were answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_identity::{Keyring, ServiceTokens};
use suite::{Answer, Call, Person, Stack};
use tokio::task::JoinHandle;

/// What is asked again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    SignIn,
    Refresh,
    Introspect,
    /// A token whose session was ended before.
    IntrospectRevoked,
    Wallet,
}

impl Kind {
    pub const ALL: [Self; 5] =
        [Self::SignIn, Self::Refresh, Self::Introspect, Self::IntrospectRevoked, Self::Wallet];

    /// Hashing is dear, and nobody signs in all the time.
    fn pause(self) -> Duration {
        Duration::from_millis(if self == Self::SignIn { 250 } else { 60 })
    }
}

#[derive(Clone, Debug)]
pub struct Reply {
    pub kind: Kind,
    pub asked: Instant,
    pub answered: Instant,
    /// None where no answer came.
    pub answer: Option<Answer>,
}

impl Reply {
    pub fn status(&self) -> u16 {
        self.answer.as_ref().map_or(0, |answer| answer.status)
    }
}

/// One person for each kind, each asking on and on.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    replies: Arc<Mutex<Vec<Reply>>>,
    askers: Vec<JoinHandle<()>>,
}

impl Traffic {
    pub async fn start(stack: &Stack) -> Self {
        let (stop, replies) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let introspect = introspect_url(stack).await;
        let mut askers = Vec::new();
        for kind in Kind::ALL {
            let person = stack.sign_up("en").await;
            if kind == Kind::IntrospectRevoked {
                stack.post("/api/auth/logout").bearer(&person).send().await.expect(204);
            }
            let asker = Asker { stack: stack.clone(), kind, person, introspect: introspect.clone() };
            askers.push(tokio::spawn(asker.go_on(stop.clone(), replies.clone())));
        }
        Self { stop, replies, askers }
    }

    pub fn replies(&self) -> Vec<Reply> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has every kind been answered as in quiet times, so often in a row, by requests that began after `since`?
    pub fn is_well(&self, since: Instant, times: usize) -> bool {
        let replies = self.replies();
        Kind::ALL.into_iter().all(|kind| {
            let mut newest = replies.iter().rev().filter(|reply| reply.kind == kind && reply.asked > since);
            (0..times).all(|_| newest.next().is_some_and(|reply| reply.status() == 200))
        })
    }

    pub async fn end(self) -> Vec<Reply> {
        self.stop.store(true, Ordering::SeqCst);
        for asker in self.askers {
            asker.await.expect("an asker ends");
        }
        self.replies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Fails the test when a reply is none that somebody may get while a store is away: what was asked for, or word that it is
/// not to be had for a moment. A token that was taken back is never good.
pub fn assert_orderly(replies: &[Reply]) {
    for reply in replies {
        match &reply.answer {
            Some(answer) if answer.status == 200 => {
                let active = &answer.body["active"];
                match reply.kind {
                    Kind::Introspect => assert_eq!(*active, true, "a good token is told to be none"),
                    Kind::IntrospectRevoked => {
                        assert_eq!(*active, false, "what was taken back is good again")
                    }
                    Kind::SignIn | Kind::Refresh | Kind::Wallet => {}
                }
            }
            Some(answer) => {
                let answer = answer.clone().expect(503);
                assert_eq!(answer.headers["content-type"], "application/problem+json", "{:#}", answer.body);
                assert!(answer.headers.contains_key("retry-after"), "{:?}: {:#}", reply.kind, answer.body);
            }
            None => panic!("{:?} got no answer", reply.kind),
        }
    }
}

/// Fails the test unless everybody was served, and nobody anything else, by requests that began after `from` and were over by
/// `to`.
pub fn assert_served(replies: &[Reply], (from, to): (Instant, Instant)) {
    let mut kinds = Vec::new();
    for reply in replies.iter().filter(|reply| reply.asked > from && reply.answered < to) {
        assert_eq!(reply.status(), 200, "{reply:#?}");
        kinds.push(reply.kind);
    }
    assert!(Kind::ALL.iter().all(|kind| kinds.contains(kind)), "not everybody asked: {kinds:?}");
}

struct Asker {
    stack: Stack,
    kind: Kind,
    person: Person,
    introspect: String,
}

impl Asker {
    async fn go_on(mut self, stop: Arc<AtomicBool>, replies: Arc<Mutex<Vec<Reply>>>) {
        let mut pace = tokio::time::interval(self.kind.pause());
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !stop.load(Ordering::SeqCst) {
            pace.tick().await;
            let asked = Instant::now();
            let answer = self.call().try_send().await.ok();
            if let Some(answer) = answer.as_ref().filter(|answer| answer.status == 200) {
                self.take_note(&answer.body);
            }
            let reply = Reply { kind: self.kind, asked, answered: Instant::now(), answer };
            replies.lock().unwrap_or_else(PoisonError::into_inner).push(reply);
        }
    }

    fn call(&self) -> Call {
        let (stack, person) = (&self.stack, &self.person);
        match self.kind {
            Kind::SignIn => {
                let body = json!({ "email": person.email, "password": person.password });
                stack.post("/api/auth/signin").json(&body)
            }
            Kind::Refresh => {
                stack.post("/api/auth/refresh").json(&json!({ "refreshToken": person.refresh_token }))
            }
            Kind::Introspect | Kind::IntrospectRevoked => introspection(stack, &self.introspect, person),
            Kind::Wallet => stack.get("/api/credits/wallet").bearer(person),
        }
    }

    /// A token that came is the one that is shown next. One whose answer was lost is shown again.
    fn take_note(&mut self, body: &Value) {
        if let (Kind::Refresh, Some(token)) = (self.kind, body["refreshToken"].as_str()) {
            token.clone_into(&mut self.person.refresh_token);
        }
    }
}

pub async fn introspect_url(stack: &Stack) -> String {
    let auth = stack.processes_of("auth").await;
    format!("http://127.0.0.1:{}/internal/v1/introspect", auth[0].ports[1])
}

/// Asks auth, as booking would, whether somebody's access token is good at this moment.
pub fn introspection(stack: &Stack, url: &str, token: &impl AsRef<str>) -> Call {
    let keyring = Keyring::parse(&stack.secret("jwt-service-keyring")).expect("the stack's keyring");
    let services = ServiceTokens::new(keyring, "booking", stack.clock.clone());
    let caller = services.sign("auth", "trust", None, None).expect("signed");
    let call = stack.call(Method::POST, url.to_owned()).bearer(caller);
    call.json(&json!({ "token": token.as_ref() }))
}

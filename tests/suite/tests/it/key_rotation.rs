//! Keys replaced under load: nobody is refused while it happens, and the old key opens nothing afterwards. First those of people's
//! tokens, then those that services sign their calls of one another with.
//!
//! The load goes straight at the public listeners of every process, over connections that stay open. Through the gateway the
//! same rate is mostly TLS and a second hop, which know nothing of keys: on two cores and in a build without optimisation
//! they would leave too little for what is tested. A few clients that refresh on and on go through the gateway beside it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_identity::{Keyring, ServiceTokens};
use suite::{ClassTerms, Load, Pace, Process, Requests, SessionTerms, Stack, invariants, until_within};
use tokio::task::JoinHandle;

use crate::auth_chaos::revocation::is_answered;

/// Five hundred requests in a second.
const EVERY: Duration = Duration::from_millis(2);
const CONNECTIONS: usize = 32;
/// Every service looks at its keys every two seconds.
const TAKEN_IN: Duration = Duration::from_secs(5);
/// So long the load runs before a key changes, at least.
const BEFORE: Duration = Duration::from_secs(2);
/// What needs a good token: of what there is not (422, said after the token was taken), and of what there is. One request in
/// eight asks for the latter: then the rate is one of tokens, and not of the database.
const ASKED: [(&str, &str, &str); 4] = [
    ("auth", "/api/auth/security-timeline?limit=0", "/api/user/profile"),
    ("booking", "/api/booking?limit=0", "/api/booking?limit=1"),
    ("credits", "/api/credits/transactions?limit=0", "/api/credits/wallet"),
    ("notify", "/api/notifications?limit=0", "/api/notifications?limit=1"),
];
/// What clients ask the gateway for. It asks the two processes of booking in turn.
const THROUGH_THE_GATEWAY: [&str; 5] =
    ["/api/user/profile", "/api/booking", "/api/booking", "/api/credits/wallet", "/api/notifications"];
const CLIENTS: usize = 2;
const EVERY_ROUND: Duration = Duration::from_millis(500);
/// So many rounds each client has to finish with a key before the next thing happens.
const ROUNDS: u32 = 3;

fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap_or_default()).expect("base64url");
    let header: Value = serde_json::from_slice(&header).expect("a header");
    header["kid"].as_str().expect("a kid").to_owned()
}

/// The access tokens that auth gave out, oldest first.
type Tokens = Arc<RwLock<Vec<String>>>;

fn newest(tokens: &Tokens) -> String {
    tokens.read().unwrap_or_else(PoisonError::into_inner).last().cloned().expect("a token")
}

/// Whose turn it is in the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// The oldest token and the newest in turn.
    OldestAndNewest,
    Newest,
}

async fn requests(stack: &Stack, tokens: &Tokens, shown: Shown) -> Requests {
    let mut targets = Vec::new();
    for (service, nothing, something) in ASKED {
        for process in stack.processes_of(service).await {
            targets.push((format!("127.0.0.1:{}", process.ports[0]), nothing, something));
        }
    }
    let (host, tokens) = (format!("app.{}", stack.domain), tokens.clone());
    Arc::new(move |number| {
        let number = number as usize;
        let (address, nothing, something) = &targets[number % targets.len()];
        let turn = number / targets.len();
        let path = if turn % 8 == 7 { something } else { nothing };
        let tokens = tokens.read().unwrap_or_else(PoisonError::into_inner);
        let is_oldest = shown == Shown::OldestAndNewest && (turn / 8).is_multiple_of(2);
        let token = if is_oldest { tokens.first() } else { tokens.last() };
        let token = token.map(String::as_str).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
        (address.clone(), request.into_bytes())
    })
}

/// Fails the test unless every process answered every request as in quiet times, at the rate that was meant.
async fn assert_served(stack: &Stack, load: &Load) {
    eprintln!("{load:?}");
    let mut processes = 0;
    for (service, _, _) in ASKED {
        for process in stack.processes_of(service).await {
            let answers = load.answers.get(&format!("127.0.0.1:{}", process.ports[0]));
            let answers: Vec<u16> = answers.into_iter().flat_map(BTreeMap::keys).copied().collect();
            assert_eq!(answers, [200, 422], "{service} {}: {load:?}", process.replica);
            processes += 1;
        }
    }
    assert_eq!(load.answers.len(), processes, "{load:?}");
    assert!(processes > ASKED.len(), "booking has two processes");
    let meant = load.took.as_millis() / EVERY.as_millis();
    assert!(u128::from(load.requests) * 10 >= meant * 9, "this machine cannot keep the rate: {load:?}");
}

/// How many rounds each client has finished with tokens of each key.
type Rounds = Arc<Mutex<BTreeMap<(usize, String), u32>>>;

/// People who refresh and ask on and on, through the gateway.
struct Clients {
    rounds: Rounds,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Clients {
    /// What the first of them is given by auth is what the load shows.
    async fn start(stack: &Stack) -> (Self, Tokens) {
        let (rounds, stop) = (Rounds::default(), Arc::new(AtomicBool::new(false)));
        let (mut tasks, mut given) = (Vec::new(), Tokens::default());
        for number in 0..CLIENTS {
            let person = stack.sign_up("en").await;
            let tokens = Arc::new(RwLock::new(vec![person.member.token]));
            if number == 0 {
                given = tokens.clone();
            }
            let client = Client { number, stack: stack.clone(), refresh_token: person.refresh_token, tokens };
            tasks.push(tokio::spawn(client.go_on(stop.clone(), rounds.clone())));
        }
        (Self { rounds, stop, tasks }, given)
    }

    /// Waits until each of them has finished so many rounds more with tokens of this key.
    async fn go_round(&self, kid: &str) {
        let finished = |number: usize| {
            let rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
            rounds.get(&(number, kid.to_owned())).copied().unwrap_or_default()
        };
        let before: Vec<u32> = (0..CLIENTS).map(finished).collect();
        until_within(TAKEN_IN * 2, &format!("every client goes its rounds with {kid}"), async || {
            self.assert_alive();
            (0..CLIENTS).all(|number| finished(number) >= before[number] + ROUNDS).then_some(())
        })
        .await;
    }

    /// A client that was refused has stopped, and told why.
    fn assert_alive(&self) {
        let refused = self.tasks.iter().filter(|task| task.is_finished()).count();
        assert_eq!(refused, 0, "a client was not served");
    }

    /// Lets them finish their round. Fails the test when one of them was ever answered anything but 200.
    async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.expect("every request of a client is answered 200");
        }
        eprintln!("rounds of clients: {:?}", self.rounds.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

struct Client {
    number: usize,
    stack: Stack,
    refresh_token: String,
    tokens: Tokens,
}

impl Client {
    async fn go_on(mut self, stop: Arc<AtomicBool>, rounds: Rounds) {
        let mut pace = tokio::time::interval(EVERY_ROUND);
        while !stop.load(Ordering::SeqCst) {
            pace.tick().await;
            let body = json!({ "refreshToken": self.refresh_token });
            let answer = self.stack.post("/api/auth/refresh").json(&body).send().await.expect(200);
            self.refresh_token = answer.text("refreshToken");
            let token = answer.text("accessToken");
            self.tokens.write().unwrap_or_else(PoisonError::into_inner).push(token.clone());
            for path in THROUGH_THE_GATEWAY {
                self.stack.get(path).bearer(&token).send().await.expect(200);
            }
            let mut rounds = rounds.lock().unwrap_or_else(PoisonError::into_inner);
            *rounds.entry((self.number, kid(&token))).or_default() += 1;
        }
    }
}

async fn keys(stack: &Stack, arguments: &[&str]) {
    let said = stack.operate_to_the_end(&[&["keys"][..], arguments].concat()).await;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[tokio::test]
async fn a_rotation_under_500_requests_a_second_refuses_nobody_and_the_old_key_opens_nothing_afterwards() {
    let stack = Stack::attach().await;
    let (clients, tokens) = Clients::start(&stack).await;
    let first = newest(&tokens);
    let load = Pace::keep(EVERY, CONNECTIONS, requests(&stack, &tokens, Shown::OldestAndNewest).await);
    clients.go_round(&kid(&first)).await;
    until_within(TAKEN_IN, "the load has run for a while", async || (load.elapsed() >= BEFORE).then_some(()))
        .await;

    keys(&stack, &["rotate", "--keep-old"]).await;
    let next = until_within(TAKEN_IN, "auth signs with the new key", async || {
        Some(newest(&tokens)).filter(|newest| kid(newest) != kid(&first))
    })
    .await;
    // Tokens of both keys, for a while.
    clients.go_round(&kid(&next)).await;
    assert_served(&stack, &load.end().await).await;
    for token in [&first, &next] {
        assert!(is_answered(&stack, token, 200).await, "both keys are known");
    }

    // Of the old key nobody shows a token any more: that is when it is retired.
    let load = Pace::keep(EVERY, CONNECTIONS, requests(&stack, &tokens, Shown::Newest).await);
    clients.go_round(&kid(&next)).await;
    keys(&stack, &["retire"]).await;
    until_within(TAKEN_IN, "every service refuses what the old key signed", async || {
        is_answered(&stack, &first, 401).await.then_some(())
    })
    .await;
    clients.go_round(&kid(&next)).await;
    assert_served(&stack, &load.end().await).await;
    clients.end().await;
    assert!(is_answered(&stack, &next, 200).await, "the new key goes on");
    assert!(is_answered(&stack, &newest(&tokens), 200).await, "also what it signed since");
    // What the tests after this one mint is signed with the key that is left.
    let anew = Stack::attach().await;
    anew.get("/api/credits/wallet").bearer(anew.mint()).send().await.expect(200);
    anew.admin().await;
    invariants::check(&anew).await;
}

/// What a service is asked, in the name of another one, to learn which keys it takes. Nobody else asks for it meanwhile.
const PROBE: &str = "/internal/v1/privacy/processing";
const REQUESTS: &str = "http_server_request_duration_seconds_count";
const TRANSACTIONS: &str = "db_client_operation_duration_seconds_count";
const CALLS: &str = "internal_calls_total";

/// The processes of every service, and what they say of the calls between them.
struct Services<'a> {
    stack: &'a Stack,
    processes: Vec<Process>,
}

impl<'a> Services<'a> {
    async fn of(stack: &'a Stack) -> Self {
        let mut processes = stack.processes().await;
        processes.retain(|process| ASKED.iter().any(|(service, _, _)| *service == process.name));
        Self { stack, processes }
    }

    /// The keys that the file holds now.
    fn keys(&self) -> Keyring {
        Keyring::parse(&self.stack.secret("jwt-service-keyring")).expect("the stack's keyring")
    }

    /// Does every process answer a service that signs with these keys with this status?
    async fn all_answer(&self, ring: &Keyring, status: u16) -> bool {
        let caller = ServiceTokens::new(ring.clone(), "suite", self.stack.clock.clone());
        for process in &self.processes {
            let token = caller.sign(&process.name, "privacy", None, None).expect("signed");
            let call = self.stack.call(Method::GET, format!("http://127.0.0.1:{}{PROBE}", process.ports[1]));
            if call.bearer(token).send().await.status != status {
                return false;
            }
        }
        true
    }

    /// What each process has counted in the lines of its metrics that have this name and hold all of these.
    async fn counts(&self, name: &str, held: &[&str]) -> Vec<u64> {
        let mut counts = Vec::new();
        for process in &self.processes {
            let url = format!("http://127.0.0.1:{}/metrics", process.ports[1]);
            let metrics = self.stack.call(Method::GET, url).send().await.expect(200).body;
            let lines = metrics.as_str().expect("metrics are text").lines();
            let meant = lines.filter(|line| {
                let labels =
                    line.strip_prefix(name).filter(|rest| rest.starts_with('{') && !rest.contains(PROBE));
                labels.is_some_and(|labels| held.iter().all(|label| labels.contains(label)))
            });
            let count = |line: &str| line.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
            counts.push(meant.map(|line| count(line).expect("a count")).sum());
        }
        counts
    }

    /// How many calls of others each process has refused for their token.
    async fn refusals(&self) -> Vec<u64> {
        let refused = [r#"http_response_status_code="401""#, r#"http_route="/internal/"#];
        self.counts(REQUESTS, &refused).await
    }

    /// Waits until every process counts so many more of these.
    async fn wait_for_more(&self, what: &str, (name, held): (&str, &str), more: u64) {
        let before = self.counts(name, &[held]).await;
        until_within(TAKEN_IN * 2, what, async || {
            let now = self.counts(name, &[held]).await;
            now.iter().zip(&before).all(|(now, before)| *now >= before + more).then_some(())
        })
        .await;
    }

    /// A process looks at its keys, and then lists the tenants. The first list may belong to a look before this.
    async fn wait_until_keys_were_seen(&self) {
        let listed = (TRANSACTIONS, r#"name="list_tenants""#);
        self.wait_for_more("every process has looked at its keys again", listed, 2).await;
    }
}

/// Requests that take a call of another service, again and again: booking asks auth whether an admin is good at this moment, and
/// credits whether a member can pay.
struct Asking {
    rounds: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Asking {
    async fn start(stack: &Stack) -> Self {
        let (rounds, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let admin = stack.admin().await;
        let session = stack.session_costing(&admin, 1, SessionTerms::far_ahead(10)).await;
        let (stack, counted, stopped) = (stack.clone(), rounds.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let mut pace = tokio::time::interval(EVERY_ROUND);
            while !stopped.load(Ordering::SeqCst) {
                pace.tick().await;
                stack.class(&admin, ClassTerms { credit_cost: 1 }).await;
                let booked = stack.book(&stack.mint(), &session).await;
                // On a busy machine credits may be asked a moment later.
                assert!(booked.status == 202 || booked.body["code"] == "insufficient_credits", "{booked:?}");
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { rounds, stop, task }
    }

    async fn go_round(&self) {
        let before = self.rounds.load(Ordering::SeqCst);
        until_within(TAKEN_IN * 2, "everybody who asks is answered", async || {
            assert!(!self.task.is_finished(), "somebody who asked was not served");
            (self.rounds.load(Ordering::SeqCst) >= before + ROUNDS).then_some(())
        })
        .await;
    }

    async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.expect("everybody who asked was served");
    }
}

#[tokio::test]
async fn services_go_on_calling_one_another_while_their_keys_are_replaced_and_the_old_key_opens_nothing_afterwards()
 {
    let stack = Stack::attach().await;
    let services = Services::of(&stack).await;
    let refused = services.refusals().await;
    let asking = Asking::start(&stack).await;
    asking.go_round().await;

    let old = services.keys();
    keys(&stack, &["rotate", "service", "--keep-old"]).await;
    services.wait_until_keys_were_seen().await;
    let new = services.keys();
    asking.go_round().await;
    for ring in [&old, &new] {
        assert!(services.all_answer(ring, 200).await, "both keys are known");
    }

    keys(&stack, &["retire", "service"]).await;
    until_within(TAKEN_IN, "every service refuses what the old key signed", async || {
        services.all_answer(&old, 401).await.then_some(())
    })
    .await;
    assert!(services.all_answer(&new, 200).await, "the new key goes on");
    asking.go_round().await;
    asking.end().await;
    // Those that call others all the time: for what was taken back, and for what happened.
    let callers = Services {
        stack: &stack,
        processes: services.processes.iter().filter(|process| process.name != "auth").cloned().collect(),
    };
    let answered = (CALLS, r#"outcome="ok""#);
    callers.wait_for_more("every service is answered by the others still", answered, 1).await;
    assert_eq!(services.refusals().await, refused, "no call between services was refused");
    invariants::check(&Stack::attach().await).await;
}

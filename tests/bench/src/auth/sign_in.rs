//! Signing in: at saturation, at a part of that, and when more people come than can be served.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use tokio::sync::oneshot;

use super::introspection::Introspections;
use super::open_loop::{self, Arrivals, DROPPED, Stream};
use super::people::{PASSWORD, PEOPLE, USER_AGENT, device, email, network, person};
use super::{Trial, hash};
use crate::capture::Transaction;
use crate::load::{self, Client, Connection, Http, Measured};
use crate::observe::Phase;
use crate::stack::Member;
use crate::{logging, processes};

/// Everybody signs in in turn, over the whole run.
#[derive(Clone, Default)]
pub struct Turns(Arc<AtomicU64>);

impl Turns {
    fn next(&self) -> u64 {
        1 + self.0.fetch_add(1, Ordering::Relaxed) % PEOPLE
    }
}

pub fn request(host: &str, number: u64) -> Vec<u8> {
    let (email, device) = (email(number), device(number));
    let body = format!("{{\"email\":\"{email}\",\"password\":\"{PASSWORD}\",\"deviceId\":\"{device}\"}}");
    format!(
        "POST /api/auth/signin HTTP/1.1\r\nHost: {host}\r\nX-Real-IP: {}\r\nUser-Agent: {USER_AGENT}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        network(number),
        body.len()
    )
    .into_bytes()
}

struct SignIns {
    host: String,
    turns: Turns,
}

impl Client for SignIns {
    type Wire = Http;

    fn next_request(&mut self) -> Vec<u8> {
        request(&self.host, self.turns.next())
    }
}

/// A day's worth of sign-ins goes by in seconds: part of what the machine can do, and twice what it can do.
pub const STEADY: f64 = 0.7;
pub const FLOOD: f64 = 2.0;
/// Open streams run so many times as long as the other phases: the slowest hundredth takes many to be seen.
const LONGER: u32 = 2;
/// Streams come over connections that are there: so many are open before the first request.
const KEPT: usize = 64;
/// How many tokens a second are asked about while the flood goes on.
const INTROSPECTIONS: f64 = 100.0;

/// An open stream of sign-ins.
#[derive(Clone, Debug)]
pub struct Steady {
    pub rate: f64,
    pub arrivals: Arrivals,
    pub phase: Phase,
}

/// More sign-ins than can be served, and what becomes of everything else meanwhile.
#[derive(Clone, Debug)]
pub struct Flood {
    pub rate: f64,
    pub arrivals: Arrivals,
    pub introspections: Arrivals,
    pub memory: Memory,
    pub phase: Phase,
}

/// Resident bytes of auth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    pub before: u64,
    pub most: u64,
    pub after: u64,
}

impl Trial<'_> {
    /// The bare hash, as a phase like the others. What it costs stands where it is spent over HTTP: in auth.
    pub async fn bare_hash(&self) -> Result<Phase> {
        let mut phase = self.ground.observe(hash::ceiling(PASSWORD, self.ground.duration)).await?;
        let hashing = phase.usage.by_process.insert(processes::LOAD_GENERATOR.to_owned(), 0.0);
        *phase.usage.by_process.entry("auth".to_owned()).or_default() += hashing.unwrap_or_default();
        Ok(phase)
    }

    /// As many sign-ins as possible over all connections.
    pub async fn sign_ins(&self) -> Result<Phase> {
        let before = self.sessions().await?;
        let mut phase = self.ground.observe(self.sign_in_for(self.ground.duration)).await?;
        phase.measured.require(200, "signing in")?;
        phase.afterwards = self.settle().await?;
        let opened = self.sessions().await? - before;
        ensure!(opened == i64::try_from(phase.measured.total())?, "{opened} sessions were opened");
        Ok(phase)
    }

    pub async fn sign_in_for(&self, duration: Duration) -> Result<Measured> {
        let mut pairs = Vec::new();
        for _ in 0..self.ground.connections {
            let client = SignIns { host: self.ground.stack.host.clone(), turns: self.turns.clone() };
            pairs.push((Connection::open(self.ground.stack.auth).await?, client));
        }
        load::run(pairs, duration).await
    }

    /// People come at `rate` a second.
    pub async fn steady(&self, rate: f64, round: u32) -> Result<Steady> {
        let mut arrivals = Arrivals::default();
        let mut phase = self
            .ground
            .observe(async {
                arrivals = self.stream_of_sign_ins(rate, round).await?;
                Ok(arrivals.measured())
            })
            .await?;
        phase.afterwards = self.settle().await?;
        Ok(Steady { rate, arrivals, phase })
    }

    async fn stream_of_sign_ins(&self, rate: f64, round: u32) -> Result<Arrivals> {
        let stream = Stream { rate, duration: self.ground.duration * LONGER, seed: u64::from(round) };
        let host = &self.ground.stack.host;
        open_loop::run(self.ground.stack.auth, stream, KEPT, || request(host, self.turns.next())).await
    }

    /// More people come than can be served; tokens are asked about all the while, and auth's memory is watched.
    pub async fn flood(&self, rate: f64, round: u32, tokens: &Introspections) -> Result<Flood> {
        let auth = self.member("auth")?;
        let before = self.sessions().await?;
        let resident_before = resident(auth)?;
        let (mut arrivals, mut introspections, mut most) = Default::default();
        let mut phase = self
            .ground
            .observe(async {
                let (over, watch) = oneshot::channel::<()>();
                let coming = async {
                    let came = tokio::join!(
                        self.stream_of_sign_ins(rate, round),
                        self.stream_of_introspections(INTROSPECTIONS, round, tokens)
                    );
                    drop(over);
                    came
                };
                let ((signed_in, asked), highest) = tokio::join!(coming, highest_memory(auth, watch));
                (arrivals, introspections, most) = (signed_in?, asked?, highest?);
                Ok(Arrivals::measured(&arrivals))
            })
            .await?;
        phase.afterwards = self.settle().await?;
        let opened = self.sessions().await? - before;
        let served = i64::try_from(arrivals.of(200).count())?;
        // Of those without an answer nobody knows.
        let at_most = served + i64::try_from(arrivals.of(DROPPED).count())?;
        ensure!(
            (served..=at_most).contains(&opened),
            "{served} people were let in and {opened} sessions were opened"
        );
        let memory = Memory { before: resident_before, most, after: resident(auth)? };
        Ok(Flood { rate, arrivals, introspections, memory, phase })
    }

    pub async fn stream_of_introspections(
        &self,
        rate: f64,
        round: u32,
        tokens: &Introspections,
    ) -> Result<Arrivals> {
        let stream = Stream { rate, duration: self.ground.duration * LONGER, seed: 1_000 + u64::from(round) };
        let mut asking = tokens.client(0, 1)?;
        let address = self.ground.stack.auth_internal;
        open_loop::run(address, stream, KEPT / 4, || asking.next_request()).await
    }

    /// What one sign-in asks of the database.
    pub async fn recorded_sign_in(&self) -> Result<Vec<Transaction>> {
        let mut connection = Connection::<Http>::open(self.ground.stack.auth).await?;
        let number = self.turns.next();
        let (stack, request) = (self.ground.stack, request(&self.ground.stack.host, number));
        let (answer, seen) = logging::recorded(stack, self.ground.database, connection.ask(&request)).await?;
        if answer.status != 200 {
            bail!("signing in: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        let (email, person) = (email(number), person(number).to_string());
        let ours = |transaction: &Transaction| transaction.mentions(&email) || transaction.mentions(&person);
        Ok(seen.into_iter().filter(ours).collect())
    }

    async fn sessions(&self) -> Result<i64> {
        self.ground.database.number("SELECT count(*) FROM auth.sessions").await
    }
}

const EVERY: Duration = Duration::from_millis(50);

/// The most that the process held at any look, until `over` is dropped.
async fn highest_memory(member: &Member, mut over: oneshot::Receiver<()>) -> Result<u64> {
    let mut most = resident(member)?;
    loop {
        tokio::select! {
            _ = &mut over => return Ok(most),
            () = tokio::time::sleep(EVERY) => most = most.max(resident(member)?),
        }
    }
}

fn resident(member: &Member) -> Result<u64> {
    match member.pid.and_then(processes::resident) {
        Some(bytes) => Ok(bytes),
        None => bail!("{} is gone", member.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_as_long_as_it_says() {
        let text = String::from_utf8(request("app.shinkofa.localhost", 7)).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        assert!(head.contains("X-Real-IP: 10.0.0.7"));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["deviceId"], "bench-device-7");
    }

    #[test]
    fn everybody_gets_a_turn_before_anybody_gets_a_second() {
        let turns = Turns::default();
        let first = turns.next();
        assert_eq!((first, turns.next()), (1, 2));
        assert_eq!((2..PEOPLE).fold(None, |_, _| Some(turns.next())), Some(PEOPLE));
        assert_eq!(turns.next(), first);
    }
}

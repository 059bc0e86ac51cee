//! Talking to addresses that strangers chose, without lending them our place in the network (OWASP: server-side request forgery).
//!
//! A name is resolved once, every address that it has must be a public one, and the connection goes to those addresses and to no
//! other: a name that answers differently the next time is not asked a next time. Nothing is followed, little time is spent, and of
//! an answer nothing but its status is read.

mod address;
mod resolver;
mod target;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use shinkofa_kernel::{Clock, TenantId, defended};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use address::is_public;
pub use resolver::{ResolveHost, Resolving, SystemResolver};
pub use target::{NotATarget, Target};

use crate::Environment;

/// Sends to addresses that strangers chose. Clones share their turns.
#[derive(Clone, Debug)]
pub struct Outbound {
    resolver: Arc<dyn ResolveHost>,
    exempt: Arc<[SocketAddr]>,
    clock: Clock,
    turns: Arc<Semaphore>,
    served: Arc<Mutex<HashMap<TenantId, Standing>>>,
}

/// What is remembered of a tenant that has a turn, or whose last one took long.
#[derive(Clone, Copy, Debug)]
struct Standing {
    has_turn: bool,
    rests_until: DateTime<Utc>,
    /// Turns one after the other in which it kept us waiting.
    kept_waiting: u32,
}

impl Standing {
    fn matters_at(&self, now: DateTime<Utc>) -> bool {
        let until = if self.kept_waiting > 0 { self.rests_until + REMEMBERED_FOR } else { self.rests_until };
        self.has_turn || now < until
    }
}

/// Leave to send once. Others wait until it is dropped.
#[derive(Debug)]
pub struct Turn {
    tenant: TenantId,
    began_at: DateTime<Utc>,
    clock: Clock,
    served: Arc<Mutex<HashMap<TenantId, Standing>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let now = self.clock.now();
        let took = now - self.began_at;
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        if took < SLOW {
            served.remove(&self.tenant);
        } else if let Some(standing) = served.get_mut(&self.tenant) {
            standing.has_turn = false;
            standing.kept_waiting = if took < LONG { 0 } else { standing.kept_waiting.saturating_add(1) };
            standing.rests_until = now + rest_after(took, standing.kept_waiting);
        }
    }
}

/// How long a tenant is without a turn after one that took so long: the quick pass the slow, which have a quarter of the time at
/// most. Whoever keeps us waiting again and again rests twice as long each time: many of them would have every turn otherwise.
fn rest_after(took: TimeDelta, kept_waiting: u32) -> TimeDelta {
    match kept_waiting.checked_sub(1) {
        None => took * 3,
        Some(before) => (FIRST_LONG_REST * 2_i32.pow(before.min(5))).min(LONGEST_REST),
    }
}

/// Why nothing was sent, or no answer came. Each is all that whoever chose the address is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    #[error("the name has no address")]
    Unresolved,
    #[error("the address is not a public one")]
    Refused,
    #[error("nobody answers there as they should")]
    Unreachable,
    #[error("no answer in time")]
    TimedOut,
}

/// A receiver that keeps us waiting takes the turn of its own tenant, and one of these from the others.
/// Fewer than the hands that a runner has for deliveries (`shinkofa_jobs`): one is left to find out who is waiting.
const TURNS: usize = 3;
/// One turn is left to those who did not keep us waiting the last time.
const TURNS_OF_THE_LONG: usize = TURNS - 1;
/// A turn that takes as long is a slow one.
const SLOW: TimeDelta = TimeDelta::milliseconds(250);
/// In a turn that takes as long the receiver kept us waiting.
const LONG: TimeDelta = TimeDelta::seconds(5);
const FIRST_LONG_REST: TimeDelta = TimeDelta::seconds(30);
const LONGEST_REST: TimeDelta = TimeDelta::minutes(10);
/// Whoever kept us waiting is not new an hour later.
const REMEMBERED_FOR: TimeDelta = TimeDelta::hours(1);
const TO_RESOLVE: Duration = Duration::from_secs(3);
const TO_CONNECT: Duration = Duration::from_secs(4);
const IN_ALL: Duration = Duration::from_secs(10);

impl Outbound {
    /// Reads `OUTBOUND_EXEMPT_ADDRESSES`: `address:port` of receivers for tests and development, separated by commas. They may be
    /// spoken to without encryption, wherever they are.
    pub fn read(environment: &mut Environment, clock: Clock) -> Self {
        let mut exempt = Vec::new();
        let listed = environment.optional("OUTBOUND_EXEMPT_ADDRESSES").unwrap_or_default();
        for text in listed.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            match text.parse::<SocketAddr>() {
                Ok(address) => exempt.push(address),
                Err(_) => environment
                    .fault(format!("OUTBOUND_EXEMPT_ADDRESSES: {text:?} is no address with its port")),
            }
        }
        Self::new(Arc::new(SystemResolver), exempt, clock)
    }

    pub fn new(resolver: Arc<dyn ResolveHost>, exempt: Vec<SocketAddr>, clock: Clock) -> Self {
        Self {
            resolver,
            exempt: exempt.into(),
            clock,
            turns: Arc::new(Semaphore::new(TURNS)),
            served: Arc::default(),
        }
    }

    /// Takes an address in, as far as it can be judged without asking anybody: see [`Target`].
    pub fn target(&self, text: &str) -> Result<Target, NotATarget> {
        Target::parse(text, &self.exempt)
    }

    /// A turn at sending for `tenant`; none where it has one already or rests from a slow one, or where all are taken that it may have.
    pub fn turn(&self, tenant: TenantId) -> Option<Turn> {
        let permit = self.turns.clone().try_acquire_owned().ok()?;
        let now = self.clock.now();
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.retain(|_, standing| standing.matters_at(now));
        let kept_waiting = match served.get(&tenant) {
            Some(standing) if standing.has_turn || now < standing.rests_until => return None,
            Some(standing) => standing.kept_waiting,
            None => 0,
        };
        let long = served.values().filter(|standing| standing.has_turn && standing.kept_waiting > 0);
        if kept_waiting > 0 && long.count() >= TURNS_OF_THE_LONG {
            return None;
        }
        served.insert(tenant, Standing { has_turn: true, rests_until: now, kept_waiting });
        let (clock, served) = (self.clock.clone(), Arc::clone(&self.served));
        Some(Turn { tenant, began_at: now, clock, served, _permit: permit })
    }

    /// Posts `body` as JSON and returns the status of the answer, whatever it is.
    pub async fn post(
        &self,
        mut turn: Turn,
        target: &Target,
        headers: HeaderMap,
        body: String,
    ) -> Result<u16, OutboundError> {
        // What we did before it is not the receiver's to rest for.
        turn.began_at = self.clock.now();
        let sending = async {
            let addresses = self.addresses(target).await?;
            send(target, &addresses, headers, body).await
        };
        tokio::time::timeout(IN_ALL, sending).await.map_err(|_| OutboundError::TimedOut)?
    }

    /// Where the connection may go. One address that is not public is enough to go nowhere: whoever mixes them means the other.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, OutboundError> {
        let asked = self.resolver.resolve(target.host().to_owned(), target.port());
        let answer = tokio::time::timeout(TO_RESOLVE, asked).await.map_err(|_| OutboundError::Unresolved)?;
        let found = answer.map_err(|_| OutboundError::Unresolved)?;
        // The port is the target's, whatever a resolver says.
        let found: Vec<_> = found.iter().map(|found| SocketAddr::new(found.ip(), target.port())).collect();
        if found.is_empty() {
            return Err(OutboundError::Unresolved);
        }
        let may_go = |address: &SocketAddr| {
            self.exempt.contains(address) || (target.is_encrypted() && is_public(address.ip()))
        };
        if defended!("V27-address") && !found.iter().all(may_go) {
            return Err(OutboundError::Refused);
        }
        Ok(found)
    }
}

/// A client for this one call: it knows the addresses and asks nobody for others, and keeps no connection.
async fn send(
    target: &Target,
    addresses: &[SocketAddr],
    headers: HeaderMap,
    body: String,
) -> Result<u16, OutboundError> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(if defended!("V27-redirect") { Policy::none() } else { Policy::default() })
        .resolve_to_addrs(target.host(), addresses)
        .connect_timeout(TO_CONNECT)
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|_| OutboundError::Unreachable)?;
    let request = client.post(target.as_str()).headers(headers).body(body);
    match request.send().await {
        Ok(response) => Ok(response.status().as_u16()),
        Err(error) if error.is_timeout() => Err(OutboundError::TimedOut),
        Err(_) => Err(OutboundError::Unreachable),
    }
}

#[cfg(test)]
mod tests;

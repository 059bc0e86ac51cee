//! The one client of internal HTTP: timeouts, a bounded retry, a circuit breaker, and the caller's service token.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shinkofa_identity::{Scope, ServiceTokens};
use shinkofa_kernel::{TenantId, UserId};
use shinkofa_web::ProblemDocument;

/// Internal base URLs by service name; several when it runs several replicas.
pub type PeerAddresses = HashMap<String, Vec<String>>;

/// Calls other services.
#[derive(Clone)]
pub struct InternalClient {
    http: reqwest::Client,
    tokens: ServiceTokens,
    peers: Arc<HashMap<String, Arc<Replicas>>>,
}

struct Replicas {
    addresses: Vec<String>,
    next: AtomicUsize,
    breaker: Mutex<Breaker>,
}

/// After so many failures in a row a peer is left alone for a while.
const BREAKER_THRESHOLD: u32 = 8;
const BREAKER_PAUSE: Duration = Duration::from_secs(2);
/// Tries of one call, the first included. Every internal call is idempotent.
const TRIES: u32 = 2;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Breaker {
    failures: u32,
    open_until: Option<Instant>,
}

/// Why a call brought no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The peer answered and said no. Asking again brings the same answer.
    #[error("{peer} refused: {} {}", problem.status, problem.code)]
    Refused { peer: String, problem: Box<ProblemDocument> },
    /// No answer, or one that says to come back. What was asked may or may not have happened.
    #[error("{peer} is unavailable: {reason}")]
    Unavailable { peer: String, reason: String },
}

impl CallError {
    /// The stable code of a refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { problem, .. } => Some(&problem.code),
            Self::Unavailable { .. } => None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no address is configured for the peer {0:?}")]
pub struct UnknownPeer(pub String);

/// One peer, addressed with one scope, on behalf of somebody.
#[derive(Clone)]
pub struct Peer {
    client: InternalClient,
    name: String,
    replicas: Arc<Replicas>,
    scope: &'static str,
    tenant: Option<TenantId>,
    user: Option<UserId>,
    timeout: Duration,
}

impl InternalClient {
    pub fn new(http: reqwest::Client, tokens: ServiceTokens, peers: &PeerAddresses) -> Self {
        let peers = peers
            .iter()
            .map(|(name, addresses)| {
                let replicas = Replicas {
                    addresses: addresses
                        .iter()
                        .map(|address| address.trim_end_matches('/').to_owned())
                        .collect(),
                    next: AtomicUsize::new(0),
                    breaker: Mutex::default(),
                };
                (name.clone(), Arc::new(replicas))
            })
            .collect();
        Self { http, tokens, peers: Arc::new(peers) }
    }

    /// The peer called `name`, for the part of its interface that `S` names.
    pub fn peer<S: Scope>(&self, name: &str) -> Result<Peer, UnknownPeer> {
        let replicas = self.peers.get(name).filter(|replicas| !replicas.addresses.is_empty());
        Ok(Peer {
            client: self.clone(),
            name: name.to_owned(),
            replicas: replicas.ok_or_else(|| UnknownPeer(name.to_owned()))?.clone(),
            scope: S::NAME,
            tenant: None,
            user: None,
            timeout: DEFAULT_TIMEOUT,
        })
    }
}

impl Peer {
    #[must_use]
    pub fn for_tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    #[must_use]
    pub fn for_user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// How long one try may take. Two seconds unless told otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub async fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, CallError> {
        self.call(Method::GET, path, None::<&()>).await
    }

    pub async fn put<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<A, CallError> {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// Only for operations that are idempotent by what their path names.
    pub async fn post<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<A, CallError> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call<B: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<A, CallError> {
        let mut tries = 0;
        loop {
            tries += 1;
            self.check_breaker()?;
            let result = self.attempt(method.clone(), path, body).await;
            self.note(&result);
            match result {
                Err(CallError::Unavailable { .. }) if tries < TRIES => {
                    tokio::time::sleep(Duration::from_millis(jitter(&self.replicas, 20..80))).await;
                }
                other => return other,
            }
        }
    }

    async fn attempt<B: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<A, CallError> {
        let token = self
            .client
            .tokens
            .sign(&self.name, self.scope, self.tenant, self.user)
            .map_err(|error| self.unavailable(&error))?;
        let turn = self.replicas.next.fetch_add(1, Ordering::Relaxed);
        let address = &self.replicas.addresses[turn % self.replicas.addresses.len()];
        let mut request = self
            .client
            .http
            .request(method, format!("{address}{path}"))
            .timeout(self.timeout)
            .bearer_auth(token);
        if let Some(traceparent) = shinkofa_web::current_traceparent() {
            request = request.header("traceparent", traceparent);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.unavailable(&error.without_url()))?;
        let status = response.status();
        if status.is_success() {
            return response.json().await.map_err(|error| self.unavailable(&error.without_url()));
        }
        // 409 with Retry-After and every 5xx and 429 say "not now"; the rest says "no".
        let later = status.is_server_error()
            || status == StatusCode::TOO_MANY_REQUESTS
            || (status == StatusCode::CONFLICT && response.headers().contains_key("retry-after"));
        let problem = response.json::<ProblemDocument>().await.map_err(|_| self.unavailable(&status))?;
        if later {
            return Err(self.unavailable(&format!("{status} {}", problem.code)));
        }
        Err(CallError::Refused { peer: self.name.clone(), problem: Box::new(problem) })
    }

    fn unavailable(&self, reason: &dyn std::fmt::Display) -> CallError {
        CallError::Unavailable { peer: self.name.clone(), reason: reason.to_string() }
    }

    fn check_breaker(&self) -> Result<(), CallError> {
        let breaker = self.replicas.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        match breaker.open_until {
            Some(until) if Instant::now() < until => Err(self.unavailable(&"it failed too often just now")),
            _ => Ok(()),
        }
    }

    fn note<A>(&self, result: &Result<A, CallError>) {
        let outcome = match result {
            Ok(_) => "ok",
            Err(CallError::Refused { .. }) => "refused",
            Err(CallError::Unavailable { .. }) => "unavailable",
        };
        metrics::counter!("internal_calls_total", "peer" => self.name.clone(), "outcome" => outcome)
            .increment(1);
        let mut breaker = self.replicas.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(result, Err(CallError::Unavailable { .. })) {
            breaker.failures += 1;
            if breaker.failures >= BREAKER_THRESHOLD {
                // One call after the pause probes; its failure opens the breaker again at once.
                breaker.open_until = Some(Instant::now() + BREAKER_PAUSE);
            }
        } else {
            *breaker = Breaker::default();
        }
    }
}

/// Spreads retries without a random source: callers differ in the turn they drew.
fn jitter(replicas: &Replicas, range: std::ops::Range<u64>) -> u64 {
    let turn = replicas.next.load(Ordering::Relaxed) as u64;
    range.start + turn.wrapping_mul(0x9e37_79b9) % (range.end - range.start)
}

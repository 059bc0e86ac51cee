//! A service running inside a test.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::Value;
use shinkofa_db::Database;
use shinkofa_identity::{Permission, Scope, ServiceTokens};
use shinkofa_kernel::{Clock, Role, TenantId, UserId};
use shinkofa_runtime::{Environment, Platform, Server, Service};

use crate::cluster::{Superuser, TestDatabase};
use crate::eventually;
use crate::observer::Observer;
use crate::request::Call;
use crate::token::{TestUser, parse, service_keyring, user_keyring};

/// A service with real listeners, a database of its own and a clock that stands still. Jobs and feeds run when the
/// test asks, so nothing happens behind its back.
pub struct TestApp<S: Service> {
    pub clock: Clock,
    pub http: reqwest::Client,
    server: Server<S>,
    observer: OnceLock<Arc<Observer>>,
    /// The last to go.
    pub database: TestDatabase,
}

/// What a test may choose before the start.
pub struct TestAppBuilder {
    variables: HashMap<String, String>,
    start: DateTime<Utc>,
    knows_revocations: bool,
}

const ISSUER: &str = "https://app.shinkofa.localhost:8443";

impl TestAppBuilder {
    /// Sets an environment variable of the service.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Tells the service where another one is.
    #[must_use]
    pub fn peer(self, name: &str, url: &str) -> Self {
        self.env(&format!("SHINKOFA_PEER_{}", name.to_ascii_uppercase()), url)
    }

    /// Takes Redis away: nothing listens where the service looks for it.
    #[must_use]
    pub fn without_redis(self) -> Self {
        self.env("REDIS_URL", "redis://127.0.0.1:1/0")
    }

    /// The limits of production, one hundredth of those that tests otherwise have.
    #[must_use]
    pub fn production_limits(self) -> Self {
        self.env("SHINKOFA_LIMITS", "production")
    }

    /// When the test begins. 2026-12-01T09:00:00Z unless told otherwise.
    #[must_use]
    pub fn starting_at(mut self, start: DateTime<Utc>) -> Self {
        self.start = start;
        self
    }

    /// As a process is that has just started, and has heard nothing from auth.
    #[must_use]
    pub fn knowing_no_revocations(mut self) -> Self {
        self.knows_revocations = false;
        self
    }

    pub async fn start<S: Service>(self) -> TestApp<S> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let database = TestDatabase::create::<S>().await;
        let redis = std::env::var("SHINKOFA_TEST_REDIS_URL").expect("SHINKOFA_TEST_REDIS_URL is set");
        let mut variables = HashMap::from([
            ("SHINKOFA_BASE_DOMAIN".to_owned(), "shinkofa.localhost".to_owned()),
            ("SHINKOFA_PUBLIC_URL".to_owned(), ISSUER.to_owned()),
            ("SHINKOFA_LIMITS".to_owned(), "relaxed".to_owned()),
            ("DATABASE_URL".to_owned(), database.runtime_url()),
            ("REDIS_URL".to_owned(), redis),
            ("JWT_SECRET".to_owned(), user_keyring()),
            ("JWT_SERVICE_SECRET".to_owned(), service_keyring()),
            ("SHINKOFA_DELIVERY_KEY".to_owned(), delivery_key()),
        ]);
        // Nothing listens there: a peer that a test did not provide is down.
        for peer in ["AUTH", "CREDITS", "BOOKING", "NOTIFY"] {
            variables.insert(format!("SHINKOFA_PEER_{peer}"), "http://127.0.0.1:1".to_owned());
        }
        variables.extend(self.variables);
        let clock = Clock::manual(self.start);
        let mut environment = Environment::from_variables(variables);
        let platform =
            Platform::build(S::NAME, &mut environment, clock.clone()).expect("the platform is built");
        if self.knows_revocations {
            // Nothing is revoked but what a test revokes: there is no auth to ask, and nothing runs that would.
            platform.identity.revocations.mark_whole();
        }
        let service = S::start(platform, &mut environment).await.expect("the service starts");
        environment.finish().expect("the configuration is complete");
        let server = Server::start(service, None, None).expect("the listeners are bound");
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("an HTTP client");
        TestApp { clock, http, server, observer: OnceLock::new(), database }
    }
}

/// 32 bytes, the same in every test.
fn delivery_key() -> String {
    use base64::Engine as _;
    let key: Vec<u8> = (0..32).map(|n: u8| n.wrapping_mul(29).wrapping_add(5)).collect();
    format!("test:{}", base64::engine::general_purpose::STANDARD.encode(key))
}

impl<S: Service> TestApp<S> {
    pub fn builder() -> TestAppBuilder {
        let start = DateTime::parse_from_rfc3339("2026-12-01T09:00:00Z").expect("a constant instant");
        TestAppBuilder { variables: HashMap::new(), start: start.to_utc(), knows_revocations: true }
    }

    pub async fn start() -> Self {
        Self::builder().start().await
    }

    pub fn service(&self) -> &S {
        self.server.service()
    }

    /// The pool of the service itself, under its runtime role.
    pub fn pool(&self) -> &Database {
        &self.server.service().platform().database
    }

    /// Sees everything, whatever tenant it belongs to.
    pub async fn superuser(&self) -> Superuser {
        self.database.superuser().await
    }

    /// The rows of a query over all tenants.
    pub async fn sql(&self, query: &str) -> Vec<Value> {
        self.superuser().await.rows(query).await
    }

    /// Waits until so many transactions of this database wait for a lock.
    pub async fn until_waiting(&self, transactions: usize) {
        let waiting = "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let all_wait = async || (self.sql(waiting).await.len() == transactions).then_some(());
        eventually("so many transactions wait for a lock", all_wait).await;
    }

    /// Has every call from now on observed: `question` is a query over all tenants, whose rows are kept with each call as they were
    /// before and after it.
    pub async fn observe(&self, question: &str) -> Arc<Observer> {
        let observer = Arc::new(Observer::new(question, self.superuser().await));
        assert!(self.observer.set(observer.clone()).is_ok(), "one question is asked at a time");
        observer
    }

    /// The events recorded so far, oldest first, as rows of the log.
    pub async fn events(&self) -> Vec<Value> {
        self.sql("SELECT * FROM events ORDER BY transaction, number").await
    }

    /// A fresh person with this role in the default tenant.
    pub fn user(&self, role: Role) -> TestUser {
        self.user_of(TenantId::DEFAULT, role)
    }

    /// A fresh person with this role in `tenant`.
    pub fn user_of(&self, tenant: TenantId, role: Role) -> TestUser {
        TestUser::new(&self.clock, ISSUER, tenant, &[role])
    }

    /// A fresh member of the default tenant with roles that it made itself.
    pub fn user_with_custom_roles(&self, roles: &[&str]) -> TestUser {
        TestUser::with_custom_roles(&self.clock, ISSUER, TenantId::DEFAULT, roles)
    }

    /// A service account of the default tenant that may do what `scopes` name.
    pub fn service_account(&self, scopes: &[Permission]) -> TestUser {
        TestUser::service_account(&self.clock, ISSUER, TenantId::DEFAULT, scopes)
    }

    /// A fresh token for somebody who exists: needed after the clock moved past the old one's end.
    pub fn renewed(&self, user: &TestUser, role: Role) -> TestUser {
        TestUser::with_id(user.user_id, &self.clock, ISSUER, user.tenant_id, &[role])
    }

    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    /// Runs due jobs until none is due. Returns how many ran.
    pub async fn run_jobs(&self) -> usize {
        self.server.run_jobs().await.expect("the queue answers")
    }

    /// Reads what auth has revoked since `after`. Returns where to go on from.
    pub async fn read_revocations(&self, after: i64) -> Result<i64, String> {
        self.server.read_revocations(after).await
    }

    /// Applies every event that the peers' feeds hold now. Returns how many.
    pub async fn read_feeds(&self) -> Result<usize, String> {
        self.server.read_feeds().await
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        let url = format!("http://{}{path}", self.server.public_addr);
        Call::new(&self.http, method, url, self.observer.get().cloned())
            // Two tenants of one host are told apart by it, as behind the gateway.
            .header("host", "app.shinkofa.localhost")
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub fn put(&self, path: &str) -> Call {
        self.call(Method::PUT, path)
    }

    /// Calls the internal listener as the service `caller` with the scope `P`, about the default tenant.
    pub fn internal<P: Scope>(&self, caller: &str, method: Method, path: &str) -> Call {
        self.internal_for::<P>(caller, (Some(TenantId::DEFAULT), None), method, path)
    }

    /// The same on behalf of a tenant and a user of the test's choice.
    pub fn internal_for<P: Scope>(
        &self,
        caller: &str,
        (tenant, user): (Option<TenantId>, Option<UserId>),
        method: Method,
        path: &str,
    ) -> Call {
        let tokens = ServiceTokens::new(parse(&service_keyring()), caller, self.clock.clone());
        let token = tokens.sign(S::NAME, P::NAME, tenant, user).expect("the test keyring signs");
        self.internal_anonymous(method, path).token(&token)
    }

    /// Calls the internal listener without saying who calls.
    pub fn internal_anonymous(&self, method: Method, path: &str) -> Call {
        let url = format!("http://{}{path}", self.server.internal_addr);
        Call::new(&self.http, method, url, self.observer.get().cloned())
    }

    pub fn public_url(&self) -> String {
        format!("http://{}", self.server.public_addr)
    }

    pub fn internal_url(&self) -> String {
        format!("http://{}", self.server.internal_addr)
    }

    /// Tells the service that it will be stopped.
    pub fn drain(&self) {
        self.server.drain()();
    }

    /// Stops the service and removes its database.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

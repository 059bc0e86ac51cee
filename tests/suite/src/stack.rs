//! Where the stack is, and the ways into it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, Method, redirect};
use serde::Deserialize;
use serde_json::Value;
use shinkofa_identity::{Keyring, UserTokens};
use shinkofa_kernel::Clock;

use crate::Call;

/// Longer than any answer may take; a call that is cut off by a kill fails at once.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The running stack.
#[derive(Clone)]
pub struct Stack {
    pub(crate) http: Client,
    pub clock: Clock,
    pub domain: String,
    pub gateway_port: u16,
    pub http_port: u16,
    /// Its data folder.
    pub home: PathBuf,
    pub checkout: PathBuf,
    /// What binds a certificate of the gateway to this installation.
    pub authority: PathBuf,
    pub(crate) name: String,
    pub(crate) operator: PathBuf,
    pub(crate) failpoints: PathBuf,
    pub(crate) postgres_socket: String,
    pub(crate) postgres_port: u16,
    pub(crate) redis_url: String,
    pub(crate) stripe_sim_port: u16,
    demo: PathBuf,
    pub(crate) tokens: UserTokens,
}

/// How somebody of the demo data signs in.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoAccount {
    pub email: String,
    pub password: String,
    /// Of the authenticator app, in base 32, where the role needs one.
    pub totp_secret: Option<String>,
}

impl Stack {
    /// Finds the stack that `deploy/test` brought up, all of it ready, and nothing left of what a failed test had done to
    /// it.
    pub async fn attach() -> Self {
        let stack = Self::of_environment();
        stack.disarm_all();
        stack.thaw_all().await;
        stack.wait_until_ready().await;
        stack.stripe().behave().await;
        stack
    }

    fn of_environment() -> Self {
        let clock = Clock::system();
        let home = PathBuf::from(variable("HOME"));
        let (domain, gateway_port) = (variable("DOMAIN"), port("GATEWAY_PORT"));
        let authority = PathBuf::from(variable("CA"));
        let keyring = read(&home.join("secrets/jwt-keyring"));
        let keyring = Keyring::parse(&keyring).expect("the stack's keyring is good");
        let issuer = format!("https://app.{domain}:{gateway_port}");
        let checkout = std::env::var("SHINKOFA_CHECKOUT").expect("SHINKOFA_CHECKOUT is set by deploy/test");
        Self {
            http: client(&authority),
            tokens: UserTokens::new(keyring, issuer, clock.clone()),
            clock,
            domain,
            gateway_port,
            http_port: port("HTTP_PORT"),
            home,
            checkout: checkout.into(),
            authority,
            name: variable("STACK"),
            operator: variable("CTL").into(),
            failpoints: variable("FAILPOINTS_DIR").into(),
            postgres_socket: variable("POSTGRES_SOCKET"),
            postgres_port: port("POSTGRES_PORT"),
            redis_url: variable("REDIS_URL"),
            stripe_sim_port: port("STRIPE_SIM_PORT"),
            demo: variable("DEMO").into(),
        }
    }

    /// A client that knows the stack's names and trusts its authority alone, as every call here uses one.
    pub fn client(&self) -> Client {
        client(&self.authority)
    }

    /// The address of a path of the API, through the gateway.
    pub fn url(&self, path: &str) -> String {
        self.url_of("app", path)
    }

    /// The same on another host of the gateway.
    pub fn url_of(&self, host: &str, path: &str) -> String {
        format!("https://{host}.{}:{}{path}", self.domain, self.gateway_port)
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, self.url(path))
    }

    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, self.url(path))
    }

    /// A call of any address: a service's own listener, the stand-in, another host of the gateway.
    pub fn call(&self, method: Method, url: String) -> Call {
        Call::new(&self.http, method, url)
    }

    /// A secret of the installation by its file name.
    pub fn secret(&self, name: &str) -> String {
        read(&self.home.join("secrets").join(name)).trim().to_owned()
    }

    /// A demo account, as the operator seeded it.
    pub fn demo_account(&self, role: &str) -> DemoAccount {
        let mut demo: Value = serde_json::from_str(&read(&self.demo)).expect("demo.json is JSON");
        serde_json::from_value(demo[role].take()).expect("demo.json knows the role")
    }

    /// A name or key that no other test and no earlier run has used.
    pub fn fresh(&self, what: &str) -> String {
        format!("{what}-{}", self.clock.new_uuid().simple())
    }
}

/// Every name is this machine's, whether the system says so or not.
struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(std::iter::once(SocketAddr::from(([127, 0, 0, 1], 0))));
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

fn client(authority: &Path) -> Client {
    let certificate = std::fs::read(authority).expect("the authority of the stack is readable");
    let certificate = Certificate::from_pem(&certificate).expect("the authority is a certificate");
    Client::builder()
        .timeout(TIMEOUT)
        .http1_only()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tls_certs_only([certificate])
        .dns_resolver(Loopback)
        .build()
        .expect("a client")
}

fn variable(name: &str) -> String {
    let name = format!("SHINKOFA_SUITE_{name}");
    std::env::var(&name).unwrap_or_else(|_| panic!("{name} is not set: these tests are run by ./deploy/test"))
}

fn port(name: &str) -> u16 {
    variable(name).parse().unwrap_or_else(|_| panic!("SHINKOFA_SUITE_{name} is not a port"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

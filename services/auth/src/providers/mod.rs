//! The providers that people sign in with, as this installation is configured.

mod discord;
mod github;
mod http;
mod oidc;
mod settings;

use std::sync::Arc;

use shinkofa_kernel::{Clock, defended};
use shinkofa_runtime::{Environment, Platform};
use shinkofa_web::Fault;
use url::Url;

use crate::domain::pkce::{CodeChallenge, CodeVerifier};
use crate::domain::provider::{ExternalIdentity, Provider};
use crate::error::Error;
use discord::Discord;
use github::GitHub;
use oidc::Google;
use settings::ClientSettings;

/// The configured ones. Clones share what they have learned of them.
#[derive(Clone)]
pub struct Providers(Arc<Configured>);

struct Configured {
    google: Option<Google>,
    github: Option<GitHub>,
    discord: Option<Discord>,
    redirects: Vec<String>,
    public_url: Url,
}

/// Where the application takes up again, on the platform's own host and on those of tenants.
const SIGNED_IN: &str = "/signed-in";

/// One of them.
pub enum Client<'a> {
    Google(&'a Google),
    GitHub(&'a GitHub),
    Discord(&'a Discord),
}

/// What we ask a provider with, and later hold its answer against.
pub struct Asking<'a> {
    pub redirect_uri: &'a str,
    pub state: &'a str,
    pub nonce: &'a str,
    pub challenge: &'a CodeChallenge,
}

/// What a provider sent back, and what only we know of the request.
pub struct Answering<'a> {
    pub redirect_uri: &'a str,
    pub code: &'a str,
    pub nonce: &'a str,
    pub verifier: &'a CodeVerifier,
}

/// Why a provider vouched for nobody.
#[derive(Debug)]
pub enum ProviderError {
    /// It answered, and not what it should have.
    Refused(&'static str),
    /// It does not answer, or says itself that it cannot.
    Unavailable(anyhow::Error),
}

impl From<ProviderError> for Error {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Refused(reason) => Self::IdentityRefused(reason),
            ProviderError::Unavailable(source) => Fault::dependency("provider_unavailable", source).into(),
        }
    }
}

impl Providers {
    /// Reads the configuration. A provider without a client id is absent.
    pub fn read(environment: &mut Environment, platform: &Platform) -> Self {
        let (http, clock) = (&platform.http, &platform.clock);
        let public_url = platform.settings.public_url.clone();
        Self(Arc::new(Configured {
            google: google(environment, http, clock),
            github: ClientSettings::read(environment, "GITHUB").and_then(|client| {
                let site = settings::base(environment, "OAUTH_GITHUB_BASE_URL", "https://github.com")?;
                let api = settings::base(environment, "OAUTH_GITHUB_API_URL", "https://api.github.com")?;
                Some(GitHub { http: http.clone(), client, site, api })
            }),
            discord: ClientSettings::read(environment, "DISCORD").and_then(|client| {
                let site = settings::base(environment, "OAUTH_DISCORD_BASE_URL", "https://discord.com")?;
                Some(Discord { http: http.clone(), client, site })
            }),
            redirects: settings::redirects(environment, &public_url),
            public_url,
        }))
    }

    pub fn get(&self, provider: Provider) -> Option<Client<'_>> {
        match provider {
            Provider::Google => self.0.google.as_ref().map(Client::Google),
            Provider::GitHub => self.0.github.as_ref().map(Client::GitHub),
            Provider::Discord => self.0.discord.as_ref().map(Client::Discord),
        }
    }

    /// May a browser be sent there with somebody's code? Only to an address that was configured, or to `/signed-in` of
    /// `tenants_own`, the origin of the tenant's host that is asked, where it is one: to the letter. Nothing is parsed, so there
    /// is nothing to disagree about.
    pub fn allows_redirect(&self, uri: &str, tenants_own: Option<&str>) -> bool {
        let by_prefix = |allowed: &str| uri.starts_with(allowed) && !defended!("V20");
        let at_own = tenants_own.and_then(|origin| uri.strip_prefix(origin)) == Some(SIGNED_IN);
        at_own || self.0.redirects.iter().any(|allowed| allowed == uri || by_prefix(allowed))
    }

    /// Where providers send people back to: made from the configuration, never from a header.
    pub fn callback(&self, provider: Provider) -> Result<String, Fault> {
        let path = format!("/api/auth/oauth/{provider}/callback");
        Ok(self.0.public_url.join(&path).map_err(Fault::unexpected)?.into())
    }
}

fn google(environment: &mut Environment, http: &reqwest::Client, clock: &Clock) -> Option<Google> {
    let client = ClientSettings::read(environment, "GOOGLE")?;
    let issuer = settings::issuer(environment, "OAUTH_GOOGLE_ISSUER", "https://accounts.google.com")?;
    Some(Google::new(http.clone(), clock.clone(), client, issuer))
}

impl Client<'_> {
    /// Where to send the person.
    pub async fn authorization_url(&self, asking: &Asking<'_>) -> Result<Url, ProviderError> {
        match self {
            Self::Google(google) => google.authorization_url(asking).await,
            Self::GitHub(github) => github.authorization_url(asking),
            Self::Discord(discord) => discord.authorization_url(asking),
        }
    }

    /// Who came back.
    pub async fn identity(&self, answering: &Answering<'_>) -> Result<ExternalIdentity, ProviderError> {
        match self {
            Self::Google(google) => google.identity(answering).await,
            Self::GitHub(github) => github.identity(answering).await,
            Self::Discord(discord) => discord.identity(answering).await,
        }
    }

    /// How the provider calls itself.
    pub fn issuer(&self) -> &str {
        match self {
            Self::Google(google) => google.issuer(),
            Self::GitHub(github) => github.issuer(),
            Self::Discord(discord) => discord.issuer(),
        }
    }
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let configured = Provider::ALL.iter().filter(|provider| self.get(**provider).is_some());
        f.debug_list().entries(configured).finish()
    }
}

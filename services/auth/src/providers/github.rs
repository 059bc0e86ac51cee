//! GitHub: OAuth 2 with its own API for who somebody is.

use serde::Deserialize;
use url::Url;

use super::http::{asked, endpoint, issuer, json, redeem};
use super::settings::ClientSettings;
use super::{Answering, Asking, ProviderError};
use crate::domain::provider::{ExternalIdentity, Provider};

pub struct GitHub {
    pub http: reqwest::Client,
    pub client: ClientSettings,
    pub site: Url,
    pub api: Url,
}

/// `GET /user`. The number never changes hands; the login does.
#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    name: Option<String>,
}

/// `GET /user/emails`
#[derive(Deserialize)]
struct Email {
    email: String,
    #[serde(default)]
    primary: bool,
    #[serde(default)]
    verified: bool,
}

impl GitHub {
    pub fn issuer(&self) -> &str {
        issuer(&self.site)
    }

    pub fn authorization_url(&self, asking: &Asking<'_>) -> Result<Url, ProviderError> {
        let endpoint = endpoint(&self.site, "login/oauth/authorize")?;
        Ok(asked(endpoint, &self.client, "read:user user:email", asking))
    }

    pub async fn identity(&self, answering: &Answering<'_>) -> Result<ExternalIdentity, ProviderError> {
        let token_endpoint = endpoint(&self.site, "login/oauth/access_token")?;
        let tokens = redeem(&self.http, token_endpoint, &self.client, answering).await?;
        let token = tokens.access_token.ok_or(ProviderError::Refused("there is no access token"))?;
        let user: User = json(self.http.get(endpoint(&self.api, "user")?).bearer_auth(&token)).await?;
        let emails: Vec<Email> =
            json(self.http.get(endpoint(&self.api, "user/emails")?).bearer_auth(&token)).await?;
        let primary = emails.into_iter().find(|email| email.primary);
        Ok(ExternalIdentity {
            provider: Provider::GitHub,
            issuer: self.issuer().to_owned(),
            subject: user.id.to_string(),
            email_verified: primary.as_ref().is_some_and(|email| email.verified),
            email: primary.map(|email| email.email),
            name: user.name.filter(|name| !name.trim().is_empty()).or(Some(user.login)),
        })
    }
}

//! Discord: OAuth 2 with its own API for who somebody is.

use serde::Deserialize;
use url::Url;

use super::http::{asked, endpoint, issuer, json, redeem};
use super::settings::ClientSettings;
use super::{Answering, Asking, ProviderError};
use crate::domain::provider::{ExternalIdentity, Provider};

pub struct Discord {
    pub http: reqwest::Client,
    pub client: ClientSettings,
    pub site: Url,
}

/// `GET /users/@me`. `verified` is missing where the address was not asked for or is not there.
#[derive(Deserialize)]
struct User {
    id: String,
    username: String,
    global_name: Option<String>,
    email: Option<String>,
    verified: Option<bool>,
}

impl Discord {
    pub fn issuer(&self) -> &str {
        issuer(&self.site)
    }

    pub fn authorization_url(&self, asking: &Asking<'_>) -> Result<Url, ProviderError> {
        let endpoint = endpoint(&self.site, "oauth2/authorize")?;
        Ok(asked(endpoint, &self.client, "identify email", asking))
    }

    pub async fn identity(&self, answering: &Answering<'_>) -> Result<ExternalIdentity, ProviderError> {
        let token_endpoint = endpoint(&self.site, "api/oauth2/token")?;
        let tokens = redeem(&self.http, token_endpoint, &self.client, answering).await?;
        let token = tokens.access_token.ok_or(ProviderError::Refused("there is no access token"))?;
        let me = self.http.get(endpoint(&self.site, "api/v10/users/@me")?).bearer_auth(&token);
        let user: User = json(me).await?;
        if !ExternalIdentity::is_subject(&user.id) {
            return Err(ProviderError::Refused("the user has no id"));
        }
        Ok(ExternalIdentity {
            provider: Provider::Discord,
            issuer: self.issuer().to_owned(),
            subject: user.id,
            email: user.email,
            email_verified: user.verified == Some(true),
            name: user.global_name.or(Some(user.username)),
        })
    }
}

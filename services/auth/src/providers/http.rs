//! Talking to providers: little is read, and nothing is followed.

use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::settings::ClientSettings;
use super::{Answering, Asking, ProviderError};

/// No answer of theirs that we have a use for is longer.
const LONGEST: usize = 256 * 1024;

/// Sends a request and reads its JSON. A refusal of theirs is a refusal; a fault of theirs, or silence, is not.
pub async fn json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ProviderError> {
    let unavailable = |error: reqwest::Error| ProviderError::Unavailable(error.without_url().into());
    let request = request.header("accept", "application/json").header("user-agent", "shinkofa");
    let mut response = request.send().await.map_err(unavailable)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        if body.len() + chunk.len() > LONGEST {
            return Err(ProviderError::Refused("the answer is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(ProviderError::Unavailable(anyhow::anyhow!("the provider answers {status}")));
    }
    if !status.is_success() {
        return Err(ProviderError::Refused("the provider refused"));
    }
    serde_json::from_slice(&body).map_err(|_| ProviderError::Refused("the answer is not what was asked for"))
}

/// The answer of a token endpoint. GitHub says 200 to a wrong code, and no token.
#[derive(Deserialize)]
pub struct Tokens {
    pub access_token: Option<String>,
    pub id_token: Option<String>,
}

/// Redeems the code of a provider (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
pub async fn redeem(
    http: &reqwest::Client,
    endpoint: Url,
    client: &ClientSettings,
    answering: &Answering<'_>,
) -> Result<Tokens, ProviderError> {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", answering.code),
        ("redirect_uri", answering.redirect_uri),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
        ("code_verifier", answering.verifier.as_str()),
    ];
    json(http.post(endpoint).form(&form)).await
}

/// The address of an authorization endpoint with everything that is asked of it.
pub fn asked(mut endpoint: Url, client: &ClientSettings, scope: &str, asking: &Asking<'_>) -> Url {
    endpoint
        .query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &client.id)
        .append_pair("redirect_uri", asking.redirect_uri)
        .append_pair("scope", scope)
        .append_pair("state", asking.state)
        .append_pair("code_challenge", asking.challenge.as_str())
        .append_pair("code_challenge_method", "S256");
    endpoint
}

/// An endpoint beneath a provider's address.
pub fn endpoint(base: &Url, path: &str) -> Result<Url, ProviderError> {
    base.join(path).map_err(|error| ProviderError::Unavailable(error.into()))
}

/// How a provider without OpenID is called in our tables: its address without the slash.
pub fn issuer(base: &Url) -> &str {
    base.as_str().trim_end_matches('/')
}

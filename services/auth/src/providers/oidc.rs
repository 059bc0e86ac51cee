//! Google: OpenID Connect with discovery. Its keys come from the issuer that was configured, and from nowhere that a token
//! names.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use shinkofa_kernel::Clock;
use url::Url;

use super::http::{asked, json, redeem};
use super::settings::{ClientSettings, is_trustworthy};
use super::{Answering, Asking, ProviderError};
use crate::domain::id_token::{Expected, IdTokenClaims};
use crate::domain::provider::ExternalIdentity;

pub struct Google {
    http: reqwest::Client,
    clock: Clock,
    client: ClientSettings,
    issuer: String,
    learned: Mutex<Option<Arc<Learned>>>,
}

/// What the issuer says of itself, for an hour.
struct Learned {
    authorization: Url,
    token: Url,
    keys: Vec<Key>,
    at: DateTime<Utc>,
}

struct Key {
    id: String,
    key: DecodingKey,
}

/// OpenID Connect Discovery 1.0, section 3.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
}

/// RFC 7517. Keys of a kind that we do not use are passed over.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct RsaKey {
    kty: String,
    kid: String,
    n: String,
    e: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
}

const KEPT: TimeDelta = TimeDelta::hours(1);
/// A token with a key that we have not seen makes us look again, at most so often.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(1);

impl Google {
    pub fn new(http: reqwest::Client, clock: Clock, client: ClientSettings, issuer: String) -> Self {
        Self { http, clock, client, issuer, learned: Mutex::default() }
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub async fn authorization_url(&self, asking: &Asking<'_>) -> Result<Url, ProviderError> {
        let learned = self.learned(KEPT).await?;
        let mut url = asked(learned.authorization.clone(), &self.client, "openid email profile", asking);
        url.query_pairs_mut().append_pair("nonce", asking.nonce);
        Ok(url)
    }

    pub async fn identity(&self, answering: &Answering<'_>) -> Result<ExternalIdentity, ProviderError> {
        let learned = self.learned(KEPT).await?;
        let tokens = redeem(&self.http, learned.token.clone(), &self.client, answering).await?;
        let token = tokens.id_token.ok_or(ProviderError::Refused("there is no ID token"))?;
        let expected = Expected {
            issuer: &self.issuer,
            client_id: &self.client.id,
            nonce: answering.nonce,
            now: self.clock.now(),
        };
        self.claims(&token).await?.check(&expected).map_err(|wrong| {
            tracing::warn!(%wrong, "an ID token was refused");
            ProviderError::Refused("the ID token does not answer our request")
        })
    }

    /// The claims of a token that the issuer signed. The header only says which of its keys: `jku`, `x5u` and `jwk` are not
    /// read at all.
    async fn claims(&self, token: &str) -> Result<IdTokenClaims, ProviderError> {
        const REFUSED: ProviderError = ProviderError::Refused("the ID token is not signed by the issuer");
        let header = jsonwebtoken::decode_header(token).map_err(|_| REFUSED)?;
        let id = header.kid.filter(|_| header.alg == Algorithm::RS256).ok_or(REFUSED)?;
        let mut learned = self.learned(KEPT).await?;
        if learned.key(&id).is_none() {
            learned = self.learned(LOOK_AGAIN).await?;
        }
        let mut validation = Validation::new(Algorithm::RS256);
        // Audience and time are looked at with everything else, by our own clock.
        validation.validate_aud = false;
        validation.validate_exp = false;
        let key = learned.key(&id).ok_or(REFUSED)?;
        let decoded = jsonwebtoken::decode::<IdTokenClaims>(token, key, &validation);
        decoded.map(|data| data.claims).map_err(|_| REFUSED)
    }

    /// What is known of the issuer, if it was learned within `age`.
    async fn learned(&self, age: TimeDelta) -> Result<Arc<Learned>, ProviderError> {
        let known = self.learned.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| self.clock.now() - known.at < age) {
            return Ok(known);
        }
        let learned = Arc::new(self.learn().await?);
        *self.learned.lock().unwrap_or_else(PoisonError::into_inner) = Some(learned.clone());
        Ok(learned)
    }

    async fn learn(&self) -> Result<Learned, ProviderError> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let discovery: Discovery = json(self.http.get(address)).await?;
        let endpoints = [&discovery.authorization_endpoint, &discovery.token_endpoint, &discovery.jwks_uri];
        if discovery.issuer != self.issuer || !endpoints.into_iter().all(is_trustworthy) {
            return Err(ProviderError::Refused("the issuer says that it is another"));
        }
        let set: KeySet = json(self.http.get(discovery.jwks_uri)).await?;
        Ok(Learned {
            authorization: discovery.authorization_endpoint,
            token: discovery.token_endpoint,
            keys: set.keys.into_iter().filter_map(key).collect(),
            at: self.clock.now(),
        })
    }
}

/// One that RS256 signatures can be made with.
fn key(text: serde_json::Value) -> Option<Key> {
    let key: RsaKey = serde_json::from_value(text).ok()?;
    let signs = key.purpose.is_none_or(|purpose| purpose == "sig");
    let by_rs256 = key.kty == "RSA" && key.alg.is_none_or(|alg| alg == "RS256");
    let decoding = DecodingKey::from_rsa_components(&key.n, &key.e).ok()?;
    (signs && by_rs256).then_some(Key { id: key.kid, key: decoding })
}

impl Learned {
    fn key(&self, id: &str) -> Option<&DecodingKey> {
        self.keys.iter().find(|key| key.id == id).map(|key| &key.key)
    }
}

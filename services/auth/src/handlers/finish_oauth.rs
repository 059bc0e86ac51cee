//! `GET /api/auth/oauth/{provider}/callback`

use actix_web::{HttpResponse, get, web};
use chrono::TimeDelta;
use serde::Deserialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_kernel::defended;
use shinkofa_web::{
    Fault, NotFoundRefusal, ParameterRefusal, Path, ProblemDocument, Query, RateRefusal, RequestContext,
    Unavailability,
};
use utoipa::IntoParams;

use crate::db::oauth_attempts::{self, ReturnedAttempt};
use crate::domain::one_time_token::OneTimeToken;
use crate::domain::pkce::CodeVerifier;
use crate::domain::provider::{ExternalIdentity, Provider};
use crate::error::Error;
use crate::federation::{Secrets, require_enabled, sealed_for};
use crate::providers::{Answering, Client, ProviderError};
use crate::{Auth, limits};

/// Providers add what they like: the rest is not read.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OAuthReturn {
    /// What the provider was sent with.
    #[param(value_type = Option<String>, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    state: Option<String>,
    /// The provider's own code.
    #[param(value_type = Option<String>, example = "4/0AX4XfWh")]
    code: Option<String>,
    /// Why there is none (RFC 6749, section 4.1.2.1).
    #[param(value_type = Option<String>, example = "access_denied")]
    error: Option<String>,
    /// RFC 9207.
    #[param(value_type = Option<String>, example = "https://accounts.google.com")]
    iss: Option<String>,
}

const LONGEST_CODE: usize = 4096;
/// RFC 6749, section 4.1.2.1: the person did not want to.
const SAID_NO: &str = "access_denied";
/// As long as a page needs to load and redeem its code.
const TO_REDEEM: TimeDelta = TimeDelta::minutes(2);

/// Come back from a provider
///
/// Browsers arrive here from the provider and go on to the `redirectUri` that the way began with: `#code=` for the exchange,
/// or `#error=` and why there is none. That is `access_denied` where the person said no, `identity_refused` where the provider
/// vouches for nobody, `provider_unavailable` where it does not answer or says that it cannot, `not_found` where it was switched
/// off meanwhile, `database_unavailable` or `internal_error` where the fault is ours. The way is over then: begin again. What the
/// provider says is checked here, and opens nothing yet: only who began can redeem the code.
#[utoipa::path(
    tag = "providers",
    params(("provider" = Provider, Path), OAuthReturn),
    responses(
        NotFoundRefusal, ParameterRefusal, RateRefusal, Unavailability,
        (status = 303, description = "to `redirectUri`, with `#code=` or `#error=`", headers(("location" = String))),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json", description = "`state_refused`: nothing says where to go on to"),
    ),
)]
#[get("/api/auth/oauth/{provider}/callback")]
pub async fn finish_oauth(
    auth: web::Data<Auth>,
    context: RequestContext,
    provider: Path<Provider>,
    returned: Query<OAuthReturn>,
) -> Result<HttpResponse, Error> {
    let (Path(provider), Query(returned)) = (provider, returned);
    auth.platform.limiter.require(&limits::OAUTH_BY_NETWORK, context.client.as_str()).await?;
    let client = auth.providers.get(provider).ok_or(Error::ProviderUnknown)?;
    let state = returned.state.clone().ok_or(Error::StateRefused)?;
    let state = OneTimeToken::try_from(state).map_err(|_| Error::StateRefused)?;
    let attempt = take(&auth, provider, &state).await?;
    // Somebody is looking at this: from here on they are told by the page that they came from.
    let fragment = match code_for(&auth, (&client, provider), &attempt, returned).await {
        Ok(Some(code)) => format!("code={}", code.as_str()),
        Ok(None) => format!("error={SAID_NO}"),
        Err(error) => format!("error={}", error.problem().code()),
    };
    Ok(go_on(&attempt, &fragment))
}

/// Checks what the provider says, and keeps who it was under a code of ours. `None` where the person said no.
async fn code_for(
    auth: &Auth,
    (client, provider): (&Client<'_>, Provider),
    attempt: &ReturnedAttempt,
    OAuthReturn { code, error, iss, .. }: OAuthReturn,
) -> Result<Option<OneTimeToken>, Error> {
    if iss.is_some_and(|iss| iss != client.issuer()) && defended!("V08-mixup") {
        return Err(Error::IdentityRefused("the answer names another issuer"));
    }
    if error.as_deref() == Some(SAID_NO) {
        tracing::info!(%provider, "somebody said no at a provider");
        return Ok(None);
    }
    let code = code.filter(|code| error.is_none() && (1..=LONGEST_CODE).contains(&code.len()));
    let code = code.ok_or_else(|| without_code(error.as_deref()))?;

    let secrets = auth.sealing.open(&sealed_for("secrets", &attempt.state_hash), &attempt.secrets_sealed);
    let secrets: Secrets =
        serde_json::from_slice(&secrets.map_err(Fault::unexpected)?).map_err(Fault::unexpected)?;
    let verifier = CodeVerifier::read(Some(&secrets.verifier)).map_err(Fault::unexpected)?;
    let callback = auth.providers.callback(provider)?;
    let answering =
        Answering { redirect_uri: &callback, code: &code, nonce: &secrets.nonce, verifier: &verifier };
    let identity = client.identity(&answering).await?;
    keep(auth, attempt, &identity).await.map(Some)
}

/// Why a provider sent somebody back without a code, in few words of ours: what it says itself goes nowhere.
fn without_code(error: Option<&str>) -> ProviderError {
    match error {
        Some("server_error" | "temporarily_unavailable") => {
            ProviderError::Unavailable(anyhow::anyhow!("the provider says that it cannot"))
        }
        Some(_) => ProviderError::Refused("the provider sent somebody back with an error"),
        None => ProviderError::Refused("the provider sent somebody back without a code"),
    }
}

/// A `state` comes back once.
async fn take(auth: &Auth, provider: Provider, state: &OneTimeToken) -> Result<ReturnedAttempt, Error> {
    let (scope, now) = (Scope::realm(auth.realm), auth.platform.clock.now());
    transaction(&auth.platform.database, &scope, "take_oauth_state", async |tx| {
        require_enabled(tx, auth, provider).await?;
        let begun = (provider, &state.digest());
        oauth_attempts::take_state(tx, auth.realm, begun, now).await?.ok_or(Error::StateRefused)
    })
    .await
}

/// Keeps who it was under a code of our own. Nobody's account is looked at yet.
async fn keep(
    auth: &Auth,
    attempt: &ReturnedAttempt,
    identity: &ExternalIdentity,
) -> Result<OneTimeToken, Error> {
    let code = OneTimeToken::from_random(auth.randomness.bytes()?);
    let json = serde_json::to_vec(identity).map_err(Fault::unexpected)?;
    let context = sealed_for("identity", &attempt.state_hash);
    let sealed = auth.sealing.seal(&context, &json).map_err(Fault::unexpected)?;
    let expires_at = auth.platform.clock.now() + TO_REDEEM;
    let key = (auth.realm, attempt.state_hash.as_slice());
    transaction(&auth.platform.database, &Scope::realm(auth.realm), "keep_oauth_identity", async |tx| {
        require_enabled(tx, auth, identity.provider).await?;
        oauth_attempts::keep_identity(tx, key, (&code.digest(), &sealed), expires_at).await?;
        Ok::<_, Error>(())
    })
    .await?;
    Ok(code)
}

/// To the address that the way began with, which has no fragment of its own.
fn go_on(attempt: &ReturnedAttempt, fragment: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header(("location", format!("{}#{fragment}", attempt.redirect_uri)))
        .insert_header(("cache-control", "no-store"))
        .insert_header(("referrer-policy", "no-referrer"))
        .finish()
}

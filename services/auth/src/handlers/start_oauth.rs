//! `POST /api/auth/oauth/{provider}/start`

use actix_web::{HttpResponse, post, web};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_kernel::defended;
use shinkofa_web::{
    Body, Fault, NotFoundRefusal, ParameterRefusal, Path, ProblemDocument, RateRefusal, RequestContext,
    Unavailability,
};
use utoipa::ToSchema;

use crate::db::oauth_attempts::{self, NewAttempt};
use crate::domain::device::DeviceId;
use crate::domain::one_time_token::OneTimeToken;
use crate::domain::pkce::{CodeChallenge, CodeVerifier};
use crate::domain::provider::Provider;
use crate::error::Error;
use crate::federation::{Secrets, require_enabled, sealed_for};
use crate::providers::Asking;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartOAuthRequest {
    /// Where the browser goes in the end: one of the configured addresses, or `/signed-in` of the studio's host which is asked,
    /// to the letter.
    #[schema(max_length = 2000, example = "https://app.example.org/signed-in")]
    redirect_uri: String,
    /// The SHA-256 of a random verifier that stays in this browser, as base64url (RFC 7636). Without one: 400.
    #[schema(value_type = String, min_length = 43, max_length = 43, pattern = "^[A-Za-z0-9_-]{43}$", example = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")]
    code_challenge: Option<String>,
    /// `S256`, also when absent: there is no other.
    #[schema(value_type = Option<String>, pattern = "^S256$", example = "S256")]
    code_challenge_method: Option<String>,
    /// What the client calls its device: random, made once and kept.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "phone-7f3a")]
    device_id: Option<DeviceId>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OAuthStarted {
    /// Send the browser there within ten minutes.
    #[schema(example = "https://accounts.google.com/o/oauth2/v2/auth?response_type=code&state=...")]
    authorization_url: String,
}

/// As long as somebody may take to sign in elsewhere.
const TO_RETURN: TimeDelta = TimeDelta::minutes(10);

/// Begin at a provider
///
/// Answers where to send the browser. It comes back to `redirectUri` with `#code=`, which `POST /api/auth/oauth/exchange` or
/// `POST /api/auth/oauth/{provider}/link` redeems together with the verifier, or with `#error=`. A provider that is not
/// configured or is switched off: 404.
#[utoipa::path(
    tag = "providers",
    params(("provider" = Provider, Path)),
    request_body = StartOAuthRequest,
    responses(
        NotFoundRefusal, ParameterRefusal, RateRefusal, Unavailability,
        (status = 200, body = OAuthStarted),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json", description = "`redirect_refused` or `pkce_required` among others"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json", description = "`identity_refused`: the provider says that it is another"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
#[post("/api/auth/oauth/{provider}/start")]
pub async fn start_oauth(
    auth: web::Data<Auth>,
    host: HostTenant,
    context: RequestContext,
    provider: Path<Provider>,
    body: Body<StartOAuthRequest>,
) -> Result<HttpResponse, Error> {
    let (Path(provider), Body(body)) = (provider, body);
    let StartOAuthRequest { redirect_uri, code_challenge, code_challenge_method, device_id } = body;
    auth.platform.limiter.require(&limits::OAUTH_BY_NETWORK, context.client.as_str()).await?;
    let client = auth.providers.get(provider).ok_or(Error::ProviderUnknown)?;
    let ours = CodeChallenge::read(code_challenge.as_deref(), code_challenge_method.as_deref())?;
    // Whoever has a domain of their own could read a code there that anybody else's sign-in brought, and redeem it.
    let tenants_own = auth.tenant_pages.origin_beneath(&auth.platform.settings.base_domain, &context.host);
    if !auth.providers.allows_redirect(&redirect_uri, tenants_own.as_deref()) {
        return Err(Error::RedirectRefused);
    }

    let state = OneTimeToken::from_random(auth.randomness.bytes()?);
    let nonce = OneTimeToken::from_random(auth.randomness.bytes()?);
    let verifier = CodeVerifier::from_random(auth.randomness.bytes()?);
    // Whatever host the request names.
    let callback = if defended!("V04") {
        auth.providers.callback(provider)?
    } else {
        format!("https://{}/api/auth/oauth/{provider}/callback", context.host)
    };
    let asking = Asking {
        redirect_uri: &callback,
        state: state.as_str(),
        nonce: nonce.as_str(),
        challenge: &CodeChallenge::of(&verifier),
    };
    let url = client.authorization_url(&asking).await?;

    let secrets = Secrets { verifier: verifier.as_str().to_owned(), nonce: nonce.as_str().to_owned() };
    let secrets = serde_json::to_vec(&secrets).map_err(Fault::unexpected)?;
    let (state_hash, now) = (state.digest(), auth.platform.clock.now());
    let sealed = auth.sealing.seal(&sealed_for("secrets", &state_hash), &secrets);
    let attempt = NewAttempt {
        realm_id: auth.realm,
        state_hash: state_hash.to_vec(),
        provider,
        for_tenant: host.0,
        redirect_uri,
        code_challenge: ours.as_str().to_owned(),
        device_hash: device_id.as_ref().map(|device| device.digest().to_vec()),
        locale: context.locale,
        secrets_sealed: sealed.map_err(Fault::unexpected)?,
        created_at: now,
        expires_at: now + TO_RETURN,
    };
    transaction(&auth.platform.database, &Scope::realm(auth.realm), "start_oauth", async |tx| {
        require_enabled(tx, &auth, provider).await?;
        oauth_attempts::insert(tx, &attempt).await?;
        Ok::<_, Error>(())
    })
    .await?;
    let answer = OAuthStarted { authorization_url: url.into() };
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(answer))
}

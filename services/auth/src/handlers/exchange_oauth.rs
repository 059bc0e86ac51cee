//! `POST /api/auth/oauth/exchange`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_kernel::TenantId;
use shinkofa_web::{Body, NotFoundRefusal, ParameterRefusal, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::attempts::unlocked;
use crate::browser::{SessionModeHeader, SignInCaller};
use crate::domain::consent::{GivenConsent, GivenConsents};
use crate::domain::device::{DeviceBinding, Surroundings};
use crate::domain::one_time_token::OneTimeToken;
use crate::domain::pkce::CodeVerifier;
use crate::domain::proof::AuthMethod;
use crate::error::Error;
use crate::federation::{account_of, redeem, use_up};
use crate::first_factor::{self, FirstFactor, SignInAnswer};
use crate::joining::join_by_identity;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExchangeOAuthRequest {
    /// From the address that the browser came back to, behind `#code=`.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "Zm9yLW9uZS1zdGVwLWFuZC1ub3RoaW5nLWVsc2UtMDE")]
    code: OneTimeToken,
    /// What the challenge was made of. Missing, malformed, or the challenge itself: 400.
    #[schema(value_type = String, min_length = 43, max_length = 128, pattern = "^[A-Za-z0-9._~-]{43,128}$", example = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")]
    code_verifier: Option<String>,
    /// What this device got when it was remembered: with it the second factor may be left out. The device is the one that
    /// the way began on.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    device_token: Option<OneTimeToken>,
    /// What the person agrees to if this makes them a member: at most one text of each kind. Of no member that is there already.
    #[serde(default)]
    #[schema(value_type = Vec<GivenConsent>, max_items = 4, example = json!([{ "kind": "terms", "version": "2026-11" }]))]
    consents: GivenConsents,
}

/// Sign in through a provider
///
/// The code works once, for two minutes, and only with the verifier of who began. The identity opens the account that it is
/// linked with; else the one with the address that the provider has verified, which it is then linked with; else a new one.
/// Where anybody may sign up, an account without a second factor that is no member becomes one, as a new one does.
/// A second factor is asked for as after a password. Exchanging it once more ends the session that it opened.
#[utoipa::path(
    tag = "providers",
    params(SessionModeHeader),
    request_body = ExchangeOAuthRequest,
    responses(
        NotFoundRefusal, ParameterRefusal, RateRefusal, Unavailability,
        (status = 200, body = SignInAnswer),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json", description = "`pkce_required` among others"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json", description = "`verifier_refused`: the code is still good"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`provider_email_unverified`, `account_suspended`, `not_a_member`, `banned` or `other_first_factor_needed`; `origin_refused` in cookie mode"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`provider_already_linked`: the address's account is linked with somebody else at this provider; `link_first`: it has a second factor"),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`sign_in_gone`: the code was used or has expired"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json", description = "`terms_not_accepted`: this would make a member, and the studio asks for consent to a version of its terms that is not among the consents; the code is still good. Or `invalid_fields`"),
    ),
)]
#[post("/api/auth/oauth/exchange")]
pub async fn exchange_oauth(
    auth: web::Data<Auth>,
    host: HostTenant,
    SignInCaller(surroundings): SignInCaller,
    body: Body<ExchangeOAuthRequest>,
) -> Result<HttpResponse, Error> {
    first_factor::respond(answer(&auth, host.0, &surroundings, body.0).await)
}

async fn answer(
    auth: &Auth,
    tenant: TenantId,
    surroundings: &Surroundings,
    body: ExchangeOAuthRequest,
) -> Result<SignInAnswer, Error> {
    let ExchangeOAuthRequest { code, code_verifier, device_token, consents } = body;
    let verifier = CodeVerifier::read(code_verifier.as_deref())?;
    auth.platform.limiter.require(&limits::SIGN_IN_BY_NETWORK, surroundings.network()).await?;
    let redeemed = redeem(auth, tenant, &code, &verifier).await?;
    let binding = DeviceBinding::of_known(redeemed.device(), surroundings);
    let scope = Scope::realm(auth.realm).with_tenant(tenant);
    let answer = transaction(&auth.platform.database, &scope, "sign_in_by_provider", async |tx| {
        use_up(tx, auth, &redeemed).await?;
        let whose = (&redeemed.identity, redeemed.attempt.locale, &consents);
        let account = account_of(tx, auth, tenant, whose).await?;
        join_by_identity(tx, auth, tenant, (&account, &consents)).await?;
        let attempts = unlocked(tx, auth, &account.email_canonical, binding.device.as_ref()).await?;
        let first = FirstFactor {
            account: &account,
            method: AuthMethod::Federated,
            attempts: &attempts,
            binding: &binding,
            surroundings,
            device_token: device_token.as_ref(),
        };
        let answer = first_factor::pass(tx, auth, tenant, &first).await?;
        if let SignInAnswer::SignedIn(tokens) = &answer {
            redeemed.note_session(tx, auth, tokens.session).await?;
        }
        Ok::<_, Error>(answer)
    })
    .await?;
    auth.platform.committed();
    Ok(answer)
}

//! `POST /api/auth/oauth/{provider}/link`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{
    Body, NotFoundRefusal, ParameterRefusal, Path, ProblemDocument, RateRefusal, Unavailability,
};
use utoipa::ToSchema;

use crate::db::{identities, users};
use crate::domain::account::AccountKind;
use crate::domain::one_time_token::OneTimeToken;
use crate::domain::pkce::CodeVerifier;
use crate::domain::provider::Provider;
use crate::error::Error;
use crate::federation::{link, redeem, tell, use_up};
use crate::liveness::{Claimed, require_member, require_recent};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkOAuthRequest {
    /// From the address that the browser came back to, behind `#code=`.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "Zm9yLW9uZS1zdGVwLWFuZC1ub3RoaW5nLWVsc2UtMDE")]
    code: OneTimeToken,
    /// What the challenge was made of. Missing, malformed, or the challenge itself: 400.
    #[schema(value_type = String, min_length = 43, max_length = 128, pattern = "^[A-Za-z0-9._~-]{43,128}$", example = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")]
    code_verifier: Option<String>,
}

/// Link an identity
///
/// Begins like signing in, with `POST /api/auth/oauth/{provider}/start`, and redeems the code here instead: the identity then
/// opens this account. Its address does not matter. The owner is told by mail.
#[utoipa::path(
    tag = "providers",
    security(("bearer" = [])),
    params(("provider" = Provider, Path)),
    request_body = LinkOAuthRequest,
    responses(
        NotFoundRefusal, ParameterRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json", description = "`pkce_required` among others"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json", description = "`unauthenticated`, or `verifier_refused`: the code is still good"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required`: see `www-authenticate`; the code is still good"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`identity_taken` or `provider_already_linked`"),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`sign_in_gone`: the code was used or has expired"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
#[post("/api/auth/oauth/{provider}/link")]
pub async fn link_oauth(
    auth: web::Data<Auth>,
    actor: CurrentActor,
    provider: Path<Provider>,
    body: Body<LinkOAuthRequest>,
) -> Result<HttpResponse, Error> {
    let (Path(provider), Body(LinkOAuthRequest { code, code_verifier })) = (provider, body);
    auth.providers.get(provider).ok_or(Error::ProviderUnknown)?;
    let verifier = CodeVerifier::read(code_verifier.as_deref())?;
    auth.platform.limiter.require(&limits::OAUTH_BY_NETWORK, &actor.user_id.to_string()).await?;
    let redeemed = redeem(&auth, actor.tenant_id, &code, &verifier).await?;
    if redeemed.attempt.provider != provider {
        return Err(Error::ExchangeGone);
    }
    let now = auth.platform.clock.now();
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "link_identity", async |tx| {
        // Whoever takes the account back from somebody else is waited for: this session is over then.
        users::lock(tx, auth.realm, actor.user_id).await?;
        let live = require_member(tx, auth.realm, Claimed::from(&actor), now).await?;
        // Another way in is for whoever showed lately who they are. The code stays good.
        require_recent(tx, &auth, &live, now).await?;
        let account = live.account;
        if account.kind == AccountKind::Anonymous {
            return Err(Error::GuestAccount);
        }
        use_up(tx, &auth, &redeemed).await?;
        match identities::use_identity(tx, auth.realm, &redeemed.identity, now).await? {
            Some(owner) if owner == account.id => Ok(()),
            Some(_) => Err(Error::IdentityTaken),
            None => {
                link(tx, &auth, &trail, (&account, &redeemed.identity)).await?;
                tell(tx, &auth, &trail, (&account, provider)).await
            }
        }
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

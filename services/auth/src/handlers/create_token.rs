//! `POST /api/auth/token`

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_identity::HostTenant;
use shinkofa_kernel::{TenantId, text_enum};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, RequestContext, Unavailability,
};
use utoipa::ToSchema;

use super::sign_in::surroundings;
use crate::domain::api_key::{ApiKey, PresentedKey};
use crate::domain::device::Surroundings;
use crate::domain::scopes::ScopeText;
use crate::error::Error;
use crate::machine_tokens::{MachineToken, count, show};
use crate::{Auth, limits};

text_enum! {
    /// The one way to a token here (RFC 6749 section 4.4).
    GrantType {
        ClientCredentials => "client_credentials",
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenRequest {
    #[serde(rename = "grantType")]
    _grant_type: GrantType,
    /// A key of a service account. No other route takes it but those beneath `/api/tenants/scim/v2`, as their bearer token.
    #[schema(value_type = String, format = "password", min_length = 1, max_length = 4096, example = "shk_abcdefghjkmn_q83vASNFZ4mrze8BI0VniavN7wEjRWeJ")]
    api_key: PresentedKey,
    /// Names of permissions with a space between, where less than the key may bring is enough.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000, example = "booking.sessions.manage")]
    scope: Option<ScopeText>,
}

/// A token for a program
///
/// The client credentials of OAuth 2 (RFC 6749 section 4.4), in JSON: a service account's key brings an access token that is good for
/// fifteen minutes at most and never longer than the key. There is no refresh token: show the key again. A token opens the routes
/// whose permission its scope names; those that are a person's answer 403 `people_only`. Its scope is what the account may do, less what
/// whoever made the key may not do now.
#[utoipa::path(
    tag = "service accounts",
    request_body = TokenRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = MachineToken),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json", description = "`key_refused`: it never was one of this tenant, was revoked, has expired, or whoever made it may do nothing any more that its account may"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`account_suspended`, `not_a_member` or `banned`, only with a right key"),
    ),
)]
#[post("/api/auth/token")]
pub async fn create_token(
    request: HttpRequest,
    auth: web::Data<Auth>,
    host: HostTenant,
    context: RequestContext,
    body: Body<TokenRequest>,
) -> Result<HttpResponse, Error> {
    let surroundings = surroundings(&request, &context);
    let token = answer(&auth, host.0, &surroundings, &body.0).await;
    count(&token);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(token?))
}

async fn answer(
    auth: &Auth,
    tenant: TenantId,
    surroundings: &Surroundings,
    body: &TokenRequest,
) -> Result<MachineToken, Error> {
    let (limiter, network) = (&auth.platform.limiter, surroundings.network());
    limiter.require(&limits::TOKEN_BY_NETWORK, network).await?;
    let key = ApiKey::parse(body.api_key.as_str()).ok_or(Error::KeyRefused)?;
    limiter.require(&limits::TOKEN_BY_KEY, &format!("{}:{network}", key.prefix())).await?;
    let wanted = body.scope.as_ref().map(|ScopeText(scopes)| scopes);
    show(auth, tenant, (&key, surroundings), wanted).await
}

//! `POST /api/auth/signin/mfa/passkey/options`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, RequestContext, Unavailability,
};
use utoipa::ToSchema;

use crate::db::passkeys;
use crate::domain::one_time_token::OneTimeToken;
use crate::error::Error;
use crate::passkey_ceremony::{Occasion, give_challenge, verification_after};
use crate::passkey_wire::RequestOptionsAnswer;
use crate::second_step::look_at;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasskeyStepRequest {
    /// From the answer of the first step.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k")]
    mfa_token: OneTimeToken,
}

/// Begin a second step with a passkey
///
/// What `navigator.credentials.get()` takes, after `PublicKeyCredential.parseRequestOptionsFromJSON()`: for the passkeys of
/// the account alone. Touching one is enough, unless the first step was by a passkey that did not recognise its user: then
/// this one has to.
#[utoipa::path(
    tag = "passkeys",
    request_body = PasskeyStepRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = RequestOptionsAnswer),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json", description = "`second_factor_refused`: the token is not good"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`passkey_not_available`"),
    ),
)]
#[post("/api/auth/signin/mfa/passkey/options")]
pub async fn begin_passkey_second_factor(
    auth: web::Data<Auth>,
    context: RequestContext,
    body: Body<PasskeyStepRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::PASSKEY_BY_NETWORK, context.client.as_str()).await?;
    let token = body.0.mfa_token;
    let scope = Scope::realm(auth.realm);
    let options = transaction(&auth.platform.database, &scope, "begin_passkey_second_factor", async |tx| {
        begin(tx, &auth, &token).await
    })
    .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(options))
}

async fn begin(
    tx: &mut Connection,
    auth: &Auth,
    token: &OneTimeToken,
) -> Result<RequestOptionsAnswer, Error> {
    let step = look_at(tx, auth, token).await?;
    let allowed = passkeys::descriptors(tx, auth.realm, step.account.id).await?;
    if allowed.is_empty() {
        return Err(Error::PasskeyNotAvailable);
    }
    let occasion = Occasion::second_factor(token.digest(), step.account.id);
    let challenge = give_challenge(tx, auth, &occasion).await?;
    let verification = verification_after(&step.first.methods);
    Ok(RequestOptionsAnswer::new(&auth.relying_party, &challenge, allowed, verification))
}

//! `POST /api/auth/signin/mfa/email`

use actix_web::{HttpResponse, post, web};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::Actor;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, RequestContext, Unavailability,
};
use utoipa::ToSchema;

use crate::db::one_time_tokens;
use crate::domain::account::FactorKind;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::domain::second_factor::Asked;
use crate::error::Error;
use crate::factor_codes::mail_code;
use crate::first_factor::asked;
use crate::second_step::{OpenStep, look_at};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MailedCodeRequest {
    /// From the answer of `POST /api/auth/signin`.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "Zm9yLW9uZS1zdGVwLWFuZC1ub3RoaW5nLWVsc2UtMDE")]
    mfa_token: OneTimeToken,
}

/// A code is on its way.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CodeMailed {
    /// Until then it can be typed, and the token between the steps is good.
    pub expires_at: DateTime<Utc>,
}

/// A token between the steps does not live longer than this, however often somebody has a code mailed.
const LONGEST: TimeDelta = TimeDelta::minutes(15);

/// Mail a code as the second step
///
/// For accounts whose owner chose mailed codes, after a first step that was not itself by mail, as a password is that came by a
/// mailed link, until it was shown together with something else. Six digits, good for ten
/// minutes and five tries; an earlier code stops working. Give it to `POST /api/auth/signin/mfa`.
#[utoipa::path(
    tag = "sign-in",
    request_body = MailedCodeRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 202, body = CodeMailed),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`mailed_code_not_available`"),
    ),
)]
#[post("/api/auth/signin/mfa/email")]
pub async fn mail_second_factor(
    auth: web::Data<Auth>,
    context: RequestContext,
    body: Body<MailedCodeRequest>,
) -> Result<HttpResponse, Error> {
    let Body(MailedCodeRequest { mfa_token }) = body;
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::SIGN_IN_BY_NETWORK, context.client.as_str()).await?;
    let (database, scope) = (&auth.platform.database, Scope::realm(auth.realm));
    let (step, _) =
        transaction(database, &scope, "read_step", async |tx| find(tx, &auth, &mfa_token).await).await?;
    limiter.require(&limits::MAILED_CODE_BY_USER, &step.account.id.to_string()).await?;

    let expires_at = transaction(database, &scope, "mail_second_factor", async |tx| {
        // What was found may have been used meanwhile.
        let (step, expires_at) = find(tx, &auth, &mfa_token).await?;
        let trail = auth.trail(step.tenant, Actor::user(step.account.id));
        let code = (&mfa_token.digest(), expires_at);
        mail_code(tx, &auth, &trail, &step.account, code).await?;
        let token = (TokenPurpose::SecondFactor, &mfa_token);
        one_time_tokens::prolong(tx, auth.realm, token, expires_at).await?;
        Ok::<_, Error>(expires_at)
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Accepted().insert_header(("cache-control", "no-store")).json(CodeMailed { expires_at }))
}

/// A step that a code may be mailed for, and until when one is good.
async fn find(
    tx: &mut Connection,
    auth: &Auth,
    token: &OneTimeToken,
) -> Result<(OpenStep, DateTime<Utc>), Error> {
    let step = look_at(tx, auth, token).await?;
    match asked(tx, auth, &step.account, &step.membership.authority().weight(), &step.first.methods).await? {
        Asked::OneOf(kinds) if kinds.contains(&FactorKind::EmailCode) => {}
        _ => return Err(Error::NoMailedCode),
    }
    let now = auth.platform.clock.now();
    let expires_at = (now + TokenPurpose::MailedCode.lifetime()).min(step.begun_at + LONGEST);
    Ok((step, expires_at))
}

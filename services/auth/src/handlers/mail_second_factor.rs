//! `POST /api/auth/signin/mfa/email`

use actix_web::{HttpResponse, post, web};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::{Actor, TenantId};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, RequestContext, Unavailability,
};
use utoipa::ToSchema;

use crate::attempts::require_unlocked;
use crate::db::memberships::{self, Membership};
use crate::db::users::{self, Account};
use crate::db::{one_time_tokens, scope};
use crate::domain::account::FactorKind;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::domain::second_factor::Asked;
use crate::error::Error;
use crate::factor_codes::mail_code;
use crate::first_factor::{PassedStep, asked};
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
/// For accounts whose owner chose mailed codes, after a first step that was not itself by mail. Six digits, good for ten
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
    let step =
        transaction(database, &scope, "read_step", async |tx| find(tx, &auth, &mfa_token).await).await?;
    limiter.require(&limits::MAILED_CODE_BY_USER, &step.account.id.to_string()).await?;

    let expires_at = transaction(database, &scope, "mail_second_factor", async |tx| {
        // What was found may have been used meanwhile.
        let step = find(tx, &auth, &mfa_token).await?;
        let trail = auth.trail(step.tenant, Actor::user(step.account.id));
        let code = (&mfa_token.digest(), step.expires_at);
        mail_code(tx, &auth, &trail, &step.account, code).await?;
        let token = (TokenPurpose::SecondFactor, &mfa_token);
        one_time_tokens::prolong(tx, auth.realm, token, step.expires_at).await?;
        Ok::<_, Error>(step.expires_at)
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Accepted().insert_header(("cache-control", "no-store")).json(CodeMailed { expires_at }))
}

/// A step that a code may be mailed for.
struct Step {
    account: Account,
    tenant: TenantId,
    expires_at: DateTime<Utc>,
}

async fn find(tx: &mut Connection, auth: &Auth, token: &OneTimeToken) -> Result<Step, Error> {
    let now = auth.platform.clock.now();
    let found = one_time_tokens::find_live(tx, auth.realm, (TokenPurpose::SecondFactor, token), now).await?;
    let (grant, begun_at) = found.ok_or(Error::SecondFactorRefused)?;
    scope::enter_tenant(tx, grant.for_tenant).await?;
    let account = users::find(tx, auth.realm, grant.user_id).await?;
    let account = account.filter(|account| account.is_usable(now)).ok_or(Error::SecondFactorRefused)?;
    let membership = memberships::find(tx, grant.for_tenant, account.id).await?;
    let membership = membership.filter(Membership::is_active).ok_or(Error::SecondFactorRefused)?;
    let first = PassedStep::of(&grant, &account);
    require_unlocked(tx, auth, &first.subject).await?;
    match asked(tx, auth, &account, &membership.roles, &first.methods).await? {
        Asked::OneOf(kinds) if kinds.contains(&FactorKind::EmailCode) => {}
        _ => return Err(Error::NoMailedCode),
    }
    let expires_at = (now + TokenPurpose::MailedCode.lifetime()).min(begun_at + LONGEST);
    Ok(Step { account, tenant: grant.for_tenant, expires_at })
}

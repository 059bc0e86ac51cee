//! `POST /api/auth/reauthenticate/email`

use actix_web::{HttpResponse, post, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::EnrollingActor;
use shinkofa_web::{CallerRefusals, ProblemDocument, RateRefusal, Unavailability};

use super::mail_second_factor::CodeMailed;
use super::reauthenticate::{asked_again, challenge};
use crate::attempts::require_unlocked;
use crate::domain::account::FactorKind;
use crate::domain::lockout;
use crate::domain::one_time_token::TokenPurpose;
use crate::domain::second_factor::Asked;
use crate::error::Error;
use crate::factor_codes::mail_code;
use crate::liveness::{Claimed, require_session};
use crate::{Auth, limits};

/// Mail a code to show again who I am
///
/// For accounts whose owner chose mailed codes. Six digits, good for ten minutes and five tries; an earlier code stops
/// working. Give it to `POST /api/auth/reauthenticate`.
#[utoipa::path(
    tag = "sign-in",
    security(("bearer" = [])),
    responses(
        CallerRefusals, RateRefusal, Unavailability,
        (status = 202, body = CodeMailed),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`mailed_code_not_available`"),
    ),
)]
#[post("/api/auth/reauthenticate/email")]
pub async fn mail_reauthentication(
    auth: web::Data<Auth>,
    EnrollingActor(actor): EnrollingActor,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::MAILED_CODE_BY_USER, &actor.user_id.to_string()).await?;
    let now = auth.platform.clock.now();
    let expires_at = now + TokenPurpose::MailedCode.lifetime();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "mail_reauthentication", async |tx| {
        let live = require_session(tx, auth.realm, Claimed::from(&actor), now).await?;
        require_unlocked(tx, &auth, &[lockout::reauthentication(actor.user_id)]).await?;
        match asked_again(tx, &auth, &live).await? {
            Asked::OneOf(kinds) if kinds.contains(&FactorKind::EmailCode) => {}
            _ => return Err(Error::NoMailedCode),
        }
        let trail = auth.trail(actor.tenant_id, actor.actor());
        mail_code(tx, &auth, &trail, &live.account, (&challenge(&actor), expires_at)).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Accepted().insert_header(("cache-control", "no-store")).json(CodeMailed { expires_at }))
}

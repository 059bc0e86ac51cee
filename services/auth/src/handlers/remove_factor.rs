//! `DELETE /api/auth/mfa/factors/{factorId}`

use actix_web::{HttpResponse, delete, web};
use serde_json::json;
use shinkofa_contracts::auth::{AccountLetter, LetterFactor};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::{CurrentActor, RequireStepUp};
use shinkofa_kernel::SessionId;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability};

use crate::db::factors::{self, FactorId};
use crate::db::recovery_codes;
use crate::domain::account::FactorKind;
use crate::domain::audit::AuditAction;
use crate::domain::second_factor::is_mandatory;
use crate::error::Error;
use crate::factor_changes::{apply_here, settle};
use crate::liveness::{Live, require_stepped_up};
use crate::{Auth, limits};

/// Remove a second factor
///
/// The last one that a role needs stays. With the last of all the recovery codes go. Every other session of the account ends,
/// and no device is remembered any more.
#[utoipa::path(
    tag = "second factors",
    security(("bearer" = [])),
    params(("factorId" = FactorId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required`: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`last_factor_required`"),
    ),
)]
#[delete("/api/auth/mfa/factors/{factorId}")]
pub async fn remove_factor(
    auth: web::Data<Auth>,
    RequireStepUp { actor }: RequireStepUp,
    Path(factor): Path<FactorId>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::FACTORS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "remove_factor", async |tx| {
        remove(tx, &auth, &actor, factor).await
    })
    .await?;
    apply_here(&auth, &ended);
    Ok(HttpResponse::NoContent().finish())
}

/// Takes a confirmed factor away from its owner, and with it what hangs on it.
pub async fn remove(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    id: FactorId,
) -> Result<Vec<SessionId>, Error> {
    let (realm, user, now) = (auth.realm, actor.user_id, auth.platform.clock.now());
    let Live { session, account, membership } = require_stepped_up(tx, auth, actor, now).await?;
    let known = factors::confirmed(tx, realm, user).await?;
    let kind = known.iter().find(|factor| factor.id == id).ok_or(Error::NotFound)?.kind;
    let others: Vec<_> = known.iter().filter(|factor| factor.id != id).map(|factor| factor.kind).collect();
    let needed = is_mandatory(&membership.authority().weight()) && kind.is_strong();
    if needed && !others.iter().any(|kind| kind.is_strong()) {
        return Err(Error::LastFactor);
    }
    factors::delete(tx, (realm, user, id)).await?;
    if others.is_empty() {
        recovery_codes::delete_of_users(tx, realm, &[user]).await?;
    }
    let trail = auth.trail(actor.tenant_id, actor.actor());
    trail.user(tx, AuditAction::FactorRemoved, user, json!({ "factorId": id, "kind": kind })).await?;
    let letter = AccountLetter::FactorRemoved { factor: letter_factor(kind) };
    settle(tx, auth, &trail, (&account, session.id), letter).await
}

/// As letters call it. Recovery codes are no factor that stands in the list.
fn letter_factor(kind: FactorKind) -> LetterFactor {
    match kind {
        FactorKind::Totp | FactorKind::RecoveryCode => LetterFactor::Totp,
        FactorKind::EmailCode => LetterFactor::EmailCode,
        FactorKind::Passkey => LetterFactor::Passkey,
    }
}

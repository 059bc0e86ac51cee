//! `POST /api/auth/mfa/email`

use actix_web::{HttpResponse, post, web};
use serde_json::json;
use shinkofa_contracts::auth::{AccountLetter, LetterFactor};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::{CurrentActor, RequireStepUp};
use shinkofa_kernel::SessionId;
use shinkofa_web::{CallerRefusals, ProblemDocument, RateRefusal, Unavailability};

use super::confirm_totp::ConfirmedFactor;
use crate::db::factors::{self, FactorId, NewFactor};
use crate::db::users;
use crate::domain::account::FactorKind;
use crate::domain::audit::AuditAction;
use crate::domain::proof::AuthMethod;
use crate::domain::second_factor::{has_room_for, is_beside_the_mailbox};
use crate::error::Error;
use crate::factor_changes::{apply_here, first_recovery_codes, settle};
use crate::liveness::{Live, require_stepped_up};
use crate::{Auth, limits};

/// Choose mailed codes as a second factor
///
/// Nobody has them without asking: they are worth less than an authenticator app. They are no second factor of a sign-in by
/// mail, nor what admins and managers have to have. The address was confirmed at sign-up and needs no other proof.
#[utoipa::path(
    tag = "second factors",
    security(("bearer" = [])),
    responses(
        CallerRefusals, RateRefusal, Unavailability,
        (status = 201, body = ConfirmedFactor),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required`: see `www-authenticate`; `same_channel_twice` for whoever signed in by mail"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`factor_exists` or `too_many_factors`"),
    ),
)]
#[post("/api/auth/mfa/email")]
pub async fn enrol_mailed_code(
    auth: web::Data<Auth>,
    RequireStepUp { actor }: RequireStepUp,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::FACTORS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let (enrolled, ended) = transaction(&auth.platform.database, &scope, "enrol_mailed_code", async |tx| {
        enrol(tx, &auth, &actor).await
    })
    .await?;
    apply_here(&auth, &ended);
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(enrolled))
}

async fn enrol(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
) -> Result<(ConfirmedFactor, Vec<SessionId>), Error> {
    let (realm, user, now) = (auth.realm, actor.user_id, auth.platform.clock.now());
    let Live { session, account, .. } = require_stepped_up(tx, auth, actor, now).await?;
    if account.email_verified_at.is_none() {
        return Err(Error::EmailNotVerified);
    }
    // Their sign-in by mail would have no second step left.
    if !is_beside_the_mailbox(&session.amr) {
        return Err(Error::SameChannel);
    }
    let known = factors::confirmed(tx, realm, user).await?;
    if known.iter().any(|factor| factor.kind == FactorKind::EmailCode) {
        return Err(Error::FactorExists);
    }
    if !has_room_for(FactorKind::EmailCode, known.iter().map(|factor| factor.kind)) {
        return Err(Error::TooManyFactors);
    }
    let row = NewFactor {
        realm_id: realm,
        user_id: user,
        id: FactorId::new(&auth.platform.clock),
        kind: FactorKind::EmailCode,
        secret_sealed: None,
        confirmed_at: Some(now),
        created_at: now,
    };
    factors::insert(tx, &row).await?;
    if session.amr.split(' ').any(|method| method == AuthMethod::Password.as_str()) {
        // Whoever could read the mailbox alone would have had all of this account so far.
        users::password_is_theirs(tx, realm, &account).await?;
    }
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let details = json!({ "factorId": row.id, "kind": row.kind });
    trail.user(tx, AuditAction::FactorConfirmed, user, details).await?;
    let recovery_codes = first_recovery_codes(tx, auth, &trail, user).await?;
    let letter = AccountLetter::FactorAdded { factor: LetterFactor::EmailCode };
    let ended = settle(tx, auth, &trail, (&account, session.id), letter).await?;
    Ok((ConfirmedFactor { factor_id: row.id, recovery_codes }, ended))
}

//! `POST /api/me/delete`

use actix_web::{HttpResponse, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, Fault, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::attempts::{RightPassword, check_password};
use crate::db::erasures::{self, ErasureId, NewErasure};
use crate::db::{failures, memberships, scope};
use crate::domain::audit::AuditAction;
use crate::domain::email::EmailAddress;
use crate::domain::erasure::{ErasureState, GRACE};
use crate::domain::one_time_token::OneTimeToken;
use crate::domain::password::PresentedPassword;
use crate::error::Error;
use crate::letters::request_letter;
use crate::liveness::{Claimed, require_live};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeletionRequest {
    #[schema(value_type = String, format = "password", max_length = 1024)]
    password: PresentedPassword,
}

/// When it will happen, and how to see that it did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletionAnswer {
    erases_at: DateTime<Utc>,
    /// Keep it: `GET /api/me/certificates/{certificateId}` shows how far the erasure has come and in the end certifies it. It is
    /// told only here.
    certificate_id: String,
}

/// Have my account erased
///
/// In fourteen days, in every service; until then it can be cancelled. Asks for the password again. A letter says that it was
/// asked for.
#[utoipa::path(
    tag = "privacy",
    security(("bearer" = [])),
    request_body = DeletionRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 202, body = DeletionAnswer),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`deletion_scheduled` or `last_admin`"),
    ),
)]
#[post("/api/me/delete")]
pub async fn request_deletion(
    actor: CurrentActor,
    auth: web::Data<Auth>,
    body: Body<DeletionRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::DELETION_BY_USER, &actor.user_id.to_string()).await?;
    let right = prove(&auth, &actor, &body.0.password).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let answer = transaction(&auth.platform.database, &scope, "request_deletion", async |tx| {
        schedule(tx, &auth, &actor, &right).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Accepted().insert_header(("cache-control", "no-store")).json(answer))
}

/// The password, checked as slowly for a thief of a token as for anybody.
async fn prove(
    auth: &Auth,
    actor: &CurrentActor,
    password: &PresentedPassword,
) -> Result<RightPassword, Error> {
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let account = transaction(&auth.platform.database, &scope, "deletion_account", async |tx| {
        require_live(tx, auth.realm, Claimed::from(actor), now).await.map(|(account, _)| account)
    })
    .await?;
    let email = EmailAddress::try_from(account.email).map_err(Fault::unexpected)?;
    match check_password(auth, &email, None, password).await {
        Ok(right) if right.account.id == actor.user_id => Ok(right),
        Ok(_) | Err(Error::WrongCredentials) => Err(Error::WrongPassword),
        Err(error) => Err(error),
    }
}

async fn schedule(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    right: &RightPassword,
) -> Result<DeletionAnswer, Error> {
    let now = auth.platform.clock.now();
    let (account, _) = require_live(tx, auth.realm, Claimed::from(actor), now).await?;
    require_other_admins(tx, actor).await?;
    let certificate = OneTimeToken::from_random(auth.randomness.bytes()?);
    let erasure = NewErasure {
        realm_id: auth.realm,
        id: ErasureId::new(&auth.platform.clock),
        user_id: actor.user_id,
        for_tenant: actor.tenant_id,
        state: ErasureState::Scheduled,
        certificate_hash: certificate.digest().to_vec(),
        requested_at: now,
        erase_at: now + GRACE,
    };
    if !erasures::insert(tx, &erasure).await? {
        return Err(Error::DeletionScheduled);
    }
    failures::clear(tx, auth.realm, &right.subject).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let details = json!({ "erasureId": erasure.id });
    trail.user(tx, AuditAction::DeletionRequested, actor.user_id, details).await?;
    let letter = AccountLetter::DeletionScheduled { erases_at: erasure.erase_at };
    request_letter(tx, auth, &trail, &account, (letter, None)).await?;
    Ok(DeletionAnswer { erases_at: erasure.erase_at, certificate_id: certificate.as_str().to_owned() })
}

/// No studio that is open is left without an admin, whichever of them the caller asks from.
async fn require_other_admins(tx: &mut Connection, actor: &CurrentActor) -> Result<(), Error> {
    for belonging in memberships::everywhere(tx, actor.user_id).await? {
        if !belonging.is_administered() {
            continue;
        }
        scope::enter_tenant(tx, belonging.tenant).await?;
        if !memberships::has_another_admin(tx, belonging.tenant, actor.user_id).await? {
            return Err(Error::LastAdmin);
        }
    }
    Ok(scope::enter_tenant(tx, actor.tenant_id).await?)
}

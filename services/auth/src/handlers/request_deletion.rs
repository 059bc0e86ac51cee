//! `POST /api/me/delete`

use actix_web::{HttpResponse, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::{AccountActor, CurrentActor};
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::attempts::Aim;
use crate::db::erasures::{self, ErasureId, NewErasure};
use crate::db::{memberships, scope, tenants, users};
use crate::domain::audit::AuditAction;
use crate::domain::erasure::{ErasureState, GRACE};
use crate::domain::one_time_token::OneTimeToken;
use crate::domain::password::PresentedPassword;
use crate::error::Error;
use crate::letters::request_letter;
use crate::liveness::{Live, require_factor_shown, require_no_password};
use crate::{Auth, attempts, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeletionRequest {
    /// Of an account that has one, and only there.
    #[schema(value_type = Option<String>, format = "password", max_length = 1024, example = "my present private sentence")]
    password: Option<PresentedPassword>,
}

/// When it will happen, and how to see that it did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletionAnswer {
    erases_at: DateTime<Utc>,
    /// Keep it: `GET /api/me/certificates/{certificateId}` shows how far the erasure has come and in the end certifies it. It is
    /// told only here.
    #[schema(example = "Zm9yLW9uZS1zdGVwLWFuZC1ub3RoaW5nLWVsc2UtMDE")]
    certificate_id: String,
}

/// Have my account erased
///
/// In fourteen days, in every service; until then it can be cancelled. Asks for the password again; where the account has none, for a
/// sign-in or a step-up in the last ten minutes. A member of nothing signs in at the platform's own host for it. A guest has nothing to show but the token. A letter says that it was asked for, where
/// there is an address to write to.
#[utoipa::path(
    tag = "privacy",
    security(("bearer" = [])),
    request_body = DeletionRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 202, body = DeletionAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`wrong_password`, or `step_up_required` where the account has a second factor or no password: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`deletion_scheduled` or `last_admin`"),
    ),
)]
#[post("/api/me/delete")]
pub async fn request_deletion(
    AccountActor(actor): AccountActor,
    auth: web::Data<Auth>,
    body: Body<DeletionRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::DELETION_BY_USER, &actor.user_id.to_string()).await?;
    let shown = &body.0.password;
    if let Some(password) = shown {
        attempts::reauthenticate(&auth, &actor, password, Aim::Change).await?;
    }
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let answer = transaction(&auth.platform.database, &scope, "request_deletion", async |tx| {
        // Whoever takes the account back from somebody else is waited for: this session is over then. So is whoever is founding a
        // studio with it, or they wait.
        users::lock(tx, auth.realm, actor.user_id).await?;
        if shown.is_none() {
            require_no_password(tx, &auth, &actor, "/password").await?;
        }
        schedule(tx, &auth, &actor).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Accepted().insert_header(("cache-control", "no-store")).json(answer))
}

/// The caller has locked the account.
async fn schedule(tx: &mut Connection, auth: &Auth, actor: &CurrentActor) -> Result<DeletionAnswer, Error> {
    let now = auth.platform.clock.now();
    let Live { account, .. } = require_factor_shown(tx, auth, actor, now).await?;
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
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let details = json!({ "erasureId": erasure.id });
    trail.user(tx, AuditAction::DeletionRequested, actor.user_id, details).await?;
    if account.has_mailbox() {
        let letter = AccountLetter::DeletionScheduled { erases_at: erasure.erase_at };
        request_letter(tx, auth, &trail, &account, (letter, None)).await?;
    }
    Ok(DeletionAnswer { erases_at: erasure.erase_at, certificate_id: certificate.as_str().to_owned() })
}

/// No studio that is open is left without an admin, whichever of them the caller asks from. Two who ask at once do not each rely on
/// the other.
async fn require_other_admins(tx: &mut Connection, actor: &CurrentActor) -> Result<(), Error> {
    for belonging in memberships::everywhere(tx, actor.user_id).await? {
        if !belonging.is_administered() {
            continue;
        }
        scope::enter_tenant(tx, belonging.tenant).await?;
        tenants::hold(tx, belonging.tenant).await?;
        if !memberships::has_another_admin(tx, belonging.tenant, actor.user_id).await? {
            return Err(Error::LastAdmin);
        }
    }
    Ok(scope::enter_tenant(tx, actor.tenant_id).await?)
}

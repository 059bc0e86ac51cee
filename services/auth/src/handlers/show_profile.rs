//! `GET /api/user/profile`

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::EnrollingActor;
use shinkofa_kernel::{Role, TenantId, Tier, UserId};
use shinkofa_web::{Locale, ProblemDocument};
use utoipa::ToSchema;

use crate::Auth;
use crate::error::Error;
use crate::liveness::{Claimed, Live, require_session};

/// The signed-in person, as the database knows them now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    user_id: UserId,
    #[schema(example = "anna@example.org")]
    email: String,
    name: String,
    roles: Vec<Role>,
    tier: Tier,
    tenant_id: TenantId,
    locale: Locale,
    email_verified: bool,
    created_at: DateTime<Utc>,
}

/// My profile
#[utoipa::path(
    tag = "profile",
    security(("bearer" = [])),
    responses(
        (status = 200, body = Profile),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
#[get("/api/user/profile")]
pub async fn show_profile(
    auth: web::Data<Auth>,
    EnrollingActor(actor): EnrollingActor,
) -> Result<HttpResponse, Error> {
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let Live { account, membership, .. } =
        transaction(&auth.platform.database, &scope, "show_profile", async |tx| {
            require_session(tx, auth.realm, Claimed::from(&actor), now).await
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(Profile {
        user_id: account.id,
        email: account.email,
        name: account.name,
        roles: membership.roles,
        tier: membership.tier,
        tenant_id: actor.tenant_id,
        locale: account.locale,
        email_verified: account.email_verified_at.is_some(),
        created_at: account.created_at,
    }))
}

//! `GET /api/user/profile`

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::EnrollingActor;
use shinkofa_kernel::{Role, TenantId, Tier, UserId};
use shinkofa_web::{CallerRefusals, Locale, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::memberships::Membership;
use crate::db::profiles::{self, PersonalProfile};
use crate::db::users::Account;
use crate::domain::profile::AvatarId;
use crate::error::Error;
use crate::liveness::{Claimed, Live, require_session};

/// The signed-in person, as the database knows them now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    user_id: UserId,
    #[schema(example = "anna@example.org")]
    email: String,
    #[schema(example = "Anna Martin")]
    name: String,
    roles: Vec<Role>,
    tier: Tier,
    tenant_id: TenantId,
    locale: Locale,
    email_verified: bool,
    created_at: DateTime<Utc>,
    /// A picture that media keeps.
    #[schema(required = true)]
    avatar_id: Option<AvatarId>,
    #[schema(required = true, example = "Teaches yoga on Tuesdays.")]
    bio: Option<String>,
    /// IANA name; null: that of the place.
    #[schema(required = true, example = "Europe/Paris")]
    time_zone: Option<String>,
    #[schema(value_type = Object, example = json!({ "theme": "dark" }))]
    preferences: serde_json::Value,
    /// Answers given when the account was new.
    #[schema(value_type = Object, example = json!({ "practises": "yoga" }))]
    onboarding: serde_json::Value,
}

impl Profile {
    pub fn of(account: Account, membership: Membership, tenant: TenantId, told: PersonalProfile) -> Self {
        Self {
            user_id: account.id,
            email: account.email,
            name: account.name,
            roles: membership.roles,
            tier: membership.tier,
            tenant_id: tenant,
            locale: account.locale,
            email_verified: account.email_verified_at.is_some(),
            created_at: account.created_at,
            avatar_id: told.avatar_id,
            bio: told.bio,
            time_zone: told.time_zone,
            preferences: told.preferences,
            onboarding: told.onboarding,
        }
    }
}

/// My profile
#[utoipa::path(
    tag = "profile",
    security(("bearer" = [])),
    responses(
        CallerRefusals, Unavailability,
        (status = 200, body = Profile),
    ),
)]
#[get("/api/user/profile")]
pub async fn show_profile(
    auth: web::Data<Auth>,
    EnrollingActor(actor): EnrollingActor,
) -> Result<HttpResponse, Error> {
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let profile = transaction(&auth.platform.database, &scope, "show_profile", async |tx| {
        let Live { account, membership, .. } =
            require_session(tx, auth.realm, Claimed::from(&actor), now).await?;
        let told = profiles::find(tx, auth.realm, actor.user_id).await?;
        Ok::<_, Error>(Profile::of(account, membership, actor.tenant_id, told))
    })
    .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(profile))
}

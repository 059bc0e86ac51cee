//! Service accounts and their keys as staff see them, and what all that is done to them begins with.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_db::Connection;
use shinkofa_identity::CurrentActor;
use shinkofa_identity::permissions::ManageServiceAccounts;
use shinkofa_kernel::UserId;
use utoipa::ToSchema;

use crate::Auth;
use crate::authority::require_authority;
use crate::db::api_keys::{ApiKeyId, ApiKeyRow};
use crate::db::memberships::Membership;
use crate::db::service_accounts::{self, ServiceAccount};
use crate::domain::account::MembershipStatus;
use crate::domain::scopes::Scopes;
use crate::error::Error;

/// The account of a program.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccountView {
    id: UserId,
    #[schema(example = "Timetable import")]
    name: String,
    #[schema(example = "Fills the calendar from the studio's old system every night")]
    description: String,
    #[schema(example = json!(["booking.classes.manage", "booking.sessions.manage"]))]
    scopes: Vec<&'static str>,
    /// False while it is disabled, or its membership is locked: then no key of it brings a token.
    active: bool,
    created_by: UserId,
    created_at: DateTime<Utc>,
    #[schema(required = true)]
    disabled_at: Option<DateTime<Utc>>,
}

impl From<ServiceAccount> for ServiceAccountView {
    fn from(account: ServiceAccount) -> Self {
        Self {
            scopes: account.scopes().names(),
            id: account.user_id,
            name: account.name,
            description: account.description,
            active: account.disabled_at.is_none() && account.membership == MembershipStatus::Active,
            created_by: account.created_by,
            created_at: account.created_at,
            disabled_at: account.disabled_at,
        }
    }
}

/// A key, without what makes it one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyView {
    pub id: ApiKeyId,
    /// Where it is used.
    #[schema(example = "Import job, production")]
    name: String,
    /// How the key begins. No secret.
    #[schema(example = "shk_mfrggzdfmztw")]
    prefix: String,
    created_by: UserId,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    /// When it last brought a token, to the minute.
    #[schema(required = true)]
    last_used_at: Option<DateTime<Utc>>,
    #[schema(required = true)]
    revoked_at: Option<DateTime<Utc>>,
    /// Neither revoked nor expired.
    live: bool,
}

impl ApiKeyView {
    pub fn of(key: ApiKeyRow, now: DateTime<Utc>) -> Self {
        Self {
            live: key.is_live(now),
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            created_by: key.created_by,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// The account, for somebody who may manage it; [`Error::NotFound`] where there is none here.
pub async fn managed(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    account: UserId,
) -> Result<ServiceAccount, Error> {
    require_authority::<ManageServiceAccounts>(tx, auth, actor).await?;
    find(tx, auth, actor, account).await
}

/// The same, and nobody else uses or changes it until the transaction ends.
pub async fn managed_alone(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    account: UserId,
) -> Result<(ServiceAccount, Membership), Error> {
    let (_, membership) = require_authority::<ManageServiceAccounts>(tx, auth, actor).await?;
    if !service_accounts::lock(tx, actor.tenant_id, account).await? {
        return Err(Error::NotFound);
    }
    Ok((find(tx, auth, actor, account).await?, membership))
}

async fn find(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    account: UserId,
) -> Result<ServiceAccount, Error> {
    let found = service_accounts::find(tx, (actor.tenant_id, auth.realm, account)).await?;
    found.ok_or(Error::NotFound)
}

/// Nobody gives a program, or a key of one, what they may not do themselves.
pub fn require_held(membership: &Membership, scopes: &Scopes) -> Result<(), Error> {
    if scopes.held_by(membership.authority()) == *scopes { Ok(()) } else { Err(Error::ScopeNotHeld) }
}

//! Members as staff see them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_db::Connection;
use shinkofa_identity::CurrentActor;
use shinkofa_kernel::{Tier, UserId};
use shinkofa_web::{Locale, Page, PageLimit, Problem};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::members::{self, Member, MemberFilter};
use crate::domain::account::{AccountKind, AccountStatus, MembershipStatus};
use crate::error::Error;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberView {
    pub user_id: UserId,
    #[schema(example = "anna@example.org")]
    email: String,
    email_verified: bool,
    #[schema(example = "Anna Martin")]
    name: String,
    locale: Locale,
    kind: AccountKind,
    /// Of the membership in this tenant.
    status: MembershipStatus,
    /// Of the account, in whichever tenant.
    account_status: AccountStatus,
    #[schema(example = json!(["member"]))]
    pub roles: Vec<String>,
    tier: Tier,
    member_since: DateTime<Utc>,
    /// Until when a temporary account lives.
    expires_at: Option<DateTime<Utc>>,
    lock: Option<LockView>,
}

/// Why, since when and by whom a member is locked out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockView {
    #[schema(example = "Chargebacks under investigation")]
    reason: String,
    locked_by: UserId,
    locked_at: DateTime<Utc>,
}

impl MemberView {
    /// `roles` holds those of all members of a list.
    fn new(member: Member, roles: &[(UserId, String)]) -> Self {
        let theirs = roles.iter().filter(|(user, _)| *user == member.user);
        let lock = member.lock_reason.zip(member.locked_by).zip(member.locked_at);
        Self {
            user_id: member.user,
            email: member.email,
            email_verified: member.email_verified_at.is_some(),
            name: member.name,
            locale: member.locale,
            kind: member.kind,
            status: member.status,
            account_status: member.account_status,
            roles: theirs.map(|(_, role)| role.clone()).collect(),
            tier: member.tier,
            member_since: member.since,
            expires_at: member.expires_at,
            lock: lock.map(|((reason, locked_by), locked_at)| LockView { reason, locked_by, locked_at }),
        }
    }
}

/// A member of the caller's tenant as they are now.
pub async fn view(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    user: UserId,
) -> Result<MemberView, Error> {
    let member = members::find(tx, (actor.tenant_id, auth.realm, user)).await?;
    let member = member.ok_or_else(Problem::not_found)?;
    let roles = members::roles_of(tx, actor.tenant_id, &[user]).await?;
    Ok(MemberView::new(member, &roles))
}

/// Of the members that are asked for, a page.
pub async fn page(
    tx: &mut Connection,
    filter: &MemberFilter,
    limit: PageLimit,
) -> Result<Page<MemberView>, Error> {
    let found = members::search(tx, filter, limit.probe()).await?;
    let users: Vec<UserId> = found.iter().map(|member| member.user).collect();
    let roles = members::roles_of(tx, filter.tenant, &users).await?;
    Ok(Page::new(found, limit, |member| member.user, |member| MemberView::new(member, &roles)))
}

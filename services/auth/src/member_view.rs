//! A member as staff see them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_kernel::{Tier, UserId};
use shinkofa_web::Locale;
use utoipa::ToSchema;

use crate::db::members::Member;
use crate::domain::account::{AccountKind, AccountStatus, MembershipStatus};

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
    pub fn new(member: Member, roles: &[(UserId, String)]) -> Self {
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

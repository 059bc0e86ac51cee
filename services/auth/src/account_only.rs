//! People who are members of nothing. Their account is theirs all the same: to take a copy of it, to have it erased, to join a studio.

use shinkofa_contracts::auth::TenantStatus;
use shinkofa_db::Connection;
use shinkofa_kernel::{TenantId, defended};

use crate::db::memberships::{self, Belonging, Membership};
use crate::db::tenants;
use crate::db::users::Account;
use crate::domain::account::{AccountKind, MembershipStatus};
use crate::error::Error;

/// The membership that was found in the tenant of the transaction; at the platform's own tenant, the place of a member of nothing
/// where there is none. That one brings no right, and its tokens open the account alone.
pub async fn or_account_only(
    tx: &mut Connection,
    tenant: TenantId,
    account: &Account,
    found: Option<Membership>,
) -> Result<Option<Membership>, Error> {
    let is_member = found.as_ref().is_some_and(Membership::belongs);
    // Guests and accounts for a day end by themselves, and an account that nobody confirmed is nobody's.
    let is_somebody = account.kind == AccountKind::Member && account.email_verified_at.is_some();
    if is_member || !is_somebody || tenant != TenantId::DEFAULT {
        return Ok(found);
    }
    if memberships::everywhere(tx, account.id).await?.iter().any(is_held) {
        return Ok(found);
    }
    let platform = tenants::find(tx, tenant).await?;
    Ok(platform.map(|platform| Membership::account_only(platform.status)).or(found))
}

/// Is somebody a member there, who is let in there or whom the studio suspended? A suspension is no way in anywhere: the studio lifts it.
fn is_held(belonging: &Belonging) -> bool {
    match belonging.status {
        MembershipStatus::Active => belonging.tenant_status == TenantStatus::Active,
        MembershipStatus::Suspended => defended!("V23-account"),
        MembershipStatus::Invited | MembershipStatus::Accepted => false,
    }
}

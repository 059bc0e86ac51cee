//! What the other services hear about an account, recorded in the transaction that makes it true.

use diesel::QueryResult;
use shinkofa_contracts::auth::{MembershipChanged, PersonalContact, UserChanged};
use shinkofa_db::Connection;
use shinkofa_feed::{Occurrence, append};
use shinkofa_kernel::UserId;

use crate::db::audit::Trail;
use crate::db::memberships::Membership;
use crate::db::users::{self, Account};

impl Trail {
    /// The circumstances of an event are those of the entry beside it.
    pub fn occurrence(&self) -> Occurrence<'_> {
        Occurrence { clock: &self.clock, tenant: Some(self.tenant), actor: self.actor.clone() }
    }
}

impl Account {
    pub fn contact(&self) -> PersonalContact {
        PersonalContact { email: self.email.clone(), name: self.name.clone() }
    }
}

pub async fn announce_account(tx: &mut Connection, trail: &Trail, account: &Account) -> QueryResult<()> {
    let changed = UserChanged {
        user_id: account.id,
        locale: account.locale,
        email_verified: account.email_verified_at.is_some(),
    };
    append(tx, &trail.occurrence(), account.id.as_uuid(), &changed, Some(&account.contact())).await.map(drop)
}

/// Nobody whose account is suspended is active anywhere, whatever the tenant thinks of them.
pub async fn announce_membership(
    tx: &mut Connection,
    trail: &Trail,
    user: UserId,
    membership: &Membership,
) -> QueryResult<()> {
    let changed = MembershipChanged {
        user_id: user,
        roles: membership.roles.clone(),
        tier: membership.tier,
        active: membership.is_active() && !users::is_suspended_here(tx, user).await?,
    };
    append(tx, &trail.occurrence(), user.as_uuid(), &changed, None).await.map(drop)
}

//! What a key may bring: of what its account may do, that which whoever made the key may do at this moment.

use shinkofa_db::Connection;
use shinkofa_identity::Permission;
use shinkofa_kernel::{TenantId, UserId};

use crate::Auth;
use crate::db::memberships::{self, Membership};
use crate::db::users;
use crate::domain::scopes::Scopes;
use crate::error::Error;

/// What a key that `maker` made brings, of an account with these scopes; `None` where that is nothing.
///
/// Whoever made a key may know it still, and nobody gives a program more than they hold: not what they lost since, and not what
/// others gave the account. Keys are revoked with their maker; one that outlived them all the same opens nothing.
pub async fn brought(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    (scopes, maker): (&Scopes, UserId),
) -> Result<Option<Scopes>, Error> {
    let now = auth.platform.clock.now();
    let account = users::find(tx, auth.realm, maker).await?.filter(|account| account.is_usable(now));
    let membership = memberships::find(tx, tenant, maker).await?.filter(Membership::is_active);
    let (Some(_), Some(membership)) = (account, membership) else { return Ok(None) };
    let authority = membership.authority();
    let held = scopes.held_by(authority);
    let brings = authority.holds(Permission::ManageServiceAccounts) && !held.is_empty();
    Ok(brings.then_some(held))
}

//! Who shows that an unconfirmed account's address is theirs gets the account, and nobody else keeps a hold on it.

use serde_json::json;
use shinkofa_db::Connection;
use shinkofa_kernel::defended;
use shinkofa_web::Fault;

use crate::Auth;
use crate::access_ending::end_access;
use crate::db::audit::Trail;
use crate::db::users::{self, Account};
use crate::db::{
    factors, identities, known_devices, past_places, recovery_codes, remembered_devices, signups,
};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::provider_suspensions::recognise;
use crate::unconfirmed::{join_where_open, leave_others};

/// Confirms the address of `account`, which the caller of this has just shown to be theirs.
///
/// Anybody may have signed up with it before: so password, sessions, factors, identities, devices and links of an account
/// whose address was not confirmed until now are forgotten, and so is what it was signed up for elsewhere. They become a member here,
/// where anybody may. A confirmed account stays as it is.
pub async fn claim_address(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: Account,
) -> Result<Account, Error> {
    if account.email_verified_at.is_some() {
        return Ok(account);
    }
    let locked = users::lock_by_email(tx, auth.realm, &account.email_canonical).await?;
    let account = locked.ok_or_else(|| Fault::unexpected("an account that was there is gone"))?;
    if account.email_verified_at.is_some() {
        return Ok(account);
    }
    let (owner, now) = ((auth.realm, account.id), trail.clock.now());
    if !defended!("V06") {
        users::set_email_verified(tx, auth.realm, account.id, now).await?;
        return Ok(Account { email_verified_at: Some(now), ..account });
    }
    let token_version = users::claim(tx, owner, now).await?;
    let ended = end_access(tx, auth, trail, (account.id, token_version), None).await?;
    factors::delete_of_users(tx, auth.realm, &[account.id]).await?;
    recovery_codes::delete_of_users(tx, auth.realm, &[account.id]).await?;
    remembered_devices::delete_of_users(tx, auth.realm, &[account.id]).await?;
    identities::delete_of_users(tx, auth.realm, &[account.id]).await?;
    known_devices::delete_of_users(tx, auth.realm, &[account.id]).await?;
    past_places::forget_surroundings(tx, auth.realm, account.id).await?;
    signups::delete_for_addresses(tx, auth.realm, &[account.email_canonical.as_str()]).await?;
    leave_others(tx, trail, account.id).await?;
    let details = json!({ "endedSessions": ended.sessions });
    trail.user(tx, AuditAction::AddressClaimed, account.id, details).await?;
    let account = Account { email_verified_at: Some(now), password_phc: None, token_version, ..account };
    join_where_open(tx, auth, trail, &account).await?;
    recognise(tx, auth, trail.tenant).await?;
    Ok(account)
}

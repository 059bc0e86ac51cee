//! The privacy contract: what auth knows about a person, and how it forgets them.

use diesel::QueryResult;
use serde_json::{Value, json};
use shinkofa_db::Connection;
use shinkofa_identity::Revocation;
use shinkofa_kernel::{UserId, defended};

use crate::banning::forget_account_here;
use crate::db::{
    consents, email_changes, events, factor_guesses, factors, identities, impersonations, invitations,
    known_devices, memberships, one_time_tokens, passkey_challenges, passkeys, past_places, profiles,
    recovery_codes, remembered_devices, revocations, scope, sessions, signups, suspensions, users,
};
use crate::invitations::forget;
use crate::{Auth, personal_copy};

/// The account, and what it is in the transaction's tenant.
pub async fn export(tx: &mut Connection, auth: &Auth, user: UserId) -> QueryResult<Value> {
    scope::enter_realm(tx, auth.realm).await?;
    let Some(account) = users::find(tx, auth.realm, user).await? else { return Ok(Value::Null) };
    let studio = personal_copy::of_studio(tx, auth, &account).await?;
    Ok(json!({ "account": personal_copy::of_account(tx, auth, &account).await?, "studio": studio }))
}

/// Ends the membership in the transaction's tenant and makes the account nobody's. The audit trail holds ids alone and
/// stays.
pub async fn erase(tx: &mut Connection, auth: &Auth, user: UserId) -> QueryResult<()> {
    scope::enter_realm(tx, auth.realm).await?;
    let account = users::find(tx, auth.realm, user).await?;
    erase_known_as(tx, auth, user, account.as_ref().map(|account| account.email_canonical.as_str())).await
}

/// The same of somebody whose account may have been made nobody's already, in another tenant, and who is known here by `address`.
pub async fn erase_known_as(
    tx: &mut Connection,
    auth: &Auth,
    user: UserId,
    address: Option<&str>,
) -> QueryResult<()> {
    let now = auth.platform.clock.now();
    scope::enter_realm(tx, auth.realm).await?;
    // Before the membership, as whoever signs in takes them.
    users::lock(tx, auth.realm, user).await?;
    memberships::remove_here(tx, user).await?;
    impersonations::delete_of_user_here(tx, user).await?;
    consents::delete_here(tx, user).await?;
    invitations::forget_acceptances_here(tx, user).await?;
    forget_account_here(tx, auth, user).await?;
    if let Some(address) = address {
        let invited = invitations::to_address_here(tx, address).await?;
        forget(tx, auth, &invited).await?;
        signups::delete_for_address(tx, auth.realm, address).await?;
    }
    if users::find(tx, auth.realm, user).await?.is_none() {
        return Ok(());
    }
    one_time_tokens::delete_of_user(tx, auth.realm, user).await?;
    identities::delete_of_user(tx, auth.realm, user).await?;
    known_devices::delete_of_user(tx, auth.realm, user).await?;
    factors::delete_of_user(tx, auth.realm, user).await?;
    passkeys::delete_handle(tx, auth.realm, user).await?;
    passkey_challenges::delete_of_user(tx, auth.realm, user).await?;
    factor_guesses::delete_of_user(tx, auth.realm, user).await?;
    recovery_codes::delete_of_user(tx, auth.realm, user).await?;
    remembered_devices::delete_of_user(tx, auth.realm, user).await?;
    sessions::delete_of_user(tx, auth.realm, user).await?;
    past_places::delete_of_user(tx, auth.realm, user).await?;
    profiles::delete(tx, auth.realm, user).await?;
    email_changes::delete_of_user(tx, auth.realm, user).await?;
    suspensions::forget(tx, auth.realm, user).await?;
    events::forget_person(tx, user).await?;
    let token_version = users::erase(tx, auth.realm, user, now).await?;
    if defended!("V13-erasure") {
        revocations::record(tx, &Revocation::User { user_id: user, token_version }, now).await?;
    }
    Ok(())
}

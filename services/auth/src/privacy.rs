//! The privacy contract: what auth knows about a person, and how it forgets them.

use diesel::QueryResult;
use serde_json::{Value, json};
use shinkofa_db::Connection;
use shinkofa_kernel::{UserId, defended};

use crate::banning::forget_accounts_here;
use crate::db::users::Account;
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

/// Ends the memberships in the transaction's tenant and makes the accounts nobody's. The audit trail holds ids alone and
/// stays.
pub async fn erase(tx: &mut Connection, auth: &Auth, users: &[UserId]) -> QueryResult<()> {
    scope::enter_realm(tx, auth.realm).await?;
    let accounts = users::lock_all(tx, auth.realm, users).await?;
    erase_here(tx, auth, (users, &addresses(&accounts)), &ids(&accounts)).await
}

/// The same of accounts that the caller has locked.
pub async fn erase_locked(tx: &mut Connection, auth: &Auth, accounts: &[Account]) -> QueryResult<()> {
    scope::enter_realm(tx, auth.realm).await?;
    let users = ids(accounts);
    erase_here(tx, auth, (&users, &addresses(accounts)), &users).await
}

fn ids(accounts: &[Account]) -> Vec<UserId> {
    accounts.iter().map(|account| account.id).collect()
}

fn addresses(accounts: &[Account]) -> Vec<&str> {
    accounts.iter().map(|account| account.email_canonical.as_str()).collect()
}

/// The same of people whose accounts may have been made nobody's already, in another tenant, and who are known here by `addresses`.
pub async fn erase_known_as(
    tx: &mut Connection,
    auth: &Auth,
    users: &[UserId],
    addresses: &[&str],
) -> QueryResult<()> {
    scope::enter_realm(tx, auth.realm).await?;
    let accounts = users::lock_all(tx, auth.realm, users).await?;
    erase_here(tx, auth, (users, addresses), &ids(&accounts)).await
}

/// However many they are, it takes as many statements. Those of them whose accounts are `there` have them locked: before the
/// memberships, as whoever signs in takes them.
async fn erase_here(
    tx: &mut Connection,
    auth: &Auth,
    (users, addresses): (&[UserId], &[&str]),
    there: &[UserId],
) -> QueryResult<()> {
    memberships::remove_here(tx, users).await?;
    impersonations::delete_of_users_here(tx, users).await?;
    consents::delete_here(tx, users).await?;
    invitations::forget_acceptances_here(tx, users).await?;
    forget_accounts_here(tx, auth, users).await?;
    if !addresses.is_empty() {
        let invited = invitations::to_addresses_here(tx, addresses).await?;
        forget(tx, auth, &invited).await?;
        signups::delete_for_addresses(tx, auth.realm, addresses).await?;
    }
    if there.is_empty() { Ok(()) } else { erase_accounts(tx, auth, there).await }
}

async fn erase_accounts(tx: &mut Connection, auth: &Auth, users: &[UserId]) -> QueryResult<()> {
    let now = auth.platform.clock.now();
    one_time_tokens::delete_of_users(tx, auth.realm, users).await?;
    identities::delete_of_users(tx, auth.realm, users).await?;
    known_devices::delete_of_users(tx, auth.realm, users).await?;
    factors::delete_of_users(tx, auth.realm, users).await?;
    passkeys::delete_handles(tx, auth.realm, users).await?;
    passkey_challenges::delete_of_users(tx, auth.realm, users).await?;
    factor_guesses::delete_of_users(tx, auth.realm, users).await?;
    recovery_codes::delete_of_users(tx, auth.realm, users).await?;
    remembered_devices::delete_of_users(tx, auth.realm, users).await?;
    sessions::delete_of_users(tx, auth.realm, users).await?;
    past_places::delete_of_users(tx, auth.realm, users).await?;
    profiles::delete(tx, auth.realm, users).await?;
    email_changes::delete_of_users(tx, auth.realm, users).await?;
    suspensions::forget(tx, auth.realm, users).await?;
    events::forget_people(tx, users).await?;
    let erased = users::erase(tx, auth.realm, users, now).await?;
    if defended!("V13-erasure") {
        revocations::record_users(tx, &erased, now).await?;
    }
    Ok(())
}

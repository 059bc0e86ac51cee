//! The privacy contract: what auth knows about a person, and how it forgets them.

use diesel::QueryResult;
use serde_json::{Value, json};
use shinkofa_db::Connection;
use shinkofa_identity::Revocation;
use shinkofa_kernel::UserId;

use crate::Auth;
use crate::db::users::Account;
use crate::db::{
    consents, email_changes, events, factor_guesses, factors, identities, impersonations, invitations,
    known_devices, members, memberships, one_time_tokens, passkey_challenges, passkeys, profiles,
    recovery_codes, remembered_devices, revocations, scope, sessions, signups, suspensions, users,
};
use crate::invitations::forget;

/// The account, the membership in the transaction's tenant, the sessions, the profile, the addresses of late, the identities
/// and the second factors.
pub async fn export(tx: &mut Connection, auth: &Auth, user: UserId) -> QueryResult<Value> {
    scope::enter_realm(tx, auth.realm).await?;
    let Some(account) = users::find(tx, auth.realm, user).await? else { return Ok(Value::Null) };
    let membership = memberships::here(tx, user).await?;
    let sessions = sessions::places_of_user(tx, auth.realm, user).await?;
    let sessions: Vec<_> = sessions
        .into_iter()
        .map(|session| {
            json!({
                "sessionId": session.session, "signedInAt": session.opened_at, "lastUsedAt": session.last_used_at,
                "userAgent": session.user_agent, "network": session.ip_prefix, "endedAt": session.ended_at,
                "deviceName": session.device_name,
            })
        })
        .collect();
    let profile = profiles::find(tx, auth.realm, user).await?;
    let addresses: Vec<_> = email_changes::of_user(tx, auth.realm, user)
        .await?
        .into_iter()
        .map(|change| {
            json!({
                "from": change.old_email, "to": change.new_email, "requestedAt": change.requested_at,
                "confirmedAt": change.confirmed_at, "undoneAt": change.undone_at,
            })
        })
        .collect();
    let identities = identities::of_user(tx, auth.realm, user).await?;
    let identities: Vec<_> = identities
        .into_iter()
        .map(|identity| {
            json!({
                "provider": identity.provider, "issuer": identity.issuer, "subject": identity.subject,
                "linkedAt": identity.linked_at, "lastUsedAt": identity.last_used_at,
            })
        })
        .collect();
    let lock_reason = members::lock_reason_here(tx, user).await?;
    let suspension_reason = suspensions::reason(tx, auth.realm, user).await?;
    let consents = consents::history_here(tx, user).await?;
    let impersonations = impersonations::of_user_here(tx, user).await?;
    let impersonations: Vec<_> = impersonations
        .into_iter()
        .map(
            |seen| json!({ "openedAt": seen.opened_at, "expiresAt": seen.expires_at, "reason": seen.reason }),
        )
        .collect();
    Ok(json!({
        "account": {
            "userId": account.id, "email": account.email, "name": account.name, "locale": account.locale,
            "emailVerifiedAt": account.email_verified_at, "createdAt": account.created_at,
        },
        "membership": membership.map(|membership| json!({
            "status": membership.status, "tier": membership.tier, "roles": membership.role_names(),
        })),
        "invitations": invitations_of(tx, &account).await?,
        "consents": consents,
        "lockReason": lock_reason,
        "suspensionReason": suspension_reason,
        "seenByStaff": impersonations,
        "sessions": sessions,
        "identities": identities,
        "profile": {
            "avatarId": profile.avatar_id, "bio": profile.bio, "timeZone": profile.time_zone,
            "preferences": profile.preferences, "onboarding": profile.onboarding,
        },
        "emailChanges": addresses,
        "secondFactors": second_factors(tx, auth, &account).await?,
    }))
}

/// Those to the account's address, and those that it accepted.
async fn invitations_of(tx: &mut Connection, account: &Account) -> QueryResult<Value> {
    let received = invitations::to_address_here(tx, &account.email_canonical).await?;
    let accepted = invitations::accepted_here(tx, account.id).await?;
    Ok(json!({
        "received": received
            .into_iter()
            .map(|invitation| json!({
                "invitationId": invitation.id, "email": invitation.email, "locale": invitation.locale,
                "invitedAt": invitation.created_at, "expiresAt": invitation.expires_at,
            }))
            .collect::<Vec<_>>(),
        "accepted": accepted
            .into_iter()
            .map(|(id, accepted_at)| json!({ "invitationId": id, "acceptedAt": accepted_at }))
            .collect::<Vec<_>>(),
    }))
}

/// Secrets are nobody's to read, not even their owner's: they would serve to sign in.
async fn second_factors(tx: &mut Connection, auth: &Auth, account: &Account) -> QueryResult<Value> {
    let (realm, now) = (auth.realm, auth.platform.clock.now());
    let factors = factors::confirmed(tx, realm, account.id).await?;
    let devices = remembered_devices::of_user(tx, (realm, account.id, account.token_version), now).await?;
    let passkeys = passkeys::of_user(tx, realm, account.id).await?;
    Ok(json!({
        "passkeys": passkeys
            .into_iter()
            .map(|passkey| json!({
                "name": passkey.name, "createdAt": passkey.created_at, "lastUsedAt": passkey.last_used_at,
                "discoverable": passkey.discoverable, "backedUp": passkey.backed_up,
            }))
            .collect::<Vec<_>>(),
        "factors": factors
            .into_iter()
            .map(|factor| json!({ "kind": factor.kind, "createdAt": factor.created_at }))
            .collect::<Vec<_>>(),
        "recoveryCodesLeft": recovery_codes::left(tx, realm, account.id).await?,
        "rememberedDevices": devices
            .into_iter()
            .map(|device| json!({
                "userAgent": device.user_agent, "rememberedAt": device.remembered_at,
                "lastUsedAt": device.last_used_at, "expiresAt": device.expires_at,
            }))
            .collect::<Vec<_>>(),
    }))
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
    profiles::delete(tx, auth.realm, user).await?;
    email_changes::delete_of_user(tx, auth.realm, user).await?;
    suspensions::forget(tx, auth.realm, user).await?;
    events::forget_person(tx, user).await?;
    let token_version = users::erase(tx, auth.realm, user, now).await?;
    revocations::record(tx, &Revocation::User { user_id: user, token_version }, now).await
}

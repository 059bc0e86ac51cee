//! What auth tells a person of themselves: the account, which spans the realm, and what it is in one studio.
//!
//! A test compares it with the comments of the columns: whatever is personal is in here, or withheld for a reason.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::QueryResult;
use serde_json::{Value, json};
use shinkofa_db::Connection;

use crate::db::past_places::PastPlace;
use crate::db::sessions::SessionPlace;
use crate::db::users::Account;
use crate::db::{
    consents, discord_links, email_changes, events, factors, identities, impersonations, invitations,
    known_devices, members, memberships, passkeys, past_places, profiles, recovery_codes, remembered_devices,
    scim_users, sessions, signups, suspensions,
};
use crate::{Auth, banning};

/// Everything that is the person's in whichever studio. The transaction sees the realm.
pub async fn of_account(tx: &mut Connection, auth: &Auth, account: &Account) -> QueryResult<Value> {
    let (realm, user) = (auth.realm, account.id);
    let profile = profiles::find(tx, realm, user).await?;
    let sessions = sessions::places_of_user(tx, realm, user).await?;
    let past_sessions = past_places::of_user(tx, realm, user).await?;
    Ok(json!({
        "userId": user, "kind": account.kind, "status": account.status,
        "email": account.email, "emailCanonical": account.email_canonical,
        "emailVerifiedAt": account.email_verified_at, "name": account.name, "locale": account.locale,
        "createdAt": account.created_at, "expiresAt": account.expires_at,
        "suspensionReason": suspensions::reason(tx, realm, user).await?,
        "profile": {
            "avatarId": profile.avatar_id, "bio": profile.bio, "timeZone": profile.time_zone,
            "preferences": profile.preferences, "onboarding": profile.onboarding,
        },
        "sessions": sessions.into_iter().map(session).collect::<Vec<_>>(),
        "pastSessions": past_sessions.into_iter().map(past_session).collect::<Vec<_>>(),
        "devices": devices(tx, auth, account).await?,
        "secondFactors": second_factors(tx, auth, account).await?,
        "identities": identities_of(tx, auth, account).await?,
        "addresses": addresses(tx, auth, account).await?,
    }))
}

/// What the account is in the transaction's tenant.
pub async fn of_studio(tx: &mut Connection, auth: &Auth, account: &Account) -> QueryResult<Value> {
    let user = account.id;
    let membership = memberships::here(tx, user).await?;
    let seen_by_staff = impersonations::of_user_here(tx, user).await?;
    // Whoever has not confirmed an address has no claim to what others said of it.
    let confirmed = account.email_verified_at.map(|_| account.email_canonical.as_str());
    let told_by_provider = scim_users::told_here(tx, user, confirmed).await?;
    let bans = banning::told_here(tx, auth, user).await?;
    Ok(json!({
        "membership": membership.map(|membership| json!({
            "status": membership.status, "tier": membership.tier, "roles": membership.role_names(),
        })),
        "invitations": invitations_of(tx, account).await?,
        "consents": consents::history_here(tx, user).await?,
        "toldByIdentityProvider": told_by_provider
            .into_iter()
            .map(|told| json!({
                "userName": told.user_name, "userNameCanonical": told.user_name_canonical,
                "externalId": told.external_id, "displayName": told.display_name,
                "givenName": told.given_name, "familyName": told.family_name,
            }))
            .collect::<Vec<_>>(),
        "lockReason": members::lock_reason_here(tx, user).await?,
        "bans": bans
            .into_iter()
            .map(|ban| json!({ "reason": ban.reason, "bannedAt": ban.banned_at, "until": ban.until }))
            .collect::<Vec<_>>(),
        "seenByStaff": seen_by_staff
            .into_iter()
            .map(|seen| json!({
                "openedAt": seen.opened_at, "expiresAt": seen.expires_at, "reason": seen.reason,
            }))
            .collect::<Vec<_>>(),
    }))
}

fn session(place: SessionPlace) -> Value {
    json!({
        "sessionId": place.session, "signedInAt": place.opened_at, "lastUsedAt": place.last_used_at,
        "methods": words(&place.amr), "userAgent": place.user_agent, "network": place.ip_prefix,
        "deviceName": place.device_name, "endedAt": place.ended_at,
    })
}

/// One that is over and gone but for where it was used from.
fn past_session(place: PastPlace) -> Value {
    json!({
        "sessionId": place.session_id, "signedInAt": place.opened_at, "overAt": place.over_at,
        "userAgent": place.user_agent, "network": place.ip_prefix, "deviceName": place.device_name,
    })
}

/// Columns hold lists of words as one text.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// Those that the person is known on, and those that leave out the second factor.
async fn devices(tx: &mut Connection, auth: &Auth, account: &Account) -> QueryResult<Value> {
    let (realm, now) = (auth.realm, auth.platform.clock.now());
    let known = known_devices::of_user(tx, realm, account.id).await?;
    let remembered = (realm, account.id, account.token_version);
    let remembered = remembered_devices::of_user(tx, remembered, now).await?;
    Ok(json!({
        "known": known
            .into_iter()
            .map(|(first, last)| json!({ "firstSeenAt": first, "lastSeenAt": last }))
            .collect::<Vec<_>>(),
        "remembered": remembered
            .into_iter()
            .map(|device| json!({
                "userAgent": device.user_agent, "rememberedAt": device.remembered_at,
                "lastUsedAt": device.last_used_at, "expiresAt": device.expires_at,
                "factor": words(device.factor.as_str()),
            }))
            .collect::<Vec<_>>(),
    }))
}

/// Secrets are nobody's to read, not even their owner's: they would serve to sign in.
async fn second_factors(tx: &mut Connection, auth: &Auth, account: &Account) -> QueryResult<Value> {
    let realm = auth.realm;
    let factors = factors::confirmed(tx, realm, account.id).await?;
    let passkeys = passkeys::copies_of_user(tx, realm, account.id).await?;
    let handle = passkeys::find_handle(tx, realm, account.id).await?;
    Ok(json!({
        "factors": factors
            .into_iter()
            .map(|factor| json!({ "kind": factor.kind, "createdAt": factor.created_at }))
            .collect::<Vec<_>>(),
        "recoveryCodesLeft": recovery_codes::left(tx, realm, account.id).await?,
        "passkeyHandle": handle.map(|handle| URL_SAFE_NO_PAD.encode(handle)),
        "passkeys": passkeys
            .into_iter()
            .map(|passkey| json!({
                "name": passkey.name, "credentialId": URL_SAFE_NO_PAD.encode(&passkey.credential_id),
                "publicKey": URL_SAFE_NO_PAD.encode(&passkey.public_key),
                "transports": words(&passkey.transports), "discoverable": passkey.discoverable,
                "backedUp": passkey.backed_up, "createdAt": passkey.created_at,
                "lastUsedAt": passkey.last_used_at,
            }))
            .collect::<Vec<_>>(),
    }))
}

/// Who the person is elsewhere.
async fn identities_of(tx: &mut Connection, auth: &Auth, account: &Account) -> QueryResult<Value> {
    let linked = identities::of_user(tx, auth.realm, account.id).await?;
    let discord = discord_links::of_user(tx, auth.realm, account.id).await?;
    Ok(json!({
        "linked": linked
            .into_iter()
            .map(|identity| json!({
                "provider": identity.provider, "issuer": identity.issuer, "subject": identity.subject,
                "linkedAt": identity.linked_at, "lastUsedAt": identity.last_used_at,
            }))
            .collect::<Vec<_>>(),
        "discord": discord
            .into_iter()
            .map(|(member, made_at)| json!({ "discordId": member, "createdAt": made_at }))
            .collect::<Vec<_>>(),
    }))
}

/// How the person was and is addressed: what they changed, what was signed up with their address, what other services were told.
async fn addresses(tx: &mut Connection, auth: &Auth, account: &Account) -> QueryResult<Value> {
    let changes = email_changes::of_user(tx, auth.realm, account.id).await?;
    // Whoever has not confirmed an address has no claim to what others did with it.
    let signups = match account.email_verified_at {
        Some(_) => signups::of_address(tx, auth.realm, &account.email_canonical).await?,
        None => Vec::new(),
    };
    let told = events::told_of(tx, account.id).await?;
    Ok(json!({
        "changes": changes
            .into_iter()
            .map(|change| json!({
                "from": change.old_email, "to": change.new_email, "requestedAt": change.requested_at,
                "confirmedAt": change.confirmed_at, "undoneAt": change.undone_at,
            }))
            .collect::<Vec<_>>(),
        "signUps": signups
            .into_iter()
            .map(|signup| json!({
                "email": signup.email, "emailCanonical": signup.email_canonical, "name": signup.name,
                "locale": signup.locale, "createdAt": signup.created_at, "consents": signup.consents,
            }))
            .collect::<Vec<_>>(),
        "toldToServices": told
            .into_iter()
            .map(|event| json!({
                "event": event.type_name, "occurredAt": event.occurred_at, "personal": event.personal,
            }))
            .collect::<Vec<_>>(),
    }))
}

/// Those to the account's address, and those that it accepted.
async fn invitations_of(tx: &mut Connection, account: &Account) -> QueryResult<Value> {
    let received = invitations::to_addresses_here(tx, &[account.email_canonical.as_str()]).await?;
    let accepted = invitations::accepted_here(tx, account.id).await?;
    Ok(json!({
        "received": received
            .into_iter()
            .map(|invitation| json!({
                "invitationId": invitation.id, "email": invitation.email,
                "emailCanonical": invitation.email_canonical, "locale": invitation.locale,
                "invitedAt": invitation.created_at, "expiresAt": invitation.expires_at,
            }))
            .collect::<Vec<_>>(),
        "accepted": accepted
            .into_iter()
            .map(|(id, accepted_at)| json!({ "invitationId": id, "acceptedAt": accepted_at }))
            .collect::<Vec<_>>(),
    }))
}

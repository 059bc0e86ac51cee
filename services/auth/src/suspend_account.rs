//! `auth suspend-account --email E --reason R` and `auth restore-account --email E`: an account in every tenant, at once and
//! without a restart. What staff of one tenant lock is a membership; this is the operator's.

use anyhow::{Context as _, bail};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::{Actor, TenantId, UserId};
use shinkofa_runtime::tenants;

use crate::Auth;
use crate::access_ending::end_access;
use crate::announcement::announce_membership;
use crate::db::audit::Trail;
use crate::db::{memberships, scope, suspensions, users};
use crate::domain::account::AccountStatus;
use crate::domain::administration::Reason;
use crate::domain::api_key::KeyEnd;
use crate::domain::audit::AuditAction;
use crate::domain::email::EmailAddress;
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::key_revocation::revoke_keys_made_by;
use crate::withdrawal::end_sessions;

const SUSPEND: &str = "suspend-account --email E --reason R";
const RESTORE: &str = "restore-account --email E";

/// Ends every session and token of the account, and refuses every way in until it is restored.
pub async fn suspend(auth: &Auth, arguments: &[String]) -> anyhow::Result<()> {
    let [email_flag, email, reason_flag, reason] = arguments else { bail!("expected: {SUSPEND}") };
    if email_flag != "--email" || reason_flag != "--reason" {
        bail!("expected: {SUSPEND}");
    }
    let reason = Reason::try_from(reason.clone()).context("--reason")?;
    change(auth, email, &Change::Suspend(reason)).await
}

/// Lets the account in again, with what it had. What was given out before the suspension stays void.
pub async fn restore(auth: &Auth, arguments: &[String]) -> anyhow::Result<()> {
    let [flag, email] = arguments else { bail!("expected: {RESTORE}") };
    if flag != "--email" {
        bail!("expected: {RESTORE}");
    }
    change(auth, email, &Change::Restore).await
}

enum Change {
    Suspend(Reason),
    Restore,
}

impl Change {
    fn steps(&self) -> (AccountStatus, AccountStatus, AuditAction) {
        match self {
            Self::Suspend(_) => {
                (AccountStatus::Active, AccountStatus::Suspended, AuditAction::AccountSuspended)
            }
            Self::Restore => (AccountStatus::Suspended, AccountStatus::Active, AuditAction::AccountRestored),
        }
    }
}

async fn change(auth: &Auth, email: &str, change: &Change) -> anyhow::Result<()> {
    let email = EmailAddress::try_from(email.to_owned()).context("--email")?;
    let scope = Scope::realm(auth.realm).with_tenant(TenantId::DEFAULT);
    let changed = transaction(&auth.platform.database, &scope, "change_account_status", async |tx| {
        carry_out(tx, auth, &email, change).await
    })
    .await?;
    match changed {
        Some(user) => tracing::info!(%user, "the status of an account was changed"),
        None => bail!("there is no account with this address that this could be done to"),
    }
    auth.platform.committed();
    Ok(())
}

/// `None` where there is no such account, or it is not in the state that this begins from.
async fn carry_out(
    tx: &mut Connection,
    auth: &Auth,
    email: &EmailAddress,
    change: &Change,
) -> Result<Option<UserId>, Error> {
    let Some(account) = users::lock_by_email(tx, auth.realm, email.canonical()).await? else {
        return Ok(None);
    };
    let (from, to, action) = change.steps();
    let (now, who) = (auth.platform.clock.now(), (auth.realm, account.id));
    let Some(token_version) = users::change_status(tx, who, (from, to), now).await? else { return Ok(None) };
    match change {
        Change::Suspend(reason) => suspensions::note(tx, who, reason, now).await?,
        Change::Restore => suspensions::forget(tx, auth.realm, &[account.id]).await?,
    }
    for tenant in tenants(tx).await? {
        scope::enter_tenant(tx, tenant.id).await?;
        tell(tx, auth, &auth.trail(tenant.id, Actor::service("auth")), account.id, action).await?;
    }
    let trail = auth.trail(TenantId::DEFAULT, Actor::service("auth"));
    end_access(tx, auth, &trail, (account.id, token_version), None).await?;
    Ok(Some(account.id))
}

/// Ends what the person is signed in on in the trail's tenant, what they see there in other people's place as well, and the keys
/// that they made there, and tells the other services. Where they are no member there is nothing to tell, but in the tenant that every installation has: there
/// stands what happened to accounts.
async fn tell(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    user: UserId,
    action: AuditAction,
) -> Result<(), Error> {
    let membership = memberships::find(tx, trail.tenant, user).await?;
    if membership.is_none() && trail.tenant != TenantId::DEFAULT {
        return Ok(());
    }
    let ended = end_sessions(tx, auth, trail, user, SessionEnd::Suspended).await?;
    revoke_keys_made_by(tx, auth, trail, &[user], KeyEnd::MakerLocked).await?;
    trail.user(tx, action, user, json!({ "endedSessions": ended.len() })).await?;
    if let Some(membership) = &membership {
        announce_membership(tx, trail, user, membership).await?;
    }
    Ok(())
}

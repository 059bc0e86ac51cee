//! Giving an account that somebody else was in back to its owner.

use chrono::{DateTime, Utc};
use shinkofa_db::Connection;
use shinkofa_identity::Revocation;

use crate::Auth;
use crate::access_ending::end_access;
use crate::db::audit::Trail;
use crate::db::users::{self, Account};
use crate::db::{factors, identities, recovery_codes};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::password_reset::request_password_reset;
use crate::password_setting::start_anew;

/// What an account's owner says was somebody else's doing.
pub struct Disowned {
    pub action: AuditAction,
    pub details: serde_json::Value,
    /// Whoever was in since then may have made themselves ways to come back. Known where the owner came by a letter; a session
    /// alone may be the stranger's own, and would take the owner's away.
    pub since: Option<DateTime<Utc>>,
}

/// Ends every session and token, takes the password away, which somebody else may know, and the ways in that were made `since`,
/// and sends a link to choose another password to the account's address. The caller has locked the account.
pub async fn secure(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    Disowned { action, mut details, since }: Disowned,
) -> Result<Revocation, Error> {
    if let Some(since) = since {
        let (factors, identities) = forget_ways_in(tx, auth, account, since).await?;
        details["removedFactors"] = factors.into();
        details["unlinkedIdentities"] = identities.into();
    }
    let token_version = users::clear_password(tx, (auth.realm, account.id), trail.clock.now()).await?;
    let ended = end_access(tx, auth, trail, (account.id, token_version), None).await?;
    start_anew(tx, auth, account).await?;
    details["endedSessions"] = ended.sessions.into();
    trail.user(tx, action, account.id, details).await?;
    if account.email_verified_at.is_some() {
        request_password_reset(tx, auth, trail, (account, None)).await?;
    }
    Ok(ended.revocation)
}

/// Factors and identities that are older stay: whoever only reads the account's mail takes no protection away.
async fn forget_ways_in(
    tx: &mut Connection,
    auth: &Auth,
    account: &Account,
    since: DateTime<Utc>,
) -> Result<(usize, usize), Error> {
    let who = (auth.realm, account.id);
    let factors = factors::delete_made_since(tx, who, since).await?;
    recovery_codes::delete_made_since(tx, who, since).await?;
    if !factors::any_confirmed(tx, auth.realm, account.id).await? {
        recovery_codes::delete_of_user(tx, auth.realm, account.id).await?;
    }
    Ok((factors, identities::unlink_made_since(tx, who, since).await?))
}

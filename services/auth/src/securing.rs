//! Giving an account that somebody else was in back to its owner.

use chrono::{DateTime, Utc};
use shinkofa_db::{Connection, Patience};
use shinkofa_identity::Revocation;
use shinkofa_kernel::SessionId;

use crate::Auth;
use crate::access_ending::end_access;
use crate::back_doors::close_back_doors;
use crate::db::audit::Trail;
use crate::db::users::{self, Account};
use crate::db::{erasures, factors, identities, recovery_codes};
use crate::deletion_cancelling::tell_of_cancelled_deletion;
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::password_reset::request_password_reset;
use crate::password_setting::start_anew;
use crate::withdrawal::forget_here;

/// What an account's owner says was somebody else's doing.
pub struct Disowned {
    pub action: AuditAction,
    pub details: serde_json::Value,
    /// Whoever was in since then may have asked for the account's deletion, and made keys, invitations and webhooks to come back by.
    pub since: DateTime<Utc>,
    pub told_by: ToldBy,
}

/// Since when what an entry tells of may have been done. Each row and each entry is written with the moment that it is written at, so
/// what was done with the entry may be earlier, by as much as one request takes at most.
pub fn begun(told_at: DateTime<Utc>) -> DateTime<Utc> {
    told_at - Patience::default().request
}

/// Where the owner says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldBy {
    /// By a letter to their address: factors that were added since then are the stranger's, and so are identities.
    Letter { linked_since: DateTime<Utc> },
    /// In a session, which may be the stranger's own, and would take the owner's ways in away.
    Session,
}

/// What this process is to know once the transaction has committed: see [`Auth::secured`].
pub struct Secured {
    revocation: Revocation,
    /// Those behind keys of service accounts.
    sessions: Vec<SessionId>,
}

impl Auth {
    /// This process knows at once; the others by the revocation feed.
    pub fn secured(&self, secured: &Secured) {
        self.revoked(&secured.revocation);
        forget_here(self, &secured.sessions);
    }
}

/// Ends every session and token, takes the password away, which somebody else may know, and what was done `since` to come back by,
/// in every studio, cancels a deletion that was asked for since, and sends a link to choose another password to the account's address.
/// The caller has locked the account.
pub async fn secure(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    Disowned { action, mut details, since, told_by }: Disowned,
) -> Result<Secured, Error> {
    let (who, now) = ((auth.realm, account.id), trail.clock.now());
    let sessions = close_back_doors(tx, auth, trail, (account.id, since), told_by).await?;
    if erasures::cancel_requested_since(tx, who, (since, now)).await? {
        tell_of_cancelled_deletion(tx, auth, trail, account).await?;
    }
    if let ToldBy::Letter { linked_since } = told_by {
        let (factors, identities) = forget_ways_in(tx, auth, account, (since, linked_since)).await?;
        details["removedFactors"] = factors.into();
        details["unlinkedIdentities"] = identities.into();
    }
    let token_version = users::clear_password(tx, who, now).await?;
    let ended = end_access(tx, auth, trail, (account.id, token_version), None).await?;
    start_anew(tx, auth, account).await?;
    details["endedSessions"] = ended.sessions.into();
    trail.user(tx, action, account.id, details).await?;
    if account.email_verified_at.is_some() {
        request_password_reset(tx, auth, trail, (account, None)).await?;
    }
    Ok(Secured { revocation: ended.revocation, sessions })
}

/// Factors and identities that are older stay: whoever only reads the account's mail takes no protection away.
async fn forget_ways_in(
    tx: &mut Connection,
    auth: &Auth,
    account: &Account,
    (since, linked_since): (DateTime<Utc>, DateTime<Utc>),
) -> Result<(usize, usize), Error> {
    let who = (auth.realm, account.id);
    let factors = factors::delete_made_since(tx, who, since).await?;
    recovery_codes::delete_made_since(tx, who, since).await?;
    if !factors::any_confirmed(tx, auth.realm, account.id).await? {
        recovery_codes::delete_of_users(tx, auth.realm, &[account.id]).await?;
    }
    Ok((factors, identities::unlink_made_since(tx, who, linked_since).await?))
}

//! Giving an account that somebody else was in back to its owner.

use shinkofa_db::Connection;
use shinkofa_identity::Revocation;

use crate::Auth;
use crate::access_ending::end_access;
use crate::db::audit::Trail;
use crate::db::users::{self, Account};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::password_reset::request_password_reset;
use crate::password_setting::start_anew;

/// Ends every session and token, takes the password away, which somebody else may know, and sends a link to choose
/// another one to the account's address. The caller has locked the account.
pub async fn secure(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    (action, mut details): (AuditAction, serde_json::Value),
) -> Result<Revocation, Error> {
    let token_version = users::clear_password(tx, (auth.realm, account.id), trail.clock.now()).await?;
    let ended = end_access(tx, auth, trail, (account.id, token_version), None).await?;
    start_anew(tx, auth, account).await?;
    details["endedSessions"] = ended.sessions.into();
    trail.user(tx, action, account.id, details).await?;
    if account.email_verified_at.is_some() {
        request_password_reset(tx, auth, trail, account).await?;
    }
    Ok(ended.revocation)
}

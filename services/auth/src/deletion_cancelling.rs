//! An account that was to be erased is kept.

use serde_json::json;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_db::Connection;

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::users::Account;
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::letters::request_letter;

/// Tells the trail and the account's owner that the request to erase it, which the caller has cancelled, is no more.
pub async fn tell_of_cancelled_deletion(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
) -> Result<(), Error> {
    trail.user(tx, AuditAction::DeletionCancelled, account.id, json!({})).await?;
    if account.has_mailbox() {
        request_letter(tx, auth, trail, account, (AccountLetter::DeletionCancelled, None)).await?;
    }
    Ok(())
}

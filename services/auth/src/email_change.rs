//! What the steps of changing an address share.

use serde::{Deserialize, Serialize};
use shinkofa_db::Connection;
use shinkofa_kernel::defended;
use shinkofa_web::Fault;

use crate::Auth;
use crate::announcement::announce_account;
use crate::db::audit::Trail;
use crate::db::email_changes::{self, EmailChange, EmailChangeId};
use crate::db::one_time_tokens::TokenGrant;
use crate::db::users::{self, Account};
use crate::domain::account::AccountKind;
use crate::domain::audit::AuditAction;
use crate::domain::email::EmailAddress;
use crate::error::Error;
use crate::unconfirmed;

/// What a token of these steps is about.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AboutEmailChange {
    pub change_id: EmailChangeId,
}

impl AboutEmailChange {
    pub fn to_json(self) -> Result<serde_json::Value, Fault> {
        serde_json::to_value(self).map_err(Fault::unexpected)
    }
}

/// The change that a token was given out for, if both are the same person's.
pub async fn change_of(tx: &mut Connection, auth: &Auth, grant: &TokenGrant) -> Result<EmailChange, Error> {
    let about = grant.about.clone().and_then(|about| serde_json::from_value::<AboutEmailChange>(about).ok());
    let about = about.ok_or(Error::LinkGone)?;
    let change = email_changes::find(tx, auth.realm, about.change_id).await?;
    change.filter(|change| change.user_id == grant.user_id).ok_or(Error::LinkGone)
}

/// Gives the account an address that its owner has shown to be theirs. An account that nobody ever confirmed gives the
/// address up: whoever opened it did not own it.
pub async fn take_address(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    written: &str,
) -> Result<Account, Error> {
    let now = trail.clock.now();
    let email: EmailAddress = written.parse().map_err(|_| Error::LinkGone)?;
    let holder = users::lock_by_email(tx, auth.realm, email.canonical()).await?;
    match holder.filter(|holder| holder.id != account.id) {
        Some(holder) if is_unclaimed(&holder) => {
            unconfirmed::erase(tx, auth, trail, (&holder, AuditAction::AddressReleased)).await?;
        }
        Some(_) => return Err(Error::LinkGone),
        None => {}
    }
    users::set_email(tx, (auth.realm, account.id), &email, now).await?;
    let missing = || Fault::unexpected("an account is not there");
    Ok(users::find(tx, auth.realm, account.id).await?.ok_or_else(missing)?)
}

/// Gives the account the address back that it had before a change which stands, and takes back with it all that came after. Tells
/// every studio; the caller writes the trail.
pub async fn put_back(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, change): (&Account, &EmailChange),
) -> Result<Account, Error> {
    let account = take_address(tx, auth, trail, account, &change.old_email).await?;
    if defended!("V05-undo") {
        email_changes::undo_from(tx, change, trail.clock.now()).await?;
    }
    announce_account(tx, trail, &account).await?;
    Ok(account)
}

fn is_unclaimed(holder: &Account) -> bool {
    holder.kind == AccountKind::Member && holder.email_verified_at.is_none()
}

/// Somebody else took the address in the very moment: the link leads nowhere, and nothing was changed.
pub fn or_gone(error: Error) -> Error {
    match &error {
        Error::Fault(Fault::Database(fault))
            if fault.violates(shinkofa_db::Constraint::Unique, users::ADDRESS_TAKEN) =>
        {
            Error::LinkGone
        }
        _ => error,
    }
}

//! Sends the link that proves a new address, or tells the owner of an address that is taken.

use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::{AccountLetter, PersonalContact};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::Actor;

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::email_changes::{self, EmailChange, EmailChangeId};
use crate::db::users::{self, Account};
use crate::db::{one_time_tokens, sessions};
use crate::domain::audit::AuditAction;
use crate::domain::email::EmailAddress;
use crate::domain::one_time_token::TokenPurpose;
use crate::email_change::AboutEmailChange;
use crate::error::Error;
use crate::letters::{request_letter, request_letter_to};
use crate::password_reset::give_out;

#[derive(Debug, Serialize, Deserialize)]
pub struct SettleEmailChange {
    pub change_id: EmailChangeId,
}

impl Job for SettleEmailChange {
    const NAME: &'static str = "settle_email_change";
    type State = Auth;

    async fn run(self, auth: &Auth, attempt: Attempt) -> Result<(), Failure> {
        let tenant =
            attempt.tenant.ok_or_else(|| Failure::Abort(anyhow::anyhow!("the job has no tenant")))?;
        let scope = Scope::realm(auth.realm).with_tenant(tenant);
        transaction(&auth.platform.database, &scope, "settle_email_change", async |tx| {
            let Some(change) = email_changes::find(tx, auth.realm, self.change_id).await? else {
                return Ok(());
            };
            let trail = auth.trail(tenant, Actor::user(change.user_id));
            settle(tx, auth, &trail, &change).await
        })
        .await
        .map_err(|error: Error| error)?;
        auth.platform.committed();
        Ok(())
    }
}

async fn settle(tx: &mut Connection, auth: &Auth, trail: &Trail, change: &EmailChange) -> Result<(), Error> {
    let (who, now) = ((auth.realm, change.user_id), trail.clock.now());
    let account = users::lock(tx, auth.realm, change.user_id).await?;
    let account = account.filter(|account| account.is_usable(now) && account.email == change.old_email);
    let asked_from = sessions::find(tx, auth.realm, change.session_id).await?;
    let still_asked = change.is_pending() && asked_from.is_some_and(|session| session.is_live(now));
    let Some(account) = account.filter(|_| still_asked) else { return Ok(()) };
    let Ok(email) = change.new_email.parse::<EmailAddress>() else { return Ok(()) };
    // A newer request takes the place of an earlier one, whatever becomes of it.
    email_changes::cancel_pending(tx, who, Some(change.id), now).await?;
    one_time_tokens::void(tx, who, TokenPurpose::EmailChange, now).await?;
    match users::find_by_email(tx, auth.realm, &email).await? {
        Some(owner) if owner.email_verified_at.is_some() => {
            tell_owner(tx, auth, trail, (&owner, &account)).await?;
        }
        _ => mail_proof(tx, auth, trail, (&account, change)).await?,
    }
    // Told alike in both cases, as is the request itself: neither the timeline nor a copy of one's data says who has an account.
    let details = json!({ "sessionId": change.session_id });
    trail.user(tx, AuditAction::EmailChangeRequested, account.id, details).await?;
    Ok(())
}

/// Who asked learns nothing; who has the address learns that somebody asked.
async fn tell_owner(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (owner, asker): (&Account, &Account),
) -> Result<(), Error> {
    if owner.id == asker.id {
        return Ok(());
    }
    request_letter(tx, auth, trail, owner, (AccountLetter::EmailChangeTaken, None)).await
}

async fn mail_proof(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, change): (&Account, &EmailChange),
) -> Result<(), Error> {
    let purpose = TokenPurpose::EmailChange;
    let about = AboutEmailChange { change_id: change.id }.to_json()?;
    let secret = give_out(tx, auth, trail, account, (purpose, Some(about))).await?;
    let letter =
        AccountLetter::EmailChangeConfirmation { expires_at: trail.clock.now() + purpose.lifetime() };
    let to = PersonalContact { email: change.new_email.clone(), name: account.name.clone() };
    request_letter_to(tx, auth, trail, (account, to.into()), (letter, Some(secret))).await
}

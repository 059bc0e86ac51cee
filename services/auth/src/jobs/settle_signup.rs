//! Makes the account of somebody who signed up, or tells the owner of the address that somebody tried to.

use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::SignupForKnownAddress;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_feed::append;
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{Actor, UserId};
use shinkofa_web::Fault;

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::signups::{self, Signup, SignupId};
use crate::db::users::{self, Account, Choice, NewAccount};
use crate::domain::account::{AccountKind, AccountStatus};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::jobs::forget_signup::forget_later;
use crate::unconfirmed;
use crate::verification::request_verification;

#[derive(Debug, Serialize, Deserialize)]
pub struct SettleSignup {
    pub signup_id: SignupId,
}

impl Job for SettleSignup {
    const NAME: &'static str = "settle_signup";
    type State = Auth;

    async fn run(self, auth: &Auth, attempt: Attempt) -> Result<(), Failure> {
        let tenant =
            attempt.tenant.ok_or_else(|| Failure::Abort(anyhow::anyhow!("the job has no tenant")))?;
        let scope = Scope::realm(auth.realm).with_tenant(tenant);
        let trail = auth.trail(tenant, Actor::Anonymous);
        transaction(&auth.platform.database, &scope, "settle_signup", async |tx| {
            settle(tx, auth, &trail, self.signup_id).await
        })
        .await?;
        auth.platform.committed();
        Ok(())
    }
}

/// Settles a request once, however often the job runs.
async fn settle(tx: &mut Connection, auth: &Auth, trail: &Trail, id: SignupId) -> Result<(), Error> {
    let Some(signup) = signups::settle(tx, auth.realm, id, trail.clock.now()).await? else { return Ok(()) };
    let user = UserId::new(&trail.clock);
    if users::insert(tx, &new_account(user, &signup)).await? {
        return welcome(tx, auth, trail, user, &signup).await;
    }
    let known = users::lock_by_email(tx, auth.realm, &signup.email_canonical).await?;
    let known = known.ok_or_else(|| Fault::unexpected("an address is taken by nobody"))?;
    if !known.has_mailbox() {
        // Nothing of the account is touched.
        signups::delete(tx, auth.realm, signup.id).await?;
        return Ok(());
    }
    if known.email_verified_at.is_some() {
        warn_owner(tx, auth, trail, &known, &signup).await
    } else {
        try_again(tx, auth, trail, &known, &signup).await
    }
}

fn new_account(id: UserId, signup: &Signup) -> NewAccount {
    NewAccount {
        realm_id: signup.realm_id,
        id,
        kind: AccountKind::Member,
        status: AccountStatus::Active,
        email: signup.email.clone(),
        email_canonical: signup.email_canonical.clone(),
        email_verified_at: None,
        name: signup.name.clone(),
        locale: signup.locale,
        password_phc: Some(signup.password_phc.clone()),
        token_version: 1,
        created_at: signup.created_at,
        updated_at: signup.created_at,
    }
}

async fn welcome(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    user: UserId,
    signup: &Signup,
) -> Result<(), Error> {
    unconfirmed::keep_place(tx, auth, trail, user).await?;
    let missing = || Fault::unexpected("a new account is not there");
    let account = users::find(tx, auth.realm, user).await?.ok_or_else(missing)?;
    unconfirmed::record(tx, trail, &account, (AuditAction::AccountCreated, json!({}))).await?;
    write_to(tx, auth, trail, (&account, signup)).await
}

/// Nobody has confirmed the address yet, so nobody owns it: whoever can read its mail gets the password they chose.
async fn try_again(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    known: &Account,
    signup: &Signup,
) -> Result<(), Error> {
    let choice = Choice { name: &signup.name, locale: signup.locale, password_phc: &signup.password_phc };
    users::set_choice(tx, (auth.realm, known.id), choice, trail.clock.now()).await?;
    unconfirmed::keep_place(tx, auth, trail, known.id).await?;
    write_to(tx, auth, trail, (known, signup)).await
}

/// Sends the link that confirms the address, and has the letter forgotten when the request itself is.
async fn write_to(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, signup): (&Account, &Signup),
) -> Result<(), Error> {
    request_verification(tx, auth, trail, (account.id, signup)).await?;
    forget_later(tx, trail, signup).await?;
    unconfirmed::record(tx, trail, account, (AuditAction::VerificationRequested, json!({}))).await
}

async fn warn_owner(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    owner: &Account,
    signup: &Signup,
) -> Result<(), Error> {
    let warning = SignupForKnownAddress { user_id: owner.id, locale: owner.locale };
    append(tx, &trail.occurrence(), owner.id.as_uuid(), &warning, Some(&owner.contact())).await?;
    signups::delete(tx, auth.realm, signup.id).await?;
    Ok(())
}

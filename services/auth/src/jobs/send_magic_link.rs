//! Sends a link to sign in with, where there is somebody to send it to.

use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::{AccountLetter, LetterSecret};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{Actor, UserId};

use crate::Auth;
use crate::account_only::or_account_only;
use crate::db::{memberships, users};
use crate::domain::audit::AuditAction;
use crate::domain::device::digest_from_hex;
use crate::domain::mailed_code::MailedCode;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::domain::pkce::CodeChallenge;
use crate::error::Error;
use crate::letters::request_letter;
use crate::mailed_sign_in::{Sending, keep, takes_mail};
use crate::unconfirmed::record;

/// Enqueued for every address that asks, so that all are answered alike.
#[derive(Debug, Serialize, Deserialize)]
pub struct SendMagicLink {
    pub user_id: Option<UserId>,
    pub code_challenge: String,
    /// Of the device that asked, in hex.
    pub device_hash: Option<String>,
}

impl Job for SendMagicLink {
    const NAME: &'static str = "send_magic_link";
    type State = Auth;

    async fn run(self, auth: &Auth, attempt: Attempt) -> Result<(), Failure> {
        let (Some(user), Some(tenant)) = (self.user_id, attempt.tenant) else { return Ok(()) };
        let scope = Scope::realm(auth.realm).with_tenant(tenant);
        let trail = auth.trail(tenant, Actor::Anonymous);
        transaction(&auth.platform.database, &scope, "send_magic_link", async |tx| {
            // Of two that are sent at once the later one waits, and replaces the other. Whoever signs in with what was sent before
            // has used it up when they come to the account: they do not wait for this, which waits for them.
            let account = users::take_turns(tx, auth.realm, user).await?;
            let Some(account) = account.filter(|account| takes_mail(account, trail.clock.now())) else {
                return Ok(());
            };
            // A letter is written in the name of a tenant, which learns by it that there is such an account.
            let membership = memberships::find(tx, tenant, user).await?;
            let membership = or_account_only(tx, tenant, &account, membership).await?;
            if !membership.is_some_and(|membership| membership.is_written_to(&account)) {
                return Ok(());
            }
            let token = OneTimeToken::from_random(auth.randomness.bytes()?);
            let code = MailedCode::of_link(&token);
            let sending = Sending {
                account: &account,
                purpose: TokenPurpose::MagicLink,
                token: &token,
                code: &code,
                challenge: Some(&CodeChallenge::kept(&self.code_challenge)),
                device: self.device_hash.as_deref().and_then(digest_from_hex),
            };
            let expires_at = keep(tx, auth, &trail, sending).await?;
            let secret =
                LetterSecret { link_token: Some(token.as_str().to_owned()), code: Some(code.shown()) };
            let letter = (AccountLetter::MagicLink { expires_at }, Some(secret));
            request_letter(tx, auth, &trail, &account, letter).await?;
            record(tx, &trail, &account, (AuditAction::MagicLinkSent, json!({}))).await
        })
        .await
        .map_err(|error: Error| error)?;
        auth.platform.committed();
        Ok(())
    }
}

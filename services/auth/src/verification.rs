//! Asking somebody to show that an address is theirs.

use shinkofa_contracts::auth::EmailVerificationRequested;
use shinkofa_db::Connection;
use shinkofa_feed::append;

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::one_time_tokens::{self, NewToken};
use crate::db::signups::SignupId;
use crate::db::users::Account;
use crate::domain::audit::AuditAction;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::error::Error;
use shinkofa_kernel::defended;
use shinkofa_web::Fault;

/// Gives out a link that confirms the account's address and the password chosen in `signup`, and has notify send it. The
/// token itself is kept nowhere: here its digest, in the event only what notify alone can open.
pub async fn request_verification(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    signup: Option<SignupId>,
) -> Result<(), Error> {
    let now = trail.clock.now();
    let token = OneTimeToken::from_random(auth.randomness.bytes()?);
    let expires_at = now + TokenPurpose::EmailVerification.lifetime();
    let row = NewToken {
        realm_id: auth.realm,
        purpose: TokenPurpose::EmailVerification,
        token_hash: token.digest().to_vec(),
        user_id: account.id,
        for_tenant: trail.tenant,
        signup_id: signup,
        device_hash: None,
        created_at: now,
        expires_at,
        about: None,
    };
    if defended!("V03-next-verification") {
        one_time_tokens::void_for_signup(tx, (auth.realm, account.id), signup, now).await?;
    }
    one_time_tokens::insert(tx, &row).await?;
    let sealed_token = auth
        .sealing
        .seal(EmailVerificationRequested::SEALED_FOR, token.as_str().as_bytes())
        .map_err(Fault::unexpected)?;
    let requested =
        EmailVerificationRequested { user_id: account.id, locale: account.locale, sealed_token, expires_at };
    append(tx, &trail.occurrence(), account.id.as_uuid(), &requested, Some(&account.contact())).await?;
    trail.user(tx, AuditAction::VerificationRequested, account.id, serde_json::json!({})).await?;
    Ok(())
}

//! Asking somebody to show that an address is theirs.

use shinkofa_contracts::auth::{EmailVerificationRequested, PersonalContact};
use shinkofa_db::Connection;
use shinkofa_feed::append;

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::one_time_tokens::{self, NewToken};
use crate::db::signups::Signup;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::error::Error;
use shinkofa_kernel::{UserId, defended};
use shinkofa_web::Fault;

/// Gives out a link that confirms the address and the password of `signup`, and has notify send it. It is written to whoever reads the
/// mail of that address, and not to the account: nobody knows yet whose that is. The token itself is kept nowhere: here its digest,
/// in the event only what notify alone can open.
pub async fn request_verification(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (user, signup): (UserId, &Signup),
) -> Result<(), Error> {
    let now = trail.clock.now();
    let token = OneTimeToken::from_random(auth.randomness.bytes()?);
    let expires_at = now + TokenPurpose::EmailVerification.lifetime();
    let row = NewToken {
        realm_id: auth.realm,
        purpose: TokenPurpose::EmailVerification,
        token_hash: token.digest().to_vec(),
        user_id: user,
        for_tenant: trail.tenant,
        signup_id: Some(signup.id),
        device_hash: None,
        created_at: now,
        expires_at,
        about: None,
    };
    if defended!("V03-next-verification") {
        one_time_tokens::void_for_signup(tx, (auth.realm, user), signup.id, now).await?;
    }
    one_time_tokens::insert(tx, &row).await?;
    let sealed_token = auth
        .sealing
        .seal(EmailVerificationRequested::SEALED_FOR, token.as_str().as_bytes())
        .map_err(Fault::unexpected)?;
    let addressee = signup.addressee();
    let requested =
        EmailVerificationRequested { user_id: addressee, locale: signup.locale, sealed_token, expires_at };
    let to = PersonalContact { email: signup.email.clone(), name: signup.name.clone() };
    append(tx, &trail.occurrence(), addressee.as_uuid(), &requested, Some(&to)).await?;
    Ok(())
}

//! Codes of second factors: counted before they are looked at, each good once.

use chrono::{DateTime, Utc};
use shinkofa_contracts::auth::{AccountLetter, LetterSecret};
use shinkofa_db::Connection;
use shinkofa_identity::totp;
use shinkofa_kernel::{UserId, defended};
use shinkofa_web::Fault;

use crate::Auth;
use crate::attempts::require_unlocked;
use crate::db::audit::Trail;
use crate::db::factors::CodeFactor;
use crate::db::mailed_codes::{self, MailedCode};
use crate::db::users::Account;
use crate::db::{factor_guesses, factors, one_time_tokens, recovery_codes};
use crate::domain::account::FactorKind;
use crate::domain::audit::AuditAction;
use crate::domain::device::Digest;
use crate::domain::one_time_token::TokenPurpose;
use crate::domain::recovery_code::RecoveryCode;
use crate::domain::second_factor::{Asked, GUESSES_PER_STEP, Shown};
use crate::domain::totp::FactorCode;
use crate::error::Error;
use crate::letters::request_letter;

/// A mailed code takes so many tries, right or wrong.
const MOST_TRIES: i32 = 5;

/// Somebody who tries a code, for a step that waits for one.
pub struct Guess<'a> {
    pub user: UserId,
    pub code: &'a FactorCode,
    /// Among whose failed attempts it counts.
    pub subjects: &'a [Digest],
    /// What a mailed code would have been mailed for.
    pub challenge: &'a Digest,
}

/// A guess that was counted, and may be looked at.
pub struct CountedGuess {
    sealed_mailed_code: Option<String>,
}

/// Counts a guess, in a transaction that has to commit before [`accept`] looks at it: nothing that fails later takes the
/// count back. Refuses it while the lock is on, and when three were counted in this time step. Recovery codes have their
/// length against guessing, and only wait for the lock.
pub async fn count(tx: &mut Connection, auth: &Auth, guess: &Guess<'_>) -> Result<CountedGuess, Error> {
    let now = auth.platform.clock.now();
    require_unlocked(tx, auth, guess.subjects).await?;
    if RecoveryCode::read(guess.code).is_some() {
        return Ok(CountedGuess { sealed_mailed_code: None });
    }
    count_in_step(tx, auth, guess.user).await?;
    let limit = (MOST_TRIES, now);
    let sealed_mailed_code = mailed_codes::attempt(tx, auth.realm, guess.challenge, limit).await?;
    Ok(CountedGuess { sealed_mailed_code })
}

/// Counts one of the three guesses of the present time step.
pub async fn count_in_step(tx: &mut Connection, auth: &Auth, user: UserId) -> Result<(), Error> {
    let now = auth.platform.clock.now();
    let step = totp::step_at(now);
    if !defended!("V14-limit")
        || factor_guesses::count(tx, (auth.realm, user), step, GUESSES_PER_STEP).await?
    {
        return Ok(());
    }
    let next = (step + 1) * totp::STEP_SECONDS - now.timestamp();
    Err(Error::Locked { wait_seconds: u64::try_from(next).unwrap_or(1).max(1) })
}

/// Looks at a counted guess, and uses up what it shows. `None` when it is the code of nothing that was asked for.
pub async fn accept(
    tx: &mut Connection,
    auth: &Auth,
    (guess, counted): (&Guess<'_>, &CountedGuess),
    asked: &Asked,
) -> Result<Option<Shown>, Error> {
    let Asked::OneOf(kinds) = asked else { return Ok(None) };
    let now = auth.platform.clock.now();
    if let Some(code) = RecoveryCode::read(guess.code) {
        let person = (auth.realm, guess.user);
        let used = kinds.contains(&FactorKind::RecoveryCode)
            && recovery_codes::consume(tx, person, &code.digest(guess.user), now).await?;
        if !used {
            return Ok(None);
        }
        let left = recovery_codes::left(tx, auth.realm, guess.user).await?;
        return Ok(Some(Shown::RecoveryCode { left }));
    }
    if kinds.contains(&FactorKind::Totp) && accept_totp(tx, auth, guess, now).await? {
        return Ok(Some(Shown::Totp));
    }
    if kinds.contains(&FactorKind::EmailCode)
        && let Some(sealed) = &counted.sealed_mailed_code
        && guess.code.is(&open_mailed_code(auth, guess.challenge, sealed)?)
        && mailed_codes::consume(tx, auth.realm, guess.challenge, now).await?
    {
        return Ok(Some(Shown::MailedCode));
    }
    Ok(None)
}

async fn accept_totp(
    tx: &mut Connection,
    auth: &Auth,
    guess: &Guess<'_>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    for factor in factors::confirmed_totp(tx, auth.realm, guess.user).await? {
        let secret = open_secret(auth, &factor)?;
        let last_step = factor.last_step.filter(|_| defended!("V14-replay"));
        if let Some(step) = guess.code.step_of(&secret, last_step, now)
            && (factors::use_step(tx, (auth.realm, guess.user, factor.id), step).await?
                || !defended!("V14-replay"))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

pub fn open_secret(auth: &Auth, factor: &CodeFactor) -> Result<Vec<u8>, Fault> {
    let context = CodeFactor::sealed_for(factor.id);
    auth.sealing.open(&context, &factor.secret_sealed).map_err(Fault::unexpected)
}

/// Tells the owner of an account that one of their recovery codes was used: it is rare, and whoever found the sheet is not
/// them.
pub async fn tell_of_recovery(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    shown: Shown,
) -> Result<(), Error> {
    let Shown::RecoveryCode { left } = shown else { return Ok(()) };
    let details = serde_json::json!({ "left": left });
    trail.user(tx, AuditAction::RecoveryCodeUsed, account.id, details).await?;
    request_letter(tx, auth, trail, account, (AccountLetter::RecoveryCodeUsed { left }, None)).await
}

/// A code's context is the step it is for: a row cannot borrow another one's.
fn sealed_for(challenge: &Digest) -> String {
    format!("mailed_code:{}", hex::encode(challenge))
}

fn open_mailed_code(auth: &Auth, challenge: &Digest, sealed: &str) -> Result<String, Error> {
    let bytes = auth.sealing.open(&sealed_for(challenge), sealed).map_err(Fault::unexpected)?;
    String::from_utf8(bytes).map_err(|error| Fault::unexpected(error).into())
}

/// Mails a fresh code for the step `challenge`, good until `expires_at`. Earlier codes of this account are void.
pub async fn mail_code(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    (challenge, expires_at): (&Digest, DateTime<Utc>),
) -> Result<(), Error> {
    let now = trail.clock.now();
    // Of 2^64 draws some codes have one more than others, which nobody can tell.
    let code = format!("{:06}", u64::from_be_bytes(auth.randomness.bytes()?) % 1_000_000);
    let sealed = auth.sealing.seal(&sealed_for(challenge), code.as_bytes()).map_err(Fault::unexpected)?;
    one_time_tokens::void(tx, (auth.realm, account.id), TokenPurpose::MailedCode, now).await?;
    let owner = (auth.realm, account.id, trail.tenant);
    mailed_codes::put(tx, owner, MailedCode { challenge, sealed: &sealed, expires_at }, now).await?;
    let secret = LetterSecret { code: Some(code), ..LetterSecret::default() };
    let letter = AccountLetter::SecondFactorCode { expires_at };
    request_letter(tx, auth, trail, account, (letter, Some(secret))).await?;
    trail.user(tx, AuditAction::MailedCodeSent, account.id, serde_json::json!({})).await?;
    Ok(())
}

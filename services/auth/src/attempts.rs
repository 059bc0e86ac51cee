//! Checking a password: slowly for whoever guesses, and alike for addresses with and without an account.

use diesel::QueryResult;
use shinkofa_db::{Connection, Scope, glance, together, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::RatePolicy;

use crate::db::users::{self, Account};
use crate::db::{failures, known_devices};
use crate::domain::account::AccountKind;
use crate::domain::device::{DeviceId, Digest};
use crate::domain::email::EmailAddress;
use crate::domain::lockout::{self, Failures};
use crate::domain::password::PresentedPassword;
use crate::error::Error;
use crate::hashing::{HashingTurn, Verdict};
use crate::liveness::{Live, require_factor_shown, require_password_alone};
use crate::{Auth, limits};
use shinkofa_kernel::defended;

/// A password that was right, and whose failed attempts it ends.
pub struct RightPassword {
    pub account: Account,
    pub attempts: Attempts,
    /// The old hash and its replacement, when the parameters have changed since.
    pub rehash: Option<(String, String)>,
}

/// Checks the password of an address.
///
/// Of many guesses made at once one passes at each step of the lock: the next one is compared when the one before it is counted,
/// and only what was read of the lock since then is believed. Nobody has a turn at hashing while the database is asked.
pub async fn check_password(
    auth: &Auth,
    email: &EmailAddress,
    device: Option<&DeviceId>,
    password: &PresentedPassword,
) -> Result<RightPassword, Error> {
    auth.hashing.require_room()?;
    let counted = auth.guesses.counted();
    let (mut attempts, mut account) = look_up(auth, email, device).await?;
    let _alone = auth.guesses.alone(&attempts.subject).await?;
    if auth.guesses.counted() != counted && defended!("V14-alone") {
        (attempts, account) = look_up(auth, email, device).await?;
    }
    let turn = auth.hashing.turn().await?;
    let phc = account.as_ref().and_then(password_at_sign_in).map(str::to_owned);
    let verdict = turn.verify(password.as_str(), phc.as_deref()).await?;
    match (verdict, account, phc) {
        (Verdict::Right, Some(account), _) => Ok(RightPassword { account, attempts, rehash: None }),
        (Verdict::RightButOutdated, Some(account), Some(phc)) => {
            let rehash = Some((phc, hash(auth, &turn, password.as_str()).await?));
            Ok(RightPassword { account, attempts, rehash })
        }
        _ => {
            record_failure(auth, &[attempts.subject]).await?;
            Err(Error::WrongCredentials)
        }
    }
}

/// The hash of the password that opens an account. As long as nobody has confirmed the address there is none: a stranger may have
/// chosen it, and would learn from its being right that the address had no account before. A temporary account has no mailbox to
/// confirm.
fn password_at_sign_in(account: &Account) -> Option<&str> {
    let is_confirmed = account.email_verified_at.is_some() || account.kind == AccountKind::Temporary;
    account.password_phc.as_deref().filter(|_| is_confirmed || !defended!("V01-unconfirmed"))
}

/// What somebody who is signed in shows their password once more for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// To change what protects the account, or to give it up. A second factor, where there is one, was shown lately as well.
    Change,
    /// To show again who they are. Whoever has a second factor shows that instead.
    StepUp,
}

/// Has somebody who is signed in show their password once more, wherever that is asked. Failures make the next attempt wait,
/// longer and longer, on one count of the person's own: whoever holds a stolen token gets no more guesses by asking at
/// several doors, and slows nobody's sign-in. An account without a password gets one by a link first.
pub async fn reauthenticate(
    auth: &Auth,
    actor: &CurrentActor,
    password: &PresentedPassword,
    aim: Aim,
) -> Result<Account, Error> {
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::REAUTHENTICATE_BY_USER, &actor.user_id.to_string()).await?;
    let subject = lockout::reauthentication(actor.user_id);
    auth.hashing.require_room()?;
    let alone = auth.guesses.alone(&subject).await?;
    let _alone = defended!("V14-alone").then_some(alone);
    let (account, failed_before) = look_up_signed_in(auth, actor, &subject, aim).await?;
    let turn = auth.hashing.turn().await?;
    let verdict = turn.verify(password.as_str(), account.password_phc.as_deref()).await?;
    if verdict == Verdict::Wrong && defended!("V05-password") {
        record_failure(auth, &[subject]).await?;
        return Err(Error::WrongPassword);
    }
    if failed_before {
        let scope = Scope::realm(auth.realm);
        transaction(&auth.platform.database, &scope, "clear_failures", async |tx| {
            Ok::<_, Error>(failures::clear(tx, auth.realm, &subject).await?)
        })
        .await?;
    }
    Ok(account)
}

async fn look_up_signed_in(
    auth: &Auth,
    actor: &CurrentActor,
    subject: &Digest,
    aim: Aim,
) -> Result<(Account, bool), Error> {
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "look_up_signed_in", async |tx| {
        let Live { account, .. } = match aim {
            Aim::Change => require_factor_shown(tx, auth, actor, now).await?,
            Aim::StepUp => require_password_alone(tx, auth, actor, now).await?,
        };
        let failures = failures::find(tx, auth.realm, subject).await?;
        if let Some(wait_seconds) = failures.and_then(|failures| failures.wait(now)) {
            return Err(Error::Locked { wait_seconds });
        }
        Ok((account, failures.is_some()))
    })
    .await
}

/// Hashes a password under a fresh salt.
pub async fn hash(auth: &Auth, turn: &HashingTurn, password: &str) -> Result<String, Error> {
    Ok(turn.hash(password, auth.randomness.bytes()?).await?)
}

async fn look_up(
    auth: &Auth,
    email: &EmailAddress,
    device: Option<&DeviceId>,
) -> Result<(Attempts, Option<Account>), Error> {
    let device = device.map(DeviceId::digest);
    glance(&auth.platform.database, &Scope::realm(auth.realm), "look_up_account", async |tx| {
        let subjects = Subjects::of(email.canonical(), device.as_ref());
        let all = subjects.all();
        let (found, failures) = together!(
            users::find_on_device(tx, auth.realm, email, device.as_ref()),
            failures::find_each(tx, auth.realm, &all),
        )?;
        let known = found.as_ref().is_some_and(|(_, known)| *known);
        let attempts = subjects.counted(auth, known, &failures)?;
        Ok((attempts, found.map(|(account, _)| account)))
    })
    .await
}

/// Attempts to sign in that are counted together.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    pub subject: Digest,
    /// Did one fail before this?
    pub failed: bool,
    /// The device that they are made on, where the owner of the address signed in on it before.
    pub known_device: Option<Digest>,
}

impl Attempts {
    /// What failed before counts no more once somebody is in. What fails meanwhile does.
    pub async fn end(&self, tx: &Connection, auth: &Auth) -> QueryResult<()> {
        if self.failed { failures::clear(tx, auth.realm, &self.subject).await } else { Ok(()) }
    }
}

/// What is counted when this address signs in on this device, unless it has to wait. Every way of signing in asks here: none
/// goes around the lock.
pub async fn unlocked(
    tx: &Connection,
    auth: &Auth,
    email_canonical: &str,
    device: Option<&Digest>,
) -> Result<Attempts, Error> {
    let subjects = Subjects::of(email_canonical, device);
    let known = async {
        match device {
            Some(device) => Ok(known_device(tx, auth, email_canonical, device).await?.is_some()),
            None => Ok(false),
        }
    };
    let all = subjects.all();
    let (known, failures) = together!(known, failures::find_each(tx, auth.realm, &all))?;
    subjects.counted(auth, known, &failures)
}

/// The device that is counted on, once it is known to be the owner's.
fn counted_apart(device: Option<&Digest>) -> Option<Digest> {
    device.copied().filter(|_| defended!("V17-device"))
}

/// What attempts on an address are counted on: on a device that its owner signed in on they are counted apart.
struct Subjects {
    everywhere: Digest,
    here: Option<Digest>,
    device: Option<Digest>,
}

impl Subjects {
    fn of(email_canonical: &str, device: Option<&Digest>) -> Self {
        let device = counted_apart(device);
        Self {
            everywhere: lockout::subject(email_canonical, None),
            here: device.as_ref().map(|device| lockout::subject(email_canonical, Some(device))),
            device,
        }
    }

    fn all(&self) -> Vec<Digest> {
        [Some(self.everywhere), self.here].into_iter().flatten().collect()
    }

    /// Which of them counts, unless it has to wait.
    fn counted(&self, auth: &Auth, known: bool, failures: &[(Digest, Failures)]) -> Result<Attempts, Error> {
        let subject = self.here.filter(|_| known).unwrap_or(self.everywhere);
        let failures = failures.iter().find(|(of, _)| *of == subject).map(|(_, failures)| failures);
        refuse_locked(auth, failures)?;
        let known_device = self.device.filter(|_| known);
        Ok(Attempts { subject, failed: failures.is_some(), known_device })
    }
}

/// This device, if the owner of this address signed in on it before. What is done there is counted apart from what everybody else
/// does, who may call themselves as many devices as they like. One statement, the same for every address.
pub async fn known_device(
    tx: &Connection,
    auth: &Auth,
    email_canonical: &str,
    device: &Digest,
) -> QueryResult<Option<Digest>> {
    let known = known_devices::knows(tx, auth.realm, email_canonical, device).await?;
    Ok(counted_apart(Some(device)).filter(|_| known))
}

/// Counts one request for a letter to this address. Those from a device that its owner signed in on are counted on their own, so
/// that strangers who ask leave the owner as many as there are.
pub async fn require_letters_left(
    auth: &Auth,
    policy: &RatePolicy,
    (email, device): (&EmailAddress, Option<&DeviceId>),
) -> Result<(), Error> {
    let known = match device {
        Some(device) => {
            let (scope, digest) = (Scope::realm(auth.realm), device.digest());
            transaction(&auth.platform.database, &scope, "look_up_device", async |tx| {
                Ok::<_, Error>(known_device(tx, auth, email.canonical(), &digest).await?)
            })
            .await?
        }
        None => None,
    };
    let key = limits::key_on(email, device.filter(|_| known.is_some()));
    Ok(auth.platform.limiter.require(policy, &key).await?)
}

/// 429 while the failed attempts of any of `subjects` have to wait.
pub async fn require_unlocked(tx: &Connection, auth: &Auth, subjects: &[Digest]) -> Result<(), Error> {
    let failures = failures::find_each(tx, auth.realm, subjects).await?;
    let last = failures.iter().map(|(_, failures)| failures).max_by_key(|failures| failures.locked_until);
    refuse_locked(auth, last)
}

fn refuse_locked(auth: &Auth, failures: Option<&Failures>) -> Result<(), Error> {
    match failures.and_then(|failures| failures.wait(auth.platform.clock.now())) {
        Some(wait_seconds) if defended!("V17-lock") => Err(Error::Locked { wait_seconds }),
        _ => Ok(()),
    }
}

/// In a transaction of its own: nothing that fails later takes the count back.
pub async fn record_failure(auth: &Auth, subjects: &[Digest]) -> Result<(), Error> {
    if !defended!("V14-count") {
        return Ok(());
    }
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm);
    let recorded = transaction(&auth.platform.database, &scope, "record_failed_sign_in", async |tx| {
        for subject in subjects {
            failures::record(tx, auth.realm, subject, now).await?;
        }
        Ok(())
    })
    .await;
    // Also where nobody knows whether it was written.
    auth.guesses.count();
    recorded
}

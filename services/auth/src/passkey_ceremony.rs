//! Challenges for passkeys, and passkeys that were shown: each good once, wherever it is asked for.

use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_kernel::{TenantId, UserId, defended};

use crate::Auth;
use crate::attempts::record_failure;
use crate::db::audit::Trail;
use crate::db::passkey_challenges::{self, NewChallenge};
use crate::db::passkeys::{self, Credential};
use crate::db::users;
use crate::domain::audit::AuditAction;
use crate::domain::device::{Digest, digest_of};
use crate::domain::passkey::{CHALLENGE_LIFETIME, ChallengePurpose, counts_on, has_to_verify};
use crate::domain::second_factor::Shown;
use crate::domain::webauthn::{Asserted, Challenge, StoredKey};
use crate::error::Error;
use crate::passkey_wire::{AuthenticationCredential, UserVerification};

/// What a challenge is for, and where it was given out: in a session, in a step, in a tenant. Nowhere else is it found.
pub struct Occasion {
    purpose: ChallengePurpose,
    bound_to: Digest,
    user: Option<UserId>,
}

impl Occasion {
    pub fn registration(actor: &CurrentActor) -> Self {
        Self::in_session(ChallengePurpose::Registration, actor)
    }

    pub fn step_up(actor: &CurrentActor) -> Self {
        Self::in_session(ChallengePurpose::StepUp, actor)
    }

    fn in_session(purpose: ChallengePurpose, actor: &CurrentActor) -> Self {
        let session = if defended!("V25-session") { actor.session_id.to_string() } else { String::new() };
        let purpose = if defended!("V25-challenge") { purpose } else { ChallengePurpose::StepUp };
        Self { purpose, bound_to: digest_of(&["session", &session]), user: Some(actor.user_id) }
    }

    pub fn sign_in(tenant: TenantId) -> Self {
        let bound_to = digest_of(&["tenant", &tenant.to_string()]);
        Self { purpose: ChallengePurpose::SignIn, bound_to, user: None }
    }

    /// `step` is the digest of the token between the steps.
    pub fn second_factor(step: Digest, user: UserId) -> Self {
        Self { purpose: ChallengePurpose::SecondFactor, bound_to: step, user: Some(user) }
    }
}

pub async fn give_challenge(
    tx: &mut Connection,
    auth: &Auth,
    occasion: &Occasion,
) -> Result<Challenge, Error> {
    let now = auth.platform.clock.now();
    let challenge = Challenge::from_random(auth.randomness.bytes()?);
    let row = NewChallenge {
        realm_id: auth.realm,
        purpose: occasion.purpose,
        challenge_hash: challenge.digest().to_vec(),
        bound_to: occasion.bound_to.to_vec(),
        user_id: occasion.user,
        created_at: now,
        expires_at: now + CHALLENGE_LIFETIME,
    };
    passkey_challenges::insert(tx, &row).await?;
    Ok(challenge)
}

/// Uses up the challenge that was signed, in a transaction that has to commit before anything looks at the signature.
pub async fn take_challenge(
    tx: &mut Connection,
    auth: &Auth,
    occasion: &Occasion,
    challenge: &Challenge,
) -> Result<(), Error> {
    let now = auth.platform.clock.now();
    let which = (auth.realm, occasion.purpose, &challenge.digest());
    let taken = passkey_challenges::consume(tx, which, (&occasion.bound_to, occasion.user), now).await?;
    if taken { Ok(()) } else { Err(Error::ChallengeGone) }
}

/// Whether the authenticator has to recognise its user, of somebody who showed `methods` already.
pub fn verification_after(methods: &str) -> UserVerification {
    if has_to_verify(methods) { UserVerification::Required } else { UserVerification::Discouraged }
}

/// What a passkey says that is shown after `methods`, where it is to be believed and is enough.
pub fn believe_after(
    auth: &Auth,
    methods: &str,
    (shown, stored): (&AuthenticationCredential, &Credential),
) -> Option<Asserted> {
    let asserted = believe(auth, shown, stored)?;
    // The same key touched twice is one factor.
    if defended!("V15") && has_to_verify(methods) && !asserted.flags.user_verified() {
        return None;
    }
    Some(asserted)
}

/// What a passkey says, where it is to be believed.
pub fn believe(auth: &Auth, shown: &AuthenticationCredential, stored: &Credential) -> Option<Asserted> {
    let key = StoredKey { key: &stored.public_key, backup_eligible: stored.backup_eligible };
    match shown.response().believe(&auth.relying_party, key) {
        Ok(asserted) => Some(asserted),
        Err(disbelief) => {
            tracing::info!(reason = %disbelief, "a passkey was not believed");
            None
        }
    }
}

/// Notes that a passkey was used, unless its counter went back: then there are two of it. `None` where it was removed
/// meanwhile.
pub async fn use_passkey(
    tx: &mut Connection,
    auth: &Auth,
    stored: &Credential,
    asserted: &Asserted,
) -> Result<Option<Shown>, Error> {
    let passkey = (auth.realm, stored.user_id, stored.id);
    // Whoever removes it locks the account first as well.
    users::hold(tx, auth.realm, stored.user_id).await?;
    let Some(before) = passkeys::lock_counter(tx, passkey).await? else { return Ok(None) };
    if !counts_on(before, asserted.counter) {
        return Err(Error::PasskeyCloned);
    }
    passkeys::used(tx, passkey, asserted, auth.platform.clock.now()).await?;
    Ok(Some(Shown::Passkey { verified: asserted.flags.user_verified() }))
}

/// Counts what was refused as a failed attempt, and tells of a copied passkey. In transactions of their own: that of the
/// refusal is gone.
pub async fn note_refusal<T>(
    auth: &Auth,
    trail: &Trail,
    (stored, subjects): (Option<&Credential>, &[Digest]),
    result: Result<T, Error>,
) -> Result<T, Error> {
    match (&result, stored) {
        (Err(Error::PasskeyCloned), Some(stored)) => {
            tell_of_copy(auth, trail, stored).await?;
            record_failure(auth, subjects).await?;
        }
        (Err(Error::PasskeyRefused | Error::SecondFactorRefused | Error::ReauthenticationRefused), _) => {
            record_failure(auth, subjects).await?
        }
        _ => {}
    }
    result
}

async fn tell_of_copy(auth: &Auth, trail: &Trail, stored: &Credential) -> Result<(), Error> {
    let scope = Scope::realm(auth.realm).with_tenant(trail.tenant).with_user(stored.user_id);
    transaction(&auth.platform.database, &scope, "tell_of_copied_passkey", async |tx| {
        let details = serde_json::json!({ "factorId": stored.id });
        trail.user(tx, AuditAction::PasskeyCloned, stored.user_id, details).await?;
        Ok(())
    })
    .await
}

//! Whose account an identity elsewhere opens.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::{Actor, Role, SessionId, TenantId, UserId, defended};
use shinkofa_web::{Fault, Locale};

use crate::announcement::{announce_account, announce_membership};
use crate::claim::claim_address;
use crate::db::audit::Trail;
use crate::db::oauth_attempts::{self, RedeemedAttempt};
use crate::db::users::{self, Account, NewAccount};
use crate::db::{factors, identities, memberships, providers, sessions};
use crate::domain::account::{AccountKind, AccountStatus};
use crate::domain::audit::AuditAction;
use crate::domain::consent::GivenConsents;
use crate::domain::device::Digest;
use crate::domain::email::EmailAddress;
use crate::domain::one_time_token::OneTimeToken;
use crate::domain::pkce::{CodeChallenge, CodeVerifier, PkceMissing};
use crate::domain::provider::{ExternalIdentity, Provider};
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::letters::request_letter;
use crate::provider_suspensions::recognise;
use crate::session_family::{Going, end_family};
use crate::withdrawal::{forget_here, tell_ended};
use crate::{Auth, consenting, sign_up_gate};

/// What only we know of a request to a provider.
#[derive(Serialize, Deserialize)]
pub struct Secrets {
    pub verifier: String,
    pub nonce: String,
}

/// So many verifiers are looked at for one code.
const MOST_ATTEMPTS: i32 = 5;

/// What belongs to an attempt is sealed for it alone.
pub fn sealed_for(what: &str, state_hash: &[u8]) -> String {
    format!("oauth_{what}:{}", hex::encode(state_hash))
}

/// A provider that is switched off is as good as absent, at once and in every step.
pub async fn require_enabled(tx: &mut Connection, auth: &Auth, provider: Provider) -> Result<(), Error> {
    if providers::is_disabled(tx, auth.realm, provider).await? && defended!("V28-provider") {
        return Err(Error::ProviderUnknown);
    }
    Ok(())
}

/// A way through a provider whose code was presented with the verifier of whoever began it.
pub struct Redeemed {
    pub attempt: RedeemedAttempt,
    pub identity: ExternalIdentity,
}

impl Redeemed {
    pub fn device(&self) -> Option<Digest> {
        self.attempt.device_hash.as_deref().and_then(|bytes| bytes.try_into().ok())
    }

    /// Notes which session the code was exchanged for.
    pub async fn note_session(
        &self,
        tx: &mut Connection,
        auth: &Auth,
        session: SessionId,
    ) -> Result<(), Error> {
        let key = (auth.realm, self.attempt.state_hash.as_slice());
        Ok(oauth_attempts::note_session(tx, key, session).await?)
    }
}

/// So long after the first exchange another one is the same browser's, which asked twice.
const RACE: TimeDelta = TimeDelta::seconds(3);

/// Looks up a code. The attempt is counted and committed before the verifier is compared: a wrong one leaves the code as it
/// is, a few times.
pub async fn redeem(
    auth: &Auth,
    tenant: TenantId,
    code: &OneTimeToken,
    verifier: &CodeVerifier,
) -> Result<Redeemed, Error> {
    let (scope, now) = (Scope::realm(auth.realm), auth.platform.clock.now());
    let attempt = transaction(&auth.platform.database, &scope, "present_oauth_code", async |tx| {
        let most = (MOST_ATTEMPTS, now);
        let attempt = oauth_attempts::attempt_exchange(tx, auth.realm, &code.digest(), most).await?;
        let attempt = attempt.filter(|attempt| attempt.for_tenant == tenant);
        if let Some(attempt) = &attempt {
            require_enabled(tx, auth, attempt.provider).await?;
        }
        Ok::<_, Error>(attempt)
    })
    .await?;
    let Some(attempt) = attempt else {
        end_twice_exchanged(auth, tenant, code, verifier).await?;
        return Err(Error::ExchangeGone);
    };
    let challenge = CodeChallenge::kept(&attempt.code_challenge);
    if challenge.is_repeated_by(verifier) {
        return Err(PkceMissing.into());
    }
    if !challenge.is_met_by(verifier) {
        return Err(Error::VerifierRefused);
    }
    let sealed = attempt.identity_sealed.as_deref().ok_or(Error::ExchangeGone)?;
    let context = sealed_for("identity", &attempt.state_hash);
    let json = auth.sealing.open(&context, sealed).map_err(Fault::unexpected)?;
    let identity = serde_json::from_slice(&json).map_err(Fault::unexpected)?;
    Ok(Redeemed { attempt, identity })
}

/// Somebody exchanges a code again that was exchanged, and knows its verifier: one of the two took both from the other. The
/// session that the code opened ends, with what was opened from it (RFC 6749, section 4.1.2; ASVS 5.0, 10.4.2).
async fn end_twice_exchanged(
    auth: &Auth,
    tenant: TenantId,
    code: &OneTimeToken,
    verifier: &CodeVerifier,
) -> Result<(), Error> {
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(tenant);
    let ended = transaction(&auth.platform.database, &scope, "end_twice_exchanged", async |tx| {
        let used = oauth_attempts::find_used(tx, auth.realm, &code.digest(), now).await?;
        let Some(used) = used.filter(|used| used.for_tenant == tenant) else { return Ok(Vec::new()) };
        let late = used.used_at.is_some_and(|at| now - at > RACE);
        if !late || !CodeChallenge::kept(&used.code_challenge).is_met_by(verifier) {
            return Ok(Vec::new());
        }
        let opened = oauth_attempts::session_of(tx, (auth.realm, used.state_hash.as_slice())).await?;
        let Some(id) = opened else { return Ok(Vec::new()) };
        let Some(session) = sessions::find(tx, auth.realm, id).await? else { return Ok(Vec::new()) };
        // Whoever switches studios meanwhile is waited for, so that nothing is missed that they open.
        users::lock(tx, auth.realm, session.user_id).await?;
        if !sessions::end(tx, (auth.realm, id), now).await? {
            return Ok(Vec::new());
        }
        let trail = auth.trail(tenant, Actor::Anonymous);
        tell_ended(tx, &trail, &[(id, session.user_id)], SessionEnd::CodeReused).await?;
        let mut ended = end_family(tx, auth, &trail, (&session, Going::All)).await?;
        ended.push(id);
        Ok::<_, Error>(ended)
    })
    .await?;
    forget_here(auth, &ended);
    Ok(())
}

/// Uses the code up, in the transaction that does what it was for. Of several at once exactly one does.
pub async fn use_up(tx: &mut Connection, auth: &Auth, redeemed: &Redeemed) -> Result<(), Error> {
    require_enabled(tx, auth, redeemed.attempt.provider).await?;
    let key = (auth.realm, redeemed.attempt.state_hash.as_slice());
    let used = oauth_attempts::finish(tx, key, auth.platform.clock.now()).await?;
    if used || !defended!("V03-exchange") { Ok(()) } else { Err(Error::ExchangeGone) }
}

/// The account that an identity opens: the one it is linked with; else the one whose address the provider has verified; else
/// a new one.
///
/// An address that the provider has not verified opens and makes nothing. An account whose own address nobody has confirmed
/// is first taken from whoever made it. One with a second factor is linked by its owner alone: another way in is not made
/// with one factor.
pub async fn account_of(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    (identity, locale, consents): (&ExternalIdentity, Locale, &GivenConsents),
) -> Result<Account, Error> {
    if let Some(account) = linked_account(tx, auth, identity).await? {
        return Ok(account);
    }
    let email = identity.proven_email().ok_or(Error::ProviderEmailUnverified)?;
    let id = UserId::new(&auth.platform.clock);
    let created = users::insert(tx, &new_account(auth, (id, locale), identity, &email)).await?;
    let account = users::lock_by_email(tx, auth.realm, email.canonical()).await?;
    let account = account.ok_or_else(|| Fault::unexpected("an address is taken by nobody"))?;
    let trail = auth.trail(tenant, Actor::user(account.id));
    if created {
        let studio = sign_up_gate::open(tx, tenant).await?;
        sign_up_gate::require_terms(&studio, consents)?;
        welcome(tx, auth, &trail, &account).await?;
        consenting::record(tx, &trail, (account.id, consents), trail.clock.now()).await?;
        link(tx, auth, &trail, (&account, identity)).await?;
        return Ok(account);
    }
    // Another sign-in of the same person may have linked it while this one waited for the account.
    if let Some(account) = linked_account(tx, auth, identity).await? {
        return Ok(account);
    }
    // Only people's accounts are matched by address, and only those that may be used.
    if account.kind != AccountKind::Member || !account.is_usable(auth.platform.clock.now()) {
        return Err(Error::AccountSuspended);
    }
    let account = claim_address(tx, auth, &trail, account).await?;
    if !factors::confirmed_kinds(tx, auth.realm, account.id).await?.is_empty() {
        return Err(Error::LinkFirst);
    }
    link(tx, auth, &trail, (&account, identity)).await?;
    tell(tx, auth, &trail, (&account, identity.provider)).await?;
    Ok(account)
}

async fn linked_account(
    tx: &mut Connection,
    auth: &Auth,
    identity: &ExternalIdentity,
) -> Result<Option<Account>, Error> {
    let now = auth.platform.clock.now();
    let Some(user) = identities::use_identity(tx, auth.realm, identity, now).await? else { return Ok(None) };
    let account = users::find(tx, auth.realm, user).await?;
    Ok(Some(account.ok_or_else(|| Fault::unexpected("an identity is nobody's"))?))
}

fn new_account(
    auth: &Auth,
    (id, locale): (UserId, Locale),
    identity: &ExternalIdentity,
    email: &EmailAddress,
) -> NewAccount {
    let now = auth.platform.clock.now();
    NewAccount {
        realm_id: auth.realm,
        id,
        kind: AccountKind::Member,
        status: AccountStatus::Active,
        email: email.as_str().to_owned(),
        email_canonical: email.canonical().to_owned(),
        email_verified_at: Some(now),
        name: identity.person_name(),
        locale,
        password_phc: None,
        token_version: 1,
        created_at: now,
        updated_at: now,
    }
}

async fn welcome(tx: &mut Connection, auth: &Auth, trail: &Trail, account: &Account) -> Result<(), Error> {
    memberships::join(tx, (trail.tenant, auth.realm, account.id), trail.clock.now()).await?;
    memberships::set_roles(tx, trail.tenant, account.id, &[Role::Member]).await?;
    trail.user(tx, AuditAction::AccountCreated, account.id, json!({})).await?;
    let missing = || Fault::unexpected("a new membership is not there");
    let membership = memberships::find(tx, trail.tenant, account.id).await?.ok_or_else(missing)?;
    announce_account(tx, trail, account).await?;
    announce_membership(tx, trail, account.id, &membership).await?;
    recognise(tx, auth, trail.tenant).await
}

/// Links an identity that is nobody's yet.
pub async fn link(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, identity): (&Account, &ExternalIdentity),
) -> Result<(), Error> {
    if !identities::link(tx, (auth.realm, account.id), identity, trail.clock.now()).await? {
        return Err(Error::ProviderLinked);
    }
    let details = json!({ "provider": identity.provider });
    trail.user(tx, AuditAction::IdentityLinked, account.id, details).await?;
    Ok(())
}

/// Tells the owner that there is another way in now.
pub async fn tell(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, provider): (&Account, Provider),
) -> Result<(), Error> {
    let letter = AccountLetter::ProviderLinked { provider: provider.title().to_owned() };
    request_letter(tx, auth, trail, account, (letter, None)).await
}

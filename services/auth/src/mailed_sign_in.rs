//! Signing in by what was sent to an address: a link, or a code.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use serde::{Deserialize, Serialize};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::{Actor, RealmId, TenantId, UserId, defended};
use shinkofa_web::Fault;

use crate::Auth;
use crate::attempts::{Attempts, known_device, record_failure, unlocked};
use crate::claim::claim_address;
use crate::db::audit::Trail;
use crate::db::one_time_tokens::{self, NewToken, TokenGrant};
use crate::db::users::{self, Account};
use crate::domain::account::AccountKind;
use crate::domain::device::{DeviceBinding, Digest, Surroundings, digest_from_hex, digest_of};
use crate::domain::email::EmailAddress;
use crate::domain::mailed_code::MailedCode;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::domain::pkce::CodeChallenge;
use crate::domain::proof::AuthMethod;
use crate::error::Error;
use crate::first_factor::{self, FirstFactor, SignInAnswer};

/// So many codes or verifiers are looked at, right or wrong.
pub const MOST_ATTEMPTS: i32 = 5;

/// What is kept beside the digest of what was sent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    /// Of the address that it was sent to, as a digest: when the account has another one by then, it is worthless.
    address: String,
    /// Short codes can be guessed from a digest, so they are sealed.
    code_sealed: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code_challenge: Option<String>,
    /// In hex: the device that asked, where what was sent is not bound to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_on: Option<String>,
}

/// A link and its code, or a code alone, for somebody.
pub struct Sending<'a> {
    pub account: &'a Account,
    pub purpose: TokenPurpose,
    pub token: &'a OneTimeToken,
    pub code: &'a MailedCode,
    pub challenge: Option<&'a CodeChallenge>,
    /// The device that asked.
    pub device: Option<Digest>,
}

/// Can this account be signed in to by mail at all?
pub fn takes_mail(account: &Account, now: DateTime<Utc>) -> bool {
    account.is_usable(now) && account.kind == AccountKind::Member
}

/// Keeps what is about to be sent, in place of what was sent before. Returns until when it is good.
///
/// Where its owner signed in on the device that asked, it is bound to that: what is asked for elsewhere leaves it as it is, and so do
/// guesses at its code that are made elsewhere. What any other device asked for is bound to none.
pub async fn keep(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    sending: Sending<'_>,
) -> Result<DateTime<Utc>, Error> {
    let Sending { account, purpose, token, code, challenge, device } = sending;
    let now = trail.clock.now();
    let bound_to = match &device {
        Some(device) => known_device(tx, auth, &account.email_canonical, device).await?,
        None => None,
    };
    let sealed = auth.sealing.seal(&sealed_for(purpose, account.id), code.as_str().as_bytes());
    let kept = Kept {
        address: digest_of_address(&account.email_canonical),
        code_sealed: sealed.map_err(Fault::unexpected)?,
        code_challenge: challenge.map(|challenge| challenge.as_str().to_owned()),
        asked_on: device.filter(|_| bound_to.is_none()).map(hex::encode),
    };
    let expires_at = now + purpose.lifetime();
    let row = NewToken {
        realm_id: auth.realm,
        purpose,
        token_hash: token.digest().to_vec(),
        user_id: account.id,
        for_tenant: trail.tenant,
        signup_id: None,
        device_hash: bound_to.map(|device| device.to_vec()),
        created_at: now,
        expires_at,
        about: Some(serde_json::to_value(kept).map_err(Fault::unexpected)?),
    };
    if defended!("V03-next-sign-in") {
        let replaced = (purpose, bound_to.as_ref());
        one_time_tokens::void_of_device(tx, (auth.realm, account.id), replaced, now).await?;
    }
    one_time_tokens::insert(tx, &row).await?;
    Ok(expires_at)
}

/// A code is sealed for the person and the purpose: a row cannot borrow another one's.
fn sealed_for(purpose: TokenPurpose, user: UserId) -> String {
    format!("{purpose}:{user}")
}

/// Says to which address a letter went, without the address.
pub fn digest_of_address(canonical: &str) -> String {
    hex::encode(digest_of(&["mailed_to", canonical]))
}

/// Something that was sent, presented again. The attempt is counted and committed before anything is compared.
pub struct Presented {
    purpose: TokenPurpose,
    grant: TokenGrant,
    kept: Kept,
    account: Account,
    /// Whose failed attempts are counted.
    attempts: Attempts,
}

impl Presented {
    fn new(
        purpose: TokenPurpose,
        grant: TokenGrant,
        account: Account,
        attempts: Attempts,
    ) -> Result<Self, Error> {
        let kept =
            serde_json::from_value(grant.about.clone().unwrap_or_default()).map_err(Fault::unexpected)?;
        Ok(Self { purpose, grant, kept, account, attempts })
    }

    /// The challenge that was sent when it was asked for.
    pub fn challenge(&self) -> Option<CodeChallenge> {
        self.kept.code_challenge.as_deref().map(CodeChallenge::kept)
    }

    pub fn is_right(&self, auth: &Auth, code: &MailedCode) -> Result<bool, Error> {
        let context = sealed_for(self.purpose, self.account.id);
        let right = auth.sealing.open(&context, &self.kept.code_sealed).map_err(Fault::unexpected)?;
        Ok(code.is(&right))
    }

    /// Counts a failed attempt, and says `refusal`.
    pub async fn refuse<T>(&self, auth: &Auth, refusal: Error) -> Result<T, Error> {
        record_failure(auth, &[self.attempts.subject]).await?;
        Err(refusal)
    }

    /// The device that asked for it.
    pub fn device(&self) -> Option<Digest> {
        self.grant.device().or_else(|| self.kept.asked_on.as_deref().and_then(digest_from_hex))
    }
}

/// Somebody presents the token of a link, on the device that they show or else on the one that asked for it.
pub async fn present_token(
    auth: &Auth,
    tenant: TenantId,
    purpose: TokenPurpose,
    (token, shown): (&OneTimeToken, Option<Digest>),
) -> Result<Presented, Error> {
    let (database, now) = (&auth.platform.database, auth.platform.clock.now());
    let scope = Scope::realm(auth.realm);
    let (grant, account, attempts) = transaction(database, &scope, "present_mailed_token", async |tx| {
        let grant = one_time_tokens::attempt(tx, auth.realm, (purpose, token), (MOST_ATTEMPTS, now)).await?;
        let grant = grant.filter(|grant| grant.for_tenant == tenant).ok_or(Error::LinkGone)?;
        let account = users::find(tx, auth.realm, grant.user_id).await?.ok_or(Error::LinkGone)?;
        let device = shown.or_else(|| grant.device());
        // Whoever has to wait has not tried: the refusal takes the count back.
        let attempts = unlocked(tx, auth, &account.email_canonical, device.as_ref()).await?;
        Ok::<_, Error>((grant, account, attempts))
    })
    .await?;
    Presented::new(purpose, grant, account, attempts)
}

/// Somebody presents the code that was sent to an address. An address without an account, one that nothing was sent to and
/// one whose code was tried too often are refused and counted alike.
pub async fn present_code(
    auth: &Auth,
    tenant: TenantId,
    purpose: TokenPurpose,
    (email, device): (&EmailAddress, Option<&Digest>),
) -> Result<Presented, Error> {
    let (database, now) = (&auth.platform.database, auth.platform.clock.now());
    let scope = Scope::realm(auth.realm);
    let (found, attempts) = transaction(database, &scope, "present_mailed_code", async |tx| {
        let attempts = unlocked(tx, auth, email.canonical(), device).await?;
        let account = users::find_by_email(tx, auth.realm, email).await?;
        // Nobody's account is asked for in the same way as somebody's.
        let user = account.as_ref().map_or(UserId::from_uuid(Uuid::nil()), |account| account.id);
        let grant = attempt_code(tx, (auth.realm, user), (purpose, attempts.known_device), now).await?;
        Ok::<_, Error>((grant.zip(account), attempts))
    })
    .await?;
    match found {
        Some((grant, account)) if grant.for_tenant == tenant => {
            Presented::new(purpose, grant, account, attempts)
        }
        _ => {
            record_failure(auth, &[attempts.subject]).await?;
            Err(Error::CodeRefused)
        }
    }
}

/// On a device that the account knows, the code that is bound to it is looked at where there is one. Everywhere else, and else, the
/// one that is bound to none.
async fn attempt_code(
    tx: &mut Connection,
    whose: (RealmId, UserId),
    (purpose, known_device): (TokenPurpose, Option<Digest>),
    now: DateTime<Utc>,
) -> QueryResult<Option<TokenGrant>> {
    let most = (MOST_ATTEMPTS, now);
    if let Some(device) = &known_device {
        let bound = one_time_tokens::attempt_of_user(tx, whose, (purpose, Some(device)), most).await?;
        if bound.is_some() {
            return Ok(bound);
        }
    }
    one_time_tokens::attempt_of_user(tx, whose, (purpose, None), most).await
}

/// Signs in whoever presented the right thing, on a device that may have the proof of being remembered. `gone` is what the
/// others are told, when several presented it at once.
pub async fn finish(
    auth: &Auth,
    presented: &Presented,
    (device, device_token): (Option<Digest>, Option<&OneTimeToken>),
    surroundings: &Surroundings,
    gone: fn() -> Error,
) -> Result<SignInAnswer, Error> {
    let (user, tenant, now) = (presented.account.id, presented.grant.for_tenant, auth.platform.clock.now());
    let scope = Scope::realm(auth.realm).with_tenant(tenant).with_user(user);
    let trail = auth.trail(tenant, Actor::user(user));
    let binding = DeviceBinding::of_known(device, surroundings);
    let answer = transaction(&auth.platform.database, &scope, "sign_in_by_mail", async |tx| {
        // The account comes before its letters, as wherever they are voided: what confirms the address locks it.
        if presented.account.email_verified_at.is_none() {
            users::lock(tx, auth.realm, user).await?;
        } else {
            users::hold(tx, auth.realm, user).await?;
        }
        let row = (presented.purpose, presented.grant.token_hash.as_slice());
        one_time_tokens::consume_row(tx, auth.realm, row, now).await?.ok_or_else(gone)?;
        let account = users::find(tx, auth.realm, user).await?.ok_or_else(gone)?;
        if digest_of_address(&account.email_canonical) != presented.kept.address {
            return Err(gone());
        }
        if !takes_mail(&account, now) {
            return Err(Error::AccountSuspended);
        }
        let account = claim_address(tx, auth, &trail, account).await?;
        let first = FirstFactor {
            account: &account,
            method: AuthMethod::Email,
            attempts: &presented.attempts,
            binding: &binding,
            surroundings,
            device_token,
        };
        first_factor::pass(tx, auth, tenant, &first).await
    })
    .await?;
    auth.platform.committed();
    Ok(answer)
}

//! Between the two steps of signing in: what the token of the first one stands for, and what follows a right second one.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::json;
use shinkofa_db::{Connection, Scope};
use shinkofa_kernel::{Actor, TenantId, defended};
use shinkofa_web::Problem;

use crate::Auth;
use crate::account_only::or_account_only;
use crate::attempts::require_unlocked;
use crate::db::audit::Trail;
use crate::db::memberships::{self, Membership};
use crate::db::one_time_tokens::{self, TokenGrant};
use crate::db::remembered_devices::{self, NewRememberedDevice, RememberedDeviceId};
use crate::db::users::{self, Account};
use crate::db::{failures, scope};
use crate::domain::audit::AuditAction;
use crate::domain::device::{DeviceBinding, Digest, Surroundings};
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::domain::proof::{AuthMethod, Proof};
use crate::domain::second_factor::{DEVICE_REMEMBERED_FOR, RememberedFactor, Shown, is_mandatory};
use crate::error::Error;
use crate::first_factor::PassedStep;
use crate::session_opening::{Opening, TokenAnswer, open_session};

/// A token takes so many tries, right or wrong.
const MOST_ATTEMPTS: i32 = 5;

/// A first step that something is asked about: a letter, or a challenge.
pub struct OpenStep {
    pub account: Account,
    pub membership: Membership,
    pub tenant: TenantId,
    pub first: PassedStep,
    pub begun_at: DateTime<Utc>,
}

/// Looks at a step without counting anything. The rest of the transaction sees its tenant.
pub async fn look_at(tx: &mut Connection, auth: &Auth, token: &OneTimeToken) -> Result<OpenStep, Error> {
    let now = auth.platform.clock.now();
    let found = one_time_tokens::find_live(tx, auth.realm, (TokenPurpose::SecondFactor, token), now).await?;
    let (grant, begun_at) = found.ok_or(Error::SecondFactorRefused)?;
    scope::enter_tenant(tx, grant.for_tenant).await?;
    let account = users::find(tx, auth.realm, grant.user_id).await?;
    let account = account.filter(|account| account.is_usable(now)).ok_or(Error::SecondFactorRefused)?;
    let membership = memberships::find(tx, grant.for_tenant, account.id).await?;
    let membership = or_account_only(tx, grant.for_tenant, &account, membership).await?;
    let membership = membership.filter(Membership::is_active).ok_or(Error::SecondFactorRefused)?;
    let first = PassedStep::of(&grant, &account);
    require_unlocked(tx, auth, &first.subjects).await?;
    Ok(OpenStep { account, membership, tenant: grant.for_tenant, first, begun_at })
}

/// Somebody half way, whose attempt was counted.
pub struct HalfWay {
    pub grant: TokenGrant,
    pub account: Account,
    pub first: PassedStep,
}

impl HalfWay {
    /// What they may see once they are in.
    pub fn scope(&self, auth: &Auth) -> Scope {
        Scope::realm(auth.realm).with_tenant(self.grant.for_tenant).with_user(self.account.id)
    }
}

/// Counts an attempt at the second step, in a transaction that has to commit before anything is looked at. `None` when the
/// token is not good or was tried too often.
pub async fn attempt(
    tx: &mut Connection,
    auth: &Auth,
    token: &OneTimeToken,
) -> Result<Option<HalfWay>, Error> {
    let now = auth.platform.clock.now();
    let which = (TokenPurpose::SecondFactor, token);
    let grant = one_time_tokens::attempt(tx, auth.realm, which, (MOST_ATTEMPTS, now)).await?;
    let Some(grant) = grant else { return Ok(None) };
    let allowed = |account: &Account| account.is_usable(now) || !defended!("V17-suspended");
    let account = users::find(tx, auth.realm, grant.user_id).await?.filter(allowed);
    let Some(account) = account else { return Ok(None) };
    let first = PassedStep::of(&grant, &account);
    Ok(Some(HalfWay { grant, account, first }))
}

/// What somebody brings to the second step beside what they show.
pub struct Finishing<'a> {
    pub token: &'a OneTimeToken,
    pub surroundings: &'a Surroundings,
    pub remember_device: bool,
}

impl Finishing<'_> {
    /// Only a device that has a name can be remembered.
    pub fn require_named_device(&self, half_way: &HalfWay) -> Result<(), Error> {
        let device = DeviceBinding::of_known(half_way.grant.device(), self.surroundings).device;
        if self.remember_device && device.is_none() {
            let problem = Problem::invalid_field("/rememberDevice", "the first step named no deviceId");
            return Err(problem.into());
        }
        Ok(())
    }
}

/// The membership that the step was for, while it is active.
pub async fn membership_of(tx: &mut Connection, half_way: &HalfWay) -> Result<Membership, Error> {
    let (tenant, account) = (half_way.grant.for_tenant, &half_way.account);
    let membership = memberships::held(tx, tenant, account.id).await?;
    let membership = or_account_only(tx, tenant, account, membership).await?;
    membership.filter(Membership::is_active).ok_or(Error::SecondFactorRefused)
}

/// Opens the session of somebody who has shown both factors. The token is used up with it.
pub async fn finish(
    tx: &mut Connection,
    auth: &Auth,
    (half_way, membership): (&HalfWay, &Membership),
    shown: Shown,
    finishing: &Finishing<'_>,
) -> Result<TokenAnswer, Error> {
    let HalfWay { grant, account, first } = half_way;
    let Finishing { token, surroundings, remember_device } = *finishing;
    let now = auth.platform.clock.now();
    let which = (TokenPurpose::SecondFactor, token);
    if defended!("V16-step") {
        one_time_tokens::consume(tx, auth.realm, which, now).await?.ok_or(Error::SecondFactorRefused)?;
    }
    for subject in &first.subjects {
        failures::clear(tx, auth.realm, subject).await?;
    }
    if account.password_by_mail && first.methods == AuthMethod::Password.as_str() {
        users::password_is_theirs(tx, auth.realm, account).await?;
    }

    let trail = auth.trail(grant.for_tenant, Actor::user(account.id));
    let binding = DeviceBinding::of_known(grant.device(), surroundings);
    let opening = Opening {
        account,
        membership,
        binding: &binding,
        surroundings,
        proof: Proof::two_factors(shown.added_to(&first.methods)),
    };
    let mut answer = open_session(tx, auth, &trail, &opening).await?;
    if let Some(device) =
        binding.device.filter(|_| remember_device && !is_mandatory(&membership.authority().weight()))
    {
        let with = (&device, shown.remembered());
        answer.device_token = Some(remember(tx, auth, &trail, (account, surroundings), with).await?);
    }
    Ok(answer)
}

/// Gives the device the proof that it was remembered; only its digest is kept.
async fn remember(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, surroundings): (&Account, &Surroundings),
    (device, factor): (&Digest, RememberedFactor),
) -> Result<String, Error> {
    let now = trail.clock.now();
    let token = OneTimeToken::from_random(auth.randomness.bytes()?);
    let row = NewRememberedDevice {
        realm_id: auth.realm,
        user_id: account.id,
        id: RememberedDeviceId::new(&trail.clock),
        token_hash: token.digest().to_vec(),
        device_hash: device.to_vec(),
        token_version: account.token_version,
        user_agent: surroundings.user_agent().map(ToOwned::to_owned),
        remembered_at: now,
        last_used_at: now,
        expires_at: now + DEVICE_REMEMBERED_FOR,
        factor,
    };
    remembered_devices::remember(tx, &row).await?;
    trail.user(tx, AuditAction::DeviceRemembered, account.id, json!({ "deviceId": row.id })).await?;
    Ok(token.as_str().to_owned())
}

/// The answer of a second step, counted beside those of the first.
pub fn respond(auth: &Auth, result: Result<TokenAnswer, Error>) -> Result<HttpResponse, Error> {
    metrics::counter!("auth_logins_total", "outcome" => outcome(&result)).increment(1);
    let answer = result?;
    auth.platform.committed();
    Ok(answer.respond(StatusCode::OK))
}

fn outcome(result: &Result<TokenAnswer, Error>) -> &'static str {
    match result {
        Ok(_) => "signed_in",
        Err(Error::SecondFactorRefused | Error::PasskeyCloned) => "second_factor_refused",
        Err(Error::ChallengeGone) => "gone",
        Err(Error::Locked { .. }) => "locked",
        Err(_) => "fault",
    }
}

//! `POST /api/auth/signin/mfa`

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::Actor;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, Problem, ProblemDocument, RateRefusal, RequestContext, Unavailability,
};
use utoipa::ToSchema;

use super::sign_in::surroundings;
use crate::attempts::record_failure;
use crate::db::audit::Trail;
use crate::db::failures;
use crate::db::memberships::{self, Membership};
use crate::db::one_time_tokens::{self, TokenGrant};
use crate::db::remembered_devices::{self, NewRememberedDevice, RememberedDeviceId};
use crate::db::users::{self, Account};
use crate::domain::audit::AuditAction;
use crate::domain::device::{DeviceBinding, Digest, Surroundings};
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::domain::proof::Proof;
use crate::domain::second_factor::{DEVICE_REMEMBERED_FOR, is_mandatory};
use crate::domain::totp::FactorCode;
use crate::error::Error;
use crate::factor_codes::{self, CountedGuess, Guess};
use crate::first_factor::{PassedStep, asked};
use crate::session_opening::{Opening, TokenAnswer, open_session};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecondFactorRequest {
    /// From the answer of `POST /api/auth/signin`.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "Zm9yLW9uZS1zdGVwLWFuZC1ub3RoaW5nLWVsc2UtMDE")]
    mfa_token: OneTimeToken,
    /// What the authenticator app shows, what the letter says, or a recovery code.
    #[schema(value_type = String, min_length = 1, max_length = 64, example = "123456")]
    code: FactorCode,
    /// Let this device leave out the second factor for 30 days. Needs the `deviceId` of the first step; where the role makes
    /// a second factor mandatory it does nothing.
    #[serde(default)]
    remember_device: bool,
}

/// A token takes so many codes, right or wrong.
const MOST_ATTEMPTS: i32 = 5;

/// Sign in, second step
///
/// Takes the token of the first step and a code of the second factor. A token that is unknown, older than five minutes or
/// tried too often answers as a wrong code does. Wrong codes count as failed attempts to sign in, and of one account no more
/// than three are looked at in the thirty seconds that a code of an authenticator app is good for.
#[utoipa::path(
    tag = "sign-in",
    request_body = SecondFactorRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = TokenAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`banned`"),
    ),
)]
#[post("/api/auth/signin/mfa")]
pub async fn sign_in_second_factor(
    request: HttpRequest,
    auth: web::Data<Auth>,
    context: RequestContext,
    body: Body<SecondFactorRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::SIGN_IN_BY_NETWORK, context.client.as_str()).await?;
    let surroundings = surroundings(&request, &context);
    let result = answer(&auth, &surroundings, body.0).await;
    let outcome = match &result {
        Ok(_) => "signed_in",
        Err(Error::SecondFactorRefused) => "second_factor_refused",
        Err(Error::Locked { .. }) => "locked",
        Err(_) => "fault",
    };
    metrics::counter!("auth_logins_total", "outcome" => outcome).increment(1);
    let answer = result?;
    auth.platform.committed();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(answer))
}

/// Somebody half way, whose guess was counted.
struct HalfWay {
    grant: TokenGrant,
    account: Account,
    first: PassedStep,
    counted: CountedGuess,
}

async fn answer(
    auth: &Auth,
    surroundings: &Surroundings,
    body: SecondFactorRequest,
) -> Result<TokenAnswer, Error> {
    let (database, challenge) = (&auth.platform.database, body.mfa_token.digest());
    // The count is committed before the code is looked at: nothing that fails later takes it back.
    let half_way = transaction(database, &Scope::realm(auth.realm), "try_second_factor", async |tx| {
        begin(tx, auth, &body, &challenge).await
    })
    .await?;
    let half_way = half_way.ok_or(Error::SecondFactorRefused)?;
    if body.remember_device && half_way.grant.device_hash.is_none() {
        let problem = Problem::invalid_field("/rememberDevice", "the first step named no deviceId");
        return Err(problem.into());
    }
    let HalfWay { grant, account, first, .. } = &half_way;
    let scope = Scope::realm(auth.realm).with_tenant(grant.for_tenant).with_user(account.id);
    let result = transaction(database, &scope, "sign_in_second_factor", async |tx| {
        finish(tx, auth, (&body, &challenge), &half_way, surroundings).await
    })
    .await;
    if matches!(result, Err(Error::SecondFactorRefused)) {
        record_failure(auth, &first.subject).await?;
    }
    result
}

async fn begin(
    tx: &mut Connection,
    auth: &Auth,
    body: &SecondFactorRequest,
    challenge: &Digest,
) -> Result<Option<HalfWay>, Error> {
    let now = auth.platform.clock.now();
    let token = (TokenPurpose::SecondFactor, &body.mfa_token);
    let grant = one_time_tokens::attempt(tx, auth.realm, token, (MOST_ATTEMPTS, now)).await?;
    let Some(grant) = grant else { return Ok(None) };
    let account = users::find(tx, auth.realm, grant.user_id).await?.filter(|account| account.is_usable(now));
    let Some(account) = account else { return Ok(None) };
    let first = PassedStep::of(&grant, &account);
    let guess = Guess { user: account.id, code: &body.code, subject: &first.subject, challenge };
    let counted = factor_codes::count(tx, auth, &guess).await?;
    Ok(Some(HalfWay { grant, account, first, counted }))
}

async fn finish(
    tx: &mut Connection,
    auth: &Auth,
    (body, challenge): (&SecondFactorRequest, &Digest),
    HalfWay { grant, account, first, counted }: &HalfWay,
    surroundings: &Surroundings,
) -> Result<TokenAnswer, Error> {
    let now = auth.platform.clock.now();
    let membership = memberships::find(tx, grant.for_tenant, account.id).await?;
    let membership = membership.filter(Membership::is_active).ok_or(Error::SecondFactorRefused)?;
    let asked = asked(tx, auth, account, &membership.roles, &first.methods).await?;
    let guess = Guess { user: account.id, code: &body.code, subject: &first.subject, challenge };
    let shown = factor_codes::accept(tx, auth, (&guess, counted), &asked).await?;
    let shown = shown.ok_or(Error::SecondFactorRefused)?;
    let token = (TokenPurpose::SecondFactor, &body.mfa_token);
    let used = one_time_tokens::consume(tx, auth.realm, token, now).await?;
    used.ok_or(Error::SecondFactorRefused)?;
    failures::clear(tx, auth.realm, &first.subject).await?;

    let device = grant.device_hash.as_deref().and_then(|bytes| bytes.try_into().ok());
    let trail = auth.trail(grant.for_tenant, Actor::user(account.id));
    let opening = Opening {
        account,
        membership: &membership,
        binding: &DeviceBinding { device, surroundings: surroundings.digest() },
        surroundings,
        proof: Proof::two_factors(shown.added_to(&first.methods)),
    };
    let mut answer = open_session(tx, auth, &trail, &opening).await?;
    factor_codes::tell_of_recovery(tx, auth, &trail, account, shown).await?;
    if let Some(device) = device.filter(|_| body.remember_device && !is_mandatory(&membership.roles)) {
        answer.device_token = Some(remember(tx, auth, &trail, account, (&device, surroundings)).await?);
    }
    Ok(answer)
}

/// Gives the device the proof that it was remembered; only its digest is kept.
async fn remember(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    (device, surroundings): (&Digest, &Surroundings),
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
    };
    remembered_devices::remember(tx, &row).await?;
    trail.user(tx, AuditAction::DeviceRemembered, account.id, json!({ "deviceId": row.id })).await?;
    Ok(token.as_str().to_owned())
}

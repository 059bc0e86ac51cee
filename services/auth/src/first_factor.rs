//! What follows a right first factor, whichever it was: a session, or the question for a second one.

use actix_web::HttpResponse;
use serde::Serialize;
use shinkofa_db::Connection;
use shinkofa_kernel::{Actor, TenantId};
use shinkofa_web::Fault;
use utoipa::ToSchema;

use crate::Auth;
use crate::db::memberships::Membership;
use crate::db::one_time_tokens::{NewToken, TokenGrant};
use crate::db::users::Account;
use crate::db::{factors, failures, memberships, one_time_tokens};
use crate::domain::account::FactorKind;
use crate::domain::device::{DeviceBinding, Digest, Surroundings};
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::domain::proof::{AuthMethod, FirstStep, Proof};
use crate::error::Error;
use crate::session_opening::{Opening, TokenAnswer, open_session};

/// Somebody who has passed one factor.
pub struct FirstFactor<'a> {
    pub account: &'a Account,
    pub method: AuthMethod,
    /// Whose failed attempts a whole sign-in ends.
    pub subject: &'a Digest,
    pub binding: &'a DeviceBinding,
    pub surroundings: &'a Surroundings,
}

/// Signed in, or half way.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum SignInAnswer {
    SignedIn(TokenAnswer),
    SecondFactorNeeded(SecondFactorNeeded),
}

/// The first factor was right; now a second one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecondFactorNeeded {
    #[schema(example = true)]
    mfa_required: bool,
    /// Good for five minutes, for `POST /api/auth/signin/mfa` alone.
    mfa_token: String,
    methods: Vec<FactorKind>,
}

/// Opens a session, unless the person has a second factor: no first one goes around it. The caller's transaction sees the
/// realm and the tenant.
pub async fn pass(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    first: &FirstFactor<'_>,
) -> Result<SignInAnswer, Error> {
    let user = first.account.id;
    if !first.account.is_usable(auth.platform.clock.now()) {
        return Err(Error::AccountSuspended);
    }
    let membership = memberships::find(tx, tenant, user).await?;
    let membership = membership.filter(Membership::is_active).ok_or(Error::NotAMember)?;
    let methods = factors::confirmed_kinds(tx, auth.realm, user).await?;
    if !methods.is_empty() {
        return Ok(SignInAnswer::SecondFactorNeeded(challenge(tx, auth, tenant, first, methods).await?));
    }
    failures::clear(tx, auth.realm, first.subject).await?;
    let trail = auth.trail(tenant, Actor::user(user));
    let opening = Opening {
        account: first.account,
        membership: &membership,
        binding: first.binding,
        surroundings: first.surroundings,
        proof: Proof::first(first.method),
    };
    Ok(SignInAnswer::SignedIn(open_session(tx, auth, &trail, &opening).await?))
}

/// One factor alone opens nothing: the failed attempts stay counted until the second one was right as well.
async fn challenge(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    first: &FirstFactor<'_>,
    mut methods: Vec<FactorKind>,
) -> Result<SecondFactorNeeded, Error> {
    let step = FirstStep { amr: vec![first.method] };
    methods.retain(|factor| step.may_be_followed_by(*factor));
    if methods.is_empty() {
        return Err(Error::OtherFirstFactorNeeded);
    }
    let now = auth.platform.clock.now();
    let token = OneTimeToken::from_random(auth.randomness.bytes()?);
    let row = NewToken {
        realm_id: auth.realm,
        purpose: TokenPurpose::SecondFactor,
        token_hash: token.digest().to_vec(),
        user_id: first.account.id,
        for_tenant: tenant,
        signup_id: None,
        device_hash: first.binding.device.map(|device| device.to_vec()),
        created_at: now,
        expires_at: now + TokenPurpose::SecondFactor.lifetime(),
        about: Some(serde_json::to_value(step).map_err(Fault::unexpected)?),
    };
    one_time_tokens::insert(tx, &row).await?;
    Ok(SecondFactorNeeded { mfa_required: true, mfa_token: token.as_str().to_owned(), methods })
}

/// The first step that a token between the two steps was given out for.
pub fn first_step(grant: &TokenGrant) -> Result<FirstStep, Error> {
    let about = grant.about.clone().unwrap_or_default();
    Ok(serde_json::from_value(about).map_err(Fault::unexpected)?)
}

/// The answer of every way of signing in, counted.
pub fn respond(result: Result<SignInAnswer, Error>) -> Result<HttpResponse, Error> {
    metrics::counter!("auth_logins_total", "outcome" => outcome(&result)).increment(1);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(result?))
}

fn outcome(result: &Result<SignInAnswer, Error>) -> &'static str {
    match result {
        Ok(SignInAnswer::SignedIn(_)) => "signed_in",
        Ok(SignInAnswer::SecondFactorNeeded(_)) => "second_factor_needed",
        Err(Error::WrongCredentials | Error::CodeRefused | Error::VerifierRefused) => "wrong_credentials",
        Err(Error::LinkGone) => "gone",
        Err(Error::EmailNotVerified) => "email_not_verified",
        Err(Error::AccountSuspended | Error::NotAMember | Error::OtherFirstFactorNeeded) => "not_allowed",
        Err(Error::Locked { .. }) => "locked",
        Err(Error::Refused(_)) => "limited",
        Err(Error::Busy) => "busy",
        Err(_) => "fault",
    }
}

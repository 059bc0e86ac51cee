//! `POST /api/auth/signin`

use actix_web::http::header::USER_AGENT;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_kernel::{Actor, TenantId};
use shinkofa_web::{Body, ProblemDocument, RequestContext};
use utoipa::ToSchema;

use crate::attempts::{RightPassword, check_password};
use crate::db::memberships::Membership;
use crate::db::one_time_tokens::NewToken;
use crate::db::{factors, failures, memberships, one_time_tokens, users};
use crate::domain::account::{AccountKind, FactorKind};
use crate::domain::audit::AuditAction;
use crate::domain::device::{DeviceBinding, DeviceId, Surroundings};
use crate::domain::email::EmailAddress;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::domain::password::PresentedPassword;
use crate::error::Error;
use crate::session_opening::{Opening, Proof, TokenAnswer, open_session};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignInRequest {
    #[schema(value_type = String, format = "email", max_length = 254, example = "anna@example.org")]
    email: EmailAddress,
    #[schema(value_type = String, format = "password", max_length = 1024)]
    password: PresentedPassword,
    /// What the client calls its device: random, made once and kept. Send it again with every refresh.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$")]
    device_id: Option<DeviceId>,
}

/// Signed in, or half way.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum SignInAnswer {
    SignedIn(TokenAnswer),
    SecondFactorNeeded(SecondFactorNeeded),
}

/// The password was right; now a second factor.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecondFactorNeeded {
    #[schema(example = true)]
    mfa_required: bool,
    /// Good for five minutes, for `POST /api/auth/signin/mfa` alone.
    mfa_token: String,
    methods: Vec<FactorKind>,
}

/// Sign in
///
/// An unknown address and a wrong password have one answer. Failed attempts make the next one wait, longer and longer.
#[utoipa::path(
    tag = "sign-in",
    request_body = SignInRequest,
    responses(
        (status = 200, body = SignInAnswer),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`email_not_verified`, `account_suspended`, `not_a_member` or `banned`, only after a right password"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
#[post("/api/auth/signin")]
pub async fn sign_in(
    request: HttpRequest,
    auth: web::Data<Auth>,
    host: HostTenant,
    context: RequestContext,
    body: Body<SignInRequest>,
) -> Result<HttpResponse, Error> {
    let surroundings = surroundings(&request, &context);
    let result = answer(&auth, host.0, &surroundings, body.0).await;
    metrics::counter!("auth_logins_total", "outcome" => outcome(&result)).increment(1);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(result?))
}

pub fn surroundings(request: &HttpRequest, context: &RequestContext) -> Surroundings {
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    Surroundings::new(context.client.clone(), user_agent)
}

async fn answer(
    auth: &Auth,
    tenant: TenantId,
    surroundings: &Surroundings,
    body: SignInRequest,
) -> Result<SignInAnswer, Error> {
    let SignInRequest { email, password, device_id } = body;
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::SIGN_IN_BY_NETWORK, surroundings.network()).await?;
    limiter.require(&limits::SIGN_IN_BY_ADDRESS, &limits::key_of(&email)).await?;

    let right = check_password(auth, &email, device_id.as_ref(), &password).await?;
    if !right.account.is_usable(auth.platform.clock.now()) {
        return Err(Error::AccountSuspended);
    }
    // A temporary account has no mailbox to confirm.
    if right.account.email_verified_at.is_none() && right.account.kind != AccountKind::Temporary {
        return Err(Error::EmailNotVerified);
    }
    let binding = DeviceBinding::new(device_id.as_ref(), surroundings);
    let user = right.account.id;
    let scope = Scope::realm(auth.realm).with_tenant(tenant).with_user(user);
    transaction(&auth.platform.database, &scope, "sign_in", async |tx| {
        let membership = memberships::find(tx, tenant, user).await?;
        let membership = membership.filter(Membership::is_active).ok_or(Error::NotAMember)?;
        let methods = factors::confirmed_kinds(tx, auth.realm, user).await?;
        if !methods.is_empty() {
            let challenge = challenge(tx, auth, tenant, (&right, &binding), methods).await?;
            return Ok(SignInAnswer::SecondFactorNeeded(challenge));
        }
        failures::clear(tx, auth.realm, &right.subject).await?;
        keep_rehash(tx, auth, tenant, &right).await?;
        let trail = auth.trail(tenant, Actor::user(user));
        let opening = Opening {
            account: &right.account,
            membership: &membership,
            binding: &binding,
            surroundings,
            proof: Proof::PASSWORD,
        };
        Ok(SignInAnswer::SignedIn(open_session(tx, auth, &trail, &opening).await?))
    })
    .await
}

async fn keep_rehash(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    right: &RightPassword,
) -> Result<(), Error> {
    let Some((before, after)) = &right.rehash else { return Ok(()) };
    let now = auth.platform.clock.now();
    if users::rehash(tx, (auth.realm, right.account.id), (before, after), now).await? {
        let trail = auth.trail(tenant, Actor::service("auth"));
        trail.user(tx, AuditAction::PasswordRehashed, right.account.id, serde_json::json!({})).await?;
    }
    Ok(())
}

/// The password alone opens nothing: the failed attempts stay counted until the second factor was right as well.
async fn challenge(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    (right, binding): (&RightPassword, &DeviceBinding),
    methods: Vec<FactorKind>,
) -> Result<SecondFactorNeeded, Error> {
    let now = auth.platform.clock.now();
    let token = OneTimeToken::from_random(auth.randomness.bytes()?);
    let row = NewToken {
        realm_id: auth.realm,
        purpose: TokenPurpose::SecondFactor,
        token_hash: token.digest().to_vec(),
        user_id: right.account.id,
        for_tenant: tenant,
        signup_id: None,
        device_hash: binding.device.map(|device| device.to_vec()),
        created_at: now,
        expires_at: now + TokenPurpose::SecondFactor.lifetime(),
        about: None,
    };
    one_time_tokens::insert(tx, &row).await?;
    Ok(SecondFactorNeeded { mfa_required: true, mfa_token: token.as_str().to_owned(), methods })
}

fn outcome(result: &Result<SignInAnswer, Error>) -> &'static str {
    match result {
        Ok(SignInAnswer::SignedIn(_)) => "signed_in",
        Ok(SignInAnswer::SecondFactorNeeded(_)) => "second_factor_needed",
        Err(Error::WrongCredentials) => "wrong_credentials",
        Err(Error::EmailNotVerified) => "email_not_verified",
        Err(Error::AccountSuspended | Error::NotAMember | Error::Banned) => "not_allowed",
        Err(Error::Locked { .. }) => "locked",
        Err(Error::Refused(_)) => "limited",
        Err(Error::Busy) => "busy",
        Err(_) => "fault",
    }
}

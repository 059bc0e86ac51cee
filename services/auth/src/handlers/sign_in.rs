//! `POST /api/auth/signin`

use actix_web::http::header::USER_AGENT;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction_after};
use shinkofa_identity::HostTenant;
use shinkofa_kernel::{Actor, TenantId};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, RequestContext, Unavailability,
};
use utoipa::ToSchema;

use crate::attempts::{RightPassword, check_password};
use crate::browser::{SessionModeHeader, SignInCaller};
use crate::db::users;
use crate::domain::audit::AuditAction;
use crate::domain::device::{DeviceBinding, DeviceId, Surroundings};
use crate::domain::email::EmailAddress;
use crate::domain::one_time_token::OneTimeToken;
use crate::domain::password::PresentedPassword;
use crate::domain::proof::AuthMethod;
use crate::error::Error;
use crate::first_factor::{self, FirstFactor, SignInAnswer};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignInRequest {
    #[schema(value_type = String, format = "email", max_length = 254, example = "anna@example.org")]
    email: EmailAddress,
    #[schema(value_type = String, format = "password", max_length = 1024, example = "my present private sentence")]
    password: PresentedPassword,
    /// What the client calls its device: random, made once and kept. Send it again with every refresh.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "phone-7f3a")]
    device_id: Option<DeviceId>,
    /// What this device got when it was remembered: with it the second factor may be left out.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    device_token: Option<OneTimeToken>,
}

/// Sign in
///
/// An unknown address, one that is not confirmed yet and a wrong password have one answer. Failed attempts make the next one wait,
/// longer and longer.
#[utoipa::path(
    tag = "sign-in",
    params(SessionModeHeader),
    request_body = SignInRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = SignInAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`account_suspended`, `not_a_member` or `banned`, only after a right password; `origin_refused` in cookie mode"),
    ),
)]
#[post("/api/auth/signin")]
pub async fn sign_in(
    auth: web::Data<Auth>,
    host: HostTenant,
    SignInCaller(surroundings): SignInCaller,
    body: Body<SignInRequest>,
) -> Result<HttpResponse, Error> {
    first_factor::respond(answer(&auth, host.0, &surroundings, body.0).await)
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
    let SignInRequest { email, password, device_id, device_token } = body;
    let limiter = &auth.platform.limiter;
    let device = surroundings.device(device_id.as_ref());
    let of_network = (&limits::SIGN_IN_BY_NETWORK, surroundings.network());
    limiter.require_both(of_network, (&limits::SIGN_IN_BY_ADDRESS, &limits::key_on(&email, device))).await?;

    let right = check_password(auth, &email, device, &password).await?;
    if !right.account.is_usable(auth.platform.clock.now()) {
        return Err(Error::AccountSuspended);
    }
    let binding = DeviceBinding::new(device, surroundings);
    let first = FirstFactor {
        account: &right.account,
        method: AuthMethod::Password,
        attempts: &right.attempts,
        binding: &binding,
        surroundings,
        device_token: device_token.as_ref(),
    };
    let scope = Scope::realm(auth.realm).with_tenant(tenant).with_user(right.account.id);
    transaction_after(
        &auth.platform.database,
        &scope,
        "sign_in",
        async |tx| first_factor::hold(tx, auth, tenant, &first).await,
        async |tx, held| {
            let answer = first_factor::pass_held(tx, auth, tenant, (&first, held)).await?;
            keep_rehash(tx, auth, tenant, &right).await?;
            Ok(answer)
        },
    )
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

//! `POST /api/auth/passkeys/login/verify`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_kernel::{Actor, TenantId};
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::attempts::{Attempts, unlocked};
use crate::browser::{SessionModeHeader, SignInCaller};
use crate::db::passkeys::{self, Credential};
use crate::db::users::{self, Account};
use crate::domain::device::{DeviceBinding, DeviceId, Digest, Surroundings};
use crate::domain::one_time_token::OneTimeToken;
use crate::domain::proof::AuthMethod;
use crate::domain::webauthn::Asserted;
use crate::error::Error;
use crate::first_factor::{self, FirstFactor, SignInAnswer};
use crate::passkey_ceremony::{Occasion, believe, note_refusal, take_challenge, use_passkey};
use crate::passkey_wire::AuthenticationCredential;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignInByPasskeyRequest {
    credential: AuthenticationCredential,
    /// What the client calls its device: random, made once and kept. Send it again with every refresh.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "phone-7f3a")]
    device_id: Option<DeviceId>,
    /// What this device got when it was remembered: with it the second factor may be left out.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    device_token: Option<OneTimeToken>,
}

/// Sign in with a passkey
///
/// Takes what `toJSON()` of the browser's credential gives. An authenticator that recognised its user, by a PIN or by what
/// they look like, has shown two factors; after one that was only touched the second step follows. A passkey that is not known
/// and one that is not to be believed have one answer.
#[utoipa::path(
    tag = "passkeys",
    params(SessionModeHeader),
    request_body = SignInByPasskeyRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = SignInAnswer),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json", description = "`passkey_refused`"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`passkey_cloned`, `account_suspended`, `not_a_member` or `banned`, only after a right signature; `origin_refused` in cookie mode"),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`challenge_gone`"),
    ),
)]
#[post("/api/auth/passkeys/login/verify")]
pub async fn sign_in_by_passkey(
    auth: web::Data<Auth>,
    host: HostTenant,
    SignInCaller(surroundings): SignInCaller,
    body: Body<SignInByPasskeyRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::SIGN_IN_BY_NETWORK, surroundings.network()).await?;
    first_factor::respond(answer(&auth, host.0, &surroundings, body.0).await)
}

/// A passkey that somebody says is theirs. Its challenge is used up.
struct Presented {
    stored: Credential,
    account: Account,
    /// Whose failed attempts are counted.
    attempts: Attempts,
}

/// On what, and its proof that it was remembered.
struct Device<'a> {
    binding: &'a DeviceBinding,
    token: Option<&'a OneTimeToken>,
}

async fn answer(
    auth: &Auth,
    tenant: TenantId,
    surroundings: &Surroundings,
    body: SignInByPasskeyRequest,
) -> Result<SignInAnswer, Error> {
    let SignInByPasskeyRequest { credential, device_id, device_token } = body;
    let binding = DeviceBinding::new(device_id.as_ref(), surroundings);
    let on = Device { binding: &binding, token: device_token.as_ref() };
    let presented =
        transaction(&auth.platform.database, &Scope::realm(auth.realm), "present_passkey", async |tx| {
            present(tx, auth, tenant, (&credential, binding.device.as_ref())).await
        })
        .await?;
    let presented = presented.ok_or(Error::PasskeyRefused)?;
    let result = match believe(auth, &credential, &presented.stored) {
        Some(asserted) => sign_in(auth, tenant, (&presented, &asserted), (&on, surroundings)).await,
        None => Err(Error::PasskeyRefused),
    };
    let trail = auth.trail(tenant, Actor::Anonymous);
    note_refusal(auth, &trail, (Some(&presented.stored), &[presented.attempts.subject]), result).await
}

/// Uses the challenge up and looks for the passkey. Whoever has to wait has not tried: the refusal takes the use back.
async fn present(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    (credential, device): (&AuthenticationCredential, Option<&Digest>),
) -> Result<Option<Presented>, Error> {
    let challenge = credential.challenge().map_err(|_| Error::PasskeyRefused)?;
    take_challenge(tx, auth, &Occasion::sign_in(tenant), &challenge).await?;
    let Some(handle) = credential.user_handle() else { return Ok(None) };
    let named = (credential.id(), handle);
    let Some(stored) = passkeys::credential_of_handle(tx, auth.realm, named).await? else { return Ok(None) };
    let Some(account) = users::find(tx, auth.realm, stored.user_id).await? else { return Ok(None) };
    let attempts = unlocked(tx, auth, &account.email_canonical, device).await?;
    Ok(Some(Presented { stored, account, attempts }))
}

async fn sign_in(
    auth: &Auth,
    tenant: TenantId,
    (presented, asserted): (&Presented, &Asserted),
    (device, surroundings): (&Device<'_>, &Surroundings),
) -> Result<SignInAnswer, Error> {
    let Presented { stored, account, attempts } = presented;
    let verified = asserted.flags.user_verified();
    let first = FirstFactor {
        account,
        method: if verified { AuthMethod::VerifiedPasskey } else { AuthMethod::Passkey },
        attempts,
        binding: device.binding,
        surroundings,
        device_token: device.token,
    };
    let scope = Scope::realm(auth.realm).with_tenant(tenant).with_user(account.id);
    transaction(&auth.platform.database, &scope, "sign_in_by_passkey", async |tx| {
        use_passkey(tx, auth, stored, asserted).await?.ok_or(Error::PasskeyRefused)?;
        first_factor::pass(tx, auth, tenant, &first).await
    })
    .await
}

//! Seeing the platform as a member sees it: fifteen minutes, for looking alone, announced to the member and written down.

use serde::Serialize;
use serde_json::json;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_db::Connection;
use shinkofa_identity::{ActingParty, AssuranceLevel};
use shinkofa_kernel::{SessionId, UserId};
use shinkofa_web::Fault;
use utoipa::ToSchema;

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::impersonations::{self, Impersonation};
use crate::db::memberships::Membership;
use crate::db::scope;
use crate::db::sessions::{self, NewSession};
use crate::db::users::Account;
use crate::domain::administration::{IMPERSONATION, IMPERSONATION_LASTS, Reason};
use crate::domain::audit::AuditAction;
use crate::domain::device::Surroundings;
use crate::domain::refresh_token::SessionKey;
use crate::error::Error;
use crate::letters::request_letter;
use crate::session_opening::{TokenSource, claims, demanded, key_context};

/// A token for looking.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImpersonationAnswer {
    /// Send it as `Authorization: Bearer`. Anything but GET is refused with it, and nothing refreshes it.
    #[schema(example = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMTkyMDAwMCJ9.c2lnbmF0dXJl")]
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    #[schema(example = 900)]
    expires_in: i64,
    /// End it by signing the member's session out.
    session_id: SessionId,
    user_id: UserId,
}

/// Opens the session of `impersonator` in the place of the member. It stands among the member's own sessions, so that they
/// see it and can end it; its refresh token is given to nobody.
pub async fn open(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, membership): (&Account, &Membership),
    (impersonator, reason, surroundings): (UserId, &Reason, &Surroundings),
) -> Result<ImpersonationAnswer, Error> {
    let now = trail.clock.now();
    scope::enter_person(tx, account.id).await?;
    let source = TokenSource {
        session: SessionId::new(&trail.clock),
        generation: 1,
        key: SessionKey::new(auth.randomness.bytes()?),
        methods: IMPERSONATION.to_owned(),
        assurance: AssuranceLevel::Aal1,
        demanded: demanded(tx, auth, account.id, AssuranceLevel::Aal1).await?,
        authenticated_at: now,
        ends_at: now + IMPERSONATION_LASTS,
    };
    sessions::insert(tx, &new_session(auth, trail, account, &source, surroundings)?).await?;
    sessions::place(tx, (auth.realm, source.session), surroundings, now).await?;
    let impersonation = Impersonation {
        tenant_id: trail.tenant,
        session_id: source.session,
        user_id: account.id,
        impersonator_id: impersonator,
        reason: reason.as_str().to_owned(),
        opened_at: now,
        expires_at: source.ends_at,
    };
    impersonations::insert(tx, &impersonation).await?;
    let details = json!({ "sessionId": source.session });
    trail.user(tx, AuditAction::ImpersonationStarted, account.id, details).await?;
    let letter = AccountLetter::ImpersonationStarted { until: source.ends_at };
    request_letter(tx, auth, trail, account, (letter, None)).await?;

    let mut claims = claims(auth, trail.tenant, &source, (account, membership));
    claims.act = Some(ActingParty { sub: impersonator });
    claims.ro = true;
    Ok(ImpersonationAnswer {
        expires_in: (claims.exp - claims.iat).max(0),
        access_token: auth.platform.identity.user_tokens.sign(claims).map_err(Fault::unexpected)?,
        token_type: "Bearer",
        session_id: source.session,
        user_id: account.id,
    })
}

fn new_session(
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    source: &TokenSource,
    surroundings: &Surroundings,
) -> Result<NewSession, Error> {
    let sealed =
        auth.sealing.seal(&key_context(source.session), &source.key.to_vec()).map_err(Fault::unexpected)?;
    Ok(NewSession {
        realm_id: auth.realm,
        id: source.session,
        user_id: account.id,
        for_tenant: trail.tenant,
        generation: source.generation,
        session_key_sealed: sealed,
        rotated_at: source.authenticated_at,
        device_hash: None,
        surroundings_hash: surroundings.digest().to_vec(),
        amr: source.methods.clone(),
        acr: "aal1".to_owned(),
        authenticated_at: source.authenticated_at,
        sliding_expires_at: source.ends_at,
        absolute_expires_at: source.ends_at,
    })
}

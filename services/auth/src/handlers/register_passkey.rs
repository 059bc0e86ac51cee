//! `POST /api/auth/passkeys/register/verify`

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::{AccountLetter, LetterFactor};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::{AssuranceLevel, CurrentActor, EnrollingActor};
use shinkofa_kernel::SessionId;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, Problem, ProblemDocument, RateRefusal, Unavailability,
};
use utoipa::ToSchema;

use super::begin_passkey_registration::require_room;
use super::list_passkeys::PasskeyView;
use crate::db::factors::{self, FactorId, NewFactor};
use crate::db::passkeys::{self, NewPasskey, Passkey};
use crate::db::sessions;
use crate::domain::account::FactorKind;
use crate::domain::audit::AuditAction;
use crate::domain::passkey::PasskeyName;
use crate::domain::second_factor::Shown;
use crate::domain::webauthn::{Disbelief, Registered};
use crate::error::Error;
use crate::factor_changes::{apply_here, first_recovery_codes, settle};
use crate::liveness::{Live, require_stepped_up};
use crate::passkey_ceremony::{Occasion, take_challenge};
use crate::passkey_wire::RegistrationCredential;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterPasskeyRequest {
    /// What its owner calls it.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "Anna's phone")]
    name: Option<PasskeyName>,
    credential: RegistrationCredential,
}

/// A passkey that signs in and is asked for from now on.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredPasskey {
    #[serde(flatten)]
    passkey: PasskeyView,
    /// With the first second factor of the account: ten codes for the day on which it is lost. They are shown this once, and
    /// each works once.
    #[schema(example = json!(["7Q4K-9F2M-XB0T-5HWE-2C8R-MV6P"]))]
    recovery_codes: Option<Vec<String>>,
}

/// Register a passkey
///
/// Takes what `toJSON()` of the browser's new credential gives. The passkey signs in without an address from now on, and is a
/// second factor: sign-in by other ways asks for it. Every other session of the account ends and no device is remembered any
/// more. This session counts as one with two factors: refresh its token to have it say so.
#[utoipa::path(
    tag = "passkeys",
    security(("bearer" = [])),
    request_body = RegisterPasskeyRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 201, body = RegisteredPasskey),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required`: see `www-authenticate`; `guest_account`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`passkey_exists` or `too_many_factors`"),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`challenge_gone`"),
    ),
)]
#[post("/api/auth/passkeys/register/verify")]
pub async fn register_passkey(
    auth: web::Data<Auth>,
    EnrollingActor(actor): EnrollingActor,
    body: Body<RegisterPasskeyRequest>,
) -> Result<HttpResponse, Error> {
    let Body(RegisterPasskeyRequest { name, credential }) = body;
    let name = name.unwrap_or_default().into_text();
    auth.platform.limiter.require(&limits::FACTORS_BY_USER, &actor.user_id.to_string()).await?;
    let challenge = credential.challenge().map_err(refused)?;
    let database = &auth.platform.database;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    // The challenge is used up, whatever comes of it.
    transaction(database, &scope, "take_passkey_challenge", async |tx| {
        require_stepped_up(tx, &auth, &actor, auth.platform.clock.now()).await?;
        take_challenge(tx, &auth, &Occasion::registration(&actor), &challenge).await
    })
    .await?;
    let registered = credential.response().believe(&auth.relying_party).map_err(refused)?;
    let (answer, ended) = transaction(database, &scope, "register_passkey", async |tx| {
        register(tx, &auth, &actor, (&name, &credential, &registered)).await
    })
    .await?;
    apply_here(&auth, &ended);
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(answer))
}

/// Whoever registers is signed in, and may know what is wrong.
fn refused(disbelief: Disbelief) -> Error {
    let pointer = if disbelief.is_of_client_data() {
        "/credential/response/clientDataJSON"
    } else {
        "/credential/response/attestationObject"
    };
    Problem::invalid_field(pointer, disbelief.to_string()).into()
}

async fn register(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (name, credential, registered): (&str, &RegistrationCredential, &Registered),
) -> Result<(RegisteredPasskey, Vec<SessionId>), Error> {
    let (realm, user, now) = (auth.realm, actor.user_id, auth.platform.clock.now());
    let Live { session, account, .. } = require_stepped_up(tx, auth, actor, now).await?;
    require_room(tx, auth, &account).await?;
    let factor = NewFactor {
        realm_id: realm,
        user_id: user,
        id: FactorId::new(&auth.platform.clock),
        kind: FactorKind::Passkey,
        secret_sealed: None,
        confirmed_at: Some(now),
        created_at: now,
    };
    factors::insert(tx, &factor).await?;
    let row = NewPasskey {
        realm_id: realm,
        user_id: user,
        id: factor.id,
        credential_id: registered.credential_id.clone(),
        public_key: registered.key.clone(),
        sign_count: registered.counter.into(),
        backup_eligible: registered.flags.backup_eligible(),
        backed_up: registered.flags.backed_up(),
        discoverable: credential.is_discoverable(),
        transports: credential.transports(),
        name: name.to_owned(),
        created_at: now,
    };
    if !passkeys::insert(tx, &row).await? {
        return Err(Error::PasskeyExists);
    }
    // Whoever made the session showed one factor, and just now the other.
    let shown = Shown::Passkey { verified: registered.flags.user_verified() };
    let methods = shown.added_to(&session.amr);
    sessions::show_again(tx, (realm, session.id), (&methods, AssuranceLevel::Aal2), now).await?;

    let trail = auth.trail(actor.tenant_id, actor.actor());
    let details = json!({ "factorId": factor.id, "kind": factor.kind });
    trail.user(tx, AuditAction::FactorConfirmed, user, details).await?;
    let recovery_codes = first_recovery_codes(tx, auth, &trail, user).await?;
    let letter = AccountLetter::FactorAdded { factor: LetterFactor::Passkey };
    let ended = settle(tx, auth, &trail, (&account, session.id), letter).await?;
    let passkey = Passkey {
        id: row.id,
        name: row.name,
        discoverable: row.discoverable,
        backed_up: row.backed_up,
        created_at: now,
        last_used_at: None,
    };
    Ok((RegisteredPasskey { passkey: passkey.into(), recovery_codes }, ended))
}

//! `POST /api/auth/passkeys/register/options`

use actix_web::{HttpResponse, post, web};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::{CurrentActor, EnrollingActor};
use shinkofa_web::{CallerRefusals, ProblemDocument, RateRefusal, Unavailability};

use crate::db::users::Account;
use crate::db::{factors, passkeys};
use crate::domain::account::{AccountKind, FactorKind};
use crate::domain::second_factor::has_room_for;
use crate::error::Error;
use crate::liveness::require_stepped_up;
use crate::passkey_ceremony::{Occasion, give_challenge};
use crate::passkey_wire::{CreationOptionsAnswer, PasskeyOwner};
use crate::{Auth, limits};

/// Begin to register a passkey
///
/// What `navigator.credentials.create()` takes, after `PublicKeyCredential.parseCreationOptionsFromJSON()`. Its challenge is
/// good for five minutes, in this session, once. Takes somebody who showed in the last ten minutes who they are.
#[utoipa::path(
    tag = "passkeys",
    security(("bearer" = [])),
    responses(
        CallerRefusals, RateRefusal, Unavailability,
        (status = 200, body = CreationOptionsAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required`: see `www-authenticate`; `guest_account`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`too_many_factors`"),
    ),
)]
#[post("/api/auth/passkeys/register/options")]
pub async fn begin_passkey_registration(
    auth: web::Data<Auth>,
    EnrollingActor(actor): EnrollingActor,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::FACTORS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let options = transaction(&auth.platform.database, &scope, "begin_passkey_registration", async |tx| {
        begin(tx, &auth, &actor).await
    })
    .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(options))
}

async fn begin(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
) -> Result<CreationOptionsAnswer, Error> {
    let account = require_stepped_up(tx, auth, actor, auth.platform.clock.now()).await?.account;
    require_room(tx, auth, &account).await?;
    let fresh: [u8; 32] = auth.randomness.bytes()?;
    let handle = passkeys::handle(tx, (auth.realm, account.id), &fresh).await?;
    let known = passkeys::descriptors(tx, auth.realm, account.id).await?;
    let challenge = give_challenge(tx, auth, &Occasion::registration(actor)).await?;
    let owner = PasskeyOwner { handle: &handle, email: &account.email, name: &account.name };
    Ok(CreationOptionsAnswer::new(&auth.relying_party, &challenge, &owner, known))
}

/// May this account have one more passkey? A guest has nothing yet that is worth coming back to by one.
pub async fn require_room(tx: &mut Connection, auth: &Auth, account: &Account) -> Result<(), Error> {
    if account.kind == AccountKind::Anonymous {
        return Err(Error::GuestAccount);
    }
    let known = factors::confirmed(tx, auth.realm, account.id).await?;
    if has_room_for(FactorKind::Passkey, known.iter().map(|factor| factor.kind)) {
        Ok(())
    } else {
        Err(Error::TooManyFactors)
    }
}

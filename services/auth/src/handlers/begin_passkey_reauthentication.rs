//! `POST /api/auth/reauthenticate/passkey/options`

use actix_web::{HttpResponse, post, web};
use shinkofa_db::{Connection, transaction};
use shinkofa_identity::{CurrentActor, EnrollingActor};
use shinkofa_web::{CallerRefusals, ProblemDocument, RateRefusal, Unavailability};

use super::reauthenticate::scope;
use crate::attempts::require_unlocked;
use crate::db::passkeys;
use crate::domain::lockout;
use crate::error::Error;
use crate::liveness::{Claimed, require_session};
use crate::passkey_ceremony::{Occasion, give_challenge, verification_after};
use crate::passkey_wire::RequestOptionsAnswer;
use crate::{Auth, limits};

/// Begin to show a passkey again
///
/// What `navigator.credentials.get()` takes, after `PublicKeyCredential.parseRequestOptionsFromJSON()`. Touching the passkey
/// is enough, unless the session was opened by a passkey alone: then it has to recognise its user.
#[utoipa::path(
    tag = "passkeys",
    security(("bearer" = [])),
    responses(
        CallerRefusals, RateRefusal, Unavailability,
        (status = 200, body = RequestOptionsAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`passkey_not_available`"),
    ),
)]
#[post("/api/auth/reauthenticate/passkey/options")]
pub async fn begin_passkey_reauthentication(
    auth: web::Data<Auth>,
    EnrollingActor(actor): EnrollingActor,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::REAUTHENTICATE_BY_USER, &actor.user_id.to_string()).await?;
    let scope = scope(&auth, &actor);
    let options =
        transaction(&auth.platform.database, &scope, "begin_passkey_reauthentication", async |tx| {
            begin(tx, &auth, &actor).await
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(options))
}

async fn begin(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
) -> Result<RequestOptionsAnswer, Error> {
    let now = auth.platform.clock.now();
    let live = require_session(tx, auth.realm, Claimed::from(actor), now).await?;
    require_unlocked(tx, auth, &[lockout::reauthentication(actor.user_id)]).await?;
    let allowed = passkeys::descriptors(tx, auth.realm, actor.user_id).await?;
    if allowed.is_empty() {
        return Err(Error::PasskeyNotAvailable);
    }
    let challenge = give_challenge(tx, auth, &Occasion::step_up(actor)).await?;
    let verification = verification_after(&live.session.amr);
    Ok(RequestOptionsAnswer::new(&auth.relying_party, &challenge, allowed, verification))
}

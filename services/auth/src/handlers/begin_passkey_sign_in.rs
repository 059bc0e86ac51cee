//! `POST /api/auth/passkeys/login/options`

use actix_web::{HttpResponse, post, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_web::{RateRefusal, RequestContext, Unavailability};

use crate::error::Error;
use crate::passkey_ceremony::{Occasion, give_challenge};
use crate::passkey_wire::{RequestOptionsAnswer, UserVerification};
use crate::{Auth, limits};

/// Begin to sign in with a passkey
///
/// What `navigator.credentials.get()` takes, after `PublicKeyCredential.parseRequestOptionsFromJSON()`. Nobody says who they
/// are: the answer is the same for everybody but for its challenge, which is good for five minutes, once.
#[utoipa::path(
    tag = "passkeys",
    responses(
        RateRefusal, Unavailability,
        (status = 200, body = RequestOptionsAnswer),
    ),
)]
#[post("/api/auth/passkeys/login/options")]
pub async fn begin_passkey_sign_in(
    auth: web::Data<Auth>,
    host: HostTenant,
    context: RequestContext,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::PASSKEY_BY_NETWORK, context.client.as_str()).await?;
    let scope = Scope::realm(auth.realm);
    let challenge = transaction(&auth.platform.database, &scope, "begin_passkey_sign_in", async |tx| {
        give_challenge(tx, &auth, &Occasion::sign_in(host.0)).await
    })
    .await?;
    let (party, verification) = (&auth.relying_party, UserVerification::Preferred);
    let options = RequestOptionsAnswer::new(party, &challenge, Vec::new(), verification);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(options))
}

//! A caller whom auth itself has just confirmed: for what the last snapshot of revocations is not enough for.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use shinkofa_contracts::CallError;
use shinkofa_contracts::auth::{self, Introspection, IntrospectionRequest, TrustScope};
use shinkofa_identity::{bearer, unauthenticated};
use shinkofa_web::{Fault, Problem};

use crate::Platform;

/// The caller `C`, good at this very moment by auth's own database: `Confirmed<RequirePermission<P>>` on what staff change,
/// `Confirmed<CurrentActor>` where money moves. While auth cannot be asked the answer is 503. Auth itself has no use for it:
/// there every handler looks into the database.
#[derive(Clone, Debug)]
pub struct Confirmed<C>(pub C);

impl<C> FromRequest for Confirmed<C>
where
    C: FromRequest<Error = Problem> + 'static,
    C::Future: 'static,
{
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = C::from_request(request, payload);
        let confirmation = confirm(request.clone());
        Box::pin(async move {
            // Whoever is refused here and now is not worth the question.
            let caller = caller.await?;
            confirmation.await?;
            Ok(Self(caller))
        })
    }
}

async fn confirm(request: HttpRequest) -> Result<(), Problem> {
    let platform = request.app_data::<web::Data<Platform>>().ok_or_else(Problem::internal)?;
    let token = bearer(&request).ok_or_else(unauthenticated)?.to_owned();
    let peer = platform.peers.peer::<TrustScope>(auth::SERVICE);
    let peer = peer.map_err(|error| Fault::unexpected(error).problem())?;
    let answer = peer.post("/internal/v1/introspect", &IntrospectionRequest { token }).await;
    let introspection: Introspection = answer.map_err(|error| unconfirmed(&error))?;
    if introspection.active { Ok(()) } else { Err(unauthenticated()) }
}

fn unconfirmed(error: &CallError) -> Problem {
    metrics::counter!("introspection_failures_total").increment(1);
    tracing::warn!(%error, "a caller could not be confirmed");
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "trust_unavailable",
        "Whether you may still do this cannot be checked at the moment. Nothing was changed; try again soon.",
        "Vos droits ne peuvent pas être vérifiés pour le moment. Rien n'a été modifié ; réessayez bientôt.",
    )
    .retry_after(2)
}

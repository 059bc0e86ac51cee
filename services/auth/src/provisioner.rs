//! Who provisions: a service account, by its access token or its key, or an admin by their own token.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use shinkofa_identity::permissions::ManageProvisioning;
use shinkofa_identity::{CurrentActor, HostTenant, RequirePermission, bearer, unauthenticated};
use shinkofa_web::{Problem, RequestContext};

use crate::domain::api_key::ApiKey;
use crate::error::Error;
use crate::handlers::sign_in::surroundings;
use crate::machine_tokens::{MachineToken, count, show};
use crate::scim_wire::ScimRefusal;
use crate::{Auth, limits};

/// The caller, who holds [`ManageProvisioning`].
///
/// Identity providers keep one secret for ever and know no way to exchange it: here alone a key itself is a bearer token. It brings
/// the same token of a quarter of an hour as at `POST /api/auth/token`, by the same code, and that token decides.
pub struct Provisioner(pub CurrentActor);

impl FromRequest for Provisioner {
    type Error = ScimRefusal;
    type Future = LocalBoxFuture<'static, Result<Self, ScimRefusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(caller_of(&request).await?)) })
    }
}

async fn caller_of(request: &HttpRequest) -> Result<CurrentActor, Error> {
    let auth = request.app_data::<web::Data<Auth>>().ok_or_else(Problem::internal)?;
    let shown = bearer(request).ok_or_else(unauthenticated)?;
    let caller = if ApiKey::is_meant_by(shown) {
        let token = exchange(request, auth, shown).await;
        count(&token);
        RequirePermission::<ManageProvisioning>::with_token(request, token?.as_str())?
    } else {
        RequirePermission::<ManageProvisioning>::with_token(request, shown)?
    };
    let account = caller.actor.user_id.to_string();
    auth.platform.limiter.require(&limits::SCIM_BY_ACCOUNT, &account).await?;
    Ok(caller.actor)
}

async fn exchange(request: &HttpRequest, auth: &Auth, key: &str) -> Result<MachineToken, Error> {
    let context = RequestContext::extract(request).await?;
    let HostTenant(tenant) = HostTenant::extract(request).await?;
    let surroundings = surroundings(request, &context);
    auth.platform.limiter.require(&limits::SCIM_BY_NETWORK, surroundings.network()).await?;
    let key = ApiKey::parse(key).ok_or(Error::KeyRefused)?;
    show(auth, tenant, (&key, &surroundings), None).await
}

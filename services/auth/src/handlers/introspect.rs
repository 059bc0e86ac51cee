//! `POST /internal/v1/introspect`

use actix_web::{post, web};
use shinkofa_contracts::auth::{Introspection, IntrospectionRequest, TrustScope};
use shinkofa_db::{Scope, glance};
use shinkofa_identity::RequireScope;
use shinkofa_web::{Body, CallerRefusals, ParameterRefusal, Unavailability};

use crate::Auth;
use crate::error::Error;
use crate::liveness::{Claimed, Live, require_member};

/// Is this access token good at this very moment?
///
/// By the session, the token version, the account and the membership in the database, not by any cache.
#[utoipa::path(
    tag = "trust",
    request_body = IntrospectionRequest,
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = Introspection),
    ),
)]
#[post("/internal/v1/introspect")]
pub async fn introspect(
    _caller: RequireScope<TrustScope>,
    auth: web::Data<Auth>,
    body: Body<IntrospectionRequest>,
) -> Result<web::Json<Introspection>, Error> {
    let inactive = Introspection {
        active: false,
        user_id: None,
        tenant_id: None,
        roles: Vec::new(),
        custom_roles: Vec::new(),
        scope: None,
    };
    let Ok(claims) = auth.platform.identity.user_tokens.verify(&body.0.token) else {
        return Ok(web::Json(inactive));
    };
    let now = auth.platform.clock.now();
    let claimed =
        Claimed { user: claims.sub, tenant: claims.tenant_id, session: claims.sid, token_version: claims.tv };
    let scope = Scope::realm(auth.realm).with_tenant(claimed.tenant).with_user(claimed.user);
    let live = glance(&auth.platform.database, &scope, "introspect", async |tx| {
        require_member(tx, auth.realm, claimed, now).await
    })
    .await;
    match live {
        Ok(Live { account, membership, .. }) => Ok(web::Json(Introspection {
            active: true,
            user_id: Some(account.id),
            tenant_id: Some(claimed.tenant),
            custom_roles: membership.custom_role_names(),
            // A program has no role: what its token says it may do, it may as long as the session lives.
            roles: if claims.scope.is_some() { Vec::new() } else { membership.roles },
            scope: claims.scope,
        })),
        // What opens enrolment only is good for no other service.
        Err(Error::Unauthenticated | Error::Refused(_)) => Ok(web::Json(inactive)),
        Err(error) => Err(error),
    }
}

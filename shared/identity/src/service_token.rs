//! Tokens that services sign for their own calls: short-lived, for one callee, with the acting tenant and user inside.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::{Deserialize, Serialize};
use shinkofa_kernel::{Clock, TenantId, UserId};
use shinkofa_web::Problem;
use uuid::Uuid;

use crate::actor::{bearer, denied, unauthenticated};
use crate::user_token::{check_times, decode, encode};
use crate::{Identity, Keyring, TokenError};

/// What a service says about its call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceClaims {
    /// Always `service`: which of them calls stands in `sub`.
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    pub jti: Uuid,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
}

/// Signs this service's calls and verifies the calls of others.
#[derive(Clone, Debug)]
pub struct ServiceTokens {
    keyring: Keyring,
    service: String,
    clock: Clock,
}

const ISSUER: &str = "service";
const TOKEN_TYPE: &str = "svc+jwt";
const LIFETIME_SECONDS: i64 = 300;

impl ServiceTokens {
    pub fn new(keyring: Keyring, service: impl Into<String>, clock: Clock) -> Self {
        Self { keyring, service: service.into(), clock }
    }

    pub fn service(&self) -> &str {
        &self.service
    }

    /// A token for one call to `audience`.
    pub fn sign(
        &self,
        audience: &str,
        scope: &str,
        tenant_id: Option<TenantId>,
        user_id: Option<UserId>,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let now = self.clock.now().timestamp();
        let claims = ServiceClaims {
            iss: ISSUER.to_owned(),
            sub: self.service.clone(),
            aud: audience.to_owned(),
            scopes: vec![scope.to_owned()],
            tenant_id,
            user_id,
            jti: self.clock.new_uuid(),
            iat: now,
            nbf: now,
            exp: now + LIFETIME_SECONDS,
        };
        encode(&self.keyring, TOKEN_TYPE, &claims)
    }

    /// Verifies a token that another service signed for a call to this one.
    pub fn verify(&self, token: &str) -> Result<ServiceClaims, TokenError> {
        let claims: ServiceClaims = decode(&self.keyring, token, TOKEN_TYPE, ISSUER, &self.service)?;
        check_times(self.clock.now(), (claims.iat, claims.nbf, claims.exp), LIFETIME_SECONDS)?;
        Ok(claims)
    }
}

/// One part of a service's internal interface, as a type for [`RequireScope`].
pub trait Scope {
    const NAME: &'static str;
}

/// The service that calls an internal endpoint.
#[derive(Clone, Debug)]
pub struct ServiceCaller {
    pub name: String,
    pub tenant_id: Option<TenantId>,
    pub user_id: Option<UserId>,
    scopes: Vec<String>,
}

impl ServiceCaller {
    /// The tenant the call is about; 403 when the token names none.
    pub fn require_tenant(&self) -> Result<TenantId, Problem> {
        self.tenant_id.ok_or_else(denied)
    }
}

impl FromRequest for ServiceCaller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request))
    }
}

fn caller(request: &HttpRequest) -> Result<ServiceCaller, Problem> {
    let identity = request.app_data::<web::Data<Identity>>().ok_or_else(Problem::internal)?;
    let token = bearer(request).ok_or_else(unauthenticated)?;
    let claims = identity.service_tokens.verify(token).map_err(|_| unauthenticated())?;
    Ok(ServiceCaller {
        name: claims.sub,
        tenant_id: claims.tenant_id,
        user_id: claims.user_id,
        scopes: claims.scopes,
    })
}

/// A calling service whose token carries the scope `S`.
#[derive(Clone, Debug)]
pub struct RequireScope<S> {
    pub caller: ServiceCaller,
    scope: PhantomData<S>,
}

impl<S: Scope + 'static> FromRequest for RequireScope<S> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request).and_then(|caller| {
            if caller.scopes.iter().any(|scope| scope == S::NAME) {
                Ok(Self { caller, scope: PhantomData })
            } else {
                Err(denied())
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn tokens(service: &str) -> ServiceTokens {
        let secret: Vec<u8> = (0..48).map(|n: u8| n.wrapping_mul(73).wrapping_add(91)).collect();
        let keyring = Keyring::parse(&format!("test:{}", STANDARD.encode(secret))).unwrap();
        ServiceTokens::new(
            keyring,
            service,
            Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap()),
        )
    }

    proptest! {
        #[test]
        fn a_token_says_to_its_audience_what_was_signed_and_nothing_else_to_anybody(
            scope in ".{0,40}",
            tenant in prop::option::of(any::<u128>()),
            place in any::<prop::sample::Index>(),
            other in "[A-Za-z0-9_.=-]|.",
        ) {
            let (auth, credits) = (tokens("auth"), tokens("credits"));
            let tenant = tenant.map(|id| TenantId::from_uuid(Uuid::from_u128(id)));
            let token = tokens("booking").sign("auth", &scope, tenant, None).unwrap();
            let claims = auth.verify(&token).unwrap();
            prop_assert_eq!((claims.sub.as_str(), claims.scopes, claims.tenant_id), ("booking", vec![scope], tenant));
            prop_assert!(credits.verify(&token).is_err());
            let place = place.index(token.len());
            let mut changed = token.clone();
            changed.replace_range(place..=place, &other);
            let longer = token.clone() + &other;
            for shown in [changed, token[..place].to_owned(), longer] {
                prop_assert_eq!(auth.verify(&shown).is_ok(), shown == token);
            }
        }
    }
}

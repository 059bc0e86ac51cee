//! The caller of a public endpoint, as an extractor: a handler that takes one cannot forget to ask.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use chrono::{DateTime, Utc};
use shinkofa_kernel::{Actor, Role, SessionId, TenantId, Tier, UserId, defended};
use shinkofa_web::{Problem, RequestContext};

use crate::{
    AssuranceLevel, Grants, Machine, Permission, Revocations, RoleDirectory, ServiceTokens, Standing,
    TenantDirectory, TokenError, UserClaims, UserTokens,
};

/// What the extractors need: application data of every service.
#[derive(Clone, Debug)]
pub struct Identity {
    pub user_tokens: UserTokens,
    pub service_tokens: ServiceTokens,
    pub revocations: Revocations,
    pub tenants: TenantDirectory,
    pub roles: RoleDirectory,
}

/// The signed-in person who asks. As an extractor it lets people through alone; a service account comes through
/// [`RequirePermission`], and through nothing else.
#[derive(Clone, Debug)]
pub struct CurrentActor {
    pub user_id: UserId,
    pub tenant_id: TenantId,
    pub session_id: SessionId,
    pub token_version: i32,
    pub roles: Vec<Role>,
    /// What the roles that the tenant made itself allow them.
    pub granted: Vec<Permission>,
    pub tier: Tier,
    pub assurance: AssuranceLevel,
    /// What a step-up takes of this account.
    pub step_up: AssuranceLevel,
    /// When they last showed who they are.
    pub authenticated_at: DateTime<Utc>,
    /// Who of the staff sees the platform as this person does. They may look, not change.
    pub impersonator: Option<UserId>,
    /// What a service account was given. A person has none.
    pub machine: Option<Machine>,
}

impl CurrentActor {
    pub fn actor(&self) -> Actor {
        match &self.machine {
            Some(machine) => Actor::api_key(&machine.key_prefix, self.user_id),
            None => Actor::user(self.user_id),
        }
    }

    pub fn may<P: Grants>(&self) -> bool {
        match &self.machine {
            Some(machine) => machine.may(P::PERMISSION),
            None => P::PERMISSION.is_held_by(&self.roles) || self.granted.contains(&P::PERMISSION),
        }
    }
}

impl FromRequest for CurrentActor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(current_actor(request))
    }
}

/// A person. Whatever a handler does for somebody it does for nobody else: there is no profile of a machine, and no wallet.
pub(crate) fn current_actor(request: &HttpRequest) -> Result<CurrentActor, Problem> {
    let caller = current_caller(request)?;
    if caller.machine.is_some() { Err(people_only()) } else { Ok(caller) }
}

/// A person, or a service account.
fn current_caller(request: &HttpRequest) -> Result<CurrentActor, Problem> {
    caller_with(request, bearer(request).ok_or_else(unauthenticated)?)
}

/// Whoever this token speaks for. What they may is not asked yet.
fn caller_with(request: &HttpRequest, token: &str) -> Result<CurrentActor, Problem> {
    let identity = request.app_data::<web::Data<Identity>>().ok_or_else(Problem::internal)?;
    match identity.user_tokens.verify(token) {
        Ok(claims) => actor_of(request, identity, claims),
        Err(_) => {
            // Said to whoever may enrol alone: to anybody else such a token is as good as none.
            enrolling_actor(request, token)?;
            Err(enrolment_required())
        }
    }
}

/// Somebody who has to enrol a second factor before anything else.
fn enrolling_actor(request: &HttpRequest, token: &str) -> Result<CurrentActor, Problem> {
    let identity = request.app_data::<web::Data<Identity>>().ok_or_else(Problem::internal)?;
    let claims =
        identity.user_tokens.verify_for_enrolment(token).map_err(|_: TokenError| unauthenticated())?;
    actor_of(request, identity, claims)
}

fn actor_of(request: &HttpRequest, identity: &Identity, claims: UserClaims) -> Result<CurrentActor, Problem> {
    match identity.revocations.standing(&claims) {
        Standing::Good => {}
        Standing::Revoked => return Err(unauthenticated()),
        Standing::Unknown => return Err(revocations_unknown()),
    }
    if defended!("V28-snapshot") && !identity.tenants.is_open(claims.tenant_id) {
        return Err(unauthenticated());
    }
    if claims.ro && !request.method().is_safe() {
        return Err(read_only());
    }
    let here = host_tenant(request, identity);
    // The token alone says whose things its bearer may see, never the address that it is sent to.
    let tenant_id = if defended!("V24-tenant") { claims.tenant_id } else { here };
    if tenant_id != here {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "wrong_tenant",
            "This sign-in belongs to another studio than this address.",
            "Cette connexion appartient à un autre studio que cette adresse.",
        ));
    }
    let authenticated_at = DateTime::from_timestamp(claims.auth_time, 0).ok_or_else(unauthenticated)?;
    let machine = Machine::of(&claims);
    Ok(CurrentActor {
        user_id: claims.sub,
        tenant_id,
        session_id: claims.sid,
        token_version: claims.tv,
        roles: claims.roles,
        granted: identity.roles.permissions(tenant_id, &claims.custom_roles),
        tier: claims.tier,
        assurance: claims.acr,
        step_up: claims.step_up,
        authenticated_at,
        impersonator: claims.act.map(|acting| acting.sub),
        machine,
    })
}

/// The signed-in person who asks, and nobody in their place: for what is nobody else's to see, such as what they are elsewhere.
#[derive(Clone, Debug)]
pub struct OwnActor(pub CurrentActor);

impl FromRequest for OwnActor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(own_actor(request).map(Self))
    }
}

fn own_actor(request: &HttpRequest) -> Result<CurrentActor, Problem> {
    let actor = current_actor(request)?;
    if actor.impersonator.is_some() { Err(denied()) } else { Ok(actor) }
}

/// The signed-in person who asks as oneself, also one who is a member of nothing. For the few routes of auth that are of the account
/// alone, and for no other.
#[derive(Clone, Debug)]
pub struct AccountActor(pub CurrentActor);

impl FromRequest for AccountActor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(account_actor(request).or_else(|_| own_actor(request)).map(Self))
    }
}

/// A member of nothing.
fn account_actor(request: &HttpRequest) -> Result<CurrentActor, Problem> {
    let token = bearer(request).ok_or_else(unauthenticated)?;
    let identity = request.app_data::<web::Data<Identity>>().ok_or_else(Problem::internal)?;
    let claims = identity.user_tokens.verify_for_account(token).map_err(|_: TokenError| unauthenticated())?;
    actor_of(request, identity, claims)
}

/// The signed-in person who asks, whatever their token opens: to sign out.
#[derive(Clone, Debug)]
pub struct LeavingActor(pub CurrentActor);

impl FromRequest for LeavingActor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(account_actor(request).or_else(|_| current_or_enrolling(request)).map(Self))
    }
}

/// The signed-in person who asks, also one who has to enrol a second factor first. For the few routes of auth that
/// enrolment needs, and for no other.
#[derive(Clone, Debug)]
pub struct EnrollingActor(pub CurrentActor);

impl FromRequest for EnrollingActor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(current_or_enrolling(request).map(Self))
    }
}

fn current_or_enrolling(request: &HttpRequest) -> Result<CurrentActor, Problem> {
    let token = bearer(request).ok_or_else(unauthenticated);
    let enrolling = token.and_then(|token| enrolling_actor(request, token));
    enrolling.or_else(|_| current_actor(request))
}

/// The signed-in person or service account that asks, and that holds the permission `P`.
#[derive(Clone, Debug)]
pub struct RequirePermission<P> {
    pub actor: CurrentActor,
    permission: PhantomData<P>,
}

impl<P: Grants> RequirePermission<P> {
    /// The same of a token that did not come in the header as it is, but was brought by what did.
    pub fn with_token(request: &HttpRequest, token: &str) -> Result<Self, Problem> {
        caller_with(request, token).and_then(Self::of)
    }

    fn of(actor: CurrentActor) -> Result<Self, Problem> {
        if actor.may::<P>() { Ok(Self { actor, permission: PhantomData }) } else { Err(denied()) }
    }
}

impl<P: Grants + 'static> FromRequest for RequirePermission<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(current_caller(request).and_then(Self::of))
    }
}

/// The tenant of the host that was asked, for endpoints open to everybody.
#[derive(Clone, Copy, Debug)]
pub struct HostTenant(pub TenantId);

impl FromRequest for HostTenant {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let identity = request.app_data::<web::Data<Identity>>().ok_or_else(Problem::internal);
        ready(identity.map(|identity| Self(host_tenant(request, identity))))
    }
}

fn host_tenant(request: &HttpRequest, identity: &Identity) -> TenantId {
    let extensions = request.extensions();
    let host = extensions.get::<RequestContext>().map_or("", |context| context.host.as_str());
    identity.tenants.resolve(host)
}

/// The token of `Authorization: Bearer` (RFC 6750 section 2.1).
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut values = request.headers().get_all(AUTHORIZATION);
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (values.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then_some(token)
}

/// 401: no token, or one that is not good.
pub fn unauthenticated() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "unauthenticated",
        "Sign in and send a valid access token.",
        "Connectez-vous et envoyez un jeton d'accès valide.",
    )
    .with_header("www-authenticate", "Bearer")
}

/// 503: the token may have been revoked before this process started. The first snapshot is asked for twice a second.
fn revocations_unknown() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "revocations_unknown",
        "This part of the platform has just started and cannot check your sign-in yet. Nothing was changed; try again soon.",
        "Cette partie de la plateforme vient de démarrer et ne peut pas encore vérifier votre connexion. Rien n'a été modifié ; réessayez bientôt.",
    )
    .retry_after(2)
}

/// 403: a token for looking was used for changing.
pub fn read_only() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "read_only_token",
        "You are looking at the platform as somebody else: nothing can be changed that way.",
        "Vous voyez la plateforme à la place de quelqu'un d'autre : rien ne peut être modifié ainsi.",
    )
}

/// 403: a service account asks for what is a person's.
pub fn people_only() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "people_only",
        "Only a person can do this: you came with the token of a service account.",
        "Seule une personne peut faire cela : ce jeton est celui d'un compte de service.",
    )
}

/// 403: known, but not allowed.
pub fn denied() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "permission_denied",
        "Your role does not allow this.",
        "Votre rôle ne permet pas cette action.",
    )
}

/// 403: signed in, but not before a second factor is enrolled.
pub fn enrolment_required() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "second_factor_enrolment_required",
        "Your role needs a second factor. Enrol an authenticator app or a passkey first, then refresh your token.",
        "Votre rôle exige un second facteur. Enregistrez d'abord une application d'authentification ou une clé d'accès, puis renouvelez votre jeton.",
    )
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_what_stands_behind_the_one_scheme(
            scheme in "[Bb]earer|BEARER|Basic|[A-Za-z]{0,8}",
            token in "[!-~]{0,40}",
        ) {
            let header = format!("{scheme} {token}");
            let once = TestRequest::default().insert_header((AUTHORIZATION, header.as_str())).to_http_request();
            let is_bearer = scheme.eq_ignore_ascii_case("bearer");
            prop_assert_eq!(bearer(&once), is_bearer.then_some(token.as_str()));
            let twice = TestRequest::default().append_header((AUTHORIZATION, header.as_str()));
            let twice = twice.append_header((AUTHORIZATION, header.as_str())).to_http_request();
            prop_assert_eq!(bearer(&twice), None);
        }

        #[test]
        fn whatever_the_header_says_is_no_fault(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let bytes = [&b"Bearer "[..], &bytes[..]].concat();
            if let Ok(header) = HeaderValue::from_bytes(&bytes) {
                let request = TestRequest::default().insert_header((AUTHORIZATION, header)).to_http_request();
                prop_assert!(bearer(&request).is_none_or(|token| bytes.ends_with(token.as_bytes())));
            }
        }
    }
}

//! People for tests: their tokens are signed with the test keyring, as auth would.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shinkofa_identity::{AssuranceLevel, Keyring, Permission, SERVICE_ACCOUNT, UserClaims, UserTokens};
use shinkofa_kernel::{Clock, Role, SessionId, TenantId, Tier, UserId};

/// Somebody with a token.
#[derive(Clone, Debug)]
pub struct TestUser {
    pub user_id: UserId,
    pub tenant_id: TenantId,
    pub session_id: SessionId,
    pub token: String,
}

/// A keyring file with one key, the same in every test.
pub(crate) fn keyring_text(kid: &str, start: u8) -> String {
    let secret: Vec<u8> = (0..48).map(|n: u8| n.wrapping_mul(73).wrapping_add(start)).collect();
    format!("{kid}:{}", STANDARD.encode(secret))
}

pub(crate) fn user_keyring() -> String {
    keyring_text("test-user", 17)
}

pub(crate) fn service_keyring() -> String {
    keyring_text("test-service", 91)
}

pub(crate) fn parse(keyring: &str) -> Keyring {
    Keyring::parse(keyring).expect("the test keyring is good")
}

impl TestUser {
    /// A fresh person with `roles` in `tenant`, whose token was issued now and lives 15 minutes.
    pub fn new(clock: &Clock, issuer: &str, tenant: TenantId, roles: &[Role]) -> Self {
        Self::with_id(UserId::new(clock), clock, issuer, tenant, roles)
    }

    /// The same for somebody with roles that the tenant made itself.
    pub fn with_custom_roles(clock: &Clock, issuer: &str, tenant: TenantId, custom_roles: &[&str]) -> Self {
        let mut claims = claims(UserId::new(clock), clock, issuer, (tenant, &[Role::Member]));
        claims.custom_roles = custom_roles.iter().map(|role| (*role).to_owned()).collect();
        Self::holding(claims, clock)
    }

    pub fn with_id(user_id: UserId, clock: &Clock, issuer: &str, tenant: TenantId, roles: &[Role]) -> Self {
        Self::holding(claims(user_id, clock, issuer, (tenant, roles)), clock)
    }

    /// A service account of `tenant` that may do what `scopes` name.
    pub fn service_account(clock: &Clock, issuer: &str, tenant: TenantId, scopes: &[Permission]) -> Self {
        let scopes: Vec<_> = scopes.iter().map(|permission| permission.as_str()).collect();
        let mut claims = claims(UserId::new(clock), clock, issuer, (tenant, &[]));
        claims.acct = SERVICE_ACCOUNT.to_owned();
        claims.amr = vec!["api_key".to_owned()];
        claims.scope = Some(scopes.join(" "));
        claims.client_id = Some("shk_testtesttest".to_owned());
        Self::holding(claims, clock)
    }

    fn holding(claims: UserClaims, clock: &Clock) -> Self {
        let (user_id, tenant_id, session_id) = (claims.sub, claims.tenant_id, claims.sid);
        let tokens = UserTokens::new(parse(&user_keyring()), claims.iss.clone(), clock.clone());
        let token = tokens.sign(claims).expect("the test keyring signs");
        Self { user_id, tenant_id, session_id, token }
    }
}

fn claims(user_id: UserId, clock: &Clock, issuer: &str, (tenant, roles): (TenantId, &[Role])) -> UserClaims {
    let now = clock.now().timestamp();
    UserClaims {
        iss: issuer.to_owned(),
        aud: Vec::new(),
        sub: user_id,
        user_id_camel: user_id,
        user_id_snake: user_id,
        email: format!("{user_id}@example.test"),
        email_verified: true,
        roles: roles.to_vec(),
        custom_roles: Vec::new(),
        tier: Tier::Free,
        tenant_id: tenant,
        sid: SessionId::new(clock),
        jti: clock.new_uuid(),
        tv: 1,
        amr: vec!["pwd".to_owned()],
        acr: AssuranceLevel::Aal1,
        step_up: AssuranceLevel::Aal1,
        auth_time: now,
        acct: "member".to_owned(),
        act: None,
        ro: false,
        scope: None,
        client_id: None,
        iat: now,
        nbf: now,
        exp: now + 900,
    }
}

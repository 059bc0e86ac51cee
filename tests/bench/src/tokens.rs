//! Access tokens as auth gives them out.

use shinkofa_identity::{AssuranceLevel, LONGEST_TOKEN, UserClaims};
use shinkofa_kernel::{Clock, Role, SessionId, TenantId, Tier, UserId};

/// What auth says about a member who signed in a moment ago, for as long as a verifier takes a token.
pub fn member_claims(clock: &Clock, user: UserId, session: SessionId) -> UserClaims {
    let now = clock.now().timestamp();
    UserClaims {
        iss: String::new(),
        aud: Vec::new(),
        sub: user,
        user_id_camel: user,
        user_id_snake: user,
        email: format!("{user}@bench.invalid"),
        email_verified: true,
        roles: vec![Role::Member],
        custom_roles: Vec::new(),
        tier: Tier::Free,
        tenant_id: TenantId::DEFAULT,
        sid: session,
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
        exp: now + LONGEST_TOKEN.num_seconds(),
    }
}

//! People: those who sign up as everybody does, and crowds whose tokens are minted.

use serde_json::{Value, json};
use shinkofa_identity::{AssuranceLevel, UserClaims};
use shinkofa_kernel::{RealmId, Role, SessionId, TenantId, Tier, UserId};

use crate::Stack;

/// Who acts: an id and a token.
#[derive(Clone, Debug)]
pub struct Member {
    pub user_id: UserId,
    pub token: String,
}

impl AsRef<str> for Member {
    fn as_ref(&self) -> &str {
        &self.token
    }
}

/// Somebody with an account.
#[derive(Clone, Debug)]
pub struct Person {
    pub email: String,
    pub password: String,
    pub name: String,
    pub member: Member,
    pub refresh_token: String,
}

impl AsRef<str> for Person {
    fn as_ref(&self) -> &str {
        &self.member.token
    }
}

impl Person {
    pub fn user_id(&self) -> UserId {
        self.member.user_id
    }
}

impl Stack {
    /// Signs somebody up, confirms the address with the link of the mail, and signs them in.
    pub async fn sign_up(&self, locale: &str) -> Person {
        let email = format!("{}@{}", self.fresh("person"), self.domain);
        let password = self.fresh("Passw0rd");
        let name = "Camille Exemple".to_owned();
        let body = json!({ "email": email, "password": password, "name": name, "locale": locale });
        self.post("/api/auth/signup").json(&body).send().await.expect(202);
        let token = self.verification_token(&email).await;
        self.post("/api/auth/email/verify").json(&json!({ "token": token })).send().await.expect(204);
        let answer = self.sign_in(&email, &password).await;
        let member = Member { user_id: user_id(&answer["user"]), token: text(&answer, "accessToken") };
        Person { email, password, name, member, refresh_token: text(&answer, "refreshToken") }
    }

    /// The answer of a sign-in that must succeed.
    pub async fn sign_in(&self, email: &str, password: &str) -> Value {
        let credentials = json!({ "email": email, "password": password });
        self.post("/api/auth/signin").json(&credentials).send().await.expect(200).body
    }

    /// Members of the default tenant whom auth knows, and who are signed in for an hour: for crowds, at the price of a signature and a
    /// few rows each.
    pub async fn enlist(&self, count: usize) -> Vec<Member> {
        let minted: Vec<_> = (0..count).map(|_| self.minted(TenantId::DEFAULT, &[Role::Member])).collect();
        let rows: Vec<_> = minted
            .iter()
            .map(|(member, session)| format!("('{}'::uuid, '{session}'::uuid)", member.user_id))
            .collect();
        let (realm, tenant, domain) = (RealmId::DEFAULT, TenantId::DEFAULT, &self.domain);
        let enlisted = format!("(VALUES {}) AS enlisted (person, session)", rows.join(", "));
        self.superuser()
            .await
            .run(&format!(
                "INSERT INTO auth.users (realm_id, id, kind, status, email, email_canonical, email_verified_at, name, locale,
                    token_version, created_at, updated_at)
                 SELECT '{realm}', person, 'member', 'active', person || '@{domain}', person || '@{domain}', now(), 'One of many',
                    'en', 1, now(), now() FROM {enlisted};
                 INSERT INTO auth.memberships (tenant_id, user_id, realm_id, status, tier, created_at, updated_at)
                 SELECT '{tenant}', person, '{realm}', 'active', 'free', now(), now() FROM {enlisted};
                 INSERT INTO auth.membership_roles (tenant_id, user_id, role) SELECT '{tenant}', person, 'member' FROM {enlisted};
                 INSERT INTO auth.sessions (realm_id, id, user_id, for_tenant, generation, session_key_sealed, rotated_at,
                    surroundings_hash, amr, acr, authenticated_at, sliding_expires_at, absolute_expires_at)
                 SELECT '{realm}', session, person, '{tenant}', 1, 'nothing refreshes it', now(), sha256('nowhere'), 'pwd', 'aal1',
                    now(), now() + interval '1 hour', now() + interval '1 hour' FROM {enlisted}"
            ))
            .await;
        minted.into_iter().map(|(member, _)| member).collect()
    }

    /// One of them.
    pub async fn enlist_one(&self) -> Member {
        self.enlist(1).await.remove(0)
    }

    /// A member of the default tenant whom auth does not know: at the price of a signature, for what asks auth nothing. The token
    /// lives an hour.
    pub fn mint(&self) -> Member {
        self.mint_as(&[Role::Member])
    }

    /// The same with other roles.
    pub fn mint_as(&self, roles: &[Role]) -> Member {
        self.mint_in(TenantId::DEFAULT, roles)
    }

    /// The same in another tenant.
    pub fn mint_in(&self, tenant: TenantId, roles: &[Role]) -> Member {
        self.minted(tenant, roles).0
    }

    fn minted(&self, tenant: TenantId, roles: &[Role]) -> (Member, SessionId) {
        let session = SessionId::new(&self.clock);
        let user_id = UserId::new(&self.clock);
        let now = self.clock.now().timestamp();
        let claims = UserClaims {
            iss: String::new(),
            aud: Vec::new(),
            sub: user_id,
            user_id_camel: user_id,
            user_id_snake: user_id,
            email: format!("{user_id}@{}", self.domain),
            email_verified: true,
            roles: roles.to_vec(),
            custom_roles: Vec::new(),
            tier: Tier::Free,
            tenant_id: tenant,
            sid: session,
            jti: self.clock.new_uuid(),
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
            exp: now + 3600,
        };
        let token = self.tokens.sign(claims).expect("the stack's keyring signs");
        (Member { user_id, token }, session)
    }
}

pub(crate) fn text(body: &Value, member: &str) -> String {
    body[member].as_str().unwrap_or_else(|| panic!("no {member} in {body:#}")).to_owned()
}

pub(crate) fn user_id(user: &Value) -> UserId {
    text(user, "userId").parse().expect("userId is a UUID")
}

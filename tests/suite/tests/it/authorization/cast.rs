//! Everybody that there is: one of each role, signed in.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;
use shinkofa_identity::Permission;
use shinkofa_kernel::{Role as TenantRole, TenantId};
use suite::{App, Member, Stack, until};

use crate::studios::Founder;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Nobody,
    Guest,
    Member,
    Coach,
    Moderator,
    Manager,
    Admin,
    /// A manager who has no second factor yet.
    Enrolling,
    /// A member as an admin sees them.
    Impersonated,
    /// A member with a role that the studio made itself.
    CustomRoleHolder,
    /// The token of a service account.
    Program,
    /// The admin of another studio, with their token of it.
    OfAnotherTenant,
    /// A plain member of another studio, likewise.
    MemberOfAnotherTenant,
}

/// All that the custom role allows, and all that the program may do. Neither is auth's own: a service asks the roles that it was told
/// of, and the scope in the token.
const OF_CUSTOM_ROLE: Permission = Permission::ManageSessions;
const OF_PROGRAM: Permission = Permission::ManageClasses;
const CUSTOM_ROLE: &str = "suite-matrix";

impl Role {
    pub const ALL: [Self; 13] = [
        Self::Nobody,
        Self::Guest,
        Self::Member,
        Self::Coach,
        Self::Moderator,
        Self::Manager,
        Self::Admin,
        Self::Enrolling,
        Self::Impersonated,
        Self::CustomRoleHolder,
        Self::Program,
        Self::OfAnotherTenant,
        Self::MemberOfAnotherTenant,
    ];

    /// Does it give its holder this permission?
    pub fn holds(self, permission: Permission) -> bool {
        match self {
            Self::Program => permission == OF_PROGRAM,
            Self::CustomRoleHolder if permission == OF_CUSTOM_ROLE => true,
            _ => permission.is_held_by(self.roles()),
        }
    }

    /// The roles of the system that their token tells of.
    fn roles(self) -> &'static [TenantRole] {
        match self {
            Self::Nobody | Self::Guest | Self::Enrolling | Self::Program => &[],
            Self::Member | Self::Impersonated | Self::CustomRoleHolder | Self::MemberOfAnotherTenant => {
                &[TenantRole::Member]
            }
            Self::Coach => &[TenantRole::Coach],
            Self::Moderator => &[TenantRole::Moderator],
            Self::Manager => &[TenantRole::Manager],
            Self::Admin | Self::OfAnotherTenant => &[TenantRole::Admin],
        }
    }
}

/// Those who are signed in at the moment.
pub struct Cast<'a> {
    stack: &'a Stack,
    tokens: BTreeMap<Role, String>,
}

impl<'a> Cast<'a> {
    pub async fn gather(stack: &'a Stack) -> Self {
        make_custom_role(stack).await;
        let mut cast = Self { stack, tokens: BTreeMap::new() };
        for role in Role::ALL {
            cast.token(role).await;
        }
        cast
    }

    /// The token of somebody in this role. Somebody new where there is none.
    pub async fn token(&mut self, role: Role) -> Option<String> {
        if role == Role::Nobody {
            return None;
        }
        if !self.tokens.contains_key(&role) {
            let token = newcomer(self.stack, role).await;
            self.tokens.insert(role, token);
        }
        self.tokens.get(&role).cloned()
    }

    /// Who is in this role is not asked again.
    pub fn leaves(&mut self, role: Role) {
        self.tokens.remove(&role);
    }
}

async fn newcomer(stack: &Stack, role: Role) -> String {
    match role {
        Role::Nobody => String::new(),
        Role::Guest => {
            let answer = stack.post("/api/auth/anonymous").json(&json!({})).send().await.expect(201);
            answer.text("accessToken")
        }
        Role::Member => stack.sign_up("en").await.member.token,
        Role::Coach => employee(stack, TenantRole::Coach, App::None).await,
        Role::Moderator => employee(stack, TenantRole::Moderator, App::None).await,
        Role::Manager => employee(stack, TenantRole::Manager, App::Enrolled).await,
        Role::Admin => employee(stack, TenantRole::Admin, App::Enrolled).await,
        Role::Enrolling => employee(stack, TenantRole::Manager, App::None).await,
        Role::Impersonated => {
            let admin = employee(stack, TenantRole::Admin, App::Enrolled).await;
            impersonated(stack, &admin, &stack.sign_up("en").await.member).await
        }
        Role::CustomRoleHolder => of_custom_role(stack).await,
        Role::Program => program(stack).await,
        Role::OfAnotherTenant => founder(stack).await,
        Role::MemberOfAnotherTenant => {
            let slug = stack.fresh("studio")[..20].to_owned();
            let studio = Founder::hire(stack).await.found(stack, &slug).await;
            studio.admit(stack, &stack.sign_up("en").await).await
        }
    }
}

/// One for all runs. Who has it is let in when every process of the service was told what it allows.
async fn make_custom_role(stack: &Stack) {
    let admin = employee(stack, TenantRole::Admin, App::Enrolled).await;
    let role = json!({ "name": CUSTOM_ROLE, "permissions": [OF_CUSTOM_ROLE.as_str()] });
    let made = stack.post("/api/tenants/roles").bearer(&admin).json(&role).send().await;
    assert!(made.status == 201 || made.body["code"] == "role_exists", "{made:?}");
    let holder = of_custom_role(stack).await;
    for process in stack.processes_of("booking").await {
        let url = format!("http://127.0.0.1:{}/api/sessions", process.ports[0]);
        until("what the custom role allows is known", async || {
            let call = stack.call(Method::POST, url.clone()).bearer(&holder);
            let call = call.header("host", &format!("app.{}", stack.domain));
            let answer = call.idempotency_key(&stack.fresh("matrix")).json(&json!({})).send().await;
            (answer.status != 403).then_some(())
        })
        .await;
    }
}

/// Whoever has a role that allows anything needs a second factor.
async fn of_custom_role(stack: &Stack) -> String {
    let account = stack.hire(TenantRole::Member, App::Enrolled).await;
    let give = format!(
        "INSERT INTO auth.membership_roles (tenant_id, user_id, role)
         SELECT '{}', id, '{CUSTOM_ROLE}' FROM auth.users WHERE email = '{}'",
        TenantId::DEFAULT,
        account.email
    );
    stack.superuser().await.run(&give).await;
    let answer = stack.sign_in_with_app(&account).await;
    answer["accessToken"].as_str().expect("a token").to_owned()
}

async fn program(stack: &Stack) -> String {
    const ACCOUNTS: &str = "/api/tenants/service-accounts";
    let admin = employee(stack, TenantRole::Admin, App::Enrolled).await;
    let account = json!({ "name": "Matrix", "scopes": [OF_PROGRAM.as_str()] });
    let made = stack.post(ACCOUNTS).bearer(&admin).json(&account).send().await.expect(201);
    let keys = format!("{ACCOUNTS}/{}/keys", made.text("id"));
    let made = stack.post(&keys).bearer(&admin).json(&json!({ "name": "Matrix" })).send().await.expect(201);
    let shown = json!({ "grantType": "client_credentials", "apiKey": made.text("apiKey") });
    stack.post("/api/auth/token").json(&shown).send().await.expect(200).text("accessToken")
}

/// The admin of a studio of their own, with their token of it.
async fn founder(stack: &Stack) -> String {
    let account = stack.hire(TenantRole::Admin, App::Enrolled).await;
    let session = stack.sign_in_with_app(&account).await;
    let token = session["accessToken"].as_str().expect("a token");
    let slug = stack.fresh("studio")[..20].to_owned();
    let body = json!({ "slug": slug, "name": "Studio", "timeZone": "Europe/Paris", "defaultLocale": "fr" });
    let made = stack.post("/api/tenants").bearer(token).json(&body).send().await.expect(201);
    let body = json!({ "tenantId": made.text("tenantId"), "refreshToken": session["refreshToken"] });
    let switch = stack.post("/api/tenants/switch").bearer(token).json(&body);
    switch.send().await.expect(200).text("accessToken")
}

pub async fn employee(stack: &Stack, role: TenantRole, app: App) -> String {
    let account = stack.hire(role, app).await;
    let answer = match app {
        App::Enrolled => stack.sign_in_with_app(&account).await,
        App::None => stack.sign_in(&account.email, &account.password).await,
    };
    answer["accessToken"].as_str().expect("a token").to_owned()
}

async fn impersonated(stack: &Stack, admin: &str, member: &Member) -> String {
    let call = stack.post(&format!("/api/admin/users/{}/impersonate", member.user_id)).bearer(admin);
    let answer = call.json(&json!({ "reason": "The matrix looks at what a member sees" })).send().await;
    answer.expect(200).text("accessToken")
}

//! Everybody that there is: one of each role, signed in.

use std::collections::BTreeMap;

use serde_json::json;
use shinkofa_kernel::Role as TenantRole;
use suite::{App, Member, Stack};

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
    /// The admin of another studio, with their token of it.
    OfAnotherTenant,
}

impl Role {
    pub const ALL: [Self; 10] = [
        Self::Nobody,
        Self::Guest,
        Self::Member,
        Self::Coach,
        Self::Moderator,
        Self::Manager,
        Self::Admin,
        Self::Enrolling,
        Self::Impersonated,
        Self::OfAnotherTenant,
    ];

    /// The roles that their token tells of.
    pub fn roles(self) -> &'static [TenantRole] {
        match self {
            Self::Nobody | Self::Guest | Self::Enrolling => &[],
            Self::Member | Self::Impersonated => &[TenantRole::Member],
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
        Role::OfAnotherTenant => founder(stack).await,
    }
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

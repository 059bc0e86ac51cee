//! Studios beside the one that every installation has, as tests need them.

use auth::Auth;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, Call, TestApp};

use crate::people::{self, PASSWORD, address, text};
use crate::staff::token;
use crate::{factors, letters};

/// A studio, and its first admin signed in to it.
pub struct Studio {
    pub id: String,
    pub slug: String,
    /// The answer to the switch.
    pub admin: Value,
    /// The admin's sign-in to the default tenant.
    pub elsewhere: Value,
}

impl Studio {
    pub fn host(&self) -> String {
        format!("{}.shinkofa.localhost", self.slug)
    }

    /// A request to the studio's own host, with a token of its.
    pub fn call(&self, app: &TestApp<Auth>, method: Method, path: &str, by: &Value) -> Call {
        app.call(method, path).at_host(&self.host()).token(token(by))
    }

    pub async fn get(&self, app: &TestApp<Auth>, path: &str, by: &Value) -> Answer {
        self.call(app, Method::GET, path, by).send().await
    }

    pub async fn post(&self, app: &TestApp<Auth>, path: &str, by: &Value, body: Value) -> Answer {
        self.call(app, Method::POST, path, by).json(&body).send().await
    }

    pub async fn delete(&self, app: &TestApp<Auth>, path: &str, by: &Value) -> Answer {
        self.call(app, Method::DELETE, path, by).send().await
    }

    /// The roles of a member are to be these.
    pub async fn set_roles(&self, app: &TestApp<Auth>, by: &Value, whom: &str, roles: &[&str]) -> Answer {
        let path = format!("/api/tenants/members/{whom}");
        self.call(app, Method::PATCH, &path, by).json(&json!({ "roles": roles })).send().await
    }

    pub async fn make_role(&self, app: &TestApp<Auth>, name: &str, permissions: &[&str]) -> Answer {
        let body = json!({ "name": name, "permissions": permissions });
        self.post(app, "/api/tenants/roles", &self.admin, body).await
    }

    pub async fn invite(&self, app: &TestApp<Auth>, by: &Value, email: &str, roles: &[&str]) -> Answer {
        let body = json!({ "kind": "email", "email": email, "roles": roles });
        self.post(app, "/api/tenants/invitations", by, body).await
    }

    /// The code of a new invitation that so many may use.
    pub async fn code(&self, app: &TestApp<Auth>, roles: &[&str], uses: u16) -> String {
        let body = json!({ "kind": "code", "roles": roles, "maxUses": uses });
        self.post(app, "/api/tenants/invitations", &self.admin, body).await.expect(201).text("code")
    }

    /// Somebody of the default tenant, with an authenticator app, who accepts an invitation and switches: signed in here.
    pub async fn member(&self, app: &TestApp<Auth>, who: &str, roles: &[&str]) -> Value {
        let code = self.code(app, roles, 1).await;
        let body = factors::signed_in_as(app, &address(app, who), "member").await.0;
        accept(app, &body, json!({ "code": code })).await.expect(200);
        switch(app, &body, &self.id).await.expect(200).body
    }
}

/// Somebody with an authenticator app makes a studio and signs in to it.
pub async fn studio(app: &TestApp<Auth>, who: &str, slug: &str) -> Studio {
    let elsewhere = factors::signed_in_as(app, &address(app, who), "member").await.0;
    let id = create(app, &elsewhere, slug).await.expect(201).text("tenantId");
    let admin = switch(app, &elsewhere, &id).await.expect(200).body;
    Studio { id, slug: slug.to_owned(), admin, elsewhere }
}

pub fn described(slug: &str) -> Value {
    json!({ "slug": slug, "name": format!("Studio {slug}"), "timeZone": "Europe/Paris", "defaultLocale": "fr" })
}

pub async fn create(app: &TestApp<Auth>, by: &Value, slug: &str) -> Answer {
    app.post("/api/tenants").token(token(by)).json(&described(slug)).send().await
}

pub async fn switch(app: &TestApp<Auth>, by: &Value, tenant: &str) -> Answer {
    let body = json!({ "tenantId": tenant, "refreshToken": text(by, "refreshToken") });
    app.post("/api/tenants/switch").token(token(by)).json(&body).send().await
}

pub async fn accept(app: &TestApp<Auth>, by: &Value, presented: Value) -> Answer {
    app.post("/api/tenants/invitations/accept").token(token(by)).json(&presented).send().await
}

/// The token of the newest invitation to this address, as notify would open it.
pub async fn invitation_token(app: &TestApp<Auth>, email: &str) -> String {
    let mut secrets = letters::secrets(app, email, "invitation").await;
    secrets.pop().expect("a letter").link_token.expect("a link")
}

/// What an access token says.
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

/// Signs in at a studio's host.
pub async fn sign_in_at(app: &TestApp<Auth>, host: &str, email: &str) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD });
    app.post("/api/auth/signin").at_host(host).json(&body).send().await
}

pub async fn profile_at(app: &TestApp<Auth>, host: &str, by: &Value) -> Answer {
    app.get("/api/user/profile").at_host(host).token(token(by)).send().await
}

pub async fn refresh_at(app: &TestApp<Auth>, host: &str, by: &Value) -> Answer {
    let body = json!({ "refreshToken": text(by, "refreshToken") });
    app.post("/api/auth/refresh").at_host(host).json(&body).send().await
}

/// The answer without what differs from request to request.
pub fn anonymous(mut answer: Answer) -> (u16, Value) {
    if let Some(members) = answer.body.as_object_mut() {
        members.remove("requestId");
    }
    (answer.status, answer.body)
}

/// Somebody of the default tenant without any second factor.
pub async fn plain_person(app: &TestApp<Auth>, who: &str) -> Value {
    people::signed_in(app, &address(app, who)).await
}

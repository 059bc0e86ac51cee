//! Studios beside the one that every installation has: made by their first admin, known to every process, and joined.

use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_kernel::{Role, UserId};
use suite::{Answer, App, Call, Person, Stack, until};

/// A studio, and its admin's token of it.
pub struct Studio {
    pub id: String,
    pub slug: String,
    pub admin: String,
}

/// A route of each service that whoever is signed in may take.
const ROUTES: [(&str, &str); 4] = [
    ("auth", "/api/user/profile"),
    ("credits", "/api/credits/wallet"),
    ("booking", "/api/booking"),
    ("notify", "/api/notifications"),
];

/// Somebody of the staff, who makes studios and signs in to them.
pub struct Founder {
    session: Value,
}

impl Founder {
    pub async fn hire(stack: &Stack) -> Self {
        let account = stack.hire(Role::Admin, App::Enrolled).await;
        Self { session: stack.sign_in_with_app(&account).await }
    }

    /// Makes a studio, and waits until every process of every service knows it.
    pub async fn found(&self, stack: &Stack, slug: &str) -> Studio {
        let token = text(&self.session, "accessToken");
        let made = stack.post("/api/tenants").bearer(token).json(&described(slug));
        let id = made.send().await.expect(201).text("tenantId");
        let admin = switch(stack, token, text(&self.session, "refreshToken"), &id).await;
        let studio = Studio { id, slug: slug.to_owned(), admin };
        studio.wait_until_known(stack).await;
        studio
    }
}

impl Studio {
    /// A request to the studio's own host.
    pub fn call(&self, stack: &Stack, method: Method, path: &str) -> Call {
        stack.call(method, stack.url_of(&self.slug, path))
    }

    pub async fn order(&self, stack: &Stack, path: &str, body: &Value) -> Answer {
        let key = stack.fresh("order");
        let call = self.call(stack, Method::POST, path).bearer(&self.admin).idempotency_key(&key);
        call.json(body).send().await
    }

    async fn wait_until_known(&self, stack: &Stack) {
        let host = format!("{}.{}", self.slug, stack.domain);
        for process in stack.processes().await {
            let Some((_, route)) = ROUTES.iter().find(|(service, _)| *service == process.name) else {
                continue;
            };
            let url = format!("http://127.0.0.1:{}{route}", process.ports[0]);
            until(&format!("{} knows the studio", process.name), async || {
                let call = stack.call(Method::GET, url.clone()).header("host", &host).bearer(&self.admin);
                (call.send().await.status == 200).then_some(())
            })
            .await;
        }
    }

    /// Somebody who has just joined: their id.
    pub async fn new_member(&self, stack: &Stack) -> UserId {
        let person = stack.sign_up("en").await;
        self.admit(stack, &person).await;
        person.user_id()
    }

    /// Somebody joins by a code and signs in here: their token of this studio.
    pub async fn admit(&self, stack: &Stack, person: &Person) -> String {
        let body = json!({ "kind": "code", "roles": ["member"] });
        let code = self.order(stack, "/api/tenants/invitations", &body).await.expect(201).text("code");
        let accept = stack.post("/api/tenants/invitations/accept").bearer(person);
        accept.json(&json!({ "code": code })).send().await.expect(200);
        switch(stack, person.as_ref(), &person.refresh_token, &self.id).await
    }
}

pub fn described(slug: &str) -> Value {
    json!({ "slug": slug, "name": "Studio Élan", "timeZone": "Europe/Paris", "defaultLocale": "fr" })
}

async fn switch(stack: &Stack, token: &str, refresh_token: &str, tenant: &str) -> String {
    let body = json!({ "tenantId": tenant, "refreshToken": refresh_token });
    let switch = stack.post("/api/tenants/switch").bearer(token).json(&body);
    switch.send().await.expect(200).text("accessToken")
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no text {member:?} in {value:#}"))
}

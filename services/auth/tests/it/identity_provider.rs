//! A studio's identity provider, as tests need one.

use auth::Auth;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, Call, TestApp};

use crate::letters;
use crate::machines::{Machine, machine};
use crate::people::{self, address, text};
use crate::staff::{staff, token};

pub const USERS: &str = "/api/tenants/scim/v2/Users";
pub const SCOPE: &str = "auth.provisioning.manage";

/// A studio's identity provider, which keeps one key.
pub struct Provider {
    pub app: TestApp<Auth>,
    pub admin: String,
    pub machine: Machine,
}

impl Provider {
    pub async fn start() -> Self {
        Self::of(TestApp::<Auth>::start().await).await
    }

    pub async fn of(app: TestApp<Auth>) -> Self {
        let admin = token(&staff(&app, "ada", "admin").await).to_owned();
        let machine = machine(&app, &admin, &[SCOPE]).await;
        Self { app, admin, machine }
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        self.app.call(method, path).token(&self.machine.key)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    pub async fn bring(&self, body: Value) -> Answer {
        let call = self.call(Method::POST, USERS).header("content-type", "application/scim+json");
        call.body(body.to_string()).send().await
    }

    pub async fn patch(&self, id: &str, operations: Value) -> Answer {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations,
        });
        self.call(Method::PATCH, &format!("{USERS}/{id}")).json(&body).send().await
    }

    pub async fn delete(&self, id: &str) -> Answer {
        self.call(Method::DELETE, &format!("{USERS}/{id}")).send().await
    }

    pub async fn find(&self, filter: &str) -> Value {
        self.get(&format!("{USERS}?filter={}", encoded(filter))).await.expect(200).body
    }

    /// The id of whoever has this user name.
    pub async fn id_of(&self, email: &str) -> String {
        let found = self.find(&format!("userName eq \"{email}\"")).await;
        text(&found["Resources"][0], "id").to_owned()
    }

    pub async fn active(&self, id: &str) -> bool {
        let shown = self.get(&format!("{USERS}/{id}")).await.expect(200).body;
        shown["active"].as_bool().expect("a boolean")
    }
}

/// The change that says whether somebody is to be active.
pub fn active(wanted: bool) -> Value {
    json!([{ "op": "replace", "path": "active", "value": wanted }])
}

pub fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

pub fn expect_error(answer: Answer, status: u16, scim_type: Option<&str>, code: &str) -> Answer {
    let answer = answer.expect(status);
    assert_eq!(answer.headers["content-type"], "application/scim+json");
    assert_eq!(answer.body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(
        (&answer.body["status"], &answer.body["scimType"], &answer.body["code"]),
        (&json!(status.to_string()), &json!(scim_type), &json!(code)),
        "{:#}",
        answer.body
    );
    answer
}

pub async fn join(app: &TestApp<Auth>, email: &str) -> Answer {
    let secret = letters::secrets(app, email, "invitation").await.pop().expect("a letter");
    let body = json!({ "token": secret.link_token.expect("a link") });
    app.post("/api/tenants/invitations/join").json(&body).send().await
}

/// Somebody with a confirmed address who is no member of the default tenant.
pub async fn outsider(app: &TestApp<Auth>, who: &str) -> String {
    let email = address(app, who);
    people::confirmed(app, &email).await;
    let leave =
        format!("DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE email = '{email}')");
    app.superuser().await.run(&leave).await;
    email
}

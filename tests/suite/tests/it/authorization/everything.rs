//! One row of everything that a path can name, in the tenant that every installation has: made as people and staff make it, and
//! written where a browser or two weeks would be needed. So there is an original to copy for each.

use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_kernel::Role;
use suite::{App, Person, Stack};

use super::cast::employee;
use crate::api_documents::{Operation, what_exists};

/// What stands before an id in a path, and the table that it names a row of. A route with an id that is not here fails the test.
const NAMED: [(&str, &str); 22] = [
    ("/api/admin/bans/", "auth.bans"),
    ("/api/admin/users/", "auth.users"),
    ("/api/auth/mfa/factors/", "auth.user_factors"),
    ("/api/auth/mfa/remembered-devices/", "auth.remembered_devices"),
    ("/api/auth/mfa/totp/", "auth.user_factors"),
    ("/api/auth/passkeys/", "auth.passkeys"),
    ("/api/auth/security-timeline/", "auth.audit_events"),
    ("/api/auth/sessions/", "auth.sessions"),
    ("/api/booking/", "booking.reservations"),
    ("/api/classes/", "booking.classes"),
    ("/api/me/certificates/", "auth.erasures"),
    ("/api/payment/", "credits.payments"),
    ("/api/sessions/", "booking.sessions"),
    ("/api/tenants/invitations/", "auth.invitations"),
    ("/api/tenants/members/", "auth.memberships"),
    (ROLES, "auth.roles"),
    ("/api/tenants/scim/v2/Users/", "auth.scim_users"),
    ("/api/tenants/service-accounts/", "auth.service_accounts"),
    ("/api/tenants/service-accounts/{id}/keys/", "auth.api_keys"),
    ("/api/tenants/webhooks/", "auth.webhook_endpoints"),
    ("/payment/", "credits.payments"),
    // Providers have names, and nobody's are anybody's own.
    ("/api/auth/oauth/", ""),
];
const ROLES: &str = "/api/tenants/roles/";

/// The tables that the ids of an operation's path name rows of, in their order.
pub fn named_by(operation: &Operation) -> Vec<&'static str> {
    let mut tables = Vec::new();
    for (place, _) in operation.path.match_indices('{') {
        let before = &operation.path[..place];
        let named = NAMED.iter().find(|(path, _)| *path == before);
        let (_, table) = named.unwrap_or_else(|| panic!("{}: what does its id name?", operation.name()));
        tables.extend(Some(*table).filter(|table| !table.is_empty()));
    }
    tables
}

/// Are its rows found by a name that people give them?
pub fn is_named_by_people(table: &str) -> bool {
    table == "auth.roles"
}

/// What the tests ask for by its id, or take away again.
pub struct Everything {
    admin: String,
    pub account: String,
    pub key: String,
    webhook: String,
    role: String,
}

impl Everything {
    pub async fn make(stack: &Stack) -> Self {
        what_exists(stack).await;
        let admin = employee(stack, Role::Admin, App::Enrolled).await;
        let create = async |path: &str, body: Value| {
            stack.post(path).bearer(&admin).json(&body).send().await.expect(201).body
        };
        let role = stack.fresh("r");
        create("/api/tenants/roles", json!({ "name": role, "permissions": ["booking.sessions.manage"] }))
            .await;
        let email = format!("{}@{}", stack.fresh("invited"), stack.domain);
        create("/api/tenants/invitations", json!({ "kind": "email", "email": email, "roles": ["member"] }))
            .await;
        let brought = json!({ "userName": format!("{}@{}", stack.fresh("brought"), stack.domain) });
        create("/api/tenants/scim/v2/Users", brought).await;
        let ban =
            json!({ "banId": stack.clock.new_uuid().to_string(), "address": "192.0.2.8", "reason": "Spam" });
        stack.post("/api/admin/bans").bearer(&admin).json(&ban).send().await.expect(200);
        let webhook = json!({ "url": "https://hooks.example.org/in", "eventTypes": ["membership.locked"] });
        let webhook = id_of(&create("/api/tenants/webhooks", webhook).await);
        // Nothing is to be sent there.
        let disable = stack.post(&format!("/api/tenants/webhooks/{webhook}/disable")).bearer(&admin);
        disable.json(&json!({})).send().await.expect(204);
        let account = json!({ "name": "Import", "scopes": ["booking.classes.manage"] });
        let account = id_of(&create("/api/tenants/service-accounts", account).await);
        let keys = format!("/api/tenants/service-accounts/{account}/keys");
        let key = id_of(&create(&keys, json!({ "name": "Import job" })).await);
        let leaver = stack.sign_up("en").await;
        ask_to_leave(stack, &leaver).await;
        write_what_takes_a_browser(stack, &leaver).await;
        Self { admin, account, key, webhook, role }
    }

    /// Takes away what a studio has few of.
    pub async fn remove(&self, stack: &Stack) {
        for path in [
            format!("/api/tenants/webhooks/{}", self.webhook),
            format!("{ROLES}{}", self.role),
            format!("/api/tenants/service-accounts/{}", self.account),
        ] {
            let call = stack.call(Method::DELETE, stack.url(&path)).bearer(&self.admin);
            call.json(&json!({})).send().await.expect(204);
        }
    }
}

fn id_of(made: &Value) -> String {
    made["id"].as_str().unwrap_or_else(|| panic!("no id in {made:#}")).to_owned()
}

/// Another address is asked for and not confirmed, and the end of the account two weeks from now.
async fn ask_to_leave(stack: &Stack, leaver: &Person) {
    let email = format!("{}@{}", stack.fresh("elsewhere"), stack.domain);
    let body = json!({ "newEmail": email, "currentPassword": leaver.password });
    stack.post("/api/auth/email/change").bearer(leaver).json(&body).send().await.expect(202);
    let body = json!({ "password": leaver.password });
    stack.post("/api/me/delete").bearer(leaver).json(&body).send().await.expect(202);
}

/// A passkey, a remembered device and an account at a provider.
async fn write_what_takes_a_browser(stack: &Stack, person: &Person) {
    let (factor, device) = (stack.clock.new_uuid(), stack.clock.new_uuid());
    let rows = format!(
        "INSERT INTO auth.user_factors (realm_id, user_id, id, kind, confirmed_at, created_at)
         SELECT realm_id, id, '{factor}', 'passkey', now(), now() FROM auth.users WHERE id = '{person}';
         INSERT INTO auth.passkeys (realm_id, user_id, id, credential_id, public_key, sign_count, backup_eligible,
             backed_up, transports, name, created_at)
         SELECT realm_id, id, '{factor}', uuid_send('{factor}'), '\\x00', 0, false, false, '', 'A key', now()
         FROM auth.users WHERE id = '{person}';
         INSERT INTO auth.remembered_devices (realm_id, user_id, id, token_hash, device_hash, token_version,
             remembered_at, last_used_at, expires_at)
         SELECT realm_id, id, '{device}', uuid_send('{device}'), uuid_send('{device}'), token_version,
             now(), now(), now() + interval '1 day'
         FROM auth.users WHERE id = '{person}';
         INSERT INTO auth.identities (realm_id, issuer, subject, user_id, provider, linked_at, last_used_at)
         SELECT realm_id, 'https://provider.example.org', '{person}', id, 'google', now(), now()
         FROM auth.users WHERE id = '{person}'",
        person = person.user_id()
    );
    stack.superuser().await.run(&rows).await;
}

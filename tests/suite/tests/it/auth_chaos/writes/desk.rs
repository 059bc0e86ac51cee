//! The desk of a studio: its admin makes roles and changes them, sets up webhooks, and invites people, who come.

use futures_util::future::join3;
use reqwest::Method;
use serde_json::{Value, json};
use suite::{Answer, Call, Member, Stack, Superuser};

use super::{Burst, ROUNDS};
use crate::studios::Studio;

/// In each round.
const ROLES: usize = 8;
const WEBHOOKS: usize = 4;
const GUESTS: usize = 8;

/// What a role may do when it is made, and when it was changed.
const FIRST: [&str; 2] = ["booking.classes.manage", "booking.sessions.manage"];
const SECOND: [&str; 2] = ["auth.audit.read", "auth.members.manage"];

/// A role that was asked for, and all that it may be by what was answered. None: it may not be there.
struct Role {
    name: String,
    may_be: Vec<Option<[&'static str; 2]>>,
}

/// A webhook that was asked for, and the id that was answered.
struct Webhook {
    description: String,
    id: Option<String>,
}

/// Somebody for whom an invitation was asked.
struct Guest {
    member: Member,
    invitation: Option<Invitation>,
}

/// One that was answered.
struct Invitation {
    id: String,
    code: String,
    /// Was it answered that they are a member now?
    is_let_in: bool,
}

pub struct Desk {
    studio: Studio,
    /// Those who are still to be invited.
    waiting: Vec<Member>,
    roles: Vec<Role>,
    webhooks: Vec<Webhook>,
    guests: Vec<Guest>,
}

impl Desk {
    pub async fn open(stack: &Stack, studio: Studio) -> Self {
        let waiting = stack.enlist(GUESTS * ROUNDS).await;
        Self { studio, waiting, roles: Vec::new(), webhooks: Vec::new(), guests: Vec::new() }
    }

    pub fn slug(&self) -> &str {
        &self.studio.slug
    }

    /// One writes roles, one webhooks and one invitations, each one thing after the other.
    pub async fn go_on(&mut self, burst: &Burst<'_>) {
        let come = self.waiting.split_off(self.waiting.len() - GUESTS);
        let studio = &self.studio;
        let (roles, webhooks, guests) =
            join3(make_roles(burst, studio), make_webhooks(burst, studio), invite(burst, studio, come)).await;
        self.roles.extend(roles);
        self.webhooks.extend(webhooks);
        self.guests.extend(guests);
    }

    pub async fn assert_whole_or_not_at_all(&self, stack: &Stack) {
        let mut superuser = stack.superuser().await;
        for role in &self.roles {
            role.check(&mut superuser, &self.studio.id).await;
        }
        self.check_webhooks(&mut superuser).await;
        self.check_invitations(&mut superuser).await;
    }

    async fn check_webhooks(&self, superuser: &mut Superuser) {
        let studio = &self.studio.id;
        let query = format!(
            "SELECT w.id::text AS id, w.description, w.secret_sealed <> '' AS sealed,
                (SELECT count(*) FROM auth.audit_events e WHERE e.tenant_id = w.tenant_id AND e.subject_id = w.id
                    AND e.action = 'webhook.created') AS noted
             FROM auth.webhook_endpoints w WHERE w.tenant_id = '{studio}'"
        );
        let rows = superuser.rows(&query).await;
        for row in &rows {
            assert!(row["sealed"] == true && row["noted"] == 1, "there in part: {row:#}");
        }
        for webhook in &self.webhooks {
            let found: Vec<_> =
                rows.iter().filter(|row| row["description"] == webhook.description.as_str()).collect();
            match &webhook.id {
                Some(id) => {
                    assert_eq!(found.len(), 1, "{} was answered", webhook.description);
                    assert_eq!(found[0]["id"], id.as_str());
                }
                None => assert!(found.len() <= 1, "{found:#?}"),
            }
        }
        let noted = format!(
            "SELECT count(*) FROM auth.audit_events WHERE tenant_id = '{studio}' AND action = 'webhook.created'"
        );
        assert_eq!(
            superuser.number(&noted).await,
            i64::try_from(rows.len()).expect("a count"),
            "noted and not there"
        );
    }

    async fn check_invitations(&self, superuser: &mut Superuser) {
        let studio = &self.studio.id;
        let query = format!(
            "SELECT i.id::text AS id, i.uses, i.code_sealed IS NOT NULL AS sealed,
                (SELECT jsonb_agg(role) FROM auth.invitation_roles r
                    WHERE r.tenant_id = i.tenant_id AND r.invitation_id = i.id) AS promised,
                (SELECT count(*) FROM auth.invitation_keys k
                    WHERE k.for_tenant = i.tenant_id AND k.invitation_id = i.id) AS keys,
                (SELECT count(*) FROM auth.invitation_acceptances a
                    WHERE a.tenant_id = i.tenant_id AND a.invitation_id = i.id) AS accepted,
                (SELECT jsonb_agg(action ORDER BY transaction, number) FROM auth.audit_events e
                    WHERE e.tenant_id = i.tenant_id AND e.subject_id = i.id) AS trail
             FROM auth.invitations i WHERE i.tenant_id = '{studio}'"
        );
        let rows = superuser.rows(&query).await;
        assert!(rows.len() <= self.guests.len(), "{} were asked for: {rows:#?}", self.guests.len());
        for row in &rows {
            let is_used = row["uses"] == 1;
            let trail: &[&str] = if is_used {
                &["invitation.created", "invitation.accepted"]
            } else {
                &["invitation.created"]
            };
            let whole = json!({
                "id": row["id"], "uses": i32::from(is_used), "sealed": true, "promised": ["member"], "keys": 1,
                "accepted": i32::from(is_used), "trail": trail,
            });
            assert_eq!(*row, whole, "there in part");
        }
        for guest in &self.guests {
            let Some(invitation) = &guest.invitation else { continue };
            let found = rows.iter().filter(|row| row["id"] == invitation.id.as_str());
            assert_eq!(found.count(), 1, "{} was answered", invitation.id);
            let is_member = self.is_member(superuser, guest).await;
            assert!(is_member || !invitation.is_let_in, "{} was answered", guest.member.user_id);
            let used = rows.iter().any(|row| row["id"] == invitation.id.as_str() && row["uses"] == 1);
            assert_eq!(used, is_member, "{}: an invitation that is used up makes a member", invitation.id);
        }
    }

    /// Fails the test where somebody is a member in part.
    async fn is_member(&self, superuser: &mut Superuser, guest: &Guest) -> bool {
        let (studio, user) = (&self.studio.id, guest.member.user_id);
        let query = format!(
            "SELECT (SELECT jsonb_agg(status) FROM auth.memberships
                    WHERE tenant_id = '{studio}' AND user_id = '{user}') AS status,
                (SELECT jsonb_agg(role) FROM auth.membership_roles
                    WHERE tenant_id = '{studio}' AND user_id = '{user}') AS roles,
                (SELECT jsonb_agg(action) FROM auth.audit_events
                    WHERE tenant_id = '{studio}' AND subject_id = '{user}') AS trail,
                (SELECT count(*) FROM auth.events WHERE for_tenant = '{studio}' AND aggregate_id = '{user}'
                    AND type = 'membership.changed') AS told"
        );
        let found = superuser.rows(&query).await.remove(0);
        let nobody = json!({ "status": null, "roles": null, "trail": null, "told": 0 });
        let member =
            json!({ "status": ["active"], "roles": ["member"], "trail": ["membership.begun"], "told": 1 });
        assert!(found == nobody || found == member, "{user} is a member in part: {found:#}");
        found == member
    }

    /// Whatever was made can be used, and whoever was not answered asks again.
    pub async fn finish(&mut self, stack: &Stack) {
        let listed = self.studio.call(stack, Method::GET, "/api/tenants/webhooks").bearer(&self.studio.admin);
        let listed = listed.send().await.expect(200);
        for webhook in listed.items() {
            let path = format!("/api/tenants/webhooks/{}/secret", webhook["id"].as_str().expect("an id"));
            let secret = self.studio.order(stack, &path, &json!({})).await.expect(200).text("secret");
            assert!(secret.starts_with("whsec_"));
        }
        for guest in &mut self.guests {
            let Some(invitation) = &mut guest.invitation else { continue };
            let answer = acceptance(stack, &guest.member, &invitation.code).send_until_answered().await;
            // Whoever is one already is told so, or that the invitation is used up.
            let expected: &[u16] = if invitation.is_let_in { &[409, 410] } else { &[200, 409, 410] };
            assert!(expected.contains(&answer.status), "{answer:?}");
            invitation.is_let_in = true;
        }
        self.assert_whole_or_not_at_all(stack).await;
    }
}

impl Role {
    /// It is one of what it may be, with all that it allows, and was noted as often as that.
    async fn check(&self, superuser: &mut Superuser, studio: &str) {
        let name = &self.name;
        let noted = |action: &str| {
            format!(
                "(SELECT count(*) FROM auth.audit_events WHERE tenant_id = '{studio}' AND action = '{action}'
                    AND details ->> 'role' = '{name}')"
            )
        };
        let query = format!(
            "SELECT (SELECT count(*) FROM auth.roles WHERE tenant_id = '{studio}' AND name = '{name}') AS there,
                (SELECT jsonb_agg(permission ORDER BY permission) FROM auth.role_permissions
                    WHERE tenant_id = '{studio}' AND role = '{name}') AS permissions,
                {} AS created, {} AS changed",
            noted("role.created"),
            noted("role.changed")
        );
        let found = superuser.rows(&query).await.remove(0);
        let is = |may_be: &Option<[&str; 2]>| {
            let there = i32::from(may_be.is_some());
            let changed = i32::from(*may_be == Some(SECOND));
            found == json!({ "there": there, "permissions": may_be, "created": there, "changed": changed })
        };
        assert!(self.may_be.iter().any(is), "{name} may be {:?}, and is {found:#}", self.may_be);
    }
}

/// As somebody of the studio sees whether auth is there.
fn probe(stack: &Stack, studio: &Studio) -> Call {
    studio.call(stack, Method::GET, "/api/user/profile").bearer(&studio.admin)
}

async fn order(
    burst: &Burst<'_>,
    studio: &Studio,
    (method, path): (Method, &str),
    body: Value,
) -> Option<Answer> {
    let stack = burst.stack;
    let call = studio.call(stack, method, path).bearer(&studio.admin).json(&body);
    burst.attempt(call, || probe(stack, studio)).await
}

async fn make_roles(burst: &Burst<'_>, studio: &Studio) -> Vec<Role> {
    let mut roles = Vec::new();
    for number in 0..ROLES {
        let name = format!("desk-{}-{number}", burst.round);
        let mut may_be = vec![None, Some(FIRST)];
        let body = json!({ "name": name, "permissions": FIRST });
        if let Some(answer) = order(burst, studio, (Method::POST, "/api/tenants/roles"), body).await {
            answer.expect(201);
            may_be = vec![Some(FIRST)];
        }
        let path = format!("/api/tenants/roles/{name}");
        match order(burst, studio, (Method::PUT, &path), json!({ "permissions": SECOND })).await {
            // It was not answered, and is not there.
            Some(answer) if answer.status == 404 && may_be.contains(&None) => may_be = vec![None],
            Some(answer) => {
                answer.expect(200);
                may_be = vec![Some(SECOND)];
            }
            None => may_be.push(Some(SECOND)),
        }
        roles.push(Role { name, may_be });
    }
    roles
}

async fn make_webhooks(burst: &Burst<'_>, studio: &Studio) -> Vec<Webhook> {
    let mut webhooks = Vec::new();
    for number in 0..WEBHOOKS {
        let description = format!("Webhook {number} of round {}", burst.round);
        let body = json!({
            "url": "https://hooks.example.org/in", "description": description, "eventTypes": ["membership.locked"],
        });
        let answer = order(burst, studio, (Method::POST, "/api/tenants/webhooks"), body).await;
        let id = answer.map(|answer| {
            let answer = answer.expect(201);
            assert!(answer.text("secret").starts_with("whsec_"));
            answer.text("id")
        });
        webhooks.push(Webhook { description, id });
    }
    webhooks
}

async fn invite(burst: &Burst<'_>, studio: &Studio, come: Vec<Member>) -> Vec<Guest> {
    let stack = burst.stack;
    let mut guests = Vec::new();
    for member in come {
        let body = json!({ "kind": "code", "roles": ["member"] });
        let made = order(burst, studio, (Method::POST, "/api/tenants/invitations"), body).await;
        let mut guest = Guest { member, invitation: None };
        if let Some(made) = made {
            let made = made.expect(201);
            let (id, code) = (made.text("invitationId"), made.text("code"));
            let accept = acceptance(stack, &guest.member, &code);
            let answer = burst.attempt(accept, || probe(stack, studio)).await;
            let is_let_in = answer.map(|answer| answer.expect(200)).is_some();
            guest.invitation = Some(Invitation { id, code, is_let_in });
        }
        guests.push(guest);
    }
    guests
}

fn acceptance(stack: &Stack, member: &Member, code: &str) -> Call {
    let call = stack.post("/api/tenants/invitations/accept").bearer(member);
    call.json(&json!({ "code": code }))
}

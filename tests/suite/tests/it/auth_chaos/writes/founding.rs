//! People who found one studio after the other. A studio has its owner, its settings and its roles from its first moment on.

use futures_util::future::join_all;
use serde_json::{Value, json};
use suite::{Call, Member, Stack, Superuser};

use super::Burst;
use crate::studios::described;

const FOUNDERS: usize = 6;
/// Nobody administers more than ten.
const STUDIOS_EACH: usize = 4;

/// A studio that somebody asked for.
struct Founding {
    founder: Member,
    slug: String,
    key: String,
    /// What they were answered.
    tenant: Option<String>,
}

pub struct Foundings {
    founders: Vec<Member>,
    asked: Vec<Founding>,
    /// Tells the studios of one run from those of another.
    run: String,
    /// What the system's roles allow in any tenant.
    permissions: i64,
}

impl Founding {
    fn call(&self, stack: &Stack) -> Call {
        stack
            .post("/api/tenants")
            .bearer(&self.founder)
            .idempotency_key(&self.key)
            .json(&described(&self.slug))
    }

    /// The studio as it is in the database. Fails the test where a part of it is missing, or there twice.
    async fn found(&self, superuser: &mut Superuser, permissions: i64) -> Option<String> {
        let user = self.founder.user_id;
        let query = format!(
            "SELECT t.id::text AS id,
                (SELECT count(*) FROM auth.tenant_realms r WHERE r.tenant_id = t.id) AS realms,
                (SELECT count(*) FROM auth.tenant_settings s WHERE s.tenant_id = t.id) AS settings,
                (SELECT count(*) FROM auth.roles r WHERE r.tenant_id = t.id AND r.system) AS roles,
                (SELECT count(*) FROM auth.role_permissions p WHERE p.tenant_id = t.id) AS permissions,
                (SELECT count(*) FROM auth.memberships m WHERE m.tenant_id = t.id) AS members,
                (SELECT count(*) FROM auth.memberships m WHERE m.tenant_id = t.id AND m.user_id = '{user}'
                    AND m.status = 'active') AS owners,
                (SELECT jsonb_agg(role) FROM auth.membership_roles m WHERE m.tenant_id = t.id AND m.user_id = '{user}') AS given,
                (SELECT jsonb_agg(action ORDER BY transaction, number) FROM auth.audit_events e WHERE e.tenant_id = t.id) AS trail,
                (SELECT count(*) FROM auth.events e WHERE e.for_tenant = t.id AND e.type = 'tenant.changed') AS told
             FROM auth.tenants t WHERE t.slug = '{}'",
            self.slug
        );
        let mut rows = superuser.rows(&query).await;
        assert!(rows.len() <= 1, "{rows:#?}");
        let mut studio = rows.pop()?;
        let id = studio["id"].take();
        let whole = json!({
            "id": null, "realms": 1, "settings": 1, "roles": 5, "permissions": permissions, "members": 1, "owners": 1,
            "given": ["admin"], "trail": ["tenant.created", "membership.begun"], "told": 1,
        });
        assert_eq!(studio, whole, "{} is there in part", self.slug);
        id.as_str().map(str::to_owned)
    }
}

impl Foundings {
    pub async fn prepare(stack: &Stack) -> Self {
        let founders = stack.enlist(FOUNDERS).await;
        let permissions = "SELECT count(*) FROM auth.role_permissions p
            JOIN auth.roles r ON r.tenant_id = p.tenant_id AND r.name = p.role
            JOIN auth.tenants t ON t.id = r.tenant_id WHERE r.system AND t.slug = 'default'";
        let permissions = stack.superuser().await.number(permissions).await;
        Self { founders, asked: Vec::new(), run: stack.fresh("r")[2..14].to_owned(), permissions }
    }

    pub fn slugs(&self) -> impl Iterator<Item = &str> {
        self.asked.iter().map(|founding| founding.slug.as_str())
    }

    /// Each founds theirs one after the other, all of them at once.
    pub async fn go_on(&mut self, burst: &Burst<'_>) {
        let founders = self.founders.iter().enumerate();
        let founded =
            join_all(founders.map(|(number, founder)| found_some(burst, &self.run, (number, founder))));
        let founded = founded.await;
        self.asked.extend(founded.into_iter().flatten());
    }

    pub async fn assert_whole_or_not_at_all(&self, stack: &Stack) {
        let mut superuser = stack.superuser().await;
        for founding in &self.asked {
            let found = founding.found(&mut superuser, self.permissions).await;
            if founding.tenant.is_some() {
                assert_eq!(found, founding.tenant, "{} was answered", founding.slug);
            }
        }
    }

    /// A careful client asks again under the same key, whatever became of it the first time: then each is there once, and is the
    /// one that was answered.
    pub async fn repeat(&self, stack: &Stack) {
        let mut superuser = stack.superuser().await;
        for founding in &self.asked {
            let answer = founding.call(stack).send_until_answered().await.expect(201);
            let tenant = Some(answer.text("tenantId"));
            if founding.tenant.is_some() {
                assert_eq!(tenant, founding.tenant, "{} was made anew", founding.slug);
            }
            assert_eq!(founding.found(&mut superuser, self.permissions).await, tenant);
        }
    }
}

async fn found_some(burst: &Burst<'_>, run: &str, (number, founder): (usize, &Member)) -> Vec<Founding> {
    let stack = burst.stack;
    let mut founded = Vec::new();
    for studio in 0..STUDIOS_EACH {
        let slug = format!("f{number}-{run}-{}-{studio}", burst.round);
        let mut founding =
            Founding { founder: founder.clone(), slug, key: stack.fresh("found"), tenant: None };
        let probe = || stack.get("/api/user/profile").bearer(founder);
        if let Some(answer) = burst.attempt(founding.call(stack), probe).await {
            let answer = answer.expect(201);
            assert_eq!(answer.body["slug"], Value::from(founding.slug.as_str()));
            founding.tenant = Some(answer.text("tenantId"));
        }
        founded.push(founding);
    }
    founded
}

//! The audit trail: written with the change it tells of, never altered.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, together};
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::{Actor, Clock, RealmId, SessionId, TenantId, UserId};

use super::invitations::InvitationId;
use super::schema::{audit_events, audit_seals};
use super::webhooks::WebhookId;
use crate::domain::audit::{AuditAction, AuditSubject};
use crate::webhook_events;

/// Who did it, and where: the part of an entry that a request has once.
#[derive(Clone, Debug)]
pub struct Trail {
    pub clock: Clock,
    pub tenant: TenantId,
    pub actor: Actor,
}

// Where nothing may stand for a default, the statement is prepared once: there is one with every change.
#[derive(Insertable)]
#[diesel(table_name = audit_events, treat_none_as_default_value = false)]
struct NewAuditEvent {
    tenant_id: TenantId,
    id: Uuid,
    occurred_at: DateTime<Utc>,
    actor: serde_json::Value,
    action: AuditAction,
    subject_type: AuditSubject,
    subject_id: Uuid,
    details: serde_json::Value,
}

impl Trail {
    /// `details` holds no personal data: a person that is erased leaves the trail as it is.
    pub async fn user(
        &self,
        tx: &Connection,
        action: AuditAction,
        user: UserId,
        details: serde_json::Value,
    ) -> QueryResult<()> {
        self.record(tx, action, (AuditSubject::User, user.as_uuid()), details).await
    }

    /// Of many the same, with an entry for each.
    pub async fn users(
        &self,
        tx: &Connection,
        action: AuditAction,
        users: &[UserId],
        details: &serde_json::Value,
    ) -> QueryResult<()> {
        let entry = |user: &UserId| self.entry(action, (AuditSubject::User, user.as_uuid()), details.clone());
        let entries = users.iter().map(entry).collect::<QueryResult<Vec<_>>>()?;
        let told: Vec<_> = entries.iter().map(|entry| (entry.id, entry.subject_id)).collect();
        let insert = async {
            let mut tx = tx;
            diesel::insert_into(audit_events::table).values(entries).execute(&mut tx).await
        };
        let (_, listeners) = together!(insert, webhook_events::listeners(tx, self.tenant, action))?;
        for (id, user) in told {
            let subject = (AuditSubject::User, user);
            webhook_events::tell(tx, self, &listeners, (id, action), subject).await?;
        }
        Ok(())
    }

    pub async fn session(
        &self,
        tx: &Connection,
        action: AuditAction,
        session: SessionId,
        details: serde_json::Value,
    ) -> QueryResult<()> {
        self.record(tx, action, (AuditSubject::Session, session.as_uuid()), details).await
    }

    pub async fn realm(
        &self,
        tx: &Connection,
        action: AuditAction,
        realm: RealmId,
        details: serde_json::Value,
    ) -> QueryResult<()> {
        self.record(tx, action, (AuditSubject::Realm, realm.as_uuid()), details).await
    }

    pub async fn ban(
        &self,
        tx: &Connection,
        action: AuditAction,
        ban: Uuid,
        details: serde_json::Value,
    ) -> QueryResult<()> {
        self.record(tx, action, (AuditSubject::Ban, ban), details).await
    }

    /// About the tenant whose trail it is.
    pub async fn tenant(
        &self,
        tx: &Connection,
        action: AuditAction,
        details: serde_json::Value,
    ) -> QueryResult<()> {
        self.record(tx, action, (AuditSubject::Tenant, self.tenant.as_uuid()), details).await
    }

    pub async fn invitation(
        &self,
        tx: &Connection,
        action: AuditAction,
        invitation: InvitationId,
        details: serde_json::Value,
    ) -> QueryResult<()> {
        self.record(tx, action, (AuditSubject::Invitation, invitation.as_uuid()), details).await
    }

    pub async fn webhook(
        &self,
        tx: &Connection,
        action: AuditAction,
        webhook: WebhookId,
        details: serde_json::Value,
    ) -> QueryResult<()> {
        self.record(tx, action, (AuditSubject::Webhook, webhook.as_uuid()), details).await
    }

    /// Writes the entry, and puts on its way what the tenant's own systems are told of it: no change can forget to.
    async fn record(
        &self,
        tx: &Connection,
        action: AuditAction,
        (subject_type, subject_id): (AuditSubject, Uuid),
        details: serde_json::Value,
    ) -> QueryResult<()> {
        let event = self.entry(action, (subject_type, subject_id), details)?;
        let id = event.id;
        let insert = async {
            let mut tx = tx;
            diesel::insert_into(audit_events::table).values(event).execute(&mut tx).await
        };
        let (_, listeners) = together!(insert, webhook_events::listeners(tx, self.tenant, action))?;
        webhook_events::tell(tx, self, &listeners, (id, action), (subject_type, subject_id)).await
    }

    fn entry(
        &self,
        action: AuditAction,
        (subject_type, subject_id): (AuditSubject, Uuid),
        details: serde_json::Value,
    ) -> QueryResult<NewAuditEvent> {
        let actor = serde_json::to_value(&self.actor)
            .map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
        Ok(NewAuditEvent {
            tenant_id: self.tenant,
            id: self.clock.new_uuid(),
            occurred_at: self.clock.now(),
            actor,
            action,
            subject_type,
            subject_id,
            details,
        })
    }
}

/// What the index of subjects holds, in its own words: said by a parameter, no plan would know it again.
pub fn is_indexed_by_subject() -> SqlLiteral<Bool> {
    sql("audit_events.subject_type IN ('user', 'realm')")
}

/// Does the trail of `tenant` tell of `action` on this realm since `instant`?
pub async fn told_of_realm_since(
    tx: &mut Connection,
    (tenant, realm): (TenantId, RealmId),
    action: AuditAction,
    instant: DateTime<Utc>,
) -> QueryResult<bool> {
    let told = audit_events::table
        .filter(audit_events::tenant_id.eq(tenant).and(audit_events::subject_id.eq(realm.as_uuid())))
        .filter(is_indexed_by_subject())
        .filter(audit_events::action.eq(action).and(audit_events::occurred_at.gt(instant)));
    diesel::select(diesel::dsl::exists(told)).get_result(tx).await
}

/// What the trail of `tenant` said last of the keys in force on this realm, of the ring that is called so.
pub async fn last_keys(
    tx: &mut Connection,
    (tenant, realm): (TenantId, RealmId),
    ring: &str,
) -> QueryResult<Option<serde_json::Value>> {
    audit_events::table
        .filter(audit_events::tenant_id.eq(tenant).and(audit_events::subject_id.eq(realm.as_uuid())))
        .filter(is_indexed_by_subject())
        .filter(audit_events::action.eq(AuditAction::KeysInForce))
        .filter(sql::<Nullable<Text>>("details ->> 'ring'").eq(ring))
        .order(audit_events::number.desc())
        .select(audit_events::details)
        .first(tx)
        .await
        .optional()
}

/// Did the tenant take somebody's membership away, by its staff or its identity provider, and let them in no more since?
pub async fn is_removed(tx: &mut Connection, tenant: TenantId, user: UserId) -> QueryResult<bool> {
    let theirs = audit_events::tenant_id.eq(tenant).and(audit_events::subject_id.eq(user.as_uuid()));
    let last: Option<AuditAction> = audit_events::table
        .filter(theirs)
        .filter(is_indexed_by_subject())
        .filter(audit_events::action.eq_any([AuditAction::MembershipRemoved, AuditAction::MembershipBegun]))
        // Numbers are given as entries are written, so each of these two has a greater one than what it undoes.
        .order(audit_events::number.desc())
        .select(audit_events::action)
        .first(tx)
        .await
        .optional()?;
    Ok(last == Some(AuditAction::MembershipRemoved))
}

/// What the index of ways back holds, in its own words.
fn is_indexed_as_way_back() -> SqlLiteral<Bool> {
    sql(
        "audit_events.action IN ('webhook.created', 'webhook.changed', 'webhook.secret_rotated', 'webhook.enabled', \
         'invitation.created', 'invitation.resent', 'membership.roles_set', 'role.changed')",
    )
}

/// Has nobody else decided since that the webhook may run, or the invitation hold? Whoever only describes a webhook otherwise, or gives it
/// another secret, may not have seen whose address it leads to: enabling alone says that it may run. It takes a person: a service account
/// may act by a key that the stranger made.
fn nobody_else_stands_by_it() -> SqlLiteral<Bool> {
    // Numbers are given as entries are written, and whoever changes a webhook or an invitation holds the tenant: the later has the greater.
    sql("NOT EXISTS (
             SELECT FROM audit_events later
             WHERE later.tenant_id = audit_events.tenant_id
               AND later.action IN ('webhook.enabled', 'invitation.resent')
               AND later.subject_id = audit_events.subject_id
               AND later.number > audit_events.number
               AND later.actor ->> 'kind' = 'user'
               AND (later.actor ->> 'userId') IS DISTINCT FROM (audit_events.actor ->> 'userId')
         )")
}

/// By what a stranger who was in somebody's account since then may come back in `tenant`: the webhooks, invitations and members that
/// something of the kind was done to in that name, and by their names the roles, which are the tenant's. Not what somebody else has
/// enabled or sent anew after the last of it: with that, who was removed could undo for ever what the studio decides.
pub async fn ways_back_since(
    tx: &mut Connection,
    (tenant, doer): (TenantId, UserId),
    since: DateTime<Utc>,
) -> QueryResult<Vec<(AuditSubject, Uuid, Option<String>)>> {
    let did = sql::<Nullable<Text>>("actor ->> 'userId'").eq(doer.to_string());
    audit_events::table
        .filter(audit_events::tenant_id.eq(tenant).and(audit_events::occurred_at.ge(since)))
        .filter(is_indexed_as_way_back())
        .filter(did.is_not_distinct_from(true))
        .filter(nobody_else_stands_by_it())
        .select((
            audit_events::subject_type,
            audit_events::subject_id,
            sql::<Nullable<Text>>("details ->> 'role'"),
        ))
        .distinct()
        .load(tx)
        .await
}

/// Which entries are asked for.
#[derive(Clone, Debug)]
pub struct AuditFilter {
    pub tenant: TenantId,
    pub action: Option<AuditAction>,
    /// Who did it or whom it concerns.
    pub user: Option<UserId>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    /// Only what stands before this place, as `(transaction, number)`.
    pub before: Option<(i64, i64)>,
}

/// An entry and its number in the chain.
#[derive(Clone, Debug, Queryable)]
pub struct AuditRow {
    pub id: Uuid,
    pub transaction: i64,
    pub number: i64,
    pub occurred_at: DateTime<Utc>,
    pub actor: serde_json::Value,
    pub action: String,
    pub subject_type: String,
    pub subject_id: Uuid,
    pub details: serde_json::Value,
    pub seq: Option<i64>,
}

/// Entries of one tenant, the newest first.
pub async fn list(tx: &mut Connection, filter: &AuditFilter, most: i64) -> QueryResult<Vec<AuditRow>> {
    let sealed =
        audit_seals::tenant_id.eq(audit_events::tenant_id).and(audit_seals::event_id.eq(audit_events::id));
    let mut query = audit_events::table
        .left_join(audit_seals::table.on(sealed))
        .filter(audit_events::tenant_id.eq(filter.tenant))
        .order((audit_events::transaction.desc(), audit_events::number.desc()))
        .limit(most)
        .select((
            audit_events::id,
            audit_events::transaction,
            audit_events::number,
            audit_events::occurred_at,
            audit_events::actor,
            audit_events::action,
            audit_events::subject_type,
            audit_events::subject_id,
            audit_events::details,
            audit_seals::seq.nullable(),
        ))
        .into_boxed();
    if let Some(action) = filter.action {
        query = query.filter(audit_events::action.eq(action));
    }
    if let Some(user) = filter.user {
        let did = sql::<Nullable<Text>>("actor ->> 'userId'").eq(user.to_string());
        query = query.filter(did.is_not_distinct_from(true).or(audit_events::subject_id.eq(user.as_uuid())));
    }
    if let Some(from) = filter.from {
        query = query.filter(audit_events::occurred_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(audit_events::occurred_at.lt(to));
    }
    if let Some((transaction, number)) = filter.before {
        let earlier = audit_events::transaction.lt(transaction);
        let same = audit_events::transaction.eq(transaction).and(audit_events::number.lt(number));
        query = query.filter(earlier.or(same));
    }
    query.load(tx).await
}

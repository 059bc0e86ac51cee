//! What the audit trails tell one person about their own account, in whichever studio it happened.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use shinkofa_db::Connection;
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::{SessionId, TenantId, UserId, typed_id};

use super::schema::audit_events;
use super::scope;
use super::shared_tables::tenants;
use crate::domain::audit::{AuditAction, AuditSubject};
use crate::domain::session::SessionEnd;

typed_id! {
    /// One entry of the audit trail.
    AuditEventId
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit_events)]
pub struct TimelineEntry {
    pub tenant_id: TenantId,
    pub id: AuditEventId,
    pub transaction: i64,
    pub number: i64,
    pub occurred_at: DateTime<Utc>,
    pub actor: Value,
    pub action: AuditAction,
    pub subject_type: AuditSubject,
    pub subject_id: Uuid,
    pub details: Value,
}

/// Where a page ended.
pub type TimelineKey = (i64, i64);

impl TimelineEntry {
    pub fn key(&self) -> TimelineKey {
        (self.transaction, self.number)
    }

    /// The session that it happened to, or from.
    pub fn session(&self) -> Option<SessionId> {
        match self.subject_type {
            AuditSubject::Session => Some(SessionId::from_uuid(self.subject_id)),
            _ => self.details["sessionId"].as_str().and_then(|id| id.parse().ok()),
        }
    }

    /// Why a session ended.
    pub fn reason(&self) -> Option<SessionEnd> {
        self.details["reason"].as_str().and_then(|reason| reason.parse().ok())
    }
}

/// Newest first, from behind `before`, each with the name of its studio. Nobody else's entry is seen, whatever trail it
/// stands in.
pub async fn page(
    tx: &mut Connection,
    user: UserId,
    before: Option<TimelineKey>,
    most: i64,
) -> QueryResult<Vec<(TimelineEntry, String)>> {
    scope::ask_as_person(tx, Some(user)).await?;
    let mut told = audit_events::table
        .inner_join(tenants::table.on(tenants::id.eq(audit_events::tenant_id)))
        .filter(audit_events::told_to.eq(user))
        .into_boxed();
    if let Some((transaction, number)) = before {
        let earlier = audit_events::transaction.lt(transaction);
        let same = audit_events::transaction.eq(transaction).and(audit_events::number.lt(number));
        told = told.filter(earlier.or(same));
    }
    let entries = told
        .order((audit_events::transaction.desc(), audit_events::number.desc()))
        .limit(most)
        .select((TimelineEntry::as_select(), tenants::name))
        .load(tx)
        .await?;
    scope::ask_as_person(tx, None).await?;
    Ok(entries)
}

/// One entry, if it is told to this person.
pub async fn find(tx: &mut Connection, user: UserId, id: AuditEventId) -> QueryResult<Option<TimelineEntry>> {
    scope::ask_as_person(tx, Some(user)).await?;
    let entry = audit_events::table
        .filter(audit_events::told_to.eq(user))
        .filter(audit_events::id.eq(id))
        .select(TimelineEntry::as_select())
        .first(tx)
        .await
        .optional()?;
    scope::ask_as_person(tx, None).await?;
    Ok(entry)
}

/// The tenants whose trails tell somebody anything that happened at this instant or later, those that they have left among them.
pub async fn tenants_since(
    tx: &mut Connection,
    user: UserId,
    since: DateTime<Utc>,
) -> QueryResult<Vec<TenantId>> {
    scope::ask_as_person(tx, Some(user)).await?;
    let told = audit_events::table
        .filter(audit_events::told_to.eq(user).and(audit_events::occurred_at.ge(since)))
        .select(audit_events::tenant_id)
        .distinct()
        .load(tx)
        .await?;
    scope::ask_as_person(tx, None).await?;
    Ok(told)
}

/// The tenants whose trails tell somebody anything: all that they were ever anything in, those that they have left among them.
pub async fn tenants_of(tx: &mut Connection, user: UserId) -> QueryResult<Vec<TenantId>> {
    scope::ask_as_person(tx, Some(user)).await?;
    let told = audit_events::table
        .filter(audit_events::told_to.eq(user))
        .select(audit_events::tenant_id)
        .distinct()
        .order(audit_events::tenant_id)
        .load(tx)
        .await?;
    scope::ask_as_person(tx, None).await?;
    Ok(told)
}

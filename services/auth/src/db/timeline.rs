//! What the audit trail tells one person about their own account.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use shinkofa_db::Connection;
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::{SessionId, TenantId, UserId, typed_id};

use super::schema::audit_events;
use crate::domain::audit::{AuditAction, AuditSubject};

typed_id! {
    /// One entry of the audit trail.
    AuditEventId
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit_events)]
pub struct TimelineEntry {
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
}

/// Newest first, from behind `before`.
pub async fn page(
    tx: &mut Connection,
    (tenant, user): (TenantId, UserId),
    before: Option<TimelineKey>,
    most: i64,
) -> QueryResult<Vec<TimelineEntry>> {
    let told = audit_events::table
        .filter(audit_events::tenant_id.eq(tenant).and(audit_events::told_to.eq(user)))
        .order((audit_events::transaction.desc(), audit_events::number.desc()))
        .select(TimelineEntry::as_select())
        .limit(most)
        .into_boxed();
    let told = match before {
        Some((transaction, number)) => told.filter(
            audit_events::transaction
                .lt(transaction)
                .or(audit_events::transaction.eq(transaction).and(audit_events::number.lt(number))),
        ),
        None => told,
    };
    told.load(tx).await
}

/// One entry, if it is told to this person.
pub async fn find(
    tx: &mut Connection,
    (tenant, user): (TenantId, UserId),
    id: AuditEventId,
) -> QueryResult<Option<TimelineEntry>> {
    audit_events::table
        .find((tenant, id))
        .filter(audit_events::told_to.eq(user))
        .select(TimelineEntry::as_select())
        .first(tx)
        .await
        .optional()
}

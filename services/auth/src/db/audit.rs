//! The audit trail: written with the change it tells of, never altered.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::{Actor, Clock, RealmId, SessionId, TenantId, UserId};

use super::schema::audit_events;
use crate::domain::audit::{AuditAction, AuditSubject};

/// Who did it, and where: the part of an entry that a request has once.
#[derive(Clone, Debug)]
pub struct Trail {
    pub clock: Clock,
    pub tenant: TenantId,
    pub actor: Actor,
}

#[derive(Insertable)]
#[diesel(table_name = audit_events)]
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
        tx: &mut Connection,
        action: AuditAction,
        user: UserId,
        details: serde_json::Value,
    ) -> QueryResult<()> {
        self.record(tx, action, (AuditSubject::User, user.as_uuid()), details).await
    }

    pub async fn session(
        &self,
        tx: &mut Connection,
        action: AuditAction,
        session: SessionId,
        details: serde_json::Value,
    ) -> QueryResult<()> {
        self.record(tx, action, (AuditSubject::Session, session.as_uuid()), details).await
    }

    pub async fn realm(
        &self,
        tx: &mut Connection,
        action: AuditAction,
        realm: RealmId,
        details: serde_json::Value,
    ) -> QueryResult<()> {
        self.record(tx, action, (AuditSubject::Realm, realm.as_uuid()), details).await
    }

    async fn record(
        &self,
        tx: &mut Connection,
        action: AuditAction,
        (subject_type, subject_id): (AuditSubject, Uuid),
        details: serde_json::Value,
    ) -> QueryResult<()> {
        let actor = serde_json::to_value(&self.actor)
            .map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
        let event = NewAuditEvent {
            tenant_id: self.tenant,
            id: self.clock.new_uuid(),
            occurred_at: self.clock.now(),
            actor,
            action,
            subject_type,
            subject_id,
            details,
        };
        diesel::insert_into(audit_events::table).values(event).execute(tx).await.map(drop)
    }
}

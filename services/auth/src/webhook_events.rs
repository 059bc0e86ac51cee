//! Telling a tenant's own systems what happens in it: put on its way in the transaction that makes it happen.

use diesel::QueryResult;
use serde_json::{Value, json};
use shinkofa_db::Connection;
use shinkofa_jobs::enqueue;
use shinkofa_kernel::TenantId;
use shinkofa_kernel::macros::uuid::Uuid;

use crate::db::audit::Trail;
use crate::db::webhooks::{self, DeliveryId, Telling, WebhookId};
use crate::domain::audit::{AuditAction, AuditSubject};
use crate::domain::webhook::{TEST_EVENT, WebhookEventType};
use crate::jobs::deliver_webhook::DeliverWebhook;

/// The endpoints that want to hear of this kind of entry of the audit trail.
pub async fn listeners(
    tx: &Connection,
    tenant: TenantId,
    action: AuditAction,
) -> QueryResult<Vec<WebhookId>> {
    match WebhookEventType::of(action) {
        Some(kind) => webhooks::listening(tx, tenant, kind.as_str()).await,
        None => Ok(Vec::new()),
    }
}

/// Tells them, under the id of the entry.
pub async fn tell(
    tx: &Connection,
    trail: &Trail,
    listeners: &[WebhookId],
    (entry, action): (Uuid, AuditAction),
    (subject_type, subject_id): (AuditSubject, Uuid),
) -> QueryResult<()> {
    if listeners.is_empty() {
        return Ok(());
    }
    let kind = action.as_str();
    let data = json!({
        "tenantId": trail.tenant,
        "subject": { "type": subject_type, "id": subject_id },
        "actor": trail.actor,
    });
    let payload = payload(trail, kind, data);
    for endpoint in listeners {
        send(tx, trail, *endpoint, (entry, kind, &payload)).await?;
    }
    Ok(())
}

/// Sends one endpoint something to try it by.
pub async fn try_endpoint(
    tx: &mut Connection,
    trail: &Trail,
    endpoint: WebhookId,
) -> QueryResult<DeliveryId> {
    let data = json!({ "tenantId": trail.tenant, "webhookId": endpoint });
    let payload = payload(trail, TEST_EVENT, data);
    send(tx, trail, endpoint, (trail.clock.new_uuid(), TEST_EVENT, &payload)).await
}

/// Ids alone: whoever may know more asks for it.
fn payload(trail: &Trail, kind: &str, data: Value) -> Value {
    json!({ "type": kind, "timestamp": trail.clock.now(), "data": data })
}

async fn send(
    tx: &Connection,
    trail: &Trail,
    endpoint: WebhookId,
    (event_id, event_type, payload): (Uuid, &str, &Value),
) -> QueryResult<DeliveryId> {
    let (delivery_id, at) = (DeliveryId::new(&trail.clock), trail.clock.now());
    let telling = Telling { tenant: trail.tenant, event_id, event_type, payload, at };
    webhooks::tell(tx, (delivery_id, endpoint), &telling).await?;
    enqueue(tx, &trail.clock, Some(trail.tenant), at, &DeliverWebhook { delivery_id }).await?;
    Ok(delivery_id)
}

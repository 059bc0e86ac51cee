//! The shape of an event and of the objects inside it.

use serde_json::{Map, Value, json};

use super::API_VERSION;
use crate::domain::event::{Event, Snapshot};

/// `pending_webhooks` counts the endpoints that have not taken the event yet.
pub fn event(event: &Event, pending_webhooks: usize) -> Value {
    let mut data = json!({ "object": event.object });
    if let Some(previous) = &event.previous_attributes {
        data["previous_attributes"] = json!(previous);
    }
    json!({
        "id": event.id,
        "object": "event",
        "api_version": API_VERSION,
        "created": event.created,
        "data": data,
        "livemode": false,
        "pending_webhooks": pending_webhooks,
        "request": {
            "id": event.origin.request_id,
            "idempotency_key": event.origin.idempotency_key,
        },
        "type": event.event_type.as_str(),
    })
}

pub fn snapshot(object: &Snapshot) -> Value {
    match object {
        Snapshot::Session(session) => super::checkout_session(session),
        Snapshot::Intent(intent) => super::payment_intent(intent),
        Snapshot::Charge(charge) => super::charge(charge),
        Snapshot::Refund(refund) => super::refund(refund),
    }
}

/// The members of `before` that `after` has otherwise.
pub fn changed_members(before: &Value, after: &Value) -> Map<String, Value> {
    let Some(before) = before.as_object() else {
        return Map::new();
    };
    before
        .iter()
        .filter(|(name, value)| after.get(name.as_str()) != Some(*value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_members_are_told_with_their_values_before() {
        let before = json!({ "status": "pending", "amount": 5, "pending_reason": "processing" });
        let after = json!({ "status": "failed", "amount": 5, "failure_reason": "x" });
        assert_eq!(
            Value::Object(changed_members(&before, &after)),
            json!({ "status": "pending", "pending_reason": "processing" })
        );
    }
}

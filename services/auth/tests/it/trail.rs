//! What the trail tells, as tests look at it.

use auth::Auth;
use serde_json::{Value, json};
use shinkofa_testing::TestApp;

/// Who did this to whom, oldest first: the entries of one action.
pub async fn told(app: &TestApp<Auth>, action: &str) -> Vec<Value> {
    let entries = format!(
        "SELECT actor, subject_type || ' ' || subject_id AS subject FROM audit_events WHERE action = '{action}' ORDER BY number"
    );
    app.sql(&entries).await
}

/// One of them.
pub fn entry(actor: Value, subject: &str, id: &str) -> Value {
    json!({ "actor": actor, "subject": format!("{subject} {id}") })
}

pub fn by_user(id: &str) -> Value {
    json!({ "kind": "user", "userId": id })
}

pub fn by_service(name: &str) -> Value {
    json!({ "kind": "service", "name": name })
}

/// By whoever showed a secret that was mailed.
pub fn by_nobody_known() -> Value {
    json!({ "kind": "anonymous" })
}

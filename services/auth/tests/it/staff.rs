//! People who administer, and the sealing of what they and others did.

use auth::Auth;
use serde_json::Value;
use shinkofa_testing::{TestApp, eventually};

use crate::factors;
use crate::people::{self, PASSWORD, address};

/// Somebody with this role who has signed in: the answer to their sign-in.
pub async fn staff(app: &TestApp<Auth>, who: &str, role: &str) -> Value {
    let email = address(app, who);
    if ["admin", "manager"].contains(&role) {
        return factors::signed_in_as(app, &email, role).await.0;
    }
    people::confirmed(app, &email).await;
    set_role(app, &email, role).await;
    people::sign_in(app, &email, PASSWORD).await.expect(200).body
}

/// The same admin or manager signs in once more: the time of the earlier session is over.
pub async fn staff_again(app: &TestApp<Auth>, who: &str) -> Value {
    factors::signs_in_again(app, &address(app, who)).await
}

pub async fn set_role(app: &TestApp<Auth>, email: &str, role: &str) {
    let change = format!(
        "UPDATE membership_roles SET role = '{role}' WHERE user_id = (SELECT id FROM users WHERE email = '{email}')"
    );
    app.superuser().await.run(&change).await;
}

/// The access token of an answer.
pub fn token(body: &Value) -> &str {
    people::text(body, "accessToken")
}

pub fn user_id(body: &Value) -> &str {
    people::text(&body["user"], "userId")
}

/// Makes the sealing job due now, whatever it did before.
pub async fn seal_due(app: &TestApp<Auth>) {
    let due = "UPDATE jobs SET run_at = '2026-11-01', locked_until = NULL WHERE name = 'seal_audit'";
    app.superuser().await.run(due).await;
}

/// Runs the job until every event is sealed: transactions of other tests in the same cluster may hold it up.
pub async fn seal(app: &TestApp<Auth>) {
    let open = "SELECT id FROM audit_events e WHERE NOT EXISTS
        (SELECT FROM audit_seals s WHERE s.tenant_id = e.tenant_id AND s.event_id = e.id)";
    eventually("everything is sealed", async || {
        seal_due(app).await;
        app.run_jobs().await;
        app.sql(open).await.is_empty().then_some(())
    })
    .await;
}

//! What operators and time do.

use auth::Auth;
use chrono::TimeDelta;
use serde_json::json;
use shinkofa_contracts::auth::EmailVerificationRequested;
use shinkofa_db::{Scope, transaction};
use shinkofa_kernel::{TenantId, UserId};
use shinkofa_runtime::Service;
use shinkofa_testing::TestApp;

use crate::people::{self, PASSWORD, address};
use crate::trail;

/// A file that is gone when the test is over.
struct PasswordFile(std::path::PathBuf);

impl PasswordFile {
    fn new(app: &TestApp<Auth>, password: &str) -> Self {
        let path = std::env::temp_dir().join(format!("{}-password", app.database.name));
        std::fs::write(&path, format!("{password}\n")).expect("the file is written");
        Self(path)
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn create_user(app: &TestApp<Auth>, role: &str, password: &str) -> Result<(), String> {
    let file = PasswordFile::new(app, password);
    let path = file.0.to_str().expect("a plain path");
    let email = address(app, "boss");
    let arguments =
        ["--email", &email, "--name", "The Boss", "--role", role, "--password-file", path].map(str::to_owned);
    app.service().command("create-user", &arguments).await.map_err(|error| error.to_string())
}

#[actix_web::test]
async fn create_user_makes_a_confirmed_account_with_its_role_and_a_repetition_changes_nothing() {
    let app = TestApp::<Auth>::start().await;
    create_user(&app, "admin", PASSWORD).await.unwrap();
    let body = people::sign_in(&app, &address(&app, "boss"), PASSWORD).await.expect(200).body;
    assert_eq!(body["user"]["roles"], json!(["admin"]));
    let events = app.events().await.len();
    create_user(&app, "admin", PASSWORD).await.unwrap();
    assert_eq!(app.events().await.len(), events);
    people::profile(&app, people::text(&body, "accessToken")).await.expect(200);
}

#[actix_web::test]
async fn create_user_for_an_address_that_somebody_signed_up_with_makes_a_member_with_that_role() {
    let app = TestApp::<Auth>::start().await;
    people::sign_up(&app, &address(&app, "boss"), "a sentence of a stranger's").await.expect(202);
    create_user(&app, "manager", PASSWORD).await.unwrap();
    let body = people::sign_in(&app, &address(&app, "boss"), PASSWORD).await.expect(200).body;
    assert_eq!(body["user"]["roles"], json!(["manager"]));
    let memberships = app.sql("SELECT status FROM memberships").await;
    assert_eq!(memberships, [json!({ "status": "active" })]);
}

/// V13: another password ends every token that the old one brought.
#[actix_web::test]
async fn v13_another_password_ends_every_session_and_another_role_takes_the_old_ones_place() {
    let app = TestApp::<Auth>::start().await;
    create_user(&app, "admin", PASSWORD).await.unwrap();
    let body = people::sign_in(&app, &address(&app, "boss"), PASSWORD).await.expect(200).body;
    create_user(&app, "manager", "an entirely new sentence").await.unwrap();
    people::profile(&app, people::text(&body, "accessToken")).await.expect(401);
    people::refresh(&app, people::text(&body, "refreshToken")).await.expect(401);
    let revoked = app.sql("SELECT token_version FROM revocations").await;
    assert_eq!(revoked[0]["token_version"], 2);
    let set = trail::entry(trail::by_service("auth"), "user", people::text(&body["user"], "userId"));
    assert_eq!(trail::told(&app, "account.password_set").await, [set]);
    let body =
        people::sign_in(&app, &address(&app, "boss"), "an entirely new sentence").await.expect(200).body;
    assert_eq!(body["user"]["roles"], json!(["manager"]));
}

#[actix_web::test]
async fn create_user_refuses_what_signing_up_would_refuse() {
    let app = TestApp::<Auth>::start().await;
    assert!(create_user(&app, "admin", "admin123").await.unwrap_err().contains("password"));
    assert!(create_user(&app, "emperor", PASSWORD).await.unwrap_err().contains("--role"));
    let nothing = app.service().command("create-user", &[]).await.unwrap_err();
    assert!(nothing.to_string().contains("--password-file F"));
    assert_eq!(app.sql("SELECT id FROM users").await.len(), 0);
}

#[actix_web::test]
async fn what_time_has_made_useless_is_removed() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    people::sign_up(&app, &address(&app, "bob"), PASSWORD).await.expect(202);
    people::sign_in(&app, &address(&app, "anna"), "not the password").await.expect(401);
    app.post("/api/auth/logout").token(people::text(&body, "accessToken")).send().await.expect(204);
    let tables = ["revocations", "one_time_tokens", "sessions", "session_places", "auth_failures", "signups"];
    for table in tables {
        assert!(!app.sql(&format!("SELECT * FROM {table}")).await.is_empty(), "{table} before");
    }
    app.advance(TimeDelta::days(40));
    app.run_jobs().await;
    assert_eq!(app.sql("SELECT session_id FROM past_places").await.len(), 1, "for the timeline");
    // Bob never confirmed: that he is forgotten is told for an hour.
    for _ in 0..2 {
        app.advance(TimeDelta::hours(2));
        app.run_jobs().await;
    }
    for table in tables {
        assert!(app.sql(&format!("SELECT * FROM {table}")).await.is_empty(), "{table} after");
    }
    assert_eq!(app.sql("SELECT id FROM users").await.len(), 2);
}

/// Makes PostgreSQL refuse any statement that removes more than a portion of these tables.
pub async fn refuse_large_portions(app: &TestApp<Auth>, tables: &[&str]) {
    let refuse = "CREATE FUNCTION refuse_large_portions() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF (SELECT count(*) FROM gone) > 5000 THEN RAISE EXCEPTION 'too many at once'; END IF;
            RETURN NULL;
        END $$";
    app.superuser().await.run(refuse).await;
    for table in tables {
        let watch = format!(
            "CREATE TRIGGER refuse_large_portions AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone
             FOR EACH STATEMENT EXECUTE FUNCTION refuse_large_portions()"
        );
        app.superuser().await.run(&watch).await;
    }
}

#[actix_web::test]
async fn what_has_piled_up_is_removed_a_portion_at_a_time() {
    let app = TestApp::<Auth>::start().await;
    app.run_jobs().await;
    refuse_large_portions(&app, &["auth_failures", "webhook_deliveries"]).await;
    let pile_up = format!(
        "INSERT INTO auth_failures (realm_id, subject, failures, counting_since, locked_until)
         SELECT realms.id, sha256(n::text::bytea), 1, '2026-11-01', '2026-11-01' FROM realms, generate_series(1, 12000) n;
         INSERT INTO webhook_deliveries (tenant_id, id, endpoint_id, event_id, event_type, payload, state, created_at)
         SELECT '{}', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'session.opened', '{{}}', 'delivered', '2026-10-01'
         FROM generate_series(1, 10000)",
        TenantId::DEFAULT
    );
    app.superuser().await.run(&pile_up).await;
    app.advance(TimeDelta::minutes(6));
    app.run_jobs().await;
    for table in ["auth_failures", "webhook_deliveries"] {
        let left = app.sql(&format!("SELECT count(*) AS n FROM {table}")).await;
        assert_eq!(left[0]["n"], 0, "{table}");
    }
}

#[actix_web::test]
async fn a_person_can_have_a_copy_and_be_forgotten() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let user: UserId = people::text(&body["user"], "userId").parse().unwrap();
    let scope = Scope::tenant(TenantId::DEFAULT).with_user(user);
    let service = app.service();
    let copy =
        transaction(app.pool(), &scope, "export", async |tx| service.export_personal_data(tx, user).await);
    let copy = copy.await.unwrap();
    assert_eq!(copy["account"]["email"], address(&app, "anna"));
    assert_eq!(copy["studio"]["membership"]["roles"], json!(["member"]));
    assert_eq!(copy["account"]["sessions"][0]["network"], "127.0.0.0/24");

    // Nobody is erased within a week of signing up: until then the letter of that is not forgotten.
    app.advance(TimeDelta::days(7));
    app.run_jobs().await;
    transaction(app.pool(), &scope, "erase", async |tx| service.erase_personal_data(tx, user).await)
        .await
        .unwrap();
    people::profile(&app, people::text(&body, "accessToken")).await.expect(401);
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect_problem(401, "invalid_credentials");
    for table in [
        "users",
        "signups",
        "sessions",
        "session_places",
        "past_places",
        "one_time_tokens",
        "audit_events",
        "memberships",
        "events",
    ] {
        let rows = serde_json::to_string(&app.sql(&format!("SELECT * FROM {table}")).await).unwrap();
        assert!(!rows.contains("anna") && !rows.contains("Anna"), "{table}");
    }
}

#[actix_web::test]
async fn a_job_that_runs_twice_makes_one_account_and_one_mail() {
    let app = TestApp::<Auth>::start().await;
    let body = json!({ "email": address(&app, "anna"), "password": PASSWORD, "name": "Anna" });
    app.post("/api/auth/signup").json(&body).send().await.expect(202);
    let job = app.sql("SELECT payload FROM jobs WHERE name = 'settle_signup'").await.remove(0);
    app.run_jobs().await;
    let again = format!(
        "INSERT INTO jobs (id, name, for_tenant, payload, run_at, created_at)
         VALUES (gen_random_uuid(), 'settle_signup', '{}', '{}', '2026-12-01', '2026-12-01')",
        TenantId::DEFAULT,
        job["payload"]
    );
    app.superuser().await.run(&again).await;
    app.run_jobs().await;
    assert_eq!(people::mailed_tokens(&app, &address(&app, "anna")).await.len(), 1);
    assert_eq!(app.sql("SELECT id FROM users").await.len(), 1);
}

#[actix_web::test]
async fn the_mailed_token_is_sealed_for_notify_alone() {
    let app = TestApp::<Auth>::start().await;
    people::sign_up(&app, &address(&app, "anna"), PASSWORD).await.expect(202);
    let events = app.events().await;
    let event = events.iter().find(|event| event["type"] == "email_verification.requested").unwrap();
    let sealed = event["data"]["sealedToken"].as_str().unwrap();
    assert!(app.service().sealing.open("session_key", sealed).is_err());
    assert!(app.service().sealing.open(EmailVerificationRequested::SEALED_FOR, sealed).is_ok());
    assert_eq!(event["for_tenant"], TenantId::DEFAULT.to_string());
}

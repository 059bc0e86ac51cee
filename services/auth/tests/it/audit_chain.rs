//! The audit trail, sealed: whatever is changed afterwards is found and named.

use auth::Auth;
use futures_util::future::{Either, join, join_all, select};
use serde_json::{Value, json};
use shinkofa_db::{Scope, transaction};
use shinkofa_kernel::TenantId;
use shinkofa_runtime::Service as _;
use shinkofa_testing::{TestApp, eventually};

use crate::people::{self, PASSWORD, address};
use crate::staff::{seal, seal_due, staff, token};

const OTHER_TENANT: &str = "01920000-0000-7000-8000-0000000000aa";

pub async fn verify(app: &TestApp<Auth>, token: &str) -> Value {
    app.get("/api/admin/audit/verify").token(token).send().await.expect(200).body
}

/// An installation with an admin and a trail of some length, sealed. The admin's token, and the events in their order.
pub async fn sealed() -> (TestApp<Auth>, String, Vec<Value>) {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    for who in ["anna", "bob"] {
        people::signed_in(&app, &address(&app, who)).await;
    }
    seal(&app).await;
    let events = app.sql("SELECT id FROM audit_events ORDER BY transaction, number").await;
    (app, token(&admin).to_owned(), events)
}

/// Alters the tables as somebody could who owns the database.
pub async fn tamper(app: &TestApp<Auth>, statements: &str) {
    app.superuser().await.run(statements).await;
}

pub fn id(events: &[Value], seq: usize) -> &str {
    events[seq - 1]["id"].as_str().expect("an id")
}

#[track_caller]
fn assert_fault(verification: &Value, seq: usize, event: Option<&str>, kind: &str) {
    assert_eq!(verification["intact"], false, "{verification:#}");
    assert_eq!(verification["firstFault"], json!({ "seq": seq, "eventId": event, "kind": kind }));
    assert_eq!(verification["checked"], seq - 1);
}

#[actix_web::test]
async fn after_the_job_every_event_is_sealed_once_in_the_order_of_commits() {
    let (app, token, events) = sealed().await;
    let seals = app.sql("SELECT seq, event_id FROM audit_seals ORDER BY seq").await;
    assert_eq!(seals.len(), events.len());
    for (n, (seal, event)) in seals.iter().zip(&events).enumerate() {
        assert_eq!((&seal["seq"], &seal["event_id"]), (&json!(n + 1), &event["id"]));
    }
    let verification = verify(&app, &token).await;
    assert_eq!(verification["intact"], true, "{verification:#}");
    assert_eq!((&verification["checked"], &verification["pending"]), (&json!(events.len()), &json!(0)));
    assert_eq!(verification["head"]["seq"], events.len());

    // What happens next is pending until the job has run again, and the chain goes on where it stood.
    people::signed_in(&app, &address(&app, "carl")).await;
    assert_eq!(verify(&app, &token).await["pending"], 5);
    seal(&app).await;
    let grown = verify(&app, &token).await;
    assert_eq!((&grown["intact"], &grown["checked"]), (&json!(true), &json!(events.len() + 5)));
}

#[actix_web::test]
async fn one_altered_byte_is_located_wherever_it_is() {
    let changes = [
        "details = jsonb_set(details, '{x}', '1')",
        "occurred_at = occurred_at + interval '1 microsecond'",
        "action = action || 's'",
        "actor = '{\"kind\": \"anonymous\", \"x\": 1}'",
        "subject_id = '01920000-0000-7000-8000-0000000000bb'",
        "subject_type = 'usar'",
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let (app, token, events) = sealed().await;
        let seq = n + 2;
        tamper(&app, &format!("UPDATE audit_events SET {change} WHERE id = '{}'", id(&events, seq))).await;
        assert_fault(&verify(&app, &token).await, seq, Some(id(&events, seq)), "altered");
    }
}

#[actix_web::test]
async fn a_byte_of_a_link_or_of_its_signature_is_located_too() {
    for (change, kind) in [
        ("audit_seals SET hash = set_byte(hash, 31, get_byte(hash, 31) # 1)", "altered"),
        ("audit_seals SET content = set_byte(content, 0, get_byte(content, 0) # 1)", "altered"),
        ("audit_seals SET prev_hash = set_byte(prev_hash, 5, get_byte(prev_hash, 5) # 128)", "altered"),
    ] {
        let (app, token, events) = sealed().await;
        tamper(&app, &format!("UPDATE {change} WHERE seq = 3")).await;
        assert_fault(&verify(&app, &token).await, 3, Some(id(&events, 3)), kind);
    }
    let (app, token, events) = sealed().await;
    tamper(&app, "UPDATE audit_checkpoints SET signature = 'test.AAAA'").await;
    let verification = verify(&app, &token).await;
    let fault = json!({ "seq": events.len(), "eventId": null, "kind": "unsigned" });
    assert_eq!(verification["firstFault"], fault);
}

#[actix_web::test]
async fn a_removed_event_and_a_removed_link_are_missing() {
    let (app, token, events) = sealed().await;
    tamper(&app, &format!("DELETE FROM audit_events WHERE id = '{}'", id(&events, 4))).await;
    assert_fault(&verify(&app, &token).await, 4, Some(id(&events, 4)), "missing");
    tamper(&app, "DELETE FROM audit_seals WHERE seq = 3").await;
    assert_fault(&verify(&app, &token).await, 3, None, "missing");
}

#[actix_web::test]
async fn two_events_and_two_links_that_changed_places_are_reordered() {
    let (app, token, events) = sealed().await;
    let (third, fifth) = (id(&events, 3), id(&events, 5));
    let swap = format!(
        "UPDATE audit_events a SET occurred_at = b.occurred_at, actor = b.actor, action = b.action, details = b.details,
            subject_type = b.subject_type, subject_id = b.subject_id
         FROM audit_events b WHERE (a.id, b.id) IN (('{third}', '{fifth}'), ('{fifth}', '{third}'))"
    );
    tamper(&app, &swap).await;
    assert_fault(&verify(&app, &token).await, 3, Some(third), "reordered");

    let (app, token, events) = sealed().await;
    tamper(
        &app,
        "UPDATE audit_seals SET seq = seq + 1000 WHERE seq IN (3, 4);
         UPDATE audit_seals SET seq = CASE seq WHEN 1003 THEN 4 ELSE 3 END WHERE seq > 1000",
    )
    .await;
    assert_fault(&verify(&app, &token).await, 3, Some(id(&events, 3)), "reordered");

    let (app, token, events) = sealed().await;
    let moved =
        format!("UPDATE audit_events SET transaction = transaction - 1 WHERE id = '{}'", id(&events, 6));
    tamper(&app, &moved).await;
    assert_fault(&verify(&app, &token).await, 6, Some(id(&events, 6)), "reordered");
}

#[actix_web::test]
async fn an_event_that_slipped_in_behind_the_head_was_not_there_before() {
    let (app, token, events) = sealed().await;
    let stray = "01920000-0000-7000-8000-0000000000cc";
    tamper(
        &app,
        &format!(
            "INSERT INTO audit_events (tenant_id, id, transaction, occurred_at, actor, action, subject_type, subject_id, details)
             SELECT tenant_id, '{stray}', transaction - 1, occurred_at, actor, action, subject_type, subject_id, details
             FROM audit_events WHERE id = '{}'",
            id(&events, 2)
        ),
    )
    .await;
    let verification = verify(&app, &token).await;
    assert_eq!(verification["firstFault"], json!({ "seq": null, "eventId": stray, "kind": "added" }));
}

/// The signed head tells of a cut; where the signatures were cut off as well, a head that was kept elsewhere does.
#[actix_web::test]
async fn a_tail_that_was_cut_off_is_missing_and_nothing_is_built_on_the_stump() {
    let (app, token, events) = sealed().await;
    let whole = verify(&app, &token).await["head"].clone();
    let cut = format!(
        "DELETE FROM audit_seals WHERE seq > 4; DELETE FROM audit_events WHERE id IN ({})",
        events[4..]
            .iter()
            .map(|event| format!("'{}'", event["id"].as_str().unwrap()))
            .collect::<Vec<_>>()
            .join(",")
    );
    tamper(&app, &cut).await;
    assert_fault(&verify(&app, &token).await, 5, None, "missing");
    people::signed_in(&app, &address(&app, "dora")).await;
    seal_due(&app).await;
    app.run_jobs().await;
    assert_eq!(app.sql("SELECT max(seq) AS seq FROM audit_seals").await[0]["seq"], 4);
    assert_fault(&verify(&app, &token).await, 5, None, "missing");

    // All of it cut at once: here the chain looks whole and short.
    tamper(
        &app,
        "DELETE FROM audit_events e WHERE NOT EXISTS (SELECT FROM audit_seals s WHERE s.event_id = e.id)",
    )
    .await;
    tamper(&app, "DELETE FROM audit_seals; DELETE FROM audit_checkpoints; DELETE FROM audit_events").await;
    assert_eq!(verify(&app, &token).await["intact"], true);
    let path =
        format!("/api/admin/audit/verify?seq={}&hash={}", whole["seq"], whole["hash"].as_str().unwrap());
    let verification = app.get(&path).token(&token).send().await.expect(200).body;
    assert_fault(&verification, 1, None, "missing");
}

#[actix_web::test]
async fn a_chain_that_was_written_anew_is_not_the_one_that_was_seen() {
    let (app, token, events) = sealed().await;
    let other = "0".repeat(64);
    let path = format!("/api/admin/audit/verify?seq=3&hash={other}");
    let verification = app.get(&path).token(&token).send().await.expect(200).body;
    assert_eq!(verification["firstFault"]["kind"], "altered");
    assert_eq!(verification["firstFault"]["eventId"], id(&events, 3));
    for (query, pointer) in [("seq=3", "hash"), ("hash=abc", "hash"), ("seq=0", "seq")] {
        let answer = app.get(&format!("/api/admin/audit/verify?{query}")).token(&token).send().await;
        assert_eq!(answer.expect_problem(422, "invalid_fields").body["errors"][0]["pointer"], pointer);
    }
}

#[actix_web::test]
async fn writers_and_sealers_at_once_make_one_chain_without_a_gap() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let refresh = people::text(&body, "refreshToken");
    for _ in 0..4 {
        let writers = join_all((0..30).map(|_| people::refresh(&app, refresh)));
        let sealers = join_all((0..4).map(async |_| {
            seal_due(&app).await;
            app.run_jobs().await
        }));
        join(writers, sealers).await;
    }
    seal(&app).await;
    let verification = verify(&app, token(&admin)).await;
    assert_eq!(verification["intact"], true, "{verification:#}");
    assert_eq!(verification["checked"], app.sql("SELECT id FROM audit_events").await.len());
}

/// The sealer is dropped at one point after another, as by a process that is killed there: its connection goes with it.
#[actix_web::test]
async fn a_sealer_that_dies_anywhere_leaves_a_chain_that_the_next_one_goes_on_from() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let mut deaths = 0;
    for steps in (0..240).step_by(6) {
        people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
        seal_due(&app).await;
        let patience = async {
            for _ in 0..steps {
                tokio::task::yield_now().await;
            }
        };
        let (sealer, patience) = (std::pin::pin!(app.run_jobs()), std::pin::pin!(patience));
        deaths += usize::from(matches!(select(sealer, patience).await, Either::Right(_)));
        // A process takes its connections with it; this one lives on.
        let abandoned = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND usename = 'auth_rt' AND state LIKE 'idle in transaction%'";
        app.superuser().await.run(abandoned).await;
    }
    assert!(deaths > 5, "the sealer died {deaths} times");
    seal(&app).await;
    let verification = verify(&app, token(&admin)).await;
    assert_eq!(verification["intact"], true, "{verification:#}");
    let seals = app.sql("SELECT count(*) AS n, max(seq) AS last FROM audit_seals").await;
    assert_eq!(seals[0]["n"], seals[0]["last"]);
}

/// Longer than a walk reads in one transaction.
#[actix_web::test]
async fn a_long_chain_is_walked_piece_by_piece_and_one_altered_event_far_behind_is_located() {
    let (app, token, events) = sealed().await;
    let many = "INSERT INTO audit_events (tenant_id, id, occurred_at, actor, action, subject_type, subject_id, details)
        SELECT tenant_id, gen_random_uuid(), occurred_at, actor, action, subject_type, subject_id,
            jsonb_build_object('n', n)
        FROM (SELECT * FROM audit_events ORDER BY transaction, number LIMIT 1) one, generate_series(1, 4500) n";
    tamper(&app, many).await;
    seal(&app).await;
    let whole = verify(&app, &token).await;
    assert_eq!((&whole["intact"], &whole["checked"]), (&json!(true), &json!(events.len() + 4_500)));
    let later = app.sql("SELECT event_id AS id FROM audit_seals ORDER BY seq").await;
    let altered = id(&later, 4_321);
    tamper(&app, &format!("UPDATE audit_events SET details = '{{}}' WHERE id = '{altered}'")).await;
    assert_fault(&verify(&app, &token).await, 4_321, Some(altered), "altered");
}

/// A run that has to wait is over before its lease is, and the next begins where it stopped.
#[actix_web::test]
async fn sealing_stops_at_half_its_lease_and_goes_on_from_there() {
    let (app, _, _) = sealed().await;
    let others = format!(
        "INSERT INTO tenants (id, slug, name, time_zone)
         SELECT ('01920000-0000-7000-9000-00000000000' || n)::uuid, 'other' || n, 'Other', 'UTC' FROM generate_series(1, 3) n;
         INSERT INTO audit_events (tenant_id, id, occurred_at, actor, action, subject_type, subject_id, details)
         SELECT t.id, gen_random_uuid(), occurred_at, actor, action, subject_type, subject_id, details
         FROM tenants t, (SELECT * FROM audit_events LIMIT 1) one WHERE t.id <> '{}'",
        TenantId::DEFAULT
    );
    tamper(&app, &others).await;
    let open = "SELECT e.id FROM audit_events e
        WHERE e.transaction >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
    eventually("nothing may come before these events any more", async || {
        app.sql(open).await.is_empty().then_some(())
    })
    .await;
    seal_due(&app).await;
    let mut holder = app.superuser().await;
    holder.run("BEGIN; LOCK TABLE audit_seals IN EXCLUSIVE MODE").await;
    let slow = async {
        app.until_waiting(1).await;
        app.advance(chrono::TimeDelta::seconds(10));
        holder.run("COMMIT").await;
    };
    join(app.run_jobs(), slow).await;
    let sealed = async || {
        let tenants =
            "SELECT DISTINCT tenant_id FROM audit_seals WHERE tenant_id::text LIKE '%-9000-%' ORDER BY 1";
        app.sql(tenants).await.into_iter().map(|row| row["tenant_id"].clone()).collect::<Vec<_>>()
    };
    let other = |n: u8| json!(format!("01920000-0000-7000-9000-00000000000{n}"));
    assert_eq!(sealed().await, [other(1)], "the run was over after the tenant that it waited at");
    seal_due(&app).await;
    app.run_jobs().await;
    assert_eq!(sealed().await, [other(1), other(2), other(3)]);
}

#[actix_web::test]
async fn a_head_is_signed_anew_every_day_so_that_its_key_can_be_replaced() {
    let (app, _, _) = sealed().await;
    let before = app.sql("SELECT seq FROM audit_checkpoints").await.len();
    app.advance(chrono::TimeDelta::hours(25));
    seal_due(&app).await;
    app.run_jobs().await;
    seal(&app).await;
    assert!(app.sql("SELECT seq FROM audit_checkpoints").await.len() > before);
}

#[actix_web::test]
async fn every_runtime_role_is_refused_to_change_what_was_written() {
    let (app, _, _) = sealed().await;
    for table in ["audit_events", "audit_seals", "audit_checkpoints"] {
        for statement in [
            format!("UPDATE {table} SET tenant_id = tenant_id"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
        ] {
            let scope = Scope::tenant(TenantId::DEFAULT);
            let refused = transaction(app.pool(), &scope, "tamper", async |tx| {
                use diesel_async::SimpleAsyncConnection as _;
                tx.batch_execute(&statement).await.map_err(shinkofa_db::Error::from)
            });
            let error = refused.await.unwrap_err().to_string();
            assert!(error.contains("permission denied"), "{statement}: {error}");
        }
    }
    let roles = "SELECT rolname FROM pg_roles r, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relname IN ('audit_events', 'audit_seals', 'audit_checkpoints')
          AND r.rolname LIKE '%\\_rt' AND has_schema_privilege(r.oid, n.oid, 'USAGE')
          AND has_table_privilege(r.oid, c.oid, 'UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')";
    assert_eq!(app.sql(roles).await, Vec::<Value>::new());
}

/// V24: a tenant's trail is nobody else's to read or to verify.
#[actix_web::test]
async fn v24_another_tenants_events_never_appear() {
    let (app, token, events) = sealed().await;
    tamper(
        &app,
        &format!(
            "INSERT INTO tenants (id, slug, name, time_zone) VALUES ('{OTHER_TENANT}', 'other', 'Other', 'UTC');
             INSERT INTO audit_events (tenant_id, id, occurred_at, actor, action, subject_type, subject_id, details)
             SELECT '{OTHER_TENANT}', gen_random_uuid(), occurred_at, actor, action, subject_type, subject_id, details
             FROM audit_events"
        ),
    )
    .await;
    seal(&app).await;
    let own = app.get("/api/admin/audit?limit=200").token(&token).send().await.expect(200).body;
    assert_eq!(own["items"].as_array().unwrap().len(), events.len());
    assert_eq!(verify(&app, &token).await["checked"], events.len());
    // The other tenant has a chain of its own, and a fault in it is not ours.
    tamper(
        &app,
        &format!("DELETE FROM audit_events WHERE tenant_id = '{OTHER_TENANT}' AND action = 'session.opened'"),
    )
    .await;
    assert_eq!(verify(&app, &token).await["intact"], true);
    let command = |arguments: &[&str]| arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let all = app.service().command("audit-verify", &command(&[])).await.unwrap_err().to_string();
    assert!(all.contains("1 tenant(s)"), "{all}");
    app.service().command("audit-verify", &command(&["--tenant", "default"])).await.unwrap();
    app.service().command("audit-verify", &command(&["--tenant", OTHER_TENANT])).await.unwrap_err();
    app.service().command("audit-verify", &command(&["--tenant", "nobody"])).await.unwrap_err();
}

#[actix_web::test]
async fn the_command_keeps_the_heads_that_it_saw_and_notices_when_they_are_gone() {
    let (app, _, _) = sealed().await;
    let file = std::env::temp_dir().join(format!("{}-heads.json", app.database.name));
    let arguments = ["--heads".to_owned(), file.display().to_string()];
    app.service().command("audit-verify", &arguments).await.unwrap();
    app.service().command("audit-verify", &arguments).await.unwrap();
    tamper(&app, "DELETE FROM audit_seals; DELETE FROM audit_checkpoints; DELETE FROM audit_events").await;
    app.service().command("audit-verify", &[]).await.unwrap();
    let noticed = app.service().command("audit-verify", &arguments).await;
    std::fs::remove_file(&file).unwrap();
    noticed.unwrap_err();
}

#[actix_web::test]
async fn the_trail_is_read_page_by_page_and_by_action_person_and_time() {
    let (app, token, events) = sealed().await;
    let get = async |query: &str| {
        app.get(&format!("/api/admin/audit?{query}")).token(&token).send().await.expect(200).body
    };
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = get(&format!("limit=4{cursor}")).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let newest_first: Vec<_> = events.iter().rev().map(|event| event["id"].clone()).collect();
    assert_eq!(seen, newest_first);

    let opened = get("action=session.opened").await;
    let opened = opened["items"].as_array().unwrap();
    assert_eq!(opened.len(), 3);
    assert!(opened.iter().all(|item| item["action"] == "session.opened" && item["seq"].is_i64()));
    let anna = app.sql(&format!("SELECT id FROM users WHERE email = '{}'", address(&app, "anna"))).await;
    let anna = anna[0]["id"].as_str().unwrap();
    let hers = get(&format!("userId={anna}")).await;
    assert_eq!(hers["items"].as_array().unwrap().len(), 5, "{hers:#}");
    assert_eq!(get("from=2026-12-01T09:05:00Z").await["items"], json!([]));
    assert_eq!(get("to=2026-12-01T09:00:00Z").await["items"], json!([]));
    let text = get("limit=200").await.to_string();
    assert!(!text.contains("anna") && !text.contains("127.0.0"));
}

#[actix_web::test]
async fn only_who_holds_the_permission_now_reads_the_trail() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    for role in ["manager", "coach", "moderator", "member"] {
        let person = staff(&app, role, role).await;
        for path in ["/api/admin/audit", "/api/admin/audit/verify"] {
            app.get(path).token(token(&person)).send().await.expect_problem(403, "permission_denied");
        }
    }
    // The token still says admin; the database no longer does.
    crate::staff::set_role(&app, &address(&app, "ada"), "member").await;
    app.get("/api/admin/audit").token(token(&admin)).send().await.expect_problem(403, "permission_denied");
}

//! The sealed audit trail of a stack in use: it survives kills of the sealer, and tells where a byte was changed.

use std::time::Duration;

use serde_json::Value;
use suite::{Stack, Superuser, invariants, until_within};

/// A job that was killed is taken again when its lease lapses.
const SEALED_WITHIN: Duration = Duration::from_secs(150);

/// What `ctl audit verify` says of the default tenant, and whether it was content.
async fn verify(stack: &Stack) -> (bool, Value) {
    let output = stack.operate_to_the_end(&["audit", "verify"]).await;
    let said = String::from_utf8_lossy(&output.stdout);
    let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let default = lines.into_iter().find(|line| line["tenant"] == "default");
    let default = default.unwrap_or_else(|| {
        panic!("{said}{}", String::from_utf8_lossy(&output.stderr));
    });
    (output.status.success(), default)
}

/// How many events there are, and how many seals.
async fn counts(superuser: &mut Superuser) -> (i64, i64) {
    let events = superuser.number("SELECT count(*) FROM auth.audit_events").await;
    (events, superuser.number("SELECT count(*) FROM auth.audit_seals").await)
}

/// Waits until everything that was written before is sealed: one link for each event, numbered without a gap, and none twice.
async fn wait_until_sealed(stack: &Stack, what: &str) {
    let mut superuser = stack.superuser().await;
    let (written, _) = counts(&mut superuser).await;
    until_within(SEALED_WITHIN, &format!("{what}: the trail is sealed"), async || {
        let (_, sealed) = counts(&mut superuser).await;
        (sealed >= written).then_some(())
    })
    .await;
    let broken = superuser
        .rows(
            "SELECT tenant_id, count(*) AS links, count(DISTINCT event_id) AS events, min(seq) AS first, max(seq) AS last
             FROM auth.audit_seals GROUP BY tenant_id
             HAVING count(*) <> count(DISTINCT event_id) OR min(seq) <> 1 OR max(seq) <> count(*)",
        )
        .await;
    assert!(broken.is_empty(), "{what}: {broken:#?}");
}

#[tokio::test]
async fn a_trail_survives_a_kill_of_its_sealer_at_every_step_and_nothing_is_sealed_twice() {
    let stack = Stack::attach().await;
    let points = stack.declared_failpoints();
    let points: Vec<_> = points.into_iter().filter(|point| point.starts_with("auth.seal.")).collect();
    assert_eq!(points.len(), 2, "{points:?}");
    for point in &points {
        let before = stack.processes_of("auth").await;
        stack.arm(point);
        // What it is to seal.
        stack.sign_up("en").await;
        stack.wait_until_fired(point).await;
        stack.wait_for_successors(&before).await;
        wait_until_sealed(&stack, point).await;
        let (intact, said) = verify(&stack).await;
        assert!(intact && said["intact"] == true, "{point}: {said:#}");
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_changed_byte_of_a_stack_in_use_is_located_and_put_right_again() {
    let stack = Stack::attach().await;
    let person = stack.sign_up("en").await;
    wait_until_sealed(&stack, "a sign-up").await;
    let (intact, said) = verify(&stack).await;
    assert!(intact, "{said:#}");

    let mut superuser = stack.superuser().await;
    // Whoever owns the database can switch off what protects the table.
    superuser.run("SET session_replication_role = replica").await;
    let find = format!(
        "SELECT e.id, s.seq FROM auth.audit_events e JOIN auth.audit_seals s ON s.event_id = e.id
         WHERE e.subject_id = '{}' ORDER BY s.seq LIMIT 1",
        person.user_id()
    );
    let event = superuser.rows(&find).await.pop().expect("the sign-up stands in the trail");
    let (id, seq) =
        (event["id"].as_str().expect("an id").to_owned(), event["seq"].as_i64().expect("a number"));
    let change = |occurred_at: &str| {
        format!(
            "UPDATE auth.audit_events SET occurred_at = occurred_at {occurred_at} interval '1 microsecond' WHERE id = '{id}'"
        )
    };
    superuser.run(&change("+")).await;
    let (intact, said) = verify(&stack).await;
    superuser.run(&change("-")).await;
    assert!(!intact, "{said:#}");
    assert_eq!(said["firstFault"]["kind"], "altered", "{said:#}");
    assert_eq!(said["firstFault"]["eventId"], id.as_str(), "{said:#}");
    assert_eq!(said["firstFault"]["seq"], seq, "{said:#}");
    assert_eq!(said["checked"], seq - 1, "{said:#}");

    let (intact, said) = verify(&stack).await;
    assert!(intact && said["intact"] == true, "{said:#}");
    invariants::check(&stack).await;
}

/// Without that right nobody changes or removes what was written, whatever they know.
#[tokio::test]
async fn no_runtime_role_changes_the_trail() {
    let stack = Stack::attach().await;
    stack.sign_up("en").await;
    let mut superuser = stack.superuser().await;
    for table in ["audit_events", "audit_seals", "audit_checkpoints"] {
        for right in ["UPDATE", "DELETE", "TRUNCATE"] {
            let held = format!(
                "SELECT rolname FROM pg_roles WHERE rolname LIKE '%\\_rt'
                 AND has_table_privilege(rolname, 'auth.{table}', '{right}')"
            );
            let holders = superuser.rows(&held).await;
            assert!(holders.is_empty(), "{right} on {table}: {holders:?}");
        }
    }
    invariants::check(&stack).await;
}

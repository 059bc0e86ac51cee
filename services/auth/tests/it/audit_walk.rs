//! A trail that is longer than one request walks: it is verified in pieces, and they find what one walk would.

use std::sync::atomic::Ordering;

use auth::Auth;
use serde_json::{Value, json};
use shinkofa_kernel::TenantId;
use shinkofa_runtime::Service as _;
use shinkofa_testing::TestApp;

use crate::audit_chain::{id, sealed, tamper, verify};
use crate::people::{self, address};

/// From here on a walk looks at so many links.
fn shorten(app: &TestApp<Auth>, links: usize) {
    app.service().audit_walk.store(i64::try_from(links).expect("a number of links"), Ordering::Relaxed);
}

async fn ask(app: &TestApp<Auth>, token: &str, query: &str) -> Value {
    app.get(&format!("/api/admin/audit/verify?{query}")).token(token).send().await.expect(200).body
}

/// The parameters with which a walk goes on from the head of an answer.
fn behind(head: &Value) -> String {
    format!("afterSeq={}&afterHash={}", head["seq"], head["hash"].as_str().expect("a hash"))
}

/// Walks from the first link on, request by request, until there is nothing more to ask for.
async fn pieces(app: &TestApp<Auth>, token: &str) -> Vec<Value> {
    let mut pieces = vec![verify(app, token).await];
    while let Some(last) = pieces.last()
        && last["intact"] == true
        && last["complete"] == false
    {
        assert!(pieces.len() < 100, "the walk ends: {last:#}");
        let next = ask(app, token, &behind(&last["head"])).await;
        pieces.push(next);
    }
    pieces
}

#[track_caller]
fn assert_fault(piece: &Value, fault: &Value, checked: usize) {
    assert_eq!(piece["firstFault"], *fault, "{piece:#}");
    assert_eq!((&piece["intact"], &piece["complete"]), (&json!(false), &json!(false)), "{piece:#}");
    assert_eq!(piece["checked"], checked, "{piece:#}");
}

#[actix_web::test]
async fn pieces_together_find_what_one_walk_finds() {
    let (app, token, events) = sealed().await;
    // Not sealed yet.
    people::signed_in(&app, &address(&app, "carl")).await;
    let whole = verify(&app, &token).await;
    assert_eq!((&whole["intact"], &whole["complete"]), (&json!(true), &json!(true)), "{whole:#}");
    // The last piece is a short one, a full one, and one of a single link.
    for length in [events.len() - 1, events.len(), 4, 1] {
        shorten(&app, length);
        let pieces = pieces(&app, &token).await;
        assert_eq!(pieces.len(), events.len().div_ceil(length));
        assert!(pieces.iter().all(|piece| piece["intact"] == true), "{pieces:#?}");
        let checked: i64 = pieces.iter().filter_map(|piece| piece["checked"].as_i64()).sum();
        assert_eq!(whole["checked"], checked);
        let last = pieces.last().expect("a piece");
        for member in ["complete", "head", "pending", "firstFault"] {
            assert_eq!(last[member], whole[member], "{member} after pieces of {length}");
        }
    }
}

#[actix_web::test]
async fn an_event_altered_in_the_second_piece_is_found_by_the_second_request() {
    let (app, token, events) = sealed().await;
    shorten(&app, 3);
    let (fifth, eighth) = (id(&events, 5), id(&events, 8));
    let change =
        format!("UPDATE audit_events SET action = action || 's' WHERE id IN ('{fifth}', '{eighth}')");
    tamper(&app, &change).await;
    let found = pieces(&app, &token).await;
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!((&found[0]["intact"], &found[0]["complete"]), (&json!(true), &json!(false)));
    assert_eq!((&found[0]["checked"], &found[0]["head"]["seq"]), (&json!(3), &json!(3)));
    let fault = |seq: usize| json!({ "seq": seq, "eventId": id(&events, seq), "kind": "altered" });
    assert_fault(&found[1], &fault(5), 1);
    assert_eq!(found[1]["head"]["seq"], 4);

    // Whoever begins behind a fault does not see it; whoever begins at the first link is told that one.
    let seals = app.sql("SELECT seq, encode(hash, 'hex') AS hash FROM audit_seals WHERE seq = 6").await;
    assert_fault(&ask(&app, &token, &behind(&seals[0])).await, &fault(8), 1);
    shorten(&app, events.len());
    assert_fault(&verify(&app, &token).await, &fault(5), 4);
}

#[actix_web::test]
async fn a_walk_begins_at_no_link_but_the_one_that_was_seen() {
    let (app, token, events) = sealed().await;
    shorten(&app, 3);
    let first = verify(&app, &token).await;
    let altered = json!({ "seq": 3, "eventId": id(&events, 3), "kind": "altered" });
    let other = json!({ "seq": 3, "hash": "0".repeat(64) });
    let refused = ask(&app, &token, &behind(&other)).await;
    assert_fault(&refused, &altered, 0);
    assert_eq!(refused["head"], Value::Null);
    let beyond = json!({ "seq": events.len() + 1, "hash": "0".repeat(64) });
    let missing = json!({ "seq": events.len() + 1, "eventId": null, "kind": "missing" });
    assert_fault(&ask(&app, &token, &behind(&beyond)).await, &missing, 0);
    // A link that still shows its hash, and says something else.
    assert_eq!(ask(&app, &token, &behind(&first["head"])).await["intact"], true);
    tamper(&app, "UPDATE audit_seals SET number = number + 1 WHERE seq = 3").await;
    assert_fault(&ask(&app, &token, &behind(&first["head"])).await, &altered, 0);

    for (query, pointer) in [
        ("afterSeq=3".to_owned(), "afterHash"),
        (format!("afterHash={}", "0".repeat(64)), "afterSeq"),
        ("afterSeq=3&afterHash=abc".to_owned(), "afterHash"),
        (format!("afterSeq=0&afterHash={}", "0".repeat(64)), "afterSeq"),
        // A head to compare with is no half of a beginning.
        (format!("afterSeq=3&hash={}", "0".repeat(64)), "afterHash"),
    ] {
        let answer = app.get(&format!("/api/admin/audit/verify?{query}")).token(&token).send().await;
        let problem = answer.expect_problem(422, "invalid_fields").body;
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}");
    }
}

/// In the piece that comes by it, and in those that begin behind it. Those before have not come so far.
#[actix_web::test]
async fn a_known_head_is_compared_wherever_a_walk_begins() {
    let (app, token, events) = sealed().await;
    shorten(&app, 3);
    let heads: Vec<_> = pieces(&app, &token).await.iter().map(|piece| piece["head"].clone()).collect();
    let known = "SELECT encode(hash, 'hex') AS hash FROM audit_seals WHERE seq = 5";
    let known = app.sql(known).await[0]["hash"].as_str().expect("a hash").to_owned();
    let altered = json!({ "seq": 5, "eventId": id(&events, 5), "kind": "altered" });
    for (after, comes_by) in [(None, false), (Some(&heads[0]), true), (Some(&heads[1]), true)] {
        let after = after.map(behind).unwrap_or_default();
        let right = ask(&app, &token, &format!("seq=5&hash={known}&{after}")).await;
        assert_eq!(right["intact"], true, "{right:#}");
        let wrong = ask(&app, &token, &format!("seq=5&hash={}&{after}", "0".repeat(64))).await;
        assert_eq!(wrong["firstFault"], if comes_by { altered.clone() } else { Value::Null }, "{wrong:#}");
    }
}

#[actix_web::test]
async fn an_end_that_was_cut_off_is_noticed_by_the_last_piece() {
    // In the middle of a piece, and between two.
    for kept in [7, 6] {
        let (app, token, _) = sealed().await;
        shorten(&app, 3);
        let cut = format!(
            "DELETE FROM audit_events e WHERE EXISTS
                 (SELECT FROM audit_seals s WHERE s.event_id = e.id AND s.seq > {kept});
             DELETE FROM audit_seals WHERE seq > {kept}"
        );
        tamper(&app, &cut).await;
        let found = pieces(&app, &token).await;
        assert_eq!(found.len(), 3, "{found:#?}");
        let missing = json!({ "seq": kept + 1, "eventId": null, "kind": "missing" });
        assert_fault(&found[2], &missing, kept - 6);

        // With its signatures as well: the head that was handed in stands behind all of it, signed or not.
        tamper(&app, "DELETE FROM audit_checkpoints").await;
        let unsigned = json!({ "seq": 1, "eventId": null, "kind": "unsigned" });
        assert_fault(&ask(&app, &token, &behind(&found[1]["head"])).await, &unsigned, 0);
        tamper(&app, "DELETE FROM audit_seals; DELETE FROM audit_events").await;
        let missing = json!({ "seq": 6, "eventId": null, "kind": "missing" });
        assert_fault(&ask(&app, &token, &behind(&found[1]["head"])).await, &missing, 0);
    }
}

#[actix_web::test]
async fn an_event_that_slipped_in_is_named_by_the_piece_in_which_it_stands() {
    let (app, token, _) = sealed().await;
    // The first link behind the third that begins another transaction: there is room before it.
    let rooms = "SELECT s.seq, s.event_id FROM audit_seals s JOIN audit_seals b ON b.seq = s.seq - 1
        WHERE s.transaction > b.transaction AND s.seq > 3 ORDER BY s.seq LIMIT 1";
    let room = app.sql(rooms).await.pop().expect("several transactions");
    let before = usize::try_from(room["seq"].as_i64().expect("a number") - 1).expect("a number of links");
    let stray = "01920000-0000-7000-8000-0000000000cc";
    tamper(
        &app,
        &format!(
            "INSERT INTO audit_events (tenant_id, id, transaction, occurred_at, actor, action, subject_type, subject_id, details)
             SELECT tenant_id, '{stray}', transaction - 1, occurred_at, actor, action, subject_type, subject_id, details
             FROM audit_events WHERE id = '{}'",
            room["event_id"].as_str().expect("an id")
        ),
    )
    .await;
    shorten(&app, before);
    let found = pieces(&app, &token).await;
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(found[1]["firstFault"], json!({ "seq": null, "eventId": stray, "kind": "added" }));
}

#[actix_web::test]
async fn the_command_walks_to_the_end_however_short_a_walk_is() {
    let (app, _, events) = sealed().await;
    shorten(&app, 3);
    let file = std::env::temp_dir().join(format!("{}-walked.json", app.database.name));
    let arguments = ["--heads".to_owned(), file.display().to_string()];
    app.service().command("audit-verify", &arguments).await.unwrap();
    let kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(kept[TenantId::DEFAULT.to_string()]["seq"], events.len());
    let change = format!("UPDATE audit_events SET action = action || 's' WHERE id = '{}'", id(&events, 8));
    tamper(&app, &change).await;
    let noticed = app.service().command("audit-verify", &arguments).await;
    std::fs::remove_file(&file).unwrap();
    noticed.unwrap_err();
}

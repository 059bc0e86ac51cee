//! Each effect once and in order, whoever was down.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::Method;
use shinkofa_contracts::FeedScope;
use shinkofa_db::{Scope, transaction};
use shinkofa_testing::{FakePeer, TestApp, eventually};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::probe::{Dice, Probe, Ticked, hum, tick};

async fn produce(app: &TestApp<Probe>, aggregates: &[Uuid], from: i64, count: i64) {
    let platform = &app.service().platform;
    for number in from..from + count {
        let aggregate = aggregates[usize::try_from(number).unwrap() % aggregates.len()];
        transaction(app.pool(), &Scope::infrastructure(), "tick", async |tx| {
            let ticked = Ticked { number, poison: false };
            tick(tx, platform, aggregate, &ticked).await.map_err(shinkofa_db::Error::from)
        })
        .await
        .unwrap();
    }
}

/// A reader, and the auth whose (empty) feed it follows like every service.
async fn reader_of(producer: &TestApp<Probe>) -> (TestApp<Probe>, FakePeer) {
    let auth = FakePeer::start().await;
    auth.feed().await;
    let builder =
        TestApp::<Probe>::builder().peer("probe", &producer.internal_url()).peer("auth", &auth.url());
    (builder.start().await, auth)
}

/// The feed is held back while any transaction of the cluster, another test's too, may still commit before it.
async fn read_until(reader: &TestApp<Probe>, count: usize) {
    eventually("every event is applied", async || {
        reader.read_feeds().await.ok()?;
        let rows = reader.sql("SELECT count(*) AS n FROM effects").await;
        (rows[0]["n"] == count).then_some(())
    })
    .await;
}

async fn assert_once_and_in_order(reader: &TestApp<Probe>, count: usize) {
    let rows = reader.sql("SELECT count(*) AS n, count(DISTINCT event_id) AS events FROM effects").await;
    assert_eq!((&rows[0]["n"], &rows[0]["events"]), (&count.into(), &count.into()));
    let disorder = reader
        .sql(
            "SELECT * FROM (SELECT aggregate_seq, row_number() OVER (PARTITION BY aggregate_id ORDER BY place) AS expected
             FROM effects) t WHERE aggregate_seq <> expected",
        )
        .await;
    assert!(disorder.is_empty(), "out of order: {disorder:?}");
}

#[actix_web::test]
async fn a_subscriber_that_was_down_for_10_000_events_and_dies_while_catching_up_applies_each_once_and_in_order()
 {
    let producer = TestApp::<Probe>::start().await;
    let aggregates: Vec<Uuid> = (0..7).map(|_| producer.clock.new_uuid()).collect();
    produce(&producer, &aggregates, 0, 10_000).await;

    let (reader, _auth) = reader_of(&producer).await;
    let dice = Dice::new(0x5eed);
    let mut deaths = 0;
    while deaths < 40 {
        // Dropping the future in the middle of a transaction is what a kill looks like to the database.
        let life = Duration::from_millis(20 + dice.below(120));
        match tokio::time::timeout(life, reader.read_feeds()).await {
            Ok(_) => break,
            Err(_) => deaths += 1,
        }
    }
    assert!(deaths >= 5, "it was killed {deaths} times only");
    read_until(&reader, 10_000).await;
    assert_once_and_in_order(&reader, 10_000).await;
    reader.stop().await;
    producer.stop().await;
}

#[actix_web::test]
async fn two_writers_that_commit_in_the_opposite_order_of_their_starts_lose_nothing() {
    let producer = TestApp::<Probe>::start().await;
    let (reader, _auth) = reader_of(&producer).await;
    let (first, second) = (producer.clock.new_uuid(), producer.clock.new_uuid());
    let platform = &producer.service().platform;
    let (hold, held) = oneshot::channel::<()>();
    let (started, is_started) = oneshot::channel::<()>();
    let (started, held) = (std::cell::RefCell::new(Some(started)), std::cell::RefCell::new(Some(held)));

    let scope = Scope::infrastructure();
    let slow = transaction(producer.pool(), &scope, "slow", async |tx| {
        tick(tx, platform, first, &Ticked { number: 1, poison: false }).await?;
        if let (Some(started), Some(held)) = (started.take(), held.take()) {
            let _ = started.send(());
            let _ = held.await;
        }
        Ok::<_, shinkofa_db::Error>(())
    });
    let quick = async {
        is_started.await.unwrap();
        produce(&producer, &[second], 2, 1).await;
        // A reader without the hold-back would see the later event alone and move its cursor past the earlier one.
        let naive = producer.sql("SELECT aggregate_id FROM events").await;
        assert_eq!(naive[0]["aggregate_id"], second.to_string());
        // The second event is committed, but the first may still come before it: nobody may be told yet.
        reader.read_feeds().await.unwrap();
        assert!(reader.sql("SELECT * FROM effects").await.is_empty());
        hold.send(()).unwrap();
    };
    let (slow, ()) = tokio::join!(slow, quick);
    slow.unwrap();

    read_until(&reader, 2).await;
    let order = reader.sql("SELECT aggregate_id FROM effects ORDER BY place").await;
    assert_eq!(order[0]["aggregate_id"], first.to_string());
    reader.stop().await;
    producer.stop().await;
}

#[actix_web::test]
async fn the_story_of_one_aggregate_is_never_told_backwards_by_a_transaction_that_started_earlier() {
    let producer = TestApp::<Probe>::start().await;
    let aggregate = producer.clock.new_uuid();
    let platform = &producer.service().platform;
    let overtaken = std::cell::Cell::new(false);
    // It gets its transaction id by telling about something else, and comes to the aggregate after a later one did.
    transaction(producer.pool(), &Scope::infrastructure(), "early", async |tx| {
        tick(tx, platform, platform.clock.new_uuid(), &Ticked { number: 0, poison: false }).await?;
        if !overtaken.replace(true) {
            produce(&producer, &[aggregate], 1, 1).await;
        }
        tick(tx, platform, aggregate, &Ticked { number: 2, poison: false })
            .await
            .map_err(shinkofa_db::Error::from)
    })
    .await
    .unwrap();

    let told = producer
        .sql(&format!(
            "SELECT data FROM events WHERE aggregate_id = '{aggregate}' ORDER BY transaction, number"
        ))
        .await;
    let numbers: Vec<_> = told.iter().map(|row| row["data"]["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [1, 2]);
    producer.stop().await;
}

#[actix_web::test]
async fn a_new_subscriber_reads_from_the_beginning() {
    let producer = TestApp::<Probe>::start().await;
    let aggregate = producer.clock.new_uuid();
    produce(&producer, &[aggregate], 0, 25).await;
    for _ in 0..2 {
        let (reader, _auth) = reader_of(&producer).await;
        read_until(&reader, 25).await;
        assert_once_and_in_order(&reader, 25).await;
        reader.stop().await;
    }
    producer.stop().await;
}

#[actix_web::test]
async fn a_poison_event_is_parked_with_what_follows_it_and_blocks_no_other_aggregate() {
    let producer = TestApp::<Probe>::start().await;
    let (ill, well) = (producer.clock.new_uuid(), producer.clock.new_uuid());
    let platform = &producer.service().platform;
    transaction(producer.pool(), &Scope::infrastructure(), "poison", async |tx| {
        tick(tx, platform, ill, &Ticked { number: 0, poison: true }).await.map_err(shinkofa_db::Error::from)
    })
    .await
    .unwrap();
    produce(&producer, &[well, ill], 0, 4).await;

    let (reader, _auth) = reader_of(&producer).await;
    read_until(&reader, 2).await;
    let applied = reader.sql("SELECT DISTINCT aggregate_id FROM effects").await;
    assert_eq!(applied.len(), 1);
    assert_eq!(applied[0]["aggregate_id"], well.to_string());
    let parked = reader
        .sql("SELECT aggregate_id, reason FROM parked_events WHERE feed = 'probe' ORDER BY transaction")
        .await;
    assert_eq!(parked.len(), 3);
    assert_eq!(parked[0]["reason"], "it is poison");

    // Once its cause is mended it is applied after all, and what waited behind it in its order.
    reader.service().cured.store(true, Ordering::Relaxed);
    read_until(&reader, 5).await;
    assert_once_and_in_order(&reader, 5).await;
    assert!(reader.sql("SELECT * FROM parked_events").await.is_empty());
    reader.stop().await;
    producer.stop().await;
}

#[actix_web::test]
async fn events_that_concern_nobody_are_left_behind_together() {
    let producer = TestApp::<Probe>::start().await;
    let platform = &producer.service().platform;
    let (heard, unheard) = (producer.clock.new_uuid(), producer.clock.new_uuid());
    for number in 0..3 {
        transaction(producer.pool(), &Scope::infrastructure(), "hum", async |tx| {
            for _ in 0..40 {
                hum(tx, platform, unheard).await?;
            }
            Ok::<_, shinkofa_db::Error>(())
        })
        .await
        .unwrap();
        // The last thing that happens is nobody's concern: the cursor passes it too.
        if number < 2 {
            produce(&producer, &[heard], number, 1).await;
        }
    }

    let (reader, _auth) = reader_of(&producer).await;
    let last = producer.sql("SELECT transaction, number FROM events ORDER BY 1 DESC, 2 DESC LIMIT 1").await;
    eventually("the cursor stands at the end", async || {
        reader.read_feeds().await.ok()?;
        let cursor = reader.sql("SELECT transaction, number FROM feed_cursors WHERE feed = 'probe'").await;
        (cursor == last).then_some(())
    })
    .await;
    assert_once_and_in_order(&reader, 2).await;
    reader.stop().await;
    producer.stop().await;
}

#[actix_web::test]
async fn nobody_who_waits_for_an_event_keeps_a_process_from_stopping() {
    let producer = TestApp::<Probe>::start().await;
    let poll = producer.internal::<FeedScope>("reader", Method::GET, "/internal/v1/events?wait=25").send();
    let (answer, ()) = tokio::join!(poll, async { producer.drain() });
    answer.expect_problem(503, "draining");
    producer.stop().await;
}

#[actix_web::test]
async fn two_replicas_of_one_subscriber_apply_each_event_once() {
    let producer = TestApp::<Probe>::start().await;
    let aggregates: Vec<Uuid> = (0..3).map(|_| producer.clock.new_uuid()).collect();
    produce(&producer, &aggregates, 0, 600).await;
    let (reader, _auth) = reader_of(&producer).await;
    let _ = tokio::join!(reader.read_feeds(), reader.read_feeds(), reader.read_feeds());
    read_until(&reader, 600).await;
    assert_once_and_in_order(&reader, 600).await;
    reader.stop().await;
    producer.stop().await;
}

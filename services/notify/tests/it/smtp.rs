//! Mail by SMTP: taken once, tried again, given up only where it must be.

use chrono::Duration;
use shinkofa_web::Locale;

use crate::smtp_server::{Answer, SmtpServer};
use crate::studio::Studio;

async fn studio(server: &SmtpServer) -> Studio {
    Studio::with(&[
        ("SMTP_URL", server.url().as_str()),
        ("MAIL_FROM", "Le Studio <hello@studio.example.org>"),
    ])
    .await
}

fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let line = message.lines().find(|line| line.starts_with(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in {message}"))
}

#[actix_web::test]
async fn a_message_goes_out_with_both_forms_and_an_id_of_its_delivery() {
    let server = SmtpServer::start().await;
    let studio = studio(&server).await;
    let zoe = studio.member("Zoe", Locale::French);
    studio.confirmed(&zoe);
    studio.settle().await;

    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    let id = studio.app.sql("SELECT id FROM deliveries").await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(header(&taken[0], "Message-ID"), format!("Message-ID: <{id}@shinkofa.localhost>"));
    assert_eq!(header(&taken[0], "From"), "From: \"Le Studio\" <hello@studio.example.org>");
    assert!(header(&taken[0], "To").contains("<zoe@example.org>"), "{}", taken[0]);
    assert_eq!(header(&taken[0], "Auto-Submitted"), "Auto-Submitted: auto-generated");
    assert_eq!(header(&taken[0], "Date"), "Date: Tue, 01 Dec 2026 09:00:00 +0000");
    for part in ["multipart/alternative", "text/plain", "text/html"] {
        assert!(taken[0].contains(part), "{}", taken[0]);
    }
    assert_eq!(server.recipients(), ["RCPT TO:<zoe@example.org>"]);
    studio.close().await;
}

#[actix_web::test]
async fn a_server_that_is_busy_is_asked_again_and_gets_the_same_message() {
    let server = SmtpServer::start().await;
    let studio = studio(&server).await;
    server
        .next([Answer::RefuseRecipient("451 4.7.1 try later"), Answer::RefuseRecipient("421 4.3.2 closing")]);
    let ann = studio.member("Ann", Locale::English);
    studio.confirmed(&ann);
    studio.settle().await;
    let (kind, state, reason) = studio.deliveries().await.remove(0);
    assert_eq!((kind.as_str(), state.as_str()), ("reservation_confirmed", "pending"));
    assert_eq!(reason.as_deref(), Some("the mail server answered 451"));

    studio.app.advance(Duration::seconds(1));
    studio.app.run_jobs().await;
    assert!(server.taken().is_empty());
    studio.app.advance(Duration::seconds(2));
    studio.app.run_jobs().await;
    assert_eq!(server.taken().len(), 1);
    assert_eq!(studio.deliveries().await[0].1, "sent");
    studio.close().await;
}

#[actix_web::test]
async fn a_server_that_is_away_for_days_loses_no_message() {
    let server = SmtpServer::start().await;
    let studio = Studio::with(&[("SMTP_URL", "smtp://127.0.0.1:1")]).await;
    let ann = studio.member("Ann", Locale::English);
    studio.confirmed(&ann);
    studio.settle().await;
    for _ in 0..40 {
        studio.app.advance(Duration::hours(2));
        studio.app.run_jobs().await;
    }
    assert_eq!(studio.deliveries().await[0].1, "pending");
    assert!(studio.app.sql("SELECT 1 AS one FROM jobs WHERE dead_at IS NOT NULL").await.is_empty());
    // On the fifth day it is known to be lost, and the row says so.
    studio.app.advance(Duration::hours(48));
    studio.app.run_jobs().await;
    let (_, state, reason) = studio.deliveries().await.remove(0);
    assert_eq!(state, "failed");
    assert_eq!(reason.as_deref(), Some("given up: the mail server cannot be reached"));
    assert!(server.taken().is_empty());
    studio.close().await;
}

#[actix_web::test]
async fn an_address_that_the_server_refuses_for_good_is_not_tried_again() {
    let server = SmtpServer::start().await;
    let studio = studio(&server).await;
    server.next([Answer::RefuseRecipient("550 5.1.1 <ann@example.org> unknown")]);
    let (ann, bob) = (studio.member("Ann", Locale::English), studio.member("Bob", Locale::English));
    studio.confirmed(&ann);
    studio.confirmed(&bob);
    studio.settle().await;
    studio.app.advance(Duration::hours(1));
    studio.app.run_jobs().await;

    let deliveries = studio.deliveries().await;
    let failed: Vec<_> = deliveries.iter().filter(|(_, state, _)| state == "failed").collect();
    // The server's own words repeat the address, so they are not kept.
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].2.as_deref(), Some("the mail server answered 550"));
    assert_eq!(server.taken().len(), 1);
    studio.close().await;
}

#[actix_web::test]
async fn a_server_that_takes_nothing_from_us_is_our_fault_and_no_messages() {
    let server = SmtpServer::start().await;
    let studio = studio(&server).await;
    server.close_with(Some("554 5.7.1 not you"));
    let ann = studio.member("Ann", Locale::English);
    studio.confirmed(&ann);
    studio.settle().await;
    assert_eq!(studio.deliveries().await[0].1, "pending");

    server.close_with(None);
    studio.app.advance(Duration::minutes(1));
    studio.app.run_jobs().await;
    assert_eq!(server.taken().len(), 1);
    studio.close().await;
}

#[actix_web::test]
async fn a_copy_that_a_lost_answer_makes_is_the_same_message_to_the_last_byte() {
    let server = SmtpServer::start().await;
    let studio = studio(&server).await;
    server.next([Answer::TakeAndHangUp]);
    let ann = studio.member("Ann", Locale::English);
    studio.confirmed(&ann);
    studio.settle().await;
    assert_eq!(studio.deliveries().await[0].1, "pending");
    studio.app.advance(Duration::seconds(30));
    studio.app.run_jobs().await;
    let taken = server.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0], taken[1]);
    assert_eq!(studio.deliveries().await[0].1, "sent");
    studio.close().await;
}

#[actix_web::test]
async fn with_a_mail_server_there_is_no_development_mailbox() {
    let server = SmtpServer::start().await;
    let studio = studio(&server).await;
    studio.app.get("/api/messages").send().await.expect_problem(404, "not_found");
    studio.app.get("/").send().await.expect_problem(404, "not_found");
    studio.close().await;
}

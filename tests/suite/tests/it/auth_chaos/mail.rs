//! The mail server dead: nobody notices who signs up or asks for a link, no letter is lost, and the next ones go out at once
//! when it is back.
//!
//! The stack itself keeps its mails in the development mailbox. So an understudy of notify, with a database of its own and an
//! SMTP server of the test's, reads auth's feed from here on.

use std::time::{Duration, Instant};

use serde_json::json;
use suite::{SmtpSink, Stack, Understudy, free_ports, invariants, until, until_within};

use super::PROMISED;

/// A letter that found nobody is tried again after longer and longer pauses: by then those of this outage have been.
const ARRIVES_WITHIN: Duration = Duration::from_secs(120);

#[tokio::test]
async fn with_the_mail_server_dead_people_are_answered_and_every_letter_comes_later() {
    let stack = Stack::attach().await;
    let known = stack.sign_up("en").await;
    let [port, _] = free_ports();
    let mut notify = Understudy::of(&stack, "notify").await;
    for table in ["feed_cursors", "contacts"] {
        notify.adopt(table).await;
    }
    let server = format!("smtp://127.0.0.1:{port}");
    notify.serve(&[("SMTP_URL", server.as_str())]).await;

    let newcomers: Vec<String> =
        (0..3).map(|_| format!("{}@{}", stack.fresh("newcomer"), stack.domain)).collect();
    for email in &newcomers {
        let body =
            json!({ "email": email, "password": stack.fresh("Passw0rd"), "name": "Nina", "locale": "fr" });
        stack.post("/api/auth/signup").json(&body).send().await.expect(202);
    }
    let forgotten = json!({ "email": known.email });
    stack.post("/api/auth/password/forgot").json(&forgotten).send().await.expect(202);
    stack.post("/api/auth/otp/send").json(&forgotten).send().await.expect(202);
    let waiting =
        "SELECT count(*) FROM notify.deliveries WHERE reason IS NOT NULL AND state IN ('pending', 'sending')";
    until("every letter was tried once and waits", async || {
        (notify.superuser().await.number(waiting).await >= 5).then_some(())
    })
    .await;

    let server = SmtpSink::listen(port).await;
    let back = Instant::now();
    let fresh = format!("{}@{}", stack.fresh("newcomer"), stack.domain);
    let body = json!({ "email": fresh, "password": stack.fresh("Passw0rd"), "name": "Nils", "locale": "en" });
    stack.post("/api/auth/signup").json(&body).send().await.expect(202);
    until_within(PROMISED, "a letter that is new goes out", async || {
        (server.letters_to(&fresh).len() == 1).then_some(())
    })
    .await;
    let expected = newcomers.iter().map(|email| (email, 1)).chain([(&known.email, 2)]);
    for (email, letters) in expected {
        until_within(ARRIVES_WITHIN, &format!("{letters} letters to {email}"), async || {
            (server.letters_to(email).len() >= letters).then_some(())
        })
        .await;
    }
    eprintln!("the last letter came {:.1} s after the mail server was back", back.elapsed().as_secs_f64());
    until("nothing is left to send", async || {
        let left = "SELECT count(*) FROM notify.deliveries WHERE state <> 'sent'";
        (notify.superuser().await.number(left).await == 0).then_some(())
    })
    .await;
    for email in newcomers.iter().chain([&fresh]) {
        assert_eq!(server.letters_to(email).len(), 1, "{email}: each letter comes once");
    }
    assert_eq!(server.letters_to(&known.email).len(), 2, "each letter comes once");
    notify.stop().await;
    invariants::check(&stack).await;
}

//! The mail server dead, silent or busy: nobody notices who signs up, signs in or asks for a link, no letter is lost, and when it
//! is well again new ones go out at once, and the others when their pause is over.
//!
//! The stack itself keeps its mails in the development mailbox. So an understudy of notify, with a database of its own and an
//! SMTP server of the test's, reads auth's feed from here on.

use std::time::{Duration, Instant};

use serde_json::json;
use suite::{Person, SmtpHealth, SmtpSink, Stack, Understudy, free_ports, invariants, until, until_within};

use super::PROMISED;

/// Why a mail server takes no letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Illness {
    Dead,
    Hangs,
    Busy,
}

impl Illness {
    /// Which letters were tried and came to nothing by it, or are in hand and come to nothing.
    fn held_up(self) -> &'static str {
        match self {
            Self::Dead => "reason = 'the mail server cannot be reached'",
            Self::Hangs => "state = 'sending'",
            Self::Busy => "reason = 'the mail server answered 451'",
        }
    }

    async fn strike(self, port: u16) -> Option<SmtpSink> {
        match self {
            Self::Dead => None,
            Self::Hangs => Some(SmtpSink::listen_as(port, SmtpHealth::Hangs).await),
            Self::Busy => Some(SmtpSink::listen_as(port, SmtpHealth::Busy).await),
        }
    }
}

/// Those who are written to: newcomers once each, and somebody who forgot their password twice.
const NEWCOMERS: usize = 3;
const LETTERS: usize = NEWCOMERS + 2;

struct Scene<'a> {
    stack: &'a Stack,
    notify: Understudy<'a>,
    known: Person,
    /// Signs in now and then, and asks for no letter.
    regular: Person,
    newcomers: Vec<String>,
}

impl<'a> Scene<'a> {
    async fn begin(stack: &'a Stack, port: u16) -> Self {
        let (known, regular) = (stack.sign_up("en").await, stack.sign_up("en").await);
        let mut notify = Understudy::of(stack, "notify").await;
        for table in ["feed_cursors", "contacts"] {
            notify.adopt(table).await;
        }
        notify.serve(&[("SMTP_URL", format!("smtp://127.0.0.1:{port}").as_str())]).await;
        let newcomers =
            (0..NEWCOMERS).map(|_| format!("{}@{}", stack.fresh("newcomer"), stack.domain)).collect();
        Self { stack, notify, known, regular, newcomers }
    }

    async fn sign_up(&self, email: &str, locale: &str) {
        let password = self.stack.fresh("Passw0rd");
        let body = json!({ "email": email, "password": password, "name": "Nina", "locale": locale });
        self.stack.post("/api/auth/signup").json(&body).send().await.expect(202);
    }

    async fn ask_for_letters(&self) {
        for email in &self.newcomers {
            self.sign_up(email, "fr").await;
        }
        let forgotten = json!({ "email": self.known.email });
        self.stack.post("/api/auth/password/forgot").json(&forgotten).send().await.expect(202);
        self.stack.post("/api/auth/otp/send").json(&forgotten).send().await.expect(202);
    }

    async fn sign_in_as_ever(&self) {
        for _ in 0..3 {
            let asked = Instant::now();
            self.stack.sign_in(&self.regular.email, &self.regular.password).await;
            let took = asked.elapsed();
            assert!(took < PROMISED, "a sign-in took {took:?}");
        }
    }

    async fn wait_until_held_up(&self, illness: Illness) {
        let held_up = format!("SELECT count(*) FROM notify.deliveries WHERE {}", illness.held_up());
        until(&format!("every letter is held up: {illness:?}"), async || {
            (self.notify.superuser().await.number(&held_up).await >= LETTERS as i64).then_some(())
        })
        .await;
    }

    /// The longest pause that any letter still has before it, or would have if it failed at this moment. Fails the test when one
    /// waits for longer than the policy of jobs says.
    async fn longest_pause(&self) -> Duration {
        let jobs = "SELECT j.attempts, extract(epoch FROM j.run_at - clock_timestamp())::float8 AS rest
                    FROM notify.jobs j JOIN notify.deliveries d ON d.id = (j.payload ->> 'delivery')::uuid
                    WHERE j.name = 'deliver' AND (d.state = 'sending' OR d.reason IS NOT NULL)";
        let mut longest = Duration::ZERO;
        for job in self.notify.superuser().await.rows(jobs).await {
            let pause = pause_after(job["attempts"].as_i64().expect("a number"));
            let rest = job["rest"].as_f64().expect("seconds");
            assert!(rest <= pause.as_secs_f64(), "a letter waits longer than {pause:?}: {job:#}");
            longest = longest.max(pause);
        }
        longest
    }
}

/// How long a job that failed so often waits: half a second, doubling, at most five minutes (`shared/jobs/src/job.rs`).
fn pause_after(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(10);
    Duration::from_millis(500 << doublings).min(Duration::from_secs(300))
}

async fn outlive(illness: Illness) {
    let stack = Stack::attach().await;
    let [port, _] = free_ports();
    let scene = Scene::begin(&stack, port).await;
    let ill = illness.strike(port).await;
    scene.ask_for_letters().await;
    scene.sign_in_as_ever().await;
    scene.wait_until_held_up(illness).await;
    scene.sign_in_as_ever().await;

    if let Some(ill) = ill {
        until("each letter was offered to the server", async || (ill.connections() >= LETTERS).then_some(()))
            .await;
        ill.end().await;
    }
    let server = SmtpSink::listen(port).await;
    let back = Instant::now();
    let pause = scene.longest_pause().await;
    assert!(pause > Duration::ZERO, "letters wait");
    let fresh = format!("{}@{}", stack.fresh("newcomer"), stack.domain);
    scene.sign_up(&fresh, "en").await;
    until_within(PROMISED, "a letter that is new goes out", async || {
        (server.letters_to(&fresh).len() == 1).then_some(())
    })
    .await;
    let expected: Vec<(&String, usize)> =
        scene.newcomers.iter().map(|email| (email, 1)).chain([(&scene.known.email, 2)]).collect();
    let left = (pause + PROMISED).saturating_sub(back.elapsed());
    until_within(left, "every letter came when its pause was over", async || {
        expected.iter().all(|(email, letters)| server.letters_to(email).len() >= *letters).then_some(())
    })
    .await;
    let took = back.elapsed().as_secs_f64();
    eprintln!(
        "{illness:?}: the last letter came {took:.1} s after the server was well, of {pause:?} at most"
    );
    until("nothing is left to send", async || {
        let left = "SELECT count(*) FROM notify.deliveries WHERE state <> 'sent'";
        (scene.notify.superuser().await.number(left).await == 0).then_some(())
    })
    .await;
    for (email, letters) in expected.into_iter().chain([(&fresh, 1)]) {
        assert_eq!(server.letters_to(email).len(), letters, "{email}: each letter comes once");
    }
    scene.notify.stop().await;
    invariants::check(&stack).await;
}

#[tokio::test]
async fn with_the_mail_server_dead_people_are_answered_and_every_letter_comes_later() {
    outlive(Illness::Dead).await;
}

#[tokio::test]
async fn with_a_mail_server_that_says_nothing_people_are_answered_and_every_letter_comes_later() {
    outlive(Illness::Hangs).await;
}

#[tokio::test]
async fn with_a_mail_server_that_is_busy_people_are_answered_and_every_letter_comes_later() {
    outlive(Illness::Busy).await;
}

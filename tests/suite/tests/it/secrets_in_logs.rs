//! Canaries: what people and the installation keep secret stands in no log, no argument and no row.

use std::collections::BTreeSet;

use serde_json::json;
use suite::{PackageTerms, Stack, invariants};

use crate::auth_ways::{Walk, until_not_locked};
use crate::codes::shows;
use crate::logs::{all_logs, files_beneath};

/// What must not be found, and what it is.
#[derive(Default)]
struct Canaries {
    needles: Vec<(&'static str, String)>,
    /// Codes of a few digits, which stand anywhere by chance: they are looked for where they are called one.
    codes: Vec<(&'static str, String)>,
}

/// Shorter needles would be found by chance.
const SHORTEST: usize = 10;

impl Canaries {
    fn add(&mut self, what: &'static str, needle: &str) {
        assert!(needle.len() >= 6, "{what} is too short to be looked for");
        let list = if needle.len() < SHORTEST { &mut self.codes } else { &mut self.needles };
        list.push((what, needle.to_owned()));
    }

    /// A token by its signature too: a log that drops the beginning still gives it away.
    fn add_token(&mut self, what: &'static str, token: &str) {
        self.add(what, token);
        if let Some(signature) = token.rsplit('.').next().filter(|part| part.len() >= 12) {
            self.add(what, signature);
        }
    }

    fn assert_absent(&self, place: &str, text: &str) {
        for (what, needle) in &self.needles {
            let found = text.lines().find(|line| line.contains(needle.as_str()));
            assert!(found.is_none(), "{what} stands in {place}: {}", found.unwrap_or_default());
        }
        for (what, code) in &self.codes {
            let found = text.lines().find(|line| shows(line, code));
            assert!(found.is_none(), "{what} stands in {place}: {}", found.unwrap_or_default());
        }
    }

    fn len(&self) -> usize {
        self.needles.len() + self.codes.len()
    }
}

/// Plays a story in which every secret of a person passes through the platform, rightly and wrongly used.
async fn live_with_secrets(stack: &Stack) -> (Canaries, String) {
    let mut canaries = Canaries::default();
    let mark = stack.fresh("canary");
    let (email, password, name) =
        (format!("{mark}@{}", stack.domain), stack.fresh("Pw-1"), format!("Nom {mark} Secret"));
    let second_password = stack.fresh("Other-2");
    canaries.add("the address", &email);
    canaries.add("the password", &password);
    canaries.add("the password", &second_password);
    canaries.add("the name", &name);
    let signup = json!({ "email": email, "password": password, "name": name, "locale": "fr" });
    stack.post("/api/auth/signup").json(&signup).send().await.expect(202);
    let token = stack.verification_token(&email).await;
    canaries.add_token("the token of the link", &token);
    let credentials = json!({ "email": email, "password": password });
    stack.post("/api/auth/signin").json(&credentials).send().await.expect(401);
    stack.post("/api/auth/email/verify").json(&json!({ "token": token })).send().await.expect(204);
    stack.post("/api/auth/email/verify").json(&json!({ "token": token })).send().await.expect(410);
    let again = json!({ "email": email, "password": second_password, "name": name, "locale": "fr" });
    stack.post("/api/auth/signup").json(&again).send().await.expect(202);
    let answer = until_not_locked(stack, "/api/auth/signin", &credentials).await.expect(200);
    let (access, refresh) = (answer.text("accessToken"), answer.text("refreshToken"));
    canaries.add_token("the access token", &access);
    canaries.add_token("the refresh token", &refresh);
    let answer =
        stack.post("/api/auth/refresh").json(&json!({ "refreshToken": refresh })).send().await.expect(200);
    let (renewed, next) = (answer.text("accessToken"), answer.text("refreshToken"));
    canaries.add_token("the renewed access token", &renewed);
    canaries.add_token("the next refresh token", &next);
    // Last of the sign-ins: after it, the next has to wait.
    let wrong = json!({ "email": email, "password": second_password });
    stack.post("/api/auth/signin").json(&wrong).send().await.expect(401);
    misuse(stack, &renewed, &password, &email).await;
    // Whoever has the id of a certificate sees it: so it is as secret as one that there is.
    let certificate = stack.fresh("Certificate-1");
    canaries.add("the id of a certificate", &certificate);
    stack.get(&format!("/api/me/certificates/{certificate}")).send().await.expect(404);
    let admin = stack.admin().await;
    let package = stack.package(&admin, PackageTerms { credits: 1, validity_days: 30 }).await;
    stack.buy(&renewed, &package).await;
    // Used long after its time a refresh token ends its family, which is logged; the token itself is not.
    let last =
        stack.post("/api/auth/refresh").json(&json!({ "refreshToken": next })).send().await.expect(200);
    canaries.add_token("the last refresh token", &last.text("refreshToken"));
    stack.post("/api/auth/refresh").json(&json!({ "refreshToken": refresh })).send().await.expect(401);
    (canaries, mark)
}

/// Secrets where they do not belong: in addresses, in broken bodies, in the wrong header.
async fn misuse(stack: &Stack, token: &str, password: &str, email: &str) {
    for path in ["/api/user/profile", "/api/sessions", "/nothing", "/api/auth/nothing"] {
        stack
            .get(path)
            .query(&[("access_token", token), ("email", email), ("password", password)])
            .send()
            .await;
    }
    for body in [
        format!("{{\"email\":\"{email}\",\"password\":\"{password}\""),
        json!({ "email": email, "password": [password], "name": { "x": password } }).to_string(),
        json!({ "email": email, "secret": password }).to_string(),
        format!("email={email}&password={password}"),
    ] {
        let call = stack.post("/api/auth/signin").header("content-type", "application/json");
        let answer = call.body(body).send().await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
        assert!(
            !answer.body.to_string().contains(password),
            "the problem repeats the password: {:#}",
            answer.body
        );
    }
    stack
        .get("/api/user/profile")
        .header("x-api-key", token)
        .header("cookie", &format!("t={token}"))
        .send()
        .await;
    stack.get("/api/user/profile").bearer(format!("{token}x")).send().await.expect(401);
}

/// What somebody who went every way has kept to themselves, at least.
const KINDS: [&str; 12] = [
    "a CSRF token",
    "a cookie",
    "a mailed code",
    "a password for a day",
    "a recovery code",
    "an API key",
    "the code of an invitation",
    "the proof of a remembered device",
    "the secret of a webhook",
    "the secret of an authenticator app",
    "the token of a mailed link",
    "the token of an impersonation",
];

/// The same with every way that auth has.
async fn live_in_every_way(stack: &Stack) -> (Canaries, String) {
    let (mut canaries, mark) = live_with_secrets(stack).await;
    let walk = Walk::all(stack).await;
    canaries.add("the address", &walk.person.email);
    let kinds: BTreeSet<&str> = walk.secrets.iter().map(|(what, _)| *what).collect();
    for kind in KINDS {
        assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
    }
    for (what, secret) in &walk.secrets {
        canaries.add_token(what, secret);
    }
    (canaries, mark)
}

#[tokio::test]
async fn a_persons_secrets_stand_in_no_log() {
    let stack = Stack::attach().await;
    let (canaries, _) = live_in_every_way(&stack).await;
    let logs = all_logs(&stack).await;
    for name in ["gateway.access.log", "auth.log", "credits.log", "booking.log", "notify.log", "postgres.log"]
    {
        assert!(
            logs.iter().any(|(path, text)| path.ends_with(name) && !text.is_empty()),
            "{name} is not among the logs"
        );
    }
    for (path, text) in &logs {
        canaries.assert_absent(&path.display().to_string(), text);
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn passwords_and_tokens_are_kept_nowhere_in_the_database() {
    let stack = Stack::attach().await;
    let (mut canaries, mark) = live_in_every_way(&stack).await;
    // Who somebody is must be kept, and the mailbox holds the mail with its link as the recipient's own mailbox would.
    canaries.needles.retain(|(what, _)| !matches!(*what, "the address" | "the name"));
    let mut superuser = stack.superuser().await;
    let tables = superuser
        .rows("SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
               WHERE schemaname IN ('auth', 'credits', 'booking', 'notify') AND tablename <> 'mailbox_messages'")
        .await;
    let mut found = false;
    for table in tables.iter().filter_map(|table| table["name"].as_str()) {
        let rows = superuser.rows(&format!("SELECT to_jsonb(t)::text AS row FROM {table} t")).await;
        let text: Vec<&str> = rows.iter().filter_map(|row| row["row"].as_str()).collect();
        let text = text.join("\n");
        found |= text.contains(&mark);
        canaries.assert_absent(table, &text);
    }
    assert!(found, "the search finds what is there");
    invariants::check(&stack).await;
}

#[tokio::test]
async fn the_installations_secrets_stand_in_no_log_and_no_process_shows_them() {
    let stack = Stack::attach().await;
    let mut canaries = Canaries::default();
    for path in files_beneath(stack.home.join("secrets")) {
        let text = std::fs::read_to_string(&path).expect("a secret");
        for line in text.lines() {
            // Of a keyring's line the key is secret, its name is not.
            let secret = line.split_once(':').map_or(line, |(_, key)| key).trim();
            canaries.add("a secret of the installation", secret);
        }
    }
    assert!(canaries.len() >= 10, "the installation has secrets");
    for (path, text) in all_logs(&stack).await {
        canaries.assert_absent(&path.display().to_string(), &text);
    }
    let mut shown = 0;
    for pid in stack.processes().await.iter().filter_map(|process| process.pid) {
        for file in ["cmdline", "environ"] {
            let Ok(bytes) = std::fs::read(format!("/proc/{pid}/{file}")) else { continue };
            shown += usize::from(!bytes.is_empty());
            canaries.assert_absent(&format!("{file} of {pid}"), &String::from_utf8_lossy(&bytes));
        }
    }
    assert!(shown > 5, "no process could be looked at");
    invariants::check(&stack).await;
}

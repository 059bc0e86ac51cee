//! What auth takes back is taken back everywhere, and soon, with Redis and without.

use std::time::Instant;

use data_encoding::BASE32_NOPAD;
use reqwest::Method;
use serde_json::json;
use shinkofa_identity::totp;
use shinkofa_kernel::Role;
use suite::{App, Person, Stack, invariants, until, until_within};

use super::PROMISED;
use crate::studios::{Founder, Studio};

/// A route of each service that a member may take.
const ROUTES: [(&str, &str); 4] = [
    ("auth", "/api/user/profile"),
    ("credits", "/api/credits/wallet"),
    ("booking", "/api/booking"),
    ("notify", "/api/notifications"),
];

/// Does every process of every service answer a token with this status? Each is asked itself: behind the gateway one replica
/// would speak for another.
pub async fn is_answered(stack: &Stack, token: &impl AsRef<str>, status: u16) -> bool {
    is_answered_at(stack, "app", token, status).await
}

/// The same at another host of the platform.
async fn is_answered_at(stack: &Stack, host: &str, token: &impl AsRef<str>, status: u16) -> bool {
    let processes = stack.processes().await;
    for (service, route) in ROUTES {
        for process in processes.iter().filter(|process| process.name == service) {
            let call = stack.call(Method::GET, format!("http://127.0.0.1:{}{route}", process.ports[0]));
            let call = call.header("host", &format!("{host}.{}", stack.domain));
            if call.bearer(token).send().await.status != status {
                return false;
            }
        }
    }
    true
}

/// Waits until no service takes the token any more, for as long as is promised.
pub async fn assert_refused_everywhere(stack: &Stack, token: &impl AsRef<str>, what: &str) {
    assert_refused_at(stack, "app", token, what).await;
}

async fn assert_refused_at(stack: &Stack, host: &str, token: &impl AsRef<str>, what: &str) {
    let since = Instant::now();
    until_within(PROMISED, &format!("{what}: every service refuses the token"), async || {
        is_answered_at(stack, host, token, 401).await.then_some(())
    })
    .await;
    eprintln!("{what}: refused everywhere after {:.1} s", since.elapsed().as_secs_f64());
}

/// Somebody whose token every service takes.
async fn accepted(stack: &Stack) -> Person {
    let person = stack.sign_up("en").await;
    assert!(is_answered(stack, &person, 200).await);
    person
}

async fn revoke_and_see(stack: &Stack, circumstances: &str) {
    let leaver = accepted(stack).await;
    stack.post("/api/auth/logout").bearer(&leaver).send().await.expect(204);
    assert_refused_everywhere(stack, &leaver, &format!("a sign-out {circumstances}")).await;

    let changer = accepted(stack).await;
    let body = json!({ "currentPassword": changer.password, "newPassword": stack.fresh("Passw0rd") });
    stack.post("/api/auth/password/change").bearer(&changer).json(&body).send().await.expect(204);
    assert_refused_everywhere(stack, &changer, &format!("another password {circumstances}")).await;

    let ender = accepted(stack).await;
    let elsewhere = stack.sign_in(&ender.email, &ender.password).await;
    let other = elsewhere["accessToken"].as_str().expect("a token").to_owned();
    stack.call(Method::DELETE, stack.url("/api/auth/sessions")).bearer(&ender).send().await.expect(204);
    assert_refused_everywhere(stack, &ender, &format!("the end of all sessions {circumstances}")).await;
    assert!(is_answered(stack, &other, 401).await, "the other session too");
}

/// A second session of somebody, which every service takes.
async fn elsewhere(stack: &Stack, person: &Person) -> String {
    let answer = stack.sign_in(&person.email, &person.password).await;
    let token = answer["accessToken"].as_str().expect("a token").to_owned();
    assert!(is_answered(stack, &token, 200).await);
    token
}

/// What changes who somebody is, rather than where they are signed in.
async fn change_and_see(stack: &Stack) {
    let forgetful = accepted(stack).await;
    let body = json!({ "email": forgetful.email });
    stack.post("/api/auth/password/forgot").json(&body).send().await.expect(202);
    let token = stack.link_token(&forgetful.email, "reset-password").await;
    let body = json!({ "token": token, "newPassword": stack.fresh("Passw0rd") });
    stack.post("/api/auth/password/reset").json(&body).send().await.expect(204);
    assert_refused_everywhere(stack, &forgetful, "a password that was reset").await;

    let mover = accepted(stack).await;
    let new = format!("{}@{}", stack.fresh("person"), stack.domain);
    let body = json!({ "newEmail": new, "currentPassword": mover.password });
    stack.post("/api/auth/email/change").bearer(&mover).json(&body).send().await.expect(202);
    let body = json!({ "token": stack.link_token(&new, "confirm-email-change").await });
    assert!(is_answered(stack, &mover, 200).await, "asking for it changes nothing");
    stack.post("/api/auth/email/change/confirm").json(&body).send().await.expect(204);
    assert_refused_everywhere(stack, &mover, "another address").await;

    let securing = accepted(stack).await;
    let other = elsewhere(stack, &securing).await;
    let enrolled =
        stack.post("/api/auth/mfa/totp").bearer(&securing).json(&json!({})).send().await.expect(201);
    let secret = BASE32_NOPAD.decode(enrolled.text("secret").as_bytes()).expect("base 32");
    let body = json!({ "code": totp::code(&secret, totp::step_at(stack.clock.now())) });
    let path = format!("/api/auth/mfa/totp/{}/confirm", enrolled.text("factorId"));
    stack.post(&path).bearer(&securing).json(&body).send().await.expect(200);
    assert_refused_everywhere(stack, &other, "a session without the new factor").await;

    let admin = stack.hire(Role::Admin, App::Enrolled).await;
    let admin = stack.sign_in_with_app(&admin).await;
    let admin = admin["accessToken"].as_str().expect("a token").to_owned();
    let locked = accepted(stack).await;
    let path = format!("/api/admin/users/{}/lock", locked.user_id());
    let body = json!({ "reason": "The suite looks at what a lock ends" });
    stack.post(&path).bearer(&admin).json(&body).send().await.expect(204);
    assert_refused_everywhere(stack, &locked, "an account that an admin locked").await;
}

#[tokio::test]
async fn v13_what_is_taken_back_is_refused_by_every_service_within_five_seconds() {
    let stack = Stack::attach().await;
    revoke_and_see(&stack, "with Redis").await;
    change_and_see(&stack).await;
    invariants::check(&stack).await;
}

/// A token, and what takes it back.
struct Withdrawal {
    what: &'static str,
    host: String,
    token: String,
    /// What every service answers before.
    before: u16,
    order: Order,
}

enum Order {
    /// To remove this, of the studio's admin.
    OfStaff(String),
    /// To suspend the account with this address, of auth's own program.
    OfTheOperator(String),
}

impl Withdrawal {
    /// One of each, in the order in which they leave the next one possible.
    async fn all(stack: &Stack, studio: &Studio) -> [Self; 4] {
        let account = accepted(stack).await;
        let member = stack.sign_up("en").await;
        let (key, program) = key_and_token(stack, studio).await;
        let in_studio = |what, token: String, path: String| Self {
            what,
            host: studio.slug.clone(),
            token,
            before: 200,
            order: Order::OfStaff(path),
        };
        let removal = format!("/api/tenants/members/{}", member.user_id());
        [
            Self {
                what: "an account that the operator suspended",
                host: "app".to_owned(),
                token: account.member.token,
                before: 200,
                order: Order::OfTheOperator(account.email),
            },
            in_studio("a membership that was removed", studio.admit(stack, &member).await, removal),
            // A program is known to every service, and has neither a profile nor a wallet.
            Self { before: 403, ..in_studio("an API key that was revoked", program, key) },
            in_studio("a studio that was closed", studio.admin.clone(), "/api/tenants/current".to_owned()),
        ]
    }

    async fn carry_out(&self, stack: &Stack, studio: &Studio) {
        match &self.order {
            Order::OfStaff(path) => {
                studio.call(stack, Method::DELETE, path).bearer(&studio.admin).send().await.expect(204);
            }
            Order::OfTheOperator(email) => {
                let mut command = stack.command_of("auth").await;
                command.args(["suspend-account", "--email", email, "--reason", "The suite looks at it"]);
                let output = command.output().await.expect("the program starts");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }
}

/// Where a new API key of the studio is found, and a token that it brought.
async fn key_and_token(stack: &Stack, studio: &Studio) -> (String, String) {
    let accounts = "/api/tenants/service-accounts";
    let account = json!({ "name": "Import", "scopes": ["booking.classes.manage"] });
    let account = studio.order(stack, accounts, &account).await.expect(201).text("id");
    let keys = format!("{accounts}/{account}/keys");
    let made = studio.order(stack, &keys, &json!({ "name": "Import job" })).await.expect(201);
    let shown = json!({ "grantType": "client_credentials", "apiKey": made.text("apiKey") });
    let brought = studio.call(stack, Method::POST, "/api/auth/token").json(&shown).send().await.expect(200);
    (format!("{keys}/{}", made.text("id")), brought.text("accessToken"))
}

/// What others take back: the operator an account, an admin a membership, a key and the whole studio.
#[tokio::test]
async fn v13_what_staff_and_the_operator_take_back_is_refused_by_every_service_within_five_seconds() {
    let stack = Stack::attach().await;
    let slug = stack.fresh("taken")[..20].to_owned();
    let studio = Founder::hire(&stack).await.found(&stack, &slug).await;
    for withdrawal in Withdrawal::all(&stack, &studio).await {
        let Withdrawal { what, host, token, before, .. } = &withdrawal;
        assert!(is_answered_at(&stack, host, token, *before).await, "{what}: the token was good before");
        withdrawal.carry_out(&stack, &studio).await;
        assert_refused_at(&stack, host, token, what).await;
    }
    invariants::check(&stack).await;
}

/// Asking for the end of an account leaves two weeks to think better of it. What was given out ends when they are over.
#[tokio::test]
async fn v13_an_account_that_is_erased_is_refused_by_every_service_within_five_seconds() {
    let stack = Stack::attach().await;
    let leaver = accepted(&stack).await;
    let body = json!({ "password": leaver.password });
    stack.post("/api/me/delete").bearer(&leaver).json(&body).send().await.expect(202);
    assert!(is_answered(&stack, &leaver, 200).await, "until then nothing ends");
    let due = format!(
        "UPDATE auth.erasures SET erase_at = now() WHERE user_id = '{}';
         UPDATE auth.jobs SET run_at = now() WHERE name = 'erase_people'",
        leaver.user_id()
    );
    stack.superuser().await.run(&due).await;
    until("the account is erased", async || {
        let call = stack.get("/api/user/profile").bearer(&leaver);
        (call.send().await.status == 401).then_some(())
    })
    .await;
    assert_refused_everywhere(&stack, &leaver, "an account that was erased").await;
    invariants::check(&stack).await;
}

#[tokio::test]
async fn v13_the_same_while_redis_hangs() {
    let stack = Stack::attach().await;
    stack.freeze("redis").await;
    revoke_and_see(&stack, "while Redis hangs").await;
    stack.thaw("redis").await;
    invariants::check(&stack).await;
}

#[tokio::test]
async fn v13_a_service_that_starts_anew_learns_what_was_taken_back_before() {
    let stack = Stack::attach().await;
    let leaver = accepted(&stack).await;
    stack.post("/api/auth/logout").bearer(&leaver).send().await.expect(204);
    assert_refused_everywhere(&stack, &leaver, "a sign-out").await;
    for service in ["credits", "booking", "notify"] {
        let before = stack.processes_of(service).await;
        stack.kill(service).await;
        stack.wait_for_successors(&before).await;
    }
    // Ready means that it knows: nobody has to wait for it.
    assert!(is_answered(&stack, &leaver, 401).await, "after every service started anew");
    invariants::check(&stack).await;
}

#[tokio::test]
async fn v13_a_service_that_starts_anew_while_auth_is_silent_lets_in_no_token_before_it_knows_which_are_good()
{
    let stack = Stack::attach().await;
    let (leaver, stayer) = (accepted(&stack).await, accepted(&stack).await);
    stack.post("/api/auth/logout").bearer(&leaver).send().await.expect(204);
    assert_refused_everywhere(&stack, &leaver, "a sign-out").await;
    let before = stack.processes_of("credits").await;
    stack.freeze("auth").await;
    stack.kill("credits").await;
    for process in &before {
        let [public, internal] = [0, 1].map(|port| format!("http://127.0.0.1:{}", process.ports[port]));
        until("a new process says that it knows nothing yet", async || {
            let answer = stack.call(Method::GET, format!("{internal}/readyz")).try_send().await.ok()?;
            (answer.status == 503 && answer.body["status"] == "revocations_unknown").then_some(())
        })
        .await;
        let ask = |path: &str| {
            let call = stack.call(Method::GET, format!("{public}{path}"));
            call.header("host", &format!("app.{}", stack.domain))
        };
        for person in [&leaver, &stayer] {
            let answer = ask("/api/credits/wallet").bearer(person).send().await;
            let refused = answer.expect_problem(503, "revocations_unknown");
            assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
        }
        ask("/api/credits/packages").send().await.expect(200);
    }
    stack.thaw("auth").await;
    until_within(PROMISED, "who stayed is let in again", async || {
        is_answered(&stack, &stayer, 200).await.then_some(())
    })
    .await;
    assert!(is_answered(&stack, &leaver, 401).await, "who left never was");
    stack.wait_for_successors(&before).await;
    invariants::check(&stack).await;
}

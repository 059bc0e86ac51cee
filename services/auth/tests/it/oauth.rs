//! Signing in through Google, GitHub and Discord.

use std::collections::BTreeSet;

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use shinkofa_kernel::RealmId;
use shinkofa_runtime::Service;
use shinkofa_testing::{Answer, TestApp};

use crate::authenticator::{self, Authenticator};
use crate::magic_link::{CHALLENGE, OTHER_VERIFIER, VERIFIER};
use crate::people::{self, PASSWORD, address};
use crate::provider::{Person, Providers};
use crate::{factors, letters, trail};

pub const REDIRECT: &str = "https://app.shinkofa.localhost:8443/signed-in";
const ORIGIN: &str = "https://app.shinkofa.localhost:8443";
pub const ALL: [&str; 3] = ["google", "github", "discord"];

pub async fn start(app: &TestApp<Auth>, provider: &str) -> Answer {
    let body = json!({ "redirectUri": REDIRECT, "codeChallenge": CHALLENGE });
    app.post(&format!("/api/auth/oauth/{provider}/start")).json(&body).send().await
}

/// What the browser is sent back to us with: the path and query of the callback.
pub async fn consent(app: &TestApp<Auth>, authorization_url: &str) -> String {
    let answer = app.http.get(authorization_url).send().await.expect("the provider answers");
    let location = answer.headers()["location"].to_str().expect("text").to_owned();
    location.strip_prefix(ORIGIN).unwrap_or_else(|| panic!("back to {location}")).to_owned()
}

/// Begins and comes back: the answer of the callback.
pub async fn returned(app: &TestApp<Auth>, provider: &str) -> Answer {
    let url = start(app, provider).await.expect(200).text("authorizationUrl");
    app.get(&consent(app, &url).await).send().await
}

/// The code in the fragment that the browser ends with.
pub fn code_of(answer: &Answer) -> String {
    let location = answer.headers["location"].to_str().expect("text");
    let code = location.strip_prefix(&format!("{REDIRECT}#code=")).unwrap_or_else(|| panic!("{location}"));
    code.to_owned()
}

/// Back at the application without a code, and told why there is none.
#[track_caller]
pub fn expect_told(answer: Answer, why: &str) {
    let answer = answer.expect(303);
    assert_eq!(answer.headers["location"], format!("{REDIRECT}#error={why}"));
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
}

pub async fn exchange(app: &TestApp<Auth>, code: &str, verifier: &str) -> Answer {
    let body = json!({ "code": code, "codeVerifier": verifier });
    app.post("/api/auth/oauth/exchange").json(&body).send().await
}

/// The whole way.
pub async fn through(app: &TestApp<Auth>, provider: &str) -> Answer {
    let code = code_of(&returned(app, provider).await.expect(303));
    exchange(app, &code, VERIFIER).await
}

pub async fn link(app: &TestApp<Auth>, body: &Value, provider: &str) -> Answer {
    let code = code_of(&returned(app, provider).await.expect(303));
    let path = format!("/api/auth/oauth/{provider}/link");
    let call = app.post(&path).token(people::text(body, "accessToken"));
    call.json(&json!({ "code": code, "codeVerifier": VERIFIER })).send().await
}

pub async fn unlink(app: &TestApp<Auth>, body: &Value, provider: &str) -> Answer {
    let path = format!("/api/auth/oauth/{provider}/link");
    app.call(reqwest::Method::DELETE, &path).token(people::text(body, "accessToken")).send().await
}

async fn linked(app: &TestApp<Auth>, body: &Value) -> Vec<String> {
    let call = app.get("/api/user/identities").token(people::text(body, "accessToken"));
    let items = call.send().await.expect(200).body["items"].take();
    let items = items.as_array().expect("a list").iter();
    items.map(|item| item["provider"].as_str().expect("a name").to_owned()).collect()
}

#[actix_web::test]
async fn each_provider_opens_a_new_account_and_the_same_one_again() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let offered = app.get("/api/auth/oauth").send().await.expect(200).body;
    assert_eq!(offered["providers"], json!(ALL));
    for (n, provider) in (1..).zip(ALL) {
        let email = address(&app, provider);
        providers.vouch_for(Person::new(n, &email));
        let back = returned(&app, provider).await.expect(303);
        assert_eq!(back.headers["referrer-policy"], "no-referrer");
        assert_eq!(back.headers["cache-control"], "no-store");
        let first = exchange(&app, &code_of(&back), VERIFIER).await.expect(200);
        assert_eq!(first.headers["cache-control"], "no-store");
        assert_eq!(first.body["user"]["email"], email);
        assert_eq!(first.body["user"]["name"], "Anna Martin");
        assert_eq!(first.body["user"]["roles"], json!(["member"]));
        let again = through(&app, provider).await.expect(200).body;
        assert_eq!(again["user"]["userId"], first.body["user"]["userId"]);
        // The person is who they are also with another address, or with none that is verified.
        providers.vouch_for(Person { verified: json!(false), ..Person::new(n, &address(&app, "else")) });
        let moved = through(&app, provider).await.expect(200).body;
        assert_eq!(moved["user"]["userId"], first.body["user"]["userId"]);
        assert_eq!(moved["user"]["email"], email);
        assert_eq!(linked(&app, &moved).await, [provider]);
    }
    assert_eq!(app.sql("SELECT DISTINCT amr FROM sessions").await, [json!({ "amr": "fed" })]);
    let events = people::event_types(&app).await;
    assert_eq!(events.iter().filter(|event| *event == "membership.changed").count(), 3);
}

/// The key is the issuer and the subject: the same number elsewhere is somebody else.
#[actix_web::test]
async fn one_subject_at_two_providers_is_two_people() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let mut accounts = Vec::new();
    // Whom each of them knows by then has the number that the others give out as well.
    for _ in 0..2 {
        for provider in ALL {
            providers.vouch_for(Person::new(30, &address(&app, provider)));
            let body = through(&app, provider).await.expect(200).body;
            assert_eq!(body["user"]["email"], address(&app, provider));
            assert_eq!(linked(&app, &body).await, [provider]);
            accounts.push(people::text(&body["user"], "userId").to_owned());
        }
    }
    let (first, again) = accounts.split_at(ALL.len());
    assert_eq!(first, again);
    let different: BTreeSet<_> = first.iter().collect();
    assert_eq!(different.len(), ALL.len());
}

#[actix_web::test]
async fn a_provider_that_is_not_configured_is_not_there() {
    let app = TestApp::<Auth>::start().await;
    assert_eq!(app.get("/api/auth/oauth").send().await.expect(200).body["providers"], json!([]));
    for provider in ALL.into_iter().chain(["unheard-of"]) {
        start(&app, provider).await.expect_problem(404, "not_found");
        let callback = format!("/api/auth/oauth/{provider}/callback?code=c&state=s");
        app.get(&callback).send().await.expect_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn a_confirmed_account_with_the_address_that_the_provider_verified_is_linked_and_told() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let anna = address(&app, "anna");
    let before = people::signed_in(&app, &anna).await;
    providers.vouch_for(Person::new(7, &anna.to_uppercase()));
    let body = through(&app, "google").await.expect(200).body;
    assert_eq!(body["user"]["userId"], before["user"]["userId"]);
    assert_eq!(letters::secrets(&app, &anna, "provider_linked").await.len(), 1);
    // What its owner set stays.
    people::sign_in(&app, &anna, PASSWORD).await.expect(200);
    people::profile(&app, people::text(&before, "accessToken")).await.expect(200);
    // The same address with another identity of that provider is another person.
    providers.vouch_for(Person::new(8, &anna));
    through(&app, "google").await.expect_problem(409, "provider_already_linked");
}

#[actix_web::test]
async fn an_identity_is_linked_to_the_account_that_is_signed_in_whatever_its_address() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let bob = people::signed_in(&app, &address(&app, "bob")).await;
    providers.vouch_for(Person { verified: json!(false), ..Person::new(3, &address(&app, "else")) });
    link(&app, &anna, "github").await.expect(204);
    link(&app, &anna, "github").await.expect(204);
    assert_eq!(linked(&app, &anna).await, ["github"]);
    assert_eq!(letters::secrets(&app, &address(&app, "anna"), "provider_linked").await.len(), 1);
    link(&app, &bob, "github").await.expect_problem(409, "identity_taken");
    providers.vouch_for(Person::new(4, &address(&app, "else")));
    link(&app, &anna, "github").await.expect_problem(409, "provider_already_linked");
    providers.vouch_for(Person::new(3, &address(&app, "else")));
    let body = through(&app, "github").await.expect(200).body;
    assert_eq!(body["user"]["userId"], anna["user"]["userId"]);
    // A code of one provider links nothing of another.
    let code = code_of(&returned(&app, "github").await.expect(303));
    let call = app.post("/api/auth/oauth/discord/link").token(people::text(&anna, "accessToken"));
    let body = json!({ "code": code, "codeVerifier": VERIFIER });
    call.json(&body).send().await.expect_problem(410, "sign_in_gone");
}

#[actix_web::test]
async fn an_identity_can_be_removed_but_never_the_last_way_in() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(5, &address(&app, "anna")));
    let body = through(&app, "discord").await.expect(200).body;
    unlink(&app, &body, "google").await.expect_problem(404, "not_found");
    link(&app, &body, "google").await.expect(204);
    // What no mailbox opens keeps its last one, and two at once do not each count on the other.
    app.superuser().await.run("UPDATE users SET kind = 'temporary'").await;
    let both = join_all(["discord", "google"].map(|provider| unlink(&app, &body, provider))).await;
    let mut statuses: Vec<_> = both.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
    let left = linked(&app, &body).await;
    assert_eq!(left.len(), 1);
    unlink(&app, &body, &left[0]).await.expect_problem(409, "last_way_in");
    let told = async || letters::secrets(&app, &address(&app, "anna"), "provider_unlinked").await.len();
    assert_eq!(told().await, 1);

    // A member's mailbox opens the account all the same.
    app.superuser().await.run("UPDATE users SET kind = 'member'").await;
    unlink(&app, &body, &left[0]).await.expect(204);
    assert_eq!((linked(&app, &body).await.len(), told().await), (0, 2));
    let anna = address(&app, "anna");
    app.post("/api/auth/otp/send").json(&json!({ "email": anna })).send().await.expect(202);
    app.run_jobs().await;
    let code = letters::secrets(&app, &anna, "sign_in_code").await.pop().expect("a letter").code;
    let shown = json!({ "email": anna, "code": code });
    app.post("/api/auth/otp/verify").json(&shown).send().await.expect(200);
}

#[actix_web::test]
async fn an_identity_can_be_removed_where_a_password_or_a_passkey_opens_the_account() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let bob = people::signed_in(&app, &address(&app, "bob")).await;
    providers.vouch_for(Person::new(6, &address(&app, "bob")));
    link(&app, &bob, "github").await.expect(204);
    unlink(&app, &bob, "github").await.expect(204);
    people::sign_in(&app, &address(&app, "bob"), PASSWORD).await.expect(200);

    let eve = people::signed_in(&app, &address(&app, "eve")).await;
    let mut phone = Authenticator::new();
    authenticator::register(&app, people::text(&eve, "accessToken"), &mut phone).await.expect(201);
    providers.vouch_for(Person::new(19, &address(&app, "eve")));
    link(&app, &eve, "github").await.expect(204);
    app.superuser().await.run("UPDATE users SET kind = 'temporary', password_phc = NULL").await;
    app.superuser().await.run("UPDATE passkeys SET discoverable = false").await;
    unlink(&app, &eve, "github").await.expect_problem(409, "last_way_in");
    app.superuser().await.run("UPDATE passkeys SET discoverable = true").await;
    unlink(&app, &eve, "github").await.expect(204);
    authenticator::sign_in(&app, &mut phone).await.expect(200);
}

#[actix_web::test]
async fn a_guest_links_nothing() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let guest = app.post("/api/auth/anonymous").json(&json!({})).send().await.expect(201).body;
    link(&app, &guest, "google").await.expect_problem(403, "guest_account");
}

/// V3 and V12: a code is redeemed once, in time; a `state` comes back once, in time.
#[actix_web::test]
async fn v03_of_fifty_exchanges_at_once_one_signs_in_and_nothing_works_twice_or_late() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(9, &address(&app, "anna")));
    let code = code_of(&returned(&app, "google").await.expect(303));
    let answers = join_all((0..50).map(|_| exchange(&app, &code, VERIFIER))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(410)), (1, 49));
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 1);
    assert_eq!(app.sql("SELECT id FROM users").await.len(), 1);

    let url = start(&app, "google").await.expect(200).text("authorizationUrl");
    let callback = consent(&app, &url).await;
    let backs = join_all((0..20).map(|_| app.get(&callback).send())).await;
    assert_eq!(backs.iter().filter(|answer| answer.status == 303).count(), 1);
    assert!(backs.iter().all(|answer| answer.status == 303 || answer.body["code"] == "state_refused"));
    let code = code_of(backs.iter().find(|answer| answer.status == 303).unwrap());
    app.advance(TimeDelta::minutes(2));
    exchange(&app, &code, VERIFIER).await.expect_problem(410, "sign_in_gone");

    let url = start(&app, "google").await.expect(200).text("authorizationUrl");
    let callback = consent(&app, &url).await;
    app.advance(TimeDelta::minutes(10));
    app.get(&callback).send().await.expect_problem(400, "state_refused");
    app.advance(TimeDelta::minutes(5));
    app.run_jobs().await;
    assert_eq!(app.sql("SELECT state_hash FROM oauth_attempts").await.len(), 0, "what is over is removed");
}

/// V3: two that were both let try it, while the code was still good, are one sign-in.
#[actix_web::test]
async fn v03_of_two_exchanges_that_waited_together_one_signs_in() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(18, &address(&app, "anna")));
    let code = code_of(&returned(&app, "google").await.expect(303));
    let mut holder = app.superuser().await;
    holder.run("BEGIN; SELECT state_hash FROM oauth_attempts FOR UPDATE").await;
    let let_go = async {
        app.until_waiting(2).await;
        holder.run("COMMIT").await;
    };
    let (answers, ()) = join(join_all((0..2).map(|_| exchange(&app, &code, VERIFIER))), let_go).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410]);
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 1);
}

/// Of several sign-ins of one new person at once one makes the account.
#[actix_web::test]
async fn many_first_sign_ins_at_once_make_one_account() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(10, &address(&app, "anna")));
    let mut codes = Vec::new();
    for _ in 0..12 {
        codes.push(code_of(&returned(&app, "github").await.expect(303)));
    }
    let answers = join_all(codes.iter().map(|code| exchange(&app, code, VERIFIER))).await;
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{:?}",
        answers.iter().map(|a| &a.body).collect::<Vec<_>>()
    );
    assert_eq!(app.sql("SELECT id FROM users").await.len(), 1);
    assert_eq!(app.sql("SELECT user_id FROM identities").await.len(), 1);
}

/// V15: a provider's word is one factor.
#[actix_web::test]
async fn v15_a_provider_does_not_skip_the_second_factor() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    providers.vouch_for(Person::new(11, &anna));
    through(&app, "google").await.expect(200);
    factors::everybody_enrols(&app).await;
    app.superuser().await.run("DELETE FROM sessions").await;
    let answer = through(&app, "google").await.expect(200);
    assert_eq!(answer.body["mfaRequired"], true);
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 0);
    let code = factors::everybodys_code(&app);
    factors::second_step(&app, &answer.text("mfaToken"), &code).await.expect(200);
    let session = app.sql("SELECT amr, acr FROM sessions").await;
    assert_eq!(session[0], json!({ "amr": "fed otp", "acr": "aal2" }));
    // One factor makes no further way in either.
    providers.vouch_for(Person::new(16, &anna));
    through(&app, "github").await.expect_problem(409, "link_first");
    assert_eq!(app.sql("SELECT user_id FROM identities").await.len(), 1);
}

/// V16: nothing that stood in an address on the way is worth anything afterwards.
#[actix_web::test]
async fn v16_neither_state_nor_code_survives_the_sign_in() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(12, &address(&app, "anna")));
    let url = start(&app, "google").await.expect(200).text("authorizationUrl");
    let callback = consent(&app, &url).await;
    let back =
        app.get(&callback).header("cookie", "__Host-rt=planted; session=planted").send().await.expect(303);
    assert!(back.headers.get("set-cookie").is_none());
    let code = code_of(&back);
    assert!(!callback.contains(&code));
    let body = exchange(&app, &code, VERIFIER).await.expect(200).body;
    let told = body.to_string();
    let state = callback.split("state=").nth(1).unwrap().split('&').next().unwrap();
    assert!(!told.contains(&code) && !told.contains(state));
    for stale in [code.as_str(), state] {
        people::profile(&app, stale).await.expect(401);
        people::refresh(&app, stale).await.expect(401);
        exchange(&app, stale, VERIFIER).await.expect(410);
    }
    app.get(&callback).send().await.expect_problem(400, "state_refused");
}

/// V17: a provider is no way around the lock.
#[actix_web::test]
async fn v17_a_provider_waits_like_a_password_and_the_code_stays_good() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    providers.vouch_for(Person::new(13, &anna));
    let code = code_of(&returned(&app, "google").await.expect(303));
    people::sign_in(&app, &anna, "a stranger guesses").await.expect(401);
    exchange(&app, &code, VERIFIER).await.expect_problem(429, "too_many_attempts");
    app.advance(TimeDelta::seconds(1));
    exchange(&app, &code, VERIFIER).await.expect(200);
}

/// V21: our own client shows its verifier too.
#[actix_web::test]
async fn v21_a_code_without_the_verifier_of_who_began_is_worth_nothing() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(14, &address(&app, "anna")));
    for body in [
        json!({ "redirectUri": REDIRECT }),
        json!({ "redirectUri": REDIRECT, "codeChallenge": "" }),
        json!({ "redirectUri": REDIRECT, "codeChallenge": VERIFIER, "codeChallengeMethod": "plain" }),
    ] {
        let answer = app.post("/api/auth/oauth/google/start").json(&body).send().await;
        answer.expect_problem(400, "pkce_required");
    }
    let code = code_of(&returned(&app, "google").await.expect(303));
    for body in [
        json!({ "code": code }),
        json!({ "code": code, "codeVerifier": "" }),
        json!({ "code": code, "codeVerifier": "plain" }),
        json!({ "code": code, "codeVerifier": CHALLENGE }),
    ] {
        app.post("/api/auth/oauth/exchange").json(&body).send().await.expect_problem(400, "pkce_required");
    }
    exchange(&app, &code, OTHER_VERIFIER).await.expect_problem(401, "verifier_refused");
    exchange(&app, &code, VERIFIER).await.expect(200);

    let code = code_of(&returned(&app, "google").await.expect(303));
    for _ in 0..5 {
        exchange(&app, &code, OTHER_VERIFIER).await.expect_problem(401, "verifier_refused");
    }
    exchange(&app, &code, VERIFIER).await.expect_problem(410, "sign_in_gone");
}

/// V5: whoever finds a session open cannot make their own identity a way in, nor take the owner's away.
#[actix_web::test]
async fn v05_an_identity_is_linked_and_removed_by_somebody_who_showed_lately_who_they_are() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    providers.vouch_for(Person::new(16, &address(&app, "thief")));
    app.advance(TimeDelta::minutes(11));
    let code = code_of(&returned(&app, "github").await.expect(303));
    let access = people::text(&anna, "accessToken");
    let redeem = async |access: &str| {
        let call = app.post("/api/auth/oauth/github/link").token(access);
        call.json(&json!({ "code": code, "codeVerifier": VERIFIER })).send().await
    };
    redeem(access).await.expect_problem(403, "step_up_required");
    assert_eq!(linked(&app, &anna).await, [""; 0]);
    let again = factors::reauthenticate(&app, access, json!({ "password": PASSWORD })).await.expect(200).body;
    redeem(people::text(&again, "accessToken")).await.expect(204);
    assert_eq!(linked(&app, &again).await, ["github"]);
    app.advance(TimeDelta::minutes(11));
    unlink(&app, &again, "github").await.expect_problem(403, "step_up_required");
    assert_eq!(linked(&app, &again).await, ["github"]);
}

/// V3: a code that two have, with its verifier, is nobody's; one browser that asks twice in a moment is one.
#[actix_web::test]
async fn v03_a_code_that_is_exchanged_again_ends_the_session_that_it_opened() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(17, &address(&app, "anna")));
    let code = code_of(&returned(&app, "google").await.expect(303));
    let body = exchange(&app, &code, VERIFIER).await.expect(200).body;
    exchange(&app, &code, VERIFIER).await.expect_problem(410, "sign_in_gone");
    app.advance(TimeDelta::seconds(4));
    exchange(&app, &code, OTHER_VERIFIER).await.expect_problem(410, "sign_in_gone");
    people::profile(&app, people::text(&body, "accessToken")).await.expect(200);
    exchange(&app, &code, VERIFIER).await.expect_problem(410, "sign_in_gone");
    people::profile(&app, people::text(&body, "accessToken")).await.expect(401);
    people::refresh(&app, people::text(&body, "refreshToken")).await.expect(401);
    assert_eq!(app.sql("SELECT session_id FROM revocations").await.len(), 1);
    let trail = app.sql("SELECT details FROM audit_events WHERE action = 'session.ended'").await;
    assert_eq!(trail[0]["details"]["reason"], "code_reused");
}

/// V28: a provider that is switched off stops at once, wherever somebody is on their way.
#[actix_web::test]
async fn v28_a_disabled_provider_signs_nobody_in_any_more() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(15, &address(&app, "anna")));
    let anna = through(&app, "google").await.expect(200).body;
    let code = code_of(&returned(&app, "google").await.expect(303));
    let url = start(&app, "google").await.expect(200).text("authorizationUrl");
    let callback = consent(&app, &url).await;

    let switch = ["--provider", "google"].map(str::to_owned);
    for _ in 0..2 {
        app.service().command("disable-provider", &switch).await.unwrap();
    }
    start(&app, "google").await.expect_problem(404, "not_found");
    app.get(&callback).send().await.expect_problem(404, "not_found");
    exchange(&app, &code, VERIFIER).await.expect_problem(404, "not_found");
    let call = app.post("/api/auth/oauth/google/link").token(people::text(&anna, "accessToken"));
    call.json(&json!({ "code": code, "codeVerifier": VERIFIER })).send().await.expect(404);
    let offered = app.get("/api/auth/oauth").send().await.expect(200).body;
    assert_eq!(offered["providers"], json!(["github", "discord"]));
    through(&app, "github").await.expect(200);

    for _ in 0..2 {
        app.service().command("enable-provider", &switch).await.unwrap();
    }
    exchange(&app, &code, VERIFIER).await.expect(200);
    assert!(
        app.service().command("disable-provider", &["--provider".to_owned(), "x".to_owned()]).await.is_err()
    );
    // What is so already is no change.
    let switched = trail::entry(trail::by_service("auth"), "realm", &RealmId::DEFAULT.to_string());
    for action in ["provider.disabled", "provider.enabled"] {
        assert_eq!(trail::told(&app, action).await, std::slice::from_ref(&switched), "{action}");
    }
}

#[actix_web::test]
async fn what_a_provider_knows_is_in_the_copy_and_goes_with_the_person() {
    use shinkofa_db::{Scope, transaction};
    use shinkofa_kernel::{TenantId, UserId};
    let providers = Providers::start().await;
    let app = providers.app().await;
    providers.vouch_for(Person::new(987_654_321, &address(&app, "anna")));
    let body = through(&app, "discord").await.expect(200).body;
    let user: UserId = people::text(&body["user"], "userId").parse().unwrap();
    let (service, scope) = (app.service(), Scope::tenant(TenantId::DEFAULT).with_user(user));
    let copy =
        transaction(app.pool(), &scope, "export", async |tx| service.export_personal_data(tx, user).await);
    let copy = copy.await.unwrap();
    assert_eq!(copy["account"]["identities"]["linked"][0]["subject"], "987654321");
    let erase =
        transaction(app.pool(), &scope, "erase", async |tx| service.erase_personal_data(tx, user).await);
    erase.await.unwrap();
    for table in ["identities", "oauth_attempts", "users", "events", "audit_events", "jobs"] {
        let rows = serde_json::to_string(&app.sql(&format!("SELECT * FROM {table}")).await).unwrap();
        assert!(!rows.contains("987654321") && !rows.contains("anna"), "{table}");
    }
}

//! Keys are replaced while everything runs: the next one is distributed, signs, and is at last alone.

use std::path::PathBuf;

use auth::Auth;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use shinkofa_kernel::RealmId;
use shinkofa_runtime::Service as _;
use shinkofa_testing::TestApp;

use crate::people::{self, PASSWORD, address};
use crate::staff::token;
use crate::trail;

fn line(kid: &str, start: u8) -> String {
    let secret: Vec<u8> = (0..48).map(|n: u8| n.wrapping_mul(59).wrapping_add(start)).collect();
    format!("{kid}:{}\n", STANDARD.encode(secret))
}

/// A keyring file that is gone when the test is over.
struct KeyFile(PathBuf);

impl KeyFile {
    fn new(name: &str, text: &str) -> Self {
        let file = Self(std::env::temp_dir().join(format!("keyring-{}-{name}", std::process::id())));
        file.write(text);
        file
    }

    /// In one step, as the operator does.
    fn write(&self, text: &str) {
        let beside = self.0.with_extension("new");
        std::fs::write(&beside, text).expect("the file is written");
        std::fs::rename(&beside, &self.0).expect("the file is written");
    }

    async fn start(&self) -> TestApp<Auth> {
        let path = self.0.to_str().expect("a plain path");
        TestApp::<Auth>::builder().env("JWT_SECRET", "").env("JWT_SECRET_FILE", path).start().await
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a token")).expect("a token");
    let header: Value = serde_json::from_slice(&header).expect("a token");
    header["kid"].as_str().expect("a token").to_owned()
}

async fn sign_in(app: &TestApp<Auth>) -> String {
    let body = people::sign_in(app, &address(app, "anna"), PASSWORD).await.expect(200).body;
    token(&body).to_owned()
}

#[actix_web::test]
async fn a_token_of_the_old_key_is_good_until_the_key_is_retired() {
    let (old, new) = (line("2026-11", 3), line("2026-12", 90));
    let file = KeyFile::new("rotation", &old);
    let app = file.start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let keys = || app.service().platform().refresh_keys();
    let first = sign_in(&app).await;

    file.write(&format!("{old}{new}"));
    keys();
    assert_eq!(kid(&sign_in(&app).await), "2026-11", "distributed, not yet signing");

    file.write(&format!("{new}{old}"));
    keys();
    let second = sign_in(&app).await;
    assert_eq!((kid(&first).as_str(), kid(&second).as_str()), ("2026-11", "2026-12"));
    for good in [&first, &second] {
        people::profile(&app, good).await.expect(200);
    }

    file.write(&new);
    keys();
    people::profile(&app, &first).await.expect_problem(401, "unauthenticated");
    people::profile(&app, &second).await.expect(200);
}

#[actix_web::test]
async fn a_key_that_nobody_distributed_opens_nothing() {
    let file = KeyFile::new("unknown", &line("known", 3));
    let app = file.start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let elsewhere = KeyFile::new("elsewhere", &line("unknown", 90));
    let other = elsewhere.start().await;
    people::confirmed(&other, &address(&other, "anna")).await;
    let foreign = sign_in(&other).await;
    people::profile(&app, &foreign).await.expect_problem(401, "unauthenticated");
    // The same name is not the same key.
    let namesake = KeyFile::new("namesake", &line("known", 91));
    let third = namesake.start().await;
    people::confirmed(&third, &address(&third, "anna")).await;
    people::profile(&app, &sign_in(&third).await).await.expect_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn a_file_that_is_no_keyring_changes_nothing() {
    let old = line("2026-11", 3);
    let file = KeyFile::new("broken", &old);
    let app = file.start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let token = sign_in(&app).await;
    for broken in ["", "nonsense", "a:QUJD", &format!("{old}{old}")] {
        file.write(broken);
        app.service().platform().refresh_keys();
        people::profile(&app, &token).await.expect(200);
    }
    std::fs::remove_file(&file.0).unwrap();
    app.service().platform().refresh_keys();
    people::profile(&app, &token).await.expect(200);
}

/// By whichever process looks first, once for every change, and by what the keys are called.
#[actix_web::test]
async fn which_keys_are_in_force_stands_in_the_trail_as_they_were_first_seen_and_whenever_they_change() {
    let (old, new) = (line("2026-11", 3), line("2026-12", 90));
    let file = KeyFile::new("trail", &old);
    let app = file.start().await;
    for text in [&old, &format!("{old}{new}"), &format!("{new}{old}"), &new] {
        file.write(text);
        app.service().platform().refresh_keys();
        for _ in 0..2 {
            app.advance(TimeDelta::seconds(30));
            app.run_jobs().await;
        }
    }
    let realm = trail::entry(trail::by_service("auth"), "realm", &RealmId::DEFAULT.to_string());
    assert_eq!(trail::told(&app, "keys.in_force").await, vec![realm; 4]);
    let told =
        app.sql("SELECT details FROM audit_events WHERE action = 'keys.in_force' ORDER BY number").await;
    let in_force = |accepted: &[&str]| {
        let details = json!({ "ring": "user", "signs": accepted[0], "accepted": accepted });
        json!({ "details": details })
    };
    let (first, last) = ("2026-11", "2026-12");
    let expected: [&[&str]; 4] = [&[first], &[first, last], &[last, first], &[last]];
    assert_eq!(told, expected.map(in_force));
}

/// Under load nobody is refused: at every moment the token's key is known.
#[actix_web::test]
async fn a_rotation_under_load_refuses_nobody() {
    let (old, new) = (line("2026-11", 3), line("2026-12", 90));
    let file = KeyFile::new("load", &old);
    let app = file.start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    for text in [format!("{old}{new}"), format!("{new}{old}"), format!("{new}{old}")] {
        let token = sign_in(&app).await;
        let asking = join_all((0..60).map(|_| people::profile(&app, &token)));
        let turning = async {
            file.write(&text);
            app.service().platform().refresh_keys();
        };
        let (answers, ()) = join(asking, turning).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
    }
}

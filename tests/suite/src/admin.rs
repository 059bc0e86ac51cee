//! The admin of the demo data. Admins sign in with an authenticator app, whose code works once in its thirty seconds: so all
//! tests share one session, which is kept beside the stack's data and refreshed when it ages.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shinkofa_identity::totp;
use shinkofa_kernel::UserId;

use crate::people::{text, user_id};
use crate::stack::DemoAccount;
use crate::{Member, Stack, until, until_within};

/// A session between two tests.
#[derive(Serialize, Deserialize)]
struct Kept {
    user_id: UserId,
    access_token: String,
    refresh_token: String,
    /// Unix seconds.
    issued_at: i64,
}

/// An access token lives a quarter of an hour: so much of it is left to the test that gets it, at least.
const FRESH_SECONDS: i64 = 300;
/// Three codes come up in it.
const SECOND_STEP_DEADLINE: Duration = Duration::from_secs(100);

impl Stack {
    /// The admin of the demo data, in the session that all tests share.
    pub async fn admin(&self) -> Member {
        let mut file = self.kept_session().await;
        let mut written = String::new();
        file.read_to_string(&mut written).expect("the kept session is readable");
        let kept = match serde_json::from_str::<Kept>(&written) {
            Ok(kept) if self.is_good(&kept).await => kept,
            Ok(kept) => match self.refreshed(&kept).await {
                Some(next) => next,
                None => self.signed_in_admin().await,
            },
            Err(_) => self.signed_in_admin().await,
        };
        file.rewind().and_then(|()| file.set_len(0)).expect("the kept session is writable");
        let json = serde_json::to_vec(&kept).expect("a session is JSON");
        file.write_all(&json).expect("the session is kept");
        Member { user_id: kept.user_id, token: kept.access_token }
    }

    /// The same in a session of its own: for tests that end it, or need one that has just begun.
    pub async fn admin_of_its_own(&self) -> Member {
        let fresh = self.signed_in_admin().await;
        Member { user_id: fresh.user_id, token: fresh.access_token }
    }

    /// The file of the session, locked until it is dropped.
    async fn kept_session(&self) -> File {
        let path = self.home.join("suite-admin.json");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        until_within(SECOND_STEP_DEADLINE * 2, "the kept session is free", async || file.try_lock().ok())
            .await;
        file
    }

    async fn is_good(&self, kept: &Kept) -> bool {
        let age = self.clock.now().timestamp() - kept.issued_at;
        let profile = self.get("/api/user/profile").bearer(&kept.access_token);
        age < FRESH_SECONDS && profile.send().await.status == 200
    }

    async fn refreshed(&self, kept: &Kept) -> Option<Kept> {
        let body = json!({ "refreshToken": kept.refresh_token });
        let answer = self.post("/api/auth/refresh").json(&body).send().await;
        (answer.status == 200).then(|| self.kept(&answer.body))
    }

    fn kept(&self, answer: &Value) -> Kept {
        Kept {
            user_id: user_id(&answer["user"]),
            access_token: text(answer, "accessToken"),
            refresh_token: text(answer, "refreshToken"),
            issued_at: self.clock.now().timestamp(),
        }
    }

    async fn signed_in_admin(&self) -> Kept {
        let admin = self.demo_account("admin");
        self.kept(&self.sign_in_with_app(&admin).await)
    }

    /// The answer of a sign-in with an authenticator app, which must succeed.
    pub async fn sign_in_with_app(&self, account: &DemoAccount) -> Value {
        let credentials = json!({ "email": account.email, "password": account.password });
        // What another test got wrong makes this one wait.
        let first = until("the account may sign in", async || {
            let answer = self.post("/api/auth/signin").json(&credentials).send().await;
            (answer.status != 429).then_some(answer)
        })
        .await
        .expect(200);
        self.second_step(account, &first.text("mfaToken")).await
    }

    /// Shows each code once until one is taken. To be refused again and again would lock the account.
    async fn second_step(&self, account: &DemoAccount, token: &str) -> Value {
        let secret = account.totp_secret.as_deref().expect("demo.json has a secret");
        let secret = BASE32_NOPAD.decode(secret.as_bytes()).expect("the secret is base 32");
        let shown = Cell::new(None);
        until_within(SECOND_STEP_DEADLINE, "a code of the second factor is taken", async || {
            let step = totp::step_at(self.clock.now());
            if shown.replace(Some(step)) == Some(step) {
                return None;
            }
            let body = json!({ "mfaToken": token, "code": totp::code(&secret, step) });
            let answer = self.post("/api/auth/signin/mfa").json(&body).send().await;
            (!matches!(answer.status, 401 | 429)).then(|| answer.expect(200).body)
        })
        .await
    }
}

//! A browser as the tests of cookie mode need it: pages of an origin, and cookies that it keeps by their rules.

use std::cell::RefCell;
use std::collections::BTreeMap;

use auth::Auth;
use reqwest::header::SET_COOKIE;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, Call, TestApp};

use crate::people::{self, PASSWORD};

pub const APP: &str = "https://app.shinkofa.localhost:8443";
pub const STUDIO: &str = "https://studio.shinkofa.localhost:8443";

/// Auth as it is told that pages of `studio.` are ours as well.
pub async fn app() -> TestApp<Auth> {
    TestApp::<Auth>::builder().env("SHINKOFA_WEB_ORIGINS", STUDIO).start::<Auth>().await
}

/// One browser, with a page open.
#[derive(Default)]
pub struct Browser {
    cookies: RefCell<BTreeMap<String, String>>,
}

impl Browser {
    /// The same browser, copied at this moment: what a thief has, or a tab whose request is still on its way.
    pub fn copy(&self) -> Self {
        Self { cookies: self.cookies.clone() }
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    pub fn forget(&self, name: &str) {
        self.cookies.borrow_mut().remove(name);
    }

    /// A request of a page of `origin`.
    pub fn request(&self, call: Call, origin: &str) -> Call {
        let cookies: Vec<_> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let call = call
            .header("origin", origin)
            .header("sec-fetch-site", if origin == APP { "same-origin" } else { "same-site" });
        if cookies.is_empty() { call } else { call.header("cookie", &cookies.join("; ")) }
    }

    /// Sends it and keeps what the answer gives to keep, if it is what a browser accepts under the prefix.
    pub async fn send(&self, call: Call) -> Answer {
        let answer = call.send().await;
        for (name, value, attributes) in set_cookies(&answer) {
            assert!(name.starts_with("__Host-"), "{name}");
            let has = |wanted: &str| attributes.iter().any(|attribute| attribute == wanted);
            assert!(
                has("Secure") && has("HttpOnly") && has("Path=/") && has("SameSite=Lax"),
                "{attributes:?}"
            );
            assert!(!attributes.iter().any(|attribute| attribute.starts_with("Domain")), "{attributes:?}");
            if has("Max-Age=0") {
                self.forget(&name);
            } else {
                self.set_cookie(&name, &value);
            }
        }
        answer
    }

    /// Takes a way of signing in, in cookie mode.
    pub async fn post(&self, app: &TestApp<Auth>, path: &str, body: &Value) -> Answer {
        let call = app.post(path).header("session-mode", "cookie").json(body);
        self.send(self.request(call, APP)).await
    }

    pub async fn sign_in(&self, app: &TestApp<Auth>, email: &str) -> Answer {
        self.post(app, "/api/auth/signin", &json!({ "email": email, "password": PASSWORD })).await
    }

    pub async fn refresh(&self, app: &TestApp<Auth>, csrf: &str) -> Answer {
        self.refresh_from(app, APP, csrf).await
    }

    pub async fn refresh_from(&self, app: &TestApp<Auth>, origin: &str, csrf: &str) -> Answer {
        let call = app.post("/api/auth/refresh").header("x-csrf-token", csrf).json(&json!({}));
        self.send(self.request(call, origin)).await
    }

    pub async fn csrf(&self, app: &TestApp<Auth>, origin: &str) -> Answer {
        self.send(self.request(app.post("/api/auth/csrf"), origin)).await
    }
}

/// Somebody with a confirmed account who signed in with a browser, and the answer.
pub async fn signed_in(app: &TestApp<Auth>, email: &str) -> (Browser, Value) {
    people::confirmed(app, email).await;
    let browser = Browser::default();
    let body = browser.sign_in(app, email).await.expect(200).body;
    (browser, body)
}

/// Name, value and attributes of every cookie that an answer sets.
pub fn set_cookies(answer: &Answer) -> Vec<(String, String, Vec<String>)> {
    let headers = answer.headers.get_all(SET_COOKIE).iter();
    headers
        .map(|header| {
            let mut parts = header.to_str().expect("text").split("; ").map(str::to_owned);
            let pair = parts.next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a name and a value");
            (name.to_owned(), value.to_owned(), parts.collect())
        })
        .collect()
}

/// Everything that an answer says to scripts.
pub fn told(answer: &Answer) -> String {
    answer.body.to_string()
}

//! One HTTP call of a test, and its answer.

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde::Serialize;
use serde_json::Value;

use crate::until;

/// A request being put together.
#[must_use]
pub struct Call(RequestBuilder);

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The JSON body; a string where it is not JSON, null where there is none.
    pub body: Value,
}

impl Call {
    pub(crate) fn new(http: &Client, method: Method, url: String) -> Self {
        Self(http.request(method, url))
    }

    /// On behalf of whom: anything that has an access token.
    pub fn bearer(self, token: impl AsRef<str>) -> Self {
        Self(self.0.bearer_auth(token.as_ref()))
    }

    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub fn query(self, parameters: &[(&str, &str)]) -> Self {
        Self(self.0.query(parameters))
    }

    pub fn json(self, body: &impl Serialize) -> Self {
        Self(self.0.json(body))
    }

    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self(self.0.body(body.into()))
    }

    /// Fails the test when no answer comes.
    pub async fn send(self) -> Answer {
        self.try_send().await.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// For calls whose other end may die.
    pub async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let response = self.0.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        Ok(Answer { status, headers, body })
    }

    /// Does what a careful client does: repeats the very same request until somebody lives to answer it.
    pub async fn send_until_answered(self) -> Answer {
        until("the request is answered", async || {
            let again = self.0.try_clone().expect("a body that can be sent twice");
            let answer = Self(again).try_send().await.ok()?;
            let busy = answer.status == 409 && answer.headers.contains_key("retry-after");
            (answer.status < 500 && !busy).then_some(answer)
        })
        .await
    }
}

impl Answer {
    /// Fails the test unless the status is `status`.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        self
    }

    /// Fails the test unless this is a problem with this status and code, in its full shape.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{:#}", answer.body);
        assert_eq!(answer.body["code"], code, "{:#}", answer.body);
        assert_eq!(answer.body["status"], status, "{:#}", answer.body);
        assert!(answer.body["requestId"].as_str().is_some_and(|id| id.len() == 32), "{:#}", answer.body);
        answer
    }

    /// Fails the test unless the body is an object of exactly these members.
    #[track_caller]
    pub fn expect_members(self, members: &[&str]) -> Self {
        assert_members(&self.body, members);
        self
    }

    /// Fails the test unless the body is an object that has these members.
    #[track_caller]
    pub fn expect_at_least(self, members: &[&str]) -> Self {
        assert_has_members(&self.body, members);
        self
    }

    /// A string member of the body.
    #[track_caller]
    pub fn text(&self, member: &str) -> String {
        let found = self.body[member].as_str();
        found.unwrap_or_else(|| panic!("no text {member:?} in {:#}", self.body)).to_owned()
    }

    /// The items of a page.
    #[track_caller]
    pub fn items(&self) -> &[Value] {
        self.body["items"].as_array().unwrap_or_else(|| panic!("no items in {:#}", self.body))
    }
}

/// Fails the test unless `value` is an object of exactly these members.
#[track_caller]
pub fn assert_members(value: &Value, members: &[&str]) {
    let object = value.as_object().unwrap_or_else(|| panic!("not an object: {value:#}"));
    let mut found: Vec<&str> = object.keys().map(String::as_str).collect();
    let mut wanted = members.to_vec();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted, "{value:#}");
}

/// Fails the test unless `value` is an object that has these members, and perhaps others.
#[track_caller]
pub fn assert_has_members(value: &Value, members: &[&str]) {
    let missing: Vec<_> = members.iter().filter(|member| value.get(member).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?} missing in {value:#}");
}

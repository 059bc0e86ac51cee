//! One HTTP call of a test, and its answer.

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::TestUser;

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
    pub(crate) fn new(http: &reqwest::Client, method: Method, url: String) -> Self {
        Self(http.request(method, url))
    }

    pub fn bearer(self, user: &TestUser) -> Self {
        self.token(&user.token)
    }

    pub fn token(self, token: &str) -> Self {
        Self(self.0.bearer_auth(token))
    }

    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// Asks another host than the platform's own.
    pub fn at_host(self, host: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("host", host.parse().expect("a host"));
        Self(self.0.headers(headers))
    }

    pub fn json(self, body: &impl Serialize) -> Self {
        Self(self.0.json(body))
    }

    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self(self.0.body(body.into()))
    }

    pub async fn send(self) -> Answer {
        let response = self.0.send().await.expect("the service answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the body arrives");
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        Answer { status, headers, body }
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
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.body["code"], code, "{:#}", answer.body);
        assert_eq!(answer.body["status"], status);
        assert!(answer.body["requestId"].as_str().is_some_and(|id| id.len() == 32), "{:#}", answer.body);
        answer
    }

    /// The body as a `T`.
    #[track_caller]
    pub fn parse<T: DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.body.clone()).unwrap_or_else(|error| panic!("{error}: {:#}", self.body))
    }

    /// A string member of the body.
    #[track_caller]
    pub fn text(&self, member: &str) -> String {
        self.body[member]
            .as_str()
            .unwrap_or_else(|| panic!("no text {member:?} in {:#}", self.body))
            .to_owned()
    }
}

//! One HTTP call of a test, and its answer.

use std::sync::Arc;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Observer, TestUser};

/// A request being put together.
#[must_use]
pub struct Call {
    request: RequestBuilder,
    observer: Option<Arc<Observer>>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The JSON body; a string where it is not JSON, null where there is none.
    pub body: Value,
}

impl Call {
    pub(crate) fn new(
        http: &reqwest::Client,
        method: Method,
        url: String,
        observer: Option<Arc<Observer>>,
    ) -> Self {
        Self { request: http.request(method, url), observer }
    }

    fn with(self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self { request: change(self.request), observer: self.observer }
    }

    pub fn bearer(self, user: &TestUser) -> Self {
        self.token(&user.token)
    }

    pub fn token(self, token: &str) -> Self {
        self.with(|request| request.bearer_auth(token))
    }

    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn header(self, name: &str, value: &str) -> Self {
        self.with(|request| request.header(name, value))
    }

    /// Asks another host than the platform's own.
    pub fn at_host(self, host: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("host", host.parse().expect("a host"));
        self.with(|request| request.headers(headers))
    }

    pub fn json(self, body: &impl Serialize) -> Self {
        self.with(|request| request.json(body))
    }

    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.with(|request| request.body(body.into()))
    }

    pub async fn send(self) -> Answer {
        match self.observer {
            Some(observer) => observer.watch(self.request).await,
            None => answered(self.request).await,
        }
    }
}

pub(crate) async fn answered(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("the service answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("the body arrives");
    let body = match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    };
    Answer { status, headers, body }
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

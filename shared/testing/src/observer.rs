//! What the database says before and after each call of a test.

use std::sync::{Mutex, PoisonError};

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::request::answered;
use crate::{Answer, Superuser};

/// Asks one question around every call of a test: see [`TestApp::observe`](crate::TestApp::observe). Calls are made one after the
/// other, so that what is new belongs to the call that it came with.
pub struct Observer {
    question: String,
    database: tokio::sync::Mutex<Superuser>,
    seen: Mutex<Vec<Observed>>,
}

/// A call, and what the question was answered before and after it.
#[derive(Clone, Debug)]
pub struct Observed {
    pub method: Method,
    pub path: String,
    /// What the caller showed to say who they are.
    pub bearer: Option<String>,
    pub answer: Answer,
    pub before: Value,
    pub after: Value,
}

impl Observer {
    pub(crate) fn new(question: &str, database: Superuser) -> Self {
        Self {
            question: question.to_owned(),
            database: tokio::sync::Mutex::new(database),
            seen: Mutex::default(),
        }
    }

    /// The calls until now, oldest first.
    pub fn seen(&self) -> Vec<Observed> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) async fn watch(&self, call: RequestBuilder) -> Answer {
        let (client, request) = call.build_split();
        let request = request.expect("a request");
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let shown = request.headers().get("authorization").and_then(|shown| shown.to_str().ok());
        let bearer = shown.and_then(|shown| shown.strip_prefix("Bearer ")).map(str::to_owned);

        let mut database = self.database.lock().await;
        let before = ask(&mut database, &self.question).await;
        let answer = answered(RequestBuilder::from_parts(client, request)).await;
        let after = ask(&mut database, &self.question).await;
        let observed = Observed { method, path, bearer, answer: answer.clone(), before, after };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(observed);
        answer
    }
}

async fn ask(database: &mut Superuser, question: &str) -> Value {
    Value::Array(database.rows(question).await)
}

//! One call of Stripe's API: its parameters, its idempotency key, the fault that it meets, its answer.

use std::future::{Future, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use futures_util::stream;
use serde_json::Value;

use crate::clock::Instant;
use crate::domain::event::Origin;
use crate::domain::form::Params;
use crate::domain::ids::RequestId;
use crate::domain::rejection::Rejection;
use crate::faults::Trouble;
use crate::shapes;
use crate::stand_in::StandIn;
use crate::store::{Draft, StoredReply, World};

const LONGEST_KEY: usize = 255;

pub struct ApiCall {
    stand_in: Arc<StandIn>,
    method: Method,
    path: String,
    params: Params,
    key: Option<String>,
    request_id: String,
}

/// How a call's own parameters are read.
type Parse<P> = fn(&mut Params) -> Result<P, Rejection>;

impl ApiCall {
    /// A call that only looks.
    pub async fn read<P: Send + 'static>(
        self,
        parse: Parse<P>,
        look: impl FnOnce(P, &World, Instant) -> Result<Value, Rejection> + Send + 'static,
    ) -> HttpResponse {
        let trouble = self.meet_trouble().await;
        let blocking = web::block(move || -> Result<Answer, Rejection> {
            if let Some(status) = trouble.status {
                return Err(Rejection::injected(status));
            }
            let (command, paths) = read_params(self.params, parse)?;
            let shape = self.stand_in.store.read(|world, now| {
                let mut shape = look(command, world, now)?;
                shapes::expand(&mut shape, &paths, world)?;
                Ok::<Value, Rejection>(shape)
            })??;
            Ok(Answer::fresh(200, shape))
        });
        respond(blocking.await, trouble, None)
    }

    /// A call that changes something. Its answer is kept in the same commit as its effect, so that
    /// no kill can come between them.
    pub async fn write<P: Send + 'static>(
        self,
        parse: Parse<P>,
        work: impl FnOnce(P, &mut Draft<'_>, &Origin) -> Result<Value, Rejection> + Send + 'static,
    ) -> HttpResponse {
        let stand_in = Arc::clone(&self.stand_in);
        let key = self.key.clone();
        let running = match &key {
            None => None,
            Some(key) => match stand_in.calls.enter(key) {
                Some(running) => Some(running),
                None => return Rejection::key_in_use(key).error_response(),
            },
        };
        let trouble = self.meet_trouble().await;
        let blocking = web::block(move || {
            let stand_in = Arc::clone(&self.stand_in);
            stand_in.store.commit(|draft| self.perform(draft, trouble, parse, work))
        });
        let response = respond(blocking.await, trouble, key);
        drop(running);
        response
    }

    async fn meet_trouble(&self) -> Trouble {
        let trouble = self.stand_in.faults.strike(self.method.as_str(), &self.path);
        if !trouble.delay.is_zero() {
            tokio::time::sleep(trouble.delay).await;
        }
        trouble
    }

    /// Refusals that come before the work begins are not kept under the key, as with Stripe.
    fn perform<P>(
        self,
        draft: &mut Draft<'_>,
        trouble: Trouble,
        parse: Parse<P>,
        work: impl FnOnce(P, &mut Draft<'_>, &Origin) -> Result<Value, Rejection>,
    ) -> Result<Answer, Rejection> {
        let fingerprint = format!("{} {} {}", self.method, self.path, self.params.fingerprint());
        if let Some(key) = &self.key
            && let Some(reply) = draft.reply(key)
        {
            return Answer::replay(reply, &fingerprint);
        }
        let (command, paths) = read_params(self.params, parse)?;
        let origin = Origin { request_id: Some(self.request_id.clone()), idempotency_key: self.key.clone() };
        let outcome = if trouble.takes_effect {
            work(command, draft, &origin).and_then(|mut shape| {
                shapes::expand(&mut shape, &paths, draft)?;
                Ok(shape)
            })
        } else {
            Err(Rejection::injected(trouble.status.unwrap_or(500)))
        };
        let truth = match outcome {
            Ok(shape) => Answer::fresh(200, shape),
            Err(rejection) => {
                draft.discard();
                Answer::fresh(rejection.status, rejection.envelope())
            }
        };
        let shown = match trouble.status {
            Some(status) => Answer::fresh(status, Rejection::injected(status).envelope()),
            None => truth.clone(),
        };
        let kept = if trouble.remembered { Some(&shown) } else { trouble.takes_effect.then_some(&truth) };
        if let (Some(key), Some(kept)) = (self.key, kept) {
            draft.keep_reply(StoredReply {
                key,
                fingerprint,
                request_id: self.request_id,
                stored_at: draft.now().seconds(),
                status: kept.status,
                body: kept.body.clone(),
            });
        }
        Ok(shown)
    }
}

fn read_params<P>(mut params: Params, parse: Parse<P>) -> Result<(P, Vec<String>), Rejection> {
    let paths = params.texts("expand")?;
    let command = parse(&mut params)?;
    params.finish()?;
    Ok((command, paths))
}

#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    body: Value,
    /// The request whose answer this is, when it is given again.
    replay_of: Option<String>,
}

impl Answer {
    fn fresh(status: u16, body: Value) -> Self {
        Self { status, body, replay_of: None }
    }

    fn replay(reply: &StoredReply, fingerprint: &str) -> Result<Self, Rejection> {
        if reply.fingerprint != fingerprint {
            return Err(Rejection::key_reused(&reply.key));
        }
        Ok(Self { status: reply.status, body: reply.body.clone(), replay_of: Some(reply.request_id.clone()) })
    }
}

fn respond(
    outcome: Result<Result<Answer, Rejection>, actix_web::error::BlockingError>,
    trouble: Trouble,
    key: Option<String>,
) -> HttpResponse {
    if trouble.closes {
        return lost_answer();
    }
    let answer = match outcome {
        Ok(Ok(answer)) => answer,
        Ok(Err(rejection)) => return rejection.error_response(),
        Err(_) => return Rejection::server_fault(500, "The call was given up.").error_response(),
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.content_type("application/json");
    if let Some(key) = key {
        response.insert_header(("Idempotency-Key", key));
    }
    if let Some(original) = answer.replay_of {
        response.insert_header(("Idempotent-Replayed", "true"));
        response.insert_header(("Original-Request", original));
    }
    response.body(format!("{:#}", answer.body))
}

/// Ends the connection where an answer should come: the body fails before anything of it is sent.
fn lost_answer() -> HttpResponse {
    let failure = Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset));
    HttpResponse::Ok().streaming(stream::once(ready(failure)))
}

impl FromRequest for ApiCall {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let body = Bytes::from_request(&request, payload);
        Box::pin(async move {
            let body = body.await?;
            Ok(assemble(&request, &body)?)
        })
    }
}

fn assemble(request: &HttpRequest, body: &[u8]) -> Result<ApiCall, Rejection> {
    let stand_in = request
        .app_data::<web::Data<StandIn>>()
        .map(|data| Arc::clone(data))
        .ok_or_else(|| Rejection::server_fault(500, "The stand-in is not set up."))?;
    let params = if request.method() == Method::GET {
        Params::decode(request.query_string().as_bytes())?
    } else {
        if !body.is_empty() && request.content_type() != "application/x-www-form-urlencoded" {
            return Err(Rejection::invalid(
                "Invalid request: the content type of a POST must be application/x-www-form-urlencoded.",
            ));
        }
        Params::decode(body)?
    };
    Ok(ApiCall {
        stand_in,
        method: request.method().clone(),
        path: request.path().to_owned(),
        params,
        key: idempotency_key(request)?,
        request_id: request.extensions().get::<RequestId>().map(RequestId::to_string).unwrap_or_default(),
    })
}

/// Keys count on POST only; Stripe ignores them elsewhere.
fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Rejection> {
    let Some(header) = request.headers().get("Idempotency-Key").filter(|_| request.method() == Method::POST)
    else {
        return Ok(None);
    };
    header
        .to_str()
        .ok()
        .filter(|key| !key.is_empty() && key.len() <= LONGEST_KEY)
        .map(|key| Some(key.to_owned()))
        .ok_or_else(|| {
            Rejection::invalid(format!("An idempotency key has between 1 and {LONGEST_KEY} characters."))
        })
}

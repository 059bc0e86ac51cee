//! The application's end of the webhooks: keeps what arrives and answers as a test wants.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde::Serialize;
use serde_json::Value;

use crate::harness::eventually;

/// One webhook as it came in.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    pub signature: String,
    pub content_type: String,
    pub body: String,
}

impl Received {
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Desk {
    received: Vec<Received>,
    /// What to answer next; 200 when nothing is left.
    answers: VecDeque<u16>,
}

pub struct Endpoint {
    pub url: String,
    desk: Arc<Mutex<Desk>>,
    handle: ServerHandle,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

impl Endpoint {
    pub async fn start() -> Self {
        Self::answering(&[]).await
    }

    /// Answers with these statuses first.
    pub async fn answering(statuses: &[u16]) -> Self {
        let desk =
            Arc::new(Mutex::new(Desk { received: Vec::new(), answers: statuses.iter().copied().collect() }));
        let shared = web::Data::from(Arc::clone(&desk));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/hook", web::post().to(take))
                .route("/received", web::get().to(show))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let url = format!("http://{}/hook", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, desk, handle }
    }

    /// Where everything that came in can be read as JSON.
    pub fn received_url(&self) -> String {
        self.url.replace("/hook", "/received")
    }

    pub fn received(&self) -> Vec<Received> {
        self.desk.lock().unwrap().received.clone()
    }

    /// The types of what came in, in order.
    pub fn types(&self) -> Vec<String> {
        self.received().iter().map(|received| received.event()["type"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until this many webhooks came in.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        eventually(&format!("{count} webhooks"), async || {
            let received = self.received();
            (received.len() >= count).then_some(received)
        })
        .await
    }
}

async fn take(request: HttpRequest, body: String, desk: web::Data<Mutex<Desk>>) -> HttpResponse {
    let header = |name: &str| {
        request.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let mut desk = desk.lock().unwrap();
    desk.received.push(Received {
        signature: header("Stripe-Signature"),
        content_type: header("Content-Type"),
        body,
    });
    let status = desk.answers.pop_front().unwrap_or(200);
    HttpResponse::new(StatusCode::from_u16(status).unwrap())
}

async fn show(desk: web::Data<Mutex<Desk>>) -> HttpResponse {
    HttpResponse::Ok().json(&desk.lock().unwrap().received)
}

//! One attempt to hand an event to the application.

use std::net::SocketAddr;

use anyhow::Context;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::delivery::{Answer, Backoff};
use crate::config::WebhookConfig;

pub struct Sender {
    client: reqwest::Client,
    config: WebhookConfig,
}

impl Sender {
    pub fn new(config: WebhookConfig) -> anyhow::Result<Self> {
        let mut builder = reqwest::Client::builder()
            .user_agent("Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .timeout(config.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if let Some(host) = config.url.host_str()
            && (host == "localhost" || host.ends_with(".localhost"))
        {
            // RFC 6761: such names are the loopback, whether or not the resolver knows.
            let port = config.url.port_or_known_default().unwrap_or(443);
            builder = builder.resolve(host, SocketAddr::from(([127, 0, 0, 1], port)));
        }
        if let Some(path) = &config.authority {
            let pem = std::fs::read(path)
                .with_context(|| format!("cannot read the certificates in {}", path.display()))?;
            for certificate in reqwest::Certificate::from_pem_bundle(&pem)? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        Ok(Self { client: builder.build()?, config })
    }

    pub fn backoff(&self) -> Backoff {
        Backoff { base: self.config.retry_base, longest: self.config.retry_longest }
    }

    /// Sends the event as Stripe does: indented, and signed over the bytes that are sent.
    pub async fn send(&self, event: &Value, wall_seconds: i64) -> Answer {
        let payload = format!("{event:#}");
        let signature = super::signature::header(self.config.secret.expose_secret(), &payload, wall_seconds);
        let sent = self
            .client
            .post(self.config.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"))
            .header("Stripe-Signature", signature)
            .body(payload)
            .send()
            .await;
        match sent {
            Ok(response) => Answer::Status(response.status().as_u16()),
            Err(error) if error.is_timeout() => Answer::Error("no answer in time".to_owned()),
            Err(error) if error.is_connect() => Answer::Error("no connection".to_owned()),
            Err(error) => Answer::Error(error.without_url().to_string()),
        }
    }
}

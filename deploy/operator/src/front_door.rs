//! The platform as its clients see it: through the gateway, by name, with its certificate verified.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Certificate, Client, RequestBuilder, redirect};
use serde_json::{Value, json};

use crate::installation::Installation;
use crate::seeds::Person;
use crate::{certificates, second_factor, seeds, wait};

#[derive(Debug, Clone)]
pub(crate) struct FrontDoor {
    client: Client,
    app: String,
    mail: String,
    pay: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl FrontDoor {
    /// Names are pinned to this machine: it need not resolve them.
    pub(crate) fn open(installation: &Installation) -> Result<Self> {
        let mut builder =
            Client::builder().timeout(Duration::from_secs(30)).redirect(redirect::Policy::none()).no_proxy();
        let authority = certificates::authority_link(installation);
        if let Ok(pem) = std::fs::read(&authority) {
            let certificate = Certificate::from_pem(&pem).context("reading the local authority")?;
            builder = builder.tls_certs_only([certificate]);
        }
        for host in installation.hosts() {
            let name = format!("{host}.{}", installation.settings.base_domain);
            builder = builder.resolve(&name, SocketAddr::from(([127, 0, 0, 1], 0)));
        }
        let client = builder.build().context("preparing the client")?;
        let [app, mail, pay] = ["app", "mail", "pay"].map(|host| installation.url(host));
        Ok(Self { client, app, mail, pay })
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.app))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.app))
    }

    /// Messages of the development mailbox, newest first.
    pub(crate) fn messages_to(&self, address: &str) -> RequestBuilder {
        self.client.get(format!("{}/api/messages", self.mail)).query(&[("to", address)])
    }

    /// What the Pay button of the stand-in's page does.
    pub(crate) fn pay(&self, checkout_session: &str) -> RequestBuilder {
        self.client.post(format!("{}/sim/checkout/{checkout_session}/pay", self.pay))
    }
}

/// Sends and reads the answer whole; a body that is not JSON comes as text.
pub(crate) async fn send(request: RequestBuilder) -> Result<Answer> {
    let response = request.send().await.context("the gateway does not answer")?;
    let status = response.status().as_u16();
    let text = response.text().await.context("reading the answer")?;
    let body = serde_json::from_str(&text).unwrap_or(if text.is_empty() {
        Value::Null
    } else {
        Value::String(text)
    });
    Ok(Answer { status, body })
}

impl Answer {
    pub(crate) fn expect(self, status: u16) -> Result<Self> {
        if self.status != status {
            bail!("expected {status}, got {}: {}", self.status, self.body);
        }
        Ok(self)
    }

    pub(crate) fn text(&self, field: &str) -> Result<&str> {
        self.body[field].as_str().with_context(|| format!("no {field} in {}", self.body))
    }

    pub(crate) fn items(&self) -> Result<&Vec<Value>> {
        self.body["items"].as_array().with_context(|| format!("no items in {}", self.body))
    }
}

/// A code works once in its thirty seconds: when somebody else used it, the next one comes, and the one after it.
const SECOND_STEP_PATIENCE: Duration = Duration::from_secs(100);

/// Signs in, by both steps where the account has two, and returns the access token.
pub(crate) async fn sign_in(door: &FrontDoor, person: &Person) -> Result<String> {
    let credentials = json!({ "email": person.email, "password": person.password });
    let answer = send(door.post("/api/auth/signin").json(&credentials)).await?.expect(200)?;
    match answer.body["mfaToken"].as_str() {
        None => answer.text("accessToken").map(str::to_owned),
        Some(token) => {
            let secret = person.totp_secret.as_deref();
            let secret = secret.context("a second factor is asked for, and demo.json has no secret")?;
            second_step(door, token, secret).await?.text("accessToken").map(str::to_owned)
        }
    }
}

/// Shows each code once: to be refused again and again would lock the account.
async fn second_step(door: &FrontDoor, token: &str, secret: &str) -> Result<Answer> {
    let shown = Cell::new(None);
    let answer = wait::until_answered(SECOND_STEP_PATIENCE, async || {
        let step = second_factor::step_at(seeds::now());
        if shown.replace(Some(step)) == Some(step) {
            return None;
        }
        show_code(door, token, secret, step).await.transpose()
    })
    .await;
    answer.context("no code of the second factor is taken")?
}

/// `None` when the code was used, or too many were tried: the next step has another one.
async fn show_code(door: &FrontDoor, token: &str, secret: &str, step: i64) -> Result<Option<Answer>> {
    let code = json!({ "mfaToken": token, "code": second_factor::code(secret, step)? });
    let answer = send(door.post("/api/auth/signin/mfa").json(&code)).await?;
    if matches!(answer.status, 401 | 429) { Ok(None) } else { answer.expect(200).map(Some) }
}

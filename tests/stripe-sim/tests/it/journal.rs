//! What a kill may not take: everything that was acknowledged.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};

use crate::endpoint::Endpoint;
use crate::harness::{API_KEY, Reply, Scratch, WEBHOOK_SECRET, client, session_form};

/// The real process; dropping it kills it.
struct Process {
    child: Child,
    url: String,
    client: reqwest::Client,
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Process {
    fn start(state: &Path, webhook_url: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stripe-sim"))
            .env_clear()
            .env("STRIPE_SIM_ADDR", "127.0.0.1:0")
            .env("STRIPE_SIM_API_KEY", API_KEY)
            .env("STRIPE_SIM_STATE_DIR", state)
            .env("STRIPE_SIM_WEBHOOK_URL", webhook_url)
            .env("STRIPE_SIM_WEBHOOK_SECRET", WEBHOOK_SECRET)
            .env("STRIPE_SIM_WEBHOOK_RETRY_MS", "20")
            .env("STRIPE_SIM_WEBHOOK_RETRY_LONGEST_MS", "50")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
            .find_map(|line| line["address"].as_str().map(str::to_owned))
            .unwrap();
        // The pipe must be emptied, or the process would stop at its next line.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url: format!("http://{address}"), client: client() }
    }

    async fn send(&self, method: Method, path: &str, form: &[(&str, &str)], key: &str) -> Reply {
        let mut request =
            self.client.request(method.clone(), format!("{}{path}", self.url)).bearer_auth(API_KEY);
        if method == Method::POST {
            request = request.header("Idempotency-Key", key).form(form);
        }
        Reply::of(request).await
    }

    async fn pay(&self, id: &str) -> Value {
        let request = self.client.post(format!("{}/sim/checkout/{id}/pay", self.url));
        Reply::of(request).await.ok()
    }

    async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, &[], "").await.ok()
    }
}

#[tokio::test]
async fn a_killed_process_comes_back_with_all_that_it_acknowledged() {
    let state = Scratch::new("journal");
    let endpoint = Endpoint::answering(&[503; 4]).await;
    let before = Process::start(state.path(), &endpoint.url);
    let sessions = "/v1/checkout/sessions";
    let created = before.send(Method::POST, sessions, &session_form(), "k1").await;
    let session = created.ok();
    let id = session["id"].as_str().unwrap();
    before.pay(id).await;
    let intents = before.get("/v1/payment_intents").await;
    let intent = intents["data"][0]["id"].as_str().unwrap();
    let form = [("payment_intent", intent), ("amount", "500")];
    let refund = before.send(Method::POST, "/v1/refunds", &form, "k2").await;
    refund.ok();
    let advance =
        before.client.post(format!("{}/sim/clock/advance", before.url)).json(&json!({ "seconds": 5000 }));
    let advanced = Reply::of(advance).await.ok()["now"].as_i64().unwrap();
    let path = format!("{sessions}/{id}?expand[]=payment_intent.latest_charge&expand[]=line_items");
    let shape = before.get(&path).await;
    let events: Vec<Value> = event_ids(&before.get("/v1/events?limit=100").await);
    drop(before);

    let after = Process::start(state.path(), &endpoint.url);
    assert_eq!(after.get(&path).await, shape);
    assert_eq!(event_ids(&after.get("/v1/events?limit=100").await), events);
    assert!(after.get("/healthz").await["now"].as_i64().unwrap() >= advanced);
    let replay = after.send(Method::POST, sessions, &session_form(), "k1").await;
    assert_eq!(replay.text, created.text);
    assert_eq!(replay.headers["idempotent-replayed"], "true");
    let replay = after.send(Method::POST, "/v1/refunds", &form, "k2").await;
    assert_eq!(replay.text, refund.text);

    // Every event reaches the application, from one process or the other.
    crate::harness::eventually("every event has arrived", async || {
        let list = after.get("/v1/events?delivery_success=false").await;
        list["data"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    let arrived: Vec<Value> = endpoint.received().iter().map(|one| one.event()["id"].clone()).collect();
    assert!(events.iter().all(|event| arrived.contains(event)));
}

fn event_ids(list: &Value) -> Vec<Value> {
    let rows = list["data"].as_array().unwrap();
    rows.iter().map(|row| row["id"].clone()).collect()
}

#[tokio::test]
async fn a_process_killed_in_the_middle_of_many_calls_keeps_each_that_it_answered() {
    let state = Scratch::new("kill");
    let endpoint = Endpoint::start().await;
    let before = Process::start(state.path(), &endpoint.url);
    let url = format!("{}/v1/checkout/sessions", before.url);
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let (client, url) = (before.client.clone(), url.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                // Calls until the process is gone.
                for number in 0.. {
                    let sent = client
                        .post(&url)
                        .bearer_auth(API_KEY)
                        .header("Idempotency-Key", format!("{caller}-{number}"))
                        .form(&session_form())
                        .send()
                        .await;
                    let Ok(response) = sent else { break };
                    let Ok(text) = response.text().await else { break };
                    let session: Value = serde_json::from_str(&text).unwrap();
                    acknowledged.push(session["id"].as_str().unwrap().to_owned());
                }
                acknowledged
            })
        })
        .collect();
    crate::harness::eventually("the callers are busy", async || {
        let list = before.get("/v1/checkout/sessions?limit=100").await;
        (list["data"].as_array().unwrap().len() > 50).then_some(())
    })
    .await;
    drop(before);
    let mut acknowledged = Vec::new();
    for caller in callers {
        acknowledged.extend(caller.await.unwrap());
    }
    assert!(acknowledged.len() > 50);

    let after = Process::start(state.path(), &endpoint.url);
    for id in acknowledged {
        after.get(&format!("/v1/checkout/sessions/{id}")).await;
    }
}

#[tokio::test]
async fn a_reset_forgets_everything_also_across_a_restart() {
    let state = Scratch::new("reset");
    let endpoint = Endpoint::start().await;
    let before = Process::start(state.path(), &endpoint.url);
    let reply = before.send(Method::POST, "/v1/customers", &[("name", "Lea")], "k1").await;
    let id = reply.ok()["id"].as_str().unwrap().to_owned();
    let reset = before.client.post(format!("{}/sim/reset", before.url));
    assert_eq!(Reply::of(reset).await.status, 204);
    let path = format!("/v1/customers/{id}");
    assert_eq!(before.send(Method::GET, &path, &[], "").await.status, 404);
    drop(before);
    let after = Process::start(state.path(), &endpoint.url);
    assert_eq!(after.send(Method::GET, &path, &[], "").await.status, 404);
}

#[test]
fn a_process_that_others_could_reach_does_not_start() {
    let output = Command::new(env!("CARGO_BIN_EXE_stripe-sim"))
        .env_clear()
        .env("STRIPE_SIM_ADDR", "0.0.0.0:18190")
        .env("STRIPE_SIM_API_KEY", API_KEY)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("loopback"), "{complaint}");
}

//! Asking auth about tokens: over HTTP, the same SQL from pgbench, and what a look into Redis would cost.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use shinkofa_identity::{Keyring, ServiceTokens};
use shinkofa_kernel::{Clock, RealmId, TenantId};

use super::Trial;
use super::people::{self, PEOPLE, PERSON, SESSION, person, session};
use super::redis::{self, Reply, Resp};
use crate::load::{self, Answer, Client, Connection, Http, Measured};
use crate::logging;
use crate::observe::{Phase, Yardstick};
use crate::pgbench::{self, Run};
use crate::script::Pattern;
use crate::stack::Stack;

/// Everybody's access token, and who may ask about them.
pub struct Introspections {
    bodies: Arc<Vec<String>>,
    service: ServiceTokens,
}

impl Introspections {
    pub fn prepare(stack: &Stack, clock: &Clock) -> Result<Self> {
        let tokens = people::access_tokens(&people::user_tokens(stack, clock)?, clock, PEOPLE)?;
        let bodies = tokens.iter().map(|token| format!("{{\"token\":\"{token}\"}}")).collect();
        let keyring = Keyring::parse(&stack.secret("jwt-service-keyring")?)?;
        Ok(Self { bodies: Arc::new(bodies), service: ServiceTokens::new(keyring, "booking", clock.clone()) })
    }

    /// Asks about every `step`th token, from the `first` on. What it shows is good for five minutes.
    pub fn client(&self, first: usize, step: usize) -> Result<Asking> {
        let token = self.service.sign("auth", "trust", None, None)?;
        let head = format!(
            "POST /internal/v1/introspect HTTP/1.1\r\nHost: auth\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: "
        );
        Ok(Asking { head, bodies: self.bodies.clone(), next: first, step })
    }
}

pub struct Asking {
    head: String,
    bodies: Arc<Vec<String>>,
    next: usize,
    step: usize,
}

impl Client for Asking {
    type Wire = Http;

    fn next_request(&mut self) -> Vec<u8> {
        let body = &self.bodies[self.next % self.bodies.len()];
        self.next += self.step;
        format!("{}{}\r\n\r\n{body}", self.head, body.len()).into_bytes()
    }

    fn take(&mut self, answer: Answer) -> Result<()> {
        require_active(&answer)
    }
}

fn require_active(answer: &Answer) -> Result<()> {
    let said = String::from_utf8_lossy(&answer.body);
    if answer.status != 200 || !said.contains("\"active\":true") {
        bail!("introspecting: {} {said}", answer.status);
    }
    Ok(())
}

impl Trial<'_> {
    pub async fn introspections(&self, tokens: &Introspections) -> Result<Phase> {
        let connections = self.ground.connections;
        let phase = self
            .ground
            .observe(async {
                let mut pairs = Vec::new();
                for number in 0..connections {
                    let connection = Connection::open(self.ground.stack.auth_internal).await?;
                    pairs.push((connection, tokens.client(number, connections)?));
                }
                load::run(pairs, self.ground.duration).await
            })
            .await?;
        phase.measured.require(200, "introspecting")?;
        Ok(phase)
    }

    pub async fn introspections_by_pgbench(&self, yardstick: &Yardstick) -> Result<Phase> {
        self.ground
            .observe(async {
                let run = Run {
                    script: &yardstick.script,
                    file: &yardstick.file,
                    role: yardstick.role,
                    password: &self.ground.stack.secret("auth-rt-password")?,
                    connections: self.ground.connections,
                    duration: self.ground.duration,
                    variables: &[("people", PEOPLE)],
                    stamp: self.ground.clock.now().timestamp_millis(),
                };
                pgbench::run(self.ground.stack, &run).await
            })
            .await
    }

    /// The script of an introspection, from one that was really made.
    pub async fn introspection_yardstick(&self, tokens: &Introspections) -> Result<Yardstick> {
        let ground = &self.ground;
        let number = 7;
        let request = tokens.client(usize::try_from(number - 1)?, 1)?.next_request();
        let mut connection = Connection::<Http>::open(ground.stack.auth_internal).await?;
        let work = async { Ok((ground.clock.now(), connection.ask(&request).await?)) };
        let ((sent, answer), seen) = logging::recorded(ground.stack, ground.database, work).await?;
        require_active(&answer)?;
        let session = session(number).to_string();
        let pattern = Pattern {
            preamble: "\\set person 1 + :n % :people\n",
            varying: vec![
                (person(number).to_string(), PERSON.to_owned()),
                (session.clone(), SESSION.to_owned()),
            ],
            fresh: Vec::new(),
            fixed: vec![TenantId::DEFAULT.as_uuid(), RealmId::DEFAULT.as_uuid()],
            sent,
        };
        self.yardstick("introspection.sql", &pattern, seen, &|transaction| transaction.mentions(&session))
    }
}

/// Looks the version of a user's tokens and a denied token up, in one question.
struct BareLook {
    next: u64,
    step: u64,
}

fn version_key(number: u64) -> String {
    format!("bench:uver:{number}")
}

impl Client for BareLook {
    type Wire = Resp;

    fn next_request(&mut self) -> Vec<u8> {
        let number = 1 + self.next % PEOPLE;
        self.next += self.step;
        redis::command(&[b"MGET", version_key(number).as_bytes(), format!("bench:deny:{number}").as_bytes()])
    }

    fn take(&mut self, answer: Reply) -> Result<()> {
        let Reply::List(found) = &answer else { bail!("Redis does not look: {answer:?}") };
        ensure!(matches!(found.as_slice(), [Reply::Text(_), Reply::Nothing]), "Redis found {answer:?}");
        Ok(())
    }
}

impl Trial<'_> {
    pub async fn introspections_by_redis(&self) -> Result<Measured> {
        let mut filler = redis::open(self.ground.stack).await?;
        for number in 1..=PEOPLE {
            filler.ask(&redis::command(&[b"SET", version_key(number).as_bytes(), b"1"])).await?;
        }
        let connections = self.ground.connections as u64;
        let mut pairs = Vec::new();
        for number in 0..connections {
            let client = BareLook { next: number, step: connections };
            pairs.push((redis::open(self.ground.stack).await?, client));
        }
        load::run(pairs, self.ground.duration).await
    }
}

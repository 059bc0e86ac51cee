//! Refreshing: chains of tokens over HTTP, the same SQL from pgbench, and a rotation in Redis alone.

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use shinkofa_kernel::{RealmId, TenantId};

use super::people::{PEOPLE, PERSON, SESSION, USER_AGENT, device, network, person, refresh_token, session};
use super::redis::{self, Reply, Resp};
use super::{ROLE, Trial};
use crate::load::{self, Answer, Client, Connection, Http, Measured};
use crate::observe::{Phase, Yardstick};
use crate::pgbench::{self, Run};
use crate::script::{self, Pattern, Runner};
use crate::{capture::Transaction, logging};

/// Sessions that are refreshed again and again in a phase, shared out among the connections.
const CHAINS: u64 = 4_000;
/// Stands in the recorded statements where the generation of a session stands, and nowhere else.
const RECORDED: i32 = 914_273_650;

/// One session and the token that it holds now.
struct Chain {
    number: u64,
    token: String,
}

/// Refreshes its sessions in turn, each with the token that the last refresh of it brought.
struct Rotator {
    host: String,
    chains: Vec<Chain>,
    turn: usize,
}

impl Client for Rotator {
    type Wire = Http;

    fn next_request(&mut self) -> Vec<u8> {
        let Chain { number, token } = &self.chains[self.turn];
        request(&self.host, *number, token)
    }

    fn take(&mut self, answer: Answer) -> Result<()> {
        self.chains[self.turn].token = next_token(&answer)?;
        self.turn = (self.turn + 1) % self.chains.len();
        Ok(())
    }
}

fn request(host: &str, number: u64, token: &str) -> Vec<u8> {
    let body = format!("{{\"refreshToken\":\"{token}\",\"deviceId\":\"{}\"}}", device(number));
    format!(
        "POST /api/auth/refresh HTTP/1.1\r\nHost: {host}\r\nX-Real-IP: {}\r\nUser-Agent: {USER_AGENT}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        network(number),
        body.len()
    )
    .into_bytes()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refreshed<'a> {
    refresh_token: &'a str,
}

fn next_token(answer: &Answer) -> Result<String> {
    if answer.status != 200 {
        bail!("refreshing: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    let refreshed: Refreshed<'_> = serde_json::from_slice(&answer.body).context("a refresh's answer")?;
    Ok(refreshed.refresh_token.to_owned())
}

/// The sessions of one connection: the same ones that one client of pgbench has, whose numbers step by the clients.
fn shares(connections: usize) -> Vec<Vec<u64>> {
    let each = CHAINS / connections as u64;
    (0..connections as u64)
        .map(|client| (0..each).map(|turn| 1 + client + turn * connections as u64).collect())
        .collect()
}

fn chains(connections: usize) -> u64 {
    CHAINS / connections as u64 * connections as u64
}

impl Trial<'_> {
    pub async fn refreshes(&self) -> Result<Phase> {
        self.rotate(async {
            let mut pairs = Vec::new();
            for numbers in shares(self.ground.connections) {
                let chains =
                    numbers.into_iter().map(|number| Chain { number, token: refresh_token(number, 1) });
                let client =
                    Rotator { host: self.ground.stack.host.clone(), chains: chains.collect(), turn: 0 };
                pairs.push((Connection::open(self.ground.stack.auth).await?, client));
            }
            load::run(pairs, self.ground.duration).await
        })
        .await
    }

    pub async fn refreshes_by_pgbench(&self, yardstick: &Yardstick) -> Result<Phase> {
        self.rotate(async {
            let run = Run {
                script: &yardstick.script,
                file: &yardstick.file,
                role: yardstick.role,
                password: &self.ground.stack.secret("auth-rt-password")?,
                connections: self.ground.connections,
                duration: self.ground.duration,
                variables: &[("people", chains(self.ground.connections))],
                stamp: self.ground.clock.now().timestamp_millis(),
            };
            pgbench::run(self.ground.stack, &run).await
        })
        .await
    }

    /// Has `work` rotate sessions, and makes sure that each moved once for each time it was asked for, and that the trail
    /// says so.
    async fn rotate(&self, work: impl Future<Output = Result<Measured>>) -> Result<Phase> {
        let database = self.ground.database;
        let many = chains(self.ground.connections);
        database
            .run(&format!(
                "UPDATE auth.sessions SET generation = 1, repeats = 0, rotated_at = now()
                 WHERE id BETWEEN '{}' AND '{}'",
                session(1),
                session(many)
            ))
            .await?;
        database.run("VACUUM ANALYZE auth.sessions").await?;
        let told_before = database.number(TOLD).await?;
        let mut phase = self.ground.observe(work).await?;
        phase.afterwards = self.settle().await?;
        let moved = database
            .number(&format!(
                "SELECT sum(generation - 1) FROM auth.sessions WHERE id BETWEEN '{}' AND '{}'",
                session(1),
                session(many)
            ))
            .await?;
        let told = database.number(TOLD).await? - told_before;
        let done = i64::try_from(phase.measured.total() + phase.measured.beforehand)?;
        // pgbench stops counting at its last second, though a transaction that began in it still ends.
        let most =
            done + i64::try_from(if phase.measured.beforehand > 0 { self.ground.connections } else { 0 })?;
        ensure!(
            (done..=most).contains(&moved) && moved == told,
            "{done} refreshes were made, {moved} generations passed, and the trail tells of {told}"
        );
        Ok(phase)
    }

    /// The script of a refresh, from one that was really made.
    pub async fn refresh_yardstick(&self) -> Result<Yardstick> {
        let number = PEOPLE;
        let ground = &self.ground;
        let id = session(number);
        ground
            .database
            .run(&format!("UPDATE auth.sessions SET generation = {RECORDED} WHERE id = '{id}'"))
            .await?;
        let mut connection = Connection::<Http>::open(ground.stack.auth).await?;
        let request = request(&ground.stack.host, number, &refresh_token(number, RECORDED));
        let work = async { Ok((ground.clock.now(), connection.ask(&request).await?)) };
        let ((sent, answer), seen) = logging::recorded(ground.stack, ground.database, work).await?;
        next_token(&answer)?;
        let pattern = Pattern {
            preamble: "\\set person 1 + :n % :people\n\\set generation 1 + :n / :people\n",
            varying: vec![
                (person(number).to_string(), PERSON.to_owned()),
                (id.to_string(), SESSION.to_owned()),
                (RECORDED.to_string(), ":generation".to_owned()),
                ((RECORDED + 1).to_string(), ":generation + 1".to_owned()),
            ],
            fresh: Vec::new(),
            fixed: vec![TenantId::DEFAULT.as_uuid(), RealmId::DEFAULT.as_uuid()],
            sent,
        };
        let session = id.to_string();
        self.yardstick("refresh.sql", &pattern, seen, &|transaction| transaction.mentions(&session))
    }

    /// Writes the script of the transactions that `ours` picks.
    pub fn yardstick(
        &self,
        file: &str,
        pattern: &Pattern,
        seen: Vec<Transaction>,
        ours: &dyn Fn(&Transaction) -> bool,
    ) -> Result<Yardstick> {
        let of_auth = |transaction: &Transaction| transaction.role == ROLE && ours(transaction);
        let transactions: Vec<Transaction> = seen.into_iter().filter(of_auth).collect();
        ensure!(
            !transactions.is_empty(),
            "{file}: the log of PostgreSQL shows no transaction of the request"
        );
        let script = script::write(&transactions, pattern, Runner::SameRole)?;
        let file = self.ground.stack.output.join(file);
        std::fs::write(&file, &script.text).with_context(|| format!("writing {}", file.display()))?;
        Ok(Yardstick { script, file, role: ROLE })
    }
}

const TOLD: &str = "SELECT count(*) FROM auth.audit_events WHERE action = 'session.rotated'";

/// A session that lives in Redis alone.
const ROTATE: &str = include_str!("rotate.lua");
const GRACE_SECONDS: &str = "10";
const IDLE_SECONDS: &str = "604800";
const ENDS_AFTER_SECONDS: i64 = 30 * 86_400;

struct BareRotator {
    script: Vec<u8>,
    now: String,
    /// Number of the session and generation of its token.
    chains: Vec<(u64, u64)>,
    turn: usize,
}

/// As long as a digest in hex.
fn bare_token(generation: u64) -> String {
    format!("{generation:064x}")
}

fn key(number: u64) -> String {
    format!("bench:session:{number}")
}

impl Client for BareRotator {
    type Wire = Resp;

    fn next_request(&mut self) -> Vec<u8> {
        let (number, generation) = self.chains[self.turn];
        redis::command(&[
            b"EVALSHA",
            &self.script,
            b"1",
            key(number).as_bytes(),
            bare_token(generation).as_bytes(),
            bare_token(generation + 1).as_bytes(),
            self.now.as_bytes(),
            GRACE_SECONDS.as_bytes(),
            IDLE_SECONDS.as_bytes(),
        ])
    }

    fn take(&mut self, answer: Reply) -> Result<()> {
        ensure!(answer.is_text("rotated"), "Redis did not rotate: {answer:?}");
        self.chains[self.turn].1 += 1;
        self.turn = (self.turn + 1) % self.chains.len();
        Ok(())
    }
}

impl Trial<'_> {
    /// Rotation as the only thing there is.
    pub async fn refreshes_by_redis(&self) -> Result<Measured> {
        let now = self.ground.clock.now().timestamp();
        let mut filler = redis::open(self.ground.stack).await?;
        let script = match filler.ask(&redis::command(&[b"SCRIPT", b"LOAD", ROTATE.as_bytes()])).await? {
            Reply::Text(digest) => digest,
            other => bail!("Redis does not take the script: {other:?}"),
        };
        let ends = (now + ENDS_AFTER_SECONDS).to_string();
        for number in 1..=chains(self.ground.connections) {
            filler.ask(&redis::command(&[b"DEL", key(number).as_bytes()])).await?;
            let session = redis::command(&[
                b"HSET",
                key(number).as_bytes(),
                b"current",
                bare_token(1).as_bytes(),
                b"ends",
                ends.as_bytes(),
                b"generation",
                b"1",
            ]);
            filler.ask(&session).await?;
        }
        let mut pairs = Vec::new();
        for numbers in shares(self.ground.connections) {
            let chains = numbers.into_iter().map(|number| (number, 1)).collect();
            let client = BareRotator { script: script.clone(), now: now.to_string(), chains, turn: 0 };
            pairs.push((redis::open(self.ground.stack).await?, client));
        }
        load::run(pairs, self.ground.duration).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_session_belongs_to_one_connection() {
        for connections in [2, 7, 16, 64] {
            let shares = shares(connections);
            let all: HashSet<u64> = shares.iter().flatten().copied().collect();
            assert_eq!(all.len(), shares.iter().map(Vec::len).sum::<usize>());
            assert_eq!(all.len() as u64, chains(connections));
            assert!(all.iter().all(|number| (1..=chains(connections)).contains(number)));
        }
    }

    #[test]
    fn the_next_request_of_a_session_carries_the_token_that_the_last_one_brought() {
        let chains =
            vec![Chain { number: 1, token: "one".to_owned() }, Chain { number: 2, token: "two".to_owned() }];
        let mut client = Rotator { host: "app".to_owned(), chains, turn: 0 };
        let body =
            b"{\"accessToken\":\"a\",\"refreshToken\":\"one-next\",\"user\":{\"name\":\"\\u00e9\"}}".to_vec();
        client.take(Answer { status: 200, retry_after: None, body }).unwrap();
        assert!(String::from_utf8(client.next_request()).unwrap().contains("\"two\""));
        let body = b"{\"refreshToken\":\"two-next\"}".to_vec();
        client.take(Answer { status: 200, retry_after: None, body }).unwrap();
        assert!(String::from_utf8(client.next_request()).unwrap().contains("\"one-next\""));
        assert!(client.take(Answer { status: 401, retry_after: None, body: Vec::new() }).is_err());
    }
}

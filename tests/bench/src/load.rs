//! The load over HTTP: a closed loop over kept connections, and the time of every answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::crowd::Crowd;

/// What is asked, of whom, and for how long.
#[derive(Clone)]
pub struct Load {
    pub crowd: Arc<Crowd>,
    pub address: SocketAddr,
    pub connections: usize,
    pub duration: Duration,
    pub first_session: u64,
}

/// What was answered.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub elapsed: Duration,
    /// How many answers of each status.
    pub statuses: BTreeMap<u16, u64>,
    /// One for each answer or transaction.
    pub microseconds: Vec<u32>,
    /// Done before the measured time, and not measured.
    pub beforehand: u64,
}

impl Measured {
    pub fn total(&self) -> u64 {
        self.microseconds.len() as u64
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of some seconds")]
    pub fn per_second(&self) -> f64 {
        self.total() as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    /// In milliseconds; of nothing it is zero.
    pub fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.microseconds.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(place).map_or(0.0, |time| f64::from(*time) / 1000.0)
    }
}

/// Asks until the time is over. No connection has two requests under way, and none is opened within the time.
pub async fn run(load: Load) -> Result<Measured> {
    let mut connections = Vec::new();
    for _ in 0..load.connections {
        connections.push(Connection::open(load.address).await?);
    }
    let turns = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for connection in connections {
        tasks.spawn(ask_again(connection, load.clone(), turns.clone(), began));
    }
    let mut measured = Measured::default();
    while let Some(ended) = tasks.join_next().await {
        let (statuses, times) = ended??;
        measured.microseconds.extend(times);
        for (status, count) in statuses {
            *measured.statuses.entry(status).or_default() += count;
        }
    }
    measured.elapsed = began.elapsed();
    Ok(measured)
}

type Answers = (BTreeMap<u16, u64>, Vec<u32>);

async fn ask_again(
    mut connection: Connection,
    load: Load,
    turns: Arc<AtomicU64>,
    began: Instant,
) -> Result<Answers> {
    let (mut statuses, mut times) = (BTreeMap::new(), Vec::new());
    while began.elapsed() < load.duration {
        let request = load.crowd.booking(turns.fetch_add(1, Ordering::Relaxed), load.first_session);
        let sent = Instant::now();
        let answer = connection.ask(&request.bytes).await?;
        times.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        *statuses.entry(answer.status).or_default() += 1;
    }
    Ok((statuses, times))
}

/// A kept HTTP/1.1 connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// No answer of booking is as large.
const LARGEST_ANSWER: usize = 64 * 1024;

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("booking closed the connection after {} bytes", self.buffer.len());
            }
            if let Some(answer) = parse(&self.buffer)? {
                return Ok(answer);
            }
            if self.buffer.len() > LARGEST_ANSWER {
                bail!("an answer of more than {LARGEST_ANSWER} bytes");
            }
        }
    }
}

/// `None` while something is missing.
fn parse(bytes: &[u8]) -> Result<Option<Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.context("an answer without Content-Length")?;
    let length: usize = std::str::from_utf8(length.value)?.trim().parse()?;
    let status = response.code.unwrap_or_default();
    Ok(bytes.get(head..head + length).map(|body| Answer { status, body: body.to_vec() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_once_its_body_is_there() {
        let text = b"HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\nabcd";
        assert_eq!(parse(&text[..20]).unwrap(), None);
        assert_eq!(parse(&text[..text.len() - 1]).unwrap(), None);
        assert_eq!(parse(text).unwrap(), Some(Answer { status: 201, body: b"abcd".to_vec() }));
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let measured =
            Measured { microseconds: (1..=200).map(|n| n * 1000).rev().collect(), ..Default::default() };
        assert!((measured.percentile(50) - 100.0).abs() < 1e-9);
        assert!((measured.percentile(99) - 198.0).abs() < 1e-9);
        assert!(Measured::default().percentile(99).abs() < 1e-9);
    }
}

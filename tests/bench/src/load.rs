//! Closed loops over kept connections, and the time of every answer.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::figures::percentile;

/// Whoever asks over one connection, one request after the other.
pub trait Client: Send + 'static {
    type Wire: Wire;

    fn next_request(&mut self) -> Vec<u8>;

    /// Looks at the answer. A fault ends the phase.
    fn take(&mut self, _answer: <Self::Wire as Wire>::Answer) -> Result<()> {
        Ok(())
    }
}

/// How a protocol says that an answer is whole.
pub trait Wire: Send + 'static {
    type Answer: Send;

    /// `None` while something is missing.
    fn parse(bytes: &[u8]) -> Result<Option<Self::Answer>>;

    /// By which answers are counted, where the protocol has such a thing.
    fn status(_answer: &Self::Answer) -> Option<u16> {
        None
    }
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
        percentile(&self.microseconds, percent)
    }

    /// Fails unless every answer had this status.
    pub fn require(&self, status: u16, what: &str) -> Result<()> {
        if self.statuses.get(&status).copied().unwrap_or_default() != self.total() {
            bail!("{what}: not every answer was a {status}: {:?}", self.statuses);
        }
        Ok(())
    }
}

/// Each client asks over its connection until the time is over: no connection has two requests under way.
pub async fn run<C: Client>(pairs: Vec<(Connection<C::Wire>, C)>, duration: Duration) -> Result<Measured> {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for (connection, client) in pairs {
        tasks.spawn(ask_again(connection, client, began, duration));
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

async fn ask_again<C: Client>(
    mut connection: Connection<C::Wire>,
    mut client: C,
    began: Instant,
    duration: Duration,
) -> Result<Answers> {
    let (mut statuses, mut times) = (BTreeMap::new(), Vec::new());
    while began.elapsed() < duration {
        let request = client.next_request();
        let sent = Instant::now();
        let answer = connection.ask(&request).await?;
        times.push(in_microseconds(sent.elapsed()));
        if let Some(status) = C::Wire::status(&answer) {
            *statuses.entry(status).or_default() += 1;
        }
        client.take(answer)?;
    }
    Ok((statuses, times))
}

pub fn in_microseconds(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// A kept connection.
pub struct Connection<W> {
    stream: TcpStream,
    buffer: Vec<u8>,
    wire: PhantomData<W>,
}

/// No answer that is asked for here is as large.
const LARGEST_ANSWER: usize = 64 * 1024;

impl<W: Wire> Connection<W> {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096), wire: PhantomData })
    }

    pub async fn ask(&mut self, request: &[u8]) -> Result<W::Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection was closed after {} bytes of an answer", self.buffer.len());
            }
            if let Some(answer) = W::parse(&self.buffer)? {
                return Ok(answer);
            }
            if self.buffer.len() > LARGEST_ANSWER {
                bail!("an answer of more than {LARGEST_ANSWER} bytes");
            }
        }
    }
}

/// HTTP/1.1, answers with `Content-Length` alone.
pub struct Http;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<u32>,
    pub body: Vec<u8>,
}

impl Wire for Http {
    type Answer = Answer;

    fn parse(bytes: &[u8]) -> Result<Option<Answer>> {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
        let header = |name: &str| -> Option<&str> {
            let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(found.value).ok().map(str::trim)
        };
        let length: usize = header("content-length").context("an answer without Content-Length")?.parse()?;
        let status = response.code.unwrap_or_default();
        let retry_after = header("retry-after").and_then(|seconds| seconds.parse().ok());
        let body = bytes.get(head..head + length);
        Ok(body.map(|body| Answer { status, retry_after, body: body.to_vec() }))
    }

    fn status(answer: &Answer) -> Option<u16> {
        Some(answer.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_once_its_body_is_there() {
        let text = b"HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\nabcd";
        assert_eq!(Http::parse(&text[..20]).unwrap(), None);
        assert_eq!(Http::parse(&text[..text.len() - 1]).unwrap(), None);
        let answer = Answer { status: 201, retry_after: None, body: b"abcd".to_vec() };
        assert_eq!(Http::parse(text).unwrap(), Some(answer));
    }

    #[test]
    fn when_to_come_again_is_read_in_seconds() {
        let text = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(Http::parse(text).unwrap().unwrap().retry_after, Some(2));
    }

    #[test]
    fn one_answer_of_another_status_is_noticed() {
        let measured =
            Measured { statuses: [(200, 1)].into(), microseconds: vec![1, 1], ..Measured::default() };
        assert!(measured.require(200, "asking").is_err());
        assert!(Measured { statuses: [(200, 2)].into(), ..measured }.require(200, "asking").is_ok());
    }
}

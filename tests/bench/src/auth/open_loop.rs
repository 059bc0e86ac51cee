//! Requests that come when people come, not when the last one has its answer: whoever waits makes nobody else come later.
//! Each time is counted from the moment that the request was due.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::figures::percentile;
use crate::load::{Answer, Connection, Http, Measured, in_microseconds};

/// How many come in a second on average, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    pub rate: f64,
    pub duration: Duration,
    /// Streams of one seed are the same.
    pub seed: u64,
}

impl Stream {
    /// When each request is due, as independent people come: the gaps are exponentially distributed (a Poisson process).
    pub fn due(&self) -> Vec<Duration> {
        let mut draws = Draws(self.seed);
        let mut due = Vec::new();
        let mut at = 0.0;
        loop {
            // Never the logarithm of zero.
            at += -(1.0 - draws.draw()).ln() / self.rate;
            if at.is_nan() || at >= self.duration.as_secs_f64() {
                return due;
            }
            due.push(Duration::from_secs_f64(at));
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators"): the same draws in every run.
struct Draws(u64);

impl Draws {
    /// In `[0, 1)`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The status of no answer at all: the connection was refused, or closed under a request.
pub const DROPPED: u16 = 0;

/// What one of them was answered, and how long that took since it was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub status: u16,
    pub retry_after: Option<u32>,
    pub microseconds: u32,
}

/// Everything that came back.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    pub all: Vec<Arrival>,
    pub elapsed: Duration,
}

impl Arrivals {
    pub fn measured(&self) -> Measured {
        let mut measured = Measured { elapsed: self.elapsed, ..Measured::default() };
        for arrival in &self.all {
            measured.microseconds.push(arrival.microseconds);
            *measured.statuses.entry(arrival.status).or_default() += 1;
        }
        measured
    }

    pub fn of(&self, status: u16) -> impl Iterator<Item = &Arrival> {
        self.all.iter().filter(move |arrival| arrival.status == status)
    }

    /// Of all, how many were answered with `status`.
    #[expect(clippy::cast_precision_loss, reason = "counts of some seconds")]
    pub fn share(&self, status: u16) -> f64 {
        self.of(status).count() as f64 / self.all.len().max(1) as f64
    }

    /// In milliseconds, over the answers of one status.
    pub fn percentile(&self, status: u16, percent: usize) -> f64 {
        let times: Vec<u32> = self.of(status).map(|arrival| arrival.microseconds).collect();
        percentile(&times, percent)
    }

    /// How many had no answer.
    #[expect(clippy::cast_precision_loss, reason = "counts of some seconds")]
    pub fn dropped(&self) -> f64 {
        self.of(DROPPED).count() as f64
    }

    /// Everybody was served, or told when to come again.
    #[expect(clippy::cast_precision_loss, reason = "counts of some seconds")]
    pub fn orderly(&self) -> f64 {
        let sent_away =
            self.of(503).filter(|arrival| arrival.retry_after.is_some_and(|seconds| seconds > 0)).count();
        (self.of(200).count() + sent_away) as f64 / self.all.len().max(1) as f64
    }
}

/// Sends every request of `stream` when it is due, over as many connections as that takes. `kept` of them are open before
/// the first. None is sent a second time: one that had no answer is counted as that.
pub async fn run(
    address: SocketAddr,
    stream: Stream,
    kept: usize,
    mut request: impl FnMut() -> Vec<u8>,
) -> Result<Arrivals> {
    let idle = Idle::default();
    for _ in 0..kept {
        idle.put(Connection::open(address).await?);
    }
    let began = Instant::now();
    let mut under_way = JoinSet::new();
    for due in stream.due() {
        tokio::time::sleep_until(began + due).await;
        under_way.spawn(one(address, idle.clone(), began + due, request()));
    }
    let mut arrivals = Arrivals::default();
    while let Some(ended) = under_way.join_next().await {
        arrivals.all.push(ended?);
    }
    arrivals.elapsed = began.elapsed();
    if arrivals.all.is_empty() {
        bail!("nobody came in {} s at {} a second", stream.duration.as_secs(), stream.rate);
    }
    Ok(arrivals)
}

async fn one(address: SocketAddr, idle: Idle, due: Instant, request: Vec<u8>) -> Arrival {
    let answered = ask(address, &idle, &request).await;
    let microseconds = in_microseconds(due.elapsed());
    match answered {
        Ok((answer, connection)) if answer.status != REQUEST_TIMEOUT => {
            idle.put(connection);
            Arrival { status: answer.status, retry_after: answer.retry_after, microseconds }
        }
        Ok(_) | Err(_) => Arrival { status: DROPPED, retry_after: None, microseconds },
    }
}

/// What a server says before it closes a connection on which it saw no request (RFC 9110 section 15.5.9).
const REQUEST_TIMEOUT: u16 = 408;

async fn ask(address: SocketAddr, idle: &Idle, request: &[u8]) -> Result<(Answer, Connection<Http>)> {
    let mut connection = match idle.take() {
        Some(connection) => connection,
        None => Connection::open(address).await?,
    };
    Ok((connection.ask(request).await?, connection))
}

/// Connections without a request under way, the last used one on top.
#[derive(Clone, Default)]
struct Idle(Arc<Mutex<Vec<Kept>>>);

/// A connection, and when it was last used.
type Kept = (Connection<Http>, Instant);

/// A server closes what nobody uses, the soonest after five seconds. No client of HTTP waits for that, so none that is closed by
/// it was used: whatever fails after all was dropped.
const LONGEST_IDLE: Duration = Duration::from_secs(4);

impl Idle {
    fn take(&self) -> Option<Connection<Http>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.pop() {
            Some((connection, since)) if since.elapsed() < LONGEST_IDLE => Some(connection),
            Some(_) => {
                // Those beneath it have been idle for longer.
                kept.clear();
                None
            }
            None => None,
        }
    }

    fn put(&self, connection: Connection<Http>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((connection, Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(rate: f64, seconds: u64) -> Stream {
        Stream { rate, duration: Duration::from_secs(seconds), seed: 7 }
    }

    #[test]
    fn as_many_come_as_were_asked_for_one_after_the_other_and_within_the_time() {
        let due = stream(100.0, 100).due();
        assert!((9_700..=10_300).contains(&due.len()), "{}", due.len());
        assert!(due.is_sorted());
        assert!(due.last().is_some_and(|last| *last < Duration::from_secs(100)));
    }

    #[test]
    fn gaps_are_those_of_independent_people() {
        let due = stream(100.0, 200).due();
        let gaps: Vec<f64> = due.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let longer_than_average = gaps.iter().filter(|gap| **gap > 0.01).count();
        let share = f64::from(u32::try_from(longer_than_average).unwrap())
            / f64::from(u32::try_from(gaps.len()).unwrap());
        // Of exponential gaps one in e is longer than the average; of even ones, none or all.
        assert!((share - (-1.0_f64).exp()).abs() < 0.02, "{share}");
    }

    #[test]
    fn a_seed_gives_the_same_stream_and_another_one_another() {
        assert_eq!(stream(50.0, 2).due(), stream(50.0, 2).due());
        assert_ne!(stream(50.0, 2).due(), Stream { seed: 8, ..stream(50.0, 2) }.due());
    }

    #[test]
    fn a_rate_of_nothing_brings_nobody() {
        assert!(stream(0.0, 5).due().is_empty());
    }

    #[test]
    fn being_sent_away_is_orderly_only_with_a_time_to_come_again() {
        let arrival = |status, retry_after| Arrival { status, retry_after, microseconds: 1000 };
        let all = vec![arrival(200, None), arrival(503, Some(2)), arrival(503, None), arrival(500, None)];
        let arrivals = Arrivals { all, ..Arrivals::default() };
        assert!((arrivals.orderly() - 0.5).abs() < 1e-9);
        assert!((arrivals.share(503) - 0.5).abs() < 1e-9);
        assert!((arrivals.percentile(503, 99) - 1.0).abs() < 1e-9);
    }

    #[tokio::test]
    async fn a_request_whose_connection_is_closed_is_counted_and_not_sent_again() {
        use tokio::io::AsyncReadExt;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(Mutex::new(0));
        let counter = accepted.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                *counter.lock().unwrap() += 1;
                // Closed once the request is there.
                tokio::spawn(async move { stream.read(&mut [0; 1024]).await });
            }
        });
        let stream = Stream { rate: 200.0, duration: Duration::from_millis(100), seed: 3 };
        let arrivals = run(address, stream, 0, || b"GET / HTTP/1.1\r\n\r\n".to_vec()).await.unwrap();
        let came = stream.due().len();
        assert_eq!((arrivals.of(DROPPED).count(), *accepted.lock().unwrap()), (came, came));
        assert!(arrivals.orderly().abs() < 1e-9);
    }

    #[tokio::test]
    async fn nobody_comes_later_because_others_wait_and_the_wait_counts_from_when_a_request_was_due() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stream = Stream { rate: 400.0, duration: Duration::from_millis(50), seed: 1 };
        let due = stream.due();
        assert!(due.len() > 5);
        // No answer before the last request is there: it would never come if any of them waited for an answer.
        let everybody = Arc::new(tokio::sync::Barrier::new(due.len()));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer_with(stream, everybody.clone()));
            }
        });
        let arrivals = run(address, stream, 2, || b"GET / HTTP/1.1\r\n\r\n".to_vec()).await.unwrap();
        assert_eq!(arrivals.all.len(), due.len());
        let longest = arrivals.all.iter().map(|arrival| arrival.microseconds).max().unwrap();
        assert!(longest >= in_microseconds(*due.last().unwrap() - due[0]));
    }

    async fn answer_with(mut stream: tokio::net::TcpStream, everybody: Arc<tokio::sync::Barrier>) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut buffer = [0; 1024];
        while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
            everybody.wait().await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
    }
}

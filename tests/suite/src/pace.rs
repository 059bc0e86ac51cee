//! Load at a fixed rate over connections that stay open: the rate is kept whether the answers are quick or slow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What makes the bytes of one request, from its number: the address it goes to, and the request.
pub type Requests = Arc<dyn Fn(u32) -> (String, Vec<u8>) + Send + Sync>;

/// A load that runs until it is ended.
pub struct Pace {
    shared: Arc<Shared>,
    began: Instant,
    workers: Vec<JoinHandle<()>>,
}

struct Shared {
    interval: Duration,
    next: AtomicU32,
    ended: AtomicBool,
    answers: Mutex<BTreeMap<String, BTreeMap<u16, u32>>>,
    latest: Mutex<Duration>,
}

/// What a load came to.
#[derive(Debug)]
pub struct Load {
    /// How many answers of each address had each status. Connections that broke are told as status 0.
    pub answers: BTreeMap<String, BTreeMap<u16, u32>>,
    pub requests: u32,
    pub took: Duration,
    /// The longest that any request was sent after its time.
    pub latest: Duration,
}

impl Pace {
    /// Sends request number n at n × `interval` after the start. More at once than `connections` are not under way: then
    /// requests are sent late, and as fast as it goes until none is.
    pub fn keep(interval: Duration, connections: usize, requests: Requests) -> Self {
        let shared = Arc::new(Shared {
            interval,
            next: AtomicU32::new(0),
            ended: AtomicBool::new(false),
            answers: Mutex::default(),
            latest: Mutex::default(),
        });
        let began = Instant::now();
        let worker = |_| tokio::spawn(work(shared.clone(), began, requests.clone()));
        let workers = (0..connections).map(worker).collect();
        Self { shared, began, workers }
    }

    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Lets what is under way finish.
    pub async fn end(self) -> Load {
        self.shared.ended.store(true, Ordering::SeqCst);
        let took = self.began.elapsed();
        for worker in self.workers {
            worker.await.expect("a worker ends");
        }
        let answers = self.shared.answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let latest = *self.shared.latest.lock().unwrap_or_else(PoisonError::into_inner);
        Load { requests: answers.values().flat_map(BTreeMap::values).sum(), answers, took, latest }
    }
}

async fn work(shared: Arc<Shared>, began: Instant, requests: Requests) {
    let mut connections = BTreeMap::new();
    loop {
        let number = shared.next.fetch_add(1, Ordering::SeqCst);
        let due = began + shared.interval * number;
        tokio::time::sleep_until(due).await;
        if shared.ended.load(Ordering::SeqCst) {
            return;
        }
        let late = due.elapsed();
        let (address, request) = requests(number);
        let status = ask(&mut connections, &address, &request).await.unwrap_or(0);
        if status == 0 {
            connections.remove(&address);
        }
        let mut answers = shared.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers.entry(address).or_default().entry(status).or_default() += 1;
        drop(answers);
        let mut latest = shared.latest.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = Duration::max(*latest, late);
    }
}

type Connections = BTreeMap<String, BufReader<TcpStream>>;

async fn ask(connections: &mut Connections, address: &str, request: &[u8]) -> std::io::Result<u16> {
    if !connections.contains_key(address) {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        connections.insert(address.to_owned(), BufReader::new(stream));
    }
    let Some(connection) = connections.get_mut(address) else { return Ok(0) };
    connection.write_all(request).await?;
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest.split(' ').next().and_then(|status| status.parse().ok()).unwrap_or(0);
        } else if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        } else if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await?;
    Ok(status)
}

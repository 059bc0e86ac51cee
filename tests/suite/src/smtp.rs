//! A mail server that takes everything and keeps it (RFC 5321, as far as a well-behaved client goes), or one that is not well.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

type Letters = Arc<Mutex<Vec<String>>>;

/// How a mail server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpHealth {
    Well,
    /// It takes connections and says nothing.
    Hangs,
    /// It takes no letter for the moment, and says so (451).
    Busy,
}

/// It is gone when it is dropped, and hangs up on everybody.
pub struct SmtpSink {
    letters: Letters,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl SmtpSink {
    pub async fn listen(port: u16) -> Self {
        Self::listen_as(port, SmtpHealth::Well).await
    }

    pub async fn listen_as(port: u16, health: SmtpHealth) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let (letters, connections) = (Letters::default(), Arc::new(AtomicUsize::new(0)));
        let (kept, counted) = (letters.clone(), connections.clone());
        let task = tokio::spawn(async move {
            // They end with it.
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let kept = kept.clone();
                // A client that hangs up in the middle is its own affair.
                conversations.spawn(async move { drop(converse(stream, &kept, health).await) });
            }
        });
        Self { letters, connections, task }
    }

    /// How many connections it has taken.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Hangs up on everybody and leaves the port to another.
    pub async fn end(mut self) {
        self.task.abort();
        // That it was cut off is what was asked for.
        drop((&mut self.task).await);
    }

    /// The letters to an address, as they came over the wire, oldest first.
    pub fn letters_to(&self, email: &str) -> Vec<String> {
        let letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let to =
            |letter: &&String| letter.lines().any(|line| line.starts_with("To:") && line.contains(email));
        letters.iter().filter(to).cloned().collect()
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(stream: TcpStream, letters: &Letters, health: SmtpHealth) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    if health == SmtpHealth::Hangs {
        return std::future::pending().await;
    }
    stream.write_all(b"220 sink\r\n").await?;
    loop {
        let line = read(&mut stream).await?;
        let answer: &[u8] = match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => b"250-sink\r\n250 8BITMIME\r\n",
            "RCPT" if health == SmtpHealth::Busy => b"451 4.7.1 try later\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let letter = data(&mut stream).await?;
                letters.lock().unwrap_or_else(PoisonError::into_inner).push(letter);
                b"250 kept\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer).await?;
    }
}

/// The lines up to the one that is a dot.
async fn data(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut letter = String::new();
    loop {
        let line = read(stream).await?;
        if line == ".\r\n" {
            return Ok(letter);
        }
        letter.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

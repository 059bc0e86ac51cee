//! A mail server that takes everything and keeps it (RFC 5321, as far as a well-behaved client goes).

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

type Letters = Arc<Mutex<Vec<String>>>;

/// It is gone when it is dropped.
pub struct SmtpSink {
    letters: Letters,
    task: JoinHandle<()>,
}

impl SmtpSink {
    pub async fn listen(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let letters = Letters::default();
        let kept = letters.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = kept.clone();
                // A client that hangs up in the middle is its own affair.
                tokio::spawn(async move { drop(converse(stream, &kept).await) });
            }
        });
        Self { letters, task }
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

async fn converse(stream: TcpStream, letters: &Letters) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink\r\n").await?;
    loop {
        let line = read(&mut stream).await?;
        let answer: &[u8] = match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => b"250-sink\r\n250 8BITMIME\r\n",
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

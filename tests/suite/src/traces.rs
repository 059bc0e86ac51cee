//! A collector that keeps the spans it is sent (OTLP over HTTP), as bytes to be searched.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

type Spans = Arc<Mutex<Vec<u8>>>;

/// It is gone when it is dropped.
pub struct TraceSink {
    pub port: u16,
    spans: Spans,
    task: JoinHandle<()>,
}

impl TraceSink {
    pub async fn listen() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let spans = Spans::default();
        let kept = spans.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = kept.clone();
                // An exporter that hangs up in the middle is its own affair.
                tokio::spawn(async move { drop(converse(stream, &kept).await) });
            }
        });
        Self { port, spans, task }
    }

    /// Everything that came so far. Names and values stand in it as they are; what lies between them is no text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.spans.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Drop for TraceSink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(stream: TcpStream, spans: &Spans) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        spans.lock().unwrap_or_else(PoisonError::into_inner).extend(body);
        stream
            .write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n",
            )
            .await?;
    }
}

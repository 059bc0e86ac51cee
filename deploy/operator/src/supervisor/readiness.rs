//! Asks a process whether it can do its work.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::spec::Readiness;

const PATIENCE: Duration = Duration::from_secs(3);

/// `Err` says why it is not ready.
pub(crate) async fn probe(readiness: &Readiness) -> Result<(), String> {
    match tokio::time::timeout(PATIENCE, ask(readiness)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

async fn ask(readiness: &Readiness) -> Result<(), String> {
    match readiness {
        Readiness::Postgres { pg_isready, sockets, port } => {
            let status = tokio::process::Command::new(pg_isready)
                .args(["--quiet", "--host"])
                .arg(sockets)
                .args(["--port", &port.to_string(), "--username=postgres", "--dbname=postgres"])
                .kill_on_drop(true)
                .status()
                .await
                .map_err(|fault| fault.to_string())?;
            if status.success() { Ok(()) } else { Err("does not accept connections".to_owned()) }
        }
        Readiness::Redis { port, password_file } => {
            let password = std::fs::read_to_string(password_file).map_err(|fault| fault.to_string())?;
            let question = format!("AUTH {}\r\nPING\r\nQUIT\r\n", password.trim());
            let answer = converse(*port, &question).await?;
            if answer.contains("+PONG") { Ok(()) } else { Err(first_line(&answer)) }
        }
        Readiness::Http { port, path } => {
            let question = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
            let answer = converse(*port, &question).await?;
            let status = answer.split_whitespace().nth(1).unwrap_or("nothing");
            if status == "200" {
                return Ok(());
            }
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body.trim());
            Err(format!("{path} answers {status} {}", body.chars().take(300).collect::<String>()))
        }
        Readiness::Tcp { port } => {
            TcpStream::connect(("127.0.0.1", *port)).await.map(|_| ()).map_err(|fault| fault.to_string())
        }
    }
}

async fn converse(port: u16, question: &str) -> Result<String, String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|fault| fault.to_string())?;
    stream.write_all(question.as_bytes()).await.map_err(|fault| fault.to_string())?;
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while answer.len() < 64 * 1024 && !answer.starts_with(b"HTTP/1.1 200") {
        match stream.read(&mut part).await {
            Ok(length) if length > 0 => answer.extend_from_slice(&part[..length]),
            // A peer that closes abruptly after its answer has still answered.
            _ => break,
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.starts_with("+OK")).unwrap_or("no answer").to_owned()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn server_that_says(answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = [0; 256];
            let _ = stream.read(&mut question).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        port
    }

    #[tokio::test]
    async fn a_service_is_ready_only_when_it_says_200() {
        let port = server_that_says("HTTP/1.1 200 OK\r\n\r\n{}").await;
        assert_eq!(probe(&Readiness::Http { port, path: "/readyz".into() }).await, Ok(()));
        let port = server_that_says("HTTP/1.1 503 Service Unavailable\r\n\r\n{\"status\":\"schema\"}").await;
        let reason = probe(&Readiness::Http { port, path: "/readyz".into() }).await.unwrap_err();
        assert!(reason.contains("503") && reason.contains("schema"), "{reason}");
    }

    #[tokio::test]
    async fn a_closed_port_is_not_ready() {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        assert!(probe(&Readiness::Tcp { port }).await.is_err());
    }
}

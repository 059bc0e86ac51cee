//! A small SMTP server that takes mail, or does not, as a test tells it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How one attempt to hand a message over ends.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    Take,
    /// The recipient gets this reply.
    RefuseRecipient(&'static str),
    /// The message is taken, and the connection breaks before anybody can say so.
    TakeAndHangUp,
}

#[derive(Default)]
struct Desk {
    answers: VecDeque<Answer>,
    /// Said instead of a welcome while it is set.
    closed: Option<&'static str>,
    taken: Vec<String>,
    recipients: Vec<String>,
}

#[derive(Clone)]
pub struct SmtpServer {
    pub addr: SocketAddr,
    desk: Arc<Mutex<Desk>>,
}

impl SmtpServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { addr: listener.local_addr().unwrap(), desk: Arc::default() };
        let at_work = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A connection that breaks is the client's to notice.
                let _ = at_work.converse(stream).await;
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.addr)
    }

    /// What happens to the next messages, one after the other. Later ones are taken.
    pub fn next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.desk().answers.extend(answers);
    }

    /// Greets nobody but with `reply`, until told otherwise.
    pub fn close_with(&self, reply: Option<&'static str>) {
        self.desk().closed = reply;
    }

    /// The messages taken, as they came.
    pub fn taken(&self) -> Vec<String> {
        self.desk().taken.clone()
    }

    pub fn recipients(&self) -> Vec<String> {
        self.desk().recipients.clone()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn converse(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let closed = self.desk().closed;
        if let Some(reply) = closed {
            return say(&mut stream, reply).await;
        }
        say(&mut stream, "220 mail.test ready").await?;
        let mut answer = Answer::Take;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => say(&mut stream, "250-mail.test\r\n250 8BITMIME").await?,
                "RCPT" => {
                    answer = self.desk().answers.pop_front().unwrap_or(Answer::Take);
                    match answer {
                        Answer::RefuseRecipient(reply) => say(&mut stream, reply).await?,
                        Answer::Take | Answer::TakeAndHangUp => {
                            self.desk().recipients.push(line.trim().to_owned());
                            say(&mut stream, "250 OK").await?;
                        }
                    }
                }
                "DATA" => {
                    say(&mut stream, "354 go on").await?;
                    let message = read_message(&mut stream).await?;
                    self.desk().taken.push(message);
                    if matches!(answer, Answer::TakeAndHangUp) {
                        return Ok(());
                    }
                    say(&mut stream, "250 taken").await?;
                }
                "QUIT" => return say(&mut stream, "221 bye").await,
                _ => say(&mut stream, "250 OK").await?,
            }
        }
    }
}

async fn say(stream: &mut BufReader<TcpStream>, reply: &str) -> std::io::Result<()> {
    stream.get_mut().write_all(format!("{reply}\r\n").as_bytes()).await
}

async fn read_message(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut message = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(message);
        }
        message.push_str(&line);
    }
}

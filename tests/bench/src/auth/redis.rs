//! Redis asked for the same work, without anything around it: its own protocol (RESP2) over kept connections.

use anyhow::{Context, Result, bail, ensure};

use crate::load::{Connection, Wire};
use crate::stack::Stack;

/// The platform's own database is 0: what is put here is seen by nobody else.
const DATABASE: &[u8] = b"1";

pub struct Resp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Text(Vec<u8>),
    Number(i64),
    Nothing,
    List(Vec<Reply>),
    Fault(String),
}

impl Reply {
    pub fn is_text(&self, text: &str) -> bool {
        matches!(self, Self::Text(bytes) if bytes == text.as_bytes())
    }
}

impl Wire for Resp {
    type Answer = Reply;

    fn parse(bytes: &[u8]) -> Result<Option<Reply>> {
        Ok(read(bytes)?.map(|(reply, _)| reply))
    }
}

/// A connection that has shown its password.
pub async fn open(stack: &Stack) -> Result<Connection<Resp>> {
    let mut connection = Connection::<Resp>::open(stack.redis).await?;
    let password = stack.secret("redis-password")?;
    for parts in [[b"AUTH".as_slice(), password.as_bytes()], [b"SELECT".as_slice(), DATABASE]] {
        let reply = connection.ask(&command(&parts)).await?;
        ensure!(reply.is_text("OK"), "Redis does not let us in: {reply:?}");
    }
    Ok(connection)
}

pub fn command(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        bytes.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The first reply and what follows it; `None` while something is missing.
fn read(bytes: &[u8]) -> Result<Option<(Reply, &[u8])>> {
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let (line, mut rest) = (std::str::from_utf8(&bytes[..end])?, &bytes[end + 2..]);
    let (kind, line) = line.split_at_checked(1).context("an empty line")?;
    let reply = match kind {
        "+" => Reply::Text(line.as_bytes().to_vec()),
        "-" => Reply::Fault(line.to_owned()),
        ":" => Reply::Number(line.parse()?),
        "$" | "*" if line == "-1" => Reply::Nothing,
        "$" => {
            let length: usize = line.parse()?;
            let Some((text, after)) = rest.split_at_checked(length + 2) else { return Ok(None) };
            rest = after;
            Reply::Text(text[..length].to_vec())
        }
        "*" => {
            let mut list = Vec::new();
            for _ in 0..line.parse::<usize>()? {
                let Some((item, after)) = read(rest)? else { return Ok(None) };
                list.push(item);
                rest = after;
            }
            Reply::List(list)
        }
        other => bail!("Redis answers with {other:?}"),
    };
    Ok(Some((reply, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_whole_once_all_of_it_is_there() {
        let bytes = b"*3\r\n$1\r\n7\r\n$-1\r\n:42\r\n";
        for end in 0..bytes.len() {
            assert_eq!(Resp::parse(&bytes[..end]).unwrap(), None, "{end}");
        }
        let list = vec![Reply::Text(b"7".to_vec()), Reply::Nothing, Reply::Number(42)];
        assert_eq!(Resp::parse(bytes).unwrap(), Some(Reply::List(list)));
        assert_eq!(Resp::parse(b"-ERR no\r\n").unwrap(), Some(Reply::Fault("ERR no".to_owned())));
        assert!(Resp::parse(b"+OK\r\n").unwrap().unwrap().is_text("OK"));
        assert!(Resp::parse(b"!what\r\n").is_err());
    }

    #[test]
    fn a_command_says_how_long_its_parts_are() {
        assert_eq!(command(&[b"GET", b"key"]), b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
    }
}

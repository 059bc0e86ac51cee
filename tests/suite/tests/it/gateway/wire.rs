//! HTTP/1.1 written byte by byte: for what no well-behaved client would send.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use suite::Stack;

/// A server that waits for more than we sent is not waited for longer.
const SILENCE: Duration = Duration::from_secs(3);

/// Connections of our own to the gateway of a stack.
pub struct Wire {
    tls: Arc<ClientConfig>,
    https: u16,
    http: u16,
}

impl Wire {
    pub fn to(stack: &Stack) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(&stack.authority).expect("the stack's authority");
        roots.add(authority).expect("a certificate");
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Self { tls: Arc::new(tls), https: stack.gateway_port, http: stack.http_port }
    }

    /// Sends `request` over TLS to the server that calls itself `server_name`, and returns everything it answered.
    pub fn send(&self, server_name: &str, request: &[u8]) -> Vec<Reply> {
        let name = ServerName::try_from(server_name.to_owned()).expect("a server name");
        let connection = ClientConnection::new(self.tls.clone(), name).expect("a TLS client");
        let bytes = converse(StreamOwned::new(connection, connect(self.https)), request);
        bytes.map(|bytes| Reply::all(&bytes)).unwrap_or_default()
    }

    /// One request, whose one reply is returned.
    pub fn ask(&self, server_name: &str, request: &[u8]) -> Reply {
        let mut replies = self.send(server_name, request);
        assert_eq!(replies.len(), 1, "{}\n{replies:?}", String::from_utf8_lossy(request));
        replies.remove(0)
    }

    /// The same to the port without TLS.
    pub fn ask_plainly(&self, request: &[u8]) -> Vec<Reply> {
        converse(connect(self.http), request).map(|bytes| Reply::all(&bytes)).unwrap_or_default()
    }

    /// What a TLS handshake under this name ends with.
    pub fn handshake(&self, server_name: ServerName<'static>) -> Result<(), std::io::Error> {
        let mut connection = ClientConnection::new(self.tls.clone(), server_name).expect("a TLS client");
        connection.complete_io(&mut connect(self.https)).map(drop)
    }
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the gateway listens");
    stream.set_read_timeout(Some(SILENCE)).expect("a timeout");
    stream
}

/// Writes all and reads until the other side closes or says nothing more. A server may refuse before it has read
/// everything, so a failing write is no reason not to read.
fn converse(mut stream: impl Read + Write, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let written = stream.write_all(request).and_then(|()| stream.flush());
    let mut received = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => received.extend_from_slice(&chunk[..count]),
            Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
            // Silence, or an end without the closing words of TLS.
            Err(_) => break,
        }
    }
    if received.is_empty() { written.map(|()| received) } else { Ok(received) }
}

/// One answer as it stood on the wire.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    fn all(mut bytes: &[u8]) -> Vec<Self> {
        let mut replies = Vec::new();
        while let Some((reply, rest)) = Self::first(bytes) {
            replies.push(reply);
            bytes = rest;
        }
        replies
    }

    /// The first answer in `bytes`, and what follows it.
    fn first(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let rest = &bytes[end + 4..];
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut reply = Self { status, headers, body: Vec::new() };
        let rest = reply.take_body(rest);
        Some((reply, rest))
    }

    fn take_body<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            return self.take_chunks(bytes);
        }
        let length = self.header("content-length").and_then(|length| length.parse().ok());
        let length = match length {
            _ if matches!(self.status, 100..=199 | 204 | 304) => 0,
            Some(length) => usize::min(length, bytes.len()),
            None => bytes.len(),
        };
        self.body = bytes[..length].to_vec();
        &bytes[length..]
    }

    fn take_chunks<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
            let size =
                std::str::from_utf8(&bytes[..end]).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
            let Some(size) = size else { break };
            let start = end + 2;
            let stop = usize::min(start + size, bytes.len());
            self.body.extend_from_slice(&bytes[start..stop]);
            bytes = &bytes[usize::min(stop + 2, bytes.len())..];
            if size == 0 {
                break;
            }
        }
        bytes
    }

    /// The value of a header that stands at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values =
            self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "{name} stands twice in {:?}", self.headers);
        value
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|fault| panic!("{fault}: {self:?}"))
    }
}

/// A request with these headers, after which the connection ends.
pub fn request(method: &str, target: &str, host: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

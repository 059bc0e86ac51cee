//! Redis, as far as a test needs it: emptied.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use crate::Stack;

impl Stack {
    /// Throws away everything that Redis knows.
    pub async fn flush_redis(&self) {
        let url = Url::parse(&self.redis_url).expect("the address of Redis");
        let address = (url.host_str().unwrap_or("127.0.0.1"), url.port().unwrap_or(6379));
        let mut connection = TcpStream::connect(address).await.expect("Redis accepts");
        let commands = format!("AUTH {}\r\nFLUSHALL\r\nQUIT\r\n", url.password().unwrap_or_default());
        connection.write_all(commands.as_bytes()).await.expect("Redis reads");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.expect("Redis answers");
        assert_eq!(answer, "+OK\r\n+OK\r\n+OK\r\n");
    }
}

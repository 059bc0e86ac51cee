//! Redis, as far as a test needs it: emptied, copied, and put back to what it was.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use crate::Stack;

/// What Redis knew at some moment, as the bytes of its own snapshot file.
pub struct RedisSnapshot(Vec<u8>);

/// The list of files that Redis 7 loads at its start: here one, a snapshot.
const MANIFEST: &str = "file appendonly.aof.1.base.rdb seq 1 type b\n";

impl Stack {
    /// Throws away everything that Redis knows.
    pub async fn flush_redis(&self) {
        assert_eq!(self.ask_redis("FLUSHALL").await, "+OK\r\n");
    }

    /// Has Redis write a snapshot, and keeps it.
    pub async fn snapshot_redis(&self) -> RedisSnapshot {
        assert_eq!(self.ask_redis("SAVE").await, "+OK\r\n");
        let file = self.redis_folder().join("dump.rdb");
        RedisSnapshot(std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
    }

    /// Puts a snapshot in the place of everything that was written since, as an operator does who restores a backup. Redis has
    /// to be down; it finds the snapshot when it starts.
    pub fn restore_redis(&self, snapshot: &RedisSnapshot) {
        let log = self.redis_folder().join("appendonlydir");
        let owner = std::fs::metadata(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        for entry in std::fs::read_dir(&log).expect("the folder is readable").flatten() {
            std::fs::remove_file(entry.path()).expect("the log is removed");
        }
        let write = |path: &Path, bytes: &[u8]| {
            std::fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            chown(path, Some(owner.uid()), Some(owner.gid())).expect("the file is Redis's own");
        };
        write(&log.join("appendonly.aof.1.base.rdb"), &snapshot.0);
        write(&log.join("appendonly.aof.manifest"), MANIFEST.as_bytes());
    }

    /// Does it take connections and answer?
    pub async fn redis_answers(&self) -> bool {
        self.try_redis("PING").await.is_ok_and(|answer| answer == "+PONG\r\n")
    }

    /// Has it keep a word, which no service looks for.
    pub async fn tell_redis(&self, key: &str, word: &str) {
        assert_eq!(self.ask_redis(&format!("SET {key} {word}")).await, "+OK\r\n");
    }

    /// The word that it was told to keep, if it still knows it.
    pub async fn word_of_redis(&self, key: &str) -> Option<String> {
        let answer = self.ask_redis(&format!("GET {key}")).await;
        let (length, word) = answer.split_once("\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        (length != "$-1").then(|| word.trim_end().to_owned())
    }

    /// The names of all that it holds.
    pub async fn redis_keys(&self) -> String {
        self.ask_redis("KEYS *").await
    }

    fn redis_folder(&self) -> PathBuf {
        self.home.join("redis")
    }

    async fn ask_redis(&self, command: &str) -> String {
        self.try_redis(command)
            .await
            .unwrap_or_else(|error| panic!("Redis does not answer {command}: {error}"))
    }

    /// The answer of one command, without those around it.
    async fn try_redis(&self, command: &str) -> std::io::Result<String> {
        let url = Url::parse(&self.redis_url).expect("the address of Redis");
        let address = (url.host_str().unwrap_or("127.0.0.1"), url.port().unwrap_or(6379));
        let mut connection = TcpStream::connect(address).await?;
        let commands = format!("AUTH {}\r\n{command}\r\nQUIT\r\n", url.password().unwrap_or_default());
        connection.write_all(commands.as_bytes()).await?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let rest = answer.strip_prefix("+OK\r\n").and_then(|rest| rest.strip_suffix("+OK\r\n"));
        rest.map(str::to_owned).ok_or_else(|| std::io::Error::other(answer))
    }
}

//! What the processes of the stack have written about themselves.

use std::path::PathBuf;

use suite::{Stack, until};

/// The gateway's log of requests, once it tells of the request `id`: it is written in pieces.
///
/// A path is logged as its escapes mean it, so it is not always text.
pub async fn gateway_log_with(stack: &Stack, id: &str) -> String {
    let path = stack.home.join("logs/gateway.access.log");
    until(&format!("the gateway's log tells of {id}"), async || {
        let bytes = std::fs::read(&path).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned()).filter(|text| text.contains(id))
    })
    .await
}

/// Every log, after what happened until now was written.
pub async fn all_logs(stack: &Stack) -> Vec<(PathBuf, String)> {
    let last = stack.get("/api/user/profile").send().await.expect(401);
    gateway_log_with(stack, last.headers["x-request-id"].to_str().expect("an id")).await;
    let files = files_beneath(stack.home.join("logs"));
    let read = |path: PathBuf| {
        let text = std::fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        text.map(|text| (path, text)).ok()
    };
    files.into_iter().filter_map(read).collect()
}

pub fn files_beneath(folder: PathBuf) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display()));
    let paths = entries.flatten().map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files_beneath(path) } else { vec![path] }).collect()
}

//! The daemon itself: a control socket, the keepers, and an orderly end.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, Notify};

use super::keeper::{Keeper, Order, rotate_logs};
use super::say;
use super::spec::{ProcessSpec, ProcessState, Request, Response};
use crate::layout::Layout;
use crate::procfs::ProcessIdentity;

type Keepers = Arc<Mutex<BTreeMap<String, Keeper>>>;

/// Runs until told to shut down. Must stay on the thread it was started on: its children die with that thread.
pub(crate) async fn run(layout: &Layout) -> Result<()> {
    // Its own session: a closed terminal or Ctrl-C of `up` does not reach it. Fails only if it leads one already.
    let _ = rustix::process::setsid();
    raise_descriptor_limit();
    let identity = serde_json::to_vec(&ProcessIdentity::of(std::process::id()))?;
    std::fs::write(layout.supervisor_record(), identity)?;
    let socket = layout.control_socket();
    let _ = std::fs::remove_file(&socket);
    let listener =
        UnixListener::bind(&socket).with_context(|| format!("listening on {}", socket.display()))?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))?;
    let keepers: Keepers = Arc::default();
    let shutdown = Arc::new(Notify::new());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut rotation = tokio::time::interval(Duration::from_secs(10));
    loop {
        tokio::select! {
            connection = listener.accept() => {
                let (stream, _) = connection?;
                let (keepers, records, shutdown) = (Arc::clone(&keepers), layout.records(), Arc::clone(&shutdown));
                tokio::spawn(async move {
                    if let Err(fault) = serve(stream, &keepers, records, &shutdown).await {
                        say(&format!("control connection: {fault:#}"));
                    }
                });
            }
            _ = rotation.tick() => keepers.lock().await.values().for_each(rotate_logs),
            () = shutdown.notified() => break,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    stop_all(&keepers).await;
    std::fs::remove_file(&socket)?;
    Ok(())
}

async fn serve(stream: UnixStream, keepers: &Keepers, records: PathBuf, shutdown: &Notify) -> Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    while let Some(line) = lines.next_line().await? {
        let response = match serde_json::from_str::<Request>(&line) {
            Ok(Request::Shutdown) => {
                stop_all(keepers).await;
                shutdown.notify_one();
                Response::Done
            }
            Ok(request) => obey(request, keepers, &records).await,
            Err(fault) => Response::Refused { reason: fault.to_string() },
        };
        let mut answer = serde_json::to_vec(&response)?;
        answer.push(b'\n');
        writer.write_all(&answer).await?;
    }
    Ok(())
}

async fn obey(request: Request, keepers: &Keepers, records: &std::path::Path) -> Response {
    match request {
        Request::Status => {
            let keepers = keepers.lock().await;
            let mut ordered: Vec<&Keeper> = keepers.values().collect();
            ordered.sort_by_key(|keeper| (keeper.spec.rank, keeper.spec.key()));
            Response::Status { processes: ordered.into_iter().map(Keeper::report).collect() }
        }
        Request::Ensure { specs } => {
            for spec in specs {
                ensure(spec, keepers, records).await;
            }
            Response::Done
        }
        Request::Retain { keys } => {
            let keys: BTreeSet<String> = keys.into_iter().collect();
            let dropped: Vec<String> =
                keepers.lock().await.keys().filter(|key| !keys.contains(*key)).cloned().collect();
            for key in dropped {
                stop_one(&key, keepers).await;
            }
            Response::Done
        }
        Request::Restart { key } => give(&key, Order::Restart, keepers).await,
        Request::Signal { key, signal } => give(&key, Order::Send(signal), keepers).await,
        Request::Stop { key } => {
            if stop_one(&key, keepers).await {
                Response::Done
            } else {
                unknown(&key)
            }
        }
        Request::Shutdown => Response::Refused { reason: "already on its way".to_owned() },
    }
}

async fn ensure(spec: ProcessSpec, keepers: &Keepers, records: &std::path::Path) {
    let key = spec.key();
    let mut map = keepers.lock().await;
    if let Some(keeper) = map.get(&key) {
        if keeper.spec == spec {
            // Also one that is being tried again at this moment: it begins to count anew.
            if keeper.state() == ProcessState::Failed || keeper.is_retrying() {
                keeper.give(Order::Restart);
            }
            return;
        }
        keeper.give(Order::Stop);
        keeper.stopped().await;
    }
    map.insert(key, Keeper::start(spec, records.to_owned()));
}

async fn give(key: &str, order: Order, keepers: &Keepers) -> Response {
    match keepers.lock().await.get(key) {
        Some(keeper) => {
            keeper.give(order);
            Response::Done
        }
        None => unknown(key),
    }
}

fn unknown(key: &str) -> Response {
    Response::Refused { reason: format!("there is no process {key}") }
}

async fn stop_one(key: &str, keepers: &Keepers) -> bool {
    let Some(keeper) = keepers.lock().await.remove(key) else { return false };
    keeper.give(Order::Stop);
    keeper.stopped().await;
    true
}

/// Rank by rank, the gateway first and PostgreSQL last.
async fn stop_all(keepers: &Keepers) {
    let mut map = keepers.lock().await;
    let ranks: BTreeSet<u8> = map.values().map(|keeper| keeper.spec.rank).collect();
    for rank in ranks.into_iter().rev() {
        let group: Vec<&Keeper> = map.values().filter(|keeper| keeper.spec.rank == rank).collect();
        group.iter().for_each(|keeper| keeper.give(Order::Stop));
        for keeper in group {
            keeper.stopped().await;
        }
    }
    map.clear();
}

/// Servers hold one descriptor per connection; the soft limit of a shell is far below what the machine allows.
fn raise_descriptor_limit() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(fault) = rustix::process::setrlimit(rustix::process::Resource::Nofile, raised) {
        say(&format!("the limit of open files stays as it was: {fault}"));
    }
}

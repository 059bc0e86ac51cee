//! A server that hangs keeps nobody waiting for good.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diesel_async::RunQueryDsl as _;
use shinkofa_db::{Connection, Database, Error, Patience, Scope, glance, transaction, transaction_after};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

fn patience(answer: Duration, transaction: Duration) -> Patience {
    Patience { answer, request: transaction, background: transaction }
}

/// Stands before the server for tests. Once it is told to hang it hands nothing on and closes nothing.
struct Between {
    hangs: Arc<watch::Sender<bool>>,
    folder: tempfile::TempDir,
}

impl Between {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let variable = |name: &str| std::env::var(name).expect("the test stores run");
        let port = variable("SHINKOFA_TEST_POSTGRES_PORT");
        let name = format!(".s.PGSQL.{port}");
        let server = Path::new(&variable("SHINKOFA_TEST_POSTGRES_SOCKET")).join(&name);
        let door = UnixListener::bind(folder.path().join(&name)).expect("a socket");
        let hangs = Arc::new(watch::Sender::new(false));
        let told = hangs.subscribe();
        actix_web::rt::spawn(async move {
            while let Ok((client, _)) = door.accept().await {
                let server = UnixStream::connect(&server).await.expect("the server");
                actix_web::rt::spawn(hand_on(client, server, told.clone()));
            }
        });
        Self { hangs, folder }
    }

    fn database(&self) -> Database {
        let socket = self.folder.path().to_str().expect("text").replace('/', "%2F");
        let port = std::env::var("SHINKOFA_TEST_POSTGRES_PORT").expect("the test stores run");
        let url = format!("postgres://postgres@{socket}:{port}/postgres");
        Database::new(&url, 1, 1).expect("a pool").with_patience(patience(LONG, LONG))
    }

    fn hang(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }
}

async fn hand_on(mut client: UnixStream, mut server: UnixStream, mut told: watch::Receiver<bool>) {
    tokio::select! {
        biased;
        _ = told.wait_for(|hangs| *hangs) => {}
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
    }
    // For good: what stood before the hang was never answered.
    let _open = (client, server);
    std::future::pending::<()>().await;
}

async fn ask(database: &Database) -> Result<(), Error> {
    transaction(database, &Scope::infrastructure(), "ask", async |tx| {
        diesel::sql_query("SELECT 1").execute(tx).await.map(drop).map_err(Error::from)
    })
    .await
}

/// With a question that does not wait for the transaction to have begun.
async fn ask_at_once(database: &Database) -> Result<(), Error> {
    let scope = Scope::infrastructure();
    transaction_after(database, &scope, "ask", async |tx| one(tx).await, async |_tx, ()| Ok(())).await
}

/// Without a transaction.
async fn ask_at_a_glance(database: &Database) -> Result<(), Error> {
    glance(database, &Scope::infrastructure(), "ask", async |tx| one(tx).await).await
}

async fn one(mut tx: &Connection) -> Result<(), Error> {
    diesel::sql_query("SELECT 1").execute(&mut tx).await.map(drop).map_err(Error::from)
}

fn is_unavailable(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Unavailable(_)))
}

#[actix_web::test]
async fn a_transaction_does_not_begin_on_a_server_that_hangs_and_begins_again_after_it() {
    let between = Between::start();
    let database = between.database();
    ask(&database).await.expect("the server answers");
    between.hang(true);
    let hasty = database.clone().with_patience(patience(SHORT, LONG));
    let refused = ask(&hasty).await;
    assert!(is_unavailable(&refused), "{refused:?}");
    between.hang(false);
    ask_at_once(&database).await.expect("on a fresh connection");
    between.hang(true);
    let refused = ask_at_once(&hasty).await;
    assert!(is_unavailable(&refused), "{refused:?}");
    between.hang(false);
    ask(&database).await.expect("on a fresh connection");
}

#[actix_web::test]
async fn a_transaction_ends_on_a_server_that_begins_to_hang_in_its_middle() {
    let between = Between::start();
    let database = between.database();
    ask(&database).await.expect("the server answers");
    let hasty = database.clone().with_patience(patience(LONG, SHORT));
    let cut = transaction(&hasty, &Scope::infrastructure(), "cut", async |tx| {
        between.hang(true);
        diesel::sql_query("SELECT 1").execute(tx).await.map(drop).map_err(Error::from)
    })
    .await;
    assert!(is_unavailable(&cut), "{cut:?}");
    between.hang(false);
    ask(&database).await.expect("on a fresh connection");
}

#[actix_web::test]
async fn a_glance_ends_on_a_server_that_hangs_and_the_next_question_has_a_fresh_connection() {
    let between = Between::start();
    let database = between.database();
    ask_at_a_glance(&database).await.expect("the server answers");
    between.hang(true);
    let hasty = database.clone().with_patience(patience(SHORT, LONG));
    let refused = ask_at_a_glance(&hasty).await;
    assert!(is_unavailable(&refused), "{refused:?}");
    between.hang(false);
    ask_at_a_glance(&database).await.expect("on a fresh connection");
    let hasty = database.clone().with_patience(patience(LONG, SHORT));
    let cut = glance(&hasty, &Scope::infrastructure(), "cut", async |tx| {
        one(tx).await?;
        between.hang(true);
        one(tx).await
    })
    .await;
    assert!(is_unavailable(&cut), "{cut:?}");
    between.hang(false);
    ask(&database).await.expect("on a fresh connection");
}

//! The superuser's view of the stack's database: filling it, and seeing what became of it.

use anyhow::{Context, Result, bail};
use tokio_postgres::{Client, NoTls, Row, SimpleQueryMessage, SimpleQueryRow, Statement};

use crate::stack::Stack;

pub const NAME: &str = "shinkofa";

pub struct Database {
    client: Client,
}

impl Database {
    /// Connects over the socket, where the account that started the stack is the superuser.
    pub async fn open(stack: &Stack) -> Result<Self> {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&stack.sockets).port(stack.postgres_port).user("postgres").dbname(NAME);
        let (client, connection) =
            config.connect(NoTls).await.context("connecting to the stack's database")?;
        tokio::spawn(connection);
        Ok(Self { client })
    }

    pub async fn run(&self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).await.with_context(|| format!("running {sql}"))
    }

    pub async fn rows(&self, sql: &str) -> Result<Vec<SimpleQueryRow>> {
        let messages = self.client.simple_query(sql).await.with_context(|| format!("asking {sql}"))?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// What is asked again and again is planned once.
    pub async fn prepare(&self, sql: &str) -> Result<Statement> {
        self.client.prepare(sql).await.with_context(|| format!("preparing {sql}"))
    }

    pub async fn rows_of(&self, statement: &Statement) -> Result<Vec<Row>> {
        self.client.query(statement, &[]).await.context("asking what was prepared")
    }

    /// The first column of the only row.
    pub async fn text(&self, sql: &str) -> Result<String> {
        match self.rows(sql).await?.as_slice() {
            [row] => Ok(row.try_get(0)?.unwrap_or_default().to_owned()),
            rows => bail!("{} rows came of {sql}", rows.len()),
        }
    }

    pub async fn number(&self, sql: &str) -> Result<i64> {
        let text = self.text(sql).await?;
        text.parse().with_context(|| format!("{text:?} came of {sql}"))
    }
}

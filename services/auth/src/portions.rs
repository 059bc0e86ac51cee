//! Removing much without holding up anybody: a portion in each transaction.

use diesel::QueryResult;
use shinkofa_db::{Connection, Error, Scope, transaction};

use crate::Auth;
use crate::rounds::Turn;

/// Well within the time that PostgreSQL gives a statement, with all that hangs on the rows.
const PORTION: i64 = 5_000;

/// Where portions are removed from, and until when.
pub struct Portions<'a> {
    pub auth: &'a Auth,
    pub scope: Scope,
    pub turn: &'a Turn,
}

impl Portions<'_> {
    /// Removes until there is less than a portion left to remove, and one portion at least. False where the turn was over before.
    pub async fn remove(
        &self,
        name: &'static str,
        some: impl AsyncFn(&mut Connection, i64) -> QueryResult<usize>,
    ) -> Result<bool, Error> {
        loop {
            let database = &self.auth.platform.database;
            let removed =
                transaction(database, &self.scope, name, async |tx| Ok::<_, Error>(some(tx, PORTION).await?))
                    .await?;
            if i64::try_from(removed).unwrap_or(i64::MAX) < PORTION {
                return Ok(true);
            }
            if self.turn.is_over() {
                return Ok(false);
            }
        }
    }
}

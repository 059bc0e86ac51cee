//! Removing many rows a portion at a time.

use diesel::expression::AppearsOnTable;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use diesel::{QueryResult, Table};
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;

/// Removes at most `most` of the rows of `table` that `which` describes, and says how many they were.
pub async fn delete_portion<T, W>(tx: &mut Connection, table: T, which: W, most: i64) -> QueryResult<usize>
where
    T: Table + QueryFragment<Pg> + Send,
    W: AppearsOnTable<T> + QueryFragment<Pg> + Send,
{
    DeletePortion { table, which, most }.execute(tx).await
}

/// PostgreSQL knows no `DELETE ... LIMIT`. So the rows are chosen first, in an array that is made once, and then fetched by where they
/// lie.
struct DeletePortion<T, W> {
    table: T,
    which: W,
    most: i64,
}

impl<T: QueryFragment<Pg>, W: QueryFragment<Pg>> QueryFragment<Pg> for DeletePortion<T, W> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("DELETE FROM ");
        self.table.walk_ast(out.reborrow())?;
        // What names a column in here means the inner table.
        out.push_sql(" WHERE ctid = ANY (ARRAY(SELECT ctid FROM ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE ");
        self.which.walk_ast(out.reborrow())?;
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.most)?;
        out.push_sql("))");
        Ok(())
    }
}

/// Kept as a prepared statement by its text.
impl<T, W> QueryId for DeletePortion<T, W> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

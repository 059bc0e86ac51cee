//! The realms of this installation.

use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::RealmId;

use super::schema::realms;

pub async fn all(tx: &mut Connection) -> QueryResult<Vec<RealmId>> {
    realms::table.select(realms::id).order(realms::id).load(tx).await
}

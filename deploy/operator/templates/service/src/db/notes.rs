//! Notes in the database. Row-level security keeps every query inside the transaction's tenant.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{TenantId, UserId};

use crate::db::schema::notes;
use crate::domain::NoteId;

#[derive(Insertable)]
#[diesel(table_name = notes)]
pub(crate) struct NewNote<'a> {
    pub(crate) tenant_id: TenantId,
    pub(crate) id: NoteId,
    pub(crate) user_id: UserId,
    pub(crate) text: &'a str,
    pub(crate) created_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = notes)]
pub(crate) struct NoteRow {
    pub(crate) id: NoteId,
    pub(crate) text: String,
}

pub(crate) async fn insert(tx: &mut Connection, note: &NewNote<'_>) -> QueryResult<()> {
    diesel::insert_into(notes::table).values(note).execute(tx).await.map(drop)
}

pub(crate) async fn find(tx: &mut Connection, id: NoteId, user: UserId) -> QueryResult<Option<NoteRow>> {
    notes::table
        .filter(notes::id.eq(id).and(notes::user_id.eq(user)))
        .select(NoteRow::as_select())
        .first(tx)
        .await
        .optional()
}

pub(crate) async fn of_user(tx: &mut Connection, user: UserId) -> QueryResult<Vec<NoteRow>> {
    notes::table.filter(notes::user_id.eq(user)).order(notes::id).select(NoteRow::as_select()).load(tx).await
}

pub(crate) async fn delete_of_user(tx: &mut Connection, user: UserId) -> QueryResult<()> {
    diesel::delete(notes::table.filter(notes::user_id.eq(user))).execute(tx).await.map(drop)
}

//! The development mailbox's messages.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{TenantId, UserId};

use super::schema::{deliveries, mailbox_messages};
use crate::domain::DeliveryId;

prepared_query! {
    /// A message as a mail server would have taken it.
    pub struct Deposit {
        id: DeliveryId as Uuid,
        recipient: String as Text,
        subject: String as Text,
        text: String as Text,
        html: String as Text,
        now: DateTime<Utc> as Timestamptz,
    }
    " INSERT INTO mailbox_messages (id, recipient, subject, text, html, created_at)
    SELECT id, recipient, subject, text, html, now FROM input ON CONFLICT (id) DO NOTHING"
}

impl Deposit {
    /// Handed over again, the same message changes nothing: a mailbox that knows its Message-IDs.
    pub async fn run(&self, tx: &mut Connection) -> QueryResult<()> {
        self.clone().execute(tx).await.map(drop)
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = mailbox_messages)]
pub struct MailboxMessage {
    pub id: DeliveryId,
    pub recipient: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub created_at: DateTime<Utc>,
}

diesel::define_sql_function! {
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Messages, newest first; only those to `recipient` when one is given.
pub async fn newest(
    tx: &mut Connection,
    recipient: Option<&str>,
    most: i64,
) -> QueryResult<Vec<MailboxMessage>> {
    let mut query = mailbox_messages::table
        .order((mailbox_messages::created_at.desc(), mailbox_messages::id.desc()))
        .limit(most)
        .select(MailboxMessage::as_select())
        .into_boxed();
    if let Some(recipient) = recipient {
        query = query.filter(lower(mailbox_messages::recipient).eq(recipient.to_lowercase()));
    }
    query.load(tx).await
}

/// Removes the messages that a person's deliveries left.
pub async fn erase(tx: &mut Connection, tenant: TenantId, person: UserId) -> QueryResult<()> {
    let theirs = deliveries::table
        .filter(deliveries::tenant_id.eq(tenant).and(deliveries::user_id.eq(person)))
        .select(deliveries::id);
    diesel::delete(mailbox_messages::table.filter(mailbox_messages::id.eq_any(theirs)))
        .execute(tx)
        .await
        .map(drop)
}

/// Removes what is older than `before`.
pub async fn purge(tx: &mut Connection, before: DateTime<Utc>) -> QueryResult<usize> {
    diesel::delete(mailbox_messages::table.filter(mailbox_messages::created_at.lt(before))).execute(tx).await
}

//! Contacts: how to reach the people of a tenant.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{TenantId, UserId};
use shinkofa_web::Locale;

use super::schema::contacts;

prepared_query! {
    /// What auth says about a person now.
    pub struct SaveContact {
        tenant: TenantId as Uuid,
        person: UserId as Uuid,
        new_email: String as Text,
        new_name: String as Text,
        new_locale: Locale as Text,
        verified: bool as Bool,
        now: DateTime<Utc> as Timestamptz,
    }
    // Feeds are read at their own pace: a person who was forgotten stays forgotten when an older event arrives late.
    " INSERT INTO contacts AS c (tenant_id, user_id, email, name, locale, email_verified, updated_at)
    SELECT tenant, person, new_email, new_name, new_locale, verified, now FROM input
    ON CONFLICT (tenant_id, user_id) DO UPDATE
        SET email = excluded.email, name = excluded.name, locale = excluded.locale,
            email_verified = excluded.email_verified, updated_at = excluded.updated_at
        WHERE c.erased_at IS NULL"
}

impl SaveContact {
    /// Locks the contact until the end of the transaction: deliveries recorded before are visible to what follows.
    pub async fn run(&self, tx: &mut Connection) -> QueryResult<()> {
        self.clone().execute(tx).await.map(drop)
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = contacts)]
pub struct Contact {
    pub email: Option<String>,
    pub name: Option<String>,
    pub locale: Option<Locale>,
    pub email_verified: bool,
    pub updated_at: DateTime<Utc>,
}

pub async fn find(tx: &mut Connection, tenant: TenantId, person: UserId) -> QueryResult<Option<Contact>> {
    contacts::table.find((tenant, person)).select(Contact::as_select()).first(tx).await.optional()
}

/// Leaves nothing but the mark that this person was forgotten.
pub async fn erase(
    tx: &mut Connection,
    tenant: TenantId,
    person: UserId,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let forgotten = || {
        (
            contacts::email.eq(None::<String>),
            contacts::name.eq(None::<String>),
            contacts::locale.eq(None::<Locale>),
            contacts::email_verified.eq(false),
            contacts::erased_at.eq(Some(now)),
            contacts::updated_at.eq(now),
        )
    };
    diesel::insert_into(contacts::table)
        .values((contacts::tenant_id.eq(tenant), contacts::user_id.eq(person), forgotten()))
        .on_conflict((contacts::tenant_id, contacts::user_id))
        .do_update()
        .set(forgotten())
        .execute(tx)
        .await
        .map(drop)
}

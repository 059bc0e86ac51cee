//! Which temporary account belongs to which member of a Discord server.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, TenantId, UserId};

use super::schema::discord_links;
use crate::domain::discord::DiscordId;

/// False when the member has an account already: of several at once one makes it.
pub async fn insert(
    tx: &mut Connection,
    (realm, tenant, user): (RealmId, TenantId, UserId),
    discord: &DiscordId,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let inserted = diesel::insert_into(discord_links::table)
        .values((
            discord_links::realm_id.eq(realm),
            discord_links::discord_id.eq(discord.as_str()),
            discord_links::user_id.eq(user),
            discord_links::for_tenant.eq(tenant),
            discord_links::created_at.eq(now),
        ))
        .on_conflict((discord_links::realm_id, discord_links::discord_id))
        .do_nothing()
        .execute(tx)
        .await?;
    Ok(inserted == 1)
}

/// The account of a Discord member, and the tenant that it was made in.
pub async fn account_of(
    tx: &mut Connection,
    realm: RealmId,
    discord: &DiscordId,
) -> QueryResult<Option<(UserId, TenantId)>> {
    discord_links::table
        .find((realm, discord.as_str()))
        .select((discord_links::user_id, discord_links::for_tenant))
        .first(tx)
        .await
        .optional()
}

/// The account of a Discord member in this tenant.
pub async fn find(
    tx: &mut Connection,
    (realm, tenant): (RealmId, TenantId),
    discord: &DiscordId,
) -> QueryResult<Option<UserId>> {
    discord_links::table
        .find((realm, discord.as_str()))
        .filter(discord_links::for_tenant.eq(tenant))
        .select(discord_links::user_id)
        .first(tx)
        .await
        .optional()
}

/// In which tenant each of these accounts was made.
pub async fn tenants_of(
    tx: &mut Connection,
    realm: RealmId,
    users: &[UserId],
) -> QueryResult<Vec<(UserId, TenantId)>> {
    discord_links::table
        .filter(discord_links::realm_id.eq(realm).and(discord_links::user_id.eq_any(users)))
        .select((discord_links::user_id, discord_links::for_tenant))
        .load(tx)
        .await
}

/// The Discord members that an account was made for, and when.
pub async fn of_user(
    tx: &mut Connection,
    realm: RealmId,
    user: UserId,
) -> QueryResult<Vec<(String, DateTime<Utc>)>> {
    discord_links::table
        .filter(discord_links::realm_id.eq(realm).and(discord_links::user_id.eq(user)))
        .order(discord_links::created_at)
        .select((discord_links::discord_id, discord_links::created_at))
        .load(tx)
        .await
}

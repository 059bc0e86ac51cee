//! What people tell about themselves.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, UserId};

use super::schema::profiles;
use crate::domain::profile::AvatarId;

#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = profiles, treat_none_as_null = true)]
pub struct PersonalProfile {
    pub avatar_id: Option<AvatarId>,
    pub bio: Option<String>,
    pub time_zone: Option<String>,
    /// An object.
    pub preferences: Value,
    /// An object.
    pub onboarding: Value,
}

impl Default for PersonalProfile {
    fn default() -> Self {
        Self { avatar_id: None, bio: None, time_zone: None, preferences: json!({}), onboarding: json!({}) }
    }
}

/// Everybody has a profile: one that says nothing until they do.
pub async fn find(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<PersonalProfile> {
    let row = profiles::table
        .find((realm, user))
        .select(PersonalProfile::as_select())
        .first(tx)
        .await
        .optional()?;
    Ok(row.unwrap_or_default())
}

pub async fn save(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    profile: &PersonalProfile,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(profiles::table)
        .values((
            profiles::realm_id.eq(realm),
            profiles::user_id.eq(user),
            profile,
            profiles::updated_at.eq(now),
        ))
        .on_conflict((profiles::realm_id, profiles::user_id))
        .do_update()
        .set((profile, profiles::updated_at.eq(now)))
        .execute(tx)
        .await
        .map(drop)
}

pub async fn delete(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = profiles::realm_id.eq(realm).and(profiles::user_id.eq_any(users));
    diesel::delete(profiles::table.filter(theirs)).execute(tx).await.map(drop)
}

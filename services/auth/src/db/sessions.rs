//! Sessions: the fence that every refresh passes.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, SessionId, TenantId, UserId};

use super::schema::{session_places, sessions};
use crate::domain::device::{DeviceBinding, Digest, Surroundings};
use crate::domain::rotation::Rotation;
use crate::domain::session::SessionTerm;

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    pub for_tenant: TenantId,
    pub generation: i32,
    pub session_key_sealed: String,
    pub rotated_at: DateTime<Utc>,
    pub repeats: i32,
    pub device_hash: Option<Vec<u8>>,
    pub surroundings_hash: Vec<u8>,
    pub amr: String,
    pub acr: String,
    pub authenticated_at: DateTime<Utc>,
    pub sliding_expires_at: DateTime<Utc>,
    pub absolute_expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

impl Session {
    pub fn term(&self) -> SessionTerm {
        SessionTerm { sliding: self.sliding_expires_at, absolute: self.absolute_expires_at }
    }

    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.ended_at.is_none() && !self.term().is_over(now)
    }

    pub fn rotation(&self) -> Rotation {
        Rotation { current: self.generation, rotated_at: self.rotated_at, repeats: self.repeats }
    }

    pub fn binding(&self) -> DeviceBinding {
        DeviceBinding {
            device: self.device_hash.as_deref().and_then(digest),
            // A digest of another length matches nothing.
            surroundings: digest(&self.surroundings_hash).unwrap_or_default(),
        }
    }
}

fn digest(bytes: &[u8]) -> Option<Digest> {
    bytes.try_into().ok()
}

#[derive(Insertable)]
#[diesel(table_name = sessions)]
pub struct NewSession {
    pub realm_id: RealmId,
    pub id: SessionId,
    pub user_id: UserId,
    pub for_tenant: TenantId,
    pub generation: i32,
    pub session_key_sealed: String,
    pub rotated_at: DateTime<Utc>,
    pub device_hash: Option<Vec<u8>>,
    pub surroundings_hash: Vec<u8>,
    pub amr: String,
    pub acr: String,
    pub authenticated_at: DateTime<Utc>,
    pub sliding_expires_at: DateTime<Utc>,
    pub absolute_expires_at: DateTime<Utc>,
}

pub async fn insert(tx: &mut Connection, session: &NewSession) -> QueryResult<()> {
    diesel::insert_into(sessions::table).values(session).execute(tx).await.map(drop)
}

pub async fn find(tx: &mut Connection, realm: RealmId, id: SessionId) -> QueryResult<Option<Session>> {
    sessions::table.find((realm, id)).select(Session::as_select()).first(tx).await.optional()
}

/// What somebody is shown of a session of theirs.
#[derive(Clone, Debug, Queryable)]
pub struct SessionPlace {
    pub session: SessionId,
    pub opened_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub user_agent: Option<String>,
    pub ip_prefix: String,
}

pub async fn places_of_user(
    tx: &mut Connection,
    realm: RealmId,
    user: UserId,
) -> QueryResult<Vec<SessionPlace>> {
    sessions::table
        .inner_join(session_places::table.on(
            session_places::realm_id.eq(sessions::realm_id).and(session_places::session_id.eq(sessions::id)),
        ))
        .filter(sessions::realm_id.eq(realm).and(sessions::user_id.eq(user)))
        .order((session_places::opened_at, sessions::id))
        .select((
            sessions::id,
            session_places::opened_at,
            sessions::rotated_at,
            sessions::ended_at,
            session_places::user_agent,
            session_places::ip_prefix,
        ))
        .load(tx)
        .await
}

/// Notes where a session is used from.
pub async fn place(
    tx: &mut Connection,
    (realm, session): (RealmId, SessionId),
    surroundings: &Surroundings,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let seen = (
        session_places::user_agent.eq(surroundings.user_agent()),
        session_places::ip_prefix.eq(surroundings.ip_prefix()),
    );
    diesel::insert_into(session_places::table)
        .values((
            session_places::realm_id.eq(realm),
            session_places::session_id.eq(session),
            session_places::opened_at.eq(now),
            seen.clone(),
        ))
        .on_conflict((session_places::realm_id, session_places::session_id))
        .do_update()
        .set(seen)
        .execute(tx)
        .await
        .map(drop)
}

/// Moves on to the next generation, if the session still stands at `from`. Of several at once exactly one does.
pub async fn rotate(
    tx: &mut Connection,
    (realm, id, from): (RealmId, SessionId, i32),
    term: SessionTerm,
    surroundings: &Surroundings,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let unmoved = sessions::table
        .find((realm, id))
        .filter(sessions::generation.eq(from).and(sessions::ended_at.is_null()));
    let moved = diesel::update(unmoved)
        .set((
            sessions::generation.eq(sessions::generation + 1),
            sessions::rotated_at.eq(now),
            sessions::repeats.eq(0),
            sessions::surroundings_hash.eq(surroundings.digest().to_vec()),
            sessions::sliding_expires_at.eq(term.sliding),
        ))
        .execute(tx)
        .await?;
    Ok(moved == 1)
}

/// Counts one more late use of the previous token, if the session still stands at `current` and was seen so often.
pub async fn count_repeat(
    tx: &mut Connection,
    (realm, id): (RealmId, SessionId),
    seen: Rotation,
) -> QueryResult<bool> {
    let unmoved = sessions::table
        .find((realm, id))
        .filter(sessions::generation.eq(seen.current).and(sessions::repeats.eq(seen.repeats)))
        .filter(sessions::ended_at.is_null());
    let counted =
        diesel::update(unmoved).set(sessions::repeats.eq(sessions::repeats + 1)).execute(tx).await?;
    Ok(counted == 1)
}

/// Ends a session. False when it had ended before.
pub async fn end(
    tx: &mut Connection,
    (realm, id): (RealmId, SessionId),
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let ended = diesel::update(sessions::table.find((realm, id)).filter(sessions::ended_at.is_null()))
        .set(sessions::ended_at.eq(now))
        .execute(tx)
        .await?;
    Ok(ended == 1)
}

/// Ends everything somebody is signed in on.
pub async fn end_all(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let live = sessions::table
        .filter(sessions::realm_id.eq(realm).and(sessions::user_id.eq(user)))
        .filter(sessions::ended_at.is_null());
    diesel::update(live).set(sessions::ended_at.eq(now)).execute(tx).await
}

/// Ends everything somebody is signed in on in one tenant. Returns what was ended.
pub async fn end_in_tenant(
    tx: &mut Connection,
    (realm, user, tenant): (RealmId, UserId, TenantId),
    now: DateTime<Utc>,
) -> QueryResult<Vec<SessionId>> {
    let live = sessions::table
        .filter(sessions::realm_id.eq(realm).and(sessions::user_id.eq(user)))
        .filter(sessions::for_tenant.eq(tenant).and(sessions::ended_at.is_null()));
    diesel::update(live).set(sessions::ended_at.eq(now)).returning(sessions::id).get_results(tx).await
}

/// What staff of a tenant are shown of a member's live sessions there.
#[derive(Clone, Debug, Queryable)]
pub struct LiveSession {
    pub session: SessionId,
    pub opened_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    pub methods: String,
    pub user_agent: Option<String>,
    pub ip_prefix: String,
}

pub async fn live_in_tenant(
    tx: &mut Connection,
    (realm, user, tenant): (RealmId, UserId, TenantId),
    now: DateTime<Utc>,
) -> QueryResult<Vec<LiveSession>> {
    let places =
        session_places::realm_id.eq(sessions::realm_id).and(session_places::session_id.eq(sessions::id));
    sessions::table
        .inner_join(session_places::table.on(places))
        .filter(sessions::realm_id.eq(realm).and(sessions::user_id.eq(user)))
        .filter(sessions::for_tenant.eq(tenant).and(sessions::ended_at.is_null()))
        .filter(sessions::sliding_expires_at.gt(now).and(sessions::absolute_expires_at.gt(now)))
        .order((session_places::opened_at, sessions::id))
        .select((
            sessions::id,
            session_places::opened_at,
            sessions::rotated_at,
            sessions::amr,
            session_places::user_agent,
            session_places::ip_prefix,
        ))
        .load(tx)
        .await
}

pub async fn delete_expired(
    tx: &mut Connection,
    realm: RealmId,
    before: DateTime<Utc>,
) -> QueryResult<usize> {
    let over = sessions::absolute_expires_at.lt(before).or(sessions::sliding_expires_at.lt(before));
    diesel::delete(sessions::table.filter(sessions::realm_id.eq(realm).and(over))).execute(tx).await
}

pub async fn delete_of_user(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<()> {
    let theirs = sessions::realm_id.eq(realm).and(sessions::user_id.eq(user));
    diesel::delete(sessions::table.filter(theirs)).execute(tx).await.map(drop)
}

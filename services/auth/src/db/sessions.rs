//! Sessions: the fence that every refresh passes.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_identity::AssuranceLevel;
use shinkofa_kernel::{RealmId, SessionId, TenantId, UserId, defended};

use super::schema::{session_places, sessions};
use crate::domain::device::{DeviceBinding, Digest, Surroundings};
use crate::domain::rotation::Rotation;
use crate::domain::session::{SessionLife, SessionTerm};

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

    /// As whoever has `life` now may keep it.
    #[must_use]
    pub fn within(self, life: SessionLife) -> Self {
        let SessionTerm { sliding, absolute } =
            self.term().within(life, (self.rotated_at, self.authenticated_at));
        Self { sliding_expires_at: sliding, absolute_expires_at: absolute, ..self }
    }

    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.ended_at.is_none() && !self.term().is_over(now)
    }

    pub fn rotation(&self) -> Rotation {
        Rotation { current: self.generation, rotated_at: self.rotated_at, repeats: self.repeats }
    }

    pub fn assurance(&self) -> AssuranceLevel {
        if self.acr == AssuranceLevel::Aal2.as_str() { AssuranceLevel::Aal2 } else { AssuranceLevel::Aal1 }
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

pub async fn insert(mut tx: &Connection, session: &NewSession) -> QueryResult<()> {
    diesel::insert_into(sessions::table).values(session).execute(&mut tx).await.map(drop)
}

pub async fn find(mut tx: &Connection, realm: RealmId, id: SessionId) -> QueryResult<Option<Session>> {
    sessions::table.find((realm, id)).select(Session::as_select()).first(&mut tx).await.optional()
}

/// Finds a session and keeps others from moving it until the transaction ends.
pub async fn lock(tx: &mut Connection, realm: RealmId, id: SessionId) -> QueryResult<Option<Session>> {
    sessions::table.find((realm, id)).select(Session::as_select()).for_update().first(tx).await.optional()
}

/// Notes that the person of a session showed again who they are, by `methods` in all.
pub async fn show_again(
    tx: &mut Connection,
    (realm, id): (RealmId, SessionId),
    (methods, assurance): (&str, AssuranceLevel),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(sessions::table.find((realm, id)))
        .set((
            sessions::amr.eq(methods),
            sessions::acr.eq(assurance.as_str()),
            sessions::authenticated_at.eq(now),
        ))
        .execute(tx)
        .await
        .map(drop)
}

/// What somebody is shown of a session of theirs.
#[derive(Clone, Debug, Queryable)]
pub struct SessionPlace {
    pub session: SessionId,
    pub opened_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    pub sliding_expires_at: DateTime<Utc>,
    pub absolute_expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub amr: String,
    pub user_agent: Option<String>,
    pub ip_prefix: String,
    pub device_name: Option<String>,
}

type PlaceColumns = (
    sessions::id,
    session_places::opened_at,
    sessions::rotated_at,
    sessions::sliding_expires_at,
    sessions::absolute_expires_at,
    sessions::ended_at,
    sessions::amr,
    session_places::user_agent,
    session_places::ip_prefix,
    session_places::device_name,
);

const PLACE_COLUMNS: PlaceColumns = (
    sessions::id,
    session_places::opened_at,
    sessions::rotated_at,
    sessions::sliding_expires_at,
    sessions::absolute_expires_at,
    sessions::ended_at,
    sessions::amr,
    session_places::user_agent,
    session_places::ip_prefix,
    session_places::device_name,
);

#[diesel::dsl::auto_type]
fn place_of_session() -> _ {
    session_places::realm_id.eq(sessions::realm_id).and(session_places::session_id.eq(sessions::id))
}

/// Every session that is still known of somebody, oldest first.
pub async fn places_of_user(
    tx: &mut Connection,
    realm: RealmId,
    user: UserId,
) -> QueryResult<Vec<SessionPlace>> {
    sessions::table
        .inner_join(session_places::table.on(place_of_session()))
        .filter(sessions::realm_id.eq(realm).and(sessions::user_id.eq(user)))
        .order((session_places::opened_at, sessions::id))
        .select(PLACE_COLUMNS)
        .load(tx)
        .await
}

/// What somebody is signed in on, newest first, from behind `after`: ids are in the order in which they were given out.
pub async fn live_places(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    (after, most): (Option<SessionId>, i64),
    now: DateTime<Utc>,
) -> QueryResult<Vec<SessionPlace>> {
    let live = sessions::table
        .inner_join(session_places::table.on(place_of_session()))
        .filter(sessions::realm_id.eq(realm).and(sessions::user_id.eq(user)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::sliding_expires_at.gt(now).and(sessions::absolute_expires_at.gt(now)))
        .order(sessions::id.desc())
        .select(PLACE_COLUMNS)
        .limit(most)
        .into_boxed();
    let live = match after {
        Some(id) => live.filter(sessions::id.lt(id)),
        None => live,
    };
    live.load(tx).await
}

/// One session that somebody is signed in on; `None` when it is over, or somebody else's.
pub async fn live_place(
    tx: &mut Connection,
    (realm, user, id): (RealmId, UserId, SessionId),
    now: DateTime<Utc>,
) -> QueryResult<Option<SessionPlace>> {
    sessions::table
        .inner_join(session_places::table.on(place_of_session()))
        .filter(sessions::realm_id.eq(realm).and(sessions::id.eq(id)))
        .filter(sessions::user_id.eq(user).and(sessions::ended_at.is_null()))
        .filter(sessions::sliding_expires_at.gt(now).and(sessions::absolute_expires_at.gt(now)))
        .select(PLACE_COLUMNS)
        .first(tx)
        .await
        .optional()
}

/// Where somebody last used these sessions of theirs from.
pub async fn places(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    ids: &[SessionId],
) -> QueryResult<Vec<SessionPlace>> {
    sessions::table
        .inner_join(session_places::table.on(place_of_session()))
        .filter(sessions::realm_id.eq(realm).and(sessions::user_id.eq(user)))
        .filter(sessions::id.eq_any(ids))
        .select(PLACE_COLUMNS)
        .load(tx)
        .await
}

/// Names the device that a session is on, or forgets its name.
pub async fn name_device(
    tx: &mut Connection,
    (realm, session): (RealmId, SessionId),
    name: Option<&str>,
) -> QueryResult<()> {
    diesel::update(session_places::table.find((realm, session)))
        .set(session_places::device_name.eq(name))
        .execute(tx)
        .await
        .map(drop)
}

/// Notes where a session is used from. The session itself may be written after it.
pub async fn place(
    mut tx: &Connection,
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
        .execute(&mut tx)
        .await
        .map(drop)
}

prepared_query! {
    struct Rotate {
        realm: RealmId as Uuid,
        session: SessionId as Uuid,
        seen: i32 as Integer,
        now: DateTime<Utc> as Timestamptz,
        surroundings: Vec<u8> as Bytea,
        idle_until: DateTime<Utc> as Timestamptz,
        ends_at: DateTime<Utc> as Timestamptz,
    }
    " UPDATE sessions SET generation = generation + 1, rotated_at = input.now, repeats = 0,
        surroundings_hash = input.surroundings, sliding_expires_at = input.idle_until, absolute_expires_at = input.ends_at
    FROM input
    WHERE realm_id = input.realm AND id = input.session AND generation = input.seen AND ended_at IS NULL"
}

/// Moves on to the next generation, if the session still stands at `from`. Of several at once exactly one does.
pub async fn rotate(
    tx: &mut Connection,
    (realm, id, from): (RealmId, SessionId, i32),
    term: SessionTerm,
    surroundings: &Surroundings,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    if !defended!("V11") {
        let next = (sessions::generation.eq(sessions::generation + 1), sessions::rotated_at.eq(now));
        return Ok(diesel::update(sessions::table.find((realm, id))).set(next).execute(tx).await? == 1);
    }
    let rotation = Rotate {
        realm,
        session: id,
        seen: from,
        now,
        surroundings: surroundings.digest().to_vec(),
        idle_until: term.sliding,
        ends_at: term.absolute,
    };
    Ok(rotation.execute(tx).await? == 1)
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

/// Lets a session last until `until`, unless it lasts longer already or was ended.
pub async fn prolong(
    tx: &mut Connection,
    (realm, id): (RealmId, SessionId),
    until: DateTime<Utc>,
) -> QueryResult<bool> {
    let shorter = sessions::table
        .find((realm, id))
        .filter(sessions::ended_at.is_null().and(sessions::absolute_expires_at.lt(until)));
    let prolonged = diesel::update(shorter)
        .set((sessions::sliding_expires_at.eq(until), sessions::absolute_expires_at.eq(until)))
        .execute(tx)
        .await?;
    Ok(prolonged == 1)
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

/// Ends everything somebody is signed in on but `kept`, and tells what that was.
pub async fn end_all_but(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    kept: Option<SessionId>,
    now: DateTime<Utc>,
) -> QueryResult<Vec<SessionId>> {
    let live = sessions::table
        .filter(sessions::realm_id.eq(realm).and(sessions::user_id.eq(user)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::id.ne_all(kept.as_slice()));
    diesel::update(live).set(sessions::ended_at.eq(now)).returning(sessions::id).get_results(tx).await
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

/// Ends what these people opened with one factor. Returns what was ended, and whose it was.
pub async fn end_of_one_factor(
    tx: &mut Connection,
    (realm, tenant): (RealmId, TenantId),
    people: &[UserId],
    now: DateTime<Utc>,
) -> QueryResult<Vec<(SessionId, UserId)>> {
    let live = sessions::table
        .filter(sessions::realm_id.eq(realm).and(sessions::for_tenant.eq(tenant)))
        .filter(sessions::user_id.eq_any(people).and(sessions::ended_at.is_null()))
        .filter(sessions::acr.eq(AssuranceLevel::Aal1.as_str()));
    diesel::update(live)
        .set(sessions::ended_at.eq(now))
        .returning((sessions::id, sessions::user_id))
        .get_results(tx)
        .await
}

/// Ends everything that anybody is signed in on in one tenant. Returns what was ended.
pub async fn end_all_in_tenant(
    tx: &mut Connection,
    realm: RealmId,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> QueryResult<Vec<SessionId>> {
    let live = sessions::table
        .filter(sessions::realm_id.eq(realm).and(sessions::for_tenant.eq(tenant)))
        .filter(sessions::ended_at.is_null());
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

/// The newest `most` of them, oldest first.
pub async fn live_in_tenant(
    tx: &mut Connection,
    (realm, user, tenant): (RealmId, UserId, TenantId),
    most: i64,
    now: DateTime<Utc>,
) -> QueryResult<Vec<LiveSession>> {
    let places =
        session_places::realm_id.eq(sessions::realm_id).and(session_places::session_id.eq(sessions::id));
    let mut newest: Vec<LiveSession> = sessions::table
        .inner_join(session_places::table.on(places))
        .filter(sessions::realm_id.eq(realm).and(sessions::user_id.eq(user)))
        .filter(sessions::for_tenant.eq(tenant).and(sessions::ended_at.is_null()))
        .filter(sessions::sliding_expires_at.gt(now).and(sessions::absolute_expires_at.gt(now)))
        .order((session_places::opened_at.desc(), sessions::id.desc()))
        .limit(most)
        .select((
            sessions::id,
            session_places::opened_at,
            sessions::rotated_at,
            sessions::amr,
            session_places::user_agent,
            session_places::ip_prefix,
        ))
        .load(tx)
        .await?;
    newest.reverse();
    Ok(newest)
}

pub async fn delete_of_users(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = sessions::realm_id.eq(realm).and(sessions::user_id.eq_any(users));
    diesel::delete(sessions::table.filter(theirs)).execute(tx).await.map(drop)
}

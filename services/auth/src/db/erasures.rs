//! Requests to be forgotten.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_contracts::Position;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, TenantId, UserId, typed_id};

use super::audit::is_indexed_by_subject;
use super::schema::{audit_events, erasure_confirmations, erasures, memberships};
use crate::domain::device::Digest;
use crate::domain::erasure::ErasureState;

typed_id! {
    /// One request to be forgotten.
    ErasureId
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = erasures)]
pub struct Erasure {
    pub id: ErasureId,
    pub user_id: UserId,
    pub for_tenant: TenantId,
    pub state: ErasureState,
    pub round: i32,
    pub told_transaction: Option<i64>,
    pub told_number: Option<i64>,
    pub requested_at: DateTime<Utc>,
    pub erase_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl Erasure {
    /// Where in the feed the services were told last.
    pub fn told(&self) -> Option<Position> {
        Some(Position { transaction: self.told_transaction?, number: self.told_number? })
    }
}

#[derive(Insertable)]
#[diesel(table_name = erasures)]
pub struct NewErasure {
    pub realm_id: RealmId,
    pub id: ErasureId,
    pub user_id: UserId,
    pub for_tenant: TenantId,
    pub state: ErasureState,
    pub certificate_hash: Vec<u8>,
    pub requested_at: DateTime<Utc>,
    pub erase_at: DateTime<Utc>,
}

/// False when one is under way already: of several at once exactly one is made.
pub async fn insert(tx: &mut Connection, erasure: &NewErasure) -> QueryResult<bool> {
    let made =
        diesel::insert_into(erasures::table).values(erasure).on_conflict_do_nothing().execute(tx).await?;
    Ok(made == 1)
}

/// Has somebody asked to be forgotten, and is it not done yet?
pub async fn is_under_way(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<bool> {
    let theirs = erasures::table
        .filter(erasures::realm_id.eq(realm).and(erasures::user_id.eq(user)))
        .filter(erasures::state.eq_any([ErasureState::Scheduled, ErasureState::Erasing]));
    diesel::select(diesel::dsl::exists(theirs)).get_result(tx).await
}

/// Takes a request back that is still waiting.
pub async fn cancel(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let waiting = erasures::table
        .filter(erasures::realm_id.eq(realm).and(erasures::user_id.eq(user)))
        .filter(erasures::state.eq(ErasureState::Scheduled));
    let cancelled = diesel::update(waiting)
        .set((erasures::state.eq(ErasureState::Cancelled), erasures::finished_at.eq(now)))
        .execute(tx)
        .await?;
    Ok(cancelled == 1)
}

/// The same of one that was made at this instant or later.
pub async fn cancel_requested_since(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    (since, now): (DateTime<Utc>, DateTime<Utc>),
) -> QueryResult<bool> {
    let waiting = erasures::table
        .filter(erasures::realm_id.eq(realm).and(erasures::user_id.eq(user)))
        .filter(erasures::state.eq(ErasureState::Scheduled).and(erasures::requested_at.ge(since)));
    let cancelled = diesel::update(waiting)
        .set((erasures::state.eq(ErasureState::Cancelled), erasures::finished_at.eq(now)))
        .execute(tx)
        .await?;
    Ok(cancelled == 1)
}

/// What has to be begun or gone on with.
pub async fn due(tx: &mut Connection, realm: RealmId, now: DateTime<Utc>) -> QueryResult<Vec<Erasure>> {
    let begins = erasures::state.eq(ErasureState::Scheduled).and(erasures::erase_at.le(now));
    erasures::table
        .filter(erasures::realm_id.eq(realm).and(erasures::state.eq(ErasureState::Erasing).or(begins)))
        .order((erasures::erase_at, erasures::id))
        .select(Erasure::as_select())
        .load(tx)
        .await
}

/// The request as it stands now, held until the transaction ends.
pub async fn lock(tx: &mut Connection, realm: RealmId, id: ErasureId) -> QueryResult<Option<Erasure>> {
    erasures::table.find((realm, id)).select(Erasure::as_select()).for_update().first(tx).await.optional()
}

/// The services are being told for the `round`th time.
pub async fn set_told(
    tx: &mut Connection,
    (realm, id): (RealmId, ErasureId),
    (round, told): (i32, Position),
) -> QueryResult<()> {
    let confirmed = erasure_confirmations::realm_id.eq(realm).and(erasure_confirmations::erasure_id.eq(id));
    diesel::delete(erasure_confirmations::table.filter(confirmed)).execute(tx).await?;
    diesel::update(erasures::table.find((realm, id)))
        .set((
            erasures::state.eq(ErasureState::Erasing),
            erasures::round.eq(round),
            erasures::told_transaction.eq(told.transaction),
            erasures::told_number.eq(told.number),
        ))
        .execute(tx)
        .await
        .map(drop)
}

pub async fn finish(
    tx: &mut Connection,
    (realm, id): (RealmId, ErasureId),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(erasures::table.find((realm, id)))
        .set((erasures::state.eq(ErasureState::Done), erasures::finished_at.eq(now)))
        .execute(tx)
        .await
        .map(drop)
}

pub async fn confirm(
    tx: &mut Connection,
    (realm, id): (RealmId, ErasureId),
    service: &str,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(erasure_confirmations::table)
        .values((
            erasure_confirmations::realm_id.eq(realm),
            erasure_confirmations::erasure_id.eq(id),
            erasure_confirmations::service.eq(service),
            erasure_confirmations::confirmed_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx)
        .await
        .map(drop)
}

/// Which services have confirmed in the present round, and when.
pub async fn confirmations(
    tx: &mut Connection,
    (realm, id): (RealmId, ErasureId),
) -> QueryResult<Vec<(String, DateTime<Utc>)>> {
    erasure_confirmations::table
        .filter(erasure_confirmations::realm_id.eq(realm).and(erasure_confirmations::erasure_id.eq(id)))
        .order(erasure_confirmations::service)
        .select((erasure_confirmations::service, erasure_confirmations::confirmed_at))
        .load(tx)
        .await
}

pub async fn by_certificate(
    tx: &mut Connection,
    realm: RealmId,
    certificate: &Digest,
) -> QueryResult<Option<Erasure>> {
    erasures::table
        .filter(erasures::realm_id.eq(realm).and(erasures::certificate_hash.eq(certificate.to_vec())))
        .select(Erasure::as_select())
        .first(tx)
        .await
        .optional()
}

/// Was somebody ever anything in whichever tenant the transaction sees?
pub async fn is_known_here(tx: &mut Connection, user: UserId) -> QueryResult<bool> {
    let member = memberships::table.filter(memberships::user_id.eq(user));
    let told_of = audit_events::table
        .filter(audit_events::subject_id.eq(user.as_uuid()))
        .filter(is_indexed_by_subject());
    diesel::select(diesel::dsl::exists(member).or(diesel::dsl::exists(told_of))).get_result(tx).await
}

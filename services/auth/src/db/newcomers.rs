//! What is looked at before somebody is given a session, in one statement.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Bool, Text};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{RealmId, TenantId, UserId};

use crate::domain::account::FactorKind;
use crate::domain::device::DeviceBinding;
use crate::domain::session::MOST_SESSIONS;

// Sessions are purged and devices forgotten, and after a pause both may be gone. The trail stays: each part is asked only where those
// before it found nothing. Past surroundings make a client familiar that names no device, and no other. Where staff looked on in the
// person's place the surroundings are the staff's, and nobody's who comes.
prepared_query! {
    struct LookAt {
        realm: RealmId as Uuid,
        tenant: TenantId as Uuid,
        person: UserId as Uuid,
        device: Option<Vec<u8>> as Nullable<Bytea>,
        surroundings: Vec<u8> as Bytea,
        fingerprints: Vec<Vec<u8>> as Array<Bytea>,
        others: i64 as BigInt,
        now: DateTime<Utc> as Timestamptz,
    }
    " SELECT
        ARRAY (SELECT DISTINCT kind FROM user_factors
            WHERE realm_id = input.realm AND user_id = input.person AND confirmed_at IS NOT NULL ORDER BY kind) AS kinds,
        EXISTS (SELECT FROM bans WHERE tenant_id = input.tenant AND fingerprint = ANY (input.fingerprints)
            AND (until IS NULL OR until > input.now)) AS is_banned,
        EXISTS (SELECT FROM sessions WHERE realm_id = input.realm AND user_id = input.person AND amr <> 'impersonation')
        OR EXISTS (SELECT FROM known_devices known WHERE known.realm_id = input.realm AND known.user_id = input.person)
        OR EXISTS (SELECT FROM audit_events told
            WHERE told.told_to = input.person AND told.action = 'session.opened') AS signed_in_before,
        EXISTS (SELECT FROM known_devices known
            WHERE known.realm_id = input.realm AND known.user_id = input.person AND known.device_hash = input.device)
        OR EXISTS (SELECT FROM sessions WHERE realm_id = input.realm AND user_id = input.person
            AND surroundings_hash = input.surroundings AND amr <> 'impersonation')
        OR input.device IS NULL AND EXISTS (SELECT FROM past_places past WHERE past.realm_id = input.realm
            AND past.user_id = input.person AND past.surroundings_hash = input.surroundings) AS familiar,
        EXISTS (SELECT FROM sessions live
            WHERE live.realm_id = input.realm AND live.user_id = input.person AND live.for_tenant = input.tenant
            AND live.ended_at IS NULL AND live.sliding_expires_at > input.now AND live.absolute_expires_at > input.now
            OFFSET input.others) AS has_too_many
    FROM input"
}

/// What was seen of somebody who is about to have a session.
#[derive(QueryableByName)]
pub struct Seen {
    /// The factors that they have confirmed.
    #[diesel(sql_type = Array<Text>)]
    pub kinds: Vec<FactorKind>,
    /// Does a ban name what they come with?
    #[diesel(sql_type = Bool)]
    pub is_banned: bool,
    #[diesel(sql_type = Bool)]
    signed_in_before: bool,
    /// On this device, or from these surroundings.
    #[diesel(sql_type = Bool)]
    familiar: bool,
    /// Are they signed in here on so many that some have to end before there is another?
    #[diesel(sql_type = Bool)]
    pub has_too_many: bool,
}

impl Seen {
    /// Have they signed in before, but never on this device or from these surroundings?
    pub fn is_unfamiliar(&self) -> bool {
        self.signed_in_before && !self.familiar
    }
}

/// `fingerprints` are those that a ban would have of what they come with.
pub async fn look_at(
    mut tx: &Connection,
    (realm, tenant, person): (RealmId, TenantId, UserId),
    binding: &DeviceBinding,
    fingerprints: Vec<Vec<u8>>,
    now: DateTime<Utc>,
) -> QueryResult<Seen> {
    let look = LookAt {
        realm,
        tenant,
        person,
        device: binding.device.map(|device| device.to_vec()),
        surroundings: binding.surroundings.to_vec(),
        fingerprints,
        others: MOST_SESSIONS - 1,
        now,
    };
    look.get_result(&mut tx).await
}

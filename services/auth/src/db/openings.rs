//! Opening a session: it is written with where it was opened, and with the device that its owner is known on from now on.

use chrono::{DateTime, Utc};
use diesel::sql_types::BigInt;
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{RealmId, SessionId, TenantId, UserId};

use super::sessions::NewSession;
use crate::domain::device::Surroundings;
use crate::domain::proof::AuthMethod;

// The session, its place, and the device where it has a name.
prepared_query! {
    struct OpenSession {
        realm: RealmId as Uuid,
        session: SessionId as Uuid,
        person: UserId as Uuid,
        tenant: TenantId as Uuid,
        generation: i32 as Integer,
        sealed_key: String as Text,
        opened_at: DateTime<Utc> as Timestamptz,
        device: Option<Vec<u8>> as Nullable<Bytea>,
        surroundings: Vec<u8> as Bytea,
        methods: String as Text,
        assurance: String as Text,
        shown_at: DateTime<Utc> as Timestamptz,
        idle_until: DateTime<Utc> as Timestamptz,
        ends_at: DateTime<Utc> as Timestamptz,
        user_agent: Option<String> as Nullable<Text>,
        ip_prefix: String as Text,
    }
    ", opened AS (
        INSERT INTO sessions (realm_id, id, user_id, for_tenant, generation, session_key_sealed, rotated_at, device_hash,
            surroundings_hash, amr, acr, authenticated_at, sliding_expires_at, absolute_expires_at)
        SELECT realm, session, person, tenant, generation, sealed_key, opened_at, device,
            surroundings, methods, assurance, shown_at, idle_until, ends_at FROM input
    ), placed AS (
        INSERT INTO session_places (realm_id, session_id, opened_at, user_agent, ip_prefix)
        SELECT realm, session, opened_at, user_agent, ip_prefix FROM input
    )
    INSERT INTO known_devices (realm_id, user_id, device_hash, first_seen_at, last_seen_at)
    SELECT realm, person, device, opened_at, opened_at FROM input WHERE device IS NOT NULL
    ON CONFLICT (realm_id, user_id, device_hash) DO UPDATE SET last_seen_at = excluded.last_seen_at"
}

pub async fn open(mut tx: &Connection, session: NewSession, surroundings: &Surroundings) -> QueryResult<()> {
    let opening = OpenSession {
        realm: session.realm_id,
        session: session.id,
        person: session.user_id,
        tenant: session.for_tenant,
        generation: session.generation,
        sealed_key: session.session_key_sealed,
        opened_at: session.rotated_at,
        device: session.device_hash,
        surroundings: session.surroundings_hash,
        methods: session.amr,
        assurance: session.acr,
        shown_at: session.authenticated_at,
        idle_until: session.sliding_expires_at,
        ends_at: session.absolute_expires_at,
        user_agent: surroundings.user_agent().map(ToOwned::to_owned),
        ip_prefix: surroundings.ip_prefix(),
    };
    opening.execute(&mut tx).await.map(drop)
}

// What somebody showed again on a session opened none, and what was opened by switching studios took nothing to be shown.
prepared_query! {
    struct CountOpened { realm: RealmId as Uuid, instant: DateTime<Utc> as Timestamptz, method: String as Text }
    " SELECT count(*) AS opened FROM input
    JOIN sessions ON sessions.realm_id = input.realm AND sessions.authenticated_at >= input.instant
        AND sessions.amr LIKE input.method || '%'
    JOIN session_places place ON place.realm_id = sessions.realm_id AND place.session_id = sessions.id
        AND place.opened_at >= input.instant
    WHERE NOT EXISTS (SELECT FROM session_descents descent
        WHERE descent.realm_id = sessions.realm_id AND descent.session_id = sessions.id)"
}

#[derive(QueryableByName)]
struct Opened {
    #[diesel(sql_type = BigInt)]
    opened: i64,
}

/// How many sessions were opened since `instant` by showing `method` first, ended ones too.
pub async fn count_since(
    tx: &mut Connection,
    realm: RealmId,
    (instant, method): (DateTime<Utc>, AuthMethod),
) -> QueryResult<i64> {
    let count = CountOpened { realm, instant, method: method.as_str().to_owned() };
    let Opened { opened } = count.get_result(tx).await?;
    Ok(opened)
}

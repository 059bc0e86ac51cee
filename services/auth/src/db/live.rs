//! What stands behind a session, in one look.

use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_contracts::auth::TenantStatus;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, SessionId, TenantId, Tier};

use super::memberships::{self, Membership};
use super::schema::{membership_roles, memberships as members, sessions, users};
use super::sessions::Session;
use super::shared_tables::tenants;
use super::users::Account;
use crate::domain::account::MembershipStatus;

/// A session, whose it is, and what they are in a tenant: all of one moment, and nothing of it judged.
pub struct Behind {
    pub session: Session,
    pub account: Option<Account>,
    pub membership: Option<Membership>,
}

/// One for each role of the member.
type Row =
    (Session, Option<Account>, Option<MembershipStatus>, Option<Tier>, Option<TenantStatus>, Option<String>);

/// The transaction sees the realm and the tenant.
pub async fn behind(
    mut tx: &Connection,
    (realm, tenant): (RealmId, TenantId),
    session: SessionId,
) -> QueryResult<Option<Behind>> {
    let owner = users::realm_id.eq(sessions::realm_id).and(users::id.eq(sessions::user_id));
    let place = members::tenant_id.eq(tenant).and(members::user_id.eq(sessions::user_id));
    let roles = membership_roles::tenant_id
        .eq(members::tenant_id)
        .and(membership_roles::user_id.eq(members::user_id));
    let rows: Vec<Row> = sessions::table
        .left_join(users::table.on(owner))
        .left_join(members::table.on(place))
        .left_join(tenants::table.on(tenants::id.eq(members::tenant_id)))
        .left_join(membership_roles::table.on(roles))
        .filter(sessions::realm_id.eq(realm).and(sessions::id.eq(session)))
        .select((
            Session::as_select(),
            Option::<Account>::as_select(),
            members::status.nullable(),
            members::tier.nullable(),
            tenants::status.nullable(),
            membership_roles::role.nullable(),
        ))
        .load(&mut tx)
        .await?;
    let mut seen = None;
    let mut held = Vec::new();
    for (session, account, status, tier, tenant_status, role) in rows {
        if let (Some(status), Some(tier), Some(tenant_status)) = (status, tier, tenant_status) {
            held.push((status, tier, tenant_status, role));
        }
        seen.get_or_insert((session, account));
    }
    let Some((session, account)) = seen else { return Ok(None) };
    let membership = memberships::described_by(tx, held).await?;
    Ok(Some(Behind { session, account, membership }))
}

//! Keeping out who was banned, by what they come with: whichever account they try, and whichever way of signing in.

use chrono::{DateTime, Utc};
use shinkofa_db::Connection;
use shinkofa_kernel::TenantId;
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_web::Fault;

use crate::Auth;
use crate::db::bans::{self, Ban};
use crate::domain::administration::Reason;
use crate::domain::ban::marks;
use crate::domain::device::{DeviceBinding, Surroundings};
use crate::error::Error;

fn context(tenant: TenantId) -> String {
    format!("ban:{tenant}")
}

/// [`Error::Banned`] when a ban names what the caller comes with.
pub async fn require_not_banned(
    tx: &Connection,
    auth: &Auth,
    tenant: TenantId,
    (binding, surroundings): (&DeviceBinding, &Surroundings),
) -> Result<(), Error> {
    let fingerprints = fingerprints(auth, tenant, (binding, surroundings));
    let now = auth.platform.clock.now();
    if bans::any(tx, tenant, &fingerprints, now).await? { Err(Error::Banned) } else { Ok(()) }
}

/// What a ban would know the caller by.
pub fn fingerprints(
    auth: &Auth,
    tenant: TenantId,
    (binding, surroundings): (&DeviceBinding, &Surroundings),
) -> Vec<Vec<u8>> {
    let context = context(tenant);
    let marks = marks(binding, surroundings);
    marks.iter().flat_map(|mark| auth.sealing.digests(&context, mark)).collect()
}

/// Bans these marks. Repeating it under the same id changes nothing.
pub async fn ban(
    tx: &mut Connection,
    auth: &Auth,
    (tenant, id): (TenantId, Uuid),
    marks: &[Vec<u8>],
    (reason, until): (&Reason, Option<DateTime<Utc>>),
) -> Result<(), Error> {
    let context = context(tenant);
    for mark in marks {
        let fingerprint = auth.sealing.digests(&context, mark).into_iter().next();
        let ban = Ban {
            tenant_id: tenant,
            fingerprint: fingerprint.ok_or_else(|| Fault::unexpected("there is no key for digests"))?,
            ban_id: id,
            reason: reason.as_str().to_owned(),
            banned_at: auth.platform.clock.now(),
            until,
        };
        bans::save(tx, &ban).await?;
    }
    Ok(())
}

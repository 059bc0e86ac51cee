//! `credits grant`: the studio gives credits, booked as an adjustment.

use chrono::{DateTime, Utc};
use shinkofa_contracts::LotId;
use shinkofa_db::{Scope, transaction};
use shinkofa_kernel::{TenantId, UserId};
use shinkofa_runtime::StartError;

use crate::Credits;
use crate::db::wallets::{self, Grant, LotSource};
use crate::domain::package::CreditCount;

const USAGE: &str = "usage: grant --user ID --credits N --reference TEXT [--expires-at INSTANT] [--tenant ID]; \
                     the same reference grants once";

/// Grants once per reference; asked again with the same one it changes nothing and succeeds.
pub(crate) async fn run(state: &Credits, arguments: &[String]) -> Result<(), StartError> {
    let grant = parse(state, arguments).map_err(|fault| anyhow::anyhow!("{fault}\n{USAGE}"))?;
    let entry = (state.platform.clock.new_uuid(), state.now());
    transaction(&state.platform.database, &Scope::tenant(grant.tenant), "grant_credits", async |tx| {
        wallets::grant(tx, &grant, entry).await.map_err(shinkofa_db::Error::from)
    })
    .await?;
    Ok(())
}

fn parse(state: &Credits, arguments: &[String]) -> Result<Grant, String> {
    let (mut user, mut credits, mut reference, mut expires_at, mut tenant) = (None, None, None, None, None);
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} needs a value", pair[0])) };
        let read = |fault: &dyn std::fmt::Display| format!("{name}: {fault}");
        match name.as_str() {
            "--user" => user = Some(value.parse::<UserId>().map_err(|error| read(&error))?),
            "--tenant" => tenant = Some(value.parse::<TenantId>().map_err(|error| read(&error))?),
            "--expires-at" => {
                expires_at = Some(value.parse::<DateTime<Utc>>().map_err(|error| read(&error))?)
            }
            "--credits" => {
                let count: i32 = value.parse().map_err(|error: std::num::ParseIntError| read(&error))?;
                credits = Some(CreditCount::try_from(count).map_err(|fault| read(&fault))?);
            }
            "--reference" => reference = Some(value.clone()),
            other => return Err(format!("{other} is not known")),
        }
    }
    Ok(Grant {
        tenant: tenant.unwrap_or(TenantId::DEFAULT),
        user: user.ok_or("--user is missing")?,
        lot: LotId::new(&state.platform.clock),
        source: LotSource::Grant,
        reference: reference.ok_or("--reference is missing")?,
        credits: credits.ok_or("--credits is missing")?.get(),
        expires_at,
    })
}

//! The dead man's switch of holds: past its time, booking is asked what became of the reservation.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use shinkofa_contracts::booking::{self, ReservationSummary, ReservationsScope};
use shinkofa_contracts::{CallError, ReservationId};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::TenantId;

use crate::db::holds;
use crate::domain::hold::{Verdict, verdict};
use crate::error::Error;
use crate::holding::{self, Unbooked};
use crate::{Credits, jobs};

/// Every minute.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SettleOverdueHolds {}

/// How long a hold waits when booking cannot say.
const EXTENSION: TimeDelta = TimeDelta::minutes(10);
/// The most overdue of each tenant first; the rest has its turn a minute later.
const BATCH: i64 = 100;

impl Job for SettleOverdueHolds {
    const NAME: &'static str = "settle_overdue_holds";
    const LEASE: std::time::Duration = jobs::LEASE;
    type State = Credits;

    async fn run(self, state: &Credits, _: Attempt) -> Result<(), Failure> {
        for tenant in jobs::all_tenants(state).await? {
            let scope = Scope::tenant(tenant.id);
            let overdue = transaction(&state.platform.database, &scope, "list_overdue_holds", async |tx| {
                Ok::<_, shinkofa_db::Error>(holds::overdue(tx, tenant.id, state.now(), BATCH).await?)
            })
            .await?;
            for reservation in overdue {
                let asked = settle(state, (tenant.id, reservation)).await?;
                if asked == Asked::InVain {
                    // Booking is away: the rest need not wait for the same silence.
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Whether booking said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Answered,
    InVain,
}

async fn settle(state: &Credits, reservation: holding::Reservation) -> Result<Asked, Error> {
    let (asked, verdict) = match ask(state, reservation).await {
        Ok(found) => (Asked::Answered, verdict(found.map(|reservation| reservation.status))),
        Err(reason) => {
            tracing::warn!(reservation = %reservation.1, reason, "an overdue hold waits: booking cannot be asked");
            (Asked::InVain, Verdict::Wait)
        }
    };
    let (outcome, settled) = match verdict {
        Verdict::Capture => ("captured", holding::capture(state, reservation).await.map(drop)),
        Verdict::Consume => ("consumed", holding::consume(state, reservation).await.map(drop)),
        Verdict::Release => {
            ("released", holding::release(state, reservation, Unbooked::Released).await.map(drop))
        }
        Verdict::Expire => {
            ("expired", holding::release(state, reservation, Unbooked::Expired).await.map(drop))
        }
        Verdict::Wait => ("extended", extend(state, reservation).await),
    };
    metrics::counter!("credits_overdue_holds_total", "outcome" => outcome).increment(1);
    match settled {
        // Somebody settled it between the question and the answer.
        Ok(()) | Err(Error::HoldClosed | Error::HoldCaptured | Error::HoldConsumed) => Ok(asked),
        Err(error) => Err(error),
    }
}

/// What booking knows of the reservation; `None` when there is none and never will be.
async fn ask(
    state: &Credits,
    (tenant, reservation): (TenantId, ReservationId),
) -> Result<Option<ReservationSummary>, String> {
    let booking = state
        .platform
        .peers
        .peer::<ReservationsScope>(booking::SERVICE)
        .map_err(|error| error.to_string())?;
    let path = format!("/internal/v1/reservations/{reservation}");
    match booking.for_tenant(tenant).get(&path).await {
        Ok(found) => Ok(Some(found)),
        // Only booking's own word counts: a 404 of something else in between must not free anybody's credits.
        Err(error @ CallError::Refused { .. }) if error.code() == Some("not_found") => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

async fn extend(state: &Credits, (tenant, reservation): holding::Reservation) -> Result<(), Error> {
    transaction(&state.platform.database, &Scope::tenant(tenant), "extend_hold", async |tx| {
        Ok(holds::extend(tx, tenant, reservation, state.now() + EXTENSION).await?)
    })
    .await
}

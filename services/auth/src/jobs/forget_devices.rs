//! Forgets devices that nobody signs in on any more.

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use shinkofa_db::Scope;
use shinkofa_jobs::{Attempt, Failure, Job};

use super::every_realm;
use crate::Auth;
use crate::db::known_devices;
use crate::portions::Portions;
use crate::rounds::Turn;

/// Once a day: it looks at every device, because an index over their last use would have every sign-in pay for it.
#[derive(Debug, Serialize, Deserialize)]
pub struct ForgetDevices {}

/// As long as a browser keeps the cookie that tells who it is.
const KEPT_UNUSED: TimeDelta = TimeDelta::days(400);
/// Of one account, the newest.
const MOST_KEPT: i64 = 50;

impl Job for ForgetDevices {
    const NAME: &'static str = "forget_devices";
    type State = Auth;

    async fn run(self, auth: &Auth, _attempt: Attempt) -> Result<(), Failure> {
        let before = auth.platform.clock.now() - KEPT_UNUSED;
        let turn = Turn::new(&auth.platform.clock, Self::LEASE / 4);
        let mut all = true;
        for realm in every_realm(auth).await? {
            let here = Portions { auth, scope: Scope::realm(realm), turn: &turn };
            all &= here
                .remove("forget_unused_devices", async |tx, most| {
                    known_devices::delete_unused_since(tx, realm, before, most).await
                })
                .await?;
            all &= here
                .remove("forget_surplus_devices", async |tx, most| {
                    known_devices::delete_beyond(tx, realm, MOST_KEPT, most).await
                })
                .await?;
        }
        if all { Ok(()) } else { Err(Failure::Wait(Duration::ZERO)) }
    }
}

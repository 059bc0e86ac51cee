//! Work that follows a commit, and work that time brings.

pub mod deliver_webhook;
pub mod erase_people;
pub mod forget_deliveries;
pub mod forget_devices;
pub mod forget_signup;
pub mod mail_password_reset;
pub mod note_keys;
pub mod purge_expired;
pub mod purge_guests;
pub mod purge_temporary;
pub mod purge_unconfirmed;
pub mod repeat_erasure;
pub mod reseal_factors;
pub mod reseal_webhooks;
pub mod resend_verification;
pub mod seal_audit;
pub mod send_magic_link;
pub mod send_sign_in_code;
pub mod settle_email_change;
pub mod settle_signup;
pub mod settle_upgrade;
pub mod watch_spray;

use shinkofa_db::{Error, Scope, transaction};
use shinkofa_kernel::RealmId;

use crate::Auth;
use crate::db::realms;

/// Every realm there is, for the jobs that go through all of them.
async fn every_realm(auth: &Auth) -> Result<Vec<RealmId>, Error> {
    transaction(&auth.platform.database, &Scope::infrastructure(), "list_realms", async |tx| {
        Ok::<_, Error>(realms::all(tx).await?)
    })
    .await
}

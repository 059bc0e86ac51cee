//! Temporary accounts whose day is over, many at once: how long the job takes that purges them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use shinkofa_kernel::{RealmId, TenantId};

use super::Trial;
use crate::database::Database;

/// As many as the design page has purged within ten seconds.
pub const ACCOUNTS: i64 = 10_000;

/// The job comes every five minutes. It is told to come now, and again where its turn ended before the last of them was gone.
const COME_NOW: &str = "UPDATE auth.jobs SET run_at = now()
    WHERE name = 'purge_temporary' AND locked_until IS NULL AND run_at > now()";
const LEFT: &str = "SELECT count(*) FROM (SELECT FROM auth.users WHERE kind = 'temporary' LIMIT 1) one";
const WRITTEN_DOWN: &str = "SELECT count(*) FROM auth.audit_events WHERE action = 'account.temporary_purged'";
const PATIENCE: Duration = Duration::from_secs(300);
const EVERY: Duration = Duration::from_millis(100);

impl Trial<'_> {
    /// The seconds until nobody is left, from the moment at which everybody's day is over. The other services read of it meanwhile.
    pub async fn purge(&self) -> Result<f64> {
        let database = self.ground.database;
        make(database).await?;
        self.settle().await?;
        let before = database.number(WRITTEN_DOWN).await?;
        database.run("UPDATE auth.users SET expires_at = now() WHERE kind = 'temporary'").await?;
        let began = Instant::now();
        loop {
            database.run(COME_NOW).await?;
            if database.number(LEFT).await? == 0 {
                break;
            }
            ensure!(began.elapsed() < PATIENCE, "somebody was left after {} s", PATIENCE.as_secs());
            tokio::time::sleep(EVERY).await;
        }
        let seconds = began.elapsed().as_secs_f64();
        let written = database.number(WRITTEN_DOWN).await? - before;
        ensure!(written == ACCOUNTS, "the trail tells of {written} purges of {ACCOUNTS}");
        // The other services are told once more in an hour. Nobody waits for that here.
        database.run("DELETE FROM auth.jobs WHERE name = 'repeat_erasure'").await?;
        self.settle().await?;
        Ok(seconds)
    }
}

/// Accounts as a bot makes them, each signed in once.
async fn make(database: &Database) -> Result<()> {
    let (realm, tenant) = (RealmId::DEFAULT, TenantId::DEFAULT);
    let person = "('7' || lpad(n::text, 31, '0'))::uuid";
    let session = "('8' || lpad(n::text, 31, '0'))::uuid";
    let everybody = format!("generate_series(1, {ACCOUNTS}) n");
    database
        .run(&format!(
            "INSERT INTO auth.users (realm_id, id, kind, status, email, email_canonical, name, locale, password_phc,
                token_version, expires_at, created_at, updated_at)
             SELECT '{realm}', {person}, 'temporary', 'active', n || '@temporary.invalid', n || '@temporary.invalid',
                'Visitor ' || n, 'fr', 'nobody signs in any more', 1, now() + interval '1 day', now(), now()
             FROM {everybody};
             INSERT INTO auth.discord_links (realm_id, discord_id, user_id, for_tenant, created_at)
             SELECT '{realm}', '7' || lpad(n::text, 17, '0'), {person}, '{tenant}', now() FROM {everybody};
             INSERT INTO auth.memberships (tenant_id, user_id, realm_id, status, tier, created_at, updated_at)
             SELECT '{tenant}', {person}, '{realm}', 'active', 'free', now(), now() FROM {everybody};
             INSERT INTO auth.membership_roles (tenant_id, user_id, role)
             SELECT '{tenant}', {person}, 'member' FROM {everybody};
             INSERT INTO auth.sessions (realm_id, id, user_id, for_tenant, generation, session_key_sealed, rotated_at,
                surroundings_hash, amr, acr, authenticated_at, sliding_expires_at, absolute_expires_at)
             SELECT '{realm}', {session}, {person}, '{tenant}', 1, 'nothing refreshes it', now(), sha256('nowhere'), 'pwd',
                'aal1', now(), now() + interval '1 day', now() + interval '1 day' FROM {everybody};
             INSERT INTO auth.session_places (realm_id, session_id, opened_at, ip_prefix)
             SELECT '{realm}', {session}, now(), '198.51.100.0/24' FROM {everybody}"
        ))
        .await?;
    database.run("VACUUM ANALYZE").await
}

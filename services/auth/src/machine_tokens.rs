//! Tokens of service accounts: a key is shown, and what its account may do is what the token says.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::AssuranceLevel;
use shinkofa_kernel::{Actor, SessionId, TenantId, defended};
use shinkofa_web::{Fault, Problem};
use utoipa::ToSchema;

use crate::attempts::{record_failure, require_unlocked};
use crate::db::api_keys::{self, ApiKeyRow};
use crate::db::audit::Trail;
use crate::db::memberships::{self, Membership};
use crate::db::sessions::{self, NewSession, Session};
use crate::db::users::{self, Account};
use crate::db::{failures, service_accounts};
use crate::domain::api_key::{API_KEY, ApiKey, LAST_USE_TOLD_EVERY, SESSION_LASTS, SESSION_PROLONGED_BELOW};
use crate::domain::audit::AuditAction;
use crate::domain::device::{DeviceBinding, Digest, Surroundings};
use crate::domain::lockout;
use crate::domain::refresh_token::SessionKey;
use crate::domain::scopes::Scopes;
use crate::error::Error;
use crate::key_scopes::brought;
use crate::session_opening::{TokenSource, claims, demanded, key_context};
use crate::{Auth, banning};

/// A service account's access token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineToken {
    /// Send it as `Authorization: Bearer`. Nothing refreshes it: show the key again.
    #[schema(example = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMTkyIn0.c2lnbmF0dXJl")]
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until it ends.
    #[schema(example = 900)]
    expires_in: i64,
    /// What it opens: names of permissions, with a space between.
    #[schema(example = "booking.classes.manage booking.sessions.manage")]
    scope: String,
}

impl MachineToken {
    pub fn as_str(&self) -> &str {
        &self.access_token
    }
}

/// Counts what became of a key that was shown, wherever keys are.
pub fn count(token: &Result<MachineToken, Error>) {
    metrics::counter!("auth_machine_tokens_total", "outcome" => outcome(token)).increment(1);
}

fn outcome(token: &Result<MachineToken, Error>) -> &'static str {
    match token {
        Ok(_) => "issued",
        Err(Error::KeyRefused) => "refused",
        Err(Error::AccountSuspended | Error::NotAMember | Error::Banned) => "not_allowed",
        Err(Error::Locked { .. }) => "locked",
        Err(Error::Refused(_)) => "limited",
        Err(_) => "fault",
    }
}

/// Mints what a key brings to whoever comes from these surroundings. A wrong one counts for the lock, in a transaction of its own. A
/// right one that opens nothing is answered alike and is no guess: a program that goes on asking is let in once its key is good again.
pub async fn show(
    auth: &Auth,
    tenant: TenantId,
    (key, surroundings): (&ApiKey, &Surroundings),
    wanted: Option<&Scopes>,
) -> Result<MachineToken, Error> {
    let subject = lockout::api_key(key.prefix(), surroundings.network());
    let showing = Showing { key, subject: &subject, surroundings, wanted };
    let scope = Scope::realm(auth.realm).with_tenant(tenant);
    let minted = transaction(&auth.platform.database, &scope, "create_token", async |tx| {
        mint(tx, auth, tenant, &showing).await
    })
    .await?;
    if minted.is_none() {
        record_failure(auth, &[subject]).await?;
    }
    minted.ok_or(Error::KeyRefused)
}

/// Somebody shows a key.
struct Showing<'a> {
    key: &'a ApiKey,
    /// Whose failed attempts are counted together.
    subject: &'a Digest,
    surroundings: &'a Surroundings,
    /// Less than the key may bring, where that is enough.
    wanted: Option<&'a Scopes>,
}

/// The token that a key brings, `None` where it is none of this tenant's, or [`Error::KeyRefused`] where it is not good. Whoever
/// came by another way of signing in would be asked the same: the lock, the account, the membership, the bans.
async fn mint(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    showing: &Showing<'_>,
) -> Result<Option<MachineToken>, Error> {
    let (key, now) = (showing.key, auth.platform.clock.now());
    if defended!("V17") {
        require_unlocked(tx, auth, &[*showing.subject]).await?;
    }
    let row = api_keys::find_by_prefix(tx, tenant, key.prefix()).await?;
    let is_right = key.is(row.as_ref().map(|row| row.digest.as_slice()));
    let Some(row) = row.filter(|_| is_right) else { return Ok(None) };
    // Whoever revokes the key or disables the account waits for this transaction, or this one for them.
    if !service_accounts::hold(tx, tenant, row.user_id).await? {
        return Err(Error::KeyRefused);
    }
    let row = api_keys::find_by_prefix(tx, tenant, key.prefix()).await?;
    let row = row.filter(|row| row.is_live(now)).ok_or(Error::KeyRefused)?;
    let (account, membership, scopes) = usable(tx, auth, tenant, &row).await?;
    let scopes = narrowed(scopes, showing.wanted)?;
    let binding = DeviceBinding::new(None, showing.surroundings);
    // Whoever made a key may know it still.
    let accounts = [account.id, row.created_by];
    banning::require_not_banned(tx, auth, tenant, (&accounts, &binding, showing.surroundings)).await?;
    if failures::find(tx, auth.realm, showing.subject).await?.is_some() {
        failures::clear(tx, auth.realm, showing.subject).await?;
    }
    let trail = auth.trail(tenant, Actor::api_key(&row.prefix, account.id));
    let (session, ends_at) = session_of(tx, auth, &trail, &row, showing.surroundings).await?;
    api_keys::touch(tx, (tenant, row.id), (now, now - LAST_USE_TOLD_EVERY)).await?;

    let source = TokenSource {
        session,
        generation: 1,
        key: SessionKey::new(auth.randomness.bytes()?),
        methods: API_KEY.to_owned(),
        assurance: AssuranceLevel::Aal1,
        demanded: demanded(tx, auth, account.id, AssuranceLevel::Aal1).await?,
        authenticated_at: now,
        ends_at,
    };
    let mut claims = claims(auth, tenant, &source, (&account, &membership));
    // A program has no role, whatever somebody gave its membership: its scope says it all.
    claims.roles.clear();
    claims.scope = Some(scopes.to_text());
    claims.client_id = Some(row.prefix);
    Ok(Some(MachineToken {
        expires_in: (claims.exp - claims.iat).max(0),
        access_token: auth.platform.identity.user_tokens.sign(claims).map_err(Fault::unexpected)?,
        token_type: "Bearer",
        scope: scopes.to_text(),
    }))
}

/// The account behind a key, when it may have tokens, and what these may say.
async fn usable(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    key: &ApiKeyRow,
) -> Result<(Account, Membership, Scopes), Error> {
    let now = auth.platform.clock.now();
    let found = service_accounts::find(tx, (tenant, auth.realm, key.user_id)).await?;
    let service = found.ok_or(Error::KeyRefused)?;
    // Held, so that whoever suspends it does not miss the session that this may open.
    let account = users::hold(tx, auth.realm, key.user_id).await?.ok_or(Error::KeyRefused)?;
    let is_disabled = service.disabled_at.is_some() || !account.is_usable(now);
    if defended!("V28-machine") && is_disabled {
        return Err(Error::AccountSuspended);
    }
    let scopes = brought(tx, auth, tenant, (&service.scopes(), key.created_by)).await?;
    let scopes = scopes.ok_or(Error::KeyRefused)?;
    let membership = memberships::held(tx, tenant, key.user_id).await?;
    let membership = membership.filter(Membership::is_active).ok_or(Error::NotAMember)?;
    Ok((account, membership, scopes))
}

/// RFC 6749 section 3.3: less may be asked for, and not more.
fn narrowed(scopes: Scopes, wanted: Option<&Scopes>) -> Result<Scopes, Error> {
    match wanted {
        None => Ok(scopes),
        Some(wanted) if scopes.covers(wanted) => Ok(wanted.clone()),
        Some(_) => Err(Problem::invalid_field("/scope", "names more than this key may do").into()),
    }
}

/// The one session behind a key's tokens, and until when its tokens may last. Where it is over, of several at once one opens the
/// next.
async fn session_of(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    key: &ApiKeyRow,
    surroundings: &Surroundings,
) -> Result<(SessionId, DateTime<Utc>), Error> {
    let now = trail.clock.now();
    let wanted = (now + SESSION_LASTS).min(key.expires_at);
    if let Some(session) = live_session(tx, auth, key, now).await? {
        let left = session.absolute_expires_at - now;
        if left >= SESSION_PROLONGED_BELOW || session.absolute_expires_at >= wanted {
            return Ok((session.id, session.absolute_expires_at));
        }
    }
    let key = api_keys::lock(tx, trail.tenant, key.id).await?.ok_or(Error::KeyRefused)?;
    if let Some(session) = live_session(tx, auth, &key, now).await? {
        if sessions::prolong(tx, (auth.realm, session.id), wanted).await? {
            let details = json!({ "userId": key.user_id, "keyId": key.id });
            trail.session(tx, AuditAction::SessionProlonged, session.id, details).await?;
        }
        return Ok((session.id, session.absolute_expires_at.max(wanted)));
    }
    let session = open_session(tx, auth, trail, &key, (surroundings, wanted)).await?;
    Ok((session, wanted))
}

async fn live_session(
    tx: &mut Connection,
    auth: &Auth,
    key: &ApiKeyRow,
    now: DateTime<Utc>,
) -> Result<Option<Session>, Error> {
    let Some(id) = key.session_id else { return Ok(None) };
    let session = sessions::find(tx, auth.realm, id).await?;
    Ok(session.filter(|session| session.is_live(now) && session.user_id == key.user_id))
}

/// No refresh token is given out for it, so nobody ever holds its key.
async fn open_session(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    key: &ApiKeyRow,
    (surroundings, ends_at): (&Surroundings, DateTime<Utc>),
) -> Result<SessionId, Error> {
    let (id, now) = (SessionId::new(&trail.clock), trail.clock.now());
    let session_key = SessionKey::new(auth.randomness.bytes()?);
    let sealed = auth.sealing.seal(&key_context(id), &session_key.to_vec()).map_err(Fault::unexpected)?;
    let session = NewSession {
        realm_id: auth.realm,
        id,
        user_id: key.user_id,
        for_tenant: trail.tenant,
        generation: 1,
        session_key_sealed: sealed,
        rotated_at: now,
        device_hash: None,
        surroundings_hash: surroundings.digest().to_vec(),
        amr: API_KEY.to_owned(),
        acr: AssuranceLevel::Aal1.as_str().to_owned(),
        authenticated_at: now,
        sliding_expires_at: ends_at,
        absolute_expires_at: ends_at,
    };
    sessions::insert(tx, &session).await?;
    sessions::place(tx, (auth.realm, id), surroundings, now).await?;
    api_keys::set_session(tx, (trail.tenant, key.id), id).await?;
    let details = json!({ "userId": key.user_id, "methods": API_KEY, "keyId": key.id });
    trail.session(tx, AuditAction::SessionOpened, id, details).await?;
    Ok(id)
}

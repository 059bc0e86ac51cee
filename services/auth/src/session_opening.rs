//! Opening a session, and the tokens that one gives out.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, SET_COOKIE};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_db::{Connection, together};
use shinkofa_identity::{AssuranceLevel, UserClaims};
use shinkofa_kernel::{Role, SessionId, TenantId, Tier, UserId};
use shinkofa_web::Fault;
use utoipa::ToSchema;

use crate::db::audit::Trail;
use crate::db::memberships::Membership;
use crate::db::sessions::{NewSession, Session};
use crate::db::users::Account;
use crate::db::{factors, newcomers, openings, session_cap, session_families};
use crate::domain::account::FactorKind;
use crate::domain::audit::AuditAction;
use crate::domain::csrf_token::CsrfToken;
use crate::domain::device::{DeviceBinding, Surroundings};
use crate::domain::proof::{Carried, Proof};
use crate::domain::refresh_token::{RefreshToken, SessionKey};
use crate::domain::second_factor::enrols_only;
use crate::domain::session::{
    ACCESS_TOKEN, MOST_SESSIONS, SessionEnd, SessionLife, SessionMode, SessionTerm,
};
use crate::error::Error;
use crate::new_device::tell_of_new_device;
use crate::withdrawal::tell_ended;
use crate::{Auth, banning, browser};

/// The tokens of a session, and whose it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenAnswer {
    /// Send it as `Authorization: Bearer`.
    #[schema(example = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMTkyMDAwMCJ9.c2lnbmF0dXJl")]
    pub access_token: String,
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until the access token has to be refreshed.
    #[schema(example = 900)]
    pub expires_in: i64,
    /// Works once: every refresh brings the next one. In cookie mode it is in the cookie `__Host-rt` instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "AQGSAAAAAABwAIAAAAAAAAAAAAAAAAABvEaS8Rq3LZ0")]
    pub refresh_token: Option<String>,
    /// In cookie mode: what a page of ours sends as `X-CSRF-Token` to refresh. Good as long as the session; keep it in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "x3n7Yb2LmQ0pV9sR4tU6wA.8kE1cZ5hJ3gF7dS2aP0oI9uY6tR4eW1q")]
    pub csrf_token: Option<String>,
    /// True where the role needs a second factor and none is enrolled: the access token opens the enrolment of one, the
    /// profile and signing out, and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_factor_enrolment_required: Option<bool>,
    /// True for a member of nothing, who is let in at the platform's own host: the access token opens a copy of the account, its
    /// deletion, joining a studio and signing out, and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_only: Option<bool>,
    /// The proof that this device was remembered, given once: with it and the same `deviceId` the next sign-ins leave out
    /// the second factor.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    pub device_token: Option<String>,
    pub user: SignedInUser,
    /// For whoever opened it, not for the answer.
    #[serde(skip)]
    #[schema(ignore)]
    pub session: SessionId,
    /// What the browser is given to keep.
    #[serde(skip)]
    cookies: Vec<String>,
}

impl TokenAnswer {
    /// Tells the browser what it is called, in cookie mode.
    #[must_use]
    pub fn in_surroundings(mut self, surroundings: &Surroundings) -> Self {
        self.cookies.extend(surroundings.browser().map(browser::keep_browser));
        self
    }

    /// As an answer that nobody else keeps, with its cookies.
    pub fn respond(&self, status: StatusCode) -> HttpResponse {
        let mut response = HttpResponse::build(status);
        response.insert_header((CACHE_CONTROL, "no-store"));
        for cookie in &self.cookies {
            response.append_header((SET_COOKIE, cookie.as_str()));
        }
        response.json(self)
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedInUser {
    pub user_id: UserId,
    #[schema(example = "anna@example.org")]
    pub email: String,
    #[schema(example = "Anna Martin")]
    pub name: String,
    pub roles: Vec<Role>,
    /// Those that the studio made itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["front_desk"]))]
    pub custom_roles: Vec<String>,
    pub tier: Tier,
    pub tenant_id: TenantId,
}

/// Somebody who has just shown who they are.
pub struct Opening<'a> {
    pub account: &'a Account,
    pub membership: &'a Membership,
    pub binding: &'a DeviceBinding,
    pub surroundings: &'a Surroundings,
    /// How they showed it.
    pub proof: Proof,
}

/// What a session's tokens are made of.
pub struct TokenSource {
    pub session: SessionId,
    pub generation: i32,
    pub key: SessionKey,
    pub methods: String,
    pub assurance: AssuranceLevel,
    /// What a step-up takes of the account: see [`demanded`].
    pub demanded: AssuranceLevel,
    pub authenticated_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
}

impl TokenSource {
    /// The tokens of `session`, whose key this is, at `generation`.
    pub fn of(session: &Session, key: SessionKey, generation: i32, demanded: AssuranceLevel) -> Self {
        Self {
            session: session.id,
            generation,
            key,
            methods: session.amr.clone(),
            assurance: session.assurance(),
            demanded,
            authenticated_at: session.authenticated_at,
            ends_at: session.absolute_expires_at,
        }
    }
}

/// A session's key is sealed for that session: a row cannot borrow another one's.
pub fn key_context(session: SessionId) -> String {
    format!("session_key:{session}")
}

pub fn open_key(auth: &Auth, session: &Session) -> Result<SessionKey, Error> {
    let bytes = auth
        .sealing
        .open(&key_context(session.id), &session.session_key_sealed)
        .map_err(Fault::unexpected)?;
    SessionKey::from_slice(&bytes).ok_or_else(|| Fault::unexpected("a session key has another length").into())
}

/// A tenant that is not open mints nothing, and a membership that is not active opens nothing.
pub fn require_active(membership: &Membership) -> Result<(), Error> {
    if membership.is_active() {
        Ok(())
    } else if membership.tenant_is_open() {
        Err(Error::NotAMember)
    } else {
        Err(Error::TenantClosed)
    }
}

/// Who is about to have a session, as far as it decides on it.
pub struct Newcomer<'a> {
    pub user: UserId,
    /// What they have shown.
    pub assurance: AssuranceLevel,
    pub binding: &'a DeviceBinding,
    pub surroundings: &'a Surroundings,
}

/// What was seen of them.
pub struct Looked {
    is_unfamiliar: bool,
    /// Of what they are signed in on, some have to end.
    has_too_many: bool,
    /// The factors that they have confirmed.
    pub kinds: Vec<FactorKind>,
    demanded: AssuranceLevel,
}

/// Looks at who is about to have a session; [`Error::Banned`] for whoever was banned or comes with what was.
pub async fn look_at(
    tx: &Connection,
    auth: &Auth,
    tenant: TenantId,
    newcomer: &Newcomer<'_>,
) -> Result<Looked, Error> {
    let fingerprints =
        banning::fingerprints(auth, tenant, (&[newcomer.user], newcomer.binding, newcomer.surroundings));
    let (whose, now) = ((auth.realm, tenant, newcomer.user), auth.platform.clock.now());
    let seen = newcomers::look_at(tx, whose, newcomer.binding, fingerprints, now).await?;
    if seen.is_banned {
        return Err(Error::Banned);
    }
    Ok(Looked {
        is_unfamiliar: seen.is_unfamiliar(),
        has_too_many: seen.has_too_many,
        demanded: of_all(newcomer.assurance, !seen.kinds.is_empty()),
        kinds: seen.kinds,
    })
}

/// Opens a session and gives out its first tokens.
pub async fn open_session(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    opening: &Opening<'_>,
) -> Result<TokenAnswer, Error> {
    let newcomer = Newcomer {
        user: opening.account.id,
        assurance: opening.proof.assurance,
        binding: opening.binding,
        surroundings: opening.surroundings,
    };
    let looked = look_at(tx, auth, trail.tenant, &newcomer).await?;
    open(tx, auth, trail, (opening, &looked)).await
}

/// The same for whoever was looked at in this transaction.
pub async fn open(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (opening, looked): (&Opening<'_>, &Looked),
) -> Result<TokenAnswer, Error> {
    let now = trail.clock.now();
    // Whatever way somebody came, they come through here.
    require_active(opening.membership)?;
    let (account, proof) = (opening.account, &opening.proof);
    let life = SessionLife::of_account(account.kind, &opening.membership.roles);
    let term = SessionTerm::beginning(life, now);
    let carried = proof.carried;
    // What was shown for another session counts from when it was shown.
    let ends_at = carried.map_or(term.absolute, |carried| {
        term.absolute.min(carried.ends_at).min(carried.shown_at + life.whole)
    });
    if ends_at <= now {
        return Err(Error::SignInThere);
    }
    let source = TokenSource {
        session: SessionId::new(&trail.clock),
        generation: 1,
        key: SessionKey::new(auth.randomness.bytes()?).in_mode(opening.surroundings.mode()),
        methods: proof.methods.clone(),
        assurance: proof.assurance,
        demanded: looked.demanded,
        authenticated_at: carried.map_or(now, |carried| carried.shown_at),
        ends_at,
    };
    if looked.is_unfamiliar {
        tell_of_new_device(tx, auth, trail, account, (source.session, opening.surroundings)).await?;
    }
    let session = new_session(auth, trail.tenant, opening, (&source, term.sliding))?;
    let details = serde_json::json!({ "userId": account.id, "methods": source.methods });
    let whose = (auth.realm, account.id, trail.tenant);
    // What may wait for another sign-in goes first.
    let ended = if looked.has_too_many {
        session_cap::end_beyond(tx, whose, (source.session, MOST_SESSIONS - 1), now).await?
    } else {
        Vec::new()
    };
    let ((), ()) = together!(
        openings::open(tx, session, opening.surroundings),
        trail.session(tx, AuditAction::SessionOpened, source.session, details),
    )?;
    if let Some(Carried { origin, .. }) = carried {
        session_families::note(tx, (auth.realm, source.session), origin).await?;
    }
    if !ended.is_empty() {
        // Every service reads of them, this one too.
        let ended: Vec<_> = ended.into_iter().map(|session| (session, account.id)).collect();
        tell_ended(tx, trail, &ended, SessionEnd::TooMany).await?;
    }
    let answer = tokens(auth, trail.tenant, &source, (account, opening.membership))?;
    Ok(answer.in_surroundings(opening.surroundings))
}

fn new_session(
    auth: &Auth,
    tenant: TenantId,
    opening: &Opening<'_>,
    (source, idle_until): (&TokenSource, DateTime<Utc>),
) -> Result<NewSession, Error> {
    let sealed =
        auth.sealing.seal(&key_context(source.session), &source.key.to_vec()).map_err(Fault::unexpected)?;
    Ok(NewSession {
        realm_id: auth.realm,
        id: source.session,
        user_id: opening.account.id,
        for_tenant: tenant,
        generation: source.generation,
        session_key_sealed: sealed,
        rotated_at: auth.platform.clock.now(),
        device_hash: opening.binding.device.map(|device| device.to_vec()),
        surroundings_hash: opening.surroundings.digest().to_vec(),
        amr: source.methods.clone(),
        acr: source.assurance.as_str().to_owned(),
        authenticated_at: source.authenticated_at,
        sliding_expires_at: idle_until.min(source.ends_at),
        absolute_expires_at: source.ends_at,
    })
}

/// What an access token of this session says now.
pub fn claims(
    auth: &Auth,
    tenant: TenantId,
    source: &TokenSource,
    (account, membership): (&Account, &Membership),
) -> UserClaims {
    let now = auth.platform.clock.now();
    let mut end = (now + ACCESS_TOKEN).min(source.ends_at);
    if let Some(account_end) = account.expires_at {
        end = end.min(account_end);
    }
    UserClaims {
        iss: String::new(),
        aud: Vec::new(),
        sub: account.id,
        user_id_camel: account.id,
        user_id_snake: account.id,
        email: account.email.clone(),
        email_verified: account.email_verified_at.is_some(),
        roles: membership.roles.clone(),
        custom_roles: membership.custom_role_names(),
        tier: membership.tier,
        tenant_id: tenant,
        sid: source.session,
        jti: auth.platform.clock.new_uuid(),
        tv: account.token_version,
        amr: source.methods.split(' ').map(ToOwned::to_owned).collect(),
        acr: source.assurance,
        step_up: source.demanded,
        auth_time: source.authenticated_at.timestamp(),
        acct: account.kind.as_str().to_owned(),
        act: None,
        ro: false,
        scope: None,
        client_id: None,
        iat: now.timestamp(),
        nbf: now.timestamp(),
        exp: end.timestamp(),
    }
}

/// Signs the access token and writes the refresh token of a session's present generation.
pub fn tokens(
    auth: &Auth,
    tenant: TenantId,
    source: &TokenSource,
    (account, membership): (&Account, &Membership),
) -> Result<TokenAnswer, Error> {
    let claims = claims(auth, tenant, source, (account, membership));
    let expires_in = (claims.exp - claims.iat).max(0);
    let enrols_only = enrols_only(&membership.authority().weight(), source.assurance, &source.methods);
    let user_tokens = &auth.platform.identity.user_tokens;
    let signed = match (membership.account_only, enrols_only) {
        (true, _) => user_tokens.sign_for_account(claims),
        (false, true) => user_tokens.sign_for_enrolment(claims),
        (false, false) => user_tokens.sign(claims),
    };
    let kept = refresh_token(auth, source)?;
    Ok(TokenAnswer {
        access_token: signed.map_err(Fault::unexpected)?,
        token_type: "Bearer",
        expires_in,
        refresh_token: kept.in_body,
        csrf_token: kept.csrf_token,
        second_factor_enrolment_required: enrols_only.then_some(true),
        account_only: membership.account_only.then_some(true),
        device_token: None,
        user: SignedInUser {
            user_id: account.id,
            email: account.email.clone(),
            name: account.name.clone(),
            roles: membership.roles.clone(),
            custom_roles: membership.custom_role_names(),
            tier: membership.tier,
            tenant_id: tenant,
        },
        session: source.session,
        cookies: kept.in_cookie.into_iter().collect(),
    })
}

/// A refresh token on its way to whoever keeps it.
#[derive(Default)]
struct Kept {
    in_body: Option<String>,
    in_cookie: Option<String>,
    csrf_token: Option<String>,
}

/// The refresh token of a session's present generation, by the session's own mode: whatever a request asks for, a token of a
/// browser is never shown to a script.
fn refresh_token(auth: &Auth, source: &TokenSource) -> Result<Kept, Error> {
    let token = RefreshToken::issue(source.session, source.generation, &source.key).encode();
    Ok(match source.key.mode() {
        SessionMode::Bearer => Kept { in_body: Some(token), ..Kept::default() },
        SessionMode::Cookie => {
            let lasts = source.ends_at - auth.platform.clock.now();
            let csrf = CsrfToken::issue(source.session, &source.key, auth.randomness.bytes()?);
            Kept {
                in_cookie: Some(browser::keep_refresh_token(&token, lasts)),
                csrf_token: Some(csrf.encode()),
                ..Kept::default()
            }
        }
    })
}

/// What a step-up takes of an account: all that it can show. Whoever showed two factors has nothing to be asked for.
pub async fn demanded(
    tx: &Connection,
    auth: &Auth,
    user: UserId,
    shown: AssuranceLevel,
) -> Result<AssuranceLevel, Error> {
    if shown == AssuranceLevel::Aal2 {
        return Ok(shown);
    }
    Ok(of_all(shown, factors::any_confirmed(tx, auth.realm, user).await?))
}

fn of_all(shown: AssuranceLevel, has_factors: bool) -> AssuranceLevel {
    if shown == AssuranceLevel::Aal2 || has_factors { AssuranceLevel::Aal2 } else { AssuranceLevel::Aal1 }
}

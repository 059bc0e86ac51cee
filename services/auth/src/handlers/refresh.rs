//! `POST /api/auth/refresh`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, together, transaction_after};
use shinkofa_identity::HostTenant;
use shinkofa_kernel::{Actor, SessionId, TenantId, defended};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, RequestContext, Unavailability,
};
use utoipa::ToSchema;

use super::sign_in::surroundings;
use crate::account_only::or_account_only;
use crate::browser::{RefreshCookie, RefreshCookieHeaders};
use crate::db::live::{self, Behind};
use crate::db::memberships::Membership;
use crate::db::sessions;
use crate::db::sessions::Session;
use crate::db::users::Account;
use crate::domain::audit::AuditAction;
use crate::domain::csrf_token::CsrfToken;
use crate::domain::device::{DeviceBinding, DeviceId, Surroundings};
use crate::domain::refresh_token::{RefreshToken, SessionKey};
use crate::domain::rotation::{SameDevice, Verdict};
use crate::domain::session::{SessionEnd, SessionLife, SessionMode};
use crate::error::Error;
use crate::reused_token::{end_reused, refuse_ended};
use crate::session_opening::{TokenAnswer, TokenSource, demanded, open_key, tokens};
use crate::withdrawal::end_one;
use crate::{Auth, limits};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshRequest {
    /// Any text that is no refresh token of ours is refused with 401. Absent in cookie mode: the browser sends it.
    #[schema(value_type = Option<String>, max_length = 512, example = "AQGSAAAAAABwAIAAAAAAAAAAAAAAAAABvEaS8Rq3LZ0")]
    refresh_token: Option<String>,
    /// The one that was sent at sign-in.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "phone-7f3a")]
    device_id: Option<DeviceId>,
}

/// Exchange a refresh token for the next pair
///
/// Every token works once. The one before the current still gets the current one for ten seconds from the same device,
/// because tabs race; any other earlier token ends the session for whoever holds one, with all that were opened from one another by
/// switching studios, and its owner is told by letter.
///
/// In cookie mode the token comes in the cookie `__Host-rt` and the next one goes there. That takes an `Origin` of ours and
/// the `X-CSRF-Token` of the session. A token of one mode is refused in the other.
#[utoipa::path(
    tag = "sign-in",
    params(
        RefreshCookieHeaders,
        ("__Host-rt" = Option<String>, Cookie, example = "AQGSAAAAAABwAIAAAAAAAAAAAAAAAAABvEaS8Rq3LZ0", description = "In cookie mode: as a sign-in or a refresh set it"),
    ),
    request_body = RefreshRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = TokenAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "in cookie mode `origin_refused` or `csrf_refused`: nothing was changed"),
    ),
)]
#[post("/api/auth/refresh")]
pub async fn refresh(
    request: HttpRequest,
    auth: web::Data<Auth>,
    host: HostTenant,
    context: RequestContext,
    body: Body<RefreshRequest>,
) -> Result<HttpResponse, Error> {
    let Body(RefreshRequest { refresh_token, device_id }) = body;
    auth.platform.limiter.require(&limits::REFRESH_BY_NETWORK, context.client.as_str()).await?;
    let presented = match refresh_token {
        Some(text) => Presented::in_body(text, surroundings(&request, &context))?,
        None => Presented::from(RefreshCookie::of(&request, &context)?),
    };
    let shown = DeviceBinding::new(device_id.as_ref(), &presented.surroundings);

    let scope = Scope::realm(auth.realm).with_tenant(host.0);
    let session = presented.token.session;
    let outcome = transaction_after(
        &auth.platform.database,
        &scope,
        "refresh",
        async |tx| Ok::<_, Error>(live::behind(tx, (auth.realm, host.0), session).await?),
        async |tx, seen| exchange(tx, &auth, host.0, (&presented, &shown), seen).await,
    )
    .await?;
    metrics::counter!("auth_refreshes_total", "outcome" => outcome.name()).increment(1);
    match outcome {
        Outcome::Rotated(answer) | Outcome::Repeated(answer) => {
            Ok(answer.in_surroundings(&presented.surroundings).respond(StatusCode::OK))
        }
        Outcome::Ended(session, with_it) => Err(refuse_ended(&auth, session, &with_it)),
        Outcome::Refused => Err(Error::RefreshRefused),
    }
}

/// A refresh token in the way that it came.
struct Presented {
    token: RefreshToken,
    csrf: Option<CsrfToken>,
    surroundings: Surroundings,
}

impl Presented {
    fn in_body(text: String, surroundings: Surroundings) -> Result<Self, Error> {
        let token = RefreshToken::try_from(text).map_err(|_| Error::RefreshRefused)?;
        Ok(Self { token, csrf: None, surroundings })
    }

    /// Nothing that a browser sends by itself moves or ends a session, unless a page of ours made it do so.
    fn require_csrf(&self, session: &Session, key: &SessionKey) -> Result<(), Error> {
        match self.surroundings.mode() {
            SessionMode::Bearer => Ok(()),
            SessionMode::Cookie if self.csrf.as_ref().is_some_and(|csrf| csrf.is_of(session.id, key)) => {
                Ok(())
            }
            SessionMode::Cookie => Err(Error::CsrfRefused),
        }
    }
}

impl From<RefreshCookie> for Presented {
    fn from(cookie: RefreshCookie) -> Self {
        Self { token: cookie.token, csrf: cookie.csrf, surroundings: cookie.surroundings }
    }
}

/// A refusal may have ended the session, which has to be committed: so it is no error of the transaction.
enum Outcome {
    Rotated(Box<TokenAnswer>),
    Repeated(Box<TokenAnswer>),
    /// What it was, and what went with it.
    Ended(SessionId, Vec<SessionId>),
    Refused,
}

impl Outcome {
    fn name(&self) -> &'static str {
        match self {
            Self::Rotated(_) => "rotated",
            Self::Repeated(_) => "repeated",
            Self::Ended(..) => "ended",
            Self::Refused => "refused",
        }
    }
}

/// Looks again as long as somebody else moved the session in between. The fence is the generation in PostgreSQL alone: no
/// cache that was restored or restarted brings an old token back.
async fn exchange(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    (presented, shown): (&Presented, &DeviceBinding),
    mut seen: Option<Behind>,
) -> Result<Outcome, Error> {
    let Presented { token, surroundings, .. } = presented;
    let now = auth.platform.clock.now();
    loop {
        let Some(Behind { session, account, membership }) = seen else {
            return Ok(Outcome::Refused);
        };
        // Only somebody who held one of its tokens can end a session.
        let key = open_key(auth, &session)?;
        let authentic = token.is_authentic(&key);
        let elsewhere = session.for_tenant != tenant && defended!("V24-refresh");
        if !authentic || !session.is_live(now) || elsewhere {
            return Ok(Outcome::Refused);
        }
        // A token that somebody slipped into a browser was given out to keep elsewhere.
        if defended!("V16") && key.mode() != surroundings.mode() {
            return Ok(Outcome::Refused);
        }
        presented.require_csrf(&session, &key)?;
        let account = account.filter(|account| account.is_usable(now));
        let membership = match &account {
            Some(account) => or_account_only(tx, tenant, account, membership).await?,
            None => None,
        };
        let allowed = |membership: &Membership| membership.is_active() || !defended!("V23-refresh");
        let (Some(account), Some(membership)) = (account, membership.filter(allowed)) else {
            end_one(tx, auth, &session, SessionEnd::AccessWithdrawn).await?;
            return Ok(Outcome::Ended(session.id, Vec::new()));
        };
        // Whoever became an admin since they signed in is asked again as soon as any admin.
        let session = session.within(SessionLife::of_account(account.kind, &membership.roles));
        if !session.is_live(now) {
            return Ok(Outcome::Refused);
        }
        let same_device = if session.binding().is(shown) { SameDevice::Yes } else { SameDevice::No };
        let holder = (&account, &membership);
        let opened = (&session, &key);
        let done = match session.rotation().judge(token.generation, same_device, now) {
            Verdict::Rotate => rotate(tx, auth, opened, holder, surroundings).await?,
            Verdict::Repeat { counted: true }
                if !sessions::count_repeat(tx, (auth.realm, session.id), session.rotation()).await? =>
            {
                None
            }
            Verdict::Repeat { .. } => Some(repeat(tx, auth, opened, holder).await?),
            Verdict::Reused => {
                Some(Outcome::Ended(session.id, end_reused(tx, auth, &session, &account).await?))
            }
        };
        if let Some(outcome) = done {
            return Ok(outcome);
        }
        seen = live::behind(tx, (auth.realm, tenant), token.session).await?;
    }
}

async fn rotate(
    tx: &mut Connection,
    auth: &Auth,
    (session, key): (&Session, &SessionKey),
    (account, membership): (&Account, &Membership),
    surroundings: &Surroundings,
) -> Result<Option<Outcome>, Error> {
    let now = auth.platform.clock.now();
    let term = session.term().used(SessionLife::of_account(account.kind, &membership.roles), now);
    let from = (auth.realm, session.id, session.generation);
    if !sessions::rotate(tx, from, term, surroundings, now).await? {
        return Ok(None);
    }
    let next = session.generation.saturating_add(1);
    let place = async {
        // Whatever writes the digest writes the place.
        if session.surroundings_hash == surroundings.digest() {
            return Ok(());
        }
        Ok(sessions::place(tx, (auth.realm, session.id), surroundings, now).await?)
    };
    // What is demanded is asked once the session is this refresh's own: whoever adds a factor writes to it as well.
    let (demanded, (), ()) = together!(
        demanded(tx, auth, session.user_id, session.assurance()),
        place,
        audit(tx, auth, session, AuditAction::SessionRotated, json!({ "generation": next })),
    )?;
    let source = TokenSource::of(session, key.clone(), next, demanded);
    let answer = tokens(auth, session.for_tenant, &source, (account, membership))?;
    Ok(Some(Outcome::Rotated(Box::new(answer))))
}

async fn repeat(
    tx: &mut Connection,
    auth: &Auth,
    (session, key): (&Session, &SessionKey),
    (account, membership): (&Account, &Membership),
) -> Result<Outcome, Error> {
    let (demanded, ()) = together!(
        demanded(tx, auth, session.user_id, session.assurance()),
        audit(tx, auth, session, AuditAction::SessionRepeated, json!({ "generation": session.generation })),
    )?;
    let source = TokenSource::of(session, key.clone(), session.generation, demanded);
    let answer = tokens(auth, session.for_tenant, &source, (account, membership))?;
    Ok(Outcome::Repeated(Box::new(answer)))
}

async fn audit(
    tx: &Connection,
    auth: &Auth,
    session: &Session,
    action: AuditAction,
    details: serde_json::Value,
) -> Result<(), Error> {
    let trail = auth.trail(session.for_tenant, Actor::user(session.user_id));
    Ok(trail.session(tx, action, session.id, details).await?)
}

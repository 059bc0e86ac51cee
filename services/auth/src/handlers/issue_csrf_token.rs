//! `POST /api/auth/csrf`

use actix_web::{HttpResponse, post, web};
use serde::Serialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_kernel::TenantId;
use shinkofa_web::{CallerRefusals, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::browser::RefreshCookie;
use crate::db::sessions;
use crate::domain::csrf_token::CsrfToken;
use crate::domain::device::DeviceBinding;
use crate::domain::rotation::{SameDevice, Verdict};
use crate::domain::session::SessionMode;
use crate::error::Error;
use crate::session_opening::open_key;
use crate::{Auth, limits};

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CsrfTokenAnswer {
    /// Send it as `X-CSRF-Token` with `POST /api/auth/refresh`. Good as long as the session.
    #[schema(example = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k.3v2hRZ0y")]
    csrf_token: String,
}

/// Ask for a CSRF token
///
/// For a page of ours that was just loaded, in a browser that keeps a session's refresh token in the cookie `__Host-rt`: with
/// the token it refreshes the session, and has its access token. Takes an `Origin` of ours, and changes nothing. Only a page
/// that may read the answer has any use of it.
#[utoipa::path(
    tag = "sign-in",
    params(("__Host-rt" = Option<String>, Cookie, example = "AQGSAAAAAABwAIAAAAAAAAAAAAAAAAABvEaS8Rq3LZ0", description = "As a sign-in or a refresh set it")),
    responses(
        CallerRefusals, RateRefusal, Unavailability,
        (status = 200, body = CsrfTokenAnswer),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json", description = "`refresh_refused`: there is no session to refresh"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`origin_refused`"),
    ),
)]
#[post("/api/auth/csrf")]
pub async fn issue_csrf_token(
    auth: web::Data<Auth>,
    host: HostTenant,
    cookie: RefreshCookie,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::REFRESH_BY_NETWORK, cookie.surroundings.network()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(host.0);
    let token = transaction(&auth.platform.database, &scope, "issue_csrf_token", async |tx| {
        issue(tx, &auth, host.0, &cookie).await
    })
    .await?;
    let answer = CsrfTokenAnswer { csrf_token: token.encode() };
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(answer))
}

/// For a cookie that a refresh would not refuse. One that was used up ends nothing here: that is the refresh's to do.
async fn issue(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    cookie: &RefreshCookie,
) -> Result<CsrfToken, Error> {
    let now = auth.platform.clock.now();
    let session = sessions::find(tx, auth.realm, cookie.token.session).await?.ok_or(Error::RefreshRefused)?;
    let key = open_key(auth, &session)?;
    let shown = DeviceBinding::new(None, &cookie.surroundings);
    let same_device = if session.binding().is(&shown) { SameDevice::Yes } else { SameDevice::No };
    let good = cookie.token.is_authentic(&key)
        && session.is_live(now)
        && session.for_tenant == tenant
        && key.mode() == SessionMode::Cookie
        && session.rotation().judge(cookie.token.generation, same_device, now) != Verdict::Reused;
    if good {
        Ok(CsrfToken::issue(session.id, &key, auth.randomness.bytes()?))
    } else {
        Err(Error::RefreshRefused)
    }
}

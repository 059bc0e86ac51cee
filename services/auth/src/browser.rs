//! Cookie mode, for pages of ours: the browser keeps the refresh token where no script reads it, and sends it to this host
//! alone. What makes that safe stands here: the attributes of the cookies, and what is asked of whoever sends one.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{COOKIE, ORIGIN};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use chrono::TimeDelta;
use shinkofa_kernel::{SessionId, defended};
use shinkofa_web::{Fault, Problem, RequestContext};
use utoipa::IntoParams;

use crate::Auth;
use crate::domain::csrf_token::CsrfToken;
use crate::domain::device::{DeviceId, Surroundings};
use crate::domain::refresh_token::RefreshToken;
use crate::domain::session::SessionMode;
use crate::error::Error;
use crate::handlers::sign_in::surroundings;

/// Browsers take a cookie of this prefix from this very host alone: encrypted, for every path and without a domain. So no
/// neighbour plants one (RFC 6265bis, 4.1.3).
const REFRESH_COOKIE: &str = "__Host-rt";
const DEVICE_COOKIE: &str = "__Host-device";
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";
/// As long as browsers keep a cookie at all.
const DEVICE_KEPT: TimeDelta = TimeDelta::days(400);
const MODE_HEADER: &str = "session-mode";
const CSRF_HEADER: &str = "x-csrf-token";
const FETCH_SITE: &str = "sec-fetch-site";

/// What a way of signing in may be told beside its body.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "what the documents say of a header that `SignInCaller` reads")]
pub struct SessionModeHeader {
    /// `cookie`: the refresh token is not in the body but in the cookie `__Host-rt`, for pages in a browser. It takes an
    /// `Origin` that is one of ours, or that of the studio's host which is asked. The device is then known by the cookie `__Host-device`, and a `deviceId` says nothing.
    #[param(rename = "Session-Mode", inline, value_type = Option<SessionMode>)]
    session_mode: Option<SessionMode>,
}

/// What goes with a refresh token that comes in a cookie.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "what the documents say of headers that `RefreshCookie` reads")]
pub struct RefreshCookieHeaders {
    /// The `csrfToken` of an answer that opened or refreshed the session, or of `POST /api/auth/csrf`.
    #[param(rename = "X-CSRF-Token", value_type = Option<String>, example = "x3n7Yb2LmQ0pV9sR4tU6wA.8kE1cZ5hJ3gF7dS2aP0oI9uY6tR4eW1q")]
    csrf_token: Option<String>,
}

/// Where somebody signs in from, in the mode that they ask for. Every way of signing in takes its caller from here, and so does every
/// request for a letter to sign in by.
#[derive(Debug)]
pub struct SignInCaller(pub Surroundings);

impl FromRequest for SignInCaller {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let context = RequestContext::from_request(request, payload).into_inner();
        ready(context.map_err(Error::from).and_then(|context| Self::of(request, &context)))
    }
}

impl SignInCaller {
    fn of(request: &HttpRequest, context: &RequestContext) -> Result<Self, Error> {
        let surroundings = surroundings(request, context);
        match asked_mode(request)? {
            SessionMode::Bearer => Ok(Self(surroundings)),
            SessionMode::Cookie => {
                require_our_page(request)?;
                Ok(Self(surroundings.in_browser(browser(request)?)))
            }
        }
    }
}

fn asked_mode(request: &HttpRequest) -> Result<SessionMode, Error> {
    let Some(value) = request.headers().get(MODE_HEADER) else { return Ok(SessionMode::Bearer) };
    let mode = value.to_str().ok().and_then(|text| text.parse().ok());
    mode.ok_or_else(|| {
        let en = "The header Session-Mode is `bearer` or `cookie`.";
        Problem::malformed(en, "L'en-tête Session-Mode vaut `bearer` ou `cookie`.").into()
    })
}

/// A refresh token as a browser sends it, and what proves that a page of ours made it do so. Nothing of it is believed yet.
#[derive(Debug)]
pub struct RefreshCookie {
    pub token: RefreshToken,
    pub csrf: Option<CsrfToken>,
    pub surroundings: Surroundings,
}

impl FromRequest for RefreshCookie {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let context = RequestContext::from_request(request, payload).into_inner();
        ready(context.map_err(Error::from).and_then(|context| Self::of(request, &context)))
    }
}

impl RefreshCookie {
    /// 403 for a page that is not ours, 401 where there is no cookie that could be one.
    pub fn of(request: &HttpRequest, context: &RequestContext) -> Result<Self, Error> {
        require_our_page(request)?;
        let token = refresh_token(request).ok_or(Error::RefreshRefused)?;
        let csrf = request.headers().get(CSRF_HEADER).and_then(|value| value.to_str().ok());
        Ok(Self {
            token,
            csrf: csrf.and_then(CsrfToken::read),
            surroundings: surroundings(request, context).in_browser(browser(request)?),
        })
    }
}

/// A browser says on whose page a request was made, and no script can make it say otherwise. Whatever the cookie itself
/// proves, a page of somebody else's has no use of it.
fn require_our_page(request: &HttpRequest) -> Result<(), Error> {
    let said = |name: &str| {
        let mut values = request.headers().get_all(name);
        let only = values.next().and_then(|value| value.to_str().ok());
        only.filter(|_| values.next().is_none())
    };
    let auth = auth(request)?;
    let ours = said(ORIGIN.as_str())
        .is_some_and(|origin| auth.origins.has(origin) || is_of_this_tenants_host(request, auth, origin));
    // Browsers that are older than the header say nothing there.
    let same_site = !request.headers().contains_key(FETCH_SITE)
        || matches!(said(FETCH_SITE), Some("same-origin" | "same-site"));
    if ours && same_site { Ok(()) } else { Err(Error::OriginRefused) }
}

/// A tenant's pages are at the very host that its requests go to, and their cookie is there.
fn is_of_this_tenants_host(request: &HttpRequest, auth: &Auth, origin: &str) -> bool {
    let extensions = request.extensions();
    let host = extensions.get::<RequestContext>().map_or("", |context| context.host.as_str());
    auth.tenant_pages.origin_of(host).is_some_and(|own| own == origin)
}

fn auth(request: &HttpRequest) -> Result<&web::Data<Auth>, Error> {
    request.app_data::<web::Data<Auth>>().ok_or_else(|| Fault::unexpected("the service has no state").into())
}

/// What this browser is called: as its cookie says, or from now on.
fn browser(request: &HttpRequest) -> Result<DeviceId, Error> {
    let known = cookie(request, DEVICE_COOKIE).and_then(|text| DeviceId::try_from(text.to_owned()).ok());
    match known.filter(|browser| browser.looks_drawn() || !defended!("V16-cookie")) {
        Some(browser) => Ok(browser),
        None => Ok(DeviceId::from_random(auth(request)?.randomness.bytes()?)),
    }
}

fn refresh_token(request: &HttpRequest) -> Option<RefreshToken> {
    cookie(request, REFRESH_COOKIE).and_then(|text| RefreshToken::try_from(text.to_owned()).ok())
}

/// The value of the only cookie of this name, letter by letter. A browser holds one at most: of two, one was slipped in by
/// something that knows nothing of the prefix, and there is no telling which.
fn cookie<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let pairs = request.headers().get_all(COOKIE).filter_map(|header| header.to_str().ok());
    let pairs = pairs.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
    let first = values.next();
    first.filter(|_| values.next().is_none() || !defended!("V16-cookie"))
}

/// Gives the browser a refresh token to keep for as long as its session may last at all.
pub fn keep_refresh_token(token: &str, lasts: TimeDelta) -> String {
    set(REFRESH_COOKIE, token, lasts)
}

/// Tells the browser what it is called.
pub fn keep_browser(browser: &DeviceId) -> String {
    set(DEVICE_COOKIE, browser.as_str(), DEVICE_KEPT)
}

/// Has the browser forget the refresh token that came with this request, if it is one of `session`.
pub fn forget_refresh_token(request: &HttpRequest, session: SessionId) -> Option<String> {
    let theirs = refresh_token(request).is_some_and(|token| token.session == session);
    theirs.then(|| set(REFRESH_COOKIE, "", TimeDelta::zero()))
}

fn set(name: &str, value: &str, lasts: TimeDelta) -> String {
    format!("{name}={value}; Max-Age={}; {ATTRIBUTES}", lasts.num_seconds().max(0))
}

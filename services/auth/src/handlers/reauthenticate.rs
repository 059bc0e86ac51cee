//! `POST /api/auth/reauthenticate`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::{AssuranceLevel, CurrentActor, EnrollingActor};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, Problem, ProblemDocument, RateRefusal, RequestContext, Unavailability,
};
use utoipa::ToSchema;

use super::sign_in::surroundings;
use crate::attempts::{self, Aim, record_failure};
use crate::db::{failures, sessions};
use crate::domain::audit::AuditAction;
use crate::domain::device::{Digest, Surroundings, digest_of};
use crate::domain::lockout;
use crate::domain::password::PresentedPassword;
use crate::domain::second_factor::{Asked, Shown};
use crate::domain::session::SessionLife;
use crate::domain::totp::FactorCode;
use crate::error::Error;
use crate::factor_codes::{self, CountedGuess, Guess};
use crate::first_factor::asked;
use crate::liveness::{Claimed, Live, require_password_alone, require_session};
use crate::session_opening::{TokenAnswer, TokenSource, demanded, open_key, tokens};
use crate::{Auth, limits};

/// One of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReauthenticateRequest {
    /// Where the account has no second factor.
    #[schema(value_type = Option<String>, format = "password", max_length = 1024, example = "my present private sentence")]
    password: Option<PresentedPassword>,
    /// Of the second factor, or a recovery code.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, example = "123456")]
    code: Option<FactorCode>,
}

/// Show again who I am
///
/// Opens what `step_up_required` refuses, for ten minutes. Whoever has a second factor shows it; to others the password is
/// asked. Answers the next tokens of the same session, in its mode. What is wrong makes the next attempt wait, as at signing in
/// and on a count of its own.
#[utoipa::path(
    tag = "sign-in",
    security(("bearer" = [])),
    request_body = ReauthenticateRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = TokenAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`reauthentication_refused`; `step_up_required` when a password was sent and a code is needed"),
    ),
)]
#[post("/api/auth/reauthenticate")]
pub async fn reauthenticate(
    request: HttpRequest,
    auth: web::Data<Auth>,
    EnrollingActor(actor): EnrollingActor,
    context: RequestContext,
    body: Body<ReauthenticateRequest>,
) -> Result<HttpResponse, Error> {
    let surroundings = surroundings(&request, &context);
    let answer = match body.0 {
        ReauthenticateRequest { password: Some(password), code: None } => {
            by_password(&auth, &actor, &password, &surroundings).await?
        }
        ReauthenticateRequest { password: None, code: Some(code) } => {
            by_code(&auth, &actor, &code, &surroundings).await?
        }
        _ => return Err(Problem::invalid_field("", "send a password or a code").into()),
    };
    auth.platform.committed();
    Ok(answer.respond(StatusCode::OK))
}

/// What a code can be mailed for, in this session.
pub fn challenge(actor: &CurrentActor) -> Digest {
    digest_of(&["reauthenticate", &actor.session_id.to_string()])
}

pub fn scope(auth: &Auth, actor: &CurrentActor) -> Scope {
    Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id)
}

async fn by_password(
    auth: &Auth,
    actor: &CurrentActor,
    password: &PresentedPassword,
    surroundings: &Surroundings,
) -> Result<TokenAnswer, Error> {
    let shown = attempts::reauthenticate(auth, actor, password, Aim::StepUp).await;
    shown.map_err(|error| match error {
        Error::WrongPassword => Error::ReauthenticationRefused,
        other => other,
    })?;
    transaction(&auth.platform.database, &scope(auth, actor), "reauthenticate", async |tx| {
        sessions::lock(tx, auth.realm, actor.session_id).await?;
        let live = require_password_alone(tx, auth, actor, auth.platform.clock.now()).await?;
        let methods = if live.session.amr.split(' ').any(|method| method == "pwd") {
            live.session.amr.clone()
        } else {
            format!("{} pwd", live.session.amr)
        };
        go_on(tx, auth, (live, surroundings), (&methods, AssuranceLevel::Aal1)).await
    })
    .await
}

/// What may be asked of the owner of a session.
pub async fn asked_again(tx: &mut Connection, auth: &Auth, live: &Live) -> Result<Asked, Error> {
    asked(tx, auth, &live.account, &live.membership.authority().weight(), &live.session.amr).await
}

async fn by_code(
    auth: &Auth,
    actor: &CurrentActor,
    code: &FactorCode,
    surroundings: &Surroundings,
) -> Result<TokenAnswer, Error> {
    auth.platform.limiter.require(&limits::REAUTHENTICATE_BY_USER, &actor.user_id.to_string()).await?;
    let (database, scope) = (&auth.platform.database, scope(auth, actor));
    let user = actor.user_id;
    let (challenge, subjects) = (challenge(actor), [lockout::reauthentication(user)]);
    let guess = Guess { user, code, subjects: &subjects, challenge: &challenge };
    // The count is committed before the code is looked at.
    let counted = transaction(database, &scope, "try_reauthentication", async |tx| {
        let now = auth.platform.clock.now();
        require_session(tx, auth.realm, Claimed::from(actor), now).await?;
        factor_codes::count(tx, auth, &guess).await
    })
    .await?;
    let result = transaction(database, &scope, "reauthenticate", async |tx| {
        accept_code(tx, auth, actor, (&guess, &counted), surroundings).await
    })
    .await;
    if matches!(result, Err(Error::ReauthenticationRefused)) {
        record_failure(auth, &subjects).await?;
    }
    result
}

async fn accept_code(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (guess, counted): (&Guess<'_>, &CountedGuess),
    surroundings: &Surroundings,
) -> Result<TokenAnswer, Error> {
    let live = lock(tx, auth, actor).await?;
    let asked = asked_again(tx, auth, &live).await?;
    let shown = factor_codes::accept(tx, auth, (guess, counted), &asked).await?;
    let shown: Shown = shown.ok_or(Error::ReauthenticationRefused)?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    factor_codes::tell_of_recovery(tx, auth, &trail, &live.account, shown).await?;
    for subject in guess.subjects {
        failures::clear(tx, auth.realm, subject).await?;
    }
    let methods = shown.added_to(&live.session.amr);
    go_on(tx, auth, (live, surroundings), (&methods, AssuranceLevel::Aal2)).await
}

/// What stands behind the token, with the session locked: of two at once one moves it on after the other.
pub async fn lock(tx: &mut Connection, auth: &Auth, actor: &CurrentActor) -> Result<Live, Error> {
    sessions::lock(tx, auth.realm, actor.session_id).await?;
    require_session(tx, auth.realm, Claimed::from(actor), auth.platform.clock.now()).await
}

/// The next tokens of the session: after showing who one is the earlier refresh token is used up (ASVS 5.0, 7.2.4).
pub async fn go_on(
    tx: &mut Connection,
    auth: &Auth,
    (live, surroundings): (Live, &Surroundings),
    (methods, assurance): (&str, AssuranceLevel),
) -> Result<TokenAnswer, Error> {
    let now = auth.platform.clock.now();
    let Live { session, account, membership } = live;
    let life = SessionLife::of_account(account.kind, &membership.roles);
    // Showing again who one is makes no session longer than it may be.
    let session = session.within(life);
    if !session.is_live(now) {
        return Err(Error::Unauthenticated);
    }
    let term = session.term().used(life, now);
    let from = (auth.realm, session.id, session.generation);
    if !sessions::rotate(tx, from, term, surroundings, now).await? {
        return Err(Error::Unauthenticated);
    }
    sessions::place(tx, (auth.realm, session.id), surroundings, now).await?;
    sessions::show_again(tx, (auth.realm, session.id), (methods, assurance), now).await?;
    let trail = auth.trail(session.for_tenant, shinkofa_kernel::Actor::user(account.id));
    let details = json!({ "methods": methods });
    trail.session(tx, AuditAction::SessionReauthenticated, session.id, details).await?;
    let demanded = demanded(tx, auth, account.id, assurance).await?;
    let key = open_key(auth, &session)?;
    let source = TokenSource {
        methods: methods.to_owned(),
        assurance,
        authenticated_at: now,
        ..TokenSource::of(&session, key, session.generation.saturating_add(1), demanded)
    };
    tokens(auth, session.for_tenant, &source, (&account, &membership))
}

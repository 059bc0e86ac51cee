//! `POST /api/auth/anonymous/upgrade`

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_jobs::enqueue;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, Fault, Locale, ProblemDocument, RateRefusal, RequestContext,
    Unavailability,
};
use utoipa::ToSchema;

use super::sign_in::surroundings;
use super::sign_up::VerificationSent;
use crate::banning::require_not_banned;
use crate::db::signups::{self, Signup, SignupId};
use crate::domain::account::AccountKind;
use crate::domain::consent::{GivenConsent, GivenConsents};
use crate::domain::email::{EmailAddress, ReachableAddress};
use crate::domain::password::NewPassword;
use crate::domain::person_name::PersonName;
use crate::error::Error;
use crate::jobs::settle_upgrade::SettleUpgrade;
use crate::liveness::{Claimed, require_member};
use crate::{Auth, attempts, limits, sign_up_gate};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpgradeGuestRequest {
    #[schema(value_type = String, format = "email", max_length = 254, example = "anna@example.org")]
    email: ReachableAddress,
    /// At least 12 characters, at most 1024 bytes, not a common or leaked password.
    #[schema(value_type = String, format = "password", min_length = 12, max_length = 1024, example = "a long and private sentence")]
    password: NewPassword,
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Anna Martin")]
    name: PersonName,
    /// The language of messages; that of `Accept-Language` when absent.
    locale: Option<Locale>,
    /// What the person agrees to by this: at most one text of each kind. Recorded once they answer the letter.
    #[serde(default)]
    #[schema(value_type = Vec<GivenConsent>, max_items = 4, example = json!([{ "kind": "terms", "version": "2026-11" }]))]
    consents: GivenConsents,
}

/// Turn a guest into a member
///
/// A link to confirm the address is sent to it. Once it is confirmed the account keeps its id, is a member's, and is signed in
/// to with the password; sessions of the guest end. The answer is the same for an address that has an account: its owner is
/// told by mail, the caller is not. Where only invited people sign up, a guest of before stays one.
#[utoipa::path(
    tag = "sign-up",
    security(("bearer" = [])),
    request_body = UpgradeGuestRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 202, body = VerificationSent),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`banned` or `sign_up_by_invitation`, or what every caller may be refused with"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`not_a_guest`: the account has an address already"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json", description = "`terms_not_accepted`: the studio asks for consent to a version of its terms that is not among the consents; or `invalid_fields`"),
    ),
)]
#[post("/api/auth/anonymous/upgrade")]
pub async fn upgrade_guest(
    request: HttpRequest,
    auth: web::Data<Auth>,
    actor: CurrentActor,
    context: RequestContext,
    body: Body<UpgradeGuestRequest>,
) -> Result<HttpResponse, Error> {
    let Body(UpgradeGuestRequest { email, password, name, locale, consents }) = body;
    let email = EmailAddress::from(email);
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::SIGN_UP_BY_NETWORK, context.client.as_str()).await?;
    limiter.require(&limits::SIGN_UP_BY_ADDRESS, &limits::key_of(&email)).await?;

    auth.leaks.refuse(&password, [name.as_str(), email.as_str()], "/password").await?;
    let turn = auth.hashing.turn().await?;
    let password_phc = attempts::hash(&auth, &turn, password.as_str()).await?;
    drop(turn);

    let surroundings = surroundings(&request, &context);
    // Whether the address is known is looked at by the job, so that it cannot be told from the answer or its time.
    let clock = &auth.platform.clock;
    let now = clock.now();
    let signup = Signup {
        realm_id: auth.realm,
        id: SignupId::new(clock),
        for_tenant: actor.tenant_id,
        email: email.as_str().to_owned(),
        email_canonical: email.canonical().to_owned(),
        name: name.as_str().to_owned(),
        locale: locale.unwrap_or(context.locale),
        password_phc,
        created_at: now,
        settled_at: None,
        invitation_digest: None,
        consents: serde_json::to_value(&consents).map_err(Fault::unexpected)?,
    };
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "upgrade_guest", async |tx| {
        let live = require_member(tx, auth.realm, Claimed::from(&actor), now).await?;
        if live.account.kind != AccountKind::Anonymous {
            return Err(Error::NotAGuest);
        }
        // However long ago they came in as a guest, they sign up now.
        let tenant = sign_up_gate::open(tx, actor.tenant_id).await?;
        sign_up_gate::require_terms(&tenant, &consents)?;
        let binding = live.session.binding();
        require_not_banned(tx, &auth, tenant.id, (&[actor.user_id], &binding, &surroundings)).await?;
        signups::insert(tx, &signup).await?;
        let job = SettleUpgrade { guest: actor.user_id, signup_id: signup.id };
        enqueue(tx, clock, Some(actor.tenant_id), now, &job).await?;
        Ok(())
    })
    .await?;
    // The queue is not woken: what the job does more for a free address, or a taken one, is not done beside this answer.
    Ok(VerificationSent::response())
}

//! `POST /api/auth/signup`

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_jobs::enqueue;
use shinkofa_web::{
    Body, BodyRefusals, Fault, Locale, ProblemDocument, RateRefusal, RequestContext, Unavailability,
};
use utoipa::ToSchema;

use super::accept_invitation::Presented;
use super::sign_in::surroundings;
use crate::banning::require_not_banned;
use crate::db::signups::{self, Signup, SignupId};
use crate::domain::consent::{GivenConsent, GivenConsents};
use crate::domain::device::DeviceBinding;
use crate::domain::email::{EmailAddress, ReachableAddress};
use crate::domain::password::NewPassword;
use crate::domain::person_name::PersonName;
use crate::error::Error;
use crate::jobs::settle_signup::SettleSignup;
use crate::{Auth, attempts, limits, sign_up_gate};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignUpRequest {
    #[schema(value_type = String, format = "email", max_length = 254, example = "anna@example.org")]
    email: ReachableAddress,
    /// At least 12 characters, at most 1024 bytes, not a common or leaked password.
    #[schema(value_type = String, format = "password", min_length = 12, max_length = 1024, example = "a long and private sentence")]
    password: NewPassword,
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Anna Martin")]
    name: PersonName,
    /// The language of messages; that of `Accept-Language` when absent.
    locale: Option<Locale>,
    /// Signs up to the studio that invites, and accepts once the address is confirmed. Needed where only invited people sign up.
    invitation: Option<Presented>,
    /// What the person agrees to by this: at most one text of each kind. Recorded once they answer the letter.
    #[serde(default)]
    #[schema(value_type = Vec<GivenConsent>, max_items = 4, example = json!([{ "kind": "terms", "version": "2026-11" }]))]
    consents: GivenConsents,
}

/// What became of a request that is answered alike for every address.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerificationSent {
    #[schema(example = "verification_sent")]
    status: &'static str,
}

impl VerificationSent {
    pub fn response() -> HttpResponse {
        HttpResponse::Accepted()
            .insert_header(("cache-control", "no-store"))
            .json(Self { status: "verification_sent" })
    }
}

/// Sign up
///
/// A link to confirm the address is sent to it. The answer is the same for an address that has an account: its owner is
/// told by mail, the caller is not.
#[utoipa::path(
    tag = "sign-up",
    request_body = SignUpRequest,
    responses(
        BodyRefusals, RateRefusal, Unavailability,
        (status = 202, body = VerificationSent),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`banned`, `sign_up_by_invitation`, `tenant_closed`, or `other_address` than the invitation's"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json", description = "`terms_not_accepted`: the studio asks for consent to a version of its terms that is not among the consents; or `invalid_fields`"),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`invitation_gone`"),
    ),
)]
#[post("/api/auth/signup")]
pub async fn sign_up(
    request: HttpRequest,
    auth: web::Data<Auth>,
    host: HostTenant,
    context: RequestContext,
    body: Body<SignUpRequest>,
) -> Result<HttpResponse, Error> {
    let Body(SignUpRequest { email, password, name, locale, invitation, consents }) = body;
    let email = EmailAddress::from(email);
    let invitation = invitation.map(Presented::read).transpose()?;
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::SIGN_UP_BY_NETWORK, context.client.as_str()).await?;
    limiter.require(&limits::SIGN_UP_BY_ADDRESS, &limits::key_of(&email)).await?;

    let surroundings = surroundings(&request, &context);
    let scope = Scope::realm(auth.realm).with_tenant(host.0);
    let gate = transaction(&auth.platform.database, &scope, "sign_up_gate", async |tx| {
        let (tenant, digest) = match &invitation {
            Some(secret) => {
                let (tenant, digest) = sign_up_gate::by_invitation(tx, &auth, (secret, &email)).await?;
                (tenant, Some(digest))
            }
            None => (sign_up_gate::open(tx, host.0).await?, None),
        };
        sign_up_gate::require_terms(&tenant, &consents)?;
        let binding = DeviceBinding::new(None, &surroundings);
        require_not_banned(tx, &auth, tenant.id, (&[], &binding, &surroundings)).await?;
        Ok::<_, Error>((tenant.id, digest))
    });
    let (tenant, invitation_digest) = gate.await?;

    auth.leaks.refuse(&password, [name.as_str(), email.as_str()], "/password").await?;
    let turn = auth.hashing.turn().await?;
    let password_phc = attempts::hash(&auth, &turn, password.as_str()).await?;
    drop(turn);

    // Whether the address is known is looked at by the job, so that it cannot be told from the answer or its time.
    let now = auth.platform.clock.now();
    let signup = Signup {
        realm_id: auth.realm,
        id: SignupId::new(&auth.platform.clock),
        for_tenant: tenant,
        email: email.as_str().to_owned(),
        email_canonical: email.canonical().to_owned(),
        name: name.as_str().to_owned(),
        locale: locale.unwrap_or(context.locale),
        password_phc,
        created_at: now,
        settled_at: None,
        invitation_digest,
        consents: serde_json::to_value(&consents).map_err(Fault::unexpected)?,
    };
    transaction(&auth.platform.database, &Scope::realm(auth.realm), "sign_up", async |tx| {
        signups::insert(tx, &signup).await?;
        let job = SettleSignup { signup_id: signup.id };
        enqueue(tx, &auth.platform.clock, Some(tenant), now, &job).await?;
        Ok::<_, Error>(())
    })
    .await?;
    // The queue is not woken: what the job does more for a free address, or a taken one, is not done beside this answer.
    Ok(VerificationSent::response())
}

//! `POST /api/tenants/invitations/accept`

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_kernel::TenantId;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, Problem, ProblemDocument, RateRefusal, RequestContext, Unavailability,
};
use utoipa::ToSchema;

use crate::db::memberships::Membership;
use crate::db::tenants::Tenant;
use crate::domain::invitation::{InvitationCode, InvitationSecret};
use crate::domain::one_time_token::OneTimeToken;
use crate::error::Error;
use crate::invitations::{accept, digests, offer};
use crate::liveness::{Claimed, require_live};
use crate::tenant_view::hosts;
use crate::{Auth, limits};

/// What somebody has of an invitation: exactly one of the two.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Presented {
    /// From the link in the letter, behind `#token=`.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    token: Option<OneTimeToken>,
    /// In any case, with or without the hyphen.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 32, example = "7KQ4X-M2D9P")]
    code: Option<InvitationCode>,
}

impl Presented {
    pub fn read(self) -> Result<InvitationSecret, Problem> {
        InvitationSecret::of(self.token, self.code)
            .ok_or_else(|| Problem::invalid_field("", "must have either a token or a code"))
    }
}

/// Where somebody is a member from now on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinedTenant {
    tenant_id: TenantId,
    #[schema(example = "elan")]
    slug: String,
    #[schema(example = "Studio Élan")]
    name: String,
    /// Where its tokens are good.
    #[schema(example = json!(["elan.shinkofa.example"]))]
    hosts: Vec<String>,
    #[schema(example = json!(["member"]))]
    roles: Vec<String>,
}

impl JoinedTenant {
    pub fn new(auth: &Auth, tenant: Tenant, membership: &Membership) -> Self {
        Self {
            hosts: hosts(auth, (tenant.id, &tenant.slug), tenant.domain.as_deref()),
            tenant_id: tenant.id,
            slug: tenant.slug,
            name: tenant.name,
            roles: membership.role_names(),
        }
    }
}

/// Accept an invitation
///
/// Makes the caller, whose address is confirmed, a member of the studio that invites; `POST /api/tenants/switch` signs in to it.
/// What was used up, was revoked, has expired, never was, or was used by the caller before answers 410. An invitation by mail is for the account of its address.
#[utoipa::path(
    tag = "invitations",
    security(("bearer" = [])),
    request_body = Presented,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = JoinedTenant),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`already_member`"),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`invitation_gone`"),
    ),
)]
#[post("/api/tenants/invitations/accept")]
pub async fn accept_invitation(
    actor: CurrentActor,
    auth: web::Data<Auth>,
    context: RequestContext,
    body: Body<Presented>,
) -> Result<HttpResponse, Error> {
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::ACCEPT_BY_NETWORK, context.client.as_str()).await?;
    limiter.require(&limits::ACCEPT_BY_USER, &actor.user_id.to_string()).await?;
    let digests = digests(&auth, &body.0.read()?);
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let joined = transaction(&auth.platform.database, &scope, "accept_invitation", async |tx| {
        let (account, _) = require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        let offer = offer(tx, &auth, &digests).await?;
        let membership = accept(tx, &auth, &offer, &account).await?;
        Ok::<_, Error>(JoinedTenant::new(&auth, offer.tenant, &membership))
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(joined))
}

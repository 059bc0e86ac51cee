//! `GET /api/tenants/invitations`

use actix_web::{HttpResponse, get, web};
use serde::Deserialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageMembers;
use shinkofa_kernel::text_enum;
use shinkofa_web::{CallerRefusals, Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};

use crate::Auth;
use crate::authority::{ShownLately, look_at_authority};
use crate::db::invitations::{self, Invitation, InvitationId};
use crate::db::memberships::Membership;
use crate::db::roles::{self, TenantRole};
use crate::error::Error;
use crate::invitation_view::{InvitationView, Onlooker};
use crate::membership_changes::require_grantable;

text_enum! {
    /// Which invitations are asked for.
    InvitationsAsked {
        Open => "open",
        All => "all",
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InvitationsQuery {
    #[serde(default = "open")]
    state: InvitationsAsked,
    #[serde(default)]
    limit: PageLimit,
    cursor: Option<Cursor<InvitationId>>,
}

const fn open() -> InvitationsAsked {
    InvitationsAsked::Open
}

/// Invitations of this studio
///
/// The newest first: those that can still be accepted, or all of the last months. The code of one whose roles allow anything is shown
/// to who showed lately who they are, and null to others.
#[utoipa::path(
    tag = "invitations",
    security(("bearer" = [])),
    params(
        ("state" = inline(Option<InvitationsAsked>), Query, description = "`open` when absent"),
        ("limit" = Option<i32>, Query, minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = Page<InvitationView>),
    ),
)]
#[get("/api/tenants/invitations")]
pub async fn list_invitations(
    caller: RequirePermission<ManageMembers>,
    auth: web::Data<Auth>,
    query: Query<InvitationsQuery>,
) -> Result<HttpResponse, Error> {
    let (actor, query, now) = (caller.actor, query.0, auth.platform.clock.now());
    let open_at = (query.state == InvitationsAsked::Open).then_some(now);
    let before = query.cursor.map(|cursor| cursor.0);
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let listed = transaction(&auth.platform.database, &scope, "list_invitations", async |tx| {
        let own = look_at_authority::<ManageMembers>(tx, &auth, &actor).await?;
        let found = invitations::list(tx, actor.tenant_id, (open_at, before), query.limit.probe()).await?;
        let ids: Vec<InvitationId> = found.iter().map(|invitation| invitation.id).collect();
        let promised = invitations::roles_of(tx, actor.tenant_id, &ids).await?;
        Ok::<_, Error>((found, promised, roles::list(tx, actor.tenant_id).await?, own))
    })
    .await?;
    let (found, promised, roles, (own, lately)) = listed;
    let view = |invitation: Invitation| {
        let promised = promised.iter().filter(|(id, _)| *id == invitation.id);
        let promised: Vec<String> = promised.map(|(_, role)| role.clone()).collect();
        let onlooker = match actor.impersonator {
            None => onlooker((&own, lately), &roles, &promised),
            Some(_) => Onlooker::Other,
        };
        InvitationView::new(&auth, invitation, promised, onlooker)
    };
    let page = Page::new(found, query.limit, |invitation| invitation.id, view);
    let items: Result<Vec<InvitationView>, _> = page.items.into_iter().collect();
    let page = Page { items: items?, next_cursor: page.next_cursor };
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(page))
}

/// Whoever reads the code of an invitation can accept it: so only those read it who could make one that promises as much, now.
fn onlooker(
    (own, lately): (&Membership, ShownLately),
    roles: &[TenantRole],
    promised: &[String],
) -> Onlooker {
    let promised: Vec<&TenantRole> = roles.iter().filter(|role| promised.contains(&role.name)).collect();
    if lately == ShownLately::No && promised.iter().any(|role| role.weighs()) {
        return Onlooker::Other;
    }
    match require_grantable(own.authority(), promised) {
        Ok(()) => Onlooker::CouldInvite,
        Err(_) => Onlooker::Other,
    }
}

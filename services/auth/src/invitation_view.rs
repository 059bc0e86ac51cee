//! An invitation as those who manage members see it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_kernel::UserId;
use shinkofa_web::{Fault, Locale};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::invitations::{Invitation, InvitationId};
use crate::domain::invitation::{InvitationCode, InvitationKind, InvitationState};
use crate::invitations::code_context;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitationView {
    invitation_id: InvitationId,
    kind: InvitationKind,
    state: InvitationState,
    #[schema(required = true, example = "anna@example.org")]
    email: Option<String>,
    locale: Locale,
    /// To be passed on by hand; null for an invitation by mail, when it is over, for whoever could not make it themselves, and, where
    /// its roles allow anything, for whoever has not shown lately who they are.
    #[schema(required = true, example = "7KQ4X-M2D9A")]
    code: Option<String>,
    #[schema(example = json!(["member"]))]
    roles: Vec<String>,
    #[schema(example = 1)]
    max_uses: i32,
    #[schema(example = 0)]
    uses: i32,
    invited_by: UserId,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// Who looks at an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onlooker {
    /// Somebody who may give every role that it promises, as they are signed in.
    CouldInvite,
    Other,
}

impl InvitationView {
    /// `as_whom` decides whether the code is shown: it is worth what the invitation promises.
    pub fn new(
        auth: &Auth,
        invitation: Invitation,
        roles: Vec<String>,
        as_whom: Onlooker,
    ) -> Result<Self, Fault> {
        let state = state(&invitation, auth.platform.clock.now());
        let shown = state == InvitationState::Open && as_whom == Onlooker::CouldInvite;
        let sealed = invitation.code_sealed.as_deref().filter(|_| shown);
        let open = |sealed: &str| {
            let bytes = auth.sealing.open(&code_context(invitation.id), sealed).map_err(Fault::unexpected)?;
            let text = String::from_utf8(bytes).map_err(Fault::unexpected)?;
            Ok::<_, Fault>(InvitationCode::try_from(text).map_err(Fault::unexpected)?.shown())
        };
        Ok(Self {
            invitation_id: invitation.id,
            kind: invitation.kind,
            state,
            code: sealed.map(open).transpose()?,
            email: invitation.email,
            locale: invitation.locale,
            roles,
            max_uses: invitation.most_uses,
            uses: invitation.uses,
            invited_by: invitation.invited_by,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        })
    }
}

fn state(invitation: &Invitation, now: DateTime<Utc>) -> InvitationState {
    if invitation.revoked_at.is_some() {
        InvitationState::Revoked
    } else if invitation.uses >= invitation.most_uses {
        InvitationState::Accepted
    } else if now >= invitation.expires_at {
        InvitationState::Expired
    } else {
        InvitationState::Open
    }
}

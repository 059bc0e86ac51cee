//! How refusals of studios are told: their roles, members, invitations, service accounts and webhooks.

use actix_web::http::StatusCode;
use shinkofa_web::Problem;

use super::{Error, conflict, forbidden, unauthorized};

impl Error {
    /// Refusals about tenants and their roles.
    pub(super) fn tenant_problem(&self) -> Problem {
        match self {
            Self::SignUpClosed => forbidden(
                "sign_up_by_invitation",
                "Only people who were invited can sign up here. Ask the studio for an invitation.",
                "Seules les personnes invitées peuvent s'inscrire ici. Demandez une invitation au studio.",
            ),
            Self::TermsNotAccepted { version } => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "terms_not_accepted",
                format!("This studio asks whoever signs up to agree to its terms in version {version}."),
                format!(
                    "Ce studio demande à qui s'inscrit d'accepter ses conditions dans la version {version}."
                ),
            )
            .at("/consents", format!("must hold consent of kind terms to version {version}")),
            Self::SlugTaken => conflict(
                "slug_taken",
                "Another studio has this address. Choose another one.",
                "Un autre studio a cette adresse. Choisissez-en une autre.",
            ),
            Self::DomainTaken => {
                conflict("domain_taken", "Another studio has this domain.", "Un autre studio a ce domaine.")
            }
            Self::TooManyTenants => conflict(
                "too_many_studios",
                "You administer ten open studios, as many as one person may. Close one first.",
                "Vous administrez dix studios ouverts, le maximum pour une personne. Fermez-en un d'abord.",
            ),
            Self::TooManyTenantsEver => conflict(
                "too_many_studios",
                "You administer thirty studios with those that are closed, as many as one person may. Ask whoever runs this installation.",
                "Vous administrez trente studios en comptant ceux qui sont fermés, le maximum pour une personne. Adressez-vous à qui gère cette installation.",
            ),
            Self::DefaultTenant => conflict(
                "default_tenant",
                "This studio belongs to the installation itself and cannot be closed.",
                "Ce studio appartient à l'installation elle-même et ne peut pas être fermé.",
            ),
            Self::RoleExists => {
                conflict("role_exists", "There is a role of this name already.", "Un rôle porte déjà ce nom.")
            }
            Self::RoleInUse => conflict(
                "role_in_use",
                "Somebody has this role, or an open invitation promises it. Take it away there first.",
                "Quelqu'un a ce rôle, ou une invitation ouverte le promet. Retirez-le d'abord.",
            ),
            Self::SystemRole => conflict(
                "system_role",
                "This role is the same in every studio and cannot be changed.",
                "Ce rôle est le même dans tous les studios et ne peut pas être modifié.",
            ),
            Self::TooManyRoles => conflict(
                "too_many_roles",
                "This studio has as many roles as it may. Remove one first.",
                "Ce studio a autant de rôles que possible. Supprimez-en un d'abord.",
            ),
            Self::RaisesAbove => forbidden(
                "raises_above",
                "You can give only what you hold yourself, and only an admin makes admins and managers.",
                "Vous ne pouvez donner que ce que vous avez vous-même, et seul un administrateur nomme administrateurs et gestionnaires.",
            ),
            Self::OwnSurroundings => conflict(
                "own_surroundings",
                "You come with this yourself, and would be kept out with it.",
                "C'est ce avec quoi vous venez vous-même : l'accès vous serait fermé aussi.",
            ),
            _ => forbidden(
                "tenant_closed",
                "This studio is closed at the moment.",
                "Ce studio est fermé pour le moment.",
            ),
        }
    }

    /// Refusals of what staff do to members, and of what leaves nobody to do it.
    pub(super) fn member_problem(&self) -> Problem {
        match self {
            Self::LastAdmin => conflict(
                "last_admin",
                "You are the only admin here: make somebody else one first.",
                "Vous êtes le seul administrateur ici : nommez-en d'abord un autre.",
            ),
            Self::CannotManage => forbidden(
                "cannot_manage",
                "Only an admin can do this to an admin or a manager.",
                "Seul un administrateur peut faire cela à un administrateur ou à un gestionnaire.",
            ),
            Self::OwnAccount => conflict(
                "own_account",
                "This is your own account: ask another admin.",
                "Il s'agit de votre propre compte : demandez à un autre administrateur.",
            ),
            Self::NotActive => conflict(
                "not_active",
                "This member is not active at the moment.",
                "Ce membre n'est pas actif en ce moment.",
            ),
            Self::NotLocked => {
                conflict("not_locked", "This member is not locked.", "Ce membre n'est pas verrouillé.")
            }
            _ => forbidden(
                "cannot_impersonate",
                "Nobody can take the place of an admin, or of somebody who is not active.",
                "Personne ne peut prendre la place d'un administrateur, ni de quelqu'un qui n'est pas actif.",
            ),
        }
    }

    /// Refusals about invitations.
    pub(super) fn invitation_problem(&self) -> Problem {
        match self {
            Self::OtherAddress => forbidden(
                "other_address",
                "This invitation is to another address. Sign in with the account of that address.",
                "Cette invitation est destinée à une autre adresse. Connectez-vous avec le compte de cette adresse.",
            ),
            Self::AlreadyMember => conflict(
                "already_member",
                "This person is a member here already.",
                "Cette personne est déjà membre ici.",
            ),
            Self::AlreadyInvited => conflict(
                "already_invited",
                "This address has an open invitation. Send that one again, or revoke it.",
                "Cette adresse a une invitation ouverte. Renvoyez-la, ou révoquez-la.",
            ),
            Self::MembershipSuspended => forbidden(
                "membership_suspended",
                "Your membership here is suspended. Please get in touch with the studio.",
                "Votre adhésion ici est suspendue. Veuillez contacter le studio.",
            ),
            Self::MembershipRemoved => forbidden(
                "membership_removed",
                "The studio has ended your membership. Ask it for an invitation.",
                "Le studio a mis fin à votre adhésion. Demandez-lui une invitation.",
            ),
            Self::SignUpFirst => conflict(
                "sign_up_first",
                "There is no account with the invited address yet. Sign up with it first.",
                "Il n'y a pas encore de compte avec l'adresse invitée. Inscrivez-vous d'abord avec elle.",
            ),
            Self::TooManyInvitations => conflict(
                "too_many_invitations",
                "This studio has as many open invitations as it may. Revoke some first.",
                "Ce studio a autant d'invitations ouvertes que possible. Révoquez-en d'abord.",
            ),
            _ => Problem::new(
                StatusCode::GONE,
                "invitation_gone",
                "This invitation was already used, was revoked or has expired. Ask for a new one.",
                "Cette invitation a déjà été utilisée, a été révoquée ou a expiré. Demandez-en une nouvelle.",
            ),
        }
    }

    /// Refusals about service accounts, their keys, and webhooks.
    pub(super) fn machine_problem(&self) -> Problem {
        match self {
            Self::KeyRefused => unauthorized(
                "key_refused",
                "This API key is not good: check it, or have another one made.",
                "Cette clé d'API n'est pas valable : vérifiez-la, ou faites-en créer une autre.",
            ),
            Self::ScopeNotHeld => forbidden(
                "scope_not_held",
                "A service account cannot be given what you may not do yourself.",
                "Un compte de service ne peut pas recevoir une permission que vous n'avez pas vous-même.",
            ),
            Self::TooManyKeys => conflict(
                "too_many_keys",
                "This account has two live keys already. Revoke the one that is no longer used.",
                "Ce compte a déjà deux clés actives. Révoquez celle qui ne sert plus.",
            ),
            Self::TooManyServiceAccounts => conflict(
                "too_many_service_accounts",
                "There are as many service accounts here as there may be. Delete one first.",
                "Le nombre maximal de comptes de service est atteint ici. Supprimez-en un d'abord.",
            ),
            Self::TooManyWebhooks => conflict(
                "too_many_webhooks",
                "There are as many webhooks here as there may be. Delete one first.",
                "Le nombre maximal de webhooks est atteint ici. Supprimez-en un d'abord.",
            ),
            Self::WebhookDisabled => conflict(
                "webhook_disabled",
                "This webhook is disabled. Enable it first.",
                "Ce webhook est désactivé. Réactivez-le d'abord.",
            ),
            _ => conflict(
                "service_account_disabled",
                "This service account is disabled. Enable it first.",
                "Ce compte de service est désactivé. Réactivez-le d'abord.",
            ),
        }
    }
}

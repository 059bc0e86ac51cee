//! How refusals of what an identity provider asks are told.

use shinkofa_web::Problem;

use super::{Error, bad_request, conflict, forbidden};

impl Error {
    pub(super) fn provisioning_problem(&self) -> Problem {
        match self {
            Self::UserNameTaken => conflict(
                "user_name_taken",
                "Somebody here has this user name or this address already.",
                "Ce nom d'utilisateur ou cette adresse est déjà pris ici.",
            ),
            Self::ExternalIdTaken => conflict(
                "external_id_taken",
                "Somebody here has this external id already.",
                "Cet identifiant externe est déjà pris ici.",
            ),
            Self::FilterRefused => bad_request(
                "invalid_filter",
                "Only `userName eq \"...\"` and `externalId eq \"...\"` are understood.",
                "Seuls `userName eq \"...\"` et `externalId eq \"...\"` sont compris.",
            ),
            Self::PathRefused => bad_request(
                "invalid_path",
                "A path of this change names no attribute.",
                "Un chemin de cette modification ne désigne aucun attribut.",
            ),
            Self::NoTarget => bad_request(
                "no_target",
                "Say by its path what is to be removed.",
                "Indiquez par son chemin ce qui doit être retiré.",
            ),
            Self::ReadOnlyAttribute => bad_request(
                "read_only_attribute",
                "This attribute cannot be set or removed here. Roles are given by the studio's staff.",
                "Cet attribut ne peut être ni défini ni retiré ici. Les rôles sont donnés par l'équipe du studio.",
            ),
            Self::AttributeRefused { attribute, detail } => bad_request_of(attribute, detail),
            Self::DeactivatedByProvider => conflict(
                "deactivated_by_provider",
                "The studio's identity provider has deactivated this member. Activate them there, or disable its service account.",
                "Le fournisseur d'identité du studio a désactivé ce membre. Réactivez-le là-bas ou désactivez son compte de service.",
            ),
            _ => forbidden(
                "suspended_by_staff",
                "The studio's staff suspended this member or revoked their invitation, so only they end that.",
                "L'équipe du studio a suspendu ce membre ou révoqué son invitation : elle seule peut y mettre fin.",
            ),
        }
    }
}

fn bad_request_of(attribute: &str, detail: &str) -> Problem {
    let en = format!("`{attribute}` cannot be accepted: {detail}.");
    let fr = format!("`{attribute}` ne peut pas être accepté : {detail}.");
    bad_request("invalid_value", &en, &fr)
}

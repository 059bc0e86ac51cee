//! Who may sign up where: anybody, unless the tenant lets in only who was invited.

use shinkofa_db::Connection;
use shinkofa_kernel::TenantId;

use crate::Auth;
use crate::db::tenants::{self, Tenant};
use crate::domain::consent::GivenConsents;
use crate::domain::email::EmailAddress;
use crate::domain::invitation::{InvitationKind, InvitationSecret};
use crate::error::Error;
use crate::invitations::{Offer, digests, offer};

/// Refuses where only invited people sign up, or nobody at all. The transaction sees the tenant.
pub async fn require_open(tx: &mut Connection, tenant: TenantId) -> Result<(), Error> {
    open(tx, tenant).await.map(drop)
}

/// The same, where what the tenant asks for comes next.
pub async fn open(tx: &mut Connection, tenant: TenantId) -> Result<Tenant, Error> {
    let tenant = tenants::find(tx, tenant).await?.ok_or(Error::TenantClosed)?;
    if !tenant.is_open() {
        return Err(Error::TenantClosed);
    }
    if tenant.self_sign_up { Ok(tenant) } else { Err(Error::SignUpClosed) }
}

/// Refuses who makes an account without consent to the very version of the terms that the tenant asks for. The request alone decides,
/// whoever has the address.
pub fn require_terms(tenant: &Tenant, given: &GivenConsents) -> Result<(), Error> {
    match &tenant.terms_version {
        Some(version) if !given.accept_terms(version) => {
            Err(Error::TermsNotAccepted { version: version.clone() })
        }
        _ => Ok(()),
    }
}

/// Where somebody with an invitation signs up: the tenant that invites, whichever host they asked, and the digest that leads
/// there.
pub async fn by_invitation(
    tx: &mut Connection,
    auth: &Auth,
    (secret, email): (&InvitationSecret, &EmailAddress),
) -> Result<(Tenant, Vec<u8>), Error> {
    let digests = digests(auth, secret);
    let Offer { invitation, tenant, .. } = offer(tx, auth, &digests).await?;
    let to_another = invitation.kind == InvitationKind::Email
        && invitation.email_canonical.as_deref() != Some(email.canonical());
    if to_another {
        return Err(Error::OtherAddress);
    }
    let digest = digests.into_iter().next().ok_or(Error::InvitationGone)?;
    Ok((tenant, digest))
}

//! What the audit trail tells.

use shinkofa_kernel::text_enum;

text_enum! {
    /// One kind of change. Stable: the trail is never rewritten.
    AuditAction {
        AccountCreated => "account.created",
        VerificationRequested => "account.verification_requested",
        EmailVerified => "account.email_verified",
        PasswordSet => "account.password_set",
        PasswordRehashed => "account.password_rehashed",
        /// Somebody showed that the address of an unconfirmed account is theirs; what was set before is gone.
        AddressClaimed => "account.address_claimed",
        MagicLinkSent => "account.magic_link_sent",
        SignInCodeSent => "account.sign_in_code_sent",
        /// A guest confirmed an address and became a member.
        GuestUpgraded => "account.guest_upgraded",
        GuestRemoved => "account.guest_removed",
        IdentityLinked => "account.identity_linked",
        IdentityUnlinked => "account.identity_unlinked",
        ProviderDisabled => "provider.disabled",
        ProviderEnabled => "provider.enabled",
        PasswordResetRequested => "account.password_reset_requested",
        PasswordReset => "account.password_reset",
        PasswordChanged => "account.password_changed",
        EmailChangeRequested => "account.email_change_requested",
        EmailChanged => "account.email_changed",
        EmailChangeUndone => "account.email_change_undone",
        /// An account that nobody ever confirmed gave its address up to somebody who showed that it is theirs.
        AddressReleased => "account.address_released",
        ProfileChanged => "account.profile_changed",
        /// By the operator, in every tenant.
        AccountSuspended => "account.suspended",
        AccountRestored => "account.restored",
        SessionsEnded => "account.sessions_ended",
        /// Its owner said that something on the timeline was not them.
        NotMeReported => "account.not_me_reported",
        RolesSet => "membership.roles_set",
        /// In somebody's name, while it was not them: roles were set, given by an invitation that was accepted, or changed.
        RolesDisowned => "membership.roles_disowned",
        SessionOpened => "session.opened",
        SessionRotated => "session.rotated",
        /// The previous token was presented again in time, and got the current one.
        SessionRepeated => "session.repeated",
        /// The key behind it was shown again.
        SessionProlonged => "session.prolonged",
        SessionEnded => "session.ended",
        SessionReauthenticated => "session.reauthenticated",
        FactorEnrolled => "factor.enrolled",
        FactorConfirmed => "factor.confirmed",
        FactorRemoved => "factor.removed",
        PasskeyRenamed => "passkey.renamed",
        /// The counter of a passkey went back: there are two of it. It opened nothing.
        PasskeyCloned => "passkey.cloned",
        MailedCodeSent => "factor.mailed_code_sent",
        RecoveryCodesReplaced => "recovery_codes.replaced",
        RecoveryCodeUsed => "recovery_codes.used",
        DeviceRemembered => "device.remembered",
        DeviceForgotten => "device.forgotten",
        SessionNamed => "session.named",
        MembershipLocked => "membership.locked",
        MembershipUnlocked => "membership.unlocked",
        /// By somebody of the staff, everywhere in the tenant.
        SignedOutByStaff => "membership.signed_out",
        ImpersonationStarted => "impersonation.started",
        /// Sign-ins failed on very many addresses in a short time.
        SpraySuspected => "realm.spray_suspected",
        /// Which key signs tokens and which are accepted: as it was first seen, and whenever it is another.
        KeysInForce => "keys.in_force",
        ServiceAccountCreated => "service_account.created",
        ServiceAccountChanged => "service_account.changed",
        ServiceAccountDisabled => "service_account.disabled",
        ServiceAccountEnabled => "service_account.enabled",
        ServiceAccountDeleted => "service_account.deleted",
        ApiKeyCreated => "api_key.created",
        ApiKeyRevoked => "api_key.revoked",
        WebhookCreated => "webhook.created",
        WebhookChanged => "webhook.changed",
        WebhookSecretRotated => "webhook.secret_rotated",
        /// By staff, or because nothing arrived there any more.
        WebhookDisabled => "webhook.disabled",
        WebhookEnabled => "webhook.enabled",
        WebhookDeleted => "webhook.deleted",
        WebhookTested => "webhook.tested",
        BanPlaced => "ban.placed",
        BanLifted => "ban.lifted",
        TemporaryCreated => "account.temporary_created",
        TemporaryPurged => "account.temporary_purged",
        ConsentGranted => "consent.granted",
        ConsentWithdrawn => "consent.withdrawn",
        AccountExported => "account.exported",
        DeletionRequested => "account.deletion_requested",
        DeletionCancelled => "account.deletion_cancelled",
        /// Auth has forgotten the person and told the other services to.
        ErasureStarted => "account.erasure_started",
        /// Every service has confirmed.
        AccountErased => "account.erased",
        TenantCreated => "tenant.created",
        TenantChanged => "tenant.changed",
        TenantDomainSet => "tenant.domain_set",
        TenantDomainRemoved => "tenant.domain_removed",
        /// By its own admin, or by whoever runs the installation.
        TenantClosed => "tenant.closed",
        TenantSuspended => "tenant.suspended",
        TenantReopened => "tenant.reopened",
        RoleCreated => "role.created",
        RoleChanged => "role.changed",
        RoleRemoved => "role.removed",
        MembershipBegun => "membership.begun",
        /// By somebody of the staff.
        MembershipRemoved => "membership.removed",
        /// By the member.
        MembershipLeft => "membership.left",
        /// What an identity provider says of somebody; that it invited, suspended or removed them has entries of its own.
        ProvisioningChanged => "provisioning.changed",
        InvitationCreated => "invitation.created",
        InvitationResent => "invitation.resent",
        InvitationRevoked => "invitation.revoked",
        InvitationAccepted => "invitation.accepted",
        /// Nobody is told any more who was invited.
        InvitationForgotten => "invitation.forgotten",
    }
}

text_enum! {
    /// What a change happened to.
    AuditSubject {
        User => "user",
        Session => "session",
        Realm => "realm",
        Ban => "ban",
        /// The tenant whose trail it is: its settings and its roles.
        Tenant => "tenant",
        Invitation => "invitation",
        Webhook => "webhook",
    }
}

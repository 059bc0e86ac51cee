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
        RolesSet => "membership.roles_set",
        SessionOpened => "session.opened",
        SessionRotated => "session.rotated",
        /// The previous token was presented again in time, and got the current one.
        SessionRepeated => "session.repeated",
        SessionEnded => "session.ended",
        SessionReauthenticated => "session.reauthenticated",
        FactorEnrolled => "factor.enrolled",
        FactorConfirmed => "factor.confirmed",
        FactorRemoved => "factor.removed",
        MailedCodeSent => "factor.mailed_code_sent",
        RecoveryCodesReplaced => "recovery_codes.replaced",
        RecoveryCodeUsed => "recovery_codes.used",
        DeviceRemembered => "device.remembered",
        DeviceForgotten => "device.forgotten",
    }
}

text_enum! {
    /// What a change happened to.
    AuditSubject {
        User => "user",
        Session => "session",
        Realm => "realm",
    }
}

//! What an account and a membership can be.

use shinkofa_kernel::text_enum;

text_enum! {
    /// What kind of somebody signs in.
    AccountKind {
        Member => "member",
        Temporary => "temporary",
        Anonymous => "anonymous",
        Service => "service",
    }
}

text_enum! {
    /// Whether an account may be used at all, in any tenant.
    AccountStatus {
        Active => "active",
        Suspended => "suspended",
        /// Its owner asked to be forgotten: the row stays so that its id is never given out again.
        Erased => "erased",
    }
}

text_enum! {
    /// How far somebody belongs to a tenant. Only `active` has any rights.
    MembershipStatus {
        Invited => "invited",
        Accepted => "accepted",
        Active => "active",
        Suspended => "suspended",
    }
}

text_enum! {
    /// What a second factor is.
    FactorKind {
        Totp => "totp",
        Passkey => "passkey",
        RecoveryCode => "recovery_code",
        EmailCode => "email_code",
    }
}

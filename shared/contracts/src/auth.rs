//! What auth tells: its events and its internal endpoints.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_identity::{Revocation, Scope};
use shinkofa_kernel::{Role, TenantId, Tier, UserId, text_enum};
use shinkofa_web::Locale;
use utoipa::ToSchema;

use crate::EventPayload;

/// How auth is called.
pub const SERVICE: &str = "auth";

/// Polling for revocations and introspecting tokens: `/internal/v1/revocations`, `/internal/v1/introspect`.
#[derive(Clone, Copy, Debug)]
pub struct TrustScope;

impl Scope for TrustScope {
    const NAME: &'static str = "trust";
}

/// Keeping banned people out: `/internal/v1/bans`.
#[derive(Clone, Copy, Debug)]
pub struct BanScope;

impl Scope for BanScope {
    const NAME: &'static str = "bans";
}

/// Temporary accounts for members of a Discord server: `/internal/v1/discord/accounts`.
#[derive(Clone, Copy, Debug)]
pub struct DiscordScope;

impl Scope for DiscordScope {
    const NAME: &'static str = "discord";
}

/// `GET /internal/v1/revocations?after=`: what was revoked since, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevocationPage {
    pub items: Vec<RevocationEntry>,
    /// Pass it as `after` next time.
    pub cursor: i64,
    /// There is more: pass this as `after` at once. Where the cursor is before it, what lies between is told again next time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevocationEntry {
    #[serde(flatten)]
    pub revocation: Revocation,
    pub revoked_at: DateTime<Utc>,
}

/// `POST /internal/v1/introspect`: is this access token good at this very moment, by auth's own database?
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntrospectionRequest {
    pub token: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Introspection {
    pub active: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Those that the tenant made itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_roles: Vec<String>,
    /// What a service account may do: names of permissions, with a space between. People have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// How to address a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonalContact {
    pub email: String,
    pub name: String,
}

text_enum! {
    /// Whether a tenant opens anything. Only an active one does.
    TenantStatus {
        Active => "active",
        /// By whoever runs the installation.
        Suspended => "suspended",
        /// By its own admin.
        Closed => "closed",
    }
}

const fn active() -> TenantStatus {
    TenantStatus::Active
}

/// A tenant came to be or changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantChanged {
    pub tenant_id: TenantId,
    pub slug: String,
    pub name: String,
    pub domain: Option<String>,
    /// IANA name.
    pub time_zone: String,
    #[serde(default = "active")]
    pub status: TenantStatus,
}

impl EventPayload for TenantChanged {
    const TYPE: &'static str = "tenant.changed";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "tenant";
    type Personal = ();
}

/// A role that a tenant made itself allows something else from now on, or is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleChanged {
    pub tenant_id: TenantId,
    pub role: String,
    /// Their names. One that a service does not know is nothing that it could allow.
    pub permissions: Vec<String>,
    pub removed: bool,
}

impl EventPayload for RoleChanged {
    const TYPE: &'static str = "role.changed";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "tenant";
    type Personal = ();
}

/// An account exists, or its name, address, language or confirmation changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserChanged {
    pub user_id: UserId,
    pub locale: Locale,
    pub email_verified: bool,
}

impl EventPayload for UserChanged {
    const TYPE: &'static str = "user.changed";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "user";
    type Personal = PersonalContact;
}

/// What a person is in a tenant changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipChanged {
    pub user_id: UserId,
    pub roles: Vec<Role>,
    pub tier: Tier,
    pub active: bool,
}

impl EventPayload for MembershipChanged {
    const TYPE: &'static str = "membership.changed";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "user";
    type Personal = ();
}

/// Somebody must show that an address is theirs. The token is sealed for notify alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmailVerificationRequested {
    pub user_id: UserId,
    pub locale: Locale,
    pub sealed_token: String,
    pub expires_at: DateTime<Utc>,
}

impl EmailVerificationRequested {
    /// The context that `sealed_token` is sealed for.
    pub const SEALED_FOR: &'static str = "email_verification";
}

impl EventPayload for EmailVerificationRequested {
    const TYPE: &'static str = "email_verification.requested";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "user";
    type Personal = PersonalContact;
}

/// Somebody signed up with an address that has an account: its owner is told, the caller is not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignupForKnownAddress {
    pub user_id: UserId,
    pub locale: Locale,
}

impl EventPayload for SignupForKnownAddress {
    const TYPE: &'static str = "signup.known_address";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "user";
    type Personal = PersonalContact;
}

/// What a letter about an account is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum AccountLetter {
    /// The link sets another password.
    PasswordReset {
        expires_at: DateTime<Utc>,
    },
    PasswordChanged,
    /// The link signs in, in the browser that asked for it; its code is typed there.
    MagicLink {
        expires_at: DateTime<Utc>,
    },
    /// The code signs in.
    SignInCode {
        expires_at: DateTime<Utc>,
    },
    /// Somebody signs in through this provider from now on. Its name is as people know it.
    ProviderLinked {
        provider: String,
    },
    ProviderUnlinked {
        provider: String,
    },
    /// The code is the second step of signing in, or shows again who somebody is.
    SecondFactorCode {
        expires_at: DateTime<Utc>,
    },
    FactorAdded {
        factor: LetterFactor,
    },
    FactorRemoved {
        factor: LetterFactor,
    },
    RecoveryCodeUsed {
        /// How many are left.
        left: i64,
    },
    RecoveryCodesReplaced,
    /// To the new address: the link makes it the account's.
    EmailChangeConfirmation {
        expires_at: DateTime<Utc>,
    },
    /// To the old address: the link takes it back.
    EmailChanged {
        undo_until: DateTime<Utc>,
    },
    /// Somebody with an account tried to move it to this address, which has one of its own.
    EmailChangeTaken,
    /// A sign-in on a device that was not seen before: the link says that it was somebody else.
    NewSignIn {
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    },
    /// A session was ended, because a token of it was used a second time: the link says that it was somebody else.
    TokenReused {
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    },
    /// Somebody of the staff sees the platform as the reader does.
    ImpersonationStarted {
        until: DateTime<Utc>,
    },
    /// A program can act in the reader's studio from now on, by a key that begins like this.
    ApiKeyCreated {
        account: String,
        prefix: String,
        expires_at: DateTime<Utc>,
    },
    /// The reader asked for their account to be erased.
    DeletionScheduled {
        erases_at: DateTime<Utc>,
    },
    DeletionCancelled,
    /// The reader is invited to a studio: the link accepts it.
    Invitation {
        expires_at: DateTime<Utc>,
    },
}

/// A second factor, as a letter calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterFactor {
    Totp,
    EmailCode,
    Passkey,
}

impl LetterFactor {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::EmailCode => "email_code",
            Self::Passkey => "passkey",
        }
    }
}

/// What only the reader of a letter may have. It travels sealed for notify alone.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LetterSecret {
    /// Stands behind the `#` of the letter's link. base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_token: Option<String>,
    /// To be typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// With what, and from where, somebody signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignInPlace {
    /// Its name, where auth knows the program. Never what a client calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// What it runs on, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Without the part that points at one household.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

/// Where a letter goes, and what it tells of its reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonalLetter {
    #[serde(flatten)]
    pub contact: PersonalContact,
    /// In a letter about a sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<SignInPlace>,
}

impl From<PersonalContact> for PersonalLetter {
    fn from(contact: PersonalContact) -> Self {
        Self { contact, place: None }
    }
}

/// Somebody has to be written to about their account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountLetterRequested {
    pub user_id: UserId,
    pub locale: Locale,
    pub letter: AccountLetter,
    /// A [`LetterSecret`] as JSON.
    pub sealed_secret: Option<String>,
}

impl AccountLetterRequested {
    /// The context that `sealed_secret` is sealed for.
    pub const SEALED_FOR: &'static str = "account_letter";
}

impl EventPayload for AccountLetterRequested {
    const TYPE: &'static str = "account_letter.requested";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "user";
    type Personal = PersonalLetter;
}

/// Every service forgets this person, keeping only what the law makes it keep, without the name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserErasureRequested {
    pub user_id: UserId,
}

impl EventPayload for UserErasureRequested {
    const TYPE: &'static str = "user.erasure_requested";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "user";
    type Personal = ();
}

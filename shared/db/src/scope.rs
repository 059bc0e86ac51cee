//! For whom a transaction runs: what row-level security compares each row with.

use shinkofa_kernel::{RealmId, TenantId, UserId};

/// The realm, tenant and user that a transaction may see. An unset one sees no row of that kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    realm: Option<RealmId>,
    tenant: Option<TenantId>,
    user: Option<UserId>,
}

impl Scope {
    /// Sees only tables without row-level security: the job queue, the event log, cursors.
    pub fn infrastructure() -> Self {
        Self::default()
    }

    pub fn tenant(tenant: TenantId) -> Self {
        Self { tenant: Some(tenant), ..Self::default() }
    }

    pub fn realm(realm: RealmId) -> Self {
        Self { realm: Some(realm), ..Self::default() }
    }

    pub fn with_realm(self, realm: RealmId) -> Self {
        Self { realm: Some(realm), ..self }
    }

    pub fn with_tenant(self, tenant: TenantId) -> Self {
        Self { tenant: Some(tenant), ..self }
    }

    pub fn with_user(self, user: UserId) -> Self {
        Self { user: Some(user), ..self }
    }

    /// One batch, one round trip.
    pub(crate) fn begin(&self) -> String {
        format!("BEGIN; {}", self.setting("true"))
    }

    /// For what is asked next on this connection, outside of a transaction. It stays set, and nobody believes what is read under
    /// it: whoever asks next enters another one or begins a transaction, and both set all of it first.
    pub(crate) fn enter(&self) -> String {
        self.setting("false")
    }

    /// The values are UUIDs, so their text needs no quoting; `SET LOCAL` is not used because it takes no parameters and would tempt
    /// the next reader to format strings.
    fn setting(&self, until_the_end: &str) -> String {
        let text = |id: Option<_>| {
            id.map(|id: shinkofa_kernel::macros::uuid::Uuid| id.to_string()).unwrap_or_default()
        };
        format!(
            "SELECT set_config('app.tenant_id', '{}', {until_the_end}), \
             set_config('app.user_id', '{}', {until_the_end}), set_config('app.realm_id', '{}', {until_the_end})",
            text(self.tenant.map(TenantId::as_uuid)),
            text(self.user.map(UserId::as_uuid)),
            text(self.realm.map(RealmId::as_uuid)),
        )
    }
}

//! The tables of the shared crates that auth itself writes, because here they are the truth.

use super::schema::{audit_events, membership_roles, memberships, sessions, tenant_settings, users};

diesel::table! {
    tenants (id) {
        id -> Uuid,
        slug -> Text,
        name -> Text,
        domain -> Nullable<Text>,
        time_zone -> Text,
        status -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(tenants, audit_events);
diesel::allow_tables_to_appear_in_same_query!(tenants, membership_roles);
diesel::allow_tables_to_appear_in_same_query!(tenants, memberships);
diesel::allow_tables_to_appear_in_same_query!(tenants, sessions);
diesel::allow_tables_to_appear_in_same_query!(tenants, tenant_settings);
diesel::allow_tables_to_appear_in_same_query!(tenants, users);

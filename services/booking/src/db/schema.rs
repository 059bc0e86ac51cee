// @generated automatically by Diesel CLI.

diesel::table! {
    classes (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        title -> Text,
        description -> Nullable<Text>,
        level -> Nullable<Text>,
        duration_minutes -> Int4,
        credit_cost -> Int4,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    policies (tenant_id, version) {
        tenant_id -> Uuid,
        version -> Int4,
        cancel_before_minutes -> Int4,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    reservations (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        session_id -> Uuid,
        customer_id -> Uuid,
        seats -> Int4,
        credits -> Int4,
        status -> Text,
        version -> Int4,
        hold_expires_at -> Timestamptz,
        cancel_deadline -> Timestamptz,
        policy_version -> Int4,
        idempotency_key -> Text,
        credits_refunded -> Int4,
        created_at -> Timestamptz,
        changed_at -> Timestamptz,
        confirmed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sessions (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        class_id -> Uuid,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        capacity -> Int4,
        taken -> Int4,
        credit_cost -> Int4,
        coach_id -> Nullable<Uuid>,
        location -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(classes, policies, reservations, sessions,);

// @generated automatically by Diesel CLI.

diesel::table! {
    contacts (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        email -> Nullable<Text>,
        name -> Nullable<Text>,
        locale -> Nullable<Text>,
        email_verified -> Bool,
        erased_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    deliveries (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        event_id -> Uuid,
        user_id -> Uuid,
        channel -> Text,
        kind -> Text,
        state -> Text,
        occasion -> Nullable<Jsonb>,
        email -> Nullable<Text>,
        locale -> Nullable<Text>,
        sealed_token -> Nullable<Text>,
        reason -> Nullable<Text>,
        subject -> Nullable<Text>,
        created_at -> Timestamptz,
        pending_since -> Nullable<Timestamptz>,
        settled_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    mailbox_messages (id) {
        id -> Uuid,
        recipient -> Text,
        subject -> Text,
        text -> Text,
        html -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    preferences (tenant_id, user_id, kind, channel) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        kind -> Text,
        channel -> Text,
        enabled -> Bool,
        updated_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(contacts, deliveries, mailbox_messages, preferences,);

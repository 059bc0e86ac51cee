// The tables as the database describes them; a test compares the two.

diesel::table! {
    notes (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        text -> Text,
        created_at -> Timestamptz,
    }
}

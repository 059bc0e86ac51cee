//! The tables as diesel knows them; a test compares them with the database.

diesel::table! {
    entries (tenant_id, journal_id, number) {
        tenant_id -> Uuid,
        journal_id -> Uuid,
        number -> Int2,
        asset -> Text,
        account -> Text,
        lot_id -> Nullable<Uuid>,
        amount -> Int8,
    }
}

diesel::table! {
    hold_allocations (tenant_id, reservation_id, lot_id) {
        tenant_id -> Uuid,
        reservation_id -> Uuid,
        lot_id -> Uuid,
        amount -> Int4,
    }
}

diesel::table! {
    holds (tenant_id, reservation_id) {
        tenant_id -> Uuid,
        reservation_id -> Uuid,
        user_id -> Nullable<Uuid>,
        amount -> Int4,
        state -> Text,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    journals (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        idem_key -> Text,
        cause -> Text,
        user_id -> Uuid,
        reference -> Text,
        amount -> Int4,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    lots (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        source_type -> Text,
        source_id -> Text,
        parent_lot -> Nullable<Uuid>,
        units -> Int4,
        remaining -> Int4,
        held -> Int4,
        booked -> Int4,
        consumed -> Int4,
        expired -> Int4,
        moved -> Int4,
        expires_at -> Nullable<Timestamptz>,
        lapsed -> Bool,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    packages (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        credits -> Int4,
        price_minor -> Int8,
        currency -> Text,
        validity_days -> Nullable<Int4>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    payments (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        package_id -> Uuid,
        package_name -> Text,
        credits -> Int4,
        validity_days -> Nullable<Int4>,
        amount_minor -> Int8,
        currency -> Text,
        status -> Text,
        request_key -> Text,
        checkout_session_id -> Nullable<Text>,
        checkout_url -> Nullable<Text>,
        lot_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        paid_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    stripe_calls (tenant_id, idem_key) {
        tenant_id -> Uuid,
        idem_key -> Text,
        payment_id -> Uuid,
        request_hash -> Bytea,
        created_at -> Timestamptz,
        outcome -> Nullable<Text>,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    stripe_events (account, event_id) {
        account -> Text,
        event_id -> Text,
        #[sql_name = "type"]
        type_ -> Text,
        object_id -> Text,
        for_tenant -> Nullable<Uuid>,
        payment_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        received_at -> Timestamptz,
    }
}

diesel::table! {
    wallets (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        available -> Int4,
        held -> Int4,
        created_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(holds, hold_allocations, lots);

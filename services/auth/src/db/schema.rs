// @generated automatically by Diesel CLI.

diesel::table! {
    account_suspensions (realm_id, user_id) {
        realm_id -> Uuid,
        user_id -> Uuid,
        reason -> Text,
        suspended_at -> Timestamptz,
    }
}

diesel::table! {
    api_keys (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        name -> Text,
        prefix -> Text,
        digest -> Bytea,
        created_by -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        session_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    audit_checkpoints (tenant_id, seq, made_at) {
        tenant_id -> Uuid,
        seq -> Int8,
        made_at -> Timestamptz,
        hash -> Bytea,
        signature -> Text,
    }
}

diesel::table! {
    audit_events (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        transaction -> Int8,
        occurred_at -> Timestamptz,
        actor -> Jsonb,
        action -> Text,
        subject_type -> Text,
        subject_id -> Uuid,
        details -> Jsonb,
        number -> Int8,
        told_to -> Nullable<Uuid>,
    }
}

diesel::table! {
    audit_seals (tenant_id, seq) {
        tenant_id -> Uuid,
        seq -> Int8,
        event_id -> Uuid,
        transaction -> Int8,
        number -> Int8,
        content -> Bytea,
        prev_hash -> Bytea,
        hash -> Bytea,
        sealed_at -> Timestamptz,
    }
}

diesel::table! {
    auth_failures (realm_id, subject) {
        realm_id -> Uuid,
        subject -> Bytea,
        failures -> Int4,
        counting_since -> Timestamptz,
        locked_until -> Timestamptz,
    }
}

diesel::table! {
    email_changes (realm_id, id) {
        realm_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        session_id -> Uuid,
        for_tenant -> Uuid,
        old_email -> Text,
        new_email -> Text,
        requested_at -> Timestamptz,
        confirmed_at -> Nullable<Timestamptz>,
        cancelled_at -> Nullable<Timestamptz>,
        undone_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    bans (tenant_id, ban_id, fingerprint) {
        tenant_id -> Uuid,
        fingerprint -> Bytea,
        ban_id -> Uuid,
        reason -> Text,
        banned_at -> Timestamptz,
        until -> Nullable<Timestamptz>,
        kind -> Nullable<Text>,
        banned_by -> Nullable<Jsonb>,
    }
}

diesel::table! {
    consent_decisions (tenant_id, user_id, number) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        number -> Int8,
        kind -> Text,
        version -> Text,
        granted -> Bool,
        decided_at -> Timestamptz,
    }
}

diesel::table! {
    discord_links (realm_id, discord_id) {
        realm_id -> Uuid,
        discord_id -> Text,
        user_id -> Uuid,
        for_tenant -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    erasure_confirmations (realm_id, erasure_id, service) {
        realm_id -> Uuid,
        erasure_id -> Uuid,
        service -> Text,
        confirmed_at -> Timestamptz,
    }
}

diesel::table! {
    erasures (realm_id, id) {
        realm_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        for_tenant -> Uuid,
        state -> Text,
        round -> Int4,
        told_transaction -> Nullable<Int8>,
        told_number -> Nullable<Int8>,
        certificate_hash -> Bytea,
        requested_at -> Timestamptz,
        erase_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    disabled_providers (realm_id, provider) {
        realm_id -> Uuid,
        provider -> Text,
        disabled_at -> Timestamptz,
    }
}

diesel::table! {
    identities (realm_id, issuer, subject) {
        realm_id -> Uuid,
        issuer -> Text,
        subject -> Text,
        user_id -> Uuid,
        provider -> Text,
        linked_at -> Timestamptz,
        last_used_at -> Timestamptz,
    }
}

diesel::table! {
    factor_guesses (realm_id, user_id) {
        realm_id -> Uuid,
        user_id -> Uuid,
        step -> Int8,
        guesses -> Int4,
    }
}

diesel::table! {
    impersonations (tenant_id, session_id) {
        tenant_id -> Uuid,
        session_id -> Uuid,
        user_id -> Uuid,
        impersonator_id -> Uuid,
        reason -> Text,
        opened_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    invitation_acceptances (tenant_id, invitation_id, user_id) {
        tenant_id -> Uuid,
        invitation_id -> Uuid,
        user_id -> Uuid,
        accepted_at -> Timestamptz,
    }
}

diesel::table! {
    invitation_keys (realm_id, digest) {
        realm_id -> Uuid,
        digest -> Bytea,
        for_tenant -> Uuid,
        invitation_id -> Uuid,
    }
}

diesel::table! {
    invitation_roles (tenant_id, invitation_id, role) {
        tenant_id -> Uuid,
        invitation_id -> Uuid,
        role -> Text,
    }
}

diesel::table! {
    invitations (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        realm_id -> Uuid,
        kind -> Text,
        email -> Nullable<Text>,
        email_canonical -> Nullable<Text>,
        locale -> Text,
        code_sealed -> Nullable<Text>,
        most_uses -> Int4,
        uses -> Int4,
        invited_by -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    known_devices (realm_id, user_id, device_hash) {
        realm_id -> Uuid,
        user_id -> Uuid,
        device_hash -> Bytea,
        first_seen_at -> Timestamptz,
        last_seen_at -> Timestamptz,
    }
}

diesel::table! {
    membership_locks (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        reason -> Text,
        locked_by -> Uuid,
        locked_at -> Timestamptz,
    }
}

diesel::table! {
    membership_roles (tenant_id, user_id, role) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        role -> Text,
    }
}

diesel::table! {
    memberships (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        realm_id -> Uuid,
        status -> Text,
        tier -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    oauth_attempts (realm_id, state_hash) {
        realm_id -> Uuid,
        state_hash -> Bytea,
        provider -> Text,
        for_tenant -> Uuid,
        redirect_uri -> Text,
        code_challenge -> Text,
        device_hash -> Nullable<Bytea>,
        locale -> Text,
        secrets_sealed -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        returned_at -> Nullable<Timestamptz>,
        exchange_hash -> Nullable<Bytea>,
        identity_sealed -> Nullable<Text>,
        attempts -> Int4,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    oauth_sessions (realm_id, state_hash) {
        realm_id -> Uuid,
        state_hash -> Bytea,
        session_id -> Uuid,
    }
}

diesel::table! {
    one_time_tokens (realm_id, purpose, token_hash) {
        realm_id -> Uuid,
        purpose -> Text,
        token_hash -> Bytea,
        user_id -> Uuid,
        for_tenant -> Uuid,
        signup_id -> Nullable<Uuid>,
        device_hash -> Nullable<Bytea>,
        attempts -> Int4,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        consumed_at -> Nullable<Timestamptz>,
        about -> Nullable<Jsonb>,
        code_attempts -> Int4,
    }
}

diesel::table! {
    permissions (name) {
        name -> Text,
    }
}

diesel::table! {
    profiles (realm_id, user_id) {
        realm_id -> Uuid,
        user_id -> Uuid,
        avatar_id -> Nullable<Uuid>,
        bio -> Nullable<Text>,
        time_zone -> Nullable<Text>,
        preferences -> Jsonb,
        onboarding -> Jsonb,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    realms (id) {
        id -> Uuid,
        name -> Text,
    }
}

diesel::table! {
    recovery_codes (realm_id, user_id, code_hash) {
        realm_id -> Uuid,
        user_id -> Uuid,
        code_hash -> Bytea,
        created_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    remembered_devices (realm_id, user_id, id) {
        realm_id -> Uuid,
        user_id -> Uuid,
        id -> Uuid,
        token_hash -> Bytea,
        device_hash -> Bytea,
        token_version -> Int4,
        user_agent -> Nullable<Text>,
        remembered_at -> Timestamptz,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        factor -> Text,
    }
}

diesel::table! {
    revocations (transaction, number) {
        transaction -> Int8,
        number -> Int8,
        user_id -> Nullable<Uuid>,
        token_version -> Nullable<Int4>,
        session_id -> Nullable<Uuid>,
        revoked_at -> Timestamptz,
    }
}

diesel::table! {
    role_permissions (tenant_id, role, permission) {
        tenant_id -> Uuid,
        role -> Text,
        permission -> Text,
    }
}

diesel::table! {
    roles (tenant_id, name) {
        tenant_id -> Uuid,
        name -> Text,
        system -> Bool,
    }
}

diesel::table! {
    scim_users (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Nullable<Uuid>,
        invitation_id -> Nullable<Uuid>,
        user_name -> Nullable<Text>,
        user_name_canonical -> Nullable<Text>,
        external_id -> Nullable<Text>,
        display_name -> Nullable<Text>,
        given_name -> Nullable<Text>,
        family_name -> Nullable<Text>,
        deactivated_at -> Nullable<Timestamptz>,
        unwanted_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    service_accounts (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        description -> Text,
        scope -> Text,
        created_by -> Uuid,
        created_at -> Timestamptz,
        disabled_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    session_descents (realm_id, session_id) {
        realm_id -> Uuid,
        session_id -> Uuid,
        opened_from -> Uuid,
        family -> Uuid,
    }
}

diesel::table! {
    session_places (realm_id, session_id) {
        realm_id -> Uuid,
        session_id -> Uuid,
        opened_at -> Timestamptz,
        user_agent -> Nullable<Text>,
        ip_prefix -> Text,
        device_name -> Nullable<Text>,
    }
}

diesel::table! {
    sessions (realm_id, id) {
        realm_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        for_tenant -> Uuid,
        generation -> Int4,
        session_key_sealed -> Text,
        rotated_at -> Timestamptz,
        repeats -> Int4,
        device_hash -> Nullable<Bytea>,
        surroundings_hash -> Bytea,
        amr -> Text,
        acr -> Text,
        authenticated_at -> Timestamptz,
        sliding_expires_at -> Timestamptz,
        absolute_expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    signups (realm_id, id) {
        realm_id -> Uuid,
        id -> Uuid,
        for_tenant -> Uuid,
        email -> Text,
        email_canonical -> Text,
        name -> Text,
        locale -> Text,
        password_phc -> Text,
        created_at -> Timestamptz,
        settled_at -> Nullable<Timestamptz>,
        invitation_digest -> Nullable<Bytea>,
        consents -> Jsonb,
    }
}

diesel::table! {
    tenant_realms (tenant_id) {
        tenant_id -> Uuid,
        realm_id -> Uuid,
    }
}

diesel::table! {
    tenant_settings (tenant_id) {
        tenant_id -> Uuid,
        default_locale -> Text,
        self_sign_up -> Bool,
        version -> Int8,
        updated_at -> Timestamptz,
        terms_version -> Nullable<Text>,
    }
}

diesel::table! {
    user_factors (realm_id, user_id, id) {
        realm_id -> Uuid,
        user_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        secret_sealed -> Nullable<Text>,
        confirmed_at -> Nullable<Timestamptz>,
        last_step -> Nullable<Int8>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    users (realm_id, id) {
        realm_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        status -> Text,
        email -> Text,
        email_canonical -> Text,
        email_verified_at -> Nullable<Timestamptz>,
        name -> Text,
        locale -> Text,
        password_phc -> Nullable<Text>,
        token_version -> Int4,
        expires_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        password_by_mail -> Bool,
    }
}

diesel::table! {
    webhook_deliveries (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        endpoint_id -> Uuid,
        event_id -> Uuid,
        event_type -> Text,
        payload -> Jsonb,
        state -> Text,
        attempts -> Int4,
        created_at -> Timestamptz,
        last_attempt_at -> Nullable<Timestamptz>,
        last_status -> Nullable<Int4>,
        last_failure -> Nullable<Text>,
    }
}

diesel::table! {
    passkey_challenges (realm_id, purpose, challenge_hash) {
        realm_id -> Uuid,
        purpose -> Text,
        challenge_hash -> Bytea,
        bound_to -> Bytea,
        user_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        consumed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhook_endpoints (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        url -> Text,
        description -> Text,
        event_types -> Text,
        secret_sealed -> Text,
        previous_sealed -> Nullable<Text>,
        previous_until -> Nullable<Timestamptz>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        disabled_at -> Nullable<Timestamptz>,
        given_up -> Int4,
    }
}

diesel::table! {
    passkey_handles (realm_id, user_id) {
        realm_id -> Uuid,
        user_id -> Uuid,
        handle -> Bytea,
    }
}

diesel::table! {
    past_places (realm_id, user_id, session_id) {
        realm_id -> Uuid,
        user_id -> Uuid,
        session_id -> Uuid,
        opened_at -> Timestamptz,
        over_at -> Timestamptz,
        user_agent -> Nullable<Text>,
        ip_prefix -> Text,
        device_name -> Nullable<Text>,
        surroundings_hash -> Nullable<Bytea>,
    }
}

diesel::table! {
    passkeys (realm_id, user_id, id) {
        realm_id -> Uuid,
        user_id -> Uuid,
        id -> Uuid,
        credential_id -> Bytea,
        public_key -> Bytea,
        sign_count -> Int8,
        backup_eligible -> Bool,
        backed_up -> Bool,
        discoverable -> Nullable<Bool>,
        transports -> Text,
        name -> Text,
        created_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(audit_events, audit_seals);
diesel::allow_tables_to_appear_in_same_query!(memberships, membership_roles);
diesel::allow_tables_to_appear_in_same_query!(membership_locks, membership_roles);
diesel::allow_tables_to_appear_in_same_query!(membership_roles, users);
diesel::allow_tables_to_appear_in_same_query!(memberships, membership_locks, users);
diesel::allow_tables_to_appear_in_same_query!(invitations, invitation_roles);
diesel::allow_tables_to_appear_in_same_query!(invitations, invitation_acceptances);
diesel::allow_tables_to_appear_in_same_query!(roles, role_permissions);
diesel::allow_tables_to_appear_in_same_query!(known_devices, users);
diesel::allow_tables_to_appear_in_same_query!(memberships, service_accounts);
diesel::allow_tables_to_appear_in_same_query!(service_accounts, users);
diesel::allow_tables_to_appear_in_same_query!(session_places, sessions);
diesel::allow_tables_to_appear_in_same_query!(sessions, users);
diesel::allow_tables_to_appear_in_same_query!(memberships, sessions);
diesel::allow_tables_to_appear_in_same_query!(membership_roles, sessions);
diesel::allow_tables_to_appear_in_same_query!(passkey_handles, passkeys);

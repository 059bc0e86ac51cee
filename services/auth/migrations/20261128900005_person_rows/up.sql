-- What somebody proves with who they are: a transaction that names a person sees that person's alone, whatever it asks for.
-- One that names nobody, such as a sign-in before it is known who comes, sees the realm's, as before.
CREATE FUNCTION protect_by_person(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'CREATE POLICY person_only ON %s AS RESTRICTIVE
         USING (nullif(current_setting(''app.user_id'', true), '''') IS NULL
             OR user_id = nullif(current_setting(''app.user_id'', true), '''')::uuid)
         WITH CHECK (nullif(current_setting(''app.user_id'', true), '''') IS NULL
             OR user_id = nullif(current_setting(''app.user_id'', true), '''')::uuid)', target);
END $$;

SELECT protect_by_person('user_factors'), protect_by_person('recovery_codes'), protect_by_person('factor_guesses'),
    protect_by_person('remembered_devices'), protect_by_person('known_devices'), protect_by_person('passkeys'),
    protect_by_person('passkey_handles');

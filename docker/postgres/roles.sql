-- Rendered from deploy/services.toml by `./deploy/ctl render`; a test compares.
SET log_min_error_statement = panic;
SET client_min_messages = warning;
\set auth_migrator `cat /run/secrets/auth-migrator-password`
\set auth_rt `cat /run/secrets/auth-rt-password`
-- What a service `auth` needs in the database `shinkofa` before its first migration: its schema, and three roles
-- that cannot do more than they are for. Safe to repeat. Passwords are set apart.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'auth_owner') THEN CREATE ROLE auth_owner; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'auth_migrator') THEN CREATE ROLE auth_migrator; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'auth_rt') THEN CREATE ROLE auth_rt; END IF;
END $$;
ALTER ROLE auth_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE auth_migrator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE auth_rt LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
GRANT auth_owner TO auth_migrator;
ALTER ROLE auth_migrator SET search_path = auth;
ALTER ROLE auth_rt SET search_path = auth;
ALTER ROLE auth_rt SET statement_timeout = '20s';
ALTER ROLE auth_rt SET lock_timeout = '10s';
ALTER ROLE auth_rt SET idle_in_transaction_session_timeout = '30s';
REVOKE ALL ON DATABASE shinkofa FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE shinkofa TO auth_migrator, auth_rt;
CREATE SCHEMA IF NOT EXISTS auth AUTHORIZATION auth_owner;
REVOKE ALL ON SCHEMA auth FROM PUBLIC;
GRANT USAGE ON SCHEMA auth TO auth_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE auth_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE auth_owner IN SCHEMA auth
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO auth_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE auth_owner IN SCHEMA auth GRANT USAGE ON SEQUENCES TO auth_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE auth_owner IN SCHEMA auth GRANT EXECUTE ON FUNCTIONS TO auth_rt;
ALTER ROLE auth_migrator PASSWORD :'auth_migrator';
ALTER ROLE auth_rt PASSWORD :'auth_rt';
\set credits_migrator `cat /run/secrets/credits-migrator-password`
\set credits_rt `cat /run/secrets/credits-rt-password`
-- What a service `credits` needs in the database `shinkofa` before its first migration: its schema, and three roles
-- that cannot do more than they are for. Safe to repeat. Passwords are set apart.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'credits_owner') THEN CREATE ROLE credits_owner; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'credits_migrator') THEN CREATE ROLE credits_migrator; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'credits_rt') THEN CREATE ROLE credits_rt; END IF;
END $$;
ALTER ROLE credits_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE credits_migrator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE credits_rt LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
GRANT credits_owner TO credits_migrator;
ALTER ROLE credits_migrator SET search_path = credits;
ALTER ROLE credits_rt SET search_path = credits;
ALTER ROLE credits_rt SET statement_timeout = '20s';
ALTER ROLE credits_rt SET lock_timeout = '10s';
ALTER ROLE credits_rt SET idle_in_transaction_session_timeout = '30s';
REVOKE ALL ON DATABASE shinkofa FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE shinkofa TO credits_migrator, credits_rt;
CREATE SCHEMA IF NOT EXISTS credits AUTHORIZATION credits_owner;
REVOKE ALL ON SCHEMA credits FROM PUBLIC;
GRANT USAGE ON SCHEMA credits TO credits_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE credits_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE credits_owner IN SCHEMA credits
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO credits_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE credits_owner IN SCHEMA credits GRANT USAGE ON SEQUENCES TO credits_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE credits_owner IN SCHEMA credits GRANT EXECUTE ON FUNCTIONS TO credits_rt;
ALTER ROLE credits_migrator PASSWORD :'credits_migrator';
ALTER ROLE credits_rt PASSWORD :'credits_rt';
\set booking_migrator `cat /run/secrets/booking-migrator-password`
\set booking_rt `cat /run/secrets/booking-rt-password`
-- What a service `booking` needs in the database `shinkofa` before its first migration: its schema, and three roles
-- that cannot do more than they are for. Safe to repeat. Passwords are set apart.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'booking_owner') THEN CREATE ROLE booking_owner; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'booking_migrator') THEN CREATE ROLE booking_migrator; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'booking_rt') THEN CREATE ROLE booking_rt; END IF;
END $$;
ALTER ROLE booking_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE booking_migrator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE booking_rt LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
GRANT booking_owner TO booking_migrator;
ALTER ROLE booking_migrator SET search_path = booking;
ALTER ROLE booking_rt SET search_path = booking;
ALTER ROLE booking_rt SET statement_timeout = '20s';
ALTER ROLE booking_rt SET lock_timeout = '10s';
ALTER ROLE booking_rt SET idle_in_transaction_session_timeout = '30s';
REVOKE ALL ON DATABASE shinkofa FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE shinkofa TO booking_migrator, booking_rt;
CREATE SCHEMA IF NOT EXISTS booking AUTHORIZATION booking_owner;
REVOKE ALL ON SCHEMA booking FROM PUBLIC;
GRANT USAGE ON SCHEMA booking TO booking_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE booking_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE booking_owner IN SCHEMA booking
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO booking_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE booking_owner IN SCHEMA booking GRANT USAGE ON SEQUENCES TO booking_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE booking_owner IN SCHEMA booking GRANT EXECUTE ON FUNCTIONS TO booking_rt;
ALTER ROLE booking_migrator PASSWORD :'booking_migrator';
ALTER ROLE booking_rt PASSWORD :'booking_rt';
\set notify_migrator `cat /run/secrets/notify-migrator-password`
\set notify_rt `cat /run/secrets/notify-rt-password`
-- What a service `notify` needs in the database `shinkofa` before its first migration: its schema, and three roles
-- that cannot do more than they are for. Safe to repeat. Passwords are set apart.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'notify_owner') THEN CREATE ROLE notify_owner; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'notify_migrator') THEN CREATE ROLE notify_migrator; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'notify_rt') THEN CREATE ROLE notify_rt; END IF;
END $$;
ALTER ROLE notify_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE notify_migrator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE notify_rt LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
GRANT notify_owner TO notify_migrator;
ALTER ROLE notify_migrator SET search_path = notify;
ALTER ROLE notify_rt SET search_path = notify;
ALTER ROLE notify_rt SET statement_timeout = '20s';
ALTER ROLE notify_rt SET lock_timeout = '10s';
ALTER ROLE notify_rt SET idle_in_transaction_session_timeout = '30s';
REVOKE ALL ON DATABASE shinkofa FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE shinkofa TO notify_migrator, notify_rt;
CREATE SCHEMA IF NOT EXISTS notify AUTHORIZATION notify_owner;
REVOKE ALL ON SCHEMA notify FROM PUBLIC;
GRANT USAGE ON SCHEMA notify TO notify_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE notify_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE notify_owner IN SCHEMA notify
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO notify_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE notify_owner IN SCHEMA notify GRANT USAGE ON SEQUENCES TO notify_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE notify_owner IN SCHEMA notify GRANT EXECUTE ON FUNCTIONS TO notify_rt;
ALTER ROLE notify_migrator PASSWORD :'notify_migrator';
ALTER ROLE notify_rt PASSWORD :'notify_rt';

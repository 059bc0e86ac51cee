-- Rendered from deploy/services.toml by `./deploy/ctl render`; a test compares.
SET log_min_error_statement = panic;
SET client_min_messages = warning;
REVOKE ALL ON DATABASE shinkofa FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
\set auth_migrator `cat /run/secrets/auth-migrator-password`
\set auth_rt `cat /run/secrets/auth-rt-password`
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'auth_owner') THEN CREATE ROLE auth_owner; END IF; END $$;
ALTER ROLE auth_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'auth_migrator') THEN CREATE ROLE auth_migrator; END IF; END $$;
ALTER ROLE auth_migrator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'auth_migrator';
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'auth_rt') THEN CREATE ROLE auth_rt; END IF; END $$;
ALTER ROLE auth_rt LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'auth_rt';
GRANT auth_owner TO auth_migrator;
GRANT CONNECT ON DATABASE shinkofa TO auth_migrator, auth_rt;
CREATE SCHEMA IF NOT EXISTS auth AUTHORIZATION auth_owner;
REVOKE ALL ON SCHEMA auth FROM PUBLIC;
GRANT USAGE ON SCHEMA auth TO auth_rt;
ALTER ROLE auth_migrator SET search_path = auth;
ALTER ROLE auth_rt SET search_path = auth;
ALTER DEFAULT PRIVILEGES FOR ROLE auth_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE auth_owner IN SCHEMA auth GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO auth_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE auth_owner IN SCHEMA auth GRANT USAGE ON SEQUENCES TO auth_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE auth_owner IN SCHEMA auth GRANT EXECUTE ON FUNCTIONS TO auth_rt;
\set credits_migrator `cat /run/secrets/credits-migrator-password`
\set credits_rt `cat /run/secrets/credits-rt-password`
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'credits_owner') THEN CREATE ROLE credits_owner; END IF; END $$;
ALTER ROLE credits_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'credits_migrator') THEN CREATE ROLE credits_migrator; END IF; END $$;
ALTER ROLE credits_migrator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'credits_migrator';
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'credits_rt') THEN CREATE ROLE credits_rt; END IF; END $$;
ALTER ROLE credits_rt LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'credits_rt';
GRANT credits_owner TO credits_migrator;
GRANT CONNECT ON DATABASE shinkofa TO credits_migrator, credits_rt;
CREATE SCHEMA IF NOT EXISTS credits AUTHORIZATION credits_owner;
REVOKE ALL ON SCHEMA credits FROM PUBLIC;
GRANT USAGE ON SCHEMA credits TO credits_rt;
ALTER ROLE credits_migrator SET search_path = credits;
ALTER ROLE credits_rt SET search_path = credits;
ALTER DEFAULT PRIVILEGES FOR ROLE credits_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE credits_owner IN SCHEMA credits GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO credits_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE credits_owner IN SCHEMA credits GRANT USAGE ON SEQUENCES TO credits_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE credits_owner IN SCHEMA credits GRANT EXECUTE ON FUNCTIONS TO credits_rt;
\set booking_migrator `cat /run/secrets/booking-migrator-password`
\set booking_rt `cat /run/secrets/booking-rt-password`
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'booking_owner') THEN CREATE ROLE booking_owner; END IF; END $$;
ALTER ROLE booking_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'booking_migrator') THEN CREATE ROLE booking_migrator; END IF; END $$;
ALTER ROLE booking_migrator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'booking_migrator';
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'booking_rt') THEN CREATE ROLE booking_rt; END IF; END $$;
ALTER ROLE booking_rt LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'booking_rt';
GRANT booking_owner TO booking_migrator;
GRANT CONNECT ON DATABASE shinkofa TO booking_migrator, booking_rt;
CREATE SCHEMA IF NOT EXISTS booking AUTHORIZATION booking_owner;
REVOKE ALL ON SCHEMA booking FROM PUBLIC;
GRANT USAGE ON SCHEMA booking TO booking_rt;
ALTER ROLE booking_migrator SET search_path = booking;
ALTER ROLE booking_rt SET search_path = booking;
ALTER DEFAULT PRIVILEGES FOR ROLE booking_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE booking_owner IN SCHEMA booking GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO booking_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE booking_owner IN SCHEMA booking GRANT USAGE ON SEQUENCES TO booking_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE booking_owner IN SCHEMA booking GRANT EXECUTE ON FUNCTIONS TO booking_rt;
\set notify_migrator `cat /run/secrets/notify-migrator-password`
\set notify_rt `cat /run/secrets/notify-rt-password`
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'notify_owner') THEN CREATE ROLE notify_owner; END IF; END $$;
ALTER ROLE notify_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'notify_migrator') THEN CREATE ROLE notify_migrator; END IF; END $$;
ALTER ROLE notify_migrator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'notify_migrator';
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'notify_rt') THEN CREATE ROLE notify_rt; END IF; END $$;
ALTER ROLE notify_rt LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'notify_rt';
GRANT notify_owner TO notify_migrator;
GRANT CONNECT ON DATABASE shinkofa TO notify_migrator, notify_rt;
CREATE SCHEMA IF NOT EXISTS notify AUTHORIZATION notify_owner;
REVOKE ALL ON SCHEMA notify FROM PUBLIC;
GRANT USAGE ON SCHEMA notify TO notify_rt;
ALTER ROLE notify_migrator SET search_path = notify;
ALTER ROLE notify_rt SET search_path = notify;
ALTER DEFAULT PRIVILEGES FOR ROLE notify_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE notify_owner IN SCHEMA notify GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO notify_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE notify_owner IN SCHEMA notify GRANT USAGE ON SEQUENCES TO notify_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE notify_owner IN SCHEMA notify GRANT EXECUTE ON FUNCTIONS TO notify_rt;

-- What a service `{service}` needs in the database `{database}` before its first migration: its schema, and three roles
-- that cannot do more than they are for. Safe to repeat. Passwords are set apart.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{service}_owner') THEN CREATE ROLE {service}_owner; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{service}_migrator') THEN CREATE ROLE {service}_migrator; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{service}_rt') THEN CREATE ROLE {service}_rt; END IF;
END $$;
ALTER ROLE {service}_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE {service}_migrator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE {service}_rt LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
GRANT {service}_owner TO {service}_migrator;
ALTER ROLE {service}_migrator SET search_path = {service};
ALTER ROLE {service}_rt SET search_path = {service};
ALTER ROLE {service}_rt SET statement_timeout = '20s';
ALTER ROLE {service}_rt SET lock_timeout = '10s';
ALTER ROLE {service}_rt SET idle_in_transaction_session_timeout = '30s';
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE {database} TO {service}_migrator, {service}_rt;
CREATE SCHEMA IF NOT EXISTS {service} AUTHORIZATION {service}_owner;
REVOKE ALL ON SCHEMA {service} FROM PUBLIC;
GRANT USAGE ON SCHEMA {service} TO {service}_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE {service}_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE {service}_owner IN SCHEMA {service}
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {service}_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE {service}_owner IN SCHEMA {service} GRANT USAGE ON SEQUENCES TO {service}_rt;
ALTER DEFAULT PRIVILEGES FOR ROLE {service}_owner IN SCHEMA {service} GRANT EXECUTE ON FUNCTIONS TO {service}_rt;

//! What each service's database role can do: its own tables, within a tenant, and nothing else.

use diesel::QueryableByName;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use suite::{Stack, invariants};

const SERVICES: [&str; 4] = ["auth", "credits", "booking", "notify"];
/// Schemas of the platform, as a list for SQL.
const SCHEMAS: &str = "'auth', 'credits', 'booking', 'notify'";
const OTHER_TENANT: &str = "01920000-0000-7000-8000-0000000000ff";

/// Tables without a tenant or a realm. Each is either read before a tenant is known or belongs to the world outside;
/// none holds a business row of a tenant.
const WITHOUT_TENANT: &[&str] = &[
    // What the shared crates put into every schema.
    "*.__diesel_schema_migrations",
    "*.tenants",
    "*.tenant_roles",
    "*.jobs",
    "*.events",
    "*.event_heads",
    "*.feed_cursors",
    "*.parked_events",
    "*.idempotency_keys",
    // The populations of users, and the names of what the services know to permit.
    "auth.realms",
    "auth.permissions",
    // What was revoked, which every service reads whole.
    "auth.revocations",
    // What Stripe sent, before it is known whom it is about.
    "credits.stripe_events",
    // Stands in for a mail server.
    "notify.mailbox_messages",
];

/// A connection of a service's own role, with its own password.
struct Role {
    name: String,
    connection: AsyncPgConnection,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

impl Role {
    async fn of(stack: &Stack, service: &str) -> Self {
        let name = format!("{service}_rt");
        let password = stack.secret(&format!("{service}-rt-password"));
        let url = stack.database_url(&format!("{name}:{password}"), "shinkofa");
        let connection =
            AsyncPgConnection::establish(&url).await.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        Self { name, connection }
    }

    async fn run(&mut self, statements: &str) -> Result<(), String> {
        self.connection.batch_execute(statements).await.map_err(|fault| fault.to_string())
    }

    async fn count(&mut self, table: &str) -> i64 {
        let query = format!("SELECT count(*) AS count FROM {table}");
        let counted: Count = diesel::sql_query(&query)
            .get_result(&mut self.connection)
            .await
            .unwrap_or_else(|fault| panic!("{}: {fault}\n{query}", self.name));
        counted.count
    }

    /// Fails the test unless PostgreSQL says that this role may not.
    async fn assert_denied(&mut self, statement: &str) {
        let answer = self.run(&format!("BEGIN; {statement}")).await;
        let undone = self.run("ROLLBACK").await;
        let fault = answer.expect_err(&format!("{} may: {statement}", self.name));
        let denied = ["permission denied", "must be owner", "must be superuser", "must be member"];
        assert!(denied.iter().any(|words| fault.contains(words)), "{}: {statement}: {fault}", self.name);
        undone.expect("the connection goes on");
    }
}

/// Quoted names of tables for which `condition` holds.
async fn tables(stack: &Stack, condition: &str) -> Vec<String> {
    let query = format!(
        "SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname IN ({SCHEMAS}) AND c.relkind IN ('r', 'p') AND {condition} ORDER BY 1"
    );
    let rows = stack.superuser().await.rows(&query).await;
    rows.iter().filter_map(|row| row["name"].as_str()).map(str::to_owned).collect()
}

/// Tables that belong to a tenant, or to a realm and no tenant.
const SCOPED: &str = "EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
    AND a.attname IN ('tenant_id', 'realm_id'))";

#[tokio::test]
async fn a_services_role_is_refused_on_every_table_of_the_others() {
    let stack = Stack::attach().await;
    for service in SERVICES {
        let mut role = Role::of(&stack, service).await;
        let foreign = tables(&stack, &format!("n.nspname <> '{service}'")).await;
        assert!(foreign.len() > 20, "{foreign:?}");
        for table in &foreign {
            for statement in [
                format!("SELECT 1 FROM {table} LIMIT 1"),
                format!("INSERT INTO {table} SELECT * FROM {table}"),
                format!("DELETE FROM {table}"),
                format!("TRUNCATE {table}"),
                format!("LOCK TABLE {table} IN SHARE MODE"),
                format!("COPY {table} TO STDOUT"),
            ] {
                role.assert_denied(&statement).await;
            }
        }
    }
    let rights = stack
        .superuser()
        .await
        .rows(&format!(
            "SELECT r.rolname, n.nspname, c.relname FROM pg_roles r, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE r.rolname ~ '^(auth|credits|booking|notify)_(rt|migrator|owner)$' AND n.nspname IN ({SCHEMAS})
               AND n.nspname <> split_part(r.rolname, '_', 1)
               AND (has_schema_privilege(r.oid, n.oid, 'USAGE, CREATE')
                 OR c.relkind IN ('r', 'p', 'v', 'm') AND has_table_privilege(r.oid, c.oid,
                      'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                 OR c.relkind = 'S' AND has_sequence_privilege(r.oid, c.oid, 'USAGE, SELECT, UPDATE'))"
        ))
        .await;
    assert!(rights.is_empty(), "rights across services: {rights:?}");
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_services_role_can_change_rows_and_nothing_else() {
    let stack = Stack::attach().await;
    for service in SERVICES {
        let mut role = Role::of(&stack, service).await;
        for table in tables(&stack, &format!("n.nspname = '{service}'")).await {
            for statement in [
                format!("TRUNCATE {table}"),
                format!("DROP TABLE {table}"),
                format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
                format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"),
                format!("CREATE POLICY everything ON {table} USING (true)"),
                format!(
                    "CREATE TRIGGER t BEFORE INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()"
                ),
                format!("CREATE INDEX ON {table} ((1))"),
            ] {
                role.assert_denied(&statement).await;
            }
        }
        for statement in [
            "CREATE TABLE public.mine (id int)".to_owned(),
            "CREATE TEMPORARY TABLE mine (id int)".to_owned(),
            format!("CREATE TABLE {service}.mine (id int)"),
            format!("CREATE FUNCTION {service}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
            "CREATE SCHEMA mine".to_owned(),
            "CREATE EXTENSION pg_stat_statements".to_owned(),
            "CREATE ROLE mine".to_owned(),
            format!("SET ROLE {service}_owner"),
            format!("SET ROLE {service}_migrator"),
            "SET ROLE postgres".to_owned(),
            "SET SESSION AUTHORIZATION postgres".to_owned(),
            format!("ALTER ROLE {service}_rt BYPASSRLS"),
            format!("ALTER ROLE {service}_rt SUPERUSER"),
            "COPY (SELECT 1) TO PROGRAM 'true'".to_owned(),
            "SELECT pg_read_file('PG_VERSION')".to_owned(),
            "SELECT pg_ls_dir('.')".to_owned(),
            "SELECT * FROM pg_authid".to_owned(),
        ] {
            role.assert_denied(&statement).await;
        }
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn no_role_of_the_platform_goes_around_row_level_security() {
    let stack = Stack::attach().await;
    let mut superuser = stack.superuser().await;
    let strong = superuser
        .rows(
            "SELECT rolname FROM pg_roles WHERE rolname ~ '^(auth|credits|booking|notify)_'
               AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication
                 OR rolcanlogin AND rolname ~ '_owner$')",
        )
        .await;
    assert!(strong.is_empty(), "{strong:?}");
    let roles = superuser
        .number("SELECT count(*) FROM pg_roles WHERE rolname ~ '^(auth|credits|booking|notify)_(rt|migrator|owner)$'")
        .await;
    assert_eq!(roles, 12);
    let memberships = superuser
        .rows(
            "SELECT m.member::regrole::text AS member, m.roleid::regrole::text AS role FROM pg_auth_members m
             WHERE m.member::regrole::text ~ '^(auth|credits|booking|notify)_'
               AND NOT (m.member::regrole::text ~ '_migrator$' AND NOT m.admin_option
                 AND m.roleid::regrole::text = replace(m.member::regrole::text, '_migrator', '_owner'))",
        )
        .await;
    assert!(memberships.is_empty(), "{memberships:?}");
    let borrowed = superuser
        .rows(&format!(
            "SELECT p.oid::regprocedure::text AS function FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE n.nspname IN ({SCHEMAS}, 'public') AND p.prosecdef"
        ))
        .await;
    assert!(borrowed.is_empty(), "functions that run with their owner's rights: {borrowed:?}");
    let views = superuser
        .rows(&format!(
            "SELECT c.oid::regclass::text AS view FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname IN ({SCHEMAS}, 'public') AND (c.relkind = 'm'
               OR c.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false))"
        ))
        .await;
    assert!(views.is_empty(), "views that show what their owner sees: {views:?}");
    let strangers = superuser
        .rows(
            "SELECT 'schema public' AS what FROM pg_namespace WHERE nspname = 'public'
               AND (has_schema_privilege('auth_rt', oid, 'CREATE') OR has_schema_privilege('auth_rt', oid, 'USAGE'))
             UNION ALL SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'",
        )
        .await;
    assert!(strangers.is_empty(), "{strangers:?}");
    invariants::check(&stack).await;
}

#[tokio::test]
async fn every_table_of_a_tenant_has_forced_row_level_security_with_a_written_check() {
    let stack = Stack::attach().await;
    let mut superuser = stack.superuser().await;
    let unprotected =
        tables(&stack, &format!("{SCOPED} AND NOT (c.relrowsecurity AND c.relforcerowsecurity)")).await;
    assert!(unprotected.is_empty(), "not forced: {unprotected:?}");
    let scoped = tables(&stack, SCOPED).await;
    assert!(scoped.len() > 15, "{scoped:?}");
    for service in SERVICES {
        assert!(
            scoped.iter().any(|table| table.starts_with(&format!("{service}."))),
            "{service} has no tenant's table"
        );
    }

    let policies = superuser
        .rows(&format!(
            "SELECT format('%I.%I', n.nspname, c.relname) AS name, p.polname, p.polpermissive, p.polcmd::text AS command,
                pg_get_expr(p.polqual, c.oid) AS sees, pg_get_expr(p.polwithcheck, c.oid) AS writes
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_policy p ON p.polrelid = c.oid
             WHERE n.nspname IN ({SCHEMAS}) AND c.relkind IN ('r', 'p') AND {SCOPED}"
        ))
        .await;
    let (own, policies): (Vec<_>, Vec<_>) = policies
        .into_iter()
        .partition(|policy| policy["polname"].as_str().is_some_and(|name| name.starts_with("own_")));
    assert_eq!(
        own.len(),
        3,
        "what a person is anywhere and what trails tell them, for them to ask: {own:#?}"
    );
    for policy in &own {
        let rule = policy["sees"].as_str().unwrap_or_default();
        let is_theirs = rule.contains("user_id =") || rule.contains("told_to =");
        let asks = is_theirs && rule.contains("current_setting('app.person_id'");
        assert!(asks && !rule.contains(" OR ") && policy["command"] == "r", "{policy:#}");
    }
    let (narrowing, policies): (Vec<_>, Vec<_>) =
        policies.into_iter().partition(|policy| policy["polpermissive"] == false);
    assert_eq!(
        narrowing.len(),
        8,
        "what one proves with, for a transaction that names a person: {narrowing:#?}"
    );
    for policy in &narrowing {
        for side in ["sees", "writes"] {
            let rule = policy[side].as_str().unwrap_or_default();
            assert!(
                rule.contains("user_id =") && rule.contains("current_setting('app.user_id'"),
                "{policy:#}"
            );
        }
    }
    for policy in &policies {
        for side in ["sees", "writes"] {
            let rule = policy[side].as_str().unwrap_or_default();
            let asks = rule.contains("current_setting('app.tenant_id'")
                || rule.contains("current_setting('app.realm_id'");
            assert!(asks && !rule.contains(" OR "), "{policy:#}");
        }
    }

    let keys = superuser
        .rows(&format!(
            "SELECT format('%I.%I', n.nspname, c.relname) AS name, i.indexrelid::regclass::text AS key
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_index i ON i.indrelid = c.oid
             JOIN pg_attribute first ON first.attrelid = c.oid AND first.attnum = i.indkey[0]
             WHERE n.nspname IN ({SCHEMAS}) AND {SCOPED} AND i.indisunique AND first.attname NOT IN ('tenant_id', 'realm_id')"
        ))
        .await;
    assert!(keys.is_empty(), "unique keys that do not begin with their tenant: {keys:?}");
    let foreign = superuser
        .rows(&format!(
            "SELECT k.conrelid::regclass::text AS name, k.conname FROM pg_constraint k
             JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_attribute first ON first.attrelid = c.oid AND first.attnum = k.conkey[1]
             WHERE n.nspname IN ({SCHEMAS}) AND {SCOPED} AND k.contype IN ('f', 'x')
               AND first.attname NOT IN ('tenant_id', 'realm_id')"
        ))
        .await;
    assert!(foreign.is_empty(), "references that row-level security does not follow: {foreign:?}");
    invariants::check(&stack).await;
}

#[tokio::test]
async fn what_belongs_to_no_tenant_is_known_by_name() {
    let stack = Stack::attach().await;
    for table in tables(&stack, &format!("NOT ({SCOPED})")).await {
        let (_, name) = table.split_once('.').expect("a schema");
        let known = WITHOUT_TENANT.contains(&table.as_str())
            || WITHOUT_TENANT.contains(&format!("*.{name}").as_str());
        assert!(known, "{table} has no tenant_id: give it one, or say here why it needs none");
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn without_a_tenant_no_row_is_seen_changed_or_written() {
    let stack = Stack::attach().await;
    let scoped = tables(&stack, SCOPED).await;
    // Somebody with a wallet, a seat and mails, so that there is something to be seen.
    let admin = stack.admin().await;
    let person = stack.sign_up("fr").await;
    let package = stack.package(&admin, suite::PackageTerms { credits: 2, validity_days: 30 }).await;
    stack.buy(&person, &package).await;
    let session = stack.session_costing(&admin, 1, suite::SessionTerms::far_ahead(3)).await;
    stack.book(&person, &session).await.expect(201);

    let mut superuser = stack.superuser().await;
    for service in SERVICES {
        let mut role = Role::of(&stack, service).await;
        let mut seen_by_all = 0;
        for table in scoped.iter().filter(|table| table.starts_with(&format!("{service}."))) {
            seen_by_all += superuser.number(&format!("SELECT count(*) FROM {table}")).await;
            for setting in
                ["RESET app.tenant_id; RESET app.realm_id", "SET app.tenant_id = ''; SET app.realm_id = ''"]
            {
                role.run(setting).await.expect("a setting");
                assert_eq!(role.count(table).await, 0, "{table} without a tenant");
            }
            let other = format!("SET app.tenant_id = '{OTHER_TENANT}'; SET app.realm_id = '{OTHER_TENANT}'");
            role.run(&other).await.expect("a setting");
            assert_eq!(role.count(table).await, 0, "{table} in another tenant");
            role.run("RESET app.tenant_id; RESET app.realm_id").await.expect("a setting");
            let before = superuser.number(&format!("SELECT count(*) FROM {table}")).await;
            // What is only ever added to may not be deleted from at all.
            if let Err(fault) = role.run(&format!("DELETE FROM {table}")).await {
                let refused = fault.contains("permission denied") || fault.contains("append-only");
                assert!(refused, "{table}: {fault}");
            }
            assert!(
                superuser.number(&format!("SELECT count(*) FROM {table}")).await >= before,
                "{table} lost rows"
            );
            assert_no_row_can_be_written(&mut role, &mut superuser, table).await;
            refuses_to_look_around(&mut role, table).await;
        }
        assert!(seen_by_all > 0, "{service} has no rows that could have been seen");
    }
    invariants::check(&stack).await;
}

/// A whole, valid row, read as the superuser, is refused under no tenant and under another than its own.
async fn assert_no_row_can_be_written(role: &mut Role, superuser: &mut suite::Superuser, table: &str) {
    let rows = superuser.rows(&format!("SELECT to_jsonb(t) AS row FROM {table} t LIMIT 1")).await;
    let Some(row) = rows.as_slice().first().map(|row| &row["row"]) else { return };
    let columns: Vec<String> = superuser
        .rows(&format!(
            "SELECT quote_ident(attname) AS name FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0
               AND NOT attisdropped AND attgenerated = ''"
        ))
        .await
        .iter()
        .filter_map(|column| column["name"].as_str().map(str::to_owned))
        .collect();
    let columns = columns.join(", ");
    let literal = row.to_string().replace('\'', "''");
    for setting in [
        String::new(),
        format!("SET LOCAL app.tenant_id = '{OTHER_TENANT}'; SET LOCAL app.realm_id = '{OTHER_TENANT}';"),
    ] {
        let insert = format!(
            "BEGIN; {setting} INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
             SELECT {columns} FROM jsonb_populate_record(NULL::{table}, '{literal}'::jsonb)"
        );
        let fault = role.run(&insert).await.expect_err(table);
        role.run("ROLLBACK").await.expect("the connection goes on");
        assert!(fault.contains("row-level security"), "{table}: {fault}");
    }
}

/// Asking PostgreSQL to leave row-level security out is an error, not a look at everything.
async fn refuses_to_look_around(role: &mut Role, table: &str) {
    let fault = role.run(&format!("BEGIN; SET LOCAL row_security = off; SELECT 1 FROM {table}")).await;
    role.run("ROLLBACK").await.expect("the connection goes on");
    assert!(fault.expect_err(table).contains("row-level security"), "{table}");
}

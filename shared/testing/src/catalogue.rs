//! Questions to PostgreSQL's catalogue that every service has to answer well.

use shinkofa_runtime::Service;

use crate::TestApp;

/// Every table with a tenant or a realm starts its keys with it, is protected by forced row-level security with a
/// written check, and cannot be truncated by the service; and no table hides behind an owner's rights.
pub async fn assert_tenant_tables_are_protected<S: Service>(app: &TestApp<S>) {
    let scoped = "SELECT DISTINCT c.oid, c.relname, a.attname AS scope_column, a.attnum
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND a.attname IN ('tenant_id', 'realm_id')
          AND NOT a.attisdropped
          AND NOT (a.attname = 'realm_id' AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = c.oid
                AND t.attname = 'tenant_id' AND NOT t.attisdropped))";
    let unprotected = app
        .sql(&format!(
            "SELECT s.relname FROM ({scoped}) s JOIN pg_class c USING (oid)
             WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity) OR NOT EXISTS (
                 SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polwithcheck IS NOT NULL)"
        ))
        .await;
    assert!(unprotected.is_empty(), "tables without forced row-level security: {unprotected:?}");

    let keys = app
        .sql(&format!(
            "SELECT s.relname, k.conname FROM ({scoped}) s JOIN pg_constraint k ON k.conrelid = s.oid
             WHERE k.contype IN ('p', 'u', 'f', 'x') AND k.conkey[1] <> s.attnum"
        ))
        .await;
    assert!(keys.is_empty(), "keys that do not start with their tenant: {keys:?}");

    let indexes = app
        .sql(&format!(
            "SELECT s.relname, i.indexrelid::regclass::text AS index FROM ({scoped}) s JOIN pg_index i ON i.indrelid = s.oid
             WHERE i.indisunique AND i.indkey[0] <> s.attnum"
        ))
        .await;
    assert!(indexes.is_empty(), "unique indexes that do not start with their tenant: {indexes:?}");

    let role = format!("{}_rt", S::NAME);
    let rights = app
        .sql(&format!(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND has_table_privilege('{role}', c.oid, 'TRUNCATE')"
        ))
        .await;
    assert!(rights.is_empty(), "tables that {role} may truncate: {rights:?}");
    let role_is_plain = app
        .sql(&format!(
            "SELECT 1 AS one FROM pg_roles WHERE rolname = '{role}' AND (rolsuper OR rolbypassrls)"
        ))
        .await;
    assert!(role_is_plain.is_empty(), "{role} can go around row-level security");
}

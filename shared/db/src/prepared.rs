//! Hand-written SQL that PostgreSQL prepares once per connection.

/// Declares a statement with named, typed inputs that is cached as a prepared statement.
///
/// `diesel::sql_query` is planned anew on every call. What this declares is a diesel query fragment, keyed in the
/// statement cache by its text. The inputs stand in a one-row relation called `input`:
///
/// ```ignore
/// prepared_query! {
///     pub(crate) struct TakeSeat { session: SessionId as Uuid, seats: i32 as Integer }
///     "UPDATE sessions SET taken = taken + input.seats FROM input WHERE id = input.session RETURNING taken"
/// }
/// let row: Taken = TakeSeat { session, seats }.get_result(tx).await?;
/// ```
///
/// A `WITH` of the statement's own continues the list: start the text with `, seat AS (...) SELECT ...`.
/// An input that may be absent is `Option<T> as Nullable<Uuid>`, several of a kind are `Vec<T> as Array<Uuid>`. Rows are read by
/// column name with `#[derive(QueryableByName)]`.
#[macro_export]
macro_rules! prepared_query {
    (
        $(#[$doc:meta])*
        $vis:vis struct $name:ident { $($field:ident : $rust:ty as $sql_type:ident $(<$inner:ident>)?),+ $(,)? }
        $sql:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        $vis struct $name { $($vis $field: $rust),+ }

        impl ::diesel::query_builder::QueryFragment<::diesel::pg::Pg> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut out: ::diesel::query_builder::AstPass<'_, 'b, ::diesel::pg::Pg>,
            ) -> ::diesel::QueryResult<()> {
                out.push_sql("WITH input AS (SELECT ");
                let mut separator = "";
                $(
                    out.push_sql(separator);
                    out.push_bind_param::<::diesel::sql_types::$sql_type $(<::diesel::sql_types::$inner>)?, _>(&self.$field)?;
                    out.push_sql(concat!("::", $crate::prepared_query!(@cast $sql_type $(<$inner>)?), " AS ", stringify!($field)));
                    separator = ", ";
                )+
                let _ = separator;
                out.push_sql(")");
                out.push_sql($sql);
                Ok(())
            }
        }

        impl ::diesel::query_builder::QueryId for $name {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }

        impl ::diesel::query_builder::Query for $name {
            type SqlType = ::diesel::sql_types::Untyped;
        }

        impl<Conn> ::diesel::RunQueryDsl<Conn> for $name {}
    };
    (@cast Nullable<$inner:ident>) => { $crate::prepared_query!(@cast $inner) };
    (@cast Array<$inner:ident>) => { concat!($crate::prepared_query!(@cast $inner), "[]") };
    (@cast Uuid) => { "uuid" };
    (@cast Text) => { "text" };
    (@cast Integer) => { "int4" };
    (@cast BigInt) => { "int8" };
    (@cast Bool) => { "bool" };
    (@cast Timestamptz) => { "timestamptz" };
    (@cast Jsonb) => { "jsonb" };
    (@cast Bytea) => { "bytea" };
}

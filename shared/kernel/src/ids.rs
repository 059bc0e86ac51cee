//! Ids that cannot be mistaken for one another.

use uuid::Uuid;

/// Declares a UUIDv7 id type with its JSON, OpenAPI and PostgreSQL forms.
///
/// The calling crate needs `diesel` among its dependencies.
#[macro_export]
macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
            $crate::macros::serde::Serialize, $crate::macros::serde::Deserialize,
            ::diesel::expression::AsExpression, ::diesel::deserialize::FromSqlRow,
            $crate::macros::utoipa::ToSchema,
        )]
        #[serde(transparent, crate = "shinkofa_kernel::macros::serde")]
        #[diesel(sql_type = ::diesel::sql_types::Uuid)]
        #[schema(value_type = $crate::macros::uuid::Uuid)]
        pub struct $name($crate::macros::uuid::Uuid);

        impl $name {
            pub fn new(clock: &$crate::Clock) -> Self {
                Self(clock.new_uuid())
            }

            pub const fn from_uuid(id: $crate::macros::uuid::Uuid) -> Self {
                Self(id)
            }

            pub const fn as_uuid(self) -> $crate::macros::uuid::Uuid {
                self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::macros::uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl ::diesel::serialize::ToSql<::diesel::sql_types::Uuid, ::diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut ::diesel::serialize::Output<'b, '_, ::diesel::pg::Pg>,
            ) -> ::diesel::serialize::Result {
                <$crate::macros::uuid::Uuid as ::diesel::serialize::ToSql<
                    ::diesel::sql_types::Uuid,
                    ::diesel::pg::Pg,
                >>::to_sql(&self.0, out)
            }
        }

        impl ::diesel::deserialize::FromSql<::diesel::sql_types::Uuid, ::diesel::pg::Pg> for $name {
            fn from_sql(
                value: ::diesel::pg::PgValue<'_>,
            ) -> ::diesel::deserialize::Result<Self> {
                <$crate::macros::uuid::Uuid as ::diesel::deserialize::FromSql<
                    ::diesel::sql_types::Uuid,
                    ::diesel::pg::Pg,
                >>::from_sql(value)
                .map(Self)
            }
        }
    };
}

typed_id! {
    /// A realm: one population of users. A deployment has one unless told otherwise.
    RealmId
}
typed_id! {
    /// A tenant: one studio, coach or creator and everything that is theirs.
    TenantId
}
typed_id! {
    /// A user of a realm.
    UserId
}
typed_id! {
    /// A sign-in on one device, from its first token to its revocation.
    SessionId
}

impl TenantId {
    /// The tenant `default`, which every installation starts with.
    pub const DEFAULT: Self = Self(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001));
}

impl RealmId {
    /// The realm of an installation that has only one.
    pub const DEFAULT: Self = Self(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000));
}

/// The id of one request: the 32 hex digits of its W3C trace id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// Takes the trace id out of a `traceparent` header, when the header is well formed.
    pub fn from_traceparent(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace_id) = (parts.next()?, parts.next()?);
        let well_formed = version.len() == 2
            && trace_id.len() == 32
            && trace_id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            && trace_id.bytes().any(|b| b != b'0');
        well_formed.then(|| Self(trace_id.to_owned()))
    }

    /// A fresh one, for work that no gateway request started.
    pub fn new(clock: &crate::Clock) -> Self {
        Self(clock.new_uuid().simple().to_string())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The header that makes the next hop part of the same trace.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.0, &self.0[16..])
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_the_trace_id_and_nothing_malformed_passes() {
        let id = RequestId::from_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert_eq!(id.unwrap().as_str(), "0af7651916cd43dd8448eb211c80319c");
        for bad in [
            "",
            "00",
            "00-xyz-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        ] {
            assert_eq!(RequestId::from_traceparent(bad), None, "{bad}");
        }
    }
}

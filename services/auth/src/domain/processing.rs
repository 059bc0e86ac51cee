//! The register of processing, as the schema itself tells it: each personal column says what it is for.

use serde::Serialize;
use utoipa::ToSchema;

/// One kind of personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Processing {
    #[schema(example = "users.email")]
    pub data: String,
    #[schema(example = "signing in, and messages about the account")]
    pub purpose: String,
    /// Article 6(1) of the GDPR.
    #[schema(example = "contract")]
    pub basis: String,
    #[schema(example = "until the account is erased")]
    pub retention: String,
}

/// Reads `personal: purpose; basis; retention`.
pub fn processing(data: String, comment: &str) -> Option<Processing> {
    let mut parts = comment.strip_prefix("personal:")?.split(';').map(str::trim);
    let (purpose, basis, retention) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none() && [purpose, basis, retention].iter().all(|part| !part.is_empty());
    whole.then(|| Processing {
        data,
        purpose: purpose.to_owned(),
        basis: basis.to_owned(),
        retention: retention.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_of_three_parts_is_read_and_any_other_is_not() {
        let read = |comment: &str| processing("users.email".to_owned(), comment);
        assert_eq!(read("personal: signing in; contract; one day").unwrap().retention, "one day");
        for other in
            ["personal: signing in; contract", "personal: a; b; c; d", "technical: a", "personal: ; b; c"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }
}

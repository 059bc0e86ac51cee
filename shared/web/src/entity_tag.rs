//! `ETag` and `If-Match` (RFC 9110 sections 8.8.3 and 13.1.1): who changes something says which version of it they saw.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest};

use crate::Problem;

/// The version of something, as it stands in an `ETag` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityTag(pub i64);

impl EntityTag {
    pub fn header(self) -> (&'static str, String) {
        ("etag", format!("\"{}\"", self.0))
    }
}

/// The `If-Match` header: one version, or whichever there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMatch {
    Any,
    Version(i64),
}

impl IfMatch {
    /// Refuses with 412 when what is there is of another version than the caller saw.
    pub fn require(self, present: EntityTag) -> Result<(), Problem> {
        match self {
            Self::Version(seen) if seen != present.0 => Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "changed_meanwhile",
                "Somebody changed this meanwhile. Look at it again, then repeat your change.",
                "Quelqu'un a modifié ceci entre-temps. Relisez-le, puis refaites votre modification.",
            )),
            Self::Version(_) | Self::Any => Ok(()),
        }
    }

    fn read(header: &str) -> Option<Self> {
        if header == "*" {
            return Some(Self::Any);
        }
        let version = header.strip_prefix('"')?.strip_suffix('"')?;
        let plain = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        if plain { version.parse().ok().map(Self::Version) } else { None }
    }
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut values = request.headers().get_all("if-match");
        ready(match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok().and_then(Self::read).ok_or_else(|| {
                Problem::malformed(
                    "If-Match must be the ETag that came with what you change, or *.",
                    "If-Match doit être l'ETag reçu avec ce que vous modifiez, ou *.",
                )
            }),
            (Some(_), Some(_)) => {
                Err(Problem::malformed("If-Match stands twice.", "If-Match figure deux fois."))
            }
            (None, _) => Err(Problem::new(
                StatusCode::PRECONDITION_REQUIRED,
                "if_match_required",
                "Send the ETag that came with what you change as If-Match.",
                "Envoyez dans If-Match l'ETag reçu avec ce que vous modifiez.",
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_one_version_or_any_and_nothing_else_is_read() {
        assert_eq!(IfMatch::read("\"7\""), Some(IfMatch::Version(7)));
        assert_eq!(IfMatch::read("*"), Some(IfMatch::Any));
        for refused in
            ["", "7", "\"\"", "\"", "W/\"7\"", "\"-7\"", "\"+7\"", "\"7\", \"8\"", "\"99999999999999999999\""]
        {
            assert_eq!(IfMatch::read(refused), None, "{refused}");
        }
        assert!(
            IfMatch::Version(7).require(EntityTag(7)).is_ok() && IfMatch::Any.require(EntityTag(7)).is_ok()
        );
        assert_eq!(IfMatch::Version(6).require(EntityTag(7)).unwrap_err().status().as_u16(), 412);
        assert_eq!(EntityTag(7).header(), ("etag", "\"7\"".to_owned()));
    }
}

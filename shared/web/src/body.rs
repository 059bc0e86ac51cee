//! JSON bodies, parsed at the edge into types that cannot hold a wrong value.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use shinkofa_kernel::defended;

use crate::Problem;

/// A JSON body of type `T`.
///
/// An object. Not JSON: 400. JSON of another shape, or a value a field refuses: 422 with a pointer to it. Larger than the
/// service's limit: 413. Another content type: 415.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = request.content_type().eq_ignore_ascii_case("application/json");
        let bytes = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            if !is_json {
                return Err(Problem::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "unsupported_media_type",
                    "Send the body as application/json.",
                    "Envoyez le corps en application/json.",
                ));
            }
            let bytes = bytes.await.map_err(|error| unreadable(&error))?;
            parse(&bytes).map(Self)
        })
    }
}

/// A body as it arrived, for protocols with a media type and errors of their own: it is read once it is settled who asks.
#[derive(Debug)]
pub struct RawBody {
    content_type: String,
    bytes: web::Bytes,
}

impl RawBody {
    /// The body as a `T`, where it was sent as one of these media types. The first of them is named to whoever sent another.
    pub fn read<T: DeserializeOwned>(&self, media_types: &[&str]) -> Result<T, Problem> {
        if media_types.iter().any(|known| self.content_type.eq_ignore_ascii_case(known)) {
            return parse(&self.bytes);
        }
        let wanted = media_types.first().copied().unwrap_or_default();
        Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            format!("Send the body as {wanted}."),
            format!("Envoyez le corps en {wanted}."),
        ))
    }
}

impl FromRequest for RawBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let content_type = request.content_type().to_owned();
        let bytes = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            let bytes = bytes.await.map_err(|error| unreadable(&error))?;
            Ok(Self { content_type, bytes })
        })
    }
}

fn unreadable(error: &actix_web::Error) -> Problem {
    if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The body is larger than this endpoint accepts.",
            "Le corps dépasse la taille acceptée ici.",
        );
    }
    Problem::malformed("The body could not be read to its end.", "Le corps n'a pas pu être lu jusqu'au bout.")
}

/// Parses `bytes` as the JSON of a `T`.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would also fill the fields of a struct from an array, in their order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        serde_json::from_slice::<serde::de::IgnoredAny>(bytes).map_err(|error| malformed(&error))?;
        return Err(Problem::invalid_field("", "must be an object"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = match serde_path_to_error::deserialize(&mut json) {
        Ok(value) => value,
        Err(error) => {
            if !defended!("V19")
                && let Some(rest) = without_unknown(bytes, error.inner())
            {
                return parse(&rest);
            }
            return Err(refusal(&error));
        }
    };
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let cause = error.inner();
    match cause.classify() {
        Category::Data => {
            let message = message(cause);
            Problem::invalid_field(pointer(error.path(), &message), message)
        }
        Category::Syntax | Category::Eof | Category::Io => malformed(cause),
    }
}

fn malformed(cause: &serde_json::Error) -> Problem {
    let (line, column) = (cause.line(), cause.column());
    Problem::malformed(
        format!("The body is not JSON: see line {line}, column {column}."),
        format!("Le corps n'est pas du JSON : voir ligne {line}, colonne {column}."),
    )
}

/// The place that `message` is about, as RFC 6901 writes it.
fn pointer(path: &serde_path_to_error::Path, message: &str) -> String {
    use serde_path_to_error::Segment;
    let place: String = path
        .iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => reference(key),
            Segment::Enum { variant } => reference(variant),
            Segment::Unknown => String::new(),
        })
        .collect();
    match field_of_object(message).map(reference) {
        Some(field) if !place.ends_with(&field) => place + &field,
        _ => place,
    }
}

/// serde reports a missing or unknown field at the object that should, or should not, have it.
fn field_of_object(message: &str) -> Option<&str> {
    let name = message.strip_prefix("missing field `").or_else(|| message.strip_prefix("unknown field `"))?;
    name.split('`').next()
}

/// The body less the member that the type does not know, as a type that lets any member pass reads it.
fn without_unknown(bytes: &[u8], cause: &serde_json::Error) -> Option<Vec<u8>> {
    let message = cause.to_string();
    let unknown = message.strip_prefix("unknown field `")?.split('`').next()?;
    let mut body: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    body.as_object_mut()?.remove(unknown)?;
    serde_json::to_vec(&body).ok()
}

/// `~` and `/` inside a name are escaped.
fn reference(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// serde's sentence without its position, which the pointer tells better.
fn message(cause: &serde_json::Error) -> String {
    let text = cause.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Locale;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[allow(dead_code)]
        lines: Vec<u8>,
    }

    fn errors(body: &str) -> (u16, Vec<crate::FieldError>) {
        let problem = parse::<Order>(body.as_bytes()).unwrap_err();
        (problem.status().as_u16(), problem.document(Locale::English, "r").errors)
    }

    #[test]
    fn a_value_of_the_wrong_type_is_422_with_a_pointer_to_it() {
        let (status, errors) = errors(r#"{"lines":[1,"x"]}"#);
        assert_eq!((status, errors[0].pointer.as_str()), (422, "/lines/1"));
    }

    #[test]
    fn an_unknown_field_is_422_with_a_pointer_to_it() {
        let (status, errors) = errors(r#"{"lines":[],"a/b":"x"}"#);
        assert_eq!((status, errors[0].pointer.as_str()), (422, "/a~1b"));
    }

    #[test]
    fn a_missing_field_is_422_with_a_pointer_to_where_it_should_be() {
        let (status, errors) = errors("{}");
        assert_eq!((status, errors[0].pointer.as_str()), (422, "/lines"));
    }

    #[test]
    fn an_array_is_no_object_even_where_its_elements_would_fit_the_fields() {
        assert_eq!(errors("\n [[1]]").0, 422);
        assert_eq!(errors("[[1]] x").0, 400);
    }

    #[test]
    fn text_that_is_not_json_is_400_also_behind_a_whole_value() {
        assert_eq!(errors("{").0, 400);
        assert_eq!(errors(r#"{"lines":[]} x"#).0, 400);
    }
}

//! The few pages that people see in a browser: one file each, nothing loaded from anywhere else.

use actix_web::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Auth;
use crate::error::Error;

/// Answers `template` with `{{name}}` replaced, under a policy that lets only its own script and style run.
pub fn page(auth: &Auth, template: &str, texts: &[(&str, &str)]) -> Result<HttpResponse, Error> {
    let nonce = STANDARD.encode(auth.randomness.bytes::<16>()?);
    let mut html = template.replace("{{nonce}}", &nonce);
    for (name, text) in texts {
        html = html.replace(&format!("{{{{{name}}}}}"), text);
    }
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("content-security-policy", policy))
        .insert_header(("cache-control", "no-store"))
        .insert_header(("referrer-policy", "no-referrer"))
        .insert_header(("x-content-type-options", "nosniff"))
        .body(html))
}

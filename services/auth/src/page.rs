//! The pages that mails link to.

use actix_web::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shinkofa_web::html_page;

use crate::Auth;
use crate::error::Error;

/// Answers `template` with `{{name}}` replaced, under a nonce that nobody can guess.
pub fn page(auth: &Auth, template: &str, texts: &[(&str, &str)]) -> Result<HttpResponse, Error> {
    let nonce = STANDARD.encode(auth.randomness.bytes::<16>()?);
    Ok(html_page(&nonce, template, texts))
}

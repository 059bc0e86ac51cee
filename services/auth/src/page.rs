//! The pages that mails link to.

use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shinkofa_db::{Scope, transaction};
use shinkofa_kernel::defended;
use shinkofa_web::html_page;

use crate::Auth;
use crate::db::one_time_tokens;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::error::Error;

/// Answers `template` with `{{name}}` replaced, under a nonce that nobody can guess.
pub fn page(auth: &Auth, template: &str, texts: &[(&str, &str)]) -> Result<HttpResponse, Error> {
    let nonce = STANDARD.encode(auth.randomness.bytes::<16>()?);
    Ok(html_page(&nonce, template, texts))
}

/// The page that a link for `purpose` opens. Whoever scans mail for links looks at each, so a look uses nothing up, not even a token
/// that was moved from behind the `#` of the address to where the server reads it.
pub async fn page_of_link(
    auth: &Auth,
    request: &HttpRequest,
    purpose: TokenPurpose,
    (template, texts): (&str, &[(&str, &str)]),
) -> Result<HttpResponse, Error> {
    if !defended!("V22") {
        use_up(auth, request.query_string(), purpose).await?;
    }
    page(auth, template, texts)
}

/// What a page must not do.
async fn use_up(auth: &Auth, query: &str, purpose: TokenPurpose) -> Result<(), Error> {
    let token = OneTimeToken::try_from(query.trim_start_matches("token=").to_owned());
    let Ok(token) = token else { return Ok(()) };
    let now = auth.platform.clock.now();
    transaction(&auth.platform.database, &Scope::realm(auth.realm), "use_up_link", async |tx| {
        one_time_tokens::consume(tx, auth.realm, (purpose, &token), now).await?;
        Ok(())
    })
    .await
}

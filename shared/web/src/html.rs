//! The few pages that people see in a browser: one template each, nothing loaded from anywhere else.

use actix_web::HttpResponse;

/// Answers `template` with `{{name}}` replaced, under a policy that lets only the script and style run that carry `nonce`.
///
/// The texts are the service's own: they are not escaped.
pub fn html_page(nonce: &str, template: &str, texts: &[(&str, &str)]) -> HttpResponse {
    let mut html = template.replace("{{nonce}}", nonce);
    for (name, text) in texts {
        html = html.replace(&format!("{{{{{name}}}}}"), text);
    }
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("content-security-policy", policy))
        .insert_header(("cache-control", "no-store"))
        .insert_header(("referrer-policy", "no-referrer"))
        .insert_header(("x-content-type-options", "nosniff"))
        .body(html)
}

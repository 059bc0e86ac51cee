//! Every route, and who may take it.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::handlers;

pub fn public(config: &mut ServiceConfig<'_>) {
    config.service(handlers::sign_up::sign_up); // POST /api/auth/signup  anyone
    config.service(handlers::verify_email::verify_email); // POST /api/auth/email/verify  anyone
    config.service(handlers::resend_verification::resend_verification); // POST /api/auth/email/resend  anyone
    config.service(handlers::sign_in::sign_in); // POST /api/auth/signin  anyone
    config.service(handlers::sign_in_second_factor::sign_in_second_factor); // POST /api/auth/signin/mfa  anyone
    config.service(handlers::refresh::refresh); // POST /api/auth/refresh  anyone
    config.service(handlers::sign_out::sign_out); // POST /api/auth/logout  signed in
    config.service(handlers::forgot_password::forgot_password); // POST /api/auth/password/forgot  anyone
    config.service(handlers::reset_password::reset_password); // POST /api/auth/password/reset  anyone
    config.service(handlers::change_password::change_password); // POST /api/auth/password/change  signed in
    config.service(handlers::change_email::change_email); // POST /api/auth/email/change  signed in
    config.service(handlers::confirm_email_change::confirm_email_change); // POST /api/auth/email/change/confirm  anyone
    config.service(handlers::undo_email_change::undo_email_change); // POST /api/auth/email/change/undo  anyone
    config.service(handlers::list_sessions::list_sessions); // GET /api/auth/sessions  signed in
    config.service(handlers::rename_session::rename_session); // PATCH /api/auth/sessions/{id}  signed in
    config.service(handlers::end_session::end_session); // DELETE /api/auth/sessions/{id}  signed in
    config.service(handlers::end_sessions::end_sessions); // DELETE /api/auth/sessions  signed in
    config.service(handlers::list_security_timeline::list_security_timeline); // GET /api/auth/security-timeline  signed in
    config.service(handlers::report_not_me::report_not_me); // POST /api/auth/security-timeline/{eventId}/not-me  signed in
    config.service(handlers::disown_sign_in::disown_sign_in); // POST /api/auth/signin/not-me  anyone
    config.service(handlers::show_profile::show_profile); // GET /api/user/profile  signed in
    config.service(handlers::change_profile::change_profile); // PATCH /api/user/profile  signed in
    config.service(handlers::show_verify_email::show_verify_email); // GET /verify-email  anyone
    config.service(handlers::show_reset_password::show_reset_password); // GET /reset-password  anyone
    config.service(handlers::show_confirm_email_change::show_confirm_email_change); // GET /confirm-email-change  anyone
    config.service(handlers::show_undo_email_change::show_undo_email_change); // GET /undo-email-change  anyone
    config.service(handlers::show_not_me::show_not_me); // GET /not-me  anyone
    config.service(handlers::show_documentation::show_documentation); // GET /api/docs  anyone
}

pub fn internal(config: &mut ServiceConfig<'_>) {
    config.service(handlers::list_revocations::list_revocations); // GET /internal/v1/revocations  service:trust
    config.service(handlers::introspect::introspect); // POST /internal/v1/introspect  service:trust
}

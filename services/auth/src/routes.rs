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
    config.service(handlers::show_profile::show_profile); // GET /api/user/profile  signed in
    config.service(handlers::show_consents::show_consents); // GET /api/me/consents  signed in
    config.service(handlers::put_consent::put_consent); // PUT /api/me/consents  signed in
    config.service(handlers::export_account::export_account); // GET /api/me/export  signed in
    config.service(handlers::request_deletion::request_deletion); // POST /api/me/delete  signed in, with the password
    config.service(handlers::cancel_deletion::cancel_deletion); // POST /api/me/delete/cancel  signed in
    config.service(handlers::show_certificate::show_certificate); // GET /api/me/certificates/{certificateId}  anyone
    config.service(handlers::show_processing_register::show_processing_register); // GET /api/auth/processing-register  anyone
    config.service(handlers::list_users::list_users); // GET /api/admin/users  auth.users.manage
    config.service(handlers::show_user::show_user); // GET /api/admin/users/{userId}  auth.users.manage
    config.service(handlers::lock_user::lock_user); // POST /api/admin/users/{userId}/lock  auth.users.manage
    config.service(handlers::unlock_user::unlock_user); // POST /api/admin/users/{userId}/unlock  auth.users.manage
    config.service(handlers::sign_out_user::sign_out_user); // POST /api/admin/users/{userId}/sign-out  auth.users.manage
    config.service(handlers::impersonate_user::impersonate_user); // POST /api/admin/users/{userId}/impersonate  auth.users.impersonate
    config.service(handlers::list_audit::list_audit); // GET /api/admin/audit  auth.audit.read
    config.service(handlers::verify_audit::verify_audit); // GET /api/admin/audit/verify  auth.audit.read
    config.service(handlers::show_verify_email::show_verify_email); // GET /verify-email  anyone
    config.service(handlers::show_documentation::show_documentation); // GET /api/docs  anyone
}

pub fn internal(config: &mut ServiceConfig<'_>) {
    config.service(handlers::list_revocations::list_revocations); // GET /internal/v1/revocations  service:trust
    config.service(handlers::ban_fingerprints::ban_fingerprints); // POST /internal/v1/bans  service:bans
    config.service(handlers::lift_ban::lift_ban); // DELETE /internal/v1/bans/{banId}  service:bans
    config.service(handlers::create_discord_account::create_discord_account); // POST /internal/v1/discord/accounts  service:discord
    config.service(handlers::delete_discord_account::delete_discord_account); // DELETE /internal/v1/discord/accounts/{discordId}  service:discord
    config.service(handlers::introspect::introspect); // POST /internal/v1/introspect  service:trust
}

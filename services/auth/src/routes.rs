//! Every route, and who may take it.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::handlers;

// Signed in is a person: a program has permissions alone. As oneself is nobody who looks on in a member's place. To the account alone
// is a member of nothing. Enrolling is who has to enrol a second factor before anything else. In any way is whichever of them.
// Stepped up is who showed in the last ten minutes who they are, with all that their account can show. Programs show their key for
// every token, and count as stepped up where they are let in.
pub fn public(config: &mut ServiceConfig<'_>) {
    // Asked about most, so first: routes are tried in this order.
    config.service(handlers::sign_in::sign_in); // POST /api/auth/signin  anyone
    config.service(handlers::refresh::refresh); // POST /api/auth/refresh  anyone
    config.service(handlers::sign_up::sign_up); // POST /api/auth/signup  anyone
    config.service(handlers::verify_email::verify_email); // POST /api/auth/email/verify  anyone
    config.service(handlers::resend_verification::resend_verification); // POST /api/auth/email/resend  anyone
    config.service(handlers::sign_in_second_factor::sign_in_second_factor); // POST /api/auth/signin/mfa  anyone
    config.service(handlers::request_magic_link::request_magic_link); // POST /api/auth/magic-link  anyone
    config.service(handlers::consume_magic_link::consume_magic_link); // POST /api/auth/magic-link/consume  anyone
    config.service(handlers::send_sign_in_code::send_sign_in_code); // POST /api/auth/otp/send  anyone
    config.service(handlers::verify_sign_in_code::verify_sign_in_code); // POST /api/auth/otp/verify  anyone
    config.service(handlers::open_guest::open_guest); // POST /api/auth/anonymous  anyone
    config.service(handlers::upgrade_guest::upgrade_guest); // POST /api/auth/anonymous/upgrade  signed in
    config.service(handlers::list_providers::list_providers); // GET /api/auth/oauth  anyone
    config.service(handlers::start_oauth::start_oauth); // POST /api/auth/oauth/{provider}/start  anyone
    config.service(handlers::finish_oauth::finish_oauth); // GET /api/auth/oauth/{provider}/callback  anyone
    config.service(handlers::exchange_oauth::exchange_oauth); // POST /api/auth/oauth/exchange  anyone
    config.service(handlers::link_oauth::link_oauth); // POST /api/auth/oauth/{provider}/link  signed in, stepped up
    config.service(handlers::unlink_oauth::unlink_oauth); // DELETE /api/auth/oauth/{provider}/link  signed in, stepped up
    config.service(handlers::list_identities::list_identities); // GET /api/user/identities  signed in as oneself
    config.service(handlers::mail_second_factor::mail_second_factor); // POST /api/auth/signin/mfa/email  anyone
    config.service(handlers::begin_passkey_sign_in::begin_passkey_sign_in); // POST /api/auth/passkeys/login/options  anyone
    config.service(handlers::sign_in_by_passkey::sign_in_by_passkey); // POST /api/auth/passkeys/login/verify  anyone
    config.service(handlers::begin_passkey_second_factor::begin_passkey_second_factor); // POST /api/auth/signin/mfa/passkey/options  anyone
    config.service(handlers::sign_in_passkey_second_factor::sign_in_passkey_second_factor); // POST /api/auth/signin/mfa/passkey/verify  anyone
    config.service(handlers::issue_csrf_token::issue_csrf_token); // POST /api/auth/csrf  anyone
    config.service(handlers::sign_out::sign_out); // POST /api/auth/logout  signed in in any way
    config.service(handlers::show_profile::show_profile); // GET /api/user/profile  signed in or enrolling
    config.service(handlers::reauthenticate::reauthenticate); // POST /api/auth/reauthenticate  signed in or enrolling
    config.service(handlers::mail_reauthentication::mail_reauthentication); // POST /api/auth/reauthenticate/email  signed in or enrolling
    config.service(handlers::begin_passkey_reauthentication::begin_passkey_reauthentication); // POST /api/auth/reauthenticate/passkey/options  signed in or enrolling
    config.service(handlers::reauthenticate_by_passkey::reauthenticate_by_passkey); // POST /api/auth/reauthenticate/passkey/verify  signed in or enrolling
    config.service(handlers::begin_passkey_registration::begin_passkey_registration); // POST /api/auth/passkeys/register/options  signed in or enrolling, stepped up
    config.service(handlers::register_passkey::register_passkey); // POST /api/auth/passkeys/register/verify  signed in or enrolling, stepped up
    config.service(handlers::enrol_totp::enrol_totp); // POST /api/auth/mfa/totp  signed in or enrolling, stepped up
    config.service(handlers::confirm_totp::confirm_totp); // POST /api/auth/mfa/totp/{factorId}/confirm  signed in or enrolling
    config.service(handlers::enrol_mailed_code::enrol_mailed_code); // POST /api/auth/mfa/email  signed in, stepped up
    config.service(handlers::list_factors::list_factors); // GET /api/auth/mfa/factors  signed in as oneself
    config.service(handlers::remove_factor::remove_factor); // DELETE /api/auth/mfa/factors/{factorId}  signed in, stepped up
    config.service(handlers::replace_recovery_codes::replace_recovery_codes); // POST /api/auth/mfa/recovery-codes  signed in, stepped up
    config.service(handlers::forget_device::forget_device); // DELETE /api/auth/mfa/remembered-devices/{deviceId}  signed in
    config.service(handlers::list_passkeys::list_passkeys); // GET /api/auth/passkeys  signed in as oneself
    config.service(handlers::rename_passkey::rename_passkey); // PATCH /api/auth/passkeys/{passkeyId}  signed in
    config.service(handlers::remove_passkey::remove_passkey); // DELETE /api/auth/passkeys/{passkeyId}  signed in, stepped up
    config.service(handlers::show_consents::show_consents); // GET /api/me/consents  signed in
    config.service(handlers::put_consent::put_consent); // PUT /api/me/consents  signed in
    config.service(handlers::export_account::export_account); // GET /api/me/export  signed in as oneself or to the account alone
    // A guest has nothing to show but their token.
    config.service(handlers::request_deletion::request_deletion); // POST /api/me/delete  signed in as oneself or to the account alone, with the password where there is one, stepped up where there is a second factor or no password
    config.service(handlers::cancel_deletion::cancel_deletion); // POST /api/me/delete/cancel  signed in as oneself or to the account alone
    config.service(handlers::show_certificate::show_certificate); // GET /api/me/certificates/{certificateId}  anyone
    config.service(handlers::show_processing_register::show_processing_register); // GET /api/auth/processing-register  anyone
    config.service(handlers::list_users::list_users); // GET /api/admin/users  auth.users.manage
    config.service(handlers::show_user::show_user); // GET /api/admin/users/{userId}  auth.users.manage
    config.service(handlers::lock_user::lock_user); // POST /api/admin/users/{userId}/lock  auth.users.manage, stepped up
    config.service(handlers::unlock_user::unlock_user); // POST /api/admin/users/{userId}/unlock  auth.users.manage, stepped up
    config.service(handlers::sign_out_user::sign_out_user); // POST /api/admin/users/{userId}/sign-out  auth.users.manage, stepped up
    config.service(handlers::impersonate_user::impersonate_user); // POST /api/admin/users/{userId}/impersonate  auth.users.impersonate, stepped up
    config.service(handlers::list_bans::list_bans); // GET /api/admin/bans  auth.users.manage
    config.service(handlers::place_ban::place_ban); // POST /api/admin/bans  auth.users.manage, stepped up
    config.service(handlers::end_ban::end_ban); // DELETE /api/admin/bans/{banId}  auth.users.manage, stepped up
    config.service(handlers::list_audit::list_audit); // GET /api/admin/audit  auth.audit.read
    config.service(handlers::verify_audit::verify_audit); // GET /api/admin/audit/verify  auth.audit.read
    config.service(handlers::list_tenants::list_tenants); // GET /api/tenants  signed in as oneself
    config.service(handlers::create_tenant::create_tenant); // POST /api/tenants  signed in, with a confirmed address
    config.service(handlers::join_tenant::join_tenant); // POST /api/tenants/join  signed in as oneself or to the account alone
    config.service(handlers::switch_tenant::switch_tenant); // POST /api/tenants/switch  signed in
    config.service(handlers::show_tenant::show_tenant); // GET /api/tenants/current  signed in
    config.service(handlers::change_tenant::change_tenant); // PATCH /api/tenants/current  auth.tenant.manage
    config.service(handlers::close_tenant::close_tenant); // DELETE /api/tenants/current  auth.tenant.manage, stepped up
    config.service(handlers::set_tenant_domain::set_tenant_domain); // PUT /api/tenants/current/domain  auth.tenant.manage
    config.service(handlers::remove_tenant_domain::remove_tenant_domain); // DELETE /api/tenants/current/domain  auth.tenant.manage
    config.service(handlers::list_members::list_members); // GET /api/tenants/members  auth.members.manage
    config.service(handlers::leave_tenant::leave_tenant); // DELETE /api/tenants/members/me  signed in
    config.service(handlers::show_member::show_member); // GET /api/tenants/members/{userId}  auth.members.manage
    config.service(handlers::change_member::change_member); // PATCH /api/tenants/members/{userId}  auth.members.manage, stepped up
    config.service(handlers::remove_member::remove_member); // DELETE /api/tenants/members/{userId}  auth.members.manage, stepped up
    config.service(handlers::suspend_member::suspend_member); // POST /api/tenants/members/{userId}/suspend  auth.members.manage, stepped up
    config.service(handlers::reactivate_member::reactivate_member); // POST /api/tenants/members/{userId}/reactivate  auth.members.manage, stepped up
    config.service(handlers::list_permissions::list_permissions); // GET /api/tenants/permissions  signed in
    config.service(handlers::list_roles::list_roles); // GET /api/tenants/roles  signed in
    config.service(handlers::create_role::create_role); // POST /api/tenants/roles  auth.roles.manage, stepped up
    config.service(handlers::replace_role::replace_role); // PUT /api/tenants/roles/{name}  auth.roles.manage, stepped up
    config.service(handlers::remove_role::remove_role); // DELETE /api/tenants/roles/{name}  auth.roles.manage, stepped up
    config.service(handlers::list_invitations::list_invitations); // GET /api/tenants/invitations  auth.members.manage
    config.service(handlers::create_invitation::create_invitation); // POST /api/tenants/invitations  auth.members.manage, stepped up
    config.service(handlers::accept_invitation::accept_invitation); // POST /api/tenants/invitations/accept  signed in
    config.service(handlers::join_by_invitation::join_by_invitation); // POST /api/tenants/invitations/join  anyone
    config.service(handlers::revoke_invitation::revoke_invitation); // DELETE /api/tenants/invitations/{invitationId}  auth.members.manage
    config.service(handlers::resend_invitation::resend_invitation); // POST /api/tenants/invitations/{invitationId}/resend  auth.members.manage, stepped up where the invitation's roles allow anything
    config.service(handlers::show_invitation::show_invitation); // GET /invitation  anyone
    config.service(handlers::create_service_account::create_service_account); // POST /api/tenants/service-accounts  auth.service_accounts.manage, stepped up
    config.service(handlers::list_service_accounts::list_service_accounts); // GET /api/tenants/service-accounts  auth.service_accounts.manage
    config.service(handlers::show_service_account::show_service_account); // GET /api/tenants/service-accounts/{id}  auth.service_accounts.manage
    config.service(handlers::change_service_account::change_service_account); // PATCH /api/tenants/service-accounts/{id}  auth.service_accounts.manage, stepped up
    config.service(handlers::disable_service_account::disable_service_account); // POST /api/tenants/service-accounts/{id}/disable  auth.service_accounts.manage
    config.service(handlers::enable_service_account::enable_service_account); // POST /api/tenants/service-accounts/{id}/enable  auth.service_accounts.manage, stepped up
    config.service(handlers::delete_service_account::delete_service_account); // DELETE /api/tenants/service-accounts/{id}  auth.service_accounts.manage
    config.service(handlers::create_api_key::create_api_key); // POST /api/tenants/service-accounts/{id}/keys  auth.service_accounts.manage, stepped up
    config.service(handlers::list_api_keys::list_api_keys); // GET /api/tenants/service-accounts/{id}/keys  auth.service_accounts.manage
    config.service(handlers::revoke_api_key::revoke_api_key); // DELETE /api/tenants/service-accounts/{id}/keys/{keyId}  auth.service_accounts.manage
    config.service(handlers::create_token::create_token); // POST /api/auth/token  anyone
    config.service(handlers::show_scim_configuration::show_scim_configuration); // GET /api/tenants/scim/v2/ServiceProviderConfig  anyone
    config.service(handlers::list_scim_resource_types::list_scim_resource_types); // GET /api/tenants/scim/v2/ResourceTypes  anyone
    config.service(handlers::list_scim_schemas::list_scim_schemas); // GET /api/tenants/scim/v2/Schemas  anyone
    // A key of a service account is a bearer token here, and nowhere else.
    config.service(handlers::list_provisioned_groups::list_provisioned_groups); // GET /api/tenants/scim/v2/Groups  auth.provisioning.manage
    config.service(handlers::list_provisioned_users::list_provisioned_users); // GET /api/tenants/scim/v2/Users  auth.provisioning.manage
    config.service(handlers::provision_user::provision_user); // POST /api/tenants/scim/v2/Users  auth.provisioning.manage, stepped up
    config.service(handlers::show_provisioned_user::show_provisioned_user); // GET /api/tenants/scim/v2/Users/{id}  auth.provisioning.manage
    config.service(handlers::replace_provisioned_user::replace_provisioned_user); // PUT /api/tenants/scim/v2/Users/{id}  auth.provisioning.manage, stepped up
    config.service(handlers::change_provisioned_user::change_provisioned_user); // PATCH /api/tenants/scim/v2/Users/{id}  auth.provisioning.manage, stepped up
    config.service(handlers::deprovision_user::deprovision_user); // DELETE /api/tenants/scim/v2/Users/{id}  auth.provisioning.manage, stepped up
    config.service(handlers::create_webhook::create_webhook); // POST /api/tenants/webhooks  auth.webhooks.manage
    config.service(handlers::list_webhooks::list_webhooks); // GET /api/tenants/webhooks  auth.webhooks.manage
    config.service(handlers::show_webhook::show_webhook); // GET /api/tenants/webhooks/{id}  auth.webhooks.manage
    config.service(handlers::change_webhook::change_webhook); // PATCH /api/tenants/webhooks/{id}  auth.webhooks.manage
    config.service(handlers::disable_webhook::disable_webhook); // POST /api/tenants/webhooks/{id}/disable  auth.webhooks.manage
    config.service(handlers::enable_webhook::enable_webhook); // POST /api/tenants/webhooks/{id}/enable  auth.webhooks.manage
    config.service(handlers::delete_webhook::delete_webhook); // DELETE /api/tenants/webhooks/{id}  auth.webhooks.manage
    config.service(handlers::rotate_webhook_secret::rotate_webhook_secret); // POST /api/tenants/webhooks/{id}/secret  auth.webhooks.manage
    config.service(handlers::test_webhook::test_webhook); // POST /api/tenants/webhooks/{id}/test  auth.webhooks.manage
    config.service(handlers::list_webhook_deliveries::list_webhook_deliveries); // GET /api/tenants/webhooks/{id}/deliveries  auth.webhooks.manage
    config.service(handlers::show_verify_email::show_verify_email); // GET /verify-email  anyone
    config.service(handlers::show_magic_link::show_magic_link); // GET /magic-link  anyone
    config.service(handlers::forgot_password::forgot_password); // POST /api/auth/password/forgot  anyone
    config.service(handlers::reset_password::reset_password); // POST /api/auth/password/reset  anyone
    config.service(handlers::change_password::change_password); // POST /api/auth/password/change  signed in, with the password, stepped up where there is a second factor
    config.service(handlers::change_email::change_email); // POST /api/auth/email/change  signed in, with the password where there is one, stepped up where there is a second factor or no password
    config.service(handlers::confirm_email_change::confirm_email_change); // POST /api/auth/email/change/confirm  anyone
    config.service(handlers::undo_email_change::undo_email_change); // POST /api/auth/email/change/undo  anyone
    config.service(handlers::list_sessions::list_sessions); // GET /api/auth/sessions  signed in as oneself
    config.service(handlers::rename_session::rename_session); // PATCH /api/auth/sessions/{id}  signed in
    config.service(handlers::end_session::end_session); // DELETE /api/auth/sessions/{id}  signed in, stepped up for another
    config.service(handlers::end_sessions::end_sessions); // DELETE /api/auth/sessions  signed in, stepped up
    config.service(handlers::list_security_timeline::list_security_timeline); // GET /api/auth/security-timeline  signed in as oneself
    config.service(handlers::report_not_me::report_not_me); // POST /api/auth/security-timeline/{eventId}/not-me  signed in
    config.service(handlers::disown_sign_in::disown_sign_in); // POST /api/auth/signin/not-me  anyone
    config.service(handlers::change_profile::change_profile); // PATCH /api/user/profile  signed in
    config.service(handlers::show_reset_password::show_reset_password); // GET /reset-password  anyone
    config.service(handlers::show_confirm_email_change::show_confirm_email_change); // GET /confirm-email-change  anyone
    config.service(handlers::show_undo_email_change::show_undo_email_change); // GET /undo-email-change  anyone
    config.service(handlers::show_not_me::show_not_me); // GET /not-me  anyone
    config.service(handlers::show_documentation::show_documentation); // GET /api/docs  anyone
}

pub fn internal(config: &mut ServiceConfig<'_>) {
    config.service(handlers::introspect::introspect); // POST /internal/v1/introspect  service:trust
    config.service(handlers::list_revocations::list_revocations); // GET /internal/v1/revocations  service:trust
    config.service(handlers::ban_fingerprints::ban_fingerprints); // POST /internal/v1/bans  service:bans
    config.service(handlers::lift_ban::lift_ban); // DELETE /internal/v1/bans/{banId}  service:bans
    config.service(handlers::create_discord_account::create_discord_account); // POST /internal/v1/discord/accounts  service:discord
    config.service(handlers::delete_discord_account::delete_discord_account); // DELETE /internal/v1/discord/accounts/{discordId}  service:discord
}

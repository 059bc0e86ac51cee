//! The command `create-user`: an account with a role, without a mail. Safe to repeat.

use std::str::FromStr;

use anyhow::{Context as _, bail};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::{Actor, Role, TenantId, UserId};
use shinkofa_web::{Fault, Locale};

use crate::Auth;
use crate::access_ending::end_access;
use crate::announcement::{announce_account, announce_membership};
use crate::attempts;
use crate::db::audit::Trail;
use crate::db::factors::{self, CodeFactor, FactorId, NewFactor};
use crate::db::users::{self, Account, NewAccount};
use crate::db::{memberships, signups};
use crate::domain::account::{AccountKind, AccountStatus, FactorKind};
use crate::domain::audit::AuditAction;
use crate::domain::email::EmailAddress;
use crate::domain::password::NewPassword;
use crate::domain::person_name::PersonName;
use crate::domain::totp::TotpSecret;
use crate::error::Error;
use crate::factor_codes::open_secret;
use crate::hashing::Verdict;
use crate::key_revocation::revoke_keys_of_demoted;
use crate::unconfirmed::leave_others;

/// `--email E --name N --role R --password-file F [--totp-secret-file F]`
struct Order {
    email: EmailAddress,
    name: PersonName,
    role: Role,
    password: NewPassword,
    totp_secret: Option<TotpSecret>,
}

const USAGE: &str = "create-user --email E --name N --role admin|manager|coach|moderator|member --password-file F \
    [--totp-secret-file F]";

impl Order {
    fn read(arguments: &[String]) -> anyhow::Result<Self> {
        let given = |name: &str| {
            let place = arguments.iter().position(|argument| argument == name);
            place.and_then(|place| arguments.get(place + 1)).cloned()
        };
        let option = |name: &str| given(name).with_context(|| format!("{name} is missing: {USAGE}"));
        let secret_file = given("--totp-secret-file");
        if arguments.len() != if secret_file.is_some() { 10 } else { 8 } {
            bail!("these options are expected: {USAGE}");
        }
        let password = read_line(&option("--password-file")?)?;
        let totp_secret = match secret_file {
            Some(file) => {
                Some(TotpSecret::from_base32(&read_line(&file)?).context("the secret of the second factor")?)
            }
            None => None,
        };
        Ok(Self {
            email: EmailAddress::try_from(option("--email")?).context("--email")?,
            name: PersonName::try_from(option("--name")?).context("--name")?,
            role: Role::from_str(&option("--role")?).context("--role")?,
            password: NewPassword::try_from(password).context("the password")?,
            totp_secret,
        })
    }
}

fn read_line(file: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Makes the account, or gives the one that has this address this password and this role. What is so already stays as it
/// is: nobody is signed out by a repetition.
pub async fn run(auth: &Auth, arguments: &[String]) -> anyhow::Result<()> {
    let order = Order::read(arguments)?;
    let tenant = TenantId::DEFAULT;
    let scope = Scope::realm(auth.realm).with_tenant(tenant);
    let database = &auth.platform.database;

    let turn = auth.hashing.turn().await?;
    let known = transaction(database, &scope, "find_user", async |tx| {
        Ok::<_, Error>(users::find_by_email(tx, auth.realm, &order.email).await?)
    })
    .await?;
    let known_phc = known.and_then(|account| account.password_phc);
    let unchanged = turn.verify(order.password.as_str(), known_phc.as_deref()).await? == Verdict::Right;
    let phc = if unchanged {
        None
    } else {
        let known = [order.name.as_str(), order.email.as_str()];
        auth.leaks.refuse(&order.password, known, "--password-file").await?;
        Some(attempts::hash(auth, &turn, order.password.as_str()).await?)
    };
    drop(turn);

    let trail = auth.trail(tenant, Actor::service("auth"));
    transaction(database, &scope, "create_user", async |tx| {
        carry_out(tx, auth, &trail, &order, phc.as_deref()).await
    })
    .await?;
    Ok(())
}

async fn carry_out(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    order: &Order,
    phc: Option<&str>,
) -> Result<(), Error> {
    let now = trail.clock.now();
    let id = UserId::new(&trail.clock);
    let created = users::insert(tx, &new_account(auth, order, id, phc, now)).await?;
    let missing = || Fault::unexpected("an account is not there");
    let mut account =
        users::lock_by_email(tx, auth.realm, order.email.canonical()).await?.ok_or_else(missing)?;
    if created {
        trail.user(tx, AuditAction::AccountCreated, account.id, json!({})).await?;
    } else if let Some(phc) = phc {
        replace_password(tx, auth, trail, &account, phc).await?;
    }
    let verified_now = account.email_verified_at.is_none();
    if verified_now {
        users::set_email_verified(tx, auth.realm, account.id, now).await?;
        signups::delete_for_addresses(tx, auth.realm, &[account.email_canonical.as_str()]).await?;
        leave_others(tx, trail, account.id).await?;
        trail.user(tx, AuditAction::EmailVerified, account.id, json!({})).await?;
        account.email_verified_at = Some(now);
    }
    if created || verified_now {
        announce_account(tx, trail, &account).await?;
    }
    if let Some(secret) = &order.totp_secret {
        enrol(tx, auth, trail, account.id, secret).await?;
    }
    give_role(tx, auth, trail, account.id, order.role).await
}

/// Enrols an authenticator app with this secret, unless one has it already. Whoever runs the command hands the secret over:
/// no code has to confirm it, and no recovery codes are told to nobody.
async fn enrol(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    user: UserId,
    secret: &TotpSecret,
) -> Result<(), Error> {
    for known in factors::confirmed_totp(tx, auth.realm, user).await? {
        if open_secret(auth, &known)? == secret.as_bytes() {
            return Ok(());
        }
    }
    let now = trail.clock.now();
    let id = FactorId::new(&trail.clock);
    let sealed =
        auth.sealing.seal(&CodeFactor::sealed_for(id), secret.as_bytes()).map_err(Fault::unexpected)?;
    let row = NewFactor {
        realm_id: auth.realm,
        user_id: user,
        id,
        kind: FactorKind::Totp,
        secret_sealed: Some(sealed),
        confirmed_at: Some(now),
        created_at: now,
    };
    factors::insert(tx, &row).await?;
    let details = json!({ "factorId": id, "kind": row.kind });
    trail.user(tx, AuditAction::FactorConfirmed, user, details).await?;
    Ok(())
}

fn new_account(
    auth: &Auth,
    order: &Order,
    id: UserId,
    phc: Option<&str>,
    now: chrono::DateTime<chrono::Utc>,
) -> NewAccount {
    NewAccount {
        realm_id: auth.realm,
        id,
        kind: AccountKind::Member,
        status: AccountStatus::Active,
        email: order.email.as_str().to_owned(),
        email_canonical: order.email.canonical().to_owned(),
        email_verified_at: Some(now),
        name: order.name.as_str().to_owned(),
        locale: Locale::French,
        password_phc: phc.map(ToOwned::to_owned),
        token_version: 1,
        created_at: now,
        updated_at: now,
    }
}

async fn replace_password(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    phc: &str,
) -> Result<(), Error> {
    let now = trail.clock.now();
    let token_version = users::set_password(tx, (auth.realm, account.id), (phc, false), now).await?;
    let ended = end_access(tx, auth, trail, (account.id, token_version), None).await?;
    trail.user(tx, AuditAction::PasswordSet, account.id, json!({ "endedSessions": ended.sessions })).await?;
    Ok(())
}

async fn give_role(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    user: UserId,
    role: Role,
) -> Result<(), Error> {
    memberships::join_once(tx, (trail.tenant, auth.realm, user), trail.clock.now()).await?;
    let before = memberships::find(tx, trail.tenant, user).await?;
    if before.is_some_and(|membership| membership.roles == [role]) {
        return Ok(());
    }
    memberships::set_roles(tx, trail.tenant, user, &[role]).await?;
    trail.user(tx, AuditAction::RolesSet, user, json!({ "roles": [role] })).await?;
    let missing = || Fault::unexpected("a membership is not there");
    let membership = memberships::find(tx, trail.tenant, user).await?.ok_or_else(missing)?;
    announce_membership(tx, trail, user, &membership).await?;
    revoke_keys_of_demoted(tx, auth, trail, (user, &membership)).await?;
    Ok(())
}

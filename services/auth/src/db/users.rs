//! Accounts.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, UserId};
use shinkofa_web::Locale;

use super::schema::{known_devices, users};
use crate::domain::account::{AccountKind, AccountStatus};
use crate::domain::device::Digest;
use crate::domain::email::EmailAddress;

/// One account.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct Account {
    pub id: UserId,
    pub kind: AccountKind,
    pub status: AccountStatus,
    pub email: String,
    pub email_canonical: String,
    pub email_verified_at: Option<DateTime<Utc>>,
    pub name: String,
    pub locale: Locale,
    pub password_phc: Option<String>,
    /// Did the password come by a mailed link, and has nobody shown it together with anything else since?
    pub password_by_mail: bool,
    pub token_version: i32,
    pub expires_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl Account {
    /// Is it a person's, who may be written to? Nobody reads what is sent to the addresses of guests, programs, accounts for a day and
    /// erased ones, so nobody can show that one of those is theirs.
    pub fn has_mailbox(&self) -> bool {
        self.kind == AccountKind::Member && self.status != AccountStatus::Erased
    }

    pub fn is_usable(&self, now: DateTime<Utc>) -> bool {
        self.status == AccountStatus::Active && self.expires_at.is_none_or(|end| now < end)
    }
}

#[derive(Insertable)]
#[diesel(table_name = users)]
pub struct NewAccount {
    pub realm_id: RealmId,
    pub id: UserId,
    pub kind: AccountKind,
    pub status: AccountStatus,
    pub email: String,
    pub email_canonical: String,
    pub email_verified_at: Option<DateTime<Utc>>,
    pub name: String,
    pub locale: Locale,
    pub password_phc: Option<String>,
    pub token_version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Of several at once with one address the first wins: the others get `false`.
pub async fn insert(tx: &mut Connection, account: &NewAccount) -> QueryResult<bool> {
    let inserted = diesel::insert_into(users::table)
        .values(account)
        .on_conflict((users::realm_id, users::email_canonical))
        .do_nothing()
        .execute(tx)
        .await?;
    Ok(inserted == 1)
}

pub async fn find(mut tx: &Connection, realm: RealmId, id: UserId) -> QueryResult<Option<Account>> {
    users::table.find((realm, id)).select(Account::as_select()).first(&mut tx).await.optional()
}

pub async fn find_by_email(
    mut tx: &Connection,
    realm: RealmId,
    email: &EmailAddress,
) -> QueryResult<Option<Account>> {
    users::table
        .filter(users::realm_id.eq(realm).and(users::email_canonical.eq(email.canonical())))
        .select(Account::as_select())
        .first(&mut tx)
        .await
        .optional()
}

/// The account of an address, and whether its owner signed in on this device before.
pub async fn find_on_device(
    mut tx: &Connection,
    realm: RealmId,
    email: &EmailAddress,
    device: Option<&Digest>,
) -> QueryResult<Option<(Account, bool)>> {
    // Nothing is the digest of no device.
    let device = device.map(|device| device.to_vec()).unwrap_or_default();
    let known = known_devices::realm_id
        .eq(users::realm_id)
        .and(known_devices::user_id.eq(users::id))
        .and(known_devices::device_hash.eq(device));
    let found: Option<(Account, Option<UserId>)> = users::table
        .left_join(known_devices::table.on(known))
        .filter(users::realm_id.eq(realm).and(users::email_canonical.eq(email.canonical())))
        .select((Account::as_select(), known_devices::user_id.nullable()))
        .first(&mut tx)
        .await
        .optional()?;
    Ok(found.map(|(account, owner)| (account, owner.is_some())))
}

/// Finds an account and keeps others from changing it until the transaction ends.
pub async fn lock_by_email(
    tx: &mut Connection,
    realm: RealmId,
    canonical: &str,
) -> QueryResult<Option<Account>> {
    users::table
        .filter(users::realm_id.eq(realm).and(users::email_canonical.eq(canonical)))
        .select(Account::as_select())
        .for_update()
        .first(tx)
        .await
        .optional()
}

/// The same by id.
pub async fn lock(tx: &mut Connection, realm: RealmId, id: UserId) -> QueryResult<Option<Account>> {
    users::table.find((realm, id)).select(Account::as_select()).for_update().first(tx).await.optional()
}

/// The same of several, in the order of their ids: those that there are.
pub async fn lock_all(tx: &mut Connection, realm: RealmId, ids: &[UserId]) -> QueryResult<Vec<Account>> {
    users::table
        .filter(users::realm_id.eq(realm).and(users::id.eq_any(ids)))
        .order(users::id)
        .select(Account::as_select())
        .for_update()
        .load(tx)
        .await
}

/// Has those who do the same with an account do it one after the other, each until its transaction ends, and the account stay as it is.
/// Unlike one that locks it they do not wait for whoever holds it, nor have them wait.
pub async fn take_turns(tx: &mut Connection, realm: RealmId, id: UserId) -> QueryResult<Option<Account>> {
    let account = users::table.find((realm, id)).select(Account::as_select());
    account.for_no_key_update().first(tx).await.optional()
}

/// Keeps an account from being locked until the transaction ends, beside others that do the same. What is returned is what it
/// is now, whatever was read of it before.
pub async fn hold(tx: &mut Connection, realm: RealmId, id: UserId) -> QueryResult<Option<Account>> {
    users::table.find((realm, id)).select(Account::as_select()).for_key_share().first(tx).await.optional()
}

/// What somebody chose when they signed up.
pub struct Choice<'a> {
    pub name: &'a str,
    pub locale: Locale,
    pub password_phc: &'a str,
}

pub async fn set_choice(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    choice: Choice<'_>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(users::table.find((realm, user)))
        .set((
            users::name.eq(choice.name),
            users::locale.eq(choice.locale),
            users::password_phc.eq(choice.password_phc),
            users::updated_at.eq(now),
        ))
        .execute(tx)
        .await
        .map(drop)
}

pub async fn set_email_verified(
    tx: &mut Connection,
    realm: RealmId,
    user: UserId,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(users::table.find((realm, user)))
        .set((users::email_verified_at.eq(now), users::updated_at.eq(now)))
        .execute(tx)
        .await
        .map(drop)
}

/// Confirms the address of an account and forgets the password that somebody set before. Returns the new token version.
pub async fn claim(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    now: DateTime<Utc>,
) -> QueryResult<i32> {
    diesel::update(users::table.find((realm, user)))
        .set((
            users::email_verified_at.eq(now),
            users::password_phc.eq(None::<String>),
            users::token_version.eq(users::token_version + 1),
            users::updated_at.eq(now),
        ))
        .returning(users::token_version)
        .get_result(tx)
        .await
}

/// Makes a guest a member with a confirmed address. Returns the new token version.
pub async fn upgrade_guest(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    (email, choice): (&EmailAddress, Choice<'_>),
    now: DateTime<Utc>,
) -> QueryResult<Option<i32>> {
    let guest = users::table.find((realm, user)).filter(users::kind.eq(AccountKind::Anonymous));
    diesel::update(guest)
        .set((
            users::kind.eq(AccountKind::Member),
            users::email.eq(email.as_str()),
            users::email_canonical.eq(email.canonical()),
            users::email_verified_at.eq(now),
            users::name.eq(choice.name),
            users::locale.eq(choice.locale),
            users::password_phc.eq(choice.password_phc),
            users::token_version.eq(users::token_version + 1),
            users::updated_at.eq(now),
        ))
        .returning(users::token_version)
        .get_result(tx)
        .await
        .optional()
}

/// The same password under new parameters, unless it was changed meanwhile.
pub async fn rehash(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    (before, after): (&str, &str),
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let same = users::table.find((realm, user)).filter(users::password_phc.eq(before));
    let changed = diesel::update(same)
        .set((users::password_phc.eq(after), users::updated_at.eq(now)))
        .execute(tx)
        .await?;
    Ok(changed == 1)
}

/// Sets another password, which came by mail or did not, and ends every token that the old one brought. Returns the new token version.
pub async fn set_password(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    (phc, by_mail): (&str, bool),
    now: DateTime<Utc>,
) -> QueryResult<i32> {
    diesel::update(users::table.find((realm, user)))
        .set((
            users::password_phc.eq(phc),
            users::password_by_mail.eq(by_mail),
            users::token_version.eq(users::token_version + 1),
            users::updated_at.eq(now),
        ))
        .returning(users::token_version)
        .get_result(tx)
        .await
}

/// The password is its owner's, however they came by it: they showed it together with something that the mailbox does not give. One
/// that was set meanwhile is another.
pub async fn password_is_theirs(tx: &mut Connection, realm: RealmId, account: &Account) -> QueryResult<()> {
    let same = users::table.find((realm, account.id)).filter(users::token_version.eq(account.token_version));
    diesel::update(same).set(users::password_by_mail.eq(false)).execute(tx).await.map(drop)
}

/// Ends every token given out so far. Returns the new token version.
pub async fn raise_token_version(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    now: DateTime<Utc>,
) -> QueryResult<i32> {
    diesel::update(users::table.find((realm, user)))
        .set((users::token_version.eq(users::token_version + 1), users::updated_at.eq(now)))
        .returning(users::token_version)
        .get_result(tx)
        .await
}

/// Moves an account from one status to another, if it has the first, and ends every token. Returns the new token version.
pub async fn change_status(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    (from, to): (AccountStatus, AccountStatus),
    now: DateTime<Utc>,
) -> QueryResult<Option<i32>> {
    diesel::update(users::table.find((realm, user)).filter(users::status.eq(from)))
        .set((
            users::status.eq(to),
            users::token_version.eq(users::token_version + 1),
            users::updated_at.eq(now),
        ))
        .returning(users::token_version)
        .get_result(tx)
        .await
        .optional()
}

/// Is the account suspended, in whichever realm the transaction sees?
pub async fn is_suspended_here(tx: &mut Connection, user: UserId) -> QueryResult<bool> {
    let suspended = users::id.eq(user).and(users::status.eq(AccountStatus::Suspended));
    diesel::select(diesel::dsl::exists(users::table.filter(suspended))).get_result(tx).await
}

/// Takes the password away, until its owner sets another one, and ends every token. Returns the new token version.
pub async fn clear_password(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    now: DateTime<Utc>,
) -> QueryResult<i32> {
    diesel::update(users::table.find((realm, user)))
        .set((
            users::password_phc.eq(None::<String>),
            users::token_version.eq(users::token_version + 1),
            users::updated_at.eq(now),
        ))
        .returning(users::token_version)
        .get_result(tx)
        .await
}

/// Gives an account an address that its owner has shown to be theirs. An address that another account has is refused by
/// the constraint [`ADDRESS_TAKEN`].
pub async fn set_email(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    email: &EmailAddress,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(users::table.find((realm, user)))
        .set((
            users::email.eq(email.as_str()),
            users::email_canonical.eq(email.canonical()),
            users::email_verified_at.eq(now),
            users::updated_at.eq(now),
        ))
        .execute(tx)
        .await
        .map(drop)
}

/// Until when an account lives.
pub async fn set_expiry(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    expires_at: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(users::table.find((realm, user)))
        .set(users::expires_at.eq(expires_at))
        .execute(tx)
        .await
        .map(drop)
}

/// The constraint that keeps an address to one account.
pub const ADDRESS_TAKEN: &str = "users_email";

/// What somebody is called and in which language they read.
pub async fn set_name_and_locale(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    (name, locale): (&str, Locale),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(users::table.find((realm, user)))
        .set((users::name.eq(name), users::locale.eq(locale), users::updated_at.eq(now)))
        .execute(tx)
        .await
        .map(drop)
}

pub async fn rename(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    name: &str,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(users::table.find((realm, user)))
        .set((users::name.eq(name), users::updated_at.eq(now)))
        .execute(tx)
        .await
        .map(drop)
}

/// Temporary accounts whose time is over, the oldest first, held until the transaction ends. Those that another replica holds are
/// left to it.
pub async fn lock_expired(
    tx: &mut Connection,
    realm: RealmId,
    (now, most): (DateTime<Utc>, i64),
) -> QueryResult<Vec<UserId>> {
    users::table
        .filter(users::realm_id.eq(realm).and(users::expires_at.le(now)))
        .filter(users::kind.eq(AccountKind::Temporary))
        .order(users::expires_at)
        .limit(most)
        .select(users::id)
        .for_update()
        .skip_locked()
        .load(tx)
        .await
}

/// Removes accounts with everything that hangs on them.
pub async fn delete(tx: &mut Connection, realm: RealmId, ids: &[UserId]) -> QueryResult<()> {
    let these = users::realm_id.eq(realm).and(users::id.eq_any(ids));
    diesel::delete(users::table.filter(these)).execute(tx).await.map(drop)
}

/// Keeps the rows and their ids, and nothing that tells who they were. Returns the new token version of each.
pub async fn erase(
    tx: &mut Connection,
    realm: RealmId,
    ids: &[UserId],
    now: DateTime<Utc>,
) -> QueryResult<Vec<(UserId, i32)>> {
    let these = users::realm_id.eq(realm).and(users::id.eq_any(ids));
    diesel::update(users::table.filter(these))
        .set((
            users::status.eq(AccountStatus::Erased),
            users::email.eq(sql::<Text>("users.id::text || '@erased.invalid'")),
            users::email_canonical.eq(sql::<Text>("users.id::text || '@erased.invalid'")),
            users::name.eq(""),
            users::password_phc.eq(None::<String>),
            users::token_version.eq(users::token_version + 1),
            users::updated_at.eq(now),
        ))
        .returning((users::id, users::token_version))
        .get_results(tx)
        .await
}

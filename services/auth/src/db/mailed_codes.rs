//! Codes that were mailed as a second factor: rows of [`one_time_tokens`] that are found by the step they are for, and not
//! by the code, which is short and therefore kept sealed.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, TenantId, UserId};

use super::schema::one_time_tokens;
use crate::domain::device::Digest;
use crate::domain::one_time_token::TokenPurpose;

/// A code on its way.
pub struct MailedCode<'a> {
    pub challenge: &'a Digest,
    pub sealed: &'a str,
    pub expires_at: DateTime<Utc>,
}

/// Keeps a code in the place of any earlier one for this step.
pub async fn put(
    tx: &mut Connection,
    (realm, user, tenant): (RealmId, UserId, TenantId),
    code: MailedCode<'_>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(one_time_tokens::table)
        .values((
            one_time_tokens::realm_id.eq(realm),
            one_time_tokens::purpose.eq(TokenPurpose::MailedCode),
            one_time_tokens::token_hash.eq(code.challenge.to_vec()),
            one_time_tokens::user_id.eq(user),
            one_time_tokens::for_tenant.eq(tenant),
            one_time_tokens::created_at.eq(now),
            one_time_tokens::expires_at.eq(code.expires_at),
            one_time_tokens::about.eq(serde_json::json!({ "sealedCode": code.sealed })),
        ))
        .on_conflict((one_time_tokens::realm_id, one_time_tokens::purpose, one_time_tokens::token_hash))
        .do_update()
        .set((
            one_time_tokens::attempts.eq(0),
            one_time_tokens::created_at.eq(now),
            one_time_tokens::expires_at.eq(excluded(one_time_tokens::expires_at)),
            one_time_tokens::about.eq(excluded(one_time_tokens::about)),
            one_time_tokens::consumed_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(tx)
        .await
        .map(drop)
}

/// Counts one attempt. Returns the sealed code, unless there is none, or it has expired or was tried too often.
pub async fn attempt(
    tx: &mut Connection,
    realm: RealmId,
    challenge: &Digest,
    (most, now): (i32, DateTime<Utc>),
) -> QueryResult<Option<String>> {
    let live = one_time_tokens::table
        .find((realm, TokenPurpose::MailedCode, challenge.to_vec()))
        .filter(one_time_tokens::consumed_at.is_null().and(one_time_tokens::expires_at.gt(now)))
        .filter(one_time_tokens::attempts.lt(most));
    let about: Option<Option<serde_json::Value>> = diesel::update(live)
        .set(one_time_tokens::attempts.eq(one_time_tokens::attempts + 1))
        .returning(one_time_tokens::about)
        .get_result(tx)
        .await
        .optional()?;
    Ok(about.flatten().and_then(|about| about["sealedCode"].as_str().map(ToOwned::to_owned)))
}

/// Uses a code up. Of several at once exactly one does.
pub async fn consume(
    tx: &mut Connection,
    realm: RealmId,
    challenge: &Digest,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let live = one_time_tokens::table
        .find((realm, TokenPurpose::MailedCode, challenge.to_vec()))
        .filter(one_time_tokens::consumed_at.is_null().and(one_time_tokens::expires_at.gt(now)));
    let used = diesel::update(live).set(one_time_tokens::consumed_at.eq(now)).execute(tx).await?;
    Ok(used == 1)
}

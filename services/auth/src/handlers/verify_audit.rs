//! `GET /api/admin/audit/verify`

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Deserializer};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ReadAudit;
use shinkofa_web::{CallerRefusals, Fault, ParameterRefusal, Problem, Query, RateRefusal, Unavailability};

use crate::audit_chain::{Chain, KnownHead, Seen, Verification};
use crate::authority::require_authority;
use crate::error::Error;
use crate::{Auth, limits};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyQuery {
    after_seq: Option<i64>,
    #[serde(default, deserialize_with = "hash")]
    after_hash: Option<String>,
    seq: Option<i64>,
    #[serde(default, deserialize_with = "hash")]
    hash: Option<String>,
}

fn hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_hash = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_hash { Ok(Some(text)) } else { Err(serde::de::Error::custom("must be 64 hexadecimal digits")) }
}

/// Verify the audit trail
///
/// Walks the chain of hashes that seals this tenant's trail and names the first event that was altered, removed, moved or
/// slipped in, or that no signature covers. Hand in the `head` of an earlier answer as `seq` and `hash` to learn also whether the
/// end was cut off since.
///
/// One request looks at 100,000 links. Where the answer is intact and not `complete`, ask again with its `head` as `afterSeq` and
/// `afterHash`: the walk goes on behind that link, which has to be there as it was (otherwise it is the first fault), and relies on
/// what the answers before found. Without these two it begins at the first link.
#[utoipa::path(
    tag = "audit",
    security(("bearer" = [])),
    params(
        ("afterSeq" = Option<i64>, Query, minimum = 1, description = "The number of the head of an answer that was not complete", example = 100000),
        ("afterHash" = Option<String>, Query, pattern = "^[0-9a-f]{64}$", example = "5d41c0de2a7e93b1f8460d9c3b72ea15c6f08d4b9e21735ac4d86f10b2e59a37", description = "Its hash"),
        ("seq" = Option<i64>, Query, minimum = 1, description = "The number of a head that you kept", example = 1042),
        ("hash" = Option<String>, Query, pattern = "^[0-9a-f]{64}$", example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", description = "Its hash"),
    ),
    responses(
        CallerRefusals, ParameterRefusal, RateRefusal, Unavailability,
        (status = 200, body = Verification),
    ),
)]
#[get("/api/admin/audit/verify")]
pub async fn verify_audit(
    caller: RequirePermission<ReadAudit>,
    auth: web::Data<Auth>,
    query: Query<VerifyQuery>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    let query = query.0;
    let seen = Seen {
        after: head(("afterSeq", query.after_seq), ("afterHash", query.after_hash))?,
        known: head(("seq", query.seq), ("hash", query.hash))?,
    };
    auth.platform.limiter.require(&limits::AUDIT_VERIFY_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "authorize_verify_audit", async |tx| {
        require_authority::<ReadAudit>(tx, &auth, &actor).await
    })
    .await?;
    let _turn = auth.verifying.acquire().await.map_err(Fault::unexpected)?;
    let chain = Chain { auth: &auth, scope: &scope, tenant: actor.tenant_id };
    let verification = chain.verify(&seen).await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(verification))
}

/// Both parts of a head, or neither.
fn head(
    (seq_name, seq): (&str, Option<i64>),
    (hash_name, hash): (&str, Option<String>),
) -> Result<Option<KnownHead>, Problem> {
    match (seq, hash) {
        (None, None) => Ok(None),
        (Some(seq), _) if seq < 1 => Err(Problem::invalid_field(seq_name, "must be at least 1")),
        (Some(seq), Some(hash)) => Ok(Some(KnownHead { seq, hash })),
        (Some(_), None) => Err(Problem::invalid_field(hash_name, format!("is missing beside {seq_name}"))),
        (None, Some(_)) => Err(Problem::invalid_field(seq_name, format!("is missing beside {hash_name}"))),
    }
}

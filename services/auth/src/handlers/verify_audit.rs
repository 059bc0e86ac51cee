//! `GET /api/admin/audit/verify`

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Deserializer};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ReadAudit;
use shinkofa_web::{CallerRefusals, ParameterRefusal, Problem, Query, RateRefusal, Unavailability};

use crate::audit_chain::{Chain, KnownHead, Verification};
use crate::authority::require_authority;
use crate::error::Error;
use crate::{Auth, limits};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyQuery {
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
/// slipped in, or that no signature covers. Hand in the `head` of an earlier answer to learn also whether the end was cut off
/// since.
#[utoipa::path(
    tag = "audit",
    security(("bearer" = [])),
    params(
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
    let known = known_head(query.0)?;
    auth.platform.limiter.require(&limits::AUDIT_VERIFY_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "authorize_verify_audit", async |tx| {
        require_authority::<ReadAudit>(tx, &auth, &actor).await
    })
    .await?;
    let chain = Chain { auth: &auth, scope: &scope, tenant: actor.tenant_id };
    let verification = chain.verify(known.as_ref()).await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(verification))
}

fn known_head(query: VerifyQuery) -> Result<Option<KnownHead>, Problem> {
    match (query.seq, query.hash) {
        (None, None) => Ok(None),
        (Some(seq), _) if seq < 1 => Err(Problem::invalid_field("seq", "must be at least 1")),
        (Some(seq), Some(hash)) => Ok(Some(KnownHead { seq, hash })),
        (Some(_), None) => Err(Problem::invalid_field("hash", "is missing beside seq")),
        (None, Some(_)) => Err(Problem::invalid_field("seq", "is missing beside hash")),
    }
}

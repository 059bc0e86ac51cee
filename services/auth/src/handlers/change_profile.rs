//! `PATCH /api/user/profile`

use actix_web::{HttpResponse, patch, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, Locale, Problem, RateRefusal, Unavailability};
use utoipa::ToSchema;

use super::show_profile::Profile;
use crate::announcement::announce_account;
use crate::db::profiles::{self, PersonalProfile};
use crate::db::users::{self, Account};
use crate::domain::audit::AuditAction;
use crate::domain::person_name::PersonName;
use crate::domain::profile::{AvatarId, Bio, Change, ObjectPatch, TimeZone};
use crate::error::Error;
use crate::liveness::{Claimed, require_live};
use crate::{Auth, limits};

/// What is absent stays as it is; null takes away (RFC 7396).
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeProfileRequest {
    /// Cannot be taken away.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Anna Martin")]
    name: Change<PersonName>,
    /// A picture that media keeps.
    #[serde(default)]
    #[schema(value_type = Option<AvatarId>)]
    avatar_id: Change<AvatarId>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1000, example = "Yoga since 2011.")]
    bio: Change<Bio>,
    /// The language of messages. Cannot be taken away.
    #[serde(default)]
    #[schema(value_type = Locale)]
    locale: Change<Locale>,
    /// IANA name. Null: that of the place.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "Europe/Paris")]
    time_zone: Change<TimeZone>,
    /// An object of the client's own, merged into the one that is kept; together at most 8192 bytes.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({ "theme": "dark" }))]
    preferences: Change<ObjectPatch>,
    /// Answers given when the account was new: an object of the client's own, merged like `preferences`.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({ "goal": "strength" }))]
    onboarding: Change<ObjectPatch>,
}

/// Change my profile
///
/// A merge patch (RFC 7396): what is absent stays, what is null is taken away. The address has its own way:
/// `POST /api/auth/email/change`.
#[utoipa::path(
    tag = "profile",
    request_body = ChangeProfileRequest,
    security(("bearer" = [])),
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = Profile),
    ),
)]
#[patch("/api/user/profile")]
pub async fn change_profile(
    auth: web::Data<Auth>,
    actor: CurrentActor,
    body: Body<ChangeProfileRequest>,
) -> Result<HttpResponse, Error> {
    let Body(patch) = body;
    auth.platform.limiter.require(&limits::PROFILE_BY_USER, &actor.user_id.to_string()).await?;
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let profile = transaction(&auth.platform.database, &scope, "change_profile", async |tx| {
        // Objects are merged into what is kept: one patch after the other.
        users::lock(tx, auth.realm, actor.user_id).await?;
        let (account, membership) = require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        let before = profiles::find(tx, auth.realm, actor.user_id).await?;
        let (account, after) = apply(tx, &auth, &actor, (account, before), patch.clone()).await?;
        Ok::<_, Error>(Profile::of(account, membership, actor.tenant_id, after))
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(profile))
}

async fn apply(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (account, before): (Account, PersonalProfile),
    patch: ChangeProfileRequest,
) -> Result<(Account, PersonalProfile), Error> {
    let (who, now) = ((auth.realm, account.id), auth.platform.clock.now());
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let name = patch.name.map(PersonName::into_text).required("/name", account.name.clone())?;
    let locale = patch.locale.required("/locale", account.locale)?;
    let told = PersonalProfile {
        avatar_id: patch.avatar_id.of(before.avatar_id),
        bio: patch.bio.map(Bio::into_text).of(before.bio.clone()),
        time_zone: patch.time_zone.map(|zone| zone.name().to_owned()).of(before.time_zone.clone()),
        preferences: merged("/preferences", patch.preferences, &before.preferences)?,
        onboarding: merged("/onboarding", patch.onboarding, &before.onboarding)?,
    };
    let renamed = Account { name, locale, ..account.clone() };
    let changed = changed((&account, &before), (&renamed, &told));
    if changed.is_empty() {
        return Ok((renamed, told));
    }
    if told != before {
        profiles::save(tx, who, &told, now).await?;
    }
    // The other services know of these two.
    if (&renamed.name, renamed.locale) != (&account.name, account.locale) {
        users::set_name_and_locale(tx, who, (&renamed.name, renamed.locale), now).await?;
        announce_account(tx, &trail, &renamed).await?;
    }
    // Which parts, never what they say: the trail holds nothing personal.
    let details = json!({ "changed": changed, "sessionId": actor.session_id });
    trail.user(tx, AuditAction::ProfileChanged, renamed.id, details).await?;
    Ok((renamed, told))
}

fn merged(
    pointer: &'static str,
    patch: Change<ObjectPatch>,
    before: &serde_json::Value,
) -> Result<serde_json::Value, Problem> {
    match patch {
        Change::Keep => Ok(before.clone()),
        Change::Clear => Ok(json!({})),
        Change::Set(patch) => {
            patch.apply(before.clone()).map_err(|error| Problem::invalid_field(pointer, error.to_string()))
        }
    }
}

fn changed(
    (account, before): (&Account, &PersonalProfile),
    (renamed, after): (&Account, &PersonalProfile),
) -> Vec<&'static str> {
    let parts = [
        ("name", account.name != renamed.name),
        ("locale", account.locale != renamed.locale),
        ("avatarId", before.avatar_id != after.avatar_id),
        ("bio", before.bio != after.bio),
        ("timeZone", before.time_zone != after.time_zone),
        ("preferences", before.preferences != after.preferences),
        ("onboarding", before.onboarding != after.onboarding),
    ];
    parts.into_iter().filter_map(|(part, changed)| changed.then_some(part)).collect()
}

impl<T> Change<T> {
    /// The value of a member that cannot be taken away.
    fn required(self, pointer: &'static str, before: T) -> Result<T, Problem> {
        match self {
            Self::Keep => Ok(before),
            Self::Set(value) => Ok(value),
            Self::Clear => Err(Problem::invalid_field(pointer, "cannot be taken away")),
        }
    }
}

//! `GET /api/tenants/scim/v2/Users`

use actix_web::{HttpRequest, HttpResponse, get, web};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::TenantId;
use shinkofa_web::Fault;

use crate::Auth;
use crate::db::members;
use crate::db::scim_users::{self, Person};
use crate::domain::scim::{MOST_LISTED, UserFilter};
use crate::error::Error;
use crate::provisioner::Provisioner;
use crate::provisioning::begin_look;
use crate::scim_view::{ScimUser, ScimUsers};
use crate::scim_wire::{ScimCallerRefusals, ScimError, ScimRefusal, respond};

/// What is asked of the list. Parameters that change nothing here (`attributes`, `sortBy`) are passed over, as RFC 7644 has it.
struct Asked {
    filter: Option<UserFilter>,
    /// Counted from 1.
    start_index: i64,
    count: i64,
}

impl Asked {
    fn read(query: &str) -> Result<Self, Error> {
        let mut asked = Self { filter: None, start_index: 1, count: MOST_LISTED };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "filter" => asked.filter = Some(UserFilter::parse(&value).ok_or(Error::FilterRefused)?),
                "startIndex" => asked.start_index = number("startIndex", &value)?.max(1),
                "count" => asked.count = number("count", &value)?.clamp(0, MOST_LISTED),
                _ => {}
            }
        }
        Ok(asked)
    }
}

fn number(name: &str, text: &str) -> Result<i64, Error> {
    let refused = |_| Error::AttributeRefused {
        attribute: name.to_owned(),
        detail: "must be a whole number".to_owned(),
    };
    text.parse::<i32>().map(i64::from).map_err(refused)
}

/// The people of this studio, as its identity provider may see them
///
/// Its members with a confirmed address, staff among them, and whom the provider invited. `filter` finds one by `userName eq "..."` or
/// `externalId eq "..."` and understands nothing else. In the order of their ids; at most 100 at once, and none where `count` is 0.
#[utoipa::path(
    tag = "provisioning",
    security(("bearer" = [])),
    params(
        ("filter" = Option<String>, Query, example = "userName eq \"lea.martin@example.org\""),
        ("startIndex" = Option<i32>, Query, description = "The place of the first, counted from 1", example = 1),
        ("count" = Option<i32>, Query, description = "How many at most", example = 100),
    ),
    responses(
        ScimCallerRefusals,
        (status = 200, body = ScimUsers, content_type = "application/scim+json"),
        (status = 400, body = ScimError, content_type = "application/scim+json", description = "`invalid_filter` or `invalid_value`"),
    ),
)]
#[get("/api/tenants/scim/v2/Users")]
pub async fn list_provisioned_users(
    caller: Provisioner,
    auth: web::Data<Auth>,
    request: HttpRequest,
) -> Result<HttpResponse, ScimRefusal> {
    let (actor, asked) = (caller.0, Asked::read(request.query_string())?);
    let tenant = actor.tenant_id;
    let scope = Scope::realm(auth.realm).with_tenant(tenant).with_user(actor.user_id);
    let (total, found, roles) =
        transaction(&auth.platform.database, &scope, "list_provisioned_users", async |tx| {
            begin_look(tx, &auth, &actor).await?;
            let (total, found) = find(tx, &auth, tenant, &asked).await?;
            let accounts: Vec<_> = found.iter().filter_map(|person| person.user_id).collect();
            let roles = members::roles_of(tx, tenant, &accounts).await?;
            Ok::<_, Error>((total, found, roles))
        })
        .await?;
    let people = found.into_iter().map(|person| ScimUser::new(person, &roles)).collect();
    Ok(respond(&ScimUsers::new(total, asked.start_index, people)))
}

/// How many there are in all, and the part of them that is asked for. A filter finds few, which are read whole.
async fn find(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    asked: &Asked,
) -> Result<(i64, Vec<Person>), Error> {
    let skipped = asked.start_index - 1;
    let all = match &asked.filter {
        None => {
            let total = scim_users::count(tx, tenant).await?;
            return Ok((total, scim_users::page(tx, tenant, (skipped, asked.count)).await?));
        }
        Some(UserFilter::UserName(name)) => {
            scim_users::find_named(tx, (tenant, auth.realm), &name.to_ascii_lowercase()).await?
        }
        Some(UserFilter::ExternalId(id)) => {
            scim_users::find_by_external_id(tx, tenant, id).await?.into_iter().collect()
        }
    };
    let total = i64::try_from(all.len()).map_err(Fault::unexpected)?;
    let skipped = usize::try_from(skipped).map_err(Fault::unexpected)?;
    let most = usize::try_from(asked.count).map_err(Fault::unexpected)?;
    Ok((total, all.into_iter().skip(skipped).take(most).collect()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_asked_is_no_fault_and_never_for_too_many(
            query in "((filter|startIndex|count|sortBy)=(-?[0-9]{0,20}|[ -~]{0,12})&){0,4}|.{0,40}",
        ) {
            if let Ok(asked) = Asked::read(&query) {
                prop_assert!(asked.start_index >= 1 && (0..=MOST_LISTED).contains(&asked.count));
            }
        }
    }
}

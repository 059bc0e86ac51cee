//! What this service knows about a person, and how it forgets them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shinkofa_db::{Connection, Error};
use shinkofa_kernel::UserId;

use crate::db::{contacts, deliveries, mailbox, preferences, tenant};
use crate::domain::Channel;

/// A page would not do: the copy is whole.
const ALL: i64 = i64::MAX;

pub async fn export(tx: &mut Connection, person: UserId) -> Result<Value, Error> {
    let tenant = tenant(tx).await?;
    let contact = contacts::find(tx, tenant, person).await?;
    let preferences = preferences::list(tx, tenant, person).await?;
    let deliveries = deliveries::list(tx, (tenant, person), None, ALL).await?;
    Ok(json!({
        "userId": person,
        "contact": contact.filter(|contact| contact.email.is_some()).map(|contact| json!({
            "email": contact.email,
            "name": contact.name,
            "locale": contact.locale,
            "emailVerified": contact.email_verified,
            "updatedAt": contact.updated_at,
        })),
        "preferences": preferences
            .iter()
            .map(|(kind, enabled)| json!({ "kind": kind, "channel": Channel::Email, "enabled": enabled }))
            .collect::<Vec<_>>(),
        "messages": deliveries.iter().map(|delivery| json!({
            "id": delivery.id,
            "kind": delivery.kind,
            "channel": delivery.channel,
            "status": delivery.state,
            "occasion": delivery.occasion,
            "email": delivery.email,
            "locale": delivery.locale,
            "subject": delivery.subject,
            "createdAt": delivery.created_at,
            "settledAt": delivery.settled_at,
        })).collect::<Vec<_>>(),
    }))
}

/// Ids and outcomes stay, so that no event is sent again; everything that says who it was goes.
pub async fn erase(tx: &mut Connection, person: UserId, now: DateTime<Utc>) -> Result<(), Error> {
    let tenant = tenant(tx).await?;
    contacts::erase(tx, tenant, person, now).await?;
    mailbox::erase(tx, tenant, person).await?;
    deliveries::erase(tx, tenant, person, now).await?;
    preferences::erase(tx, tenant, person).await?;
    Ok(())
}

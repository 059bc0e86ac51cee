//! Recording a delivery in the transaction that applies its event.

use shinkofa_contracts::Event;
use shinkofa_db::Connection;
use shinkofa_feed::ApplyError;
use shinkofa_kernel::{Clock, TenantId, UserId};
use shinkofa_web::Locale;

use crate::db::deliveries::RecordDelivery;
use crate::domain::{Channel, DeliveryId, DeliveryState, KEEP_CONTENT_FOR, Occasion};
use crate::jobs::deliver::Deliver;

/// Whom an event asks to be told, and what.
pub struct Notice {
    pub person: UserId,
    pub occasion: Occasion,
    pub address: Address,
    /// Sealed; opened when the letter is written.
    pub sealed_token: Option<String>,
}

/// Where a notice goes.
pub enum Address {
    /// To the person's own, once it is known and theirs.
    OfContact,
    /// To the one that the event brought.
    OfEvent { email: String, locale: Locale },
}

/// The tenant an event happened in. Everything this service keeps is a tenant's, so an event without one is put aside
/// for somebody to look at.
pub fn tenant_of(event: &Event) -> Result<TenantId, ApplyError> {
    event.tenant_id.ok_or_else(|| ApplyError::Poison(anyhow::anyhow!("the event names no tenant")))
}

/// Records the delivery, and the job that makes it. An event that was told before changes nothing.
pub async fn record(
    tx: &mut Connection,
    clock: &Clock,
    event: &Event,
    notice: Notice,
) -> Result<(), ApplyError> {
    let (tenant, now) = (tenant_of(event)?, clock.now());
    // Read from its beginning, a feed tells of things that nobody wants to be told about any more.
    if event.occurred_at < now - KEEP_CONTENT_FOR {
        return Ok(());
    }
    let (own_email, own_locale) = match notice.address {
        Address::OfContact => (None, None),
        Address::OfEvent { email, locale } => (Some(email), Some(locale)),
    };
    let delivery = DeliveryId::new(clock);
    let recorded = RecordDelivery {
        tenant,
        delivery,
        event: event.id,
        person: notice.person,
        by_channel: Channel::Email,
        of_kind: notice.occasion.kind(),
        about: serde_json::to_value(&notice.occasion)?,
        own_email,
        own_locale,
        token: notice.sealed_token,
        now,
    };
    if recorded.run(tx).await? == Some(DeliveryState::Pending) {
        enqueue(tx, clock, tenant, delivery).await?;
    }
    Ok(())
}

/// Enqueues the job of one delivery, unless it waits already.
pub async fn enqueue(
    tx: &mut Connection,
    clock: &Clock,
    tenant: TenantId,
    delivery: DeliveryId,
) -> diesel::QueryResult<()> {
    shinkofa_jobs::enqueue_keyed(tx, clock, Some(tenant), clock.now(), (delivery, &Deliver { delivery }))
        .await
}

#[cfg(test)]
mod tests {
    use shinkofa_db::{Error, Scope, transaction};
    use shinkofa_kernel::UserId;
    use shinkofa_testing::{TestApp, eventually};
    use tokio::sync::Notify as Signal;

    use super::*;
    use crate::Notify;
    use crate::db::contacts::SaveContact;
    use crate::db::deliveries;

    const TENANT: TenantId = TenantId::DEFAULT;

    fn delivery(clock: &Clock, person: UserId) -> RecordDelivery {
        RecordDelivery {
            tenant: TENANT,
            delivery: DeliveryId::new(clock),
            event: clock.new_uuid(),
            person,
            by_channel: Channel::Email,
            of_kind: crate::domain::Kind::PaymentPaid,
            about: serde_json::json!({}),
            own_email: None,
            own_locale: None,
            token: None,
            now: clock.now(),
        }
    }

    fn contact(clock: &Clock, person: UserId) -> SaveContact {
        SaveContact {
            tenant: TENANT,
            person,
            new_email: "ann@example.org".to_owned(),
            new_name: "Ann".to_owned(),
            new_locale: Locale::English,
            verified: true,
            now: clock.now(),
        }
    }

    /// Resolves once somebody in the test's database waits for a lock.
    async fn somebody_waits(app: &TestApp<Notify>) {
        let waiting = "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("the second transaction waits for the first", async || {
            (!app.sql(waiting).await.is_empty()).then_some(())
        })
        .await;
    }

    #[actix_web::test]
    async fn a_contact_that_comes_while_the_event_is_being_applied_releases_its_delivery() {
        let app = TestApp::<Notify>::start().await;
        let (clock, scope) = (app.clock.clone(), Scope::tenant(TENANT));
        let person = UserId::new(&clock);
        let (recorded, commit) = (Signal::new(), Signal::new());
        let (record, save) = (delivery(&clock, person), contact(&clock, person));

        let event = transaction(app.pool(), &scope, "event", async |tx| {
            let state = record.run(tx).await?;
            recorded.notify_one();
            commit.notified().await;
            Ok::<_, Error>(state)
        });
        let contact = async {
            recorded.notified().await;
            transaction(app.pool(), &scope, "contact", async |tx| {
                save.run(tx).await?;
                deliveries::release(tx, TENANT, person, clock.now()).await.map_err(Error::from)
            })
            .await
        };
        let referee = async {
            somebody_waits(&app).await;
            commit.notify_one();
        };
        let (state, released, ()) = tokio::join!(event, contact, referee);
        assert_eq!(state.unwrap(), Some(DeliveryState::WaitingForContact));
        assert_eq!(released.unwrap(), [record.delivery]);
        app.stop().await;
    }

    #[actix_web::test]
    async fn an_event_that_comes_while_the_contact_is_being_saved_does_not_wait_for_it_again() {
        let app = TestApp::<Notify>::start().await;
        let (clock, scope) = (app.clock.clone(), Scope::tenant(TENANT));
        let person = UserId::new(&clock);
        let (saved, commit) = (Signal::new(), Signal::new());
        let (record, save) = (delivery(&clock, person), contact(&clock, person));

        let contact = transaction(app.pool(), &scope, "contact", async |tx| {
            save.run(tx).await?;
            let released = deliveries::release(tx, TENANT, person, clock.now()).await?;
            saved.notify_one();
            commit.notified().await;
            Ok::<_, Error>(released)
        });
        let event = async {
            saved.notified().await;
            transaction(app.pool(), &scope, "event", async |tx| record.run(tx).await.map_err(Error::from))
                .await
        };
        let referee = async {
            somebody_waits(&app).await;
            commit.notify_one();
        };
        let (released, state, ()) = tokio::join!(contact, event, referee);
        assert!(released.unwrap().is_empty());
        assert_eq!(state.unwrap(), Some(DeliveryState::Pending));
        app.stop().await;
    }
}

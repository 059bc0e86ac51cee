//! Statements that do not wait for one another.

/// Sends independent statements of one transaction in one go and waits for all of their results: one round trip.
///
/// ```ignore
/// let (account, membership) = together!(users::find(tx, realm, user), memberships::find(tx, tenant, user))?;
/// ```
///
/// They are what takes `&Connection`. PostgreSQL runs them one after another, but in which order is not promised: a query of
/// two statements sends its second one after all the others. So none may need what another one does or locks, and one that
/// waits for a lock stands alone or first: when it fails, those behind it only say that the transaction is lost.
#[macro_export]
macro_rules! together {
    ($($statement:expr),+ $(,)?) => {
        $crate::tokio::try_join!(biased; $($statement),+)
    };
}

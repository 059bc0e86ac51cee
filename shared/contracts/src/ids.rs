//! Ids that more than one service speaks of.

use shinkofa_kernel::typed_id;

typed_id! {
    /// A package of credits on sale.
    PackageId
}
typed_id! {
    /// One purchase.
    PaymentId
}
typed_id! {
    /// Credits that were granted together and expire together.
    LotId
}
typed_id! {
    /// A bookable lesson.
    ClassId
}
typed_id! {
    /// One dated occurrence of a class.
    SessionId
}
typed_id! {
    /// Somebody's seats in a session.
    ReservationId
}

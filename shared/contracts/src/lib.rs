//! What services say to one another: events, internal requests and answers, and the one client that carries them.
//!
//! Everything here is additive only: a field may be added as optional, never removed, renamed or retyped.

pub mod auth;
pub mod booking;
mod client;
pub mod credits;
mod event;
mod ids;
pub mod notify;
pub mod privacy;

pub use client::{CallError, InternalClient, Peer, PeerAddresses, UnknownPeer};
pub use event::{Aggregate, Event, EventPage, EventPayload, FeedScope, Position};
pub use ids::{ClassId, LotId, PackageId, PaymentId, ReservationId, SessionId as ClassSessionId};

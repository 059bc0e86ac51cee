//! What is measured, and what is hoped for.

use super::studio::Price;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// A seat that costs nothing: booking alone.
    SeatBooking,
    /// A session without a free seat.
    SoldOut,
    /// A seat of one credit: booking, the hold in credits, the confirmation. The capture follows by itself, on both sides.
    Saga,
}

impl Scenario {
    pub const ALL: [Self; 3] = [Self::SeatBooking, Self::SoldOut, Self::Saga];

    pub fn name(self) -> &'static str {
        match self {
            Self::SeatBooking => "seat booking",
            Self::SoldOut => "sold-out refusal",
            Self::Saga => "full saga",
        }
    }

    pub fn file_name(self) -> &'static str {
        match self {
            Self::SeatBooking => "seat-booking.sql",
            Self::SoldOut => "sold-out.sql",
            Self::Saga => "saga.sql",
        }
    }

    /// The processes that it goes through.
    pub fn services(self) -> &'static [&'static str] {
        match self {
            Self::SeatBooking | Self::SoldOut => &["booking", "postgres"],
            Self::Saga => &["booking", "credits", "postgres"],
        }
    }

    /// What every request of it is answered.
    pub fn status(self) -> u16 {
        if self == Self::SoldOut { 409 } else { 201 }
    }

    /// Of which sessions it needs fresh ones; `None` for those that stay full.
    pub fn price(self) -> Option<Price> {
        match self {
            Self::SeatBooking => Some(Price::Free),
            Self::SoldOut => None,
            Self::Saga => Some(Price::OneCredit),
        }
    }

    /// The least ratio to pgbench, where there is a goal for it.
    pub fn goal(self) -> Option<f64> {
        match self {
            Self::SeatBooking => Some(0.70),
            Self::SoldOut => None,
            Self::Saga => Some(0.50),
        }
    }
}

/// A refusal is to be at least so many times as fast as a booking.
pub const SOLD_OUT_OVER_BOOKING: f64 = 3.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Http,
    Pgbench,
}

//! Everything `deploy/test` runs, in stages whose counts are summed.

mod checks;
mod defence_table;
mod defences;
mod failures;
pub(crate) mod mutants;
mod nextest;
mod stages;
mod tally;

pub(crate) use stages::{Stage, run, suite_variables};
pub(crate) use tally::Tally;

//! One file per command of `ctl`.

pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod invariants;
pub(crate) mod keys;
pub(crate) mod logs;
pub(crate) mod new_service;
pub(crate) mod render;
pub(crate) mod reset;
pub(crate) mod restart;
pub(crate) mod secrets;
pub(crate) mod seed;
pub(crate) mod status;
pub(crate) mod suite_env;
pub(crate) mod test;
pub(crate) mod test_env;
pub(crate) mod up;

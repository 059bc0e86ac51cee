//! What is not ours: foreign services, behind one type each.

pub mod leaked_passwords;

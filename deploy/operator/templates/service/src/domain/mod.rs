//! The rules, with no HTTP, database or clock in them.

mod note;

pub use note::NoteId;
pub(crate) use note::NoteText;

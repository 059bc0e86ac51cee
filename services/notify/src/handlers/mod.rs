//! One file per endpoint.

pub mod list_messages;
pub mod list_notifications;
pub mod read_preferences;
pub mod replace_preferences;
pub mod show_mailbox;

pub use show_mailbox::MailboxPage;

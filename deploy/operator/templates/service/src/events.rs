//! What this service tells. Move a type to `shared/contracts` when another service reads it.

use serde::{Deserialize, Serialize};
use shinkofa_contracts::EventPayload;
use shinkofa_kernel::UserId;

use crate::NoteId;

/// Somebody wrote a note.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoteCreated {
    pub note_id: NoteId,
    pub user_id: UserId,
}

impl EventPayload for NoteCreated {
    const TYPE: &'static str = "note.created";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "note";
    type Personal = ();
}

//! `GET /api/{{service}}/notes/{noteId}`

use actix_web::{get, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Unavailability};

use crate::domain::NoteId;
use crate::error::Error;
use crate::handlers::create_note::Note;
use crate::{State, db};

/// One of my notes
#[utoipa::path(
    tag = "notes",
    security(("bearer" = [])),
    params(("noteId" = NoteId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = Note),
    ),
)]
#[get("/api/{{service}}/notes/{noteId}")]
pub(crate) async fn read_note(
    state: web::Data<State>,
    reader: CurrentActor,
    note: Path<NoteId>,
) -> Result<web::Json<Note>, Error> {
    let scope = Scope::tenant(reader.tenant_id).with_user(reader.user_id);
    let found = transaction(&state.platform.database, &scope, "read_note", async |tx| {
        Ok::<_, Error>(db::notes::find(tx, note.0, reader.user_id).await?)
    })
    .await?;
    let note = found.ok_or(Error::NoteNotFound)?;
    Ok(web::Json(Note { id: note.id, text: note.text }))
}

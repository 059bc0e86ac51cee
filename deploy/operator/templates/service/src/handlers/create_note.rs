//! `POST /api/{{service}}/notes`

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_feed::{Occurrence, append};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, Unavailability};
use utoipa::ToSchema;

use crate::domain::{NoteId, NoteText};
use crate::error::Error;
use crate::{NoteCreated, State, db};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateNoteRequest {
    #[schema(value_type = String, min_length = 1, max_length = 500, example = "Bring a mat.")]
    text: NoteText,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Note {
    pub(crate) id: NoteId,
    pub(crate) text: String,
}

/// Write a note
#[utoipa::path(
    tag = "notes",
    security(("bearer" = [])),
    request_body = CreateNoteRequest,
    responses(
        CallerRefusals, BodyRefusals, Unavailability,
        (status = 201, body = Note),
    ),
)]
#[post("/api/{{service}}/notes")]
pub(crate) async fn create_note(
    state: web::Data<State>,
    author: CurrentActor,
    body: Body<CreateNoteRequest>,
) -> Result<HttpResponse, Error> {
    let platform = &state.platform;
    let Body(request) = body;
    let id = NoteId::new(&platform.clock);
    let scope = Scope::tenant(author.tenant_id).with_user(author.user_id);

    transaction(&platform.database, &scope, "create_note", async |tx| {
        let note = db::notes::NewNote {
            tenant_id: author.tenant_id,
            id,
            user_id: author.user_id,
            text: request.text.as_str(),
            created_at: platform.clock.now(),
        };
        db::notes::insert(tx, &note).await?;
        let occurrence =
            Occurrence { clock: &platform.clock, tenant: Some(author.tenant_id), actor: author.actor() };
        append(tx, &occurrence, id.as_uuid(), &NoteCreated { note_id: id, user_id: author.user_id }, None).await?;
        Ok::<_, Error>(())
    })
    .await?;
    platform.committed();

    Ok(HttpResponse::Created().json(Note { id, text: request.text.as_str().to_owned() }))
}

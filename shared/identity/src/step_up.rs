//! Asking again: what is sensitive wants a caller who showed lately who they are, and all that their account can show.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, web};
use chrono::{DateTime, TimeDelta, Utc};
use shinkofa_web::Problem;

use crate::actor::current_actor;
use crate::{AssuranceLevel, CurrentActor, Identity};

/// So long ago may somebody have shown who they are.
pub const RECENT: TimeDelta = TimeDelta::minutes(10);

/// Were these shown lately enough, and with all that `demanded` asks for?
pub fn is_stepped_up(
    (shown, at): (AssuranceLevel, DateTime<Utc>),
    demanded: AssuranceLevel,
    now: DateTime<Utc>,
) -> bool {
    shown >= demanded && now - at <= RECENT
}

/// The signed-in person who asks, and who showed who they are in the last ten minutes: with a second factor too, where
/// their account has one. `POST /api/auth/reauthenticate` brings a token that passes.
#[derive(Clone, Debug)]
pub struct RequireStepUp {
    pub actor: CurrentActor,
}

impl FromRequest for RequireStepUp {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(stepped_up(request))
    }
}

fn stepped_up(request: &HttpRequest) -> Result<RequireStepUp, Problem> {
    let actor = current_actor(request)?;
    let identity = request.app_data::<web::Data<Identity>>().ok_or_else(Problem::internal)?;
    let now = identity.user_tokens.now();
    if is_stepped_up((actor.assurance, actor.authenticated_at), actor.step_up, now) {
        Ok(RequireStepUp { actor })
    } else {
        Err(step_up_required(actor.step_up))
    }
}

/// 403 with the challenge of RFC 9470, which says to programs what has to be shown and how lately. Its own status, 401,
/// would make clients throw away a token that is still good for everything else.
pub fn step_up_required(demanded: AssuranceLevel) -> Problem {
    let challenge = format!(
        "Bearer error=\"insufficient_user_authentication\", acr_values=\"{}\", max_age={}",
        demanded.as_str(),
        RECENT.num_seconds()
    );
    Problem::new(
        StatusCode::FORBIDDEN,
        "step_up_required",
        "Show again who you are, then repeat this: POST /api/auth/reauthenticate.",
        "Prouvez à nouveau votre identité, puis recommencez : POST /api/auth/reauthenticate.",
    )
    .with_header("www-authenticate", challenge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_factor_that_an_account_has_is_asked_for_and_ten_minutes_are_recent() {
        use AssuranceLevel::{Aal1, Aal2};
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let ago = |seconds| now - TimeDelta::seconds(seconds);
        for (shown, seconds, demanded, passes) in [
            (Aal1, 0, Aal1, true),
            (Aal1, 600, Aal1, true),
            (Aal1, 601, Aal1, false),
            (Aal1, 0, Aal2, false),
            (Aal2, 600, Aal2, true),
            (Aal2, 601, Aal2, false),
            (Aal2, 0, Aal1, true),
        ] {
            assert_eq!(
                is_stepped_up((shown, ago(seconds)), demanded, now),
                passes,
                "{shown:?} {seconds} s ago"
            );
        }
    }
}

//! The copy that somebody takes with them holds all that every service knows of them in every studio, and nothing of anybody else.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use suite::{Person, Stack, Superuser, invariants};

use crate::customers::Offers;

/// Where a copy shows the rows of a table: the service, the table with its owner's column, the list in the copy, and the id in both.
struct Place {
    service: &'static str,
    rows: &'static str,
    list: &'static str,
    member: &'static str,
}

const PLACES: [Place; 6] = [
    Place {
        service: "booking",
        rows: "SELECT id FROM booking.reservations WHERE customer_id",
        list: "/reservations",
        member: "/reservation/reservationId",
    },
    Place {
        service: "credits",
        rows: "SELECT id FROM credits.payments WHERE user_id",
        list: "/payments",
        member: "/id",
    },
    Place {
        service: "credits",
        rows: "SELECT id FROM credits.lots WHERE user_id",
        list: "/lots",
        member: "/id",
    },
    Place {
        service: "credits",
        rows: "SELECT id FROM credits.journals WHERE user_id",
        list: "/transactions",
        member: "/id",
    },
    Place {
        service: "credits",
        rows: "SELECT reservation_id AS id FROM credits.holds WHERE user_id",
        list: "/holds",
        member: "/reservationId",
    },
    Place {
        service: "notify",
        rows: "SELECT id FROM notify.deliveries WHERE user_id",
        list: "/messages",
        member: "/id",
    },
];

impl Place {
    /// The ids of somebody's rows in a studio.
    async fn kept(&self, superuser: &mut Superuser, person: &Person, studio: &str) -> BTreeSet<String> {
        let rows = format!("{} = '{}' AND tenant_id = '{studio}'", self.rows, person.user_id());
        superuser.rows(&rows).await.iter().map(|row| string(&row["id"])).collect()
    }

    /// The ids that a studio's part of a copy shows.
    fn shown(&self, part: &Value) -> BTreeSet<String> {
        let list = part["services"][self.service].pointer(self.list).and_then(Value::as_array);
        let list = list.unwrap_or_else(|| panic!("no {} of {} in {part:#}", self.list, self.service));
        list.iter().map(|item| string(item.pointer(self.member).unwrap_or(&Value::Null))).collect()
    }
}

fn string(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

async fn copy_of(stack: &Stack, person: &Person) -> Value {
    let answer = stack.get("/api/me/export").bearer(person).send().await.expect(200);
    let answer = answer.expect_members(&["exportedAt", "userId", "account", "studios"]);
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer.body
}

/// What tells one person from another: in nobody else's copy any of it has a place.
async fn traces_of(superuser: &mut Superuser, person: &Person, studios: &[String]) -> BTreeSet<String> {
    let mut traces = BTreeSet::from([person.user_id().to_string(), person.email.clone()]);
    for studio in studios {
        for place in &PLACES {
            traces.extend(place.kept(superuser, person, studio).await);
        }
    }
    let sessions = format!("SELECT id FROM auth.sessions WHERE user_id = '{}'", person.user_id());
    traces.extend(superuser.rows(&sessions).await.iter().map(|row| string(&row["id"])));
    traces
}

#[tokio::test]
async fn a_copy_spans_every_service_in_every_studio_and_holds_nothing_of_anybody_else() {
    let stack = Stack::attach().await;
    let offers = Offers::make(&stack).await;
    let (anna, ben) = (offers.customer(&stack).await, offers.customer(&stack).await);
    let studios = offers.studios();
    let mut superuser = stack.superuser().await;
    for (person, other) in [(&anna, &ben), (&ben, &anna)] {
        let copy = copy_of(&stack, person).await;
        assert_eq!(copy["userId"], person.user_id().to_string());
        assert_eq!(copy["account"]["email"], person.email.as_str());
        let parts = copy["studios"].as_array().expect("studios");
        assert_eq!(parts.len(), studios.len(), "{copy:#}");
        for studio in &studios {
            let part = parts.iter().find(|part| part["tenantId"] == studio.as_str());
            let part = part.unwrap_or_else(|| panic!("nothing of {studio} in {copy:#}"));
            assert_is_whole(&mut superuser, person, (part, studio)).await;
        }
        let shown = copy.to_string();
        for trace in traces_of(&mut superuser, other, &studios).await {
            assert!(!shown.contains(&trace), "{trace} is somebody else's: {copy:#}");
        }
        for secret in [&person.password, &person.refresh_token] {
            assert!(!shown.contains(secret.as_str()), "nobody is told what they sign in with");
        }
    }
    invariants::check(&stack).await;
}

/// Each service shows every row that it has of the person in this studio, and that is some.
async fn assert_is_whole(superuser: &mut Superuser, person: &Person, (part, studio): (&Value, &str)) {
    let services = part["services"].as_object().expect("services");
    let names: Vec<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(names, ["auth", "booking", "credits", "notify"]);
    assert_eq!(services["auth"]["membership"]["roles"], json!(["member"]), "{part:#}");
    assert_eq!(services["notify"]["contact"]["email"], person.email.as_str(), "{part:#}");
    for place in &PLACES {
        let kept = place.kept(superuser, person, studio).await;
        assert!(!kept.is_empty(), "{} keeps nothing of {}", place.service, place.list);
        assert_eq!(place.shown(part), kept, "{} of {}", place.list, place.service);
    }
}

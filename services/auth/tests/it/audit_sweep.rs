//! Every operation that changes something leaves an entry in the trail, in the name of whoever asked for it; a refused one leaves none.
//!
//! Each is done for real, by what the other tests do it with, and the trail is looked at around every call that is made meanwhile, also
//! around those that only lead there. An operation of `routes.rs` that is in no list here fails the test, and so does one that a list
//! names and nobody does.

mod accounts;
mod factors;
mod programs;
mod providers;
mod refusals;
mod studios;
mod webhooks;

use std::collections::BTreeSet;
use std::sync::Arc;

use auth::Auth;
use serde_json::{Value, json};
use shinkofa_testing::{Observed, Observer, Route, TestApp, routes_of};

use crate::asked_again::name;
use crate::machines::claims;

const ROUTES: &str = include_str!("../../src/routes.rs");

/// How far the trail has come.
const LAST: &str = "SELECT coalesce(max(number), 0) AS last FROM audit_events";

const ENTRIES: &str =
    "SELECT number, action, actor, subject_type, subject_id, details FROM audit_events ORDER BY number";

/// An operation, and the entries by which the trail may tell of it: one of them at least.
type Told = (&'static str, &'static [&'static str]);

/// The operations that one test does.
struct Area {
    /// Told in the transaction that the answer is of.
    changes: &'static [Told],
    /// Told by a job that does the change after the answer, from which nobody is to learn whose an address is.
    later: &'static [Told],
    /// What changes nothing of an account or a studio, and why.
    unchanged: &'static [(&'static str, &'static str)],
    /// Refusals that change something all the same: the operation, the code and the entry.
    refused: &'static [(&'static str, &'static str, &'static str)],
}

static AREAS: [&Area; 6] =
    [&accounts::AREA, &factors::AREA, &providers::AREA, &studios::AREA, &programs::AREA, &webhooks::AREA];

impl Area {
    fn routes(&self) -> impl Iterator<Item = &'static str> {
        let told = self.changes.iter().chain(self.later).map(|(route, _)| *route);
        told.chain(self.unchanged.iter().map(|(route, _)| *route))
    }
}

/// Whether asking for it may change something: a look changes nothing.
fn may_change(route: &Route) -> bool {
    route.method != "GET"
}

#[test]
fn every_operation_that_may_change_something_is_in_one_list() {
    let routes = routes_of(ROUTES);
    let known: BTreeSet<String> = routes.iter().map(name).collect();
    let mut listed = BTreeSet::new();
    for route in AREAS.iter().flat_map(|area| area.routes()) {
        assert!(known.contains(route), "{route} is no operation: take it off the list");
        assert!(listed.insert(route), "{route} is listed twice");
    }
    let left_out = routes.iter().filter(|route| may_change(route)).map(name);
    let left_out: Vec<_> = left_out.filter(|route| !listed.contains(route.as_str())).collect();
    assert!(left_out.is_empty(), "in no list: {left_out:#?}");
}

/// A service whose trail is looked at around every call, from now on.
struct Sweep<'a> {
    app: &'a TestApp<Auth>,
    observer: Arc<Observer>,
}

/// A call, and what the trail tells since: when it was answered, and until the next call.
struct Step {
    route: Route,
    call: Observed,
    at_once: Vec<Value>,
    later: Vec<Value>,
}

impl<'a> Sweep<'a> {
    async fn begin(app: &'a TestApp<Auth>) -> Self {
        Self { app, observer: app.observe(LAST).await }
    }

    async fn steps(&self) -> Vec<Step> {
        let entries = self.app.sql(ENTRIES).await;
        let between = |from: i64, to: i64| -> Vec<Value> {
            let is_within = |entry: &&Value| (from + 1..=to).contains(&number(&entry["number"]));
            entries.iter().filter(is_within).cloned().collect()
        };
        let (routes, calls) = (routes_of(ROUTES), self.observer.seen());
        let nexts = calls.iter().skip(1).map(|next| last(&next.before)).chain([i64::MAX]);
        let steps = calls.iter().zip(nexts).filter_map(|(call, next)| {
            let (before, after) = (last(&call.before), last(&call.after));
            Some(Step {
                route: route_of(&routes, call)?,
                call: call.clone(),
                at_once: between(before, after),
                later: between(after, next),
            })
        });
        steps.collect()
    }

    /// Fails unless every call was told of as the lists say, and all that is listed in `area` was done.
    async fn assert_told(&self, area: &Area) {
        let steps = self.steps().await;
        let faults: Vec<_> = steps.iter().filter_map(Step::fault).collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        let is_done = |route: &str, is_told: &dyn Fn(&Step) -> bool| {
            steps.iter().any(|step| step.is_done() && name(&step.route) == route && is_told(step))
        };
        let changes = area.changes.iter().map(|(route, told)| {
            (*route, is_done(route, &|step| step.at_once.iter().any(|entry| step.is_told_by(entry, told))))
        });
        let later = area.later.iter().map(|(route, told)| {
            (*route, is_done(route, &|step| step.later.iter().any(|entry| is_one_of(entry, told))))
        });
        let unchanged = area.unchanged.iter().map(|(route, _)| (*route, is_done(route, &|_| true)));
        let refused = area.refused.iter().map(|(route, code, told)| {
            let is_so = |step: &Step| {
                name(&step.route) == *route
                    && step.is_refused_as(code)
                    && step.at_once.iter().any(|entry| is_one_of(entry, &[*told]))
            };
            (*route, steps.iter().any(is_so))
        });
        let undone = changes.chain(later).chain(unchanged).chain(refused).filter(|(_, is_done)| !is_done);
        let undone: Vec<_> = undone.map(|(route, _)| route).collect();
        assert!(undone.is_empty(), "nobody did, or nothing tells of: {undone:#?}");
    }
}

fn number(value: &Value) -> i64 {
    value.as_i64().expect("a number")
}

fn last(answered: &Value) -> i64 {
    number(&answered[0]["last"])
}

/// What a call asked for. Of two routes it is the one that says more by itself.
fn route_of(routes: &[Route], call: &Observed) -> Option<Route> {
    let asked: Vec<_> = call.path.split('/').collect();
    let fits = |route: &&Route| {
        let known: Vec<_> = route.path.split('/').collect();
        route.method == call.method.as_str()
            && known.len() == asked.len()
            && known.iter().zip(&asked).all(|(known, asked)| known.starts_with('{') || known == asked)
    };
    routes.iter().filter(fits).min_by_key(|route| route.path.matches('{').count()).cloned()
}

/// The entries that may tell of an operation, where it is told of at once.
fn entries_of(route: &str) -> Option<&'static [&'static str]> {
    let mut listed = AREAS.iter().flat_map(|area| area.changes);
    listed.find(|(listed, _)| *listed == route).map(|(_, told)| *told)
}

fn is_one_of(entry: &Value, told: &[&str]) -> bool {
    told.iter().any(|action| entry["action"] == *action)
}

impl Step {
    fn is_done(&self) -> bool {
        self.call.answer.status < 400
    }

    fn is_refused_as(&self, code: &str) -> bool {
        !self.is_done() && self.call.answer.body["code"] == code
    }

    /// What the trail tells of it and should not, or the reverse.
    fn fault(&self) -> Option<String> {
        let route = name(&self.route);
        let is_right = if self.is_done() {
            match entries_of(&route) {
                // Who is asked for a second factor is not in yet.
                Some(_) if self.call.answer.body["mfaToken"].is_string() => true,
                Some(told) => self.at_once.iter().any(|entry| self.is_told_by(entry, told)),
                None => self.at_once.is_empty(),
            }
        } else {
            let mut refused = AREAS.iter().flat_map(|area| area.refused);
            self.at_once.is_empty()
                || refused.any(|(listed, code, _)| *listed == route && self.is_refused_as(code))
        };
        let (status, told) = (self.call.answer.status, &self.at_once);
        (!is_right).then(|| format!("{route} is answered {status}, and the trail tells {told:#?}"))
    }

    /// Does this entry tell of it, in the name of whoever asked, and of what they asked about?
    fn is_told_by(&self, entry: &Value, told: &[&str]) -> bool {
        is_one_of(entry, told) && self.is_in_the_name_of(&entry["actor"]) && self.is_about(entry)
    }

    fn is_in_the_name_of(&self, actor: &Value) -> bool {
        let Some(bearer) = &self.call.bearer else {
            // Whoever shows a secret is taken for whose it is, or for nobody known.
            return actor["kind"] != "service";
        };
        if bearer.starts_with("shk_") {
            let prefix = bearer.rsplit_once('_').map(|(prefix, _)| prefix);
            return actor["kind"] == "apiKey" && actor["prefix"].as_str() == prefix;
        }
        let claims = claims(bearer);
        if claims["iss"] == "service" {
            *actor == json!({ "kind": "service", "name": claims["sub"] })
        } else {
            *actor == json!({ "kind": "user", "userId": claims["sub"] })
        }
    }

    /// Does an entry hold what the path names?
    fn is_about(&self, entry: &Value) -> bool {
        let text = entry.to_string();
        let parts = self.route.path.split('/').zip(self.call.path.split('/'));
        // What somebody is called at Discord is in no trail.
        let mut named = parts.filter(|(known, _)| known.starts_with('{') && *known != "{discordId}");
        named.all(|(_, asked)| text.contains(asked))
    }
}

//! What a run of schemathesis did, read from the events that it writes down (NDJSON, one event a line).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::Deserialize;

/// Everything that was asked and answered.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Links of the document that could be followed.
    links: usize,
    /// Walks from answer to answer.
    scenarios: usize,
    /// Those of the links that were, with the identifier that an answer gave.
    followed: BTreeSet<String>,
    /// Operations of the document. Methods that it does not have are tried as well, but not counted.
    declared: BTreeSet<String>,
    /// What was asked, and how often it was answered with which status.
    answers: BTreeMap<String, BTreeMap<u16, usize>>,
}

/// The phase that follows links, and the one that asks what the document has and nothing else.
const STATEFUL: &str = "stateful";
const FUZZING: &str = "fuzzing";

impl Report {
    /// Reads what was written, and removes it: it holds what was sent and answered.
    pub fn read(file: &Path) -> Self {
        let Ok(text) = std::fs::read(file) else {
            // A run that did not even begin says so itself.
            return Self::default();
        };
        std::fs::remove_file(file).expect("the report is removed");
        let mut report = Self::default();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            report.take(serde_json::from_slice(line).expect("an event of schemathesis"));
        }
        report
    }

    pub fn operations(&self) -> usize {
        self.declared.len()
    }

    /// Operations that did at least once what they are for.
    pub fn successful(&self) -> usize {
        let statuses = self.declared.iter().filter_map(|operation| self.answers.get(operation));
        statuses.filter(|statuses| statuses.keys().any(|status| is_success(*status))).count()
    }

    pub fn followed(&self) -> usize {
        self.followed.len()
    }

    fn take(&mut self, event: Event) {
        if let Some(loaded) = event.loaded {
            self.links = loaded.statistic.transitions.selected;
        }
        let Some(Scenario { phase, is_final, recorder }) = event.scenario else { return };
        self.scenarios += usize::from(phase == STATEFUL && !is_final);
        for (id, interaction) in recorder.interactions {
            let (Some(case), Some(response)) = (recorder.cases.get(&id), interaction.response) else {
                continue;
            };
            let Asked { method, path } = &case.value;
            let operation = format!("{method} {path}");
            if phase == FUZZING {
                self.declared.insert(operation.clone());
            }
            let statuses = self.answers.entry(operation).or_default();
            *statuses.entry(response.status_code).or_default() += 1;
            let link =
                case.transition.as_ref().filter(|link| case.is_transition_applied && !link.is_inferred);
            self.followed.extend(link.map(|link| link.id.clone()));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statuses = self.answers.values().flatten();
        let (all, good) = statuses.fold((0, 0), |(all, good), (status, count)| {
            (all + count, good + if is_success(*status) { *count } else { 0 })
        });
        write!(
            f,
            "{all} answers, {good} of them 2xx or 3xx; {} of {} operations succeeded; {} scenarios followed {} of {} links",
            self.successful(),
            self.operations(),
            self.scenarios,
            self.followed(),
            self.links,
        )
    }
}

fn is_success(status: u16) -> bool {
    (200..400).contains(&status)
}

/// One line. What is not looked at is not even read: bodies hold text that JSON can write and UTF-8 cannot.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    #[serde(rename = "LoadingFinished")]
    loaded: Option<Loaded>,
    #[serde(rename = "ScenarioFinished")]
    scenario: Option<Scenario>,
}

#[derive(Deserialize)]
struct Loaded {
    statistic: Statistic,
}

#[derive(Deserialize)]
struct Statistic {
    transitions: Transitions,
}

#[derive(Deserialize)]
struct Transitions {
    selected: usize,
}

#[derive(Deserialize)]
struct Scenario {
    phase: String,
    /// One that repeats a failure.
    #[serde(default)]
    is_final: bool,
    recorder: Recorder,
}

#[derive(Deserialize)]
struct Recorder {
    #[serde(default)]
    cases: BTreeMap<String, Case>,
    #[serde(default)]
    interactions: BTreeMap<String, Interaction>,
}

#[derive(Deserialize)]
struct Case {
    value: Asked,
    transition: Option<Link>,
    #[serde(default)]
    is_transition_applied: bool,
}

#[derive(Deserialize)]
struct Asked {
    method: String,
    path: String,
}

#[derive(Deserialize)]
struct Link {
    id: String,
    /// Schemathesis found it by itself: the document has none.
    #[serde(default)]
    is_inferred: bool,
}

#[derive(Deserialize)]
struct Interaction {
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Response {
    status_code: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shortened, of schemathesis 4.32.
    const EVENTS: [&str; 4] = [
        r#"{"Initialize":{"schemathesis_version":"4.32.5"}}"#,
        r#"{"LoadingFinished":{"statistic":{"operations":{"total":3,"selected":3},"transitions":{"total":2,"selected":2}}}}"#,
        r#"{"ScenarioFinished":{"phase":"fuzzing","label":"GET /things/{id}","status":"success","is_final":false,"recorder":{
            "label":"GET /things/{id}",
            "cases":{"a":{"value":{"method":"GET","path":"/things/{id}","id":"a","body":"\udafa"},"is_transition_applied":false}},
            "interactions":{"a":{"request":{"method":"GET"},"response":{"status_code":404}}}}}}"#,
        r#"{"ScenarioFinished":{"phase":"stateful","status":"success","is_final":false,"recorder":{
            "label":"Stateful tests",
            "cases":{
                "b":{"value":{"method":"POST","path":"/things"},"is_transition_applied":false},
                "c":{"value":{"method":"GET","path":"/things/{id}"},"parent_id":"b","is_transition_applied":true,
                    "transition":{"id":"POST /things -> [201] read_thing -> GET /things/{id}","is_inferred":false}}},
            "interactions":{
                "b":{"response":{"status_code":201}},
                "c":{"response":{"status_code":200}}}}}}"#,
    ];

    fn report(events: &[&str]) -> Report {
        let mut report = Report::default();
        for event in events {
            report.take(serde_json::from_str(event).unwrap());
        }
        report
    }

    #[test]
    fn a_report_tells_what_succeeded_and_which_links_were_followed() {
        let report = report(&EVENTS);
        assert_eq!((report.operations(), report.successful(), report.followed()), (1, 1, 1));
        assert_eq!(
            report.to_string(),
            "3 answers, 2 of them 2xx or 3xx; 1 of 1 operations succeeded; 1 scenarios followed 1 of 2 links"
        );
    }

    #[test]
    fn without_the_stateful_phase_nothing_is_followed() {
        let report = report(&EVENTS[..3]);
        assert_eq!((report.operations(), report.successful(), report.followed()), (1, 0, 0));
    }
}

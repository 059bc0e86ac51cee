//! schemathesis on the OpenAPI documents: everything that they allow, and much that they do not, is asked through the gateway, by
//! nobody and by an admin. What it did is read from its own report: a run that asked nothing, followed nothing or was
//! answered nothing but refusals shows nothing, and fails.

mod report;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reqwest::Method;
use serde_json::json;
use suite::{Stack, invariants};

use self::report::Report;
use crate::api_documents::{what_auth_keeps, what_exists};
use crate::studios::{Founder, Studio};

/// Who asks in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Nobody,
    Admin,
    /// The admin of a studio that is there for this run alone: nothing was made in it before, and nobody counted.
    Owner,
    /// Somebody who signed up for this run alone.
    Member,
}

/// Does the session of a run outlive it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    Kept,
    /// Some of what is asked ends it.
    Ended,
}

/// What a run has to have done to show anything.
#[derive(Clone, Copy)]
struct Least {
    /// How many of the document's links were followed, each from something that was really made.
    links: usize,
    /// How many of a hundred operations did at least once what they are for.
    successes: usize,
    session: Session,
}

/// One run over some routes of one document.
struct Run {
    service: &'static str,
    host: &'static str,
    caller: Caller,
    /// Only these paths; empty means all but `except`.
    only: &'static [&'static str],
    except: &'static [&'static [&'static str]],
    least: Least,
}

/// Whoever asks in a run.
struct Asker {
    token: String,
    studio: Option<Studio>,
}

const fn all_of(
    service: &'static str,
    caller: Caller,
    except: &'static [&'static [&'static str]],
    least: Least,
) -> Run {
    Run { service, host: "app", caller, only: &[], except, least }
}

/// Some routes of auth, on their own.
const fn apart(caller: Caller, only: &'static [&'static str], least: Least) -> Run {
    Run { service: "auth", host: "app", caller, only, except: &[], least }
}

const fn least(links: usize, successes: usize) -> Least {
    Least { links, successes, session: Session::Kept }
}

const fn ending(successes: usize) -> Least {
    Least { links: 0, successes, session: Session::Ended }
}

const MAILBOX: &[&str] = &["/", "/api/messages"];
/// Ends the session that the other requests of a run need, so it has a run and a session of its own.
const LOGOUT: &[&str] = &["/api/auth/logout"];
/// Ends every session of whoever asks, and what it is asked about may take the password away: for nobody whom others need.
const SESSIONS: &[&str] = &[
    "/api/auth/sessions",
    "/api/auth/sessions/{id}",
    "/api/auth/security-timeline",
    "/api/auth/security-timeline/{eventId}/not-me",
];
/// What staff do to members, and whom or what they ban: done to the one who is there for it, and refused to whoever may not.
const STAFF: &[&str] = &[
    "/api/admin/bans",
    "/api/admin/users/{userId}/lock",
    "/api/admin/users/{userId}/unlock",
    "/api/admin/users/{userId}/sign-out",
    "/api/admin/users/{userId}/impersonate",
];
/// Settings of a studio, its end, and the way out of it.
const STUDIO: &[&str] = &["/api/tenants/current", "/api/tenants/members/me"];
/// What an identity provider asks.
const PROVISIONING: &[&str] = &[
    "/api/tenants/scim/v2/ServiceProviderConfig",
    "/api/tenants/scim/v2/ResourceTypes",
    "/api/tenants/scim/v2/Schemas",
    "/api/tenants/scim/v2/Groups",
    "/api/tenants/scim/v2/Users",
    "/api/tenants/scim/v2/Users/{id}",
];
const PROGRAMS: &[&str] = &[
    "/api/tenants/service-accounts",
    "/api/tenants/service-accounts/{id}",
    "/api/tenants/service-accounts/{id}/disable",
    "/api/tenants/service-accounts/{id}/enable",
    "/api/tenants/service-accounts/{id}/keys",
    "/api/tenants/service-accounts/{id}/keys/{keyId}",
];
const WEBHOOKS: &[&str] = &[
    "/api/tenants/webhooks",
    "/api/tenants/webhooks/{id}",
    "/api/tenants/webhooks/{id}/deliveries",
    "/api/tenants/webhooks/{id}/disable",
    "/api/tenants/webhooks/{id}/enable",
    "/api/tenants/webhooks/{id}/secret",
    "/api/tenants/webhooks/{id}/test",
];
const INVITATIONS: &[&str] = &[
    "/api/tenants/invitations",
    "/api/tenants/invitations/{invitationId}",
    "/api/tenants/invitations/{invitationId}/resend",
];
/// What has a run of its own: so that walks from answer to answer stay within what belongs together, or because nothing could be
/// asked after it.
const APART: &[&[&str]] = &[LOGOUT, SESSIONS, STAFF, STUDIO, PROVISIONING, PROGRAMS, WEBHOOKS, INVITATIONS];

/// Every route of every document, asked by an admin and by nobody. What a run leaves out, another has.
const RUNS: [Run; 19] = [
    all_of("auth", Caller::Nobody, &[], least(0, 8)),
    all_of("auth", Caller::Owner, APART, least(1, 45)),
    // Links are not followed where an answer is `application/scim+json`.
    apart(Caller::Owner, PROVISIONING, least(0, 80)),
    apart(Caller::Owner, PROGRAMS, least(6, 80)),
    apart(Caller::Owner, WEBHOOKS, least(6, 80)),
    apart(Caller::Owner, INVITATIONS, least(2, 80)),
    apart(Caller::Owner, STAFF, least(0, 80)),
    apart(Caller::Owner, STUDIO, ending(50)),
    apart(Caller::Owner, LOGOUT, ending(100)),
    apart(Caller::Member, SESSIONS, ending(15)),
    // Whoever may not is refused, whatever they ask.
    apart(Caller::Member, STAFF, least(0, 0)),
    apart(Caller::Member, STUDIO, ending(20)),
    all_of("credits", Caller::Nobody, &[], least(0, 20)),
    all_of("credits", Caller::Admin, &[], least(1, 50)),
    all_of("booking", Caller::Nobody, &[], least(0, 30)),
    all_of("booking", Caller::Admin, &[], least(1, 50)),
    all_of("notify", Caller::Nobody, &[MAILBOX], least(0, 0)),
    all_of("notify", Caller::Admin, &[MAILBOX], least(0, 60)),
    Run {
        service: "notify",
        host: "mail",
        caller: Caller::Nobody,
        only: MAILBOX,
        except: &[],
        least: least(0, 100),
    },
];

#[tokio::test]
async fn schemathesis_finds_no_server_error_and_no_undeclared_answer_in_auth() {
    play(RUNS.iter().filter(|run| run.service == "auth")).await;
}

#[tokio::test]
async fn schemathesis_finds_no_server_error_and_no_undeclared_answer_elsewhere() {
    play(RUNS.iter().filter(|run| run.service != "auth")).await;
}

async fn play(runs: impl Iterator<Item = &Run>) {
    let stack = Stack::attach().await;
    let program = schemathesis();
    let everywhere = what_exists(&stack).await;
    let mut violations = String::new();
    for run in runs {
        let asker = run.asker(&stack).await;
        let mut beneath = vec![
            json!([null, "/api/classes/{id}", { "id": everywhere["classId"] }]),
            json!([null, "/api/sessions/{id}", { "id": everywhere["sessionId"] }]),
        ];
        let mut subject = stack.sign_up("en").await.user_id();
        if let Some(studio) = asker.as_ref().and_then(|asker| asker.studio.as_ref()) {
            beneath.extend(what_auth_keeps(&stack, studio).await);
            subject = studio.new_member(&stack).await;
        }
        let subjects = ["/api/tenants/members/{userId}", "/api/admin/users/{userId}"]
            .map(|path| json!([path, { "userId": subject }]));
        let known = json!({ "everywhere": everywhere, "beneath": beneath, "subjects": subjects });
        let file = installed().join(format!("report-{}.ndjson", stack.fresh("run")));
        let mut command = run.command(&stack, &program, asker.as_ref(), &file);
        command.env("SUITE_KNOWN", known.to_string());
        let output =
            tokio::task::spawn_blocking(move || command.output()).await.expect("a thread").expect("a run");
        let report = Report::read(&file);
        let (service, caller) = (run.service, run.caller);
        eprintln!("{service} as {caller:?} on {}: {report}", run.host);
        let mut lacks = run.lacks(&report);
        if let Some(asker) = asker.filter(|_| run.least.session == Session::Kept) {
            let profile =
                stack.call(Method::GET, stack.url_of(run.host_of(Some(&asker)), "/api/user/profile"));
            let status = profile.bearer(&asker.token).send().await.status;
            lacks.extend((status != 200).then(|| format!("its token is answered {status} at the end")));
        }
        if !lacks.is_empty() || !output.status.success() {
            let said = said(&output);
            let lacks = lacks.join("; ");
            violations.push_str(&format!("\n===== {service} as {caller:?} on {}: {lacks}\n{said}", run.host));
        }
    }
    assert!(violations.is_empty(), "{violations}");
    invariants::check(&stack).await;
}

impl Run {
    async fn asker(&self, stack: &Stack) -> Option<Asker> {
        let of_the_platform = |token| Some(Asker { token, studio: None });
        match self.caller {
            Caller::Nobody => None,
            Caller::Admin => of_the_platform(stack.admin().await.token),
            Caller::Member => of_the_platform(stack.sign_up("en").await.member.token),
            Caller::Owner => {
                let founder = Founder::hire(stack).await;
                let studio = founder.found(stack, &stack.fresh("run")[..20]).await;
                Some(Asker { token: studio.admin.clone(), studio: Some(studio) })
            }
        }
    }

    fn host_of<'a>(&self, asker: Option<&'a Asker>) -> &'a str {
        asker.and_then(|asker| asker.studio.as_ref()).map_or(self.host, |studio| studio.slug.as_str())
    }

    /// Why what was found, or not found, shows nothing.
    fn lacks(&self, report: &Report) -> Vec<String> {
        let Least { links, successes, .. } = self.least;
        let mut lacks = Vec::new();
        if report.operations() == 0 {
            lacks.push("nothing was asked".to_owned());
        }
        if report.followed() < links {
            lacks.push(format!("{} links were followed, and {links} is the least", report.followed()));
        }
        if report.operations() * successes > report.successful() * 100 {
            lacks.push(format!("fewer than {successes} of a hundred operations succeeded"));
        }
        lacks
    }

    fn command(&self, stack: &Stack, program: &Path, asker: Option<&Asker>, report: &Path) -> Command {
        let sources = sources();
        let mut command = Command::new(program);
        command
            .arg("--config-file")
            .arg(sources.join("schemathesis.toml"))
            .arg("run")
            .arg(stack.url(&format!("/api/docs/{}.json", self.service)))
            .args(["--url", &stack.url_of(self.host_of(asker), "")])
            .arg("--tls-verify")
            .arg(&stack.authority)
            .args(["--report", "ndjson", "--report-ndjson-path"])
            .arg(report);
        if self.least.links == 0 {
            // Nobody makes nothing that a link could start from, and some routes are not where links lead.
            command.args(["--phases", "examples,coverage,fuzzing"]);
        }
        for path in self.only {
            command.args(["--include-path", path]);
        }
        for path in self.except.iter().copied().flatten() {
            command.args(["--exclude-path", path]);
        }
        if let Some(asker) = asker {
            command.args(["--header", &format!("Authorization: Bearer {}", asker.token)]);
        }
        command
            .env("SCHEMATHESIS_HOOKS", "hooks")
            .env("PYTHONPATH", &sources)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NO_PROXY", "*")
            .current_dir(installed());
        command
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis")
}

/// Where schemathesis is installed once and found again: inside the build folder.
fn installed() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the build folder").join("schemathesis")
}

/// Installs the pinned versions unless they are there. The note of what is there is written last, so an installation
/// that was cut off is made anew.
fn schemathesis() -> PathBuf {
    let (folder, pins) = (installed(), sources().join("requirements.txt"));
    let program = folder.join("bin/schemathesis");
    let note = folder.join("installed");
    let wanted = std::fs::read(&pins).expect("the pins");
    if std::fs::read(&note).is_ok_and(|found| found == wanted) {
        return program;
    }
    drop(std::fs::remove_dir_all(&folder));
    finish(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let pip = folder.join("bin/pip");
    finish(
        Command::new(pip)
            .args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"])
            .arg(&pins),
    );
    std::fs::write(note, wanted).expect("the note is written");
    program
}

fn finish(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(output.status.success(), "{command:?} failed\n{}", said(&output));
}

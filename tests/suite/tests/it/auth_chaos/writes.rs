//! Auth killed in the middle of what people write all at once: studios founded, roles made and changed, webhooks set up, members
//! invited and let in. What was answered is there, once; what was not is there whole or not at all.

mod desk;
mod founding;

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::{join, join_all};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use suite::{Answer, Call, Process, Stack, invariants, until, until_within};

use self::desk::Desk;
use self::founding::Foundings;
use crate::studios::Founder;

/// One burst and one kill each.
const ROUNDS: usize = 2;
/// So many answers come before the kill: about a third of a burst.
const ANSWERED_BEFORE: usize = 30;
/// A sealer that was killed is followed when its lease has lapsed.
const SEALED_WITHIN: Duration = Duration::from_secs(45);

/// Everybody who writes at the moment.
struct Burst<'a> {
    stack: &'a Stack,
    round: usize,
    auth: Vec<Process>,
    answered: Cell<usize>,
    unanswered: Cell<usize>,
}

impl<'a> Burst<'a> {
    async fn begin(stack: &'a Stack, round: usize) -> Self {
        let auth = stack.processes_of("auth").await;
        Self { stack, round, auth, answered: Cell::new(0), unanswered: Cell::new(0) }
    }

    /// Sends a request once. None where nobody answers: then this waits until `probe` is answered again. The answer that is the
    /// last before the kill brings the kill, while the others are under way.
    async fn attempt(&self, call: Call, probe: impl Fn() -> Call) -> Option<Answer> {
        let answer = call.try_send().await.ok().filter(|answer| answer.status < 500);
        if answer.is_some() {
            self.answered.set(self.answered.get() + 1);
            if self.answered.get() == ANSWERED_BEFORE {
                self.kill();
            }
            return answer;
        }
        self.unanswered.set(self.unanswered.get() + 1);
        until("auth answers again", async || {
            let answer = probe().try_send().await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
        None
    }

    fn kill(&self) {
        for pid in self.auth.iter().filter_map(|process| process.pid) {
            kill_process(Pid::from_raw(pid).expect("a pid is positive"), Signal::KILL).expect("killed");
        }
    }

    /// Fails the test when the kill met nobody.
    async fn end(self) {
        self.stack.wait_for_successors(&self.auth).await;
        let [answered, unanswered] = [&self.answered, &self.unanswered].map(Cell::get);
        assert!(answered > ANSWERED_BEFORE && unanswered > 0, "{answered} answered, {unanswered} not");
        eprintln!("round {}: {answered} writes were answered, {unanswered} were not", self.round);
    }
}

#[tokio::test]
async fn what_staff_write_while_auth_is_killed_is_there_once_where_it_was_answered_and_else_whole_or_not_at_all()
 {
    let stack = Stack::attach().await;
    let founder = Founder::hire(&stack).await;
    let mut desks = Vec::new();
    for name in ["east", "west"] {
        let slug = format!("{name}-{}", &stack.fresh("s")[2..18]);
        desks.push(Desk::open(&stack, founder.found(&stack, &slug).await).await);
    }
    let mut foundings = Foundings::prepare(&stack).await;
    for round in 0..ROUNDS {
        let burst = Burst::begin(&stack, round).await;
        join(foundings.go_on(&burst), join_all(desks.iter_mut().map(|desk| desk.go_on(&burst)))).await;
        burst.end().await;
        // Before anybody repeats anything.
        foundings.assert_whole_or_not_at_all(&stack).await;
        for desk in &desks {
            desk.assert_whole_or_not_at_all(&stack).await;
        }
    }
    foundings.repeat(&stack).await;
    for desk in &mut desks {
        desk.finish(&stack).await;
    }
    let slugs = foundings.slugs().chain(desks.iter().map(Desk::slug));
    assert_trails_are_intact(&stack, slugs.collect()).await;
    invariants::check(&stack).await;
}

/// Every event of every studio is sealed in its chain, and each chain is what was written.
async fn assert_trails_are_intact(stack: &Stack, slugs: Vec<&str>) {
    let mut superuser = stack.superuser().await;
    let unsealed =
        "SELECT (SELECT count(*) FROM auth.audit_events) - (SELECT count(*) FROM auth.audit_seals) AS n";
    until_within(SEALED_WITHIN, "every event is sealed", async || {
        (superuser.number(unsealed).await == 0).then_some(())
    })
    .await;
    let output = stack.operate_to_the_end(&["audit", "verify"]).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for slug in slugs {
        let line = lines.iter().find(|line| line["tenant"] == slug);
        let line = line.unwrap_or_else(|| panic!("nothing is said of {slug}: {said}"));
        assert!(line["intact"] == true && line["checked"].as_i64() > Some(0), "{line:#}");
    }
}

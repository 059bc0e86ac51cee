//! Sealing the audit trail and verifying the seals, one tenant at a time.

use std::sync::atomic::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use serde::{Deserialize, Serialize};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::TenantId;
use shinkofa_web::Fault;
use utoipa::ToSchema;

use crate::Auth;
use crate::db::audit_chain::{self, Checkpoint};
use crate::domain::audit_chain::{ChainFault, Entry, FaultKind, Finding, Head, Place, Seal, examine};
use crate::error::Error;

/// Events sealed in one transaction.
const BATCH: i64 = 500;
/// Links read in one transaction.
const PIECE: i64 = 2_000;
/// Links that one walk looks at: it has to end well before the gateway gives a request up. As many again are looked at where a
/// fault is found, to tell what moved from what was changed.
pub const LONGEST_WALK: i64 = 100_000;
/// A head is signed anew after this long, so that its key may be replaced: old keys are kept for thirty days.
const SIGNED_ANEW_AFTER: TimeDelta = TimeDelta::days(1);

/// What sealing a batch came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// Everything that can be sealed is; `grown` when something was, just now.
    All { head: Head, grown: bool },
    /// There may be more.
    Some,
    /// Another process seals this tenant at this moment.
    Elsewhere,
    /// The chain does not end where it was last signed: nothing is built on it.
    Broken,
}

/// Seals what has committed since the last time. The links and their signed head are written together or not at all, so a
/// process that dies leaves a chain that the next one goes on from.
pub async fn seal_batch(tx: &mut Connection, auth: &Auth, tenant: TenantId) -> Result<Sealed, Error> {
    let now = auth.platform.clock.now();
    if !audit_chain::try_lock(tx, tenant).await? {
        return Ok(Sealed::Elsewhere);
    }
    let last = audit_chain::last_seal(tx, tenant).await?;
    let signed = audit_chain::last_checkpoint(tx, tenant).await?;
    let mut head = last.as_ref().map_or_else(Head::default, Seal::head);
    if !is_signed(auth, tenant, last.as_ref(), signed.as_ref()) {
        return Ok(Sealed::Broken);
    }
    let entries = audit_chain::unsealed(tx, tenant, head.place, BATCH).await?;
    let mut seals = Vec::with_capacity(entries.len());
    for entry in &entries {
        let seal = Seal::next(tenant, &head, entry);
        head = seal.head();
        seals.push(seal);
    }
    let due = signed.is_some_and(|signed| now - signed.made_at >= SIGNED_ANEW_AFTER);
    if !seals.is_empty() {
        audit_chain::insert_seals(tx, tenant, &seals, now).await?;
    }
    if due || !seals.is_empty() {
        audit_chain::insert_checkpoint(tx, tenant, &sign(auth, tenant, &head, now)?).await?;
    }
    let full = i64::try_from(seals.len()).unwrap_or(i64::MAX) >= BATCH;
    Ok(if full { Sealed::Some } else { Sealed::All { head, grown: !seals.is_empty() } })
}

fn context(tenant: TenantId, seq: i64) -> String {
    format!("audit_checkpoint:{tenant}:{seq}")
}

/// Sealing authenticates: only a holder of the key makes a text that opens for this tenant and number, to this hash.
fn sign(auth: &Auth, tenant: TenantId, head: &Head, now: DateTime<Utc>) -> Result<Checkpoint, Fault> {
    let signature = auth.sealing.seal(&context(tenant, head.seq), &head.hash).map_err(Fault::unexpected)?;
    Ok(Checkpoint { seq: head.seq, made_at: now, hash: head.hash.to_vec(), signature })
}

fn is_authentic(auth: &Auth, tenant: TenantId, checkpoint: &Checkpoint) -> bool {
    let opened = auth.sealing.open(&context(tenant, checkpoint.seq), &checkpoint.signature);
    opened.is_ok_and(|hash| hash == checkpoint.hash)
}

/// Is the last link the one that was signed last?
fn is_signed(auth: &Auth, tenant: TenantId, last: Option<&Seal>, signed: Option<&Checkpoint>) -> bool {
    match (last, signed) {
        (None, None) => true,
        (Some(last), Some(signed)) => {
            last.seq == signed.seq && last.hash == signed.hash && is_authentic(auth, tenant, signed)
        }
        _ => false,
    }
}

/// A head that somebody saw and kept outside the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KnownHead {
    #[schema(example = 1042)]
    pub seq: i64,
    /// Hexadecimal.
    #[schema(example = "9f2c4e0a7d51b3868e11c0ffee5a1d02746b93d8e4f05a6c7b8d9e0f1a2b3c4d")]
    pub hash: String,
}

impl KnownHead {
    fn of(head: &Head) -> Self {
        Self { seq: head.seq, hash: hex::encode(head.hash) }
    }
}

/// What a walk is told of those before it.
#[derive(Debug, Default)]
pub struct Seen {
    /// The head at which an earlier walk stopped. This one begins behind it, and relies on what that one found.
    pub after: Option<KnownHead>,
    /// A head that the chain has to hold still, wherever it stands.
    pub known: Option<KnownHead>,
}

/// What a walk along a tenant's chain found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// No fault was found as far as this walk came. The whole trail is intact where `complete` is true as well, and every answer that
    /// this one goes on from was intact, back to the first link.
    pub intact: bool,
    /// The walk came to the signed end of the chain and found no fault. One that is intact and not complete has looked at as many
    /// links as a request may: the next goes on from its `head`.
    pub complete: bool,
    /// Links that this walk looked at and that are as they were.
    #[schema(example = 1042)]
    pub checked: i64,
    /// The last link that was looked at and good. Keep it, and hand it in next time: a chain that was cut off behind it, or
    /// written anew, cannot show it again. Null where there is none.
    pub head: Option<KnownHead>,
    /// Events that the job has not sealed yet, counted at the end of a complete walk; 0 before.
    #[schema(example = 3)]
    pub pending: i64,
    pub first_fault: Option<ChainFault>,
}

/// The chain of one tenant, read piece by piece.
///
/// Each piece is a transaction of its own, so that a long chain holds up nothing. That is sound: links and events are only ever
/// added, behind the signed head up to which a walk goes, and two statements of one transaction would not see the same moment
/// either.
pub struct Chain<'a> {
    pub auth: &'a Auth,
    pub scope: &'a Scope,
    pub tenant: TenantId,
}

/// Why a walk went no further.
enum Stop {
    /// The chain ends here, as it was signed.
    End,
    /// It had looked at as many links as one walk does.
    Length,
    Fault(ChainFault),
}

impl Chain<'_> {
    /// Walks as far as one request may.
    pub async fn verify(&self, seen: &Seen) -> Result<Verification, Error> {
        let (start, lost) = self.set_out(seen).await?;
        let (head, stop) = match lost {
            Some(fault) => (start, Stop::Fault(fault)),
            None => self.walk(start, seen.known.as_ref()).await?,
        };
        let complete = matches!(stop, Stop::End);
        let pending = if complete {
            self.ask(async |tx| audit_chain::pending(tx, self.tenant, head.place).await).await?
        } else {
            0
        };
        let first_fault = match stop {
            Stop::Fault(fault) => Some(fault),
            Stop::End | Stop::Length => None,
        };
        Ok(Verification {
            intact: first_fault.is_none(),
            complete,
            checked: head.seq - start.seq,
            head: (head.seq > 0).then(|| KnownHead::of(&head)),
            pending,
            first_fault,
        })
    }

    /// Walks all of it, one walk going on from another: for whoever waits as long as it takes. `known` is a head seen earlier.
    pub async fn verify_whole(&self, known: Option<KnownHead>) -> Result<Verification, Error> {
        let mut seen = Seen { after: None, known };
        let mut checked = 0;
        loop {
            let mut verification = self.verify(&seen).await?;
            verification.checked += checked;
            if verification.complete || !verification.intact {
                return Ok(verification);
            }
            checked = verification.checked;
            seen.after = verification.head;
        }
    }

    async fn ask<T>(&self, question: impl AsyncFn(&mut Connection) -> QueryResult<T>) -> Result<T, Error> {
        transaction(&self.auth.platform.database, self.scope, "verify_audit", async |tx| {
            Ok::<_, Error>(question(tx).await?)
        })
        .await
    }

    async fn links(&self, after_seq: i64, most: i64) -> Result<Vec<(Seal, Option<Entry>)>, Error> {
        self.ask(async |tx| audit_chain::links(tx, self.tenant, after_seq, most).await).await
    }

    /// The link behind which a walk begins, and what is wrong with it or with a head that stands before it: a walk that begins
    /// later does not come by that one any more.
    async fn set_out(&self, seen: &Seen) -> Result<(Head, Option<ChainFault>), Error> {
        let mut start = Head::default();
        let Some(after) = &seen.after else { return Ok((start, None)) };
        let before = seen.known.iter().filter(|known| known.seq <= after.seq);
        for head in before.chain([after]) {
            match self.find(head).await? {
                Ok(found) => start = found,
                Err(fault) => return Ok((Head::default(), Some(fault))),
            }
        }
        Ok((start, None))
    }

    /// The link that somebody saw, if it is still what they saw.
    async fn find(&self, seen: &KnownHead) -> Result<Result<Head, ChainFault>, Error> {
        let link = self.links(seen.seq - 1, 1).await?.pop();
        let Some((seal, _)) = link.filter(|(seal, _)| seal.seq == seen.seq) else {
            return Ok(Err(fault(seen.seq, None, FaultKind::Missing)));
        };
        // Whoever changes the rest of a link can leave its hash as it stands.
        let is_it = hex::encode(&seal.hash) == seen.hash && seal.hash == seal.computed(self.tenant);
        Ok(if is_it { Ok(seal.head()) } else { Err(fault(seen.seq, Some(&seal), FaultKind::Altered)) })
    }

    async fn walk(&self, start: Head, known: Option<&KnownHead>) -> Result<(Head, Stop), Error> {
        let signed = self.ask(async |tx| audit_chain::last_checkpoint(tx, self.tenant).await).await?;
        let end = signed.as_ref().map_or(0, |signed| signed.seq);
        let until = end.min(start.seq.saturating_add(self.auth.audit_walk.load(Ordering::Relaxed)));
        let mut head = start;
        while head.seq < until {
            let links = self.links(head.seq, PIECE.min(until - head.seq)).await?;
            // What the job adds while we walk was not there when we set out.
            let links: Vec<_> = links.into_iter().take_while(|(seal, _)| seal.seq <= end).collect();
            if links.is_empty() {
                break;
            }
            for (seal, entry) in &links {
                match examine(self.tenant, &head, (seal, entry.as_ref())) {
                    Ok(next) => head = next,
                    Err(finding) => {
                        let fault = self.explain(&head, (seal, finding)).await?;
                        return Ok((head, Stop::Fault(fault)));
                    }
                }
                if let Some(known) = known
                    && known.seq == head.seq
                    && known.hash != hex::encode(head.hash)
                {
                    return Ok((head, Stop::Fault(fault(seal.seq, Some(seal), FaultKind::Altered))));
                }
            }
        }
        // Where the links give out before the length does, there is an end, be it the right one or not.
        let is_at_end = until == end || head.seq < until;
        let mut found = None;
        if is_at_end {
            found = self.end_fault((&head, signed.as_ref(), known)).await?;
        }
        if found.is_none() {
            found = self.stray(&start, &head).await?;
        }
        let stop = match found {
            Some(fault) => Stop::Fault(fault),
            None if is_at_end => Stop::End,
            None => Stop::Length,
        };
        Ok((head, stop))
    }

    /// Tells what moved from what was changed and what is gone.
    async fn explain(&self, head: &Head, (seal, finding): (&Seal, Finding)) -> Result<ChainFault, Error> {
        let seq = head.seq + 1;
        match finding {
            Finding::NoLink | Finding::BrokenLink => {
                // The link that ought to be here may stand elsewhere.
                let elsewhere =
                    self.ask(async |tx| audit_chain::seal_after(tx, self.tenant, &head.hash).await).await?;
                let elsewhere = elsewhere.filter(|found| found.seq != seq);
                Ok(match (elsewhere, finding) {
                    (Some(found), _) => fault(seq, Some(&found), FaultKind::Reordered),
                    (None, Finding::NoLink) => fault(seq, None, FaultKind::Missing),
                    (None, _) if self.was_swapped(seal).await? => {
                        fault(seq, Some(seal), FaultKind::Reordered)
                    }
                    (None, _) => fault(seq, Some(seal), FaultKind::Altered),
                })
            }
            Finding::NoEvent => Ok(fault(seq, Some(seal), FaultKind::Missing)),
            Finding::OtherPlace => Ok(fault(seq, Some(seal), FaultKind::Reordered)),
            Finding::OtherContent => {
                let swapped = self.holds_anothers_words(seal).await?;
                let kind = if swapped { FaultKind::Reordered } else { FaultKind::Altered };
                Ok(fault(seq, Some(seal), kind))
            }
        }
    }

    /// Would the link be right if it named the event of another one?
    async fn was_swapped(&self, seal: &Seal) -> Result<bool, Error> {
        self.any_later(seal, |other, _| {
            let renamed = Seal {
                event_id: other.event_id,
                place: other.place,
                content: other.content.clone(),
                ..seal.clone()
            };
            let only_named = Seal { event_id: other.event_id, ..seal.clone() };
            renamed.computed(self.tenant) == seal.hash.as_slice()
                || only_named.computed(self.tenant) == seal.hash.as_slice()
        })
        .await
    }

    /// Does the event of this link say what another link's event said, and that one's what this one's did?
    async fn holds_anothers_words(&self, seal: &Seal) -> Result<bool, Error> {
        let Some((_, Some(here))) = self.links(seal.seq - 1, 1).await?.pop() else { return Ok(false) };
        self.any_later(seal, |other, entry| {
            other.content == here.content() && entry.is_some_and(|entry| seal.content == entry.content())
        })
        .await
    }

    /// Is it so for any link behind this one, as far as a walk looks? The first that is wrong changed places with none before it:
    /// those are right.
    async fn any_later(
        &self,
        seal: &Seal,
        is_so: impl Fn(&Seal, Option<&Entry>) -> bool,
    ) -> Result<bool, Error> {
        let until = seal.seq.saturating_add(LONGEST_WALK);
        let mut after = seal.seq;
        while after < until {
            let others = self.links(after, PIECE).await?;
            let Some((last, _)) = others.last() else { break };
            after = last.seq;
            if others.iter().any(|(other, entry)| is_so(other, entry.as_ref())) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Is the end of the chain the one that was signed and seen?
    async fn end_fault(
        &self,
        (head, signed, known): (&Head, Option<&Checkpoint>, Option<&KnownHead>),
    ) -> Result<Option<ChainFault>, Error> {
        if let Some(signed) = signed {
            if !is_authentic(self.auth, self.tenant, signed) {
                return Ok(Some(fault(signed.seq, None, FaultKind::Unsigned)));
            }
            if signed.seq > head.seq {
                return Ok(Some(fault(head.seq + 1, None, FaultKind::Missing)));
            }
            // A walk that began behind the signed link has nothing to compare with it; that no signature covers its beginning is
            // told below.
            if signed.seq == head.seq && signed.hash != head.hash {
                return Ok(Some(fault(signed.seq, None, FaultKind::Altered)));
            }
        }
        let ends = self.ask(async |tx| audit_chain::ends(tx, self.tenant).await).await?;
        if ends.sealed > ends.signed {
            return Ok(Some(fault(ends.signed.unwrap_or(0) + 1, None, FaultKind::Unsigned)));
        }
        if known.is_some_and(|known| known.seq > head.seq && ends.sealed < Some(known.seq)) {
            return Ok(Some(fault(head.seq + 1, None, FaultKind::Missing)));
        }
        Ok(None)
    }

    /// Does an event stand between the ends of a walk that no link seals?
    async fn stray(&self, start: &Head, head: &Head) -> Result<Option<ChainFault>, Error> {
        let after = if start.seq == 0 { Place::BEFORE_ALL } else { start.place };
        let stray =
            self.ask(async |tx| audit_chain::stray(tx, self.tenant, (after, head.place)).await).await?;
        Ok(stray.map(|event| ChainFault { seq: None, event_id: Some(event), kind: FaultKind::Added }))
    }
}

fn fault(seq: i64, seal: Option<&Seal>, kind: FaultKind) -> ChainFault {
    ChainFault { seq: Some(seq), event_id: seal.map(|seal| seal.event_id), kind }
}

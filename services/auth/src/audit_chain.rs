//! Sealing the audit trail and verifying the seals, one tenant at a time.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use serde::{Deserialize, Serialize};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::TenantId;
use shinkofa_web::Fault;
use utoipa::ToSchema;

use crate::Auth;
use crate::db::audit_chain::{self, Checkpoint};
use crate::domain::audit_chain::{ChainFault, Entry, FaultKind, Finding, Head, Seal, examine};
use crate::error::Error;

/// Events sealed in one transaction.
const BATCH: i64 = 500;
/// Links read in one transaction.
const PIECE: i64 = 2_000;
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

/// What a walk along a tenant's chain found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    pub intact: bool,
    /// Links that are as they were, from the first on.
    #[schema(example = 1042)]
    pub checked: i64,
    /// The last link that was looked at and good. Keep it, and hand it in next time: a chain that was cut off behind it, or
    /// written anew, cannot show it again.
    pub head: Option<KnownHead>,
    /// Events that the job has not sealed yet.
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

impl Chain<'_> {
    /// Walks all of it. `known` is a head seen earlier.
    pub async fn verify(&self, known: Option<&KnownHead>) -> Result<Verification, Error> {
        let (head, fault) = self.walk(known).await?;
        let pending = match fault {
            None => self.ask(async |tx| audit_chain::pending(tx, self.tenant, head.place).await).await?,
            Some(_) => 0,
        };
        let shown = (head.seq > 0).then(|| KnownHead::of(&head));
        Ok(Verification {
            intact: fault.is_none(),
            checked: head.seq,
            head: shown,
            pending,
            first_fault: fault,
        })
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

    async fn walk(&self, known: Option<&KnownHead>) -> Result<(Head, Option<ChainFault>), Error> {
        let signed = self.ask(async |tx| audit_chain::last_checkpoint(tx, self.tenant).await).await?;
        let until = signed.as_ref().map_or(0, |signed| signed.seq);
        let mut head = Head::default();
        loop {
            let links = self.links(head.seq, PIECE).await?;
            // What the job adds while we walk was not there when we set out.
            let links: Vec<_> = links.into_iter().take_while(|(seal, _)| seal.seq <= until).collect();
            if links.is_empty() {
                break;
            }
            for (seal, entry) in &links {
                match examine(self.tenant, &head, (seal, entry.as_ref())) {
                    Ok(next) => head = next,
                    Err(finding) => {
                        let fault = self.explain(&head, (seal, finding)).await?;
                        return Ok((head, Some(fault)));
                    }
                }
                if let Some(known) = known
                    && known.seq == head.seq
                    && known.hash != hex::encode(head.hash)
                {
                    return Ok((head, Some(fault(seal.seq, Some(seal), FaultKind::Altered))));
                }
            }
        }
        let end = self.end_fault((&head, signed.as_ref(), known)).await?;
        Ok((head, end))
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
        self.any_other(seal, 0, |other, _| {
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
        let before = seal.seq - 1;
        let Some((_, Some(here))) = self.links(before, 1).await?.pop() else { return Ok(false) };
        self.any_other(seal, before, |other, entry| {
            other.content == here.content() && entry.is_some_and(|entry| seal.content == entry.content())
        })
        .await
    }

    /// Is it so for any link behind `after` but this one?
    async fn any_other(
        &self,
        seal: &Seal,
        mut after: i64,
        is_so: impl Fn(&Seal, Option<&Entry>) -> bool,
    ) -> Result<bool, Error> {
        loop {
            let others = self.links(after, PIECE).await?;
            let Some((last, _)) = others.last() else { return Ok(false) };
            after = last.seq;
            if others.iter().any(|(other, entry)| other.seq != seal.seq && is_so(other, entry.as_ref())) {
                return Ok(true);
            }
        }
    }

    /// Is the end of the chain the one that was signed and seen, and does nothing stand behind it that it does not seal?
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
            if signed.hash != head.hash {
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
        let stray = self.ask(async |tx| audit_chain::stray(tx, self.tenant, head.place).await).await?;
        Ok(stray.map(|event| ChainFault { seq: None, event_id: Some(event), kind: FaultKind::Added }))
    }
}

fn fault(seq: i64, seal: Option<&Seal>, kind: FaultKind) -> ChainFault {
    ChainFault { seq: Some(seq), event_id: seal.map(|seal| seal.event_id), kind }
}

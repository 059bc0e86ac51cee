//! The chain that seals the audit trail: what a link hashes, and what a walk along the links finds.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::{TenantId, text_enum};
use utoipa::ToSchema;

use crate::domain::device::{Digest, digest_of_bytes};

/// Where an event stands among a tenant's: by transaction, then by number. Transactions end in no such order, but once all
/// older ones have ended nothing can come before any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub transaction: i64,
    pub number: i64,
}

impl Place {
    /// Every event stands behind it, those too that somebody wrote in under numbers that are never given.
    pub const BEFORE_ALL: Self = Self { transaction: i64::MIN, number: i64::MIN };
}

/// An event as it is hashed: its words as PostgreSQL writes them, so that a changed byte is a changed hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: Uuid,
    pub place: Place,
    pub occurred_at: DateTime<Utc>,
    pub actor: String,
    pub action: String,
    pub subject_type: String,
    pub subject_id: Uuid,
    pub details: String,
}

impl Entry {
    /// What it says, whatever its id and wherever it stands.
    pub fn content(&self) -> Digest {
        digest_of_bytes(&[
            b"audit_content/1",
            &self.occurred_at.timestamp_micros().to_be_bytes(),
            self.actor.as_bytes(),
            self.action.as_bytes(),
            self.subject_type.as_bytes(),
            self.subject_id.as_bytes(),
            self.details.as_bytes(),
        ])
    }
}

/// One link, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    pub seq: i64,
    pub event_id: Uuid,
    pub place: Place,
    pub content: Vec<u8>,
    pub prev_hash: Vec<u8>,
    pub hash: Vec<u8>,
}

impl Seal {
    /// The link that follows `head` and seals `entry`.
    pub fn next(tenant: TenantId, head: &Head, entry: &Entry) -> Self {
        let mut seal = Self {
            seq: head.seq + 1,
            event_id: entry.id,
            place: entry.place,
            content: entry.content().to_vec(),
            prev_hash: head.hash.to_vec(),
            hash: Vec::new(),
        };
        seal.hash = seal.computed(tenant).to_vec();
        seal
    }

    /// What its hash has to be.
    pub fn computed(&self, tenant: TenantId) -> Digest {
        digest_of_bytes(&[
            b"audit_link/1",
            tenant.as_uuid().as_bytes(),
            &self.seq.to_be_bytes(),
            &self.prev_hash,
            self.event_id.as_bytes(),
            &self.place.transaction.to_be_bytes(),
            &self.place.number.to_be_bytes(),
            &self.content,
        ])
    }

    pub fn head(&self) -> Head {
        Head {
            seq: self.seq,
            // A hash of another length is no link's.
            hash: self.hash.as_slice().try_into().unwrap_or_default(),
            place: self.place,
        }
    }
}

/// The last link of a chain, or the nothing before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub seq: i64,
    pub hash: Digest,
    pub place: Place,
}

text_enum! {
    /// What is wrong with a chain.
    FaultKind {
        /// An event or its link does not say what it said.
        Altered => "altered",
        /// An event or its link is gone.
        Missing => "missing",
        /// Two events or their links have changed places.
        Reordered => "reordered",
        /// An event stands behind the head of the chain that was not there when it was sealed.
        Added => "added",
        /// No signature of this service covers the link.
        Unsigned => "unsigned",
    }
}

/// The first place at which a chain is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainFault {
    /// The number of the link; null for an event without one.
    #[schema(example = 1042)]
    pub seq: Option<i64>,
    /// Null where nothing is left that would name it.
    pub event_id: Option<Uuid>,
    pub kind: FaultKind,
}

/// What a link shows by itself. Whether something moved or was changed only a look at the others can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// No link has the next number.
    NoLink,
    /// The link does not follow from the one before.
    BrokenLink,
    /// The event is gone.
    NoEvent,
    /// The event stands elsewhere than it stood.
    OtherPlace,
    /// The event says something else.
    OtherContent,
}

/// Looks at the link that should follow `head`, and at its event.
pub fn examine(
    tenant: TenantId,
    head: &Head,
    (seal, entry): (&Seal, Option<&Entry>),
) -> Result<Head, Finding> {
    if seal.seq != head.seq + 1 {
        return Err(Finding::NoLink);
    }
    if seal.prev_hash != head.hash || seal.hash != seal.computed(tenant) {
        return Err(Finding::BrokenLink);
    }
    let entry = entry.ok_or(Finding::NoEvent)?;
    if entry.place != seal.place {
        return Err(Finding::OtherPlace);
    }
    if seal.content != entry.content() {
        return Err(Finding::OtherContent);
    }
    Ok(seal.head())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: TenantId = TenantId::DEFAULT;

    fn entry(number: i64) -> Entry {
        Entry {
            id: Uuid::from_u128(u128::from(number.unsigned_abs())),
            place: Place { transaction: 700, number },
            occurred_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            actor: r#"{"kind": "anonymous"}"#.to_owned(),
            action: "account.created".to_owned(),
            subject_type: "user".to_owned(),
            subject_id: Uuid::from_u128(9),
            details: format!(r#"{{"n": {number}}}"#),
        }
    }

    fn chain(length: i64) -> Vec<(Seal, Entry)> {
        let mut head = Head::default();
        (1..=length)
            .map(|number| {
                let entry = entry(number);
                let seal = Seal::next(TENANT, &head, &entry);
                head = seal.head();
                (seal, entry)
            })
            .collect()
    }

    fn walk(chain: &[(Seal, Entry)]) -> Result<Head, (i64, Finding)> {
        chain.iter().try_fold(Head::default(), |head, (seal, entry)| {
            examine(TENANT, &head, (seal, Some(entry))).map_err(|finding| (head.seq + 1, finding))
        })
    }

    #[test]
    fn a_chain_follows_from_its_events_and_belongs_to_one_tenant() {
        let chain = chain(5);
        assert_eq!(walk(&chain).unwrap().seq, 5);
        let (seal, entry) = &chain[0];
        let stranger = TenantId::from_uuid(Uuid::from_u128(77));
        let seen = examine(stranger, &Head::default(), (seal, Some(entry)));
        assert_eq!(seen, Err(Finding::BrokenLink));
    }

    #[test]
    fn no_change_of_an_event_goes_unnoticed() {
        let changes: [fn(&mut Entry); 6] = [
            |entry| entry.occurred_at += chrono::TimeDelta::microseconds(1),
            |entry| entry.actor.push(' '),
            |entry| entry.action.push('s'),
            |entry| entry.subject_type = "session".to_owned(),
            |entry| entry.subject_id = Uuid::from_u128(10),
            |entry| entry.details = entry.details.replace('3', "4"),
        ];
        for (n, change) in changes.into_iter().enumerate() {
            let mut chain = chain(5);
            change(&mut chain[2].1);
            assert_eq!(walk(&chain), Err((3, Finding::OtherContent)), "change {n}");
        }
    }

    #[test]
    fn a_lost_a_swapped_and_a_moved_row_are_found_where_they_are() {
        let mut lost = chain(5);
        lost.remove(2);
        assert_eq!(walk(&lost), Err((3, Finding::NoLink)));
        let mut swapped = chain(5);
        let (third, fourth) = (swapped[2].0.seq, swapped[3].0.seq);
        swapped[2].0.seq = fourth;
        swapped[3].0.seq = third;
        swapped.swap(2, 3);
        assert_eq!(walk(&swapped), Err((3, Finding::BrokenLink)));
        let mut moved = chain(5);
        moved[4].1.place.number = 1;
        assert_eq!(walk(&moved), Err((5, Finding::OtherPlace)));
        let (seal, _) = &chain(1)[0];
        assert_eq!(examine(TENANT, &Head::default(), (seal, None)), Err(Finding::NoEvent));
    }

    #[test]
    fn a_chain_written_anew_has_another_head() {
        let mut head = Head::default();
        let mut forged = Vec::new();
        for number in 1..=5 {
            let mut entry = entry(number);
            if number == 2 {
                entry.details = "{}".to_owned();
            }
            let seal = Seal::next(TENANT, &head, &entry);
            head = seal.head();
            forged.push((seal, entry));
        }
        assert!(walk(&forged).is_ok(), "which is why heads are signed");
        assert_ne!(walk(&forged), walk(&chain(5)));
    }
}

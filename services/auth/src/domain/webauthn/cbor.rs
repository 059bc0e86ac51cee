//! CBOR (RFC 8949), as authenticators write it.

use ciborium::Value;

/// Authenticators nest their messages four deep at most (CTAP 2.1 section 8), and attestation statements hardly deeper.
const DEEPEST: usize = 16;

/// The item that `bytes` begin with. What follows it is left there.
pub fn take(bytes: &mut &[u8]) -> Option<Value> {
    ciborium::de::from_reader_with_recursion_limit(bytes, DEEPEST).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(item: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        ciborium::into_writer(item, &mut bytes).unwrap();
        bytes
    }

    /// Any item, as deep as authenticators nest theirs.
    fn item() -> impl Strategy<Value = Value> {
        let single = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
            ".{0,8}".prop_map(Value::Text),
            Just(Value::Null),
        ];
        single.prop_recursive(4, 32, 4, |inner| {
            let member = (inner.clone(), inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::Array),
                prop::collection::vec(member, 0..4).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_item_is_read_as_it_was_written_and_what_follows_is_left(
            item in item(),
            more in prop::collection::vec(any::<u8>(), 0..16),
        ) {
            let whole = [written(&item), more.clone()].concat();
            let mut rest = whole.as_slice();
            prop_assert_eq!(take(&mut rest), Some(item));
            prop_assert_eq!(rest, more.as_slice());
        }

        #[test]
        fn an_item_that_is_cut_short_is_none(item in item(), cut in any::<prop::sample::Index>()) {
            let whole = written(&item);
            prop_assert_eq!(take(&mut &whole[..cut.index(whole.len())]), None);
        }

        #[test]
        fn whatever_the_bytes_are_is_no_fault(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut rest = bytes.as_slice();
            let _ = take(&mut rest);
            prop_assert!(bytes.ends_with(rest));
        }
    }

    /// What opens a level, the innermost one, and what closes one: arrays, maps by their values and by their names, tags, and
    /// arrays that do not say how long they are.
    const NESTINGS: [[&[u8]; 3]; 5] = [
        [b"\x81", b"\x80", b""],
        [b"\xa1\x00", b"\xa0", b""],
        [b"\xa1", b"\xa0", b"\x00"],
        [b"\xc1", b"\xc1\x00", b""],
        [b"\x9f", b"\x80", b"\xff"],
    ];

    #[test]
    fn sixteen_levels_are_read_and_not_one_more() {
        for [open, innermost, close] in NESTINGS {
            let is_read = |levels: usize| {
                let bytes = [open.repeat(levels - 1), innermost.to_vec(), close.repeat(levels - 1)].concat();
                take(&mut bytes.as_slice()).is_some()
            };
            assert!((1..=DEEPEST).all(is_read), "{open:x?}");
            assert!(![DEEPEST + 1, 257, 60_000].into_iter().any(is_read), "{open:x?}");
        }
    }
}

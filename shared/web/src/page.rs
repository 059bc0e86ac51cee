//! Lists: `?limit&cursor` in, `items` and `nextCursor` out, in a stable order.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// How many items a page may hold: 50 unless asked, 200 at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit(u16);

impl PageLimit {
    const MOST: u16 = 200;

    pub fn get(self) -> usize {
        usize::from(self.0)
    }

    /// What to ask the database for: one more than fits, to learn whether there is a next page.
    pub fn probe(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(50)
    }
}

impl<'de> Deserialize<'de> for PageLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit = u16::deserialize(deserializer)?;
        if (1..=Self::MOST).contains(&limit) {
            Ok(Self(limit))
        } else {
            Err(serde::de::Error::custom(format!("must be between 1 and {}", Self::MOST)))
        }
    }
}

/// Where a page ended: the sort key of its last item, opaque to clients. It has one spelling: that which a page gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor<K>(pub K);

impl<'de, K: DeserializeOwned + Serialize> Deserialize<'de> for Cursor<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        URL_SAFE_NO_PAD
            .decode(&text)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .map(Self)
            .filter(|cursor| cursor.encode().as_ref() == Some(&text))
            .ok_or_else(|| serde::de::Error::custom("is not a cursor that this list gave"))
    }
}

impl<K: Serialize> Cursor<K> {
    fn encode(&self) -> Option<String> {
        serde_json::to_vec(&self.0).ok().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Pass it as `cursor` for the next page; null at the end.
    #[schema(required = true, example = "WyIwMTkyMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwYWEiXQ")]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of the rows that a query for [`PageLimit::probe`] rows returned.
    pub fn new<R, K: Serialize>(
        mut rows: Vec<R>,
        limit: PageLimit,
        key: impl Fn(&R) -> K,
        item: impl FnMut(R) -> T,
    ) -> Self {
        let more = rows.len() > limit.get();
        rows.truncate(limit.get());
        let next_cursor = rows.last().filter(|_| more).and_then(|row| Cursor(key(row)).encode());
        Self { items: rows.into_iter().map(item).collect(), next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_page_carries_the_cursor_of_its_last_item_and_the_last_page_none() {
        let limit = PageLimit(2);
        let page = Page::new(vec![1, 2, 3], limit, |n| *n, |n| n);
        assert_eq!(page.items, [1, 2]);
        let cursor: Cursor<i32> = serde_json::from_value(page.next_cursor.unwrap().into()).unwrap();
        assert_eq!(cursor, Cursor(2));
        assert_eq!(Page::new(vec![1, 2], limit, |n| *n, |n| n).next_cursor, None);
    }

    fn read<K: DeserializeOwned + Serialize>(text: &str) -> Option<Cursor<K>> {
        serde_json::from_value(text.into()).ok()
    }

    #[test]
    fn another_spelling_of_a_cursor_is_none() {
        let given = Cursor((1, 2)).encode().unwrap();
        assert_eq!(read::<(i64, i64)>(&given), Some(Cursor((1, 2))));
        for json in ["[1, 2]", " [1,2]", "[1,2]\n", "[1,2,3]", "[1]", "[1.0,2]", "{}", ""] {
            let text = URL_SAFE_NO_PAD.encode(json);
            assert_eq!(read::<(i64, i64)>(&text), None, "{json}");
        }
        assert_eq!(read::<(i64, i64)>(&(given + "=")), None);
        let deep = URL_SAFE_NO_PAD.encode("[".repeat(100_000));
        assert_eq!(read::<(i64, i64)>(&deep), None);
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_given_and_says_nothing_else_when_it_is_changed(
            key in (any::<i64>(), ".{0,20}"),
            place in any::<prop::sample::Index>(),
            other in "[A-Za-z0-9_=-]|.",
        ) {
            let page = Page::new(vec![key.clone(), key.clone()], PageLimit(1), |key| key.clone(), |key| key);
            let text = page.next_cursor.unwrap();
            prop_assert_eq!(read::<(i64, String)>(&text), Some(Cursor(key)));
            let place = place.index(text.len());
            let mut changed = text;
            changed.replace_range(place..=place, &other);
            if let Some(cursor) = read::<(i64, String)>(&changed) {
                prop_assert_eq!(cursor.encode(), Some(changed));
            }
        }

        #[test]
        fn whatever_is_sent_as_a_cursor_is_no_fault(text in "[A-Za-z0-9_-]{0,24}|.{0,40}") {
            if let Some(cursor) = read::<i64>(&text) {
                prop_assert_eq!(cursor.encode(), Some(text));
            }
        }

        #[test]
        fn a_page_has_between_one_and_two_hundred_items(limit in any::<i64>(), near in -1..202_i64) {
            for limit in [limit, near] {
                let read = serde_json::from_value::<PageLimit>(limit.into()).ok();
                prop_assert_eq!(read.is_some(), (1..=200).contains(&limit));
            }
        }
    }
}

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

/// Where a page ended: the sort key of its last item, opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor<K>(pub K);

impl<'de, K: DeserializeOwned> Deserialize<'de> for Cursor<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        URL_SAFE_NO_PAD
            .decode(&text)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .map(Self)
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
}

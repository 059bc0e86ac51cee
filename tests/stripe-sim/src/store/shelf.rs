//! Objects of one kind in the order of their making.

use std::collections::HashMap;

/// Keeps each object at the place where it first came; putting it again replaces it there.
#[derive(Debug)]
pub struct Shelf<T> {
    rows: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: HashMap::new() }
    }
}

impl<T> Shelf<T> {
    pub fn get(&self, id: &str) -> Option<&T> {
        self.places.get(id).and_then(|place| self.rows.get(*place))
    }

    /// Says at which place the object stands.
    pub fn put(&mut self, id: &str, row: T) -> usize {
        if let Some(place) = self.places.get(id)
            && let Some(slot) = self.rows.get_mut(*place)
        {
            *slot = row;
            return *place;
        }
        let place = self.rows.len();
        self.places.insert(id.to_owned(), place);
        self.rows.push(row);
        place
    }

    pub fn oldest_first(&self) -> impl Iterator<Item = &T> {
        self.rows.iter()
    }

    pub fn newest_first(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().rev()
    }
}

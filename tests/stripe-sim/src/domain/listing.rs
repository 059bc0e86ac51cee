//! How Stripe's lists are asked for: cursors by id, newest first, and the `created` filter.

use super::form::Params;
use super::rejection::Rejection;

/// Which part of a list a caller wants.
#[derive(Clone, Debug)]
pub struct PageRequest {
    pub limit: usize,
    pub starting_after: Option<String>,
    pub ending_before: Option<String>,
}

impl PageRequest {
    pub fn parse(params: &mut Params) -> Result<Self, Rejection> {
        let limit = params.integer("limit")?.unwrap_or(10);
        let limit =
            usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit)).ok_or_else(|| {
                Rejection::invalid("Invalid limit: must be between 1 and 100")
                    .about("limit")
                    .coded("parameter_invalid_integer")
            })?;
        let request = Self {
            limit,
            starting_after: params.text("starting_after")?,
            ending_before: params.text("ending_before")?,
        };
        if request.starting_after.is_some() && request.ending_before.is_some() {
            return Err(Rejection::invalid(
                "You can only specify one of these parameters: starting_after, ending_before.",
            )
            .about("starting_after"));
        }
        Ok(request)
    }

    /// Cuts the page out of `rows`, which are newest first, and says whether more follow in the
    /// direction of travel.
    pub fn cut<T: Clone>(&self, rows: &[T], id_of: impl Fn(&T) -> &str) -> Result<(Vec<T>, bool), Rejection> {
        let position = |id: &str, param: &str| {
            rows.iter()
                .position(|row| id_of(row) == id)
                .ok_or_else(|| Rejection::no_such_reference("object", id, param))
        };
        if let Some(id) = &self.ending_before {
            let end = position(id, "ending_before")?;
            let start = end.saturating_sub(self.limit);
            return Ok((rows[start..end].to_vec(), start > 0));
        }
        let start = match &self.starting_after {
            Some(id) => position(id, "starting_after")? + 1,
            None => 0,
        };
        let end = rows.len().min(start + self.limit);
        Ok((rows[start..end].to_vec(), end < rows.len()))
    }
}

/// The `created` filter: an instant, or bounds.
#[derive(Clone, Copy, Debug)]
pub struct CreatedFilter {
    /// Inclusive.
    from: i64,
    /// Inclusive.
    to: i64,
}

impl CreatedFilter {
    pub fn parse(params: &mut Params) -> Result<Self, Rejection> {
        let mut filter = Self { from: i64::MIN, to: i64::MAX };
        if params.has_text("created") {
            let instant = params.required_integer("created")?;
            return Ok(Self { from: instant, to: instant });
        }
        let Some(mut bounds) = params.section("created")? else {
            return Ok(filter);
        };
        if let Some(after) = bounds.integer("gt")? {
            filter.from = filter.from.max(after.saturating_add(1));
        }
        if let Some(from) = bounds.integer("gte")? {
            filter.from = filter.from.max(from);
        }
        if let Some(before) = bounds.integer("lt")? {
            filter.to = filter.to.min(before.saturating_sub(1));
        }
        if let Some(to) = bounds.integer("lte")? {
            filter.to = filter.to.min(to);
        }
        bounds.finish()?;
        Ok(filter)
    }

    pub fn admits(&self, created: i64) -> bool {
        (self.from..=self.to).contains(&created)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> PageRequest {
        PageRequest::parse(&mut Params::decode(query.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_page_is_cut_after_or_before_its_cursor() {
        let rows = ["e", "d", "c", "b", "a"];
        let cut = |query: &str| page(query).cut(&rows, |row| row).unwrap();
        assert_eq!(cut("limit=2"), (vec!["e", "d"], true));
        assert_eq!(cut("limit=2&starting_after=d"), (vec!["c", "b"], true));
        assert_eq!(cut("limit=2&starting_after=b"), (vec!["a"], false));
        assert_eq!(cut("limit=2&ending_before=b"), (vec!["d", "c"], true));
        assert_eq!(cut("limit=2&ending_before=d"), (vec!["e"], false));
        assert!(page("starting_after=z").cut(&rows, |row| row).is_err());
    }

    #[test]
    fn bounds_are_inclusive_or_exclusive_as_named() {
        let filter =
            |query: &str| CreatedFilter::parse(&mut Params::decode(query.as_bytes()).unwrap()).unwrap();
        assert!(filter("created[gte]=5&created[lt]=7").admits(5));
        assert!(!filter("created[gte]=5&created[lt]=7").admits(7));
        assert!(!filter("created[gt]=5").admits(5));
        assert!(filter("created[lte]=5").admits(5));
        assert!(!filter("created=5").admits(6));
    }
}

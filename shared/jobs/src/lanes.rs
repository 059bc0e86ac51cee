//! Which lane is looked into next, and for how many jobs.

use crate::Lane;

/// Jobs in hand at once.
const HANDS: usize = 8;

impl Lane {
    /// So many of its jobs are in hand at once, at most.
    pub(crate) const fn most(self) -> usize {
        match self {
            Self::Main => HANDS,
            Self::Outbound => HANDS / 2,
        }
    }
}

/// The lanes of a service, the one that was looked into last behind the others.
pub(crate) struct Lanes(Vec<State>);

struct State {
    lane: Lane,
    in_hand: usize,
    /// There may be more than is known of.
    look: bool,
}

/// What is looked for: so many jobs of one lane, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Search {
    pub(crate) lane: Lane,
    pub(crate) most: usize,
}

impl Lanes {
    pub(crate) fn new(lanes: impl IntoIterator<Item = Lane>) -> Self {
        Self(lanes.into_iter().map(|lane| State { lane, in_hand: 0, look: true }).collect())
    }

    /// What to look for next, if there are hands for it. The lanes take turns: none of them has every hand that comes free.
    pub(crate) fn search(&mut self) -> Option<Search> {
        let free = HANDS - self.0.iter().map(|state| state.in_hand).sum::<usize>();
        let room = |state: &State| free.min(state.lane.most() - state.in_hand);
        let next = self.0.iter().position(|state| state.look && room(state) > 0)?;
        let mut state = self.0.remove(next);
        state.look = false;
        let search = Search { lane: state.lane, most: room(&state) };
        self.0.push(state);
        Some(search)
    }

    /// So many were found, and are in hand.
    pub(crate) fn found(&mut self, search: Search, jobs: usize) {
        for state in self.0.iter_mut().filter(|state| state.lane == search.lane) {
            state.in_hand += jobs;
            // As many as were asked for: there are probably more.
            state.look |= jobs == search.most;
        }
    }

    /// One is no longer in hand.
    pub(crate) fn finished(&mut self, lane: Lane) {
        for state in self.0.iter_mut().filter(|state| state.lane == lane) {
            state.in_hand -= 1;
        }
    }

    /// There may be something new in any of them.
    pub(crate) fn look_again(&mut self) {
        for state in &mut self.0 {
            state.look = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(lane: Lane, most: usize) -> Option<Search> {
        Some(Search { lane, most })
    }

    /// Finds as many as are looked for, as long as there are hands.
    fn fill(lanes: &mut Lanes) {
        while let Some(search) = lanes.search() {
            lanes.found(search, search.most);
        }
    }

    #[test]
    fn a_lane_with_a_bound_leaves_half_of_the_hands_to_the_others() {
        let mut lanes = Lanes::new([Lane::Outbound, Lane::Main]);
        let first = lanes.search();
        assert_eq!(first, search(Lane::Outbound, 4));
        lanes.found(first.unwrap(), 4);
        let second = lanes.search();
        assert_eq!(second, search(Lane::Main, 4));
        lanes.found(second.unwrap(), 1);
        assert_eq!(lanes.search(), None, "three hands are free, and none of them for it");
        lanes.look_again();
        assert_eq!(lanes.search(), search(Lane::Main, 3));
    }

    #[test]
    fn hands_that_come_free_one_by_one_go_to_the_lanes_in_turns() {
        let mut lanes = Lanes::new([Lane::Main, Lane::Outbound]);
        fill(&mut lanes);
        let mut given = Vec::new();
        // Those of the bounded lane are done in no time: it has room whenever anybody is asked.
        lanes.finished(Lane::Main);
        for _ in 0..4 {
            let next = lanes.search().unwrap();
            assert_eq!(next.most, 1);
            lanes.found(next, 1);
            lanes.finished(next.lane);
            given.push(next.lane);
        }
        assert_eq!(given, [Lane::Outbound, Lane::Main, Lane::Outbound, Lane::Main]);
    }

    #[test]
    fn a_lane_in_which_less_was_found_than_looked_for_is_not_looked_into_until_there_may_be_more() {
        let mut lanes = Lanes::new([Lane::Main]);
        let first = lanes.search();
        assert_eq!(first, search(Lane::Main, 8));
        // Something new came while it was looked for.
        lanes.look_again();
        lanes.found(first.unwrap(), 0);
        let second = lanes.search();
        assert_eq!(second, search(Lane::Main, 8));
        lanes.found(second.unwrap(), 3);
        assert_eq!(lanes.search(), None);
        lanes.finished(Lane::Main);
        assert_eq!(lanes.search(), None);
    }
}

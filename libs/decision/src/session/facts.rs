//! What is known of a session: each signal with the times at which it happened, joined and never replaced.
//!
//! Joining is commutative, associative and idempotent, so that signals may come late, twice and in any
//! order. Time is that of the event at the provider; a sequence number orders what happened at one instant.

use super::sets::Signals;
use super::signal::Signal;

/// A moment at the provider: milliseconds since 1970 in UTC, then the provider's sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) at: i64,
    pub(super) seq: u32,
}

/// A moment in an attempt; a later attempt comes after an earlier one, whatever the clocks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub(super) run: u8,
    pub(super) mark: Mark,
}

/// All that is kept of one signal, however often it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) signal: Signal,
    /// The earliest time of all.
    pub(super) first: Mark,
    /// The earliest time in the latest attempt.
    pub(super) entered: Stamp,
    /// The latest time in the latest attempt.
    pub(super) last: Stamp,
}

impl Fact {
    pub(super) const fn new(signal: Signal, stamp: Stamp) -> Self {
        Self { signal, first: stamp.mark, entered: stamp, last: stamp }
    }

    fn join(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.entered = match self.entered.run.cmp(&other.entered.run) {
            std::cmp::Ordering::Less => other.entered,
            std::cmp::Ordering::Greater => self.entered,
            std::cmp::Ordering::Equal => self.entered.min(other.entered),
        };
        self.last = self.last.max(other.last);
    }
}

/// Facts by signal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Facts {
    known: Signals,
    /// One for each known signal, ascending by number.
    list: Vec<Fact>,
}

impl Facts {
    pub(super) fn join(&mut self, fact: Fact) {
        let place = self.place(fact.signal);
        match self.list.get_mut(place) {
            Some(kept) if kept.signal == fact.signal => kept.join(&fact),
            _ => {
                self.list.insert(place.min(self.list.len()), fact);
                self.known.0 |= fact.signal.bit();
            }
        }
    }

    pub(super) const fn known(&self) -> Signals {
        self.known
    }

    pub(super) const fn has(&self, signal: Signal) -> bool {
        self.known.contains(signal)
    }

    pub(super) fn get(&self, signal: Signal) -> Option<&Fact> {
        if !self.has(signal) {
            return None;
        }
        self.list.get(self.place(signal))
    }

    /// When it happened first, in milliseconds.
    pub(super) fn first(&self, signal: Signal) -> Option<i64> {
        self.get(signal).map(|fact| fact.first.at)
    }

    /// When it happened last, in milliseconds.
    pub(super) fn last(&self, signal: Signal) -> Option<i64> {
        self.get(signal).map(|fact| fact.last.mark.at)
    }

    /// Whether the first of two happened, and the second not since.
    pub(super) fn holds(&self, signal: Signal, undone_by: Signal) -> bool {
        match (self.get(signal), self.get(undone_by)) {
            (Some(fact), Some(undone)) => fact.last > undone.last,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// Those of a set that are known, by number.
    pub(super) fn among(&self, set: Signals) -> impl Iterator<Item = &Fact> {
        self.known.and(set).iter().filter_map(|signal| self.get(signal))
    }

    pub(super) fn list(&self) -> &[Fact] {
        &self.list
    }

    fn place(&self, signal: Signal) -> usize {
        (self.known.0 & (signal.bit() - 1)).count_ones() as usize
    }
}

impl FromIterator<Fact> for Facts {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        let mut all = Self::default();
        facts.into_iter().for_each(|fact| all.join(fact));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(signal: Signal, run: u8, at: i64) -> Fact {
        Fact::new(signal, Stamp { run, mark: Mark { at, seq: 0 } })
    }

    #[test]
    fn a_later_attempt_comes_after_an_earlier_one_whatever_the_clocks_say() {
        let facts: Facts =
            [fact(Signal::InLobby, 0, 50), fact(Signal::InLobby, 1, 40)].into_iter().collect();
        let lobby = facts.get(Signal::InLobby).unwrap();
        assert_eq!((lobby.first.at, lobby.entered.mark.at, lobby.last.mark.at), (40, 40, 40));
        assert_eq!(lobby.last.run, 1);
    }

    #[test]
    fn facts_stand_in_the_order_of_their_numbers() {
        let facts: Facts = [Signal::Imported, Signal::Armed, Signal::Removed, Signal::Armed]
            .into_iter()
            .map(|signal| fact(signal, 0, 1))
            .collect();
        let order: Vec<Signal> = facts.list().iter().map(|fact| fact.signal).collect();
        assert_eq!(order, [Signal::Armed, Signal::Removed, Signal::Imported]);
    }
}

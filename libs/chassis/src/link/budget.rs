//! How many calls to a peer may be repeated: one for every ten, so that an outage does not multiply what is asked of it.

/// What a call earns, in parts of a repetition.
const EARNED: u32 = 1;
/// What a repetition costs: with [`EARNED`], a ratio of 0.1.
const COST: u32 = 10;
/// What may be saved up: a hundred repetitions, about the calls in flight when a server restarts.
const MOST: u32 = 100 * COST;
/// What a new link has: enough for the first calls of a program that begins while its peer restarts.
const FIRST: u32 = 10 * COST;

/// The repetitions left for one peer.
#[derive(Debug)]
pub(crate) struct Budget(u32);

impl Default for Budget {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Budget {
    /// A call is made.
    pub(crate) fn earn(&mut self) {
        self.0 = (self.0 + EARNED).min(MOST);
    }

    /// Takes a repetition, if there is one.
    pub(crate) fn spend(&mut self) -> bool {
        let left = self.0.checked_sub(COST);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_adds_a_tenth_to_the_calls_and_what_was_saved() {
        let mut budget = Budget::default();
        let mut repeated = 0;
        for _ in 0..10_000 {
            budget.earn();
            repeated += u32::from(budget.spend()) + u32::from(budget.spend());
        }
        assert_eq!(repeated, 10_000 / 10 + 10);
    }

    #[test]
    fn no_more_than_a_hundred_are_saved() {
        let mut budget = Budget::default();
        for _ in 0..1_000_000 {
            budget.earn();
        }
        let mut repeated = 0;
        while budget.spend() {
            repeated += 1;
        }
        assert_eq!(repeated, 100);
    }
}

//! Numbers that look like chance and follow from a seed, the same on every machine.

/// `SplitMix64` (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from `least` to `most`.
    pub(super) fn between(&mut self, least: i64, most: i64) -> i64 {
        let many = most.abs_diff(least).saturating_add(1);
        least.saturating_add_unsigned(self.next() % many)
    }

    /// True in one of two cases.
    pub(super) fn coin(&mut self) -> bool {
        self.between(0, 1) == 1
    }

    /// One of these; there must be one.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T], or: T) -> T {
        let last = i64::try_from(from.len()).unwrap_or(1) - 1;
        let place = usize::try_from(self.between(0, last.max(0))).unwrap_or_default();
        from.get(place).copied().unwrap_or(or)
    }

    /// Puts them in another order.
    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        for place in (1..list.len()).rev() {
            let other = self.between(0, i64::try_from(place).unwrap_or_default());
            list.swap(place, usize::try_from(other).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_and_another_seed_others() {
        let some = |seed| {
            let mut random = Random::new(seed);
            [(); 8].map(|()| random.between(0, 1_000_000))
        };
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
    }

    #[test]
    fn what_is_shuffled_is_all_there() {
        let mut list: Vec<u32> = (0..50).collect();
        Random::new(7).shuffle(&mut list);
        assert_ne!(list, (0..50).collect::<Vec<_>>());
        list.sort_unstable();
        assert_eq!(list, (0..50).collect::<Vec<_>>());
    }
}

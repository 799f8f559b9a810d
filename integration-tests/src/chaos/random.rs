//! Numbers that look random and are the same for the same seed, on every machine and in every version.

/// A source of them: SplitMix64.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A source that begins with a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another source, which depends on this one's seed and on a number alone.
    #[must_use]
    pub fn branch(&self, number: u64) -> Self {
        let mut other = Self(self.0 ^ number.wrapping_mul(0xA076_1D64_78BD_642F));
        other.draw();
        other
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below another; 0 below 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.draw() % end).unwrap_or_default()
    }

    /// A number of a range, both ends included.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.draw() % (to.saturating_sub(from) + 1)
    }

    /// True this often in a hundred times.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.draw() % 100 < percent
    }

    /// One of several; none of none.
    pub fn pick<'a, T>(&mut self, several: &'a [T]) -> Option<&'a T> {
        several.get(self.below(several.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let numbers = |seed| {
            let mut random = Random::new(seed);
            [random.draw(), random.draw(), random.branch(3).draw()]
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
        // The reference of SplitMix64, so that a seed noted once keeps its meaning.
        assert_eq!(Random::new(0).draw(), 0xE220_A839_7B1D_CDAF);
    }
}

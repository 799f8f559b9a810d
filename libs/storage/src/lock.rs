//! Names for what is to be changed by one at a time.

use sha2::{Digest as _, Sha256};

/// What [`crate::Tx::lock`] locks: a number from 0 to 2⁶³−1 made from names, the same in every version and on every
/// machine, since programs of different versions exclude each other by it.
///
/// It is the first eight bytes of a SHA-256, big-endian, without the highest bit. What is hashed is the space and then each
/// part, every one of them preceded by its length in bytes as eight bytes, big-endian. Two names that share a number only
/// wait for each other needlessly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LockKey(i64);

impl LockKey {
    /// The key of something within a space, which names the service and the kind: `orchestrator.owner`.
    #[must_use]
    pub fn of(space: &str, parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for name in std::iter::once(&space).chain(parts) {
            hash.update((name.len() as u64).to_be_bytes());
            hash.update(name.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        Self(i64::from_be_bytes([a, b, c, d, e, f, g, h]) & i64::MAX)
    }

    /// The key of a resource of a company, one of `stripes` (at least one) that the company has in this space. For locks
    /// that are taken by the thousand in one transaction: the server has room for only so many
    /// (`max_locks_per_transaction` times its connections, 6,400 as delivered), and resources that share a stripe share
    /// the lock.
    #[must_use]
    pub fn striped(space: &str, company: &str, resource: &str, stripes: u32) -> Self {
        let stripe = Self::of(space, &[company, resource]).0 % i64::from(stripes.max(1));
        Self::of(space, &[company, &stripe.to_string()])
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_are_the_same_everywhere_and_always() {
        // Computed with another implementation of SHA-256.
        assert_eq!(LockKey::of("", &[]).number(), 3_410_756_493_081_906_042);
        assert_eq!(
            LockKey::of("orchestrator.owner", &["acme", "ada"]).number(),
            6_278_056_227_455_319_292
        );
        assert_eq!(
            LockKey::striped("orchestrator.owner", "acme", "ada", 64).number(),
            4_356_780_925_499_145_800
        );
    }

    #[test]
    fn names_do_not_run_into_each_other() {
        assert_ne!(LockKey::of("a", &["bc"]), LockKey::of("a", &["b", "c"]));
        assert_ne!(LockKey::of("a", &["b"]), LockKey::of("ab", &[]));
        assert_ne!(LockKey::of("a", &[""]), LockKey::of("a", &[]));
    }

    #[test]
    fn a_company_has_no_more_stripes_than_asked_for() {
        let stripes = |company, stripes| -> BTreeSet<LockKey> {
            (0..1000).map(|id| LockKey::striped("s", company, &id.to_string(), stripes)).collect()
        };
        assert_eq!(stripes("acme", 16).len(), 16);
        assert_eq!(stripes("acme", 0).len(), 1);
        assert!(stripes("acme", 16).is_disjoint(&stripes("other", 16)));
    }
}

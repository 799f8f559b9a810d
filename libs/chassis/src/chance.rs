//! Chance, for those who must not all do the same at the same time. Nothing that is decided depends on it.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// A number between 0 and 1.
pub(crate) fn chance() -> f64 {
    let bits = u32::try_from(bits() >> 32).unwrap_or(0);
    f64::from(bits) / f64::from(u32::MAX)
}

/// 64 bits. The seeds of the standard library's hash maps differ from map to map, which is chance enough here.
pub(crate) fn bits() -> u64 {
    RandomState::new().build_hasher().finish()
}

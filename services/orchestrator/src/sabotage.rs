//! Guarantees broken on purpose, so that tests can show that they would notice. In builds with the feature `sabotage` only;
//! elsewhere nothing here does anything.

/// Whether decisions are written whatever has happened since they were judged.
#[cfg(not(feature = "sabotage"))]
pub(crate) const fn drops_fencing() -> bool {
    false
}

/// Whether decisions are announced outside of the transaction that writes them.
#[cfg(not(feature = "sabotage"))]
pub(crate) const fn splits_outbox() -> bool {
    false
}

/// Whether a peer's permission is remembered and not asked for again.
#[cfg(not(feature = "sabotage"))]
pub(crate) const fn remembers_permission() -> bool {
    false
}

#[cfg(feature = "sabotage")]
mod chosen {
    use std::sync::LazyLock;

    static CHOSEN: LazyLock<String> =
        LazyLock::new(|| std::env::var("CALLSHEET_SABOTAGE").unwrap_or_default());

    pub(crate) fn drops_fencing() -> bool {
        *CHOSEN == "fencing"
    }

    pub(crate) fn splits_outbox() -> bool {
        *CHOSEN == "outbox"
    }

    pub(crate) fn remembers_permission() -> bool {
        *CHOSEN == "cached-allow"
    }
}

#[cfg(feature = "sabotage")]
pub(crate) use chosen::{drops_fencing, remembers_permission, splits_outbox};

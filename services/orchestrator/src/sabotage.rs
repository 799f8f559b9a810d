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

/// What consent says of a call; or, sabotaged, what it permitted once.
#[cfg(not(feature = "sabotage"))]
pub(crate) fn permission(
    _call_id: &str,
    verdict: Result<decision::Verdict, decision::Missing>,
) -> Result<decision::Verdict, decision::Missing> {
    verdict
}

#[cfg(feature = "sabotage")]
mod chosen {
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};

    use decision::{Missing, Verdict};

    static CHOSEN: LazyLock<String> =
        LazyLock::new(|| std::env::var("CALLSHEET_SABOTAGE").unwrap_or_default());
    static PERMITTED: LazyLock<Mutex<HashMap<String, Verdict>>> = LazyLock::new(Mutex::default);

    pub(crate) fn drops_fencing() -> bool {
        *CHOSEN == "fencing"
    }

    pub(crate) fn splits_outbox() -> bool {
        *CHOSEN == "outbox"
    }

    pub(crate) fn permission(
        call_id: &str,
        verdict: Result<Verdict, Missing>,
    ) -> Result<Verdict, Missing> {
        if *CHOSEN != "cached-allow" {
            return verdict;
        }
        let mut permitted = PERMITTED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = permitted.get(call_id) {
            return Ok(before.clone());
        }
        if let Ok(verdict) = &verdict
            && verdict.findings.is_empty()
            && verdict.missing.is_empty()
        {
            permitted.insert(call_id.to_owned(), verdict.clone());
        }
        verdict
    }
}

#[cfg(feature = "sabotage")]
pub(crate) use chosen::{drops_fencing, permission, splits_outbox};

//! A recording that its owner took back stays taken back until somebody asks anew (DOMAIN 3.3, 5.7).

use super::{Facts, Telephone};
use crate::{Answer, Evidence, Rule, SkipCode};

pub(super) const RULE: Rule<Telephone> =
    Rule { name: "call-canceled-by-owner", code: SkipCode::CanceledByOwner, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let call = facts.call;
    Ok(call.recording_canceled.then_some(Evidence::Instant(call.placed_at)).into())
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, is_lifted};
    use crate::SkipCode;

    #[test]
    fn a_recording_taken_back_is_not_made_although_somebody_had_asked() {
        let change = |call: &mut super::super::Call| call.recording_canceled = true;
        assert_eq!(found(|_, call| change(call)), [SkipCode::CanceledByOwner]);
        assert!(!is_lifted(SkipCode::CanceledByOwner, |_, call| change(call)));
    }
}

//! A recording that its owner took back stays taken back until somebody asks anew (DOMAIN 3.3, 5.7).

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "canceled-by-owner", code: SkipCode::CanceledByOwner, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let canceled = facts.meeting.recording_canceled;
    Ok(if canceled {
        Opinion::against(Evidence::Instant(facts.meeting.start))
    } else {
        Opinion::Silent
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, is_lifted};
    use crate::SkipCode;

    #[test]
    fn a_recording_taken_back_is_skipped_although_the_assistant_is_invited() {
        assert_eq!(found(|m| m.recording_canceled = true), [SkipCode::CanceledByOwner]);
        assert!(!is_lifted(SkipCode::CanceledByOwner, |_, m| m.recording_canceled = true));
    }
}

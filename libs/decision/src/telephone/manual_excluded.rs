//! A call that is recorded only when started by hand, and nobody did (DOMAIN 5.16). While nobody can tell, it is the session's
//! matter: see [`super`].

use super::{Facts, Telephone, restricted};
use crate::company::NumberMode;
use crate::{Answer, Rule, SkipCode};

pub(super) const RULE: Rule<Telephone> =
    Rule { name: "manual-recording-excluded", code: SkipCode::ManualRecordingExcluded, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(restricted::opinion(facts, NumberMode::Manual))
}

#[cfg(test)]
mod tests {
    use super::super::example::{codes, is_lifted, judge, rule};
    use crate::SkipCode;
    use crate::company::NumberMode;

    const MANUAL: SkipCode = SkipCode::ManualRecordingExcluded;

    #[test]
    fn a_start_by_hand_lifts_it_and_a_request_does_not() {
        let of = |by_hand| {
            judge(|company, call| {
                company.settings.dialer.numbers = vec![rule("+49", NumberMode::Manual)];
                call.started_by_hand = Some(by_hand);
            })
        };
        assert_eq!(codes(&of(false)), [MANUAL]);
        let lifted = of(true);
        assert_eq!((codes(&lifted), lifted.numbers), (vec![], NumberMode::Automatic));
        assert!(lifted.call.verdict.findings.iter().any(|one| one.code == MANUAL && one.lifted));
        assert!(!is_lifted(MANUAL, |company, call| {
            company.settings.dialer.numbers = vec![rule("+49", NumberMode::Manual)];
            call.started_by_hand = Some(false);
        }));
    }
}

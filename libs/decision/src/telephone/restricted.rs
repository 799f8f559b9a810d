//! A call that connected with a number whose recording is prohibited is not recorded, by hand or otherwise (DOMAIN 5.16).
//!
//! Until it is known that somebody answered, this is the session's matter: see [`super`].

use super::{Facts, Telephone};
use crate::company::NumberMode;
use crate::{Answer, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Telephone> =
    Rule { name: "recording-restricted", code: SkipCode::RecordingRestricted, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(opinion(facts, NumberMode::Prohibited))
}

/// Against, where that is what holds for the numbers of a call of which is known how it was started.
pub(super) fn opinion(facts: &Facts<'_>, mode: NumberMode) -> Opinion {
    if facts.numbers.mode == mode && facts.call.started_by_hand.is_some() {
        Opinion::Against {
            sub_reason: None,
            evidence: facts.numbers.said.iter().cloned().collect(),
        }
    } else {
        Opinion::Silent
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{codes, judge, rule};
    use crate::company::NumberMode;
    use crate::{Evidence, SkipCode};

    #[test]
    fn a_prohibited_number_is_not_recorded_although_somebody_pressed_the_button() {
        for by_hand in [false, true] {
            let judgement = judge(|company, call| {
                company.settings.dialer.numbers = vec![rule("+49", NumberMode::Prohibited)];
                call.started_by_hand = Some(by_hand);
            });
            assert_eq!(codes(&judgement), [SkipCode::RecordingRestricted]);
            assert_eq!(judgement.numbers, NumberMode::Prohibited);
            let evidence = &judgement.call.verdict.findings[0].evidence;
            assert_eq!(evidence, &[Evidence::Setting("settings.dialer.numbers[0]".into())]);
        }
    }
}

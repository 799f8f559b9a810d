//! A call that is left out of automatic recording, and nobody started it by hand (DOMAIN 5.16). While nobody can tell, it is
//! the session's matter: see [`super`].

use super::{Facts, Telephone, restricted};
use crate::company::NumberMode;
use crate::{Answer, Rule, SkipCode};

pub(super) const RULE: Rule<Telephone> =
    Rule { name: "auto-recording-excluded", code: SkipCode::AutoRecordingExcluded, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(restricted::opinion(facts, NumberMode::AutomaticExcluded))
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, rule};
    use crate::SkipCode;
    use crate::company::NumberMode;

    #[test]
    fn a_start_by_hand_lifts_it() {
        let of = |by_hand| {
            found(|company, call| {
                let mode = NumberMode::AutomaticExcluded;
                company.settings.dialer.numbers = vec![rule("+49", mode)];
                call.started_by_hand = by_hand;
            })
        };
        assert_eq!(of(Some(false)), [SkipCode::AutoRecordingExcluded]);
        assert_eq!((of(Some(true)), of(None)), (vec![], vec![]));
    }
}

//! A call that became known too late is not planned; one that became known late is, with a warning
//! (DOMAIN 5.1, 8.21).

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "obsolete-call", code: SkipCode::ObsoleteCall, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(if is_obsolete(facts) {
        Opinion::against(Evidence::Seconds(facts.notice().num_seconds()))
    } else {
        Opinion::Silent
    })
}

fn is_obsolete(facts: &Facts<'_>) -> bool {
    !facts.meeting.all_day && facts.notice() < facts.policy.settings.recording.obsolete_under.0
}

/// Whether there was less notice than is to be guaranteed, but enough, or too little of it was lifted.
pub(super) fn is_short(facts: &Facts<'_>, requested: bool) -> bool {
    let short = !facts.meeting.all_day
        && facts.notice() < facts.policy.settings.recording.notice_guaranteed.0;
    short && (requested || !is_obsolete(facts))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::example::{codes, judge, person};
    use crate::{SkipCode, Warning};

    fn with_notice(minutes: i64, seconds: i64, requested: bool) -> (bool, bool) {
        let judgement = judge(|_, m| {
            m.received_at = m.start - TimeDelta::seconds(minutes * 60 + seconds);
            if requested {
                m.attendees.push(person("recorder@acme.example"));
            }
        });
        (
            codes(&judgement) == [SkipCode::ObsoleteCall],
            judgement.verdict.warnings.contains(Warning::ShortNotice),
        )
    }

    #[test]
    fn notice_decides_to_the_second() {
        assert_eq!(with_notice(19, 59, false), (true, false));
        assert_eq!(with_notice(20, 0, false), (false, true));
        assert_eq!(with_notice(29, 59, false), (false, true));
        assert_eq!(with_notice(30, 0, false), (false, false));
    }

    #[test]
    fn a_request_lifts_it_and_keeps_the_warning() {
        assert_eq!(with_notice(5, 0, true), (false, true));
    }
}

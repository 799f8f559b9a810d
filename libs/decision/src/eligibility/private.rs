//! A private or confidential event is not recorded on its own (DOMAIN 5.12).

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, Sensitivity, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "private", code: SkipCode::PrivateOrConfidential, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(match facts.meeting.sensitivity {
        Sensitivity::Private => {
            Opinion::because("private", vec![Evidence::Instant(facts.meeting.start)])
        }
        Sensitivity::Personal if facts.policy.settings.recording.personal_is_private => {
            Opinion::because(
                "personal",
                vec![Evidence::Setting("settings.recording.personal_is_private".into())],
            )
        }
        Sensitivity::Personal | Sensitivity::Public => Opinion::Silent,
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::{codes, found, is_lifted, judge};
    use crate::{Sensitivity, SkipCode};

    #[test]
    fn a_private_event_is_skipped() {
        assert_eq!(
            found(|m| m.sensitivity = Sensitivity::Private),
            [SkipCode::PrivateOrConfidential]
        );
        assert!(
            is_lifted(SkipCode::PrivateOrConfidential, |_, m| m.sensitivity = Sensitivity::Private)
        );
    }

    #[test]
    fn personal_is_private_only_where_the_company_says_so() {
        let personal = |private: bool| {
            codes(&judge(|c, m| {
                c.settings.recording.personal_is_private = private;
                m.sensitivity = Sensitivity::Personal;
            }))
        };
        assert_eq!(personal(true), [SkipCode::PrivateOrConfidential]);
        assert_eq!(personal(false), []);
    }
}

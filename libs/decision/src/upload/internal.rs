//! A recording of colleagues only, where the company does not record them: the request lifts it (DOMAIN 4, 5.9).

use super::{Facts, Uploads};
use crate::company::InternalMeetings;
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Uploads> =
    Rule { name: "upload-internal", code: SkipCode::InternalMeeting, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let recorded = facts.policy.settings.recording.internal_meetings == InternalMeetings::Record;
    let heard = &facts.people.invited;
    Ok(if recorded || heard.is_empty() || heard.iter().any(|person| !person.internal) {
        Opinion::Silent
    } else {
        Opinion::against(Evidence::Setting("settings.recording.internal_meetings".into()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use crate::SkipCode;
    use crate::company::InternalMeetings;

    #[test]
    fn colleagues_only_is_internal_and_lifted() {
        assert_eq!(
            found(|_, upload| upload.participants.clear()),
            (vec![], vec![SkipCode::InternalMeeting])
        );
        assert_eq!(
            found(|company, upload| {
                upload.participants.clear();
                company.settings.recording.internal_meetings = InternalMeetings::Record;
            }),
            (vec![], vec![])
        );
    }
}

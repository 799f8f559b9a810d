//! The capture of the call's user is switched off (DOMAIN 5.6). No colleague takes over: it is the user's line.

use std::sync::Arc;

use super::{Facts, Telephone};
use crate::company::Capture;
use crate::policy::Member;
use crate::{Answer, Evidence, Rule, SkipCode};

pub(super) const RULE: Rule<Telephone> =
    Rule { name: "call-user-recording-off", code: SkipCode::UserRecordingOff, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(switched_off(facts).map(|member| Evidence::Member(Arc::clone(&member.id))).into())
}

/// The user, where the capture is off. Deactivating that user afterwards does not hand the call to a colleague.
pub(super) fn switched_off<'a>(facts: &Facts<'a>) -> Option<&'a Member> {
    facts.user().filter(|user| user.capture == Capture::Disabled)
}

#[cfg(test)]
mod tests {
    use super::super::Call;
    use super::super::example::{found, is_lifted};
    use crate::SkipCode;
    use crate::eligibility::example::person;

    const OFF: SkipCode = SkipCode::UserRecordingOff;

    #[test]
    fn a_user_whose_capture_is_off_is_not_recorded_although_a_colleague_could_be() {
        let eve = |call: &mut Call| call.user = Some("eve".into());
        assert_eq!(found(|_, call| eve(call)), [OFF]);
        assert!(is_lifted(OFF, |_, call| eve(call)));
        assert_eq!(
            found(|_, call| {
                eve(call);
                call.participants.push(person("bob@acme.example"));
            }),
            [OFF]
        );
    }

    #[test]
    fn it_stays_off_when_the_user_is_deactivated() {
        assert_eq!(
            found(|company, call| {
                company.members[4].active = false;
                call.user = Some("eve".into());
                call.participants.push(person("bob@acme.example"));
            }),
            [OFF]
        );
    }

    #[test]
    fn the_capture_of_others_does_not_matter() {
        assert_eq!(found(|_, call| call.participants.push(person("eve@acme.example"))), []);
    }
}

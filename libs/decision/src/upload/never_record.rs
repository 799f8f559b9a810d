//! A recording of somebody who is never to be recorded is not imported, whoever asks (DOMAIN 4, 5.11).

use super::{Facts, Uploads};
use crate::{Answer, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Uploads> =
    Rule { name: "upload-never-record", code: SkipCode::HasDoNotRecordUsers, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(Opinion::against_any(facts.people.never_recorded(facts.policy)))
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use crate::SkipCode;
    use crate::company::Capture;
    use crate::eligibility::example::person;

    #[test]
    fn the_request_does_not_lift_it_neither_for_others_nor_for_the_owner() {
        let never = vec![SkipCode::HasDoNotRecordUsers];
        let of_another = found(|_, upload| upload.participants.push(person("cy@acme.example")));
        assert_eq!(of_another, (never.clone(), vec![]));
        assert_eq!(
            found(|company, _| company.members[0].capture = Capture::Never),
            (never, vec![])
        );
    }
}

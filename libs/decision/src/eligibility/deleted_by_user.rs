//! A meeting deleted in Callsheet by its owner or a participant is not recorded.

use super::{Eligibility, Facts};
use crate::{Answer, Evidence, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Eligibility> =
    Rule { name: "deleted-by-user", code: SkipCode::DeletedByUser, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let deleted = facts.meeting.deleted_by_user;
    Ok(if deleted {
        Opinion::against(Evidence::Instant(facts.meeting.start))
    } else {
        Opinion::Silent
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use crate::SkipCode;

    #[test]
    fn a_deleted_meeting_is_skipped() {
        assert_eq!(found(|m| m.deleted_by_user = true), [SkipCode::DeletedByUser]);
    }
}

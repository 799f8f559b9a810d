//! The capture of the owner is switched off: the request lifts it (DOMAIN 4, 5.6).

use std::sync::Arc;

use super::{Facts, Uploads};
use crate::company::Capture;
use crate::{Answer, Evidence, Rule, SkipCode};

pub(super) const RULE: Rule<Uploads> =
    Rule { name: "upload-user-recording-off", code: SkipCode::UserRecordingOff, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let off = facts.owner.capture == Capture::Disabled;
    Ok(off.then(|| Evidence::Member(Arc::clone(&facts.owner.id))).into())
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use crate::SkipCode;
    use crate::company::Capture;

    #[test]
    fn an_owner_whose_capture_is_off_may_still_upload() {
        assert_eq!(
            found(|company, _| company.members[0].capture = Capture::Disabled),
            (vec![], vec![SkipCode::UserRecordingOff])
        );
    }
}

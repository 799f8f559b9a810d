//! A recording deleted in Callsheet is not imported.

use super::{Facts, Uploads};
use crate::{Answer, Evidence, Rule, SkipCode};

pub(super) const RULE: Rule<Uploads> =
    Rule { name: "upload-deleted-by-user", code: SkipCode::DeletedByUser, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let upload = facts.upload;
    Ok(upload.deleted_by_user.then_some(Evidence::Instant(upload.recorded_at)).into())
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use crate::SkipCode;

    #[test]
    fn a_recording_that_was_deleted_is_not_imported() {
        let (stand, lifted) = found(|_, upload| upload.deleted_by_user = true);
        assert_eq!((stand, lifted), (vec![SkipCode::DeletedByUser], vec![]));
    }
}

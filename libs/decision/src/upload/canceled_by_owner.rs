//! An upload that its owner took back is not imported (DOMAIN 3.3, 5.7).

use super::{Facts, Uploads};
use crate::{Answer, Evidence, Rule, SkipCode};

pub(super) const RULE: Rule<Uploads> =
    Rule { name: "upload-canceled-by-owner", code: SkipCode::CanceledByOwner, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let upload = facts.upload;
    Ok(upload.recording_canceled.then_some(Evidence::Instant(upload.recorded_at)).into())
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use crate::SkipCode;

    #[test]
    fn an_upload_taken_back_is_not_imported() {
        let (stand, lifted) = found(|_, upload| upload.recording_canceled = true);
        assert_eq!((stand, lifted), (vec![SkipCode::CanceledByOwner], vec![]));
    }
}

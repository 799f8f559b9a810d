//! A call deleted in Callsheet is not recorded.

use super::{Facts, Telephone};
use crate::{Answer, Evidence, Rule, SkipCode};

pub(super) const RULE: Rule<Telephone> =
    Rule { name: "call-deleted-by-user", code: SkipCode::DeletedByUser, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    let call = facts.call;
    Ok(call.deleted_by_user.then_some(Evidence::Instant(call.placed_at)).into())
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, is_lifted};
    use crate::SkipCode;

    #[test]
    fn a_deleted_call_is_not_recorded_whoever_asks() {
        assert_eq!(found(|_, call| call.deleted_by_user = true), [SkipCode::DeletedByUser]);
        assert!(!is_lifted(SkipCode::DeletedByUser, |_, call| call.deleted_by_user = true));
    }
}

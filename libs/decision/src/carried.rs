//! What the decision on a call becomes when its plan was carried out, or when that ended in a code.

use crate::plan::{Decision, Kind};
use crate::rule::{Evidence, Finding};
use crate::session::{Codes, Outcome};
use crate::skip_code::SkipCode;

/// The rule named by findings that a session raised.
const RULE: &str = "session";

impl Decision {
    /// Replaces a plan by what came of it. The furthest phase wins (DOMAIN 3.5): what the session ended in is shown, and all
    /// else that came up follows as `also`. `service` names who carried it out, as evidence.
    pub fn carried_out(&mut self, outcome: Outcome, also: Codes, service: &str) {
        let finding = |code: SkipCode| Finding {
            rule: RULE.into(),
            code,
            lifted: false,
            sub_reason: None,
            evidence: if self.hidden {
                Vec::new()
            } else {
                vec![Evidence::Service(service.to_owned().into())]
            },
        };
        let shown = outcome.code();
        self.also = also.iter().filter(|code| Some(*code) != shown).map(finding).collect();
        self.primary = shown.map(finding);
        self.related = shown.and_then(|code| code.meta().twin);
        self.missing.clear();
        self.kind = match outcome {
            Outcome::Recorded => Kind::Recorded,
            Outcome::Partial(_) => Kind::Partial,
            Outcome::Skipped(_) => Kind::Skip,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Warnings;

    fn planned(hidden: bool) -> Decision {
        Decision {
            kind: Kind::Recorded,
            primary: None,
            also: Vec::new(),
            lifted: Vec::new(),
            related: None,
            warnings: Warnings::default(),
            import_details: true,
            hidden,
            missing: Vec::new(),
            owner: None,
            requester: None,
            policy_version: 1,
            catalogue_version: 1,
        }
    }

    #[test]
    fn the_code_of_a_session_is_shown_and_what_else_came_up_follows() {
        let also: Codes = [SkipCode::KickedOut, SkipCode::MeetingLocked].into_iter().collect();
        let mut decision = planned(false);
        decision.carried_out(Outcome::Skipped(SkipCode::KickedOut), also, "zoom-local");
        assert_eq!(
            (decision.kind.clone(), decision.code()),
            (Kind::Skip, Some(SkipCode::KickedOut))
        );
        let rest: Vec<SkipCode> = decision.also.iter().map(|one| one.code).collect();
        assert_eq!(rest, [SkipCode::MeetingLocked]);
        assert!(decision.also.iter().all(|one| !one.evidence.is_empty()));
    }

    #[test]
    fn what_was_recorded_whole_shows_no_code_and_what_was_recorded_in_part_shows_why() {
        let mut decision = planned(true);
        decision.carried_out(Outcome::Partial(SkipCode::KickedOut), Codes::default(), "webex");
        assert_eq!(
            (decision.kind.clone(), decision.code()),
            (Kind::Partial, Some(SkipCode::KickedOut))
        );
        assert!(
            decision.primary.iter().all(|one| one.evidence.is_empty()),
            "nothing hidden is told"
        );
        decision.carried_out(Outcome::Recorded, Codes::default(), "webex");
        assert_eq!((decision.kind.clone(), decision.code()), (Kind::Recorded, None));
    }
}

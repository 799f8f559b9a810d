//! A bot in Teams: nothing to check beforehand but that there is audio to hear; the join tells the rest.

use super::{Assessment, Facts, Possibility, audio};

pub(super) fn assess(facts: &Facts<'_>) -> Assessment {
    Assessment {
        possibility: Possibility::Possible,
        findings: audio::absent(facts, "teams").into_iter().collect(),
        ..Assessment::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::Method;

    #[test]
    fn a_bot_can_join_unless_there_is_nothing_to_hear() {
        let facts = Facts { host: None, setup: None, computer_audio: None, method: Method::Bot };
        assert!(assess(&facts).findings.is_empty());
        assert_eq!(assess(&Facts { computer_audio: Some(false), ..facts }).findings.len(), 1);
    }
}

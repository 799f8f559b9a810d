//! A bot in Zoom: recording locally needs "record to computer files"; capturing needs nothing of the kind.

use super::{Assessment, Facts, Obstacle, Possibility, audio, finding, host};
use crate::company::Method;
use crate::rule::{Finding, Warning, Warnings};
use crate::skip_code::SkipCode;

pub(super) fn assess(facts: &Facts<'_>) -> Assessment {
    let findings = host::inactive(facts).into_iter().chain(audio::absent(facts, "zoom")).collect();
    // Each fact is unknown by itself, also where another one settles the matter.
    let mut warnings = Warnings::default();
    warnings.add_if(
        facts.host.is_none_or(|host| host.zoom.active.is_none()),
        Warning::ZoomFactsUnknown,
    );
    Assessment { possibility: possibility(facts), findings, warnings }
}

fn possibility(facts: &Facts<'_>) -> Possibility {
    let zoom = facts.host.map(|host| host.zoom);
    let active_known = zoom.is_some_and(|zoom| zoom.active.is_some());
    let local = zoom.and_then(|zoom| zoom.local_recording);
    match (facts.method, local) {
        (Method::Native | Method::Local, Some(false)) => {
            Possibility::Impossible(Obstacle::LocalRecordingOff)
        }
        (Method::Native | Method::Local, Some(true)) | (Method::Bot, _) if active_known => {
            Possibility::Possible
        }
        (Method::Native | Method::Local | Method::Bot, _) => Possibility::Unknown,
    }
}

/// No method is left because the host's Zoom settings do not permit recording to computer files.
pub(super) fn off(obstacle: Obstacle) -> Finding {
    finding(
        "local-recording-off",
        SkipCode::LocalRecordingNotSupported,
        Some(obstacle.as_str()),
        "zoom",
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Facts, Host};
    use super::*;
    use crate::company::ZoomFacts;

    fn of(local_recording: Option<bool>, method: Method) -> Possibility {
        let zoom = ZoomFacts { local_recording, active: Some(true), ..ZoomFacts::default() };
        let host = Some(Host { emails: &[], zoom: &zoom });
        assess(&Facts { host, setup: None, computer_audio: None, method }).possibility
    }

    #[test]
    fn local_recording_needs_its_setting_and_a_capturing_bot_does_not() {
        assert_eq!(of(Some(true), Method::Local), Possibility::Possible);
        assert_eq!(of(None, Method::Local), Possibility::Unknown);
        assert_eq!(
            of(Some(false), Method::Local),
            Possibility::Impossible(Obstacle::LocalRecordingOff)
        );
        assert_eq!(of(Some(false), Method::Bot), Possibility::Possible);
    }

    #[test]
    fn telephone_audio_alone_cannot_be_heard() {
        let facts =
            Facts { host: None, setup: None, computer_audio: Some(false), method: Method::Bot };
        assert_eq!(assess(&facts).findings[0].code, SkipCode::CanNotListenIn);
    }
}

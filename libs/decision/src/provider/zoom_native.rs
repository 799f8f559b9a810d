//! Zoom cloud recording: the host's licence and settings must permit it, and the Zoom user must be the
//! host the calendar names.

use super::{Assessment, Facts, Obstacle, Possibility, host};

pub(super) fn assess(facts: &Facts<'_>) -> Assessment {
    Assessment {
        possibility: possibility(facts),
        findings: host::inactive(facts).into_iter().collect(),
        ..Assessment::default()
    }
}

fn possibility(facts: &Facts<'_>) -> Possibility {
    let Some(host) = facts.host else { return Possibility::Impossible(Obstacle::HostUnknown) };
    let zoom = host.zoom;
    if zoom.licensed == Some(false) {
        return Possibility::Impossible(Obstacle::NoLicence);
    }
    if zoom.auto_recording == Some(false) {
        return Possibility::Impossible(Obstacle::AutoRecordingOff);
    }
    // An assistant who schedules for a manager with a Zoom user of their own breaks this.
    if zoom
        .email
        .as_ref()
        .is_some_and(|email| !host.emails.is_empty() && !host.emails.contains(email))
    {
        return Possibility::Impossible(Obstacle::HostMismatch);
    }
    let known = zoom.email.is_some()
        && zoom.licensed.is_some()
        && zoom.auto_recording.is_some()
        && zoom.active.is_some();
    if known { Possibility::Possible } else { Possibility::Unknown }
}

#[cfg(test)]
mod tests {
    use super::super::{Facts, Host};
    use super::*;
    use crate::company::{Method, ZoomFacts};

    fn of(zoom: &ZoomFacts) -> Possibility {
        let emails = ["ada@acme.example".to_owned()];
        let host = Some(Host { emails: &emails, zoom });
        assess(&Facts { host, setup: None, computer_audio: None, method: Method::Native })
            .possibility
    }

    fn known() -> ZoomFacts {
        ZoomFacts {
            email: Some("ada@acme.example".into()),
            licensed: Some(true),
            auto_recording: Some(true),
            local_recording: None,
            active: Some(true),
        }
    }

    #[test]
    fn each_precondition_stands_in_the_way() {
        assert_eq!(of(&known()), Possibility::Possible);
        let cases = [
            (ZoomFacts { licensed: Some(false), ..known() }, Obstacle::NoLicence),
            (ZoomFacts { auto_recording: Some(false), ..known() }, Obstacle::AutoRecordingOff),
            (
                ZoomFacts { email: Some("pa@acme.example".into()), ..known() },
                Obstacle::HostMismatch,
            ),
        ];
        for (zoom, obstacle) in cases {
            assert_eq!(of(&zoom), Possibility::Impossible(obstacle));
        }
    }

    #[test]
    fn an_organizer_who_is_no_member_is_nobodys_zoom_user() {
        let facts = Facts { host: None, setup: None, computer_audio: None, method: Method::Native };
        assert_eq!(assess(&facts).possibility, Possibility::Impossible(Obstacle::HostUnknown));
    }
}

//! Eligibility's questions and answers on the wire.

use std::sync::Arc;

use decision::company::{Capture, Member, ZoomFacts};
use decision::eligibility::Judgement;
use decision::meeting::LinkState;
use decision::{Meeting, Verdict};

use crate::calendar;
pub use crate::r#gen::eligibility::v1;
use crate::{Invalid, time, verdict};

impl From<&Meeting> for v1::MeetingQuestion {
    fn from(meeting: &Meeting) -> Self {
        let provider =
            meeting.links.provider.map_or(verdict::v1::Provider::Unspecified, Into::into);
        Self {
            has_ical_uid: meeting.has_ical_uid,
            title: meeting.title.clone(),
            start: Some(time::to_wire(meeting.start)),
            end: meeting.end.map(time::to_wire),
            all_day: meeting.all_day,
            cancelled: meeting.cancelled,
            deleted_by_user: meeting.deleted_by_user,
            recording_canceled: meeting.recording_canceled,
            sensitivity: calendar::v1::Sensitivity::from(meeting.sensitivity).into(),
            organizer: meeting.organizer.as_ref().map(Into::into),
            organizer_declined: meeting.organizer_declined,
            attendees: meeting.attendees.iter().map(Into::into).collect(),
            received_at: Some(time::to_wire(meeting.received_at)),
            requested_by: meeting.requested_by.clone(),
            conference_provider: provider.into(),
            has_join_link: meeting.links.join_link,
            has_unresolved_consent_link: meeting.links.unresolved_consent,
            foreign_recipient: meeting.foreign_company.clone().unwrap_or_default(),
            had_plan: meeting.planned_owner.is_some(),
            planned_owner: meeting.planned_owner.clone().unwrap_or_default(),
        }
    }
}

impl TryFrom<v1::MeetingQuestion> for Meeting {
    type Error = Invalid;

    /// `foreign_recipient` is taken as it is: who it belongs to is told by whoever knows all companies.
    fn try_from(wire: v1::MeetingQuestion) -> Result<Self, Invalid> {
        Ok(Self {
            has_ical_uid: wire.has_ical_uid,
            start: time::required("meetings.start", wire.start.as_ref())?,
            end: time::optional("meetings.end", wire.end.as_ref())?,
            all_day: wire.all_day,
            cancelled: wire.cancelled,
            deleted_by_user: wire.deleted_by_user,
            recording_canceled: wire.recording_canceled,
            sensitivity: calendar::sensitivity(wire.sensitivity),
            organizer: wire.organizer.as_ref().map(Into::into),
            organizer_declined: wire.organizer_declined,
            attendees: wire.attendees.iter().map(Into::into).collect(),
            received_at: time::required("meetings.received_at", wire.received_at.as_ref())?,
            requested_by: wire.requested_by,
            links: LinkState {
                provider: verdict::provider(
                    "meetings.conference_provider",
                    wire.conference_provider,
                )?,
                join_link: wire.has_join_link,
                unresolved_consent: wire.has_unresolved_consent_link,
            },
            foreign_company: (!wire.foreign_recipient.is_empty()).then_some(wire.foreign_recipient),
            planned_owner: (wire.had_plan && !wire.planned_owner.is_empty())
                .then_some(wire.planned_owner),
            title: wire.title,
        })
    }
}

impl From<&Judgement> for v1::MeetingVerdict {
    fn from(judgement: &Judgement) -> Self {
        let id = |id: &Option<Arc<str>>| id.as_deref().unwrap_or_default().to_owned();
        Self {
            verdict: Some((&judgement.verdict).into()),
            owner: id(&judgement.owner),
            requester: id(&judgement.requester),
        }
    }
}

impl TryFrom<v1::MeetingVerdict> for Judgement {
    type Error = Invalid;

    fn try_from(wire: v1::MeetingVerdict) -> Result<Self, Invalid> {
        let id = |id: String| (!id.is_empty()).then(|| Arc::from(id));
        // An absent verdict reads as an unspecified outcome, which is unavailable.
        let verdict = Verdict::try_from(wire.verdict.unwrap_or_default())?;
        Ok(Self { verdict, owner: id(wire.owner), requester: id(wire.requester) })
    }
}

impl From<&ZoomFacts> for v1::ZoomFacts {
    fn from(facts: &ZoomFacts) -> Self {
        Self {
            email: facts.email.clone(),
            licensed: facts.licensed,
            auto_recording: facts.auto_recording,
            local_recording: facts.local_recording,
            active: facts.active,
        }
    }
}

impl From<v1::ZoomFacts> for ZoomFacts {
    fn from(wire: v1::ZoomFacts) -> Self {
        Self {
            email: wire.email,
            licensed: wire.licensed,
            auto_recording: wire.auto_recording,
            local_recording: wire.local_recording,
            active: wire.active,
        }
    }
}

impl From<&Member> for v1::TeamMember {
    fn from(member: &Member) -> Self {
        let capture = match member.capture {
            Capture::Enabled => v1::Capture::Enabled,
            Capture::Disabled => v1::Capture::Disabled,
            Capture::Never => v1::Capture::Never,
        };
        Self {
            id: member.id.clone(),
            emails: member.emails.clone(),
            seat: Some(member.seat),
            capture: capture.into(),
            calendar_access: Some(member.calendar_access),
            active: Some(member.active),
            can_request: member.can_request,
            consent_profile: member.consent_profile.clone().unwrap_or_default(),
            zoom: (member.zoom != ZoomFacts::default()).then(|| (&member.zoom).into()),
        }
    }
}

impl TryFrom<v1::TeamMember> for Member {
    type Error = Invalid;

    fn try_from(wire: v1::TeamMember) -> Result<Self, Invalid> {
        let capture = match v1::Capture::try_from(wire.capture) {
            Ok(v1::Capture::Unspecified | v1::Capture::Enabled) => Capture::Enabled,
            Ok(v1::Capture::Disabled) => Capture::Disabled,
            Ok(v1::Capture::Never) => Capture::Never,
            Err(_) => return Err(Invalid::Enum { field: "member.capture", value: wire.capture }),
        };
        Ok(Self {
            id: wire.id,
            emails: wire.emails,
            seat: wire.seat.unwrap_or(true),
            capture,
            calendar_access: wire.calendar_access.unwrap_or(true),
            active: wire.active.unwrap_or(true),
            can_request: wire.can_request,
            consent_profile: (!wire.consent_profile.is_empty()).then_some(wire.consent_profile),
            zoom: wire.zoom.map(Into::into).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_survives_the_wire() {
        let mut meeting = Meeting::at(chrono::DateTime::from_timestamp(1_772_445_600, 0).unwrap());
        meeting.title = Some("Renewal".into());
        meeting.planned_owner = Some("ada".into());
        meeting.links.provider = Some(decision::Provider::Webex);
        meeting.attendees = vec![decision::Person::default()];
        assert_eq!(Meeting::try_from(v1::MeetingQuestion::from(&meeting)), Ok(meeting));
    }

    #[test]
    fn an_absent_verdict_is_no_permission() {
        let judgement = Judgement::try_from(v1::MeetingVerdict::default()).unwrap();
        assert!(!judgement.verdict.missing.is_empty());
    }

    #[test]
    fn a_member_survives_the_wire() {
        let member: Member = Member::try_from(v1::TeamMember {
            id: "ada".into(),
            emails: vec!["ada@acme.example".into()],
            ..v1::TeamMember::default()
        })
        .unwrap();
        assert!(member.seat && member.active && !member.can_request);
        assert_eq!(Member::try_from(v1::TeamMember::from(&member)), Ok(member));
    }
}

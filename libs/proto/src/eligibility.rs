//! Eligibility's questions and answers on the wire.

use std::sync::Arc;

use decision::company::{Capture, Member, ZoomFacts};
use decision::eligibility::Judgement;
use decision::meeting::LinkState;
use decision::telephone::{self, Call};
use decision::upload::{Rejected, Upload};
use decision::{Meeting, Person, Verdict, text};

use crate::calendar;
pub use crate::r#gen::eligibility::v1;
use crate::{Invalid, provider, time, verdict};

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

/// People by their addresses; text that is none is somebody without one.
fn people(addresses: &[String]) -> Vec<Person> {
    let person = |raw: &String| Person { address: text::address(raw), ..Person::default() };
    addresses.iter().map(person).collect()
}

fn addresses(people: &[Person]) -> Vec<String> {
    people.iter().map(|person| person.address.clone().unwrap_or_default()).collect()
}

impl From<&Call> for v1::DialerCallQuestion {
    fn from(call: &Call) -> Self {
        Self {
            own_number: call.own_number.clone(),
            other_number: call.other_number.clone(),
            user: call.user.clone().unwrap_or_default(),
            participants: addresses(&call.participants),
            placed_at: Some(time::to_wire(call.placed_at)),
            started_by_hand: call.started_by_hand,
            requested_by: call.requested_by.clone(),
            deleted_by_user: call.deleted_by_user,
            recording_canceled: call.recording_canceled,
        }
    }
}

impl TryFrom<v1::DialerCallQuestion> for Call {
    type Error = Invalid;

    fn try_from(wire: v1::DialerCallQuestion) -> Result<Self, Invalid> {
        let user = text::address(&wire.user).unwrap_or(wire.user);
        Ok(Self {
            placed_at: time::required("calls.placed_at", wire.placed_at.as_ref())?,
            own_number: wire.own_number,
            other_number: wire.other_number,
            user: (!user.is_empty()).then_some(user),
            participants: people(&wire.participants),
            started_by_hand: wire.started_by_hand,
            requested_by: wire.requested_by,
            deleted_by_user: wire.deleted_by_user,
            recording_canceled: wire.recording_canceled,
        })
    }
}

impl From<&telephone::Judgement> for v1::DialerCallVerdict {
    fn from(judgement: &telephone::Judgement) -> Self {
        let v1::MeetingVerdict { verdict, owner, requester } = (&judgement.call).into();
        let number_mode = provider::v1::NumberMode::from(judgement.numbers).into();
        Self { verdict, owner, requester, number_mode }
    }
}

impl TryFrom<v1::DialerCallVerdict> for telephone::Judgement {
    type Error = Invalid;

    /// A mode that is unset or of a newer version is no permission.
    fn try_from(wire: v1::DialerCallVerdict) -> Result<Self, Invalid> {
        let v1::DialerCallVerdict { verdict, owner, requester, number_mode } = wire;
        Ok(Self {
            call: v1::MeetingVerdict { verdict, owner, requester }.try_into()?,
            numbers: provider::number_mode("verdicts.number_mode", number_mode)?,
        })
    }
}

impl From<&Upload> for v1::UploadQuestion {
    fn from(upload: &Upload) -> Self {
        Self {
            owner: upload.owner.clone(),
            title: upload.title.clone(),
            participants: addresses(&upload.participants),
            recorded_at: Some(time::to_wire(upload.recorded_at)),
            deleted_by_user: upload.deleted_by_user,
            recording_canceled: upload.recording_canceled,
        }
    }
}

impl TryFrom<v1::UploadQuestion> for Upload {
    type Error = Invalid;

    fn try_from(wire: v1::UploadQuestion) -> Result<Self, Invalid> {
        Ok(Self {
            recorded_at: time::required("uploads.recorded_at", wire.recorded_at.as_ref())?,
            owner: wire.owner,
            title: wire.title,
            participants: people(&wire.participants),
            deleted_by_user: wire.deleted_by_user,
            recording_canceled: wire.recording_canceled,
        })
    }
}

impl From<Rejected> for v1::UploadRejection {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Unknown => Self::UnknownMember,
            Rejected::Deactivated => Self::Deactivated,
            Rejected::NoSeat => Self::NoSeat,
            Rejected::NoPermission => Self::NoPermission,
        }
    }
}

impl From<&Result<Judgement, Rejected>> for v1::UploadVerdict {
    fn from(judged: &Result<Judgement, Rejected>) -> Self {
        match judged {
            Ok(judgement) => {
                let v1::MeetingVerdict { verdict, owner, .. } = judgement.into();
                Self { verdict, owner, rejection: v1::UploadRejection::Unspecified.into() }
            }
            Err(rejected) => {
                Self { rejection: v1::UploadRejection::from(*rejected).into(), ..Self::default() }
            }
        }
    }
}

/// The verdict on an upload, or why the request for it is rejected.
///
/// # Errors
/// The message cannot be taken; a reason of a newer version is one that is not known.
pub fn upload_verdict(wire: v1::UploadVerdict) -> Result<Result<Judgement, Rejected>, Invalid> {
    let value = wire.rejection;
    let unknown = || Invalid::Enum { field: "verdicts.rejection", value };
    let named = v1::UploadRejection::try_from(value).map_err(|_| unknown())?;
    if let Some(rejected) =
        Rejected::ALL.into_iter().find(|one| v1::UploadRejection::from(*one) == named)
    {
        return Ok(Err(rejected));
    }
    let v1::UploadVerdict { verdict, owner, .. } = wire;
    let requester = owner.clone();
    v1::MeetingVerdict { verdict, owner, requester }.try_into().map(Ok)
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

    fn call() -> Call {
        Call {
            own_number: "+44 20 7946 0000".into(),
            other_number: "030 1234567".into(),
            user: Some("ada".into()),
            participants: people(&["kim@customer.example".into(), "Kim".into()]),
            started_by_hand: Some(false),
            requested_by: vec!["ada".into()],
            recording_canceled: true,
            ..Call::at(chrono::DateTime::from_timestamp(1_772_445_600, 0).unwrap())
        }
    }

    #[test]
    fn a_question_about_a_telephone_call_survives_the_wire() {
        assert_eq!(Call::try_from(v1::DialerCallQuestion::from(&call())), Ok(call()));
        let never = v1::DialerCallQuestion::default();
        assert_eq!(Call::try_from(never).unwrap_err().field(), "calls.placed_at");
        let user =
            v1::DialerCallQuestion { user: " MAILTO:Ada@ACME.example ".into(), ..(&call()).into() };
        assert_eq!(Call::try_from(user).unwrap().user.as_deref(), Some("ada@acme.example"));
    }

    #[test]
    fn a_verdict_on_a_telephone_call_survives_the_wire_and_is_no_permission_without_a_mode() {
        use decision::company::NumberMode;
        for numbers in NumberMode::ALL {
            let call = Judgement { owner: Some("ada".into()), ..Judgement::default() };
            let judgement = telephone::Judgement { call, numbers };
            let wire = v1::DialerCallVerdict::from(&judgement);
            assert_eq!(telephone::Judgement::try_from(wire.clone()), Ok(judgement));
            for number_mode in [0, 9] {
                let unset = v1::DialerCallVerdict { number_mode, ..wire.clone() };
                let refused = telephone::Judgement::try_from(unset).unwrap_err();
                assert_eq!(refused.field(), "verdicts.number_mode");
            }
        }
    }

    #[test]
    fn an_upload_and_what_is_said_of_it_survive_the_wire() {
        let upload = Upload {
            owner: "ada@acme.example".into(),
            title: Some("Renewal".into()),
            participants: people(&["kim@customer.example".into()]),
            recorded_at: call().placed_at,
            deleted_by_user: true,
            recording_canceled: false,
        };
        assert_eq!(Upload::try_from(v1::UploadQuestion::from(&upload)), Ok(upload));
        let ada = Some(Arc::from("ada"));
        let judged = Judgement { owner: ada.clone(), requester: ada, ..Judgement::default() };
        let all = Rejected::ALL.map(Err).into_iter().chain([Ok(judged)]);
        for said in all {
            assert_eq!(upload_verdict(v1::UploadVerdict::from(&said)), Ok(said));
        }
        let newer = v1::UploadVerdict { rejection: 99, ..v1::UploadVerdict::default() };
        assert_eq!(upload_verdict(newer).unwrap_err().field(), "verdicts.rejection");
        let silent = upload_verdict(v1::UploadVerdict::default()).unwrap().unwrap();
        assert!(!silent.verdict.missing.is_empty(), "silence is no permission");
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

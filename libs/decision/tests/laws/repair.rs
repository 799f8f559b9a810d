//! What somebody would do about each skip code: the cause is taken away from the input.

use chrono::TimeDelta;
use decision::company::{Capture, InternalMeetings, LinkType, Member, ProviderEntry};
use decision::links::{Link, Resolution};
use decision::{Conference, Decision, Evidence, Participation, Provider, Sensitivity, SkipCode};

use crate::call::{Call, person};

/// Takes away the cause of everything that was found, and nothing else.
pub(crate) fn repair(call: &Call, decision: &Decision) -> Call {
    let mut repaired = call.clone();
    let profile = profile_that_held(call, decision);
    let found: Vec<_> = decision.primary.iter().chain(&decision.also).collect();
    for finding in &found {
        cause(&mut repaired, finding.code, &finding.evidence);
    }
    let about = |codes: &[SkipCode]| found.iter().any(|finding| codes.contains(&finding.code));
    if about(&OF_PEOPLE) {
        let requested = decision.requester.is_some();
        new_organizer(&mut repaired, profile.as_deref(), requested);
    }
    if about(&OF_LINKS) {
        new_link(&mut repaired, profile.as_deref());
    }
    repaired
}

/// Whether rules of the method were asked, which takes a conference at a provider that works
/// (DOMAIN 8.3); if not, their codes may come up once there is one.
pub(crate) fn method_was_asked(call: &Call) -> bool {
    let judged = call.judge();
    let conference = judged.selected.conference.as_ref();
    conference.is_some_and(|conference| judged.policy.provider_works(conference.provider))
}

const OF_PEOPLE: [SkipCode; 6] = [
    SkipCode::Cancelled,
    SkipCode::RemovedByUserDeactivated,
    SkipCode::NoInviteesFromCompany,
    SkipCode::NoOwner,
    SkipCode::UserRecordingOff,
    SkipCode::NotFromOrganizerCalendar,
];

const OF_LINKS: [SkipCode; 5] = [
    SkipCode::NoUrl,
    SkipCode::NoValidUrls,
    SkipCode::InvalidMeetingUrl,
    SkipCode::ComplianceEnforcing,
    SkipCode::ComplianceSystemDecision,
];

fn profile_that_held(call: &Call, decision: &Decision) -> Option<String> {
    let policy = call.policy();
    let profile = match decision.owner.as_deref().and_then(|id| policy.member_by_id(id)) {
        Some((_, owner)) => owner.profile.clone(),
        None => policy.default_profile.clone(),
    };
    profile.map(|name| name.to_string())
}

fn cause(call: &mut Call, code: SkipCode, evidence: &[Evidence]) {
    let recording = &mut call.company.settings.recording;
    match code {
        SkipCode::BelongsToAnotherCompany => call.meeting.foreign_company = None,
        SkipCode::DeletedByUser => call.meeting.deleted_by_user = false,
        SkipCode::CanceledByOwner => call.meeting.recording_canceled = false,
        SkipCode::Cancelled => call.meeting.cancelled = false,
        SkipCode::NoIcalId => call.meeting.has_ical_uid = true,
        SkipCode::AllDayEvent => {
            // An event that gets an hour needs an end, and is given one in time.
            call.meeting.all_day = false;
            call.meeting.end = Some(call.meeting.start + TimeDelta::hours(1));
            call.meeting.received_at = call.meeting.start - TimeDelta::days(2);
        }
        SkipCode::NoEndTime => call.meeting.end = Some(call.meeting.start + TimeDelta::hours(1)),
        SkipCode::HasDoNotRecordUsers => {
            for member in &mut call.company.members {
                // Nobody else becomes the owner by it.
                if evidence.is_empty() || names(evidence, &member.id) {
                    if member.capture == Capture::Never {
                        member.capture = Capture::Disabled;
                    }
                    call.meeting.planned_owner.take_if(|owner| *owner == member.id);
                }
            }
        }
        SkipCode::PrivateOrConfidential => call.meeting.sensitivity = Sensitivity::Public,
        SkipCode::EventBlocklisted | SkipCode::CallBlocklisted => {
            call.company.settings.exclusions = decision::company::Exclusions::default();
        }
        SkipCode::InternalMeeting | SkipCode::InternalMeetingRecordingDisabled => {
            recording.internal_meetings = InternalMeetings::Record;
        }
        SkipCode::UserRecordingOff => call.meeting.planned_owner = None,
        SkipCode::NoCrmMatch => recording.require_crm_match = false,
        SkipCode::CallProviderDisabledForCompany => {
            for provider in call.links.iter().filter_map(Link::conference).map(|c| c.provider) {
                enable(&mut call.company, provider);
            }
        }
        SkipCode::ComplianceUserRequest => call.refused = false,
        SkipCode::ObsoleteCall => {
            call.meeting.received_at = call.meeting.start - TimeDelta::days(2)
        }
        SkipCode::InactiveHost => each_zoom(call, |zoom| zoom.active = Some(true)),
        SkipCode::LocalRecordingNotSupported => {
            each_zoom(call, |zoom| zoom.local_recording = Some(true));
        }
        SkipCode::CanNotListenIn => call.computer_audio = None,
        // The others are taken together, and this one has its cause beside it.
        _ => {}
    }
}

fn names(evidence: &[Evidence], id: &str) -> bool {
    evidence.iter().any(|one| matches!(one, Evidence::Member(named) if **named == *id))
}

fn each_zoom(call: &mut Call, change: impl Fn(&mut decision::company::ZoomFacts)) {
    call.company.members.iter_mut().for_each(|member| change(&mut member.zoom));
}

fn enable(company: &mut decision::CompanyFile, provider: Provider) {
    let entry: &mut ProviderEntry =
        company.settings.providers.entry(provider.as_str().to_owned()).or_default();
    (entry.enabled, entry.configured) = (true, true);
}

/// Somebody who may own the call organizes it instead, under the same consent profile; the address is
/// not internal, so that nothing becomes internal by it. The organizer of before stays as an attendee.
fn new_organizer(call: &mut Call, profile: Option<&str>, can_request: bool) {
    let member: Member = serde_json::from_value(serde_json::json!({
        "id": "newcomer",
        "emails": ["newcomer@staff.example"],
        "can_request": can_request,
        "consent_profile": profile.unwrap_or("none"),
    }))
    .expect("a member");
    let declined = decision::people::People::of(&call.policy(), &call.meeting).organizer_declined;
    call.company.members.retain(|member| member.id != "newcomer");
    call.company.members.push(member);
    call.meeting.planned_owner = None;
    let before = call.meeting.organizer.replace(person("newcomer@staff.example"));
    if let Some(mut before) = before {
        if declined {
            before.participation = Participation::Declined;
        }
        call.meeting.attendees.insert(0, before);
    }
    call.meeting.organizer_declined = false;
}

/// The event gets one link of a kind its consent profile wants.
fn new_link(call: &mut Call, profile: Option<&str>) {
    let conference = Conference { provider: Provider::Teams, id: "333".into() };
    enable(&mut call.company, Provider::Teams);
    let profile = profile.and_then(|name| call.company.consent.profiles.get_mut(name));
    call.links = vec![match profile {
        Some(profile) if profile.enabled && profile.enforced => {
            let named = profile.links.entry("teams".to_owned());
            let link_type = *named.or_insert(LinkType::Static);
            Link::Consent(Resolution::Resolved { company: "acme".into(), link_type, conference })
        }
        Some(_) | None => Link::Join(conference),
    }];
}

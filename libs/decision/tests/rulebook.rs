//! What is decided of one call, case by case: each reading and each planning code at least once.
//!
//! A case changes an ordinary call (Ada's with a customer, on Zoom, known a day ahead) and says in one line
//! what comes of it. Its name begins with the paragraph it reads: `5.1` of the readings, `8.20` of the precise
//! ones, `4` of what a request lifts.
#![allow(missing_docs, reason = "a table of cases")]

#[path = "laws/call.rs"]
mod call;

use std::fmt::Write as _;

use call::{Call, Failing, person};
use chrono::TimeDelta;
use decision::company::{
    Capture, InternalMeetings, LinkType, Method, Profile, ProviderEntry, Span, WhichMeetings,
};
use decision::conflict::{Contender, resolve};
use decision::links::{Link, Resolution};
use decision::plan::{History, Kind, Last};
use decision::skip_code::Phase;
use decision::{
    CallKey, Conference, Decision, Finding, Participation, Person, PersonKind, Provider,
    Sensitivity, SkipCode,
};

type Case = (&'static str, fn(&mut Call), &'static str);

/// What is given, and what must come of it: `plan METHOD OWNER`, `skip CODE` or `pending`, and then, where
/// there is any, the sub-reason in brackets, `+` also, `-` lifted, `~` related, `!` warnings, `?` missing.
const CASES: &[Case] = &[
    ("0 an ordinary call is recorded", |_| {}, "plan native ada"),
    // the readings of section 5
    ("5.1 twenty minutes are enough", |c| notice(c, 1_200), "plan native ada !short_notice"),
    ("5.1 a second less is too late", |c| notice(c, 1_199), "skip OBSOLETE_CALL"),
    ("5.1 thirty minutes are guaranteed", |c| notice(c, 1_800), "plan native ada"),
    (
        "5.1 lead time goes down to zero",
        |c| {
            let recording = &mut c.company.settings.recording;
            (recording.obsolete_under, recording.notice_guaranteed) =
                (Span::minutes(0), Span::minutes(0));
            notice(c, 0);
        },
        "plan native ada",
    ),
    (
        "5.2 an excluded event without a plan",
        |c| exclude(c, "kim@customer.example"),
        "skip EVENT_BLOCKLISTED",
    ),
    (
        "5.2 an excluded event that had one",
        |c| {
            exclude(c, "kim@customer.example");
            c.history.had_plan = true;
        },
        "skip CALL_BLOCKLISTED ~EVENT_BLOCKLISTED",
    ),
    (
        "5.2 an internal call that had a plan",
        |c| {
            c.meeting.attendees = vec![person("bob@acme.example")];
            c.history.had_plan = true;
        },
        "skip INTERNAL_MEETING ~INTERNAL_MEETING_RECORDING_DISABLED",
    ),
    (
        "5.2 a broken link that had led somewhere",
        |c| {
            c.links = vec![Link::Unusable { service: "zoom".into() }];
            c.history.had_plan = true;
        },
        "skip INVALID_MEETING_URL (no_usable_link) ~NO_VALID_URLS",
    ),
    (
        "5.3 a pending call falls to a changed setting",
        |c| {
            exclude(c, "kim@customer.example");
            changed_setting(c);
        },
        "skip INVALIDATING_BY_COMPANY_SETTINGS +EVENT_BLOCKLISTED",
    ),
    (
        "5.3 a plan falls to a changed setting",
        |c| {
            exclude(c, "kim@customer.example");
            changed_setting(c);
            c.history.had_plan = true;
        },
        "skip CALL_BLOCKLISTED ~INVALIDATING_BY_COMPANY_SETTINGS",
    ),
    (
        "5.3 where the meeting changed too it was not the setting",
        |c| {
            exclude(c, "kim@customer.example");
            changed_setting(c);
            c.revision += 1;
        },
        "skip EVENT_BLOCKLISTED",
    ),
    (
        "5.3 a skip stays what it is",
        |c| {
            exclude(c, "kim@customer.example");
            changed_setting(c);
            c.history.last.as_mut().expect("a decision").skipped = true;
        },
        "skip EVENT_BLOCKLISTED",
    ),
    ("5.5 details without a link", |c| c.links.clear(), "skip NO_URL"),
    ("5.6 nobody can own it", |c| capture(c, "ada", Capture::Disabled), "skip NO_OWNER"),
    (
        "5.6 under organizer, a customer's event",
        |c| {
            organizer_only(c);
            invited_by_kim(c);
        },
        "skip NOT_FROM_ORGANIZER_CALENDAR !native_not_possible !zoom_facts_unknown",
    ),
    (
        "5.6 capture goes off after planning",
        |c| {
            capture(c, "ada", Capture::Disabled);
            c.history.had_plan = true;
            c.meeting.planned_owner = Some("ada".into());
        },
        "skip USER_RECORDING_OFF",
    ),
    (
        "5.6 somebody else takes over",
        |c| {
            invited_by_kim(c);
            c.meeting.attendees.push(person("bob@acme.example"));
            capture(c, "ada", Capture::Disabled);
            c.history.had_plan = true;
            c.meeting.planned_owner = Some("ada".into());
        },
        "plan local bob !native_not_possible !zoom_facts_unknown",
    ),
    (
        "5.6 the owner leaves",
        |c| deactivate(c, "ada"),
        "skip REMOVED_BY_USER_DEACTIVATED +NO_OWNER",
    ),
    (
        "5.7 the owner takes it back",
        |c| c.meeting.recording_canceled = true,
        "skip CANCELED_BY_OWNER",
    ),
    ("5.8 the calendar cancels", |c| c.meeting.cancelled = true, "skip CANCELLED (at_the_source)"),
    (
        "5.8 the organizer declines",
        |c| c.meeting.organizer_declined = true,
        "skip CANCELLED (declined_by_organizer) +NO_OWNER",
    ),
    ("5.8 deleted in Callsheet", |c| c.meeting.deleted_by_user = true, "skip DELETED_BY_USER"),
    (
        "5.9 colleagues only",
        |c| c.meeting.attendees = vec![person("temp@lab.acme.example")],
        "skip INTERNAL_MEETING_RECORDING_DISABLED",
    ),
    (
        "5.9 a nameless invitee is external",
        |c| c.meeting.attendees = vec![Person::default()],
        "plan native ada !invitee_without_address",
    ),
    (
        "5.9 a customer who declined",
        |c| c.meeting.attendees = vec![declined("kim@customer.example")],
        "skip INTERNAL_MEETING_RECORDING_DISABLED",
    ),
    (
        "5.9 recorded all the same",
        |c| {
            c.meeting.attendees = vec![person("bob@acme.example")];
            c.company.settings.recording.internal_meetings = InternalMeetings::Record;
        },
        "plan native ada",
    ),
    (
        "5.10 a domain and those below",
        |c| {
            c.company.settings.exclusions.domains = vec!["customer.example".into()];
            c.meeting.attendees = vec![person("kim@eu.customer.example")];
        },
        "skip EVENT_BLOCKLISTED",
    ),
    (
        "5.10 no other domain",
        |c| {
            c.company.settings.exclusions.domains = vec!["omer.example".into()];
        },
        "plan native ada",
    ),
    ("5.10 a keyword", |c| keyword(c, "renewal"), "skip EVENT_BLOCKLISTED"),
    ("5.10 part of a word", |c| keyword(c, "new"), "plan native ada"),
    (
        "5.11 invited, and never recorded",
        |c| c.meeting.attendees.push(person("dee@acme.example")),
        "skip HAS_DO_NOT_RECORD_USERS",
    ),
    (
        "5.11 declined",
        |c| c.meeting.attendees.push(declined("dee@acme.example")),
        "plan native ada",
    ),
    (
        "5.12 private",
        |c| c.meeting.sensitivity = Sensitivity::Private,
        "skip PRIVATE_OR_CONFIDENTIAL (private)",
    ),
    (
        "5.12 personal",
        |c| c.meeting.sensitivity = Sensitivity::Personal,
        "skip PRIVATE_OR_CONFIDENTIAL (personal)",
    ),
    (
        "5.12 personal is open",
        |c| {
            c.meeting.sensitivity = Sensitivity::Personal;
            c.company.settings.recording.personal_is_private = false;
        },
        "plan native ada",
    ),
    (
        "5.13 a good consent link",
        |c| enforced(c, &[consent_link("acme", LinkType::Static)]),
        "plan native ada",
    ),
    ("5.13 no consent link", |c| enforced(c, &[zoom()]), "skip COMPLIANCE_ENFORCING (no_link)"),
    (
        "5.13 a link of another company",
        |c| enforced(c, &[consent_link("other", LinkType::Static)]),
        "skip COMPLIANCE_ENFORCING (foreign_company)",
    ),
    (
        "5.13 a way around it",
        |c| enforced(c, &[consent_link("acme", LinkType::Static), zoom()]),
        "skip COMPLIANCE_ENFORCING (bypass)",
    ),
    (
        "5.13 the wrong type",
        |c| enforced(c, &[consent_link("acme", LinkType::Dynamic)]),
        "skip COMPLIANCE_ENFORCING (wrong_type)",
    ),
    (
        "5.13 nobody can resolve it",
        |c| enforced(c, &[unresolvable()]),
        "skip COMPLIANCE_SYSTEM_DECISION (unresolvable_link)",
    ),
    (
        "5.13 somebody refuses",
        |c| {
            enforced(c, &[consent_link("acme", LinkType::Static)]);
            c.refused = true;
        },
        "skip COMPLIANCE_USER_REQUEST",
    ),
    (
        "5.13 a refusal where nothing is enforced",
        |c| {
            lenient(c);
            c.refused = true;
        },
        "plan native ada",
    ),
    (
        "5.14 through another company's assistant",
        |c| c.meeting.foreign_company = Some("other".into()),
        "skip BELONGS_TO_ANOTHER_COMPANY",
    ),
    (
        "5.14 an external organizer alone",
        invited_by_kim,
        "plan local ada !native_not_possible !zoom_facts_unknown",
    ),
    (
        "5.17 the length of a meeting is no code",
        |c| {
            c.meeting.end = Some(c.meeting.start + TimeDelta::hours(9));
        },
        "plan native ada",
    ),
    (
        "5.20 a rejected request",
        |c| c.meeting.requested_by = vec!["kim@customer.example".into()],
        "plan native ada !manual_request_rejected",
    ),
    // unusable events
    ("0 no UID", |c| c.meeting.has_ical_uid = false, "skip NO_ICAL_ID"),
    ("8.24 no end", |c| c.meeting.end = None, "skip NO_END_TIME"),
    ("8.24 an end before the start", |c| c.meeting.end = Some(c.meeting.start), "skip NO_END_TIME"),
    (
        "8.24 an all-day event needs no end",
        |c| {
            c.meeting.all_day = true;
            c.meeting.end = None;
        },
        "skip ALL_DAY_EVENT",
    ),
    (
        "8.21 an all-day event needs no notice",
        |c| {
            c.meeting.all_day = true;
            notice(c, 0);
        },
        "skip ALL_DAY_EVENT",
    ),
    // section 4: what a request lifts
    (
        "4 private",
        |c| {
            request(c);
            c.meeting.sensitivity = Sensitivity::Private;
        },
        "plan native ada -PRIVATE_OR_CONFIDENTIAL",
    ),
    (
        "4 excluded",
        |c| {
            request(c);
            exclude(c, "kim@customer.example");
        },
        "plan native ada -EVENT_BLOCKLISTED",
    ),
    (
        "4 internal",
        |c| {
            request(c);
            c.meeting.attendees = vec![person("bob@acme.example")];
        },
        "plan native ada -INTERNAL_MEETING_RECORDING_DISABLED",
    ),
    (
        "4 nobody recordable: the requester owns it",
        |c| {
            request(c);
            capture(c, "ada", Capture::Disabled);
        },
        "plan native ada -NO_OWNER",
    ),
    (
        "4 organizer only",
        |c| {
            request(c);
            organizer_only(c);
            invited_by_kim(c);
        },
        "plan local ada -NOT_FROM_ORGANIZER_CALENDAR !native_not_possible !zoom_facts_unknown",
    ),
    (
        "4 no CRM match",
        |c| {
            request(c);
            c.company.settings.recording.require_crm_match = true;
            c.company.crm.domains.clear();
        },
        "plan native ada -NO_CRM_MATCH",
    ),
    (
        "4 late, and still told",
        |c| {
            request(c);
            notice(c, 60);
        },
        "plan native ada -OBSOLETE_CALL !short_notice",
    ),
    (
        "4 not never-record",
        |c| {
            request(c);
            c.meeting.attendees.push(person("dee@acme.example"));
        },
        "skip HAS_DO_NOT_RECORD_USERS",
    ),
    (
        "4 not consent",
        |c| {
            request(c);
            enforced(c, &[zoom()]);
        },
        "skip COMPLIANCE_ENFORCING (no_link)",
    ),
    (
        "4 not a disabled provider",
        |c| {
            request(c);
            c.company.settings.providers.clear();
        },
        "skip CALL_PROVIDER_DISABLED_FOR_COMPANY (disabled)",
    ),
    (
        "4 not a cancellation",
        |c| {
            request(c);
            c.meeting.cancelled = true;
        },
        "skip CANCELLED (at_the_source)",
    ),
    (
        "4 not tenancy",
        |c| {
            request(c);
            c.meeting.foreign_company = Some("other".into());
        },
        "skip BELONGS_TO_ANOTHER_COMPANY",
    ),
    (
        "4 the assistant invited by somebody who may not ask",
        |c| {
            c.meeting.organizer = Some(person("bob@acme.example"));
            c.meeting.attendees.push(person("recorder@acme.example"));
        },
        "plan native bob !manual_request_rejected",
    ),
    (
        "1 the assistant invited where another invitee may ask",
        |c| {
            c.meeting.organizer = Some(person("bob@acme.example"));
            c.meeting
                .attendees
                .extend([person("recorder@acme.example"), person("ada@acme.example")]);
            c.meeting.sensitivity = Sensitivity::Private;
        },
        "plan native bob -PRIVATE_OR_CONFIDENTIAL",
    ),
    (
        "8.9 a coordinator asks for nothing",
        |c| c.meeting.attendees.push(person("mailrule@acme.example")),
        "plan native ada",
    ),
    // section 8
    (
        "8.1 no finding suppresses another",
        |c| {
            c.meeting.cancelled = true;
            c.meeting.sensitivity = Sensitivity::Private;
            c.meeting.end = None;
            c.links.clear();
            notice(c, 0);
        },
        "skip CANCELLED (at_the_source) +NO_END_TIME +PRIVATE_OR_CONFIDENTIAL +NO_URL +OBSOLETE_CALL",
    ),
    (
        "8.3 no method without a provider that works",
        |c| {
            c.company.settings.providers.clear();
            zoom_facts(c, |zoom| zoom.active = Some(false));
        },
        "skip CALL_PROVIDER_DISABLED_FOR_COMPANY (disabled)",
    ),
    (
        "8.6 native falls back",
        |c| zoom_facts(c, |zoom| zoom.licensed = Some(false)),
        "plan local ada !native_not_possible",
    ),
    (
        "8.6 and cannot",
        |c| {
            zoom_facts(c, |zoom| {
                (zoom.auto_recording, zoom.local_recording) = (Some(false), Some(false));
            })
        },
        "skip LOCAL_RECORDING_NOT_SUPPORTED (local_recording_off) !native_not_possible",
    ),
    (
        "8.6 a bot asks nobody",
        |c| {
            method(c, Method::Bot);
            zoom_facts(c, |zoom| zoom.local_recording = Some(false));
        },
        "plan bot ada",
    ),
    (
        "8.7 the host is another Zoom user",
        |c| zoom_facts(c, |zoom| zoom.email = Some("pa@acme.example".into())),
        "plan local ada !native_not_possible",
    ),
    (
        "8.7 unknown is not no",
        |c| zoom_facts(c, |zoom| zoom.licensed = None),
        "plan native ada !zoom_facts_unknown",
    ),
    (
        "8.7 an inactive host",
        |c| zoom_facts(c, |zoom| zoom.active = Some(false)),
        "skip INACTIVE_HOST",
    ),
    (
        "8.7 an inactive host of a bot",
        |c| {
            method(c, Method::Bot);
            zoom_facts(c, |zoom| zoom.active = Some(false));
        },
        "skip INACTIVE_HOST",
    ),
    (
        "8.8 enabled and not set up",
        |c| {
            c.company.settings.providers.entry("zoom".into()).or_default().configured = false;
        },
        "skip CALL_PROVIDER_DISABLED_FOR_COMPANY (not_configured)",
    ),
    (
        "8.4 nothing to listen to",
        |c| {
            method(c, Method::Bot);
            c.computer_audio = Some(false);
        },
        "skip CAN_NOT_LISTEN_IN",
    ),
    (
        "8.4 an adapter that does not answer",
        |c| c.failing.adapters = true,
        "plan native ada !provider_check_unavailable",
    ),
    (
        "8.9 rooms and resources are nobody",
        |c| {
            let room = |kind| Person { kind, ..person("thing@elsewhere.example") };
            c.meeting.attendees = vec![
                person("bob@acme.example"),
                room(PersonKind::Room),
                room(PersonKind::Resource),
            ];
        },
        "skip INTERNAL_MEETING_RECORDING_DISABLED",
    ),
    (
        "8.9 a group is somebody",
        |c| {
            let group = Person { kind: PersonKind::Group, ..person("all@customer.example") };
            c.meeting.attendees = vec![group];
        },
        "plan native ada",
    ),
    (
        "8.9 nobody at all",
        |c| {
            c.meeting.organizer = None;
            c.meeting.attendees.clear();
        },
        "skip NO_INVITEES_FROM_COMPANY (nobody_invited) +NO_OWNER !native_not_possible !zoom_facts_unknown",
    ),
    (
        "8.10 never-record without seat",
        |c| {
            c.meeting.attendees.push(person("dee@acme.example"));
            c.company.members[3].seat = false;
        },
        "skip HAS_DO_NOT_RECORD_USERS",
    ),
    (
        "8.12 all who could own it decline",
        |c| {
            invited_by_kim(c);
            c.meeting.attendees = vec![declined("ada@acme.example"), declined("bob@acme.example")];
        },
        "skip CANCELLED (declined_by_all) +NO_OWNER !native_not_possible !zoom_facts_unknown",
    ),
    (
        "8.12 under organizer others do not count",
        |c| {
            organizer_only(c);
            invited_by_kim(c);
            c.meeting.attendees = vec![declined("ada@acme.example")];
        },
        "skip NOT_FROM_ORGANIZER_CALENDAR !native_not_possible !zoom_facts_unknown",
    ),
    (
        "8.14 a calendar nobody can reach",
        |c| {
            c.company.settings.calendar.company_wide_access = false;
            c.company.members[0].calendar_access = false;
        },
        "skip NO_OWNER",
    ),
    (
        "8.15 links to other conferences",
        |c| c.links.push(Link::Join(conference(Provider::Webex))),
        "plan native ada !other_links",
    ),
    (
        "8.15 an enabled provider goes first",
        |c| {
            c.links = vec![
                Link::Join(conference(Provider::GoogleMeet)),
                Link::Join(conference(Provider::Teams)),
            ];
        },
        "plan bot ada !other_links",
    ),
    (
        "8.16 a link to nowhere",
        |c| c.links = vec![Link::Unusable { service: "jitsi".into() }],
        "skip NO_VALID_URLS (no_usable_link)",
    ),
    (
        "8.17 not enforced, not resolvable",
        |c| {
            lenient(c);
            c.links = vec![unresolvable()];
        },
        "skip NO_VALID_URLS (unresolvable_consent_link)",
    ),
    (
        "8.17 a type nothing permits",
        |c| {
            let link =
                Resolution::Unresolvable { link_type: LinkType::Dynamic, reason: "expired".into() };
            enforced(c, &[Link::Consent(link)]);
        },
        "skip COMPLIANCE_ENFORCING (wrong_type)",
    ),
    (
        "8.18 an unsupported service bypasses",
        |c| {
            enforced(
                c,
                &[
                    consent_link("acme", LinkType::Static),
                    Link::Unusable { service: "goto".into() },
                ],
            );
        },
        "skip COMPLIANCE_ENFORCING (bypass)",
    ),
    (
        "8.19 off is off",
        |c| {
            enforced(c, &[zoom()]);
            for profile in c.company.consent.profiles.values_mut() {
                profile.enabled = false;
            }
        },
        "plan native ada",
    ),
    (
        "8.19 no owner: the default profile",
        |c| {
            enforced(c, &[zoom()]);
            c.company.consent.default_profile = "eu".into();
            capture(c, "ada", Capture::Disabled);
        },
        "skip NO_OWNER +COMPLIANCE_ENFORCING",
    ),
    (
        "8.20 keywords are folded",
        |c| {
            c.meeting.title = Some("Projekt ＳＴＲＡẞＥ!".into());
            keyword(c, "strasse");
        },
        "skip EVENT_BLOCKLISTED",
    ),
    (
        "8.20 an underscore belongs to a word",
        |c| {
            c.meeting.title = Some("the renewal_plan".into());
            keyword(c, "renewal");
        },
        "plan native ada",
    ),
    ("8.27 an ambiguous time", |c| c.ambiguous_time = true, "plan native ada !ambiguous_time"),
    // not knowing
    (
        "8.4 consent away, and time left",
        |c| {
            enforced(c, &[consent_link("acme", LinkType::Static)]);
            c.failing.consent = true;
        },
        "pending ?consent",
    ),
    (
        "5.13 consent away, and no time left",
        |c| {
            enforced(c, &[consent_link("acme", LinkType::Static)]);
            c.failing.consent = true;
            c.now = c.meeting.start - TimeDelta::minutes(2);
        },
        "skip COMPLIANCE_SYSTEM_DECISION (unavailable)",
    ),
    ("5.13 consent away, and not enforced", |c| c.failing.consent = true, "plan native ada"),
    (
        "3.1 consent away, and cancelled anyway",
        |c| {
            enforced(c, &[consent_link("acme", LinkType::Static)]);
            c.failing.consent = true;
            c.meeting.cancelled = true;
        },
        "skip CANCELLED (at_the_source)",
    ),
    ("0 eligibility away, and time left", |c| c.failing.eligibility = true, "pending ?eligibility"),
    (
        "0 eligibility away, and no time left",
        |c| {
            c.failing = Failing { eligibility: true, ..Failing::default() };
            c.now = c.meeting.start;
        },
        "skip UNKNOWN_STATE (unavailable)",
    ),
    (
        "0 no CRM match",
        |c| {
            c.company.settings.recording.require_crm_match = true;
            c.company.crm.domains.clear();
        },
        "skip NO_CRM_MATCH",
    ),
];

#[test]
fn every_case_comes_out_as_written() {
    let mut wrong = Vec::new();
    for (name, given, expected) in CASES {
        let mut call = ordinary();
        given(&mut call);
        if let Err(found) = call.company.validate() {
            wrong.push(format!("{name}: {found:?}"));
        }
        let told = told(&call.decide());
        if told != *expected {
            wrong.push(format!("{name}:\n  expected {expected}\n  got      {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_two_cases_share_a_name() {
    let names: std::collections::BTreeSet<_> = CASES.iter().map(|(name, _, _)| name).collect();
    assert_eq!(names.len(), CASES.len());
}

#[test]
fn every_planning_code_stands_in_the_book() {
    let conflicts = [SkipCode::Duplicate, SkipCode::OverlappingMeeting];
    let of_planning = SkipCode::ALL.iter().filter(|code| code.meta().phase == Phase::Planning);
    for code in of_planning.filter(|code| !conflicts.contains(code)) {
        let primary = format!("skip {}", code.as_str());
        let shown = CASES.iter().any(|(_, _, told)| {
            told.strip_prefix(&primary).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        assert!(shown, "{code} is the primary code of no case");
    }
}

#[test]
fn a_duplicate_and_an_overlap_name_the_call_that_won() {
    let key = |uid: &str| CallKey { ical_uid: Some(uid.into()), recurrence_id: None };
    let (first, twin, later) = (key("a"), key("b"), key("c"));
    let (room, other) = (conference(Provider::Zoom), conference(Provider::Teams));
    let at = |minutes| call::start() + TimeDelta::minutes(minutes);
    let contender = |key, conference, from, owner| Contender {
        key,
        start: at(from),
        end: at(from + 60),
        owner,
        conference,
        requested: false,
        owner_organizes: true,
        received_at: at(-60),
    };
    let found = resolve(&[
        contender(&later, &other, 30, "ada"),
        contender(&twin, &room, 0, "bob"),
        contender(&first, &room, 0, "ada"),
    ]);
    let told: Vec<String> = found.iter().map(|findings| codes(findings).join(" ")).collect();
    assert_eq!(told, ["OVERLAPPING_MEETING", "DUPLICATE", ""]);
}

/// Ada's call with a customer, on Zoom, a day ahead, known for two.
fn ordinary() -> Call {
    let company = serde_json::from_value(serde_json::json!({
        "company": "acme",
        "domains": ["acme.example"],
        "assistant": ["recorder@acme.example"],
        "coordinator": ["mailrule@acme.example"],
        "settings": { "providers": { "zoom": { "enabled": true }, "teams": { "enabled": true } } },
        "consent": { "profiles": { "eu": { "enabled": true, "enforced": true, "links": { "zoom": "static" } } } },
        "members": [
            { "id": "ada", "emails": ["ada@acme.example"], "can_request": true, "zoom": {
                "email": "ada@acme.example", "licensed": true, "auto_recording": true,
                "local_recording": true, "active": true } },
            { "id": "bob", "emails": ["bob@acme.example"], "zoom": {
                "email": "bob@acme.example", "licensed": true, "auto_recording": true,
                "local_recording": true, "active": true } },
            { "id": "cy", "emails": ["cy@acme.example"], "capture": "disabled" },
            { "id": "dee", "emails": ["dee@acme.example"], "capture": "never" },
        ],
        "crm": { "domains": ["customer.example"] },
    }))
    .expect("a company");
    let mut meeting = decision::Meeting::at(call::start());
    meeting.received_at = meeting.start - TimeDelta::days(2);
    meeting.title = Some("Renewal".into());
    meeting.organizer = Some(person("ada@acme.example"));
    meeting.attendees = vec![person("kim@customer.example")];
    Call {
        company,
        version: 1,
        now: meeting.start - TimeDelta::days(1),
        meeting,
        links: vec![zoom()],
        refused: false,
        computer_audio: None,
        revision: 1,
        ambiguous_time: false,
        history: History::default(),
        failing: Failing::default(),
    }
}

fn told(decision: &Decision) -> String {
    let mut line = match &decision.kind {
        Kind::Plan(plan) => format!("plan {} {}", plan.method.as_str(), plan.owner),
        Kind::Skip => "skip".to_owned(),
        Kind::Pending { .. } => "pending".to_owned(),
        Kind::Recorded => "recorded".to_owned(),
        Kind::Partial => "partial".to_owned(),
    };
    if let Some(primary) = &decision.primary {
        let _ = write!(line, " {}", primary.code);
        if let Some(sub_reason) = &primary.sub_reason {
            let _ = write!(line, " ({sub_reason})");
        }
    }
    let mut list = |mark: char, names: Vec<&str>| {
        for name in names {
            let _ = write!(line, " {mark}{name}");
        }
    };
    list('+', codes(&decision.also));
    list('-', codes(&decision.lifted));
    list('~', decision.related.iter().map(|code| code.as_str()).collect());
    list('!', decision.warnings.iter().map(decision::Warning::as_str).collect());
    list('?', decision.missing.iter().map(String::as_str).collect());
    line
}

fn codes(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

fn conference(provider: Provider) -> Conference {
    Conference { provider, id: "92345678901".into() }
}

fn zoom() -> Link {
    Link::Join(conference(Provider::Zoom))
}

fn consent_link(company: &str, link_type: LinkType) -> Link {
    let conference = conference(Provider::Zoom);
    Link::Consent(Resolution::Resolved { company: company.into(), link_type, conference })
}

fn unresolvable() -> Link {
    Link::Consent(Resolution::Unresolvable {
        link_type: LinkType::Static,
        reason: "unknown_key".into(),
    })
}

fn declined(address: &str) -> Person {
    Person { participation: Participation::Declined, ..person(address) }
}

fn notice(call: &mut Call, seconds: i64) {
    call.meeting.received_at = call.meeting.start - TimeDelta::seconds(seconds);
}

fn exclude(call: &mut Call, address: &str) {
    call.company.settings.exclusions.addresses.push(address.into());
}

fn keyword(call: &mut Call, word: &str) {
    call.company.settings.exclusions.keywords.push(word.into());
}

fn capture(call: &mut Call, id: &str, capture: Capture) {
    call.company
        .members
        .iter_mut()
        .filter(|one| one.id == id)
        .for_each(|one| one.capture = capture);
}

fn deactivate(call: &mut Call, id: &str) {
    call.company.members.iter_mut().filter(|one| one.id == id).for_each(|one| one.active = false);
}

fn zoom_facts(call: &mut Call, change: impl FnOnce(&mut decision::company::ZoomFacts)) {
    change(&mut call.company.members[0].zoom);
}

fn method(call: &mut Call, method: Method) {
    let entry = ProviderEntry { enabled: true, method: Some(method), ..ProviderEntry::default() };
    call.company.settings.providers.insert("zoom".into(), entry);
}

fn organizer_only(call: &mut Call) {
    call.company.settings.recording.which_meetings = WhichMeetings::Organizer;
}

/// Kim organizes, Ada is invited.
fn invited_by_kim(call: &mut Call) {
    call.meeting.organizer = Some(person("kim@customer.example"));
    call.meeting.attendees = vec![person("ada@acme.example")];
}

fn request(call: &mut Call) {
    call.meeting.requested_by = vec!["ada".into()];
}

/// Consent is enforced for Ada, and the event has these links.
fn enforced(call: &mut Call, links: &[Link]) {
    call.company.members[0].consent_profile = Some("eu".into());
    call.links = links.to_vec();
}

/// Consent is asked for, and not enforced.
fn lenient(call: &mut Call) {
    let profile = Profile { enabled: true, ..Profile::default() };
    call.company.consent.profiles.insert("us".into(), profile);
    call.company.members[0].consent_profile = Some("us".into());
}

/// It was pending under an earlier policy, and its meeting has not changed since.
fn changed_setting(call: &mut Call) {
    call.version = 2;
    call.history.last =
        Some(Last { skipped: false, policy_version: 1, meeting_revision: call.revision });
}

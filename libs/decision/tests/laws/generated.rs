//! Generated calls, ordinary ones most often, and every way in which one may not be.

use chrono::TimeDelta;
use decision::company::{
    Capture, InternalMeetings, LinkType, Member, Method, Profile, ProviderEntry, Span,
    WhichMeetings, ZoomFacts,
};
use decision::links::{Link, Resolution};
use decision::plan::{History, Last};
use decision::{
    CompanyFile, Conference, Meeting, Participation, Person, PersonKind, Provider, Sensitivity,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select as one_of, subsequence};

use crate::call::{Call, Failing, person, start};

/// The members a generated company may have.
pub(crate) const MEMBERS: [&str; 5] = ["ada", "bob", "cy", "dee", "eve"];

/// Addresses that may be invited: members, colleagues without an account, others, the assistant.
const INVITABLE: [&str; 12] = [
    "ada@acme.example",
    "bob@acme.example",
    "cy@acme.example",
    "dee@acme.example",
    "eve@berlin.acme.example",
    "a.lovelace@acme.example",
    "temp@acme.example",
    "kim@customer.example",
    "lee@eu.partner.example",
    "recorder@acme.example",
    "rule@acme.example",
    "room1@acme.example",
];

const TITLES: [&str; 5] = ["Renewal", "Board meeting", "LEGAL: contract", "", "1:1"];

/// Calls about which everything could be learned.
pub(crate) fn known_call() -> impl Strategy<Value = Call> {
    any_call().prop_map(|call| Call { failing: Failing::default(), ..call })
}

/// Calls without history about which everything could be learned.
pub(crate) fn fresh_call() -> impl Strategy<Value = Call> {
    known_call().prop_map(|mut call| {
        call.history = History::default();
        call.meeting.planned_owner = None;
        call
    })
}

/// Calls for whose owner consent is enforced, with a consent link as the profile wants it.
pub(crate) fn consenting_call() -> impl Strategy<Value = Call> {
    (fresh_call(), link_type(), conference()).prop_map(|(mut call, link_type, conference)| {
        for member in &mut call.company.members {
            member.consent_profile = Some("eu".to_owned());
        }
        if let Some(profile) = call.company.consent.profiles.get_mut("eu") {
            profile.enabled = true;
            profile.links.insert(conference.provider.as_str().to_owned(), link_type);
        }
        let company = "acme".to_owned();
        call.links = vec![Link::Consent(Resolution::Resolved { company, link_type, conference })];
        call.meeting.sensitivity = Sensitivity::Public;
        call.refused = false;
        call
    })
}

/// All calls.
pub(crate) fn any_call() -> impl Strategy<Value = Call> {
    let times = (1_u64..4, 1_u64..4, mostly(false), -10_i64..3_000);
    (
        company(),
        meeting(),
        links(),
        mostly(false),
        option::weighted(0.2, any::<bool>()),
        times,
        history(),
        failing(),
    )
        .prop_map(
            |(company, meeting, links, refused, computer_audio, times, history, failing)| {
                let (version, revision, ambiguous_time, minutes) = times;
                let mut meeting = meeting;
                let (had_plan, last, planned_owner) = history;
                meeting.planned_owner = planned_owner.filter(|_| had_plan).map(ToOwned::to_owned);
                let last = last.map(|(skipped, policy_version, meeting_revision)| Last {
                    skipped,
                    policy_version,
                    meeting_revision,
                });
                Call {
                    company,
                    version,
                    now: meeting.start - TimeDelta::minutes(minutes),
                    meeting,
                    links,
                    refused,
                    computer_audio,
                    revision,
                    ambiguous_time,
                    history: History { had_plan, last },
                    failing,
                }
            },
        )
}

/// True or false, most often the one given.
fn mostly(value: bool) -> impl Strategy<Value = bool> {
    proptest::bool::weighted(if value { 0.9 } else { 0.1 })
}

type Past = (bool, Option<(bool, u64, u64)>, Option<&'static str>);

fn history() -> impl Strategy<Value = Past> {
    let last = option::of((any::<bool>(), 1_u64..4, 1_u64..4));
    (mostly(false), last, option::of(one_of(&MEMBERS[..])))
}

fn failing() -> impl Strategy<Value = Failing> {
    vec(proptest::bool::weighted(0.15), 7).prop_map(|fails| Failing {
        eligibility: fails[0],
        consent: fails[1],
        profile: fails[2],
        consent_links: fails[3],
        choice: fails[4],
        links: fails[5],
        adapters: fails[6],
    })
}

fn company() -> impl Strategy<Value = CompanyFile> {
    (members(), recording(), exclusions(), providers(), profiles(), mostly(true), mostly(true))
        .prop_map(
            |(members, recording, exclusions, providers, (profiles, default), crm, access)| {
                let mut file = CompanyFile::named("acme");
                file.domains = vec!["acme.example".into()];
                file.assistant = vec!["recorder@acme.example".into()];
                file.coordinator = vec!["rule@acme.example".into()];
                file.members = members;
                file.settings.calendar.company_wide_access = access;
                file.settings.recording = recording;
                file.settings.exclusions = exclusions;
                file.settings.providers = providers;
                file.consent.host = "consent.acme.example".into();
                file.consent.profiles = profiles;
                file.consent.default_profile = default.to_owned();
                if crm {
                    file.crm.domains = vec!["customer.example".into()];
                }
                file
            },
        )
}

fn recording() -> impl Strategy<Value = decision::company::Recording> {
    (any::<bool>(), any::<bool>(), mostly(false), mostly(true), one_of(&[0_u32, 20, 90][..]))
        .prop_map(|(organizer, internal, crm, personal, obsolete)| decision::company::Recording {
            which_meetings: if organizer {
                WhichMeetings::Organizer
            } else {
                WhichMeetings::AnyInvitee
            },
            internal_meetings: if internal {
                InternalMeetings::Record
            } else {
                InternalMeetings::Skip
            },
            require_crm_match: crm,
            personal_is_private: personal,
            obsolete_under: Span::minutes(obsolete),
            notice_guaranteed: Span::minutes(obsolete + 10),
            ..Default::default()
        })
}

fn exclusions() -> impl Strategy<Value = decision::company::Exclusions> {
    let some = |all: &'static [&'static str]| {
        prop_oneof![
            4 => Just(Vec::new()),
            1 => subsequence(all, 0..=all.len())
                .prop_map(|some| some.into_iter().map(ToOwned::to_owned).collect::<Vec<String>>()),
        ]
    };
    (
        some(&["partner.example", "customer.example", "berlin.acme.example"]),
        some(&["kim@customer.example", "eve@berlin.acme.example"]),
        some(&["board", "legal", "1:1"]),
    )
        .prop_map(|(domains, addresses, keywords)| decision::company::Exclusions {
            domains,
            addresses,
            keywords,
        })
}

type Providers = std::collections::BTreeMap<String, ProviderEntry>;

fn providers() -> impl Strategy<Value = Providers> {
    let one =
        (mostly(true), mostly(true), one_of(&[Method::Native, Method::Local, Method::Bot][..]));
    vec(one, 4).prop_map(|entries| {
        std::iter::zip(Provider::ALL, entries)
            .map(|(provider, (enabled, configured, method))| {
                let method = (provider == Provider::Zoom).then_some(method);
                let entry = ProviderEntry { enabled, configured, method, authenticated_bot: false };
                (provider.as_str().to_owned(), entry)
            })
            .collect()
    })
}

type Profiles = std::collections::BTreeMap<String, Profile>;

fn profiles() -> impl Strategy<Value = (Profiles, &'static str)> {
    let types = vec(option::of(link_type()), 4);
    (types, mostly(true), any::<bool>(), one_of(&["none", "none", "eu"][..])).prop_map(
        |(types, enabled, announcement, default)| {
            let links = std::iter::zip(Provider::ALL, types)
                .filter_map(|(provider, t)| Some((provider.as_str().to_owned(), t?)))
                .collect();
            let eu = Profile { enabled, enforced: true, links, announcement };
            let us = Profile { enforced: false, ..eu.clone() };
            ([("eu".to_owned(), eu), ("us".to_owned(), us)].into(), default)
        },
    )
}

fn link_type() -> impl Strategy<Value = LinkType> {
    one_of(&[LinkType::Static, LinkType::Dynamic][..])
}

fn members() -> impl Strategy<Value = Vec<Member>> {
    let capture = prop_oneof![
        6 => Just(Capture::Enabled), 2 => Just(Capture::Disabled), 1 => Just(Capture::Never)
    ];
    let profile = option::of(one_of(&["none", "eu", "us"][..]));
    let one = (mostly(true), capture, mostly(true), mostly(true), any::<bool>(), profile, zoom());
    vec(one, MEMBERS.len()).prop_map(|members| {
        std::iter::zip(MEMBERS, members)
            .map(|(id, (seat, capture, calendar_access, active, can_request, profile, zoom))| {
                let emails: &[&str] = match id {
                    "ada" => &["ada@acme.example", "a.lovelace@acme.example"],
                    "bob" => &["bob@acme.example"],
                    "cy" => &["cy@acme.example"],
                    "dee" => &["dee@acme.example"],
                    _ => &["eve@berlin.acme.example"],
                };
                Member {
                    id: id.to_owned(),
                    emails: emails.iter().map(|email| (*email).to_owned()).collect(),
                    seat,
                    capture,
                    calendar_access,
                    active,
                    can_request,
                    consent_profile: profile.map(ToOwned::to_owned),
                    zoom,
                }
            })
            .collect()
    })
}

fn zoom() -> impl Strategy<Value = ZoomFacts> {
    let email = option::of(one_of(&["ada@acme.example", "pa@acme.example"][..]));
    let fact = || option::of(mostly(true));
    (email, fact(), fact(), option::of(any::<bool>()), fact()).prop_map(
        |(email, licensed, auto_recording, local_recording, active)| ZoomFacts {
            email: email.map(ToOwned::to_owned),
            licensed,
            auto_recording,
            local_recording,
            active,
        },
    )
}

fn participant() -> impl Strategy<Value = Person> {
    let address = prop_oneof![15 => one_of(&INVITABLE[..]).prop_map(Some), 1 => Just(None)];
    let answer = prop_oneof![
        4 => Just(Participation::Accepted),
        2 => Just(Participation::NeedsAction),
        2 => Just(Participation::Declined),
        1 => Just(Participation::Tentative),
        1 => Just(Participation::Delegated),
    ];
    let kind = prop_oneof![
        12 => Just(PersonKind::Individual),
        1 => Just(PersonKind::Group),
        1 => Just(PersonKind::Resource),
    ];
    (address, answer, kind).prop_map(|(address, participation, kind)| Person {
        kind: if address == Some("room1@acme.example") { PersonKind::Room } else { kind },
        address: address.map(ToOwned::to_owned),
        participation,
    })
}

fn meeting() -> impl Strategy<Value = Meeting> {
    let organizer = option::weighted(0.9, one_of(&INVITABLE[..9]));
    let people = (organizer, mostly(false), vec(participant(), 0..6));
    let shape = (mostly(true), mostly(true), mostly(false), option::of(one_of(&TITLES[..])));
    let flags = (mostly(false), proptest::bool::weighted(0.05), proptest::bool::weighted(0.05));
    let sensitivity = prop_oneof![
        6 => Just(Sensitivity::Public), 1 => Just(Sensitivity::Personal), 1 => Just(Sensitivity::Private)
    ];
    let asking = vec(one_of(&["ada", "bob", "dee@acme.example", "kim@customer.example"][..]), 0..3);
    let requested = prop_oneof![3 => Just(Vec::new()), 1 => asking];
    let foreign = option::weighted(0.05, one_of(&["acme", "other"][..]));
    let notice = prop_oneof![2 => Just(2_880_i64), 1 => 0_i64..150];
    (people, shape, flags, sensitivity, requested, foreign, notice).prop_map(
        |(people, shape, flags, sensitivity, requested, foreign, notice)| {
            let (organizer, organizer_declined, attendees) = people;
            let (has_ical_uid, ends, all_day, title) = shape;
            let (cancelled, deleted_by_user, recording_canceled) = flags;
            let meeting = Meeting::at(start());
            Meeting {
                has_ical_uid,
                title: title.map(ToOwned::to_owned),
                end: meeting.end.filter(|_| ends),
                all_day,
                cancelled,
                deleted_by_user,
                recording_canceled,
                sensitivity,
                organizer_declined: organizer_declined && organizer.is_some(),
                organizer: organizer.map(person),
                attendees,
                received_at: meeting.start - TimeDelta::minutes(notice),
                requested_by: requested.into_iter().map(ToOwned::to_owned).collect(),
                foreign_company: foreign.map(ToOwned::to_owned),
                ..meeting
            }
        },
    )
}

fn conference() -> impl Strategy<Value = Conference> {
    (one_of(&Provider::ALL[..]), one_of(&["111", "222"][..]))
        .prop_map(|(provider, id)| Conference { provider, id: id.to_owned() })
}

fn links() -> impl Strategy<Value = Vec<Link>> {
    let company = prop_oneof![5 => Just("acme"), 1 => Just("other")];
    let resolved =
        (company, link_type(), conference()).prop_map(|(company, link_type, conference)| {
            Link::Consent(Resolution::Resolved {
                company: company.to_owned(),
                link_type,
                conference,
            })
        });
    let unresolvable = link_type().prop_map(|link_type| {
        Link::Consent(Resolution::Unresolvable { link_type, reason: "unknown_key".into() })
    });
    let link = prop_oneof![
        6 => conference().prop_map(Link::Join),
        5 => resolved,
        1 => unresolvable,
        1 => Just(Link::Unusable { service: "jitsi".into() }),
        1 => Just(Link::Consent(Resolution::NotAConsentLink)),
    ];
    prop_oneof![4 => link.clone().prop_map(|link| vec![link]), 1 => vec(link, 0..4)]
}

//! Changes of a company file, of every kind and mostly one at a time.

use decision::company::{
    Capture, InternalMeetings, Method, NumberMode, NumberRule, Span, WhichMeetings,
};
use decision::{CompanyFile, Provider};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select as one_of;

/// Addresses that members, lists and invitations have in common.
const ADDRESSES: [&str; 8] = [
    "ada@acme.example",
    "bob@acme.example",
    "a.lovelace@acme.example",
    "eve@berlin.acme.example",
    "temp@acme.example",
    "kim@customer.example",
    "lee@eu.partner.example",
    "nobody@else.example",
];

const DOMAINS: [&str; 6] =
    ["acme.example", "berlin.acme.example", "customer.example", "partner.example", "example", "no"];

/// One change of a company file; a place counts from 0 and wraps.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Member(usize, OfMember),
    MemberRemoved(usize),
    MemberMoved(usize),
    MemberAdded(&'static str, &'static str),
    Provider(Provider, OfProvider),
    ExcludedAddress(Entry),
    ExcludedDomain(Entry),
    CrmAddress(Entry),
    CrmDomain(Entry),
    General(General),
}

/// A change of a member.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OfMember {
    Seat,
    Capture(Capture),
    CalendarAccess,
    Active,
    CanRequest,
    Profile(Option<&'static str>),
    ZoomActive(Option<bool>),
    ZoomLicence(Option<bool>),
    ZoomLocal(Option<bool>),
    ZoomEmail(Option<&'static str>),
    /// The address is this member's from now on, and nobody else's.
    AddressTaken(&'static str),
    AddressDropped(usize),
    Id(&'static str),
}

/// A change of a provider's entry.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OfProvider {
    Enabled,
    Configured,
    Method(Method),
    Removed,
}

/// A change of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entry {
    First(usize),
    Last(usize),
    Removed(usize),
}

/// A change that concerns everybody.
#[derive(Debug, Clone, Copy)]
pub(crate) enum General {
    Name,
    WhichMeetings,
    InternalMeetings,
    CrmRequired,
    DispatchAhead,
    Notice,
    CompanyWideAccess,
    DefaultProfile,
    ProfileOff,
    Keyword,
    InternalDomain(usize),
    Assistant,
    Coordinator,
    Telephony,
}

/// One change most often, at times a few.
pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop_oneof![4 => vec(change(), 1), 1 => vec(change(), 2..4)]
}

fn change() -> impl Strategy<Value = Change> {
    let entry = || {
        let place = 0_usize..8;
        prop_oneof![
            place.clone().prop_map(Entry::First),
            place.clone().prop_map(Entry::Last),
            place.prop_map(Entry::Removed),
        ]
    };
    let ids = &["fay", "kim@customer.example", "ada@acme.example"][..];
    let of_provider = one_of(
        &[
            OfProvider::Enabled,
            OfProvider::Configured,
            OfProvider::Method(Method::Native),
            OfProvider::Method(Method::Local),
            OfProvider::Method(Method::Bot),
            OfProvider::Removed,
        ][..],
    );
    prop_oneof![
        8 => (0_usize..5, of_member()).prop_map(|(place, change)| Change::Member(place, change)),
        1 => (0_usize..5).prop_map(Change::MemberRemoved),
        1 => (0_usize..5).prop_map(Change::MemberMoved),
        1 => (one_of(ids), one_of(&ADDRESSES[..]))
            .prop_map(|(id, address)| Change::MemberAdded(id, address)),
        3 => (one_of(&Provider::ALL[..]), of_provider)
            .prop_map(|(provider, change)| Change::Provider(provider, change)),
        2 => entry().prop_map(Change::ExcludedAddress),
        2 => entry().prop_map(Change::ExcludedDomain),
        1 => entry().prop_map(Change::CrmAddress),
        2 => entry().prop_map(Change::CrmDomain),
        2 => general().prop_map(Change::General),
    ]
}

fn of_member() -> impl Strategy<Value = OfMember> {
    let fact = || proptest::option::of(any::<bool>());
    prop_oneof![
        Just(OfMember::Seat),
        one_of(&[Capture::Enabled, Capture::Disabled, Capture::Never][..])
            .prop_map(OfMember::Capture),
        Just(OfMember::CalendarAccess),
        Just(OfMember::Active),
        Just(OfMember::CanRequest),
        one_of(&[None, Some("eu"), Some("us"), Some("none")][..]).prop_map(OfMember::Profile),
        fact().prop_map(OfMember::ZoomActive),
        fact().prop_map(OfMember::ZoomLicence),
        fact().prop_map(OfMember::ZoomLocal),
        proptest::option::of(one_of(&ADDRESSES[..])).prop_map(OfMember::ZoomEmail),
        one_of(&ADDRESSES[..]).prop_map(OfMember::AddressTaken),
        (0_usize..3).prop_map(OfMember::AddressDropped),
        one_of(&["gil", "bob@acme.example"][..]).prop_map(OfMember::Id),
    ]
}

fn general() -> impl Strategy<Value = General> {
    one_of(vec![
        General::Name,
        General::Name,
        General::WhichMeetings,
        General::InternalMeetings,
        General::CrmRequired,
        General::DispatchAhead,
        General::Notice,
        General::CompanyWideAccess,
        General::DefaultProfile,
        General::ProfileOff,
        General::Keyword,
        General::InternalDomain(2),
        General::InternalDomain(4),
        General::Assistant,
        General::Coordinator,
        General::Telephony,
    ])
}

impl Change {
    pub(crate) fn apply(self, file: &mut CompanyFile) {
        match self {
            Self::Member(place, change) => change.apply(file, place),
            Self::MemberRemoved(place) => {
                if !file.members.is_empty() {
                    let place = place % file.members.len();
                    file.members.remove(place);
                }
            }
            Self::MemberMoved(places) => {
                let places = places % file.members.len().max(1);
                file.members.rotate_left(places);
            }
            Self::MemberAdded(id, address) => {
                let json =
                    format!(r#"{{"id": "{id}", "emails": ["{address}"], "can_request": true}}"#);
                if file.members.iter().all(|member| member.id != id) {
                    free(file, address);
                    file.members.push(serde_json::from_str(&json).expect("a member"));
                }
            }
            Self::Provider(provider, change) => {
                let entry = file.settings.providers.entry(provider.as_str().to_owned());
                let entry = entry.or_default();
                match change {
                    OfProvider::Enabled => entry.enabled = !entry.enabled,
                    OfProvider::Configured => entry.configured = !entry.configured,
                    OfProvider::Method(method) => {
                        entry.method = (provider == Provider::Zoom).then_some(method);
                    }
                    OfProvider::Removed => {
                        file.settings.providers.remove(provider.as_str());
                    }
                }
            }
            Self::ExcludedAddress(entry) => {
                entry.apply(&mut file.settings.exclusions.addresses, &ADDRESSES);
            }
            Self::ExcludedDomain(entry) => {
                entry.apply(&mut file.settings.exclusions.domains, &DOMAINS);
            }
            Self::CrmAddress(entry) => entry.apply(&mut file.crm.addresses, &ADDRESSES),
            Self::CrmDomain(entry) => entry.apply(&mut file.crm.domains, &DOMAINS),
            Self::General(change) => change.apply(file),
        }
    }
}

/// Takes an address from whoever has it.
fn free(file: &mut CompanyFile, address: &str) {
    for member in &mut file.members {
        member.emails.retain(|email| email != address);
    }
}

impl OfMember {
    fn apply(self, file: &mut CompanyFile, place: usize) {
        let place = place % file.members.len().max(1);
        if let Self::AddressTaken(address) = self {
            free(file, address);
        }
        let taken = |id: &str, file: &CompanyFile| file.members.iter().any(|one| one.id == id);
        let id_is_free = !matches!(self, Self::Id(id) if taken(id, file));
        let Some(member) = file.members.get_mut(place) else { return };
        match self {
            Self::Seat => member.seat = !member.seat,
            Self::Capture(capture) => member.capture = capture,
            Self::CalendarAccess => member.calendar_access = !member.calendar_access,
            Self::Active => member.active = !member.active,
            Self::CanRequest => member.can_request = !member.can_request,
            Self::Profile(profile) => member.consent_profile = profile.map(ToOwned::to_owned),
            Self::ZoomActive(fact) => member.zoom.active = fact,
            Self::ZoomLicence(fact) => member.zoom.licensed = fact,
            Self::ZoomLocal(fact) => member.zoom.local_recording = fact,
            Self::ZoomEmail(email) => member.zoom.email = email.map(ToOwned::to_owned),
            Self::AddressTaken(address) => member.emails.push(address.to_owned()),
            Self::AddressDropped(which) => {
                if which < member.emails.len() {
                    member.emails.remove(which);
                }
            }
            Self::Id(id) => {
                if id_is_free {
                    member.id = id.to_owned();
                }
            }
        }
    }
}

impl Entry {
    fn apply(self, list: &mut Vec<String>, values: &[&str]) {
        let value = |which: usize| values[which % values.len()].to_owned();
        match self {
            Self::First(which) => list.insert(0, value(which)),
            Self::Last(which) => list.push(value(which)),
            Self::Removed(place) => {
                if !list.is_empty() {
                    let place = place % list.len();
                    list.remove(place);
                }
            }
        }
    }
}

impl General {
    fn apply(self, file: &mut CompanyFile) {
        let recording = &mut file.settings.recording;
        match self {
            Self::Name => file.name.push('!'),
            Self::WhichMeetings => {
                recording.which_meetings = match recording.which_meetings {
                    WhichMeetings::Organizer => WhichMeetings::AnyInvitee,
                    WhichMeetings::AnyInvitee => WhichMeetings::Organizer,
                }
            }
            Self::InternalMeetings => {
                recording.internal_meetings = match recording.internal_meetings {
                    InternalMeetings::Skip => InternalMeetings::Record,
                    InternalMeetings::Record => InternalMeetings::Skip,
                }
            }
            Self::CrmRequired => recording.require_crm_match = !recording.require_crm_match,
            Self::DispatchAhead => recording.dispatch_ahead = Span::minutes(7),
            Self::Notice => recording.notice_guaranteed = Span::minutes(120),
            Self::CompanyWideAccess => {
                let calendar = &mut file.settings.calendar;
                calendar.company_wide_access = !calendar.company_wide_access;
            }
            Self::DefaultProfile => {
                let other = if file.consent.default_profile == "eu" { "none" } else { "eu" };
                file.consent.default_profile = other.to_owned();
            }
            Self::ProfileOff => {
                file.consent
                    .profiles
                    .values_mut()
                    .for_each(|profile| profile.enabled = !profile.enabled);
            }
            Self::Keyword => file.settings.exclusions.keywords.push("renewal".to_owned()),
            Self::InternalDomain(which) => file.domains.push(DOMAINS[which].to_owned()),
            Self::Assistant => file.assistant.push("temp@acme.example".to_owned()),
            Self::Coordinator => file.coordinator.push("lee@eu.partner.example".to_owned()),
            Self::Telephony => {
                let dialer = &mut file.settings.dialer;
                dialer.enabled = !dialer.enabled;
                let (prefix, mode) = ("+49".to_owned(), NumberMode::Prohibited);
                dialer.numbers.push(NumberRule { prefix, mode });
            }
        }
    }
}

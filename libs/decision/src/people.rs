//! Who is invited, who owns a call, and who asked for it.

use std::sync::Arc;

use hashbrown::HashSet;

use crate::company::Capture;
use crate::meeting::{Meeting, Participation, Person, PersonKind};
use crate::policy::{Member, MemberIx, Policy};
use crate::rule::Evidence;

/// From here on duplicates are looked for through an index instead of one by one.
const MANY: usize = 24;

/// One invited person, as far as the company knows them.
#[derive(Debug, Clone, Copy)]
pub struct Invited<'a> {
    /// Comparable address.
    pub address: Option<&'a str>,
    /// Position: 0 is the organizer, 1 the first attendee.
    pub position: u32,
    /// The member whose address was invited.
    pub member: Option<MemberIx>,
    /// Does not come.
    pub declined: bool,
    /// The address lies in an internal domain.
    pub internal: bool,
    /// The exclusion entry that matches.
    pub excluded: Option<Exclusion>,
    /// Known to the CRM.
    pub crm: bool,
}

/// An entry of the exclusion lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exclusion {
    /// Place in `settings.exclusions.addresses`.
    Address(u32),
    /// Place in `settings.exclusions.domains`.
    Domain(u32),
}

impl Exclusion {
    /// Where it stands in the company file.
    #[must_use]
    pub fn setting(self) -> String {
        match self {
            Self::Address(place) => format!("settings.exclusions.addresses[{place}]"),
            Self::Domain(place) => format!("settings.exclusions.domains[{place}]"),
        }
    }
}

/// Everybody who matters for a call.
#[derive(Debug)]
pub struct People<'a> {
    /// The organizer, then the attendees in order; each address once; no rooms, resources, assistants
    /// or coordinators (DOMAIN 8.9).
    pub invited: Vec<Invited<'a>>,
    /// The member who organizes.
    pub organizer: Option<MemberIx>,
    /// The organizer's own answer is no.
    pub organizer_declined: bool,
    /// The recordable person who owns the call, whoever asked for it.
    pub recordable_owner: Option<MemberIx>,
    /// The member whose manual request counts.
    pub requester: Option<MemberIx>,
    /// Somebody asked, and nobody who asked may.
    pub request_rejected: bool,
}

impl<'a> People<'a> {
    /// Finds everybody who matters for a meeting.
    #[must_use]
    pub fn of(policy: &Policy, meeting: &'a Meeting) -> Self {
        let mut gathering = Gathering::of(policy, meeting.attendees.len() + 1);
        let mut organizer = None;
        let mut own_answer = None;
        if let Some(person) = &meeting.organizer {
            organizer =
                person.address.as_deref().and_then(|address| policy.address(address).member);
            gathering.add(person, 0);
        }
        let organizes = |person: &Person| {
            person.address.is_some()
                && meeting.organizer.as_ref().is_some_and(|o| o.address == person.address)
        };
        for (position, person) in (1..).zip(&meeting.attendees) {
            gathering.add(person, position);
            if own_answer.is_none() && organizes(person) {
                own_answer = Some(person.participation == Participation::Declined);
            }
        }
        let organizer_declined = own_answer.unwrap_or(meeting.organizer_declined);
        let Gathering { mut invited, assistant_invited, .. } = gathering;
        if organizer_declined
            && let Some(first) = invited.first_mut()
            && first.position == 0
        {
            first.declined = true;
        }
        let recordable_owner = invited
            .iter()
            .filter(|person| !person.declined)
            .filter_map(|person| person.member)
            .find(|ix| policy.member(*ix).is_some_and(Member::is_recordable));
        let mut people = Self {
            invited,
            organizer,
            organizer_declined,
            recordable_owner,
            requester: None,
            request_rejected: false,
        };
        people.ask(policy, &meeting.requested_by, assistant_invited);
        people
    }

    /// Finds everybody who matters for what nobody was invited to: the one whose telephone or upload it is, and others who
    /// are heard, as a calendar's organizer and attendees. `recordable` tells who may own it.
    #[must_use]
    pub fn heard(
        policy: &Policy,
        first: Option<&'a str>,
        others: &'a [Person],
        requested_by: &[String],
        recordable: fn(&Member) -> bool,
    ) -> Self {
        let mut gathering = Gathering::of(policy, others.len() + 1);
        let organizer = first.and_then(|address| policy.address(address).member);
        if let Some(address) = first {
            gathering.add_address(address, 0, false, true);
        }
        for (position, person) in (1..).zip(others) {
            gathering.add(person, position);
        }
        let Gathering { invited, assistant_invited, .. } = gathering;
        let mut members = invited.iter().filter(|one| !one.declined).filter_map(|one| one.member);
        let recordable_owner = members.find(|ix| policy.member(*ix).is_some_and(recordable));
        let mut people = Self {
            invited,
            organizer,
            organizer_declined: false,
            recordable_owner,
            requester: None,
            request_rejected: false,
        };
        people.ask(policy, requested_by, assistant_invited);
        people
    }

    fn ask(&mut self, policy: &Policy, requested_by: &[String], assistant_invited: bool) {
        if assistant_invited || !requested_by.is_empty() {
            self.requester = self.find_requester(policy, requested_by, assistant_invited);
            self.request_rejected = self.requester.is_none();
        }
    }

    /// Who asked (DOMAIN 1): the caller of the API or the sender of a forward; else, where the
    /// assistant is invited, the organizer, else the first undeclined invited member who may.
    fn find_requester(
        &self,
        policy: &Policy,
        requested_by: &[String],
        assistant_invited: bool,
    ) -> Option<MemberIx> {
        let may = |ix: &MemberIx| policy.member(*ix).is_some_and(Member::may_request);
        let explicit = requested_by
            .iter()
            .filter_map(|who| policy.find_member(who))
            .map(|(ix, _)| ix)
            .find(may);
        explicit.or_else(|| {
            let invited = || self.invited.iter().filter(|p| !p.declined).filter_map(|p| p.member);
            assistant_invited.then(|| self.organizer.filter(may).or_else(|| invited().find(may)))?
        })
    }

    /// The member to whom the call belongs: the recordable owner, else the requester (DOMAIN 1).
    #[must_use]
    pub fn owner(&self) -> Option<MemberIx> {
        self.recordable_owner.or(self.requester)
    }

    /// Those who did not decline.
    pub fn coming(&self) -> impl Iterator<Item = &Invited<'a>> {
        self.invited.iter().filter(|person| !person.declined)
    }

    /// Those who come and are never to be recorded, with seat or without, active or not (DOMAIN 5.11, 8.10).
    #[must_use]
    pub fn never_recorded(&self, policy: &Policy) -> Vec<Evidence> {
        let mut evidence: Vec<Evidence> = self
            .coming()
            .filter_map(|person| policy.member(person.member?))
            .filter(|member| member.capture == Capture::Never)
            .map(|member| Evidence::Member(Arc::clone(&member.id)))
            .collect();
        evidence.sort();
        evidence.dedup();
        evidence
    }

    /// The entries of the exclusion lists that fit somebody, or the title (DOMAIN 5.10, 8.20).
    #[must_use]
    pub fn excluded(&self, policy: &Policy, title: Option<&str>) -> Vec<Evidence> {
        let people = self.invited.iter().filter_map(|person| match person.excluded? {
            Exclusion::Address(i) => Some(format!("settings.exclusions.addresses[{i}]")),
            Exclusion::Domain(i) => Some(format!("settings.exclusions.domains[{i}]")),
        });
        let keyword = title.and_then(|title| policy.keyword_in(title));
        let keyword = keyword.map(|i| format!("settings.exclusions.keywords[{i}]"));
        let mut evidence: Vec<Evidence> =
            people.chain(keyword).map(|place| Evidence::Setting(place.into())).collect();
        evidence.sort();
        evidence.dedup();
        evidence
    }
}

/// The list of invited persons while it grows.
struct Gathering<'p, 'a> {
    policy: &'p Policy,
    invited: Vec<Invited<'a>>,
    index: HashSet<&'a str, foldhash::fast::FixedState>,
    assistant_invited: bool,
}

impl<'p, 'a> Gathering<'p, 'a> {
    fn of(policy: &'p Policy, expected: usize) -> Self {
        Self {
            policy,
            invited: Vec::with_capacity(expected),
            index: HashSet::with_hasher(foldhash::fast::FixedState::with_seed(1)),
            assistant_invited: false,
        }
    }

    fn add(&mut self, person: &'a Person, position: u32) {
        let declined = person.participation == Participation::Declined;
        let Some(address) = person.address.as_deref() else {
            if matches!(person.kind, PersonKind::Individual | PersonKind::Group) {
                self.invited.push(Invited {
                    address: None,
                    position,
                    member: None,
                    declined,
                    internal: false,
                    excluded: None,
                    crm: false,
                });
            }
            return;
        };
        let is_person = matches!(person.kind, PersonKind::Individual | PersonKind::Group);
        self.add_address(address, position, declined, is_person);
    }

    fn add_address(&mut self, address: &'a str, position: u32, declined: bool, is_person: bool) {
        let known = self.policy.address(address);
        if known.assistant || known.coordinator {
            self.assistant_invited |= known.assistant && position > 0;
            return;
        }
        if !is_person {
            return;
        }
        // Invited twice: the first entry counts; the organizer's own answer is read apart.
        if self.is_known(address) {
            return;
        }
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        let domain = self.policy.domain(domain);
        self.remember(address);
        self.invited.push(Invited {
            address: Some(address),
            position,
            member: known.member,
            declined,
            internal: domain.internal,
            excluded: known
                .excluded
                .map(Exclusion::Address)
                .or(domain.excluded.map(Exclusion::Domain)),
            crm: known.crm || domain.crm,
        });
    }

    fn is_known(&self, address: &str) -> bool {
        if self.invited.len() < MANY {
            return self.invited.iter().any(|person| person.address == Some(address));
        }
        self.index.contains(address)
    }

    fn remember(&mut self, address: &'a str) {
        if self.invited.len() + 1 == MANY {
            self.index.extend(self.invited.iter().filter_map(|person| person.address));
        }
        if self.invited.len() + 1 >= MANY {
            self.index.insert(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::CompanyFile;

    fn policy(members: &str) -> Policy {
        let mut file = CompanyFile::named("acme");
        file.assistant = vec!["recorder@acme.example".into()];
        file.members = serde_json::from_str(members).unwrap();
        Policy::compile(&file, 1)
    }

    fn person(address: &str) -> Person {
        Person { address: Some(address.into()), ..Person::default() }
    }

    fn meeting(organizer: &str, attendees: &[&str]) -> Meeting {
        let mut meeting = Meeting::at(chrono::DateTime::UNIX_EPOCH);
        meeting.organizer = Some(person(organizer));
        meeting.attendees = attendees.iter().map(|a| person(a)).collect();
        meeting
    }

    const ADA_AND_BOB: &str = r#"[
        {"id":"ada","emails":["ada@acme.example"]},
        {"id":"bob","emails":["bob@acme.example"],"can_request":true}
    ]"#;

    #[test]
    fn the_owner_is_the_organizer_if_recordable_else_the_first_recordable_invitee() {
        let policy = policy(ADA_AND_BOB);
        let meeting1 = meeting("bob@acme.example", &["ada@acme.example"]);
        assert_eq!(People::of(&policy, &meeting1).owner(), Some(1));
        let meeting2 = meeting("x@other.example", &["y@other.example", "ada@acme.example"]);
        assert_eq!(People::of(&policy, &meeting2).owner(), Some(0));
    }

    #[test]
    fn an_invited_assistant_is_asked_for_by_somebody_who_may() {
        let policy = policy(ADA_AND_BOB);
        let asked = meeting("ada@acme.example", &["recorder@acme.example", "bob@acme.example"]);
        assert_eq!(People::of(&policy, &asked).requester, Some(1));
        let not = meeting("ada@acme.example", &["recorder@acme.example"]);
        let people = People::of(&policy, &not);
        assert_eq!(
            (people.requester, people.request_rejected, people.invited.len()),
            (None, true, 1)
        );
    }

    #[test]
    fn an_address_counts_once_however_many_are_invited() {
        let policy = policy(ADA_AND_BOB);
        let mut addresses: Vec<String> = (0..100).map(|i| format!("p{i}@other.example")).collect();
        addresses.extend(addresses.clone());
        addresses.push("x@other.example".into());
        let meeting =
            meeting("x@other.example", &addresses.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(People::of(&policy, &meeting).invited.len(), 101);
    }

    #[test]
    fn the_organizers_own_entry_tells_whether_the_organizer_comes() {
        let policy = policy(ADA_AND_BOB);
        let mut declined = meeting("ada@acme.example", &["ada@acme.example", "bob@acme.example"]);
        declined.attendees[0].participation = Participation::Declined;
        let people = People::of(&policy, &declined);
        assert!(people.organizer_declined);
        assert_eq!(people.owner(), Some(1));
    }
}

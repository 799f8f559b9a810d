//! What a change of a company file can affect, so that nothing else is decided again.
//!
//! A call leaves [`Traces`]: hashes of every name by which a rule may look it up in a policy, and the
//! providers of its links. A change has a [`Reach`]: the names it is about. Where the two have nothing in
//! common, the decision on the call stays as it is but for the policy version it names.
//!
//! Decisions compare versions too ([`crate::plan::Last::policy_version`]). Whoever leaves a call as it is
//! because a change does not reach it notes the new version as the one it was judged by; otherwise a later
//! stop for quite another reason would be laid at the door of a change that had nothing to do with it.
//!
//! What reaches which call, field by field of the file:
//!
//! | changed | reaches |
//! |---|---|
//! | `name`, the order of `members` | nothing |
//! | a member, whatever of it; added, removed | calls that name one of its addresses or its id, old or new: by invitation, by a request, or as owner of an earlier plan |
//! | `settings.providers` | calls with a link to that provider, and those with a consent link that nobody can resolve |
//! | `settings.exclusions.addresses`, `.domains`, `crm` | calls to which such an address, or one in such a domain, is invited; an entry whose place in the list changed counts as changed |
//! | `settings.dialer.numbers`, `.own_numbers` | telephone calls with a number that begins so; an entry whose place in the list changed counts as changed |
//! | everything else of `settings.dialer` | telephone calls |
//! | everything else | everything |
//!
//! A change of a domain or an assistant can also matter to other companies, through whose calendars or
//! assistants an event may have come: see [`Reach::beyond`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::company::{CompanyFile, Crm, Exclusions, Member, Settings};
use crate::links::{Link, Resolution};
use crate::meeting::{Meeting, Person, Provider};
use crate::numbers::Numbers;
use crate::phone::Number;
use crate::policy::Policy;
use crate::upload::Upload;
use crate::{telephone, text};

/// A set of providers: bit `i` stands for `Provider::ALL[i]`. The bits are stored, so a new provider is
/// appended there and never put in between.
type Providers = u8;

const ALL_PROVIDERS: Providers = (1 << Provider::ALL.len()) - 1;

/// The bit beside those of the providers that stands for telephony.
const TELEPHONY: Providers = 0x40;

/// Beyond so many names a call is said to be touched by every change.
const MANY: usize = 2_048;

fn bit(provider: Provider) -> Providers {
    Provider::ALL.iter().position(|one| *one == provider).map_or(0, |place| 1 << place)
}

/// FNV-1a in 64 bits over the bytes of a name, the last one first: so the hashes of all domains above an
/// address come up on the way to its own. Two names with one hash only cost a needless decision.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    const fn and(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3))
    }

    fn of(name: &str) -> u64 {
        name.bytes().rev().fold(Self::EMPTY, Self::and).0
    }
}

/// What of a call a policy can bite on. Built anew whenever the call is judged, from what it was judged
/// from. No name can be read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    /// Of names; ascending, each once.
    hashes: Vec<u64>,
    providers: Providers,
    /// It is touched by every change: too many names, or nobody knows which.
    everywhere: bool,
}

impl Traces {
    /// The first byte of the stored form.
    const FORM: u8 = 1;
    /// The bit beside those of the providers that says "everywhere".
    const EVERYWHERE: u8 = 0x80;

    /// The traces of a call: a meeting as it is judged, its past included, and its links, resolved.
    #[must_use]
    pub fn of(meeting: &Meeting, links: &[Link]) -> Self {
        let mut names = Names::default();
        for person in meeting.organizer.iter().chain(&meeting.attendees) {
            if let Some(address) = &person.address {
                names.add_with_domains(address);
            }
        }
        names.add_all(&meeting.requested_by);
        if let Some(owner) = &meeting.planned_owner {
            names.add(owner);
        }
        if let Some(recipient) = &meeting.foreign_company {
            names.add_recipient(recipient);
        }
        let mut providers = meeting.links.provider.map_or(0, bit);
        for link in links {
            providers |= match link {
                Link::Consent(Resolution::Unresolvable { .. }) => ALL_PROVIDERS,
                Link::Join(_) | Link::Unusable { .. } | Link::Consent(_) => {
                    link.conference().map_or(0, |conference| bit(conference.provider))
                }
            };
        }
        names.into_traces(providers)
    }

    /// The traces of a telephone call, judged by that policy. Whom a user's id stands for is looked up there, and may change
    /// only with a member of that id.
    #[must_use]
    pub fn of_telephone(policy: &Policy, call: &telephone::Call) -> Self {
        let mut names = Names::default();
        names.add_people(policy, call.user.as_deref(), &call.participants);
        names.add_all(&call.requested_by);
        let (own, other) = Number::both(&call.own_number, &call.other_number);
        for full in [&own, &other].into_iter().filter_map(Number::full) {
            for length in 1..=full.digits().len() {
                if let Some(beginning) = full.digits().get(..length) {
                    names.add(&prefix(beginning));
                }
            }
        }
        names.into_traces(TELEPHONY)
    }

    /// The traces of an upload, judged by that policy.
    #[must_use]
    pub fn of_upload(policy: &Policy, upload: &Upload) -> Self {
        let mut names = Names::default();
        names.add_people(policy, Some(&upload.owner), &upload.participants);
        names.into_traces(0)
    }

    /// Traces of a call of which nothing is known: every change touches it.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { hashes: Vec::new(), providers: ALL_PROVIDERS | TELEPHONY, everywhere: true }
    }

    /// The form in which they are stored: a byte for the form, one for the providers, eight for each name.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 + 8 * self.hashes.len());
        bytes.push(Self::FORM);
        bytes.push(self.providers | if self.everywhere { Self::EVERYWHERE } else { 0 });
        bytes.extend(self.hashes.iter().flat_map(|hash| hash.to_be_bytes()));
        bytes
    }

    /// Reads the stored form. What cannot be read is [`Self::unknown`]: it costs a decision, and none is
    /// left out.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let [Self::FORM, flags, rest @ ..] = bytes else { return Self::unknown() };
        let (hashes, surplus) = rest.as_chunks::<8>();
        let hashes: Vec<u64> = hashes.iter().map(|hash| u64::from_be_bytes(*hash)).collect();
        let providers = flags & !Self::EVERYWHERE;
        if !surplus.is_empty()
            || providers & !(ALL_PROVIDERS | TELEPHONY) != 0
            || !hashes.is_sorted()
        {
            return Self::unknown();
        }
        Self { hashes, providers, everywhere: flags & Self::EVERYWHERE != 0 }
    }
}

/// Names while they are collected.
#[derive(Default)]
struct Names {
    hashes: Vec<u64>,
    too_many: bool,
}

impl Names {
    fn add(&mut self, name: &str) {
        self.push(Hash::of(name));
    }

    /// An address, its domain, and every domain above.
    fn add_with_domains(&mut self, address: &str) {
        let mut hash = Hash::EMPTY;
        let mut in_domain = true;
        for byte in address.bytes().rev() {
            if in_domain && (byte == b'.' || byte == b'@') {
                self.push(hash.0);
                in_domain = byte == b'.';
            }
            hash = hash.and(byte);
        }
        self.push(hash.0);
    }

    /// Ids or addresses of those who asked.
    fn add_all(&mut self, asked: &[String]) {
        for who in asked {
            self.add(who);
            if let Some(address) = text::address(who) {
                self.add(&address);
            }
        }
    }

    /// An id or address of somebody of the company, with the address by which the member goes, and others' addresses.
    fn add_people(&mut self, policy: &Policy, who: Option<&str>, others: &[Person]) {
        if let Some(who) = who {
            self.add(who);
            if let Some(address) = text::address(who) {
                self.add_with_domains(&address);
            }
            if let Some((_, member)) = policy.find_member(who) {
                self.add(&member.id);
                member.emails.first().iter().for_each(|address| self.add_with_domains(address));
            }
        }
        for address in others.iter().filter_map(|person| person.address.as_deref()) {
            self.add_with_domains(address);
        }
    }

    /// An address or a domain through which an event came, with every domain above.
    fn add_recipient(&mut self, recipient: &str) {
        let comparable = text::address(recipient).or_else(|| text::domain(recipient));
        self.add_with_domains(comparable.as_deref().unwrap_or(recipient));
    }

    fn push(&mut self, hash: u64) {
        if self.hashes.len() >= 16 * MANY {
            self.tidy();
        }
        if self.too_many || self.hashes.last() == Some(&hash) {
            return;
        }
        self.hashes.push(hash);
    }

    fn tidy(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        if self.hashes.len() > MANY {
            self.too_many = true;
            self.hashes = Vec::new();
        }
    }

    fn into_traces(mut self, providers: Providers) -> Traces {
        self.tidy();
        self.hashes.shrink_to_fit();
        Traces { hashes: self.hashes, providers, everywhere: self.too_many }
    }
}

/// Hashes of the names by which a recipient can belong to a company: by them calls are found that
/// [`Reach::beyond`] is about, among those of all companies, and no name can be read from them. Ascending,
/// each once.
#[must_use]
pub fn recipient(recipient: &str) -> Vec<u64> {
    let mut names = Names::default();
    names.add_recipient(recipient);
    names.into_traces(0).hashes
}

/// What a change of a company file can affect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// No call.
    #[default]
    Nothing,
    /// Calls that name one of these.
    Named(Named),
    /// Every call.
    Everything,
}

/// What a change is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Named {
    /// Hashes of addresses, domains and ids.
    hashes: BTreeSet<u64>,
    providers: Providers,
}

impl Named {
    fn add(&mut self, name: &str) {
        self.hashes.insert(Hash::of(name));
    }
}

impl From<Named> for Reach {
    fn from(named: Named) -> Self {
        if named == Named::default() { Self::Nothing } else { Self::Named(named) }
    }
}

impl Reach {
    /// What a change from one company file to another can affect of the company's own calls.
    #[must_use]
    pub fn between(old: &CompanyFile, new: &CompanyFile) -> Self {
        if old == new {
            return Self::Nothing;
        }
        // Taken apart by name, so that a new field is not forgotten here.
        let CompanyFile {
            company,
            name: _,
            time_zone,
            domains,
            assistant,
            coordinator,
            settings: Settings { calendar, recording, exclusions, providers, dialer },
            consent,
            members,
            crm,
        } = old;
        let Exclusions { domains: excluded_domains, addresses: excluded, keywords } = exclusions;
        let Crm { addresses: known, domains: known_domains } = crm;
        let is_general = *company != new.company
            || *time_zone != new.time_zone
            || *domains != new.domains
            || *assistant != new.assistant
            || *coordinator != new.coordinator
            || *calendar != new.settings.calendar
            || *recording != new.settings.recording
            || *keywords != new.settings.exclusions.keywords
            || *consent != new.consent;
        if is_general {
            return Self::Everything;
        }
        let mut named = Named::default();
        if *members != new.members {
            let (Some(before), Some(after)) = (by_id(members), by_id(&new.members)) else {
                return Self::Everything;
            };
            for id in differing(&before, &after) {
                named.add(id);
                let of_member = before.get(id).into_iter().chain(after.get(id));
                for raw in of_member.flat_map(|member| &member.emails) {
                    text::address(raw).iter().for_each(|address| named.add(address));
                }
            }
        }
        for provider in Provider::ALL {
            if providers.get(provider.as_str()) != new.settings.providers.get(provider.as_str()) {
                named.providers |= bit(provider);
            }
        }
        if *dialer != new.settings.dialer {
            let before = Numbers::of(dialer);
            match before.differing(&Numbers::of(&new.settings.dialer)) {
                Some(beginnings) if dialer.enabled == new.settings.dialer.enabled => {
                    beginnings.iter().for_each(|beginning| named.add(&prefix(beginning)));
                }
                Some(_) | None => named.providers |= TELEPHONY,
            }
        }
        let new_lists = (&new.settings.exclusions, &new.crm);
        for (before, after, comparable) in [
            (excluded, &new_lists.0.addresses, text::address as fn(&str) -> Option<String>),
            (excluded_domains, &new_lists.0.domains, text::domain),
        ] {
            let (before, after) = (places(before, comparable), places(after, comparable));
            differing(&before, &after).into_iter().for_each(|entry| named.add(entry));
        }
        for (before, after, comparable) in [
            (known, &new_lists.1.addresses, text::address as fn(&str) -> Option<String>),
            (known_domains, &new_lists.1.domains, text::domain),
        ] {
            for entry in one_sided(before, after, comparable) {
                named.add(&entry);
            }
        }
        named.into()
    }

    /// What a change can affect of the calls of all other companies: those whose event came through a
    /// calendar or an assistant that somebody began or ceased to call their own (DOMAIN 5.14). `old` is
    /// none for a company that is new.
    #[must_use]
    pub fn beyond(old: Option<&CompanyFile>, new: &CompanyFile) -> Self {
        let mut named = Named::default();
        let none: &[String] = &[];
        let (domains, assistant) = old.map_or((none, none), |old| (&old.domains, &old.assistant));
        let domains = one_sided(domains, &new.domains, text::domain);
        let assistants = one_sided(assistant, &new.assistant, text::address);
        for name in domains.iter().chain(&assistants) {
            named.add(name);
        }
        named.into()
    }

    /// The hashes of the names it is about, to look calls up by; none where it is about nothing or everything.
    pub fn names(&self) -> impl Iterator<Item = u64> {
        let named = match self {
            Self::Named(named) => Some(named),
            Self::Nothing | Self::Everything => None,
        };
        named.into_iter().flat_map(|named| named.hashes.iter().copied())
    }

    /// What one change or another can affect, or both in a row.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Everything, _) | (_, Self::Everything) => Self::Everything,
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (Self::Named(mut one), Self::Named(two)) => {
                one.hashes.extend(two.hashes);
                one.providers |= two.providers;
                Self::Named(one)
            }
        }
    }

    /// Whether it can affect the call that left these traces.
    #[must_use]
    pub fn touches(&self, traces: &Traces) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Named(named) => {
                traces.everywhere
                    || named.providers & traces.providers != 0
                    || traces.hashes.iter().any(|hash| named.hashes.contains(hash))
            }
        }
    }
}

/// The name of numbers that begin with these digits.
fn prefix(digits: &str) -> String {
    format!("+{digits}")
}

/// Members by id; none where an id or an address belongs to two, so that their order matters.
fn by_id(members: &[Member]) -> Option<BTreeMap<&str, &Member>> {
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for member in members {
        for address in member.emails.iter().filter_map(|raw| text::address(raw)) {
            if owners.insert(address, &member.id).is_some_and(|other| other != member.id) {
                return None;
            }
        }
    }
    let found: BTreeMap<&str, &Member> =
        members.iter().map(|member| (member.id.as_str(), member)).collect();
    (found.len() == members.len()).then_some(found)
}

/// The keys whose values differ, or that only one of two maps has.
fn differing<'m, K: Ord, V: PartialEq>(
    before: &'m BTreeMap<K, V>,
    after: &'m BTreeMap<K, V>,
) -> BTreeSet<&'m K> {
    let keys = before.keys().chain(after.keys());
    keys.filter(|key| before.get(key) != after.get(key)).collect()
}

/// Each entry of a list with its first place, which evidence names.
fn places(list: &[String], comparable: fn(&str) -> Option<String>) -> BTreeMap<String, usize> {
    let mut places = BTreeMap::new();
    for (place, raw) in list.iter().enumerate() {
        if let Some(entry) = comparable(raw) {
            places.entry(entry).or_insert(place);
        }
    }
    places
}

/// The entries that only one of two lists has.
fn one_sided(
    before: &[String],
    after: &[String],
    comparable: fn(&str) -> Option<String>,
) -> Vec<String> {
    let entries = |list: &[String]| -> BTreeSet<String> {
        list.iter().filter_map(|raw| comparable(raw)).collect()
    };
    entries(before).symmetric_difference(&entries(after)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::{Capture, ProviderEntry};
    use crate::eligibility::example::{company, meeting, person};
    use crate::links::Link;
    use crate::meeting::Conference;

    fn reach(change: impl FnOnce(&mut CompanyFile)) -> Reach {
        let mut new = company();
        change(&mut new);
        Reach::between(&company(), &new)
    }

    fn traces(change: impl FnOnce(&mut Meeting)) -> Traces {
        let mut meeting = meeting();
        change(&mut meeting);
        Traces::of(&meeting, &[])
    }

    fn zoom() -> ProviderEntry {
        ProviderEntry { enabled: true, ..ProviderEntry::default() }
    }

    #[test]
    fn the_hash_is_the_one_that_is_stored() {
        // FNV-1a of "a" and of "foobar", the bytes of the latter from the last to the first.
        assert_eq!(Hash::of("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(Hash::of("raboof"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_member_reaches_those_who_invite_ask_for_or_once_belonged_to_the_member() {
        let change = reach(|company| company.members[1].capture = Capture::Disabled);
        assert!(!change.touches(&traces(|_| {})));
        assert!(change.touches(&traces(|m| m.attendees.push(person("bob@acme.example")))));
        for who in ["bob", "bob@acme.example", " MAILTO:Bob@ACME.example "] {
            assert!(change.touches(&traces(|m| m.requested_by.push(who.into()))), "{who}");
        }
        assert!(change.touches(&traces(|m| m.planned_owner = Some("bob".into()))));
    }

    #[test]
    fn an_address_reaches_calls_as_the_old_and_as_the_new_one() {
        let change = reach(|company| company.members[1].emails = vec!["Rob@acme.example".into()]);
        for address in ["bob@acme.example", "rob@acme.example"] {
            assert!(change.touches(&traces(|m| m.attendees.push(person(address)))), "{address}");
        }
    }

    #[test]
    fn members_in_another_order_reach_nothing_unless_two_share_what_is_one_persons() {
        assert_eq!(reach(|company| company.members.reverse()), Reach::Nothing);
        let shared = reach(|company| {
            company.members[1].emails.push("ada@acme.example".into());
        });
        assert_eq!(shared, Reach::Everything);
    }

    #[test]
    fn a_provider_reaches_calls_with_a_link_to_it_and_those_whose_link_nobody_can_resolve() {
        let change = reach(|company| {
            company.settings.providers.insert("teams".into(), zoom());
        });
        assert!(!change.touches(&traces(|_| {})));
        let link = |provider| [Link::Join(Conference { provider, id: "1".into() })];
        assert!(change.touches(&Traces::of(&meeting(), &link(Provider::Teams))));
        assert!(!change.touches(&Traces::of(&meeting(), &link(Provider::Webex))));
        let unresolvable = Link::Consent(Resolution::Unresolvable {
            link_type: crate::company::LinkType::Static,
            reason: "unavailable".into(),
        });
        assert!(change.touches(&Traces::of(&meeting(), &[unresolvable])));
    }

    #[test]
    fn an_entry_whose_place_changed_reaches_the_calls_that_tell_of_its_place() {
        let mut old = company();
        let list = |entries: [&str; 2]| entries.map(ToOwned::to_owned).to_vec();
        old.settings.exclusions.addresses = list(["x@other.example", "kim@customer.example"]);
        old.settings.exclusions.domains = list(["other.example", "Customer.example"]);
        let invited = traces(|_| {});
        let mut addresses = old.clone();
        addresses.settings.exclusions.addresses.remove(0);
        assert!(Reach::between(&old, &addresses).touches(&invited));
        let mut domains = old.clone();
        domains.settings.exclusions.domains.remove(0);
        assert!(Reach::between(&old, &domains).touches(&invited));
        let mut last = old.clone();
        last.settings.exclusions.domains.push("elsewhere.example".into());
        assert!(!Reach::between(&old, &last).touches(&invited));
    }

    #[test]
    fn a_name_reaches_nothing_and_a_keyword_everything() {
        assert_eq!(reach(|company| company.name = "Acme".into()), Reach::Nothing);
        assert_eq!(
            reach(|company| company.settings.exclusions.keywords.push("board".into())),
            Reach::Everything
        );
    }

    fn of_telephone(change: impl FnOnce(&mut telephone::Call)) -> Traces {
        let mut call = telephone::example::call();
        change(&mut call);
        Traces::of_telephone(&Policy::compile(&company(), 1), &call)
    }

    #[test]
    fn the_switch_of_telephony_reaches_telephone_calls_and_nothing_else() {
        let uploaded =
            Traces::of_upload(&Policy::compile(&company(), 1), &crate::upload::example::upload());
        let mut other = company();
        other.settings.dialer.unknown = Some(crate::company::NumberMode::Manual);
        for change in [
            reach(|company| company.settings.dialer.enabled = false),
            Reach::between(&company(), &other),
        ] {
            assert!(change.touches(&of_telephone(|_| {})));
            assert!(!change.touches(&traces(|_| {})) && !change.touches(&uploaded));
        }
    }

    #[test]
    fn a_beginning_reaches_the_calls_whose_numbers_have_it() {
        use crate::company::NumberMode::{Automatic, Manual};
        let mut old = company();
        let rules = [("+33", Manual), ("+44", Automatic)];
        old.settings.dialer.numbers =
            rules.map(|(digits, mode)| telephone::example::rule(digits, mode)).to_vec();
        let touched = |change: fn(&mut CompanyFile), number: &str| {
            let mut new = old.clone();
            change(&mut new);
            Reach::between(&old, &new).touches(&of_telephone(|call| {
                call.own_number = "+12125551234".into();
                call.other_number = number.into();
            }))
        };
        let germany: fn(&mut CompanyFile) = |company| {
            company.settings.dialer.numbers.push(telephone::example::rule("+49", Automatic));
        };
        assert!(touched(germany, "+493012345678") && !touched(germany, "+442079460000"));
        let own: fn(&mut CompanyFile) =
            |company| company.settings.dialer.own_numbers.push("+4930".into());
        assert!(touched(own, "+493012345678") && !touched(own, "+498912345678"));
        let moved: fn(&mut CompanyFile) = |company| company.settings.dialer.numbers.reverse();
        assert!(touched(moved, "+442079460000") && !touched(moved, "+493012345678"));
        // A stricter entry is what holds for numbers that nobody can place.
        let stricter: fn(&mut CompanyFile) = |company| {
            let mode = crate::company::NumberMode::Prohibited;
            company.settings.dialer.numbers.push(telephone::example::rule("+81", mode));
        };
        assert!(touched(stricter, "anonymous"));
    }

    #[test]
    fn a_member_reaches_calls_and_uploads_by_id_and_by_the_address_that_the_id_stands_for() {
        let change = reach(|company| company.members[0].seat = false);
        assert!(change.touches(&of_telephone(|_| {})));
        assert!(!change.touches(&of_telephone(|call| call.user = Some("bob".into()))));
        let excluded = reach(|company| {
            company.settings.exclusions.addresses.push("ada@acme.example".into());
        });
        assert!(excluded.touches(&of_telephone(|_| {})));
    }

    #[test]
    fn a_domain_that_is_claimed_reaches_events_that_came_through_it() {
        let mut new = company();
        new.domains.push("Lab.example".into());
        let change = Reach::beyond(Some(&company()), &new);
        let through = |recipient: &str| traces(|m| m.foreign_company = Some(recipient.into()));
        assert!(change.touches(&through("notes@eu.lab.example")));
        assert!(change.touches(&through("lab.example")));
        assert!(!change.touches(&through("recorder@acme.example")));
        assert!(Reach::beyond(None, &company()).touches(&through("Recorder@acme.example")));
        assert_eq!(Reach::beyond(Some(&new), &new), Reach::Nothing);
    }

    #[test]
    fn a_recipient_is_found_by_every_name_that_somebody_may_claim() {
        let found = |name: &str| {
            let new = CompanyFile { domains: vec![name.into()], ..company() };
            let change = Reach::beyond(None, &new);
            let names = recipient(" Mailto:Notes@EU.lab.example");
            change.names().any(|hash| names.contains(&hash))
        };
        assert!(found("eu.lab.example") && found("Lab.example") && found("example"));
        assert!(!found("ab.example") && !found("notes.eu.lab.example"));
        let assistant = CompanyFile {
            domains: Vec::new(),
            assistant: vec!["notes@eu.lab.example".into()],
            ..company()
        };
        let change = Reach::beyond(None, &assistant);
        let finds = |who: &str| change.names().any(|hash| recipient(who).contains(&hash));
        assert!(finds("notes@eu.lab.example") && !finds("other@eu.lab.example"));
    }

    #[test]
    fn a_crowd_is_touched_by_every_change() {
        let crowd = traces(|m| {
            m.attendees.extend((0..40_000).map(|i| person(&format!("p{i}@x{i}.example"))));
        });
        let change = reach(|company| company.members[1].seat = false);
        assert!(change.touches(&crowd));
        assert_eq!(crowd.to_bytes().len(), 2);
        assert!(!Reach::Nothing.touches(&Traces::unknown()));
    }
}

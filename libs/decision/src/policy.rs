//! A company file made ready for judging: every list is an index, so that a meeting costs the same
//! against ten entries and against ten thousand.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::company::{Capture, CompanyFile, Method, NO_PROFILE, Profile, Settings, ZoomFacts};
use crate::meeting::Provider;
use crate::numbers::Numbers;
use crate::text;

/// Place of a member in [`Policy::members`].
pub type MemberIx = u32;

/// A team member, ready for judging.
#[derive(Debug, Clone)]
pub struct Member {
    /// Id.
    pub id: Arc<str>,
    /// Comparable addresses.
    pub emails: Vec<String>,
    /// Has a seat.
    pub seat: bool,
    /// Capture.
    pub capture: Capture,
    /// The calendar can be read, by whichever connection.
    pub reachable: bool,
    /// Not deactivated.
    pub active: bool,
    /// May request recordings.
    pub can_request: bool,
    /// Name of the consent profile that holds for this member's calls; none for no profile.
    pub profile: Option<Arc<str>>,
    /// The Zoom user.
    pub zoom: ZoomFacts,
}

impl Member {
    /// Seat, capture on, calendar reachable, active (DOMAIN 1).
    #[must_use]
    pub fn is_recordable(&self) -> bool {
        self.active && self.would_be_recordable_if_active()
    }

    /// Seat, capture on, active: what it takes where no calendar has a part in it, as for telephone calls.
    #[must_use]
    pub fn is_recordable_by_phone(&self) -> bool {
        self.active && self.would_be_recordable_by_phone_if_active()
    }

    /// The same but for being deactivated.
    #[must_use]
    pub fn would_be_recordable_by_phone_if_active(&self) -> bool {
        self.seat && self.capture == Capture::Enabled
    }

    /// Recordable but for being deactivated.
    #[must_use]
    pub fn would_be_recordable_if_active(&self) -> bool {
        self.seat && self.capture == Capture::Enabled && self.reachable
    }

    /// May ask for recordings: active, with a seat and the permission.
    #[must_use]
    pub fn may_request(&self) -> bool {
        self.active && self.seat && self.can_request
    }
}

/// What is known of one address.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AddressEntry {
    pub(crate) member: Option<MemberIx>,
    /// The member who signs in to Zoom by it.
    pub(crate) account: Option<MemberIx>,
    pub(crate) excluded: Option<u32>,
    pub(crate) crm: bool,
    pub(crate) assistant: bool,
    pub(crate) coordinator: bool,
}

/// What is known of one domain, not of those below it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DomainEntry {
    pub(crate) internal: bool,
    pub(crate) excluded: Option<u32>,
    pub(crate) crm: bool,
}

/// A company's policy at one version.
#[derive(Debug)]
pub struct Policy {
    /// Id of the company.
    pub company: Arc<str>,
    /// Version, from 1; 0 for one that is not stored. A draft is tried under the version it would get:
    /// decisions are compared with earlier ones by version, and by nothing else of it.
    pub version: u64,
    /// Zone of the company.
    pub zone: chrono_tz::Tz,
    /// Settings as declared.
    pub settings: Settings,
    /// Team members in the order of the file.
    pub members: Vec<Member>,
    /// Host name of the consent pages, comparable; none when there are none.
    pub consent_host: Option<String>,
    /// Name of the default consent profile; none for no profile.
    pub default_profile: Option<Arc<str>>,
    /// What holds for telephone numbers.
    pub numbers: Numbers,
    profiles: HashMap<Arc<str>, Profile, FixedState>,
    members_by_id: HashMap<Arc<str>, MemberIx, FixedState>,
    addresses: HashMap<String, AddressEntry, FixedState>,
    domains: HashMap<String, DomainEntry, FixedState>,
    deepest_domain: usize,
    keywords: Option<AhoCorasick>,
}

impl Policy {
    /// Makes a valid company file ready. What [`CompanyFile::validate`] refuses is left out silently.
    #[must_use]
    pub fn compile(file: &CompanyFile, version: u64) -> Self {
        let hasher = || FixedState::with_seed(0);
        let mut policy = Self {
            company: Arc::from(file.company.as_str()),
            version,
            zone: file.time_zone.parse().unwrap_or(chrono_tz::UTC),
            settings: file.settings.clone(),
            members: Vec::with_capacity(file.members.len()),
            consent_host: text::domain(&file.consent.host),
            default_profile: profile_name(&file.consent.default_profile),
            numbers: Numbers::of(&file.settings.dialer),
            profiles: HashMap::with_hasher(hasher()),
            members_by_id: HashMap::with_hasher(hasher()),
            addresses: HashMap::with_hasher(hasher()),
            domains: HashMap::with_hasher(hasher()),
            deepest_domain: 0,
            keywords: keywords(&file.settings.exclusions.keywords),
        };
        for (name, profile) in &file.consent.profiles {
            policy.profiles.insert(Arc::from(name.as_str()), profile.clone());
        }
        policy.index_members(file);
        policy.index_lists(file);
        policy
    }

    fn index_members(&mut self, file: &CompanyFile) {
        for (ix, declared) in (0..).zip(&file.members) {
            let id: Arc<str> = Arc::from(declared.id.as_str());
            let emails: Vec<String> =
                declared.emails.iter().filter_map(|raw| text::address(raw)).collect();
            for email in &emails {
                self.addresses.entry_ref(email.as_str()).or_default().member.get_or_insert(ix);
            }
            let account = declared.zoom.email.as_deref().and_then(text::address);
            if let Some(account) = &account {
                self.addresses.entry_ref(account.as_str()).or_default().account.get_or_insert(ix);
            }
            self.members_by_id.insert(Arc::clone(&id), ix);
            self.members.push(Member {
                id,
                emails,
                seat: declared.seat,
                capture: declared.capture,
                reachable: file.settings.calendar.company_wide_access || declared.calendar_access,
                active: declared.active,
                can_request: declared.can_request,
                profile: match &declared.consent_profile {
                    Some(name) => profile_name(name),
                    None => self.default_profile.clone(),
                },
                zoom: ZoomFacts { email: account, ..declared.zoom.clone() },
            });
        }
    }

    fn index_lists(&mut self, file: &CompanyFile) {
        for address in file.assistant.iter().filter_map(|raw| text::address(raw)) {
            self.addresses.entry_ref(address.as_str()).or_default().assistant = true;
        }
        for address in file.coordinator.iter().filter_map(|raw| text::address(raw)) {
            self.addresses.entry_ref(address.as_str()).or_default().coordinator = true;
        }
        for address in file.crm.addresses.iter().filter_map(|raw| text::address(raw)) {
            self.addresses.entry_ref(address.as_str()).or_default().crm = true;
        }
        for (ix, raw) in (0..).zip(&file.settings.exclusions.addresses) {
            if let Some(address) = text::address(raw) {
                self.addresses.entry_ref(address.as_str()).or_default().excluded.get_or_insert(ix);
            }
        }
        for domain in file.domains.iter().filter_map(|raw| text::domain(raw)) {
            self.domains.entry_ref(domain.as_str()).or_default().internal = true;
        }
        for domain in file.crm.domains.iter().filter_map(|raw| text::domain(raw)) {
            self.domains.entry_ref(domain.as_str()).or_default().crm = true;
        }
        for (ix, raw) in (0..).zip(&file.settings.exclusions.domains) {
            if let Some(domain) = text::domain(raw) {
                self.domains.entry_ref(domain.as_str()).or_default().excluded.get_or_insert(ix);
            }
        }
        self.deepest_domain = self.domains.keys().map(|domain| depth(domain)).max().unwrap_or(0);
    }

    /// The member of that place.
    #[must_use]
    pub fn member(&self, ix: MemberIx) -> Option<&Member> {
        self.members.get(ix as usize)
    }

    /// The member with that id.
    #[must_use]
    pub fn member_by_id(&self, id: &str) -> Option<(MemberIx, &Member)> {
        let ix = *self.members_by_id.get(id)?;
        Some((ix, self.member(ix)?))
    }

    /// The member with that id or address.
    #[must_use]
    pub fn find_member(&self, id_or_address: &str) -> Option<(MemberIx, &Member)> {
        self.member_by_id(id_or_address).or_else(|| {
            let ix = self.address(&text::address(id_or_address)?).member?;
            Some((ix, self.member(ix)?))
        })
    }

    /// The consent profile of that name.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// Whether consent is enforced by the profile of that name; no profile enforces nothing.
    #[must_use]
    pub fn enforces(&self, profile: Option<&str>) -> bool {
        profile
            .and_then(|name| self.profile(name))
            .is_some_and(|profile| profile.enabled && profile.enforced)
    }

    /// How the company set a provider up; none when it did not.
    #[must_use]
    pub fn provider(&self, provider: Provider) -> Option<&crate::company::ProviderEntry> {
        self.settings.providers.get(provider.as_str())
    }

    /// Whether calls at a provider can be recorded: enabled and set up completely.
    #[must_use]
    pub fn provider_works(&self, provider: Provider) -> bool {
        self.provider(provider).is_some_and(|entry| entry.enabled && entry.configured)
    }

    /// The method chosen for a provider.
    #[must_use]
    pub fn method(&self, provider: Provider) -> Method {
        match provider {
            Provider::Zoom => {
                self.provider(provider).and_then(|entry| entry.method).unwrap_or_default()
            }
            Provider::Teams | Provider::Webex | Provider::GoogleMeet => Method::Bot,
        }
    }

    pub(crate) fn address(&self, address: &str) -> AddressEntry {
        self.addresses.get(address).copied().unwrap_or_default()
    }

    /// What is known of a domain and those above it together; of several exclusions the most specific.
    pub(crate) fn domain(&self, domain: &str) -> DomainEntry {
        let mut found = DomainEntry::default();
        if self.domains.is_empty() {
            return found;
        }
        // Names deeper than any entry cannot match, and a hostile name has a thousand labels.
        let surplus = depth(domain).saturating_sub(self.deepest_domain);
        for name in text::with_parents(domain).skip(surplus) {
            if let Some(entry) = self.domains.get(name) {
                found.internal |= entry.internal;
                found.crm |= entry.crm;
                found.excluded = found.excluded.or(entry.excluded);
            }
        }
        found
    }

    /// The first keyword in the order of the file that stands in a title as a whole word.
    #[must_use]
    pub fn keyword_in(&self, title: &str) -> Option<u32> {
        let keywords = self.keywords.as_ref()?;
        let folded = text::fold(title);
        keywords
            .find_overlapping_iter(&folded)
            .filter(|found| {
                let before = folded.get(..found.start()).and_then(|text| text.chars().next_back());
                let after = folded.get(found.end()..).and_then(|text| text.chars().next());
                !before.is_some_and(text::is_word) && !after.is_some_and(text::is_word)
            })
            .map(|found| found.pattern().as_u32())
            .min()
    }
}

fn depth(domain: &str) -> usize {
    domain.bytes().filter(|b| *b == b'.').count() + 1
}

fn profile_name(name: &str) -> Option<Arc<str>> {
    (name != NO_PROFILE).then(|| Arc::from(name))
}

fn keywords(declared: &[String]) -> Option<AhoCorasick> {
    if declared.is_empty() {
        return None;
    }
    let folded: Vec<String> =
        declared.iter().map(|keyword| text::fold(keyword).trim().to_owned()).collect();
    // An empty pattern would match everywhere; validation refuses it, and here it must not match.
    let patterns =
        folded.iter().map(|keyword| if keyword.is_empty() { "\u{0}" } else { keyword.as_str() });
    AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .kind((declared.len() <= 5_000).then_some(AhoCorasickKind::DFA))
        .build(patterns)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_keywords(keywords: &[&str]) -> Policy {
        let mut file = CompanyFile::named("acme");
        file.settings.exclusions.keywords = keywords.iter().map(|k| (*k).to_owned()).collect();
        Policy::compile(&file, 1)
    }

    #[test]
    fn a_keyword_matches_whole_words_in_any_case() {
        let policy = with_keywords(&["layoff", "straße"]);
        assert_eq!(policy.keyword_in("The LAYOFF plan"), Some(0));
        assert_eq!(policy.keyword_in("STRASSE 7"), Some(1));
        for free in ["layoffs", "a_layoff", "layoff2", "prelayoff"] {
            assert_eq!(policy.keyword_in(free), None, "{free}");
        }
    }

    #[test]
    fn a_keyword_inside_a_longer_one_is_found_too() {
        let policy = with_keywords(&["board meeting", "board"]);
        assert_eq!(policy.keyword_in("board meetings"), Some(1));
        assert_eq!(policy.keyword_in("a board meeting"), Some(0));
    }

    #[test]
    fn sub_domains_count_and_look_alikes_do_not() {
        let mut file = CompanyFile::named("acme");
        file.domains = vec!["Acme.example".into()];
        let policy = Policy::compile(&file, 1);
        assert!(policy.domain("acme.example").internal);
        assert!(policy.domain("eu.lab.acme.example").internal);
        assert!(!policy.domain("notacme.example").internal);
    }
}

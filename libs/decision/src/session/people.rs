//! Who is in a conference, and what that says to its session (DOMAIN 5.9 to 5.11, 5.18).
//!
//! A call is planned by who was invited and verified by who comes. People are known by their address, or
//! by the provider's word that they are of the company's own organisation there; never by a name, which
//! anybody may give themselves. Whoever is known by neither is a stranger: nobody of the company as far as
//! one can tell, from outside where the question is whether a call is internal, and a doubt where the
//! question is whether nobody of the company came.

use std::borrow::Cow;
use std::sync::Arc;

use super::Signal;
use crate::company::{Capture, InternalMeetings};
use crate::people::Exclusion;
use crate::policy::{Member, Policy};
use crate::rule::Evidence;
use crate::text;

/// One participant, as the provider tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Present<'a> {
    /// Address, in any spelling; none where the provider does not tell. What is no address counts as none.
    pub address: Option<&'a str>,
    /// A recorder of ours, which is nobody.
    pub is_recorder: bool,
    /// The provider says that this is an account of the company's own organisation.
    pub same_organisation: bool,
}

/// The participants of a conference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roster<'a> {
    /// Those who are there; or everybody who ever was, with `whole`.
    pub people: &'a [Present<'a>],
    /// The conference is over and these are all who took part, so that nobody else can come.
    pub whole: bool,
}

/// What a roster says to the session, and from what that was concluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The signal to be heard.
    pub signal: Signal,
    /// Ids and places in the company file, each once; never an address.
    pub evidence: Vec<Evidence>,
}

/// What a roster says, ascending by signal, each once. `requested`: a manual request holds for the call. It
/// lifts exclusions and the rule on internal calls, and never that somebody is never to be recorded
/// (DOMAIN 4).
///
/// Whether somebody was invited makes no difference here: whoever is there takes part. While a conference
/// runs, colleagues among themselves may be waiting for a guest; only a whole roster proves a call internal
/// at once, and otherwise the session waits for [`super::Settings::internal_wait`] or the end.
#[must_use]
pub fn seen(policy: &Policy, requested: bool, roster: &Roster<'_>) -> Vec<Seen> {
    let people: Vec<Known<'_>> =
        roster.people.iter().filter_map(|present| Known::of(policy, present)).collect();
    let any = |is: fn(&Known<'_>) -> bool| people.iter().any(is);
    let skips_internal =
        policy.settings.recording.internal_meetings == InternalMeetings::Skip && !requested;
    let internal = skips_internal && !people.is_empty() && people.iter().all(|one| one.internal);
    let never: Vec<Evidence> = people.iter().flat_map(Known::never_recorded).collect();
    let excluded: Vec<Evidence> = people
        .iter()
        .filter(|_| !requested)
        .filter_map(|one| one.excluded)
        .map(|entry| Evidence::Setting(Cow::Owned(entry.setting())))
        .collect();
    let rule = || vec![Evidence::Setting("settings.recording.internal_meetings".into())];
    let nothing = Vec::new;
    let all = [
        (Signal::CompanyPresent, any(|one| one.of_company), nothing()),
        (Signal::OthersPresent, any(|one| !one.internal), nothing()),
        (Signal::Alone, people.is_empty(), nothing()),
        (Signal::NeverRecordJoined, !never.is_empty(), never),
        (Signal::CallExcluded, !excluded.is_empty(), excluded),
        (Signal::CallIsInternal, internal && roster.whole, rule()),
        (Signal::OnlyColleagues, internal && !roster.whole, rule()),
        (Signal::StrangerPresent, any(|one| one.stranger), nothing()),
    ];
    let holds = all.into_iter().filter(|(_, holds, _)| *holds);
    holds
        .map(|(signal, _, mut evidence)| {
            evidence.sort();
            evidence.dedup();
            Seen { signal, evidence }
        })
        .collect()
}

/// A participant, as far as the company knows them.
struct Known<'p> {
    /// Of the company: a member, an address of its own, or of its organisation at the provider.
    of_company: bool,
    /// Counts as internal (DOMAIN 5.9): by the address, where there is one.
    internal: bool,
    /// Nothing tells who it is.
    stranger: bool,
    /// The members whose address or account it is.
    members: [Option<&'p Member>; 2],
    excluded: Option<Exclusion>,
}

impl<'p> Known<'p> {
    /// None for recorders of ours, and for addresses by which one asks for a recording.
    fn of(policy: &'p Policy, present: &Present<'_>) -> Option<Self> {
        if present.is_recorder {
            return None;
        }
        let Some(address) = present.address.and_then(text::address) else {
            return Some(Self {
                of_company: present.same_organisation,
                internal: present.same_organisation,
                stranger: !present.same_organisation,
                members: [None; 2],
                excluded: None,
            });
        };
        let entry = policy.address(&address);
        if entry.assistant || entry.coordinator {
            return None;
        }
        let domain = policy.domain(address.rsplit_once('@').map_or("", |(_, domain)| domain));
        let members = [entry.member, entry.account].map(|ix| policy.member(ix?));
        let is_member = members.iter().flatten().any(|member| member.active);
        Some(Self {
            of_company: is_member || domain.internal || present.same_organisation,
            internal: domain.internal,
            stranger: false,
            members,
            excluded: entry
                .excluded
                .map(Exclusion::Address)
                .or(domain.excluded.map(Exclusion::Domain)),
        })
    }

    /// The members among them who are never to be recorded; without seat and deactivated too (DOMAIN 8.10).
    fn never_recorded(&self) -> impl Iterator<Item = Evidence> {
        let members = self.members.iter().flatten();
        members
            .filter(|member| member.capture == Capture::Never)
            .map(|member| Evidence::Member(Arc::clone(&member.id)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::company::CompanyFile;
    use crate::eligibility::example::company;

    const ADA: Present<'_> = known("Ada@ACME.example");
    const BOB: Present<'_> = known("bob@eu.acme.example");
    const CY: Present<'_> = known("cy@acme.example");
    const KIM: Present<'_> = known("kim@customer.example");
    const STRANGER: Present<'_> = Present { address: None, ..known("") };
    const RECORDER: Present<'_> = Present { is_recorder: true, ..STRANGER };
    const COLLEAGUE: Present<'_> = Present { same_organisation: true, ..STRANGER };

    const fn known(address: &str) -> Present<'_> {
        Present { address: Some(address), is_recorder: false, same_organisation: false }
    }

    fn policy(change: impl FnOnce(&mut CompanyFile)) -> Policy {
        let mut file = company();
        change(&mut file);
        file.validate().unwrap();
        Policy::compile(&file, 1)
    }

    fn signals(seen: &[Seen]) -> Vec<Signal> {
        seen.iter().map(|one| one.signal).collect()
    }

    /// What is said while the conference runs, of a call nobody asked for.
    fn said(people: &[Present<'_>]) -> Vec<Signal> {
        signals(&seen(&policy(|_| {}), false, &Roster { people, whole: false }))
    }

    #[test]
    fn an_ordinary_call_has_somebody_of_the_company_and_somebody_else() {
        assert_eq!(said(&[RECORDER, ADA, KIM]), [Signal::CompanyPresent, Signal::OthersPresent]);
    }

    #[test]
    fn recorders_and_the_address_one_asks_by_are_nobody() {
        let assistant = known("Recorder@acme.example");
        assert_eq!(said(&[RECORDER, assistant]), [Signal::Alone]);
        assert_eq!(said(&[]), [Signal::Alone]);
    }

    #[test]
    fn whoever_is_never_to_be_recorded_is_told_of_invited_or_not_with_or_without_seat() {
        let retired = policy(|c| {
            c.members[2].seat = false;
            c.members[2].active = false;
        });
        let roster = Roster { people: &[ADA, KIM, CY, CY], whole: false };
        for policy in [policy(|_| {}), retired] {
            let seen = seen(&policy, false, &roster);
            let never = seen.iter().find(|one| one.signal == Signal::NeverRecordJoined).unwrap();
            assert_eq!(never.evidence, [Evidence::Member("cy".into())]);
        }
    }

    #[test]
    fn whoever_is_never_to_be_recorded_is_found_by_the_account_too() {
        let policy = policy(|c| c.members[2].zoom.email = Some("Cy@private.example".into()));
        let people = [ADA, known("cy@PRIVATE.example")];
        let seen = signals(&seen(&policy, false, &Roster { people: &people, whole: false }));
        assert!(seen.contains(&Signal::NeverRecordJoined), "{seen:?}");
    }

    #[test]
    fn a_manual_request_lifts_exclusions_and_internal_and_never_never_record() {
        let policy = policy(|c| c.settings.exclusions.domains = vec!["acme.example".into()]);
        let roster = Roster { people: &[ADA, CY], whole: true };
        assert_eq!(
            signals(&seen(&policy, false, &roster)),
            [
                Signal::CompanyPresent,
                Signal::NeverRecordJoined,
                Signal::CallExcluded,
                Signal::CallIsInternal
            ]
        );
        assert_eq!(
            signals(&seen(&policy, true, &roster)),
            [Signal::CompanyPresent, Signal::NeverRecordJoined]
        );
    }

    #[test]
    fn the_evidence_of_an_exclusion_is_the_entry_and_not_the_person() {
        let policy = policy(|c| {
            c.settings.exclusions.domains = vec!["customer.example".into()];
            c.settings.exclusions.addresses = vec!["lee@other.example".into()];
        });
        let people = [known("kim@emea.customer.example"), KIM, known("LEE@other.example"), ADA];
        let seen = seen(&policy, false, &Roster { people: &people, whole: false });
        let excluded = seen.iter().find(|one| one.signal == Signal::CallExcluded).unwrap();
        assert_eq!(
            excluded.evidence,
            [
                Evidence::Setting("settings.exclusions.addresses[0]".into()),
                Evidence::Setting("settings.exclusions.domains[0]".into()),
            ]
        );
    }

    #[test]
    fn colleagues_among_themselves_may_still_wait_for_a_guest() {
        assert_eq!(said(&[ADA, BOB]), [Signal::CompanyPresent, Signal::OnlyColleagues]);
        let whole = Roster { people: &[ADA, BOB, RECORDER], whole: true };
        let internal = [Signal::CompanyPresent, Signal::CallIsInternal];
        assert_eq!(signals(&seen(&policy(|_| {}), false, &whole)), internal);
        let records = policy(|c| c.settings.recording.internal_meetings = InternalMeetings::Record);
        assert_eq!(signals(&seen(&records, false, &whole)), internal[..1]);
    }

    #[test]
    fn a_stranger_is_external_and_proves_no_company() {
        let stranger = [Signal::OthersPresent, Signal::StrangerPresent];
        assert_eq!(said(&[STRANGER]), stranger);
        assert_eq!(said(&[known("Ada Lovelace")]), stranger);
        let with_ada = [Signal::CompanyPresent, Signal::OthersPresent, Signal::StrangerPresent];
        assert_eq!(said(&[ADA, STRANGER]), with_ada);
    }

    #[test]
    fn the_word_of_the_provider_proves_company_and_an_outside_address_is_external_all_the_same() {
        assert_eq!(said(&[COLLEAGUE]), [Signal::CompanyPresent, Signal::OnlyColleagues]);
        let guest = Present { same_organisation: true, ..KIM };
        assert_eq!(said(&[guest]), [Signal::CompanyPresent, Signal::OthersPresent]);
    }

    #[test]
    fn a_member_with_an_outside_address_is_of_the_company_and_not_internal() {
        let policy = policy(|c| c.members[0].emails.push("ada@mail.example".into()));
        let people = [known("ada@mail.example"), BOB];
        assert_eq!(
            signals(&seen(&policy, false, &Roster { people: &people, whole: true })),
            [Signal::CompanyPresent, Signal::OthersPresent]
        );
    }

    const PEOPLE: &[Present<'_>] = &[
        ADA,
        BOB,
        CY,
        KIM,
        STRANGER,
        RECORDER,
        COLLEAGUE,
        known("recorder@acme.example"),
        known("dee@acme.example"),
        known("lee@blocked.example"),
        known(""),
        known("@"),
        Present { same_organisation: true, ..KIM },
        Present { is_recorder: true, ..CY },
    ];

    fn any_people() -> impl Strategy<Value = Vec<Present<'static>>> {
        vec(select(PEOPLE), 0..8)
    }

    fn strict() -> Policy {
        policy(|c| c.settings.exclusions.domains = vec!["blocked.example".into()])
    }

    fn of(people: &[Present<'_>], requested: bool, whole: bool) -> Vec<Seen> {
        seen(&strict(), requested, &Roster { people, whole })
    }

    proptest! {
        #[test]
        fn the_order_of_a_roster_makes_no_difference(
            (people, other) in any_people().prop_flat_map(|people| {
                (Just(people.clone()), Just(people).prop_shuffle())
            }),
            requested: bool,
            whole: bool,
        ) {
            let seen = of(&people, requested, whole);
            prop_assert!(seen.is_sorted_by_key(|one| one.signal));
            prop_assert_eq!(seen, of(&other, requested, whole));
        }

        #[test]
        fn nobody_who_comes_takes_a_prohibition_back(
            people in any_people(), more in any_people(), requested: bool, whole: bool,
        ) {
            let before = signals(&of(&people, requested, whole));
            let both = [people, more].concat();
            let after = signals(&of(&both, requested, whole));
            for signal in [Signal::NeverRecordJoined, Signal::CallExcluded] {
                prop_assert!(!before.contains(&signal) || after.contains(&signal));
            }
            let never = signals(&of(&[both.as_slice(), &[CY]].concat(), requested, whole));
            prop_assert!(never.contains(&Signal::NeverRecordJoined));
        }

        #[test]
        fn a_request_only_takes_away_what_it_lifts(people in any_people(), whole: bool) {
            let lifted = [Signal::CallExcluded, Signal::CallIsInternal, Signal::OnlyColleagues];
            let mut without = of(&people, false, whole);
            without.retain(|one| !lifted.contains(&one.signal));
            prop_assert_eq!(without, of(&people, true, whole));
        }

        #[test]
        fn recorders_are_nobody(people in any_people(), requested: bool, whole: bool) {
            let mut with = people.clone();
            with.insert(people.len() / 2, RECORDER);
            prop_assert_eq!(of(&people, requested, whole), of(&with, requested, whole));
        }

        #[test]
        fn nobody_is_recognized_by_what_is_no_address(people in any_people(), name in "[^@]{0,24}") {
            let named = [people.as_slice(), &[known(&name)]].concat();
            let nameless = [people.as_slice(), &[STRANGER]].concat();
            prop_assert_eq!(of(&named, false, true), of(&nameless, false, true));
        }
    }
}

//! The facts that must hold of every decision (DOMAIN 7), as properties over generated calls.
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    reason = "tests look at few codes of many, and tell what was generated"
)]

#[path = "laws/call.rs"]
mod call;
#[path = "laws/change.rs"]
mod change;
#[path = "laws/generated.rs"]
mod generated;
#[path = "laws/repair.rs"]
mod repair;

use std::collections::{BTreeMap, BTreeSet};

use call::{Call, Failing, person, start};
use change::{Change, changes};
use chrono::TimeDelta;
use decision::company::{Capture, InternalMeetings};
use decision::conflict::{Contender, OwnedContender, reached, resolve};
use decision::links::{Link, Resolution};
use decision::people::People;
use decision::plan::{History, Kind, Last, judge_and_decide};
use decision::reach::{Reach, Traces};
use decision::skip_code::Phase;
use decision::{
    CallKey, Conference, Decision, Evidence, Finding, Provider, Sensitivity, SkipCode, Warning,
};
use generated::{MEMBERS, any_call, consenting_call, fresh_call, known_call};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select as one_of;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

fn is_plan(decision: &Decision) -> bool {
    matches!(decision.kind, Kind::Plan(_))
}

fn all_found(decision: &Decision) -> impl Iterator<Item = &Finding> {
    decision.primary.iter().chain(&decision.also)
}

fn codes<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<SkipCode> {
    findings.into_iter().map(|finding| finding.code).collect()
}

fn told(decision: &Decision) -> String {
    format!(
        "{:?}: {:?} also {:?} lifted {:?}",
        decision.kind,
        decision.code(),
        codes(&decision.also),
        codes(&decision.lifted)
    )
}

/// Codes that take the place of another once a plan existed, with the one they replace.
const BY_HISTORY: [(SkipCode, SkipCode); 3] = [
    (SkipCode::EventBlocklisted, SkipCode::CallBlocklisted),
    (SkipCode::InternalMeetingRecordingDisabled, SkipCode::InternalMeeting),
    (SkipCode::NoValidUrls, SkipCode::InvalidMeetingUrl),
];

/// The generator is worth nothing if it never comes near a rule.
#[test]
fn generated_calls_reach_plans_pending_and_every_code_of_planning() {
    let mut runner = TestRunner::deterministic();
    let mut kinds = BTreeMap::<&str, u32>::new();
    let mut seen = BTreeSet::new();
    for _ in 0..20_000 {
        let call = any_call().new_tree(&mut runner).expect("a call").current();
        let decision = call.decide();
        let kind = match decision.kind {
            Kind::Plan(_) => "plan",
            Kind::Skip => "skip",
            Kind::Pending { .. } => "pending",
            Kind::Recorded | Kind::Partial => "carried out",
        };
        *kinds.entry(kind).or_default() += 1;
        seen.extend(decision.code());
    }
    println!("{kinds:?}");
    assert!(kinds["plan"] > 400 && kinds["pending"] > 400, "{kinds:?}");
    let conflicts = [SkipCode::Duplicate, SkipCode::OverlappingMeeting];
    let never: Vec<_> = SkipCode::ALL
        .iter()
        .filter(|code| code.meta().phase == Phase::Planning)
        .filter(|code| !conflicts.contains(code) && !seen.contains(code))
        .collect();
    assert!(never.is_empty(), "never primary: {never:?}");
}

/// The call by the company file as changes leave it, under the next version. A version it was judged by
/// counts as the newest one that had nothing to do with it.
fn under_changes(call: &Call, changes: &[Change]) -> Call {
    let mut next = Call { version: call.version + 1, ..call.clone() };
    changes.iter().for_each(|change| change.apply(&mut next.company));
    for last in next.history.last.iter_mut().filter(|last| last.policy_version >= call.version) {
        last.policy_version += 1;
    }
    next
}

fn traces(call: &Call) -> Traces {
    Traces::of(&call.judge().meeting, &call.links)
}

/// Calls that a policy can bite on from more sides: with a past, with requests in every spelling, and
/// with exclusions.
fn entangled_call() -> impl Strategy<Value = Call> {
    let spellings = &["Bob@ACME.example", "mailto:ada@acme.example", "cy", "DEE@acme.example"][..];
    let entangled =
        (any_call(), one_of(&MEMBERS[..]), vec(one_of(spellings), 0..2), any::<[bool; 2]>())
            .prop_map(|(mut call, owner, asked, [planned, excluded])| {
                if planned {
                    call.history.had_plan = true;
                    call.meeting.planned_owner = Some(owner.to_owned());
                }
                call.meeting.requested_by.extend(asked.into_iter().map(ToOwned::to_owned));
                if excluded {
                    let exclusions = &mut call.company.settings.exclusions;
                    let some =
                        ["nobody@else.example", "kim@customer.example", "lee@eu.partner.example"];
                    exclusions.addresses.extend(some.map(ToOwned::to_owned));
                    exclusions.domains.extend(["no", "partner.example"].map(ToOwned::to_owned));
                }
                call
            });
    prop_oneof![1 => any_call(), 1 => entangled]
}

/// A change that is said to reach every call is no use, and no risk.
#[test]
fn most_changes_leave_most_calls_alone() {
    let mut runner = TestRunner::deterministic();
    let (mut untouched, mut touched, mut different) = (0, 0, 0);
    for _ in 0..2_000 {
        let (call, changes) =
            (any_call(), changes()).new_tree(&mut runner).expect("a change").current();
        let next = under_changes(&call, &changes);
        if !Reach::between(&call.company, &next.company).touches(&traces(&call)) {
            untouched += 1;
            continue;
        }
        touched += 1;
        let after = Decision { policy_version: call.version, ..next.decide() };
        different += u32::from(after != call.decide());
    }
    println!("untouched {untouched}, touched {touched}, of which different {different}");
    assert!(untouched > 600 && different > 150);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn what_a_change_does_not_reach_stays_as_decided(
        call in entangled_call(),
        changes in changes(),
    ) {
        let next = under_changes(&call, &changes);
        let reach = Reach::between(&call.company, &next.company);
        if !reach.touches(&traces(&call)) {
            let after = Decision { policy_version: call.version, ..next.decide() };
            prop_assert_eq!(call.decide(), after);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn changes_in_a_row_reach_what_each_reaches(
        call in any_call(),
        first in changes(),
        second in changes(),
    ) {
        let one = under_changes(&call, &first);
        let two = under_changes(&one, &second);
        let (a, b) = (
            Reach::between(&call.company, &one.company),
            Reach::between(&one.company, &two.company),
        );
        let traces = traces(&call);
        let both = a.clone().union(b.clone());
        prop_assert_eq!(both.touches(&traces), a.touches(&traces) || b.touches(&traces));
        prop_assert_eq!(&both, &b.clone().union(a.clone()));
        prop_assert!(both.touches(&traces) || !Reach::between(&call.company, &two.company).touches(&traces));
        let stored = serde_json::to_string(&both).expect("a reach");
        prop_assert_eq!(serde_json::from_str::<Reach>(&stored).expect("a reach"), both);
        prop_assert_eq!(Traces::from_bytes(&traces.to_bytes()), traces);
    }

    #[test]
    fn a_draft_decides_as_the_applied_file_does(
        call in any_call(),
        changes in changes(),
        ahead in 1_u64..1_000,
    ) {
        let mut call = call;
        if let Some(last) = &mut call.history.last {
            last.policy_version = last.policy_version.min(call.version);
        }
        let (version, history) = (call.version, call.history.clone());
        let applied = Call { version: version + 1, history, ..under_changes(&call, &changes) };
        // Any version after the one that holds will do.
        let draft = Call { version: version + ahead, ..applied.clone() };
        let decided = Decision { policy_version: applied.version, ..draft.decide() };
        prop_assert_eq!(decided, applied.decide());
        // Without history the version is a stamp and nothing else.
        let judged = applied.judge();
        let in_one_go = |version| Decision {
            policy_version: 0,
            ..judge_and_decide(
                &decision::Policy::compile(&applied.company, version),
                &Call::key(),
                &judged.meeting,
                &applied.links,
                &judged.selected,
                applied.ambiguous_time,
                applied.now,
            )
        };
        prop_assert_eq!(in_one_go(0), in_one_go(version + ahead));
    }

    #[test]
    fn what_a_person_did_is_not_laid_at_the_door_of_a_setting(
        call in known_call(),
        changes in changes(),
        deleted in any::<bool>(),
    ) {
        let mut next = under_changes(&call, &changes);
        next.history.last =
            Some(Last { skipped: false, policy_version: call.version, meeting_revision: next.revision });
        next.meeting.deleted_by_user = deleted;
        next.meeting.recording_canceled = !deleted;
        let decision = next.decide();
        if let Some(SkipCode::DeletedByUser | SkipCode::CanceledByOwner) = decision.code() {
            prop_assert_ne!(decision.related, Some(SkipCode::InvalidatingByCompanySettings));
        } else {
            prop_assert!(decision.code() == Some(SkipCode::BelongsToAnotherCompany), "{}", told(&decision));
        }
    }

    #[test]
    fn bytes_that_are_no_traces_are_touched_by_every_change(bytes in vec(any::<u8>(), 0..40)) {
        let read = Traces::from_bytes(&bytes);
        prop_assert!(read == Traces::unknown() || read.to_bytes() == bytes);
    }

    #[test]
    fn the_same_input_gives_the_same_bytes(call in any_call()) {
        prop_assert_eq!(format!("{:?}", call.decide()), format!("{:?}", call.clone().decide()));
    }

    #[test]
    fn judging_in_one_go_decides_as_the_steps_do(call in fresh_call()) {
        let call = Call { refused: false, computer_audio: None, revision: 0, ..call };
        let judged = call.judge();
        let whole = judge_and_decide(
            &judged.policy,
            &Call::key(),
            &judged.meeting,
            &call.links,
            &judged.selected,
            call.ambiguous_time,
            call.now,
        );
        prop_assert_eq!(whole, call.decide_on(judged));
    }

    #[test]
    fn the_order_of_attendees_matters_to_ownership_alone(
        (call, shuffled) in known_call().prop_flat_map(|mut call| {
            // An address invited twice counts as its first entry, so each comes once here.
            let mut known = BTreeSet::new();
            let organizer = call.meeting.organizer.as_ref().and_then(|one| one.address.clone());
            known.extend(organizer);
            call.meeting.attendees.retain(|one| {
                one.address.as_ref().is_none_or(|address| known.insert(address.clone()))
            });
            let attendees = Just(call.meeting.attendees.clone()).prop_shuffle();
            (Just(call), attendees)
        })
    ) {
        let mut other = call.clone();
        other.meeting.attendees = shuffled;
        let (one, two) = (call.decide(), other.decide());
        if (&one.owner, &one.requester) == (&two.owner, &two.requester) {
            prop_assert_eq!(format!("{one:?}"), format!("{two:?}"));
        }
    }

    #[test]
    fn the_order_of_findings_does_not_matter(call in known_call(), seed in any::<u64>()) {
        let mut judged = call.judge();
        let plain = call.decide();
        let turn = |findings: &mut Vec<Finding>| {
            findings.reverse();
            let middle = usize::try_from(seed % 7).unwrap_or(0) % findings.len().max(1);
            findings.rotate_left(middle);
        };
        turn(&mut judged.eligibility.verdict.findings);
        turn(&mut judged.consent.findings);
        judged.assessed.iter_mut().flatten().for_each(|one| turn(&mut one.findings));
        prop_assert_eq!(format!("{plain:?}"), format!("{:?}", call.decide_on(judged)));
    }

    #[test]
    fn a_prohibition_never_makes_a_plan(call in known_call(), which in prohibition()) {
        let before = call.decide();
        let mut prohibited = call;
        which.add_to(&mut prohibited);
        let after = prohibited.decide();
        prop_assert!(is_plan(&before) || !is_plan(&after), "{} -> {}", told(&before), told(&after));
    }

    #[test]
    fn a_prohibition_is_found(call in fresh_call(), which in prohibition()) {
        let mut prohibited = call;
        which.add_to(&mut prohibited);
        let after = prohibited.decide();
        if let Some(code) = which.code(&prohibited) {
            let mut found = codes(all_found(&after));
            found.extend(codes(&after.lifted));
            prop_assert!(found.contains(&code), "{code:?} is not among {}", told(&after));
        }
    }

    #[test]
    fn a_manual_request_never_makes_a_skip(call in known_call(), who in one_of(&MEMBERS[..])) {
        // What a further request does is looked at below.
        if call.judge().eligibility.requester.is_some() {
            return Ok(());
        }
        let before = call.decide();
        for by_invitation in [false, true] {
            let mut requested = call.clone();
            if by_invitation {
                requested.meeting.attendees.push(person("recorder@acme.example"));
            } else {
                requested.meeting.requested_by.push(who.to_owned());
            }
            let after = requested.decide();
            prop_assert!(
                !is_plan(&before) || is_plan(&after),
                "{} -> {}", told(&before), told(&after)
            );
        }
    }

    #[test]
    fn one_more_request_never_makes_a_skip(call in known_call(), who in one_of(&MEMBERS[..])) {
        let before = call.decide();
        let mut requested = call;
        requested.meeting.requested_by.push(who.to_owned());
        let after = requested.decide();
        // Where nobody is recordable the call belongs to whoever asked: an explicit request goes
        // before an invited assistant, and the consent profile of the new owner holds.
        if before.requester.is_some() && after.owner != before.owner {
            return Ok(());
        }
        prop_assert!(!is_plan(&before) || is_plan(&after), "{} -> {}", told(&before), told(&after));
    }

    #[test]
    fn a_request_by_somebody_who_may_not_changes_nothing(call in known_call()) {
        let mut call = call;
        call.meeting.requested_by.clear();
        let mut asked = call.clone();
        asked.meeting.requested_by.push("kim@customer.example".to_owned());
        let (plain, mut rejected) = (call.decide(), asked.decide());
        if rejected.requester.is_none() {
            prop_assert!(rejected.warnings.contains(Warning::ManualRequestRejected));
        }
        rejected.warnings = plain.warnings;
        prop_assert_eq!(plain, rejected);
    }

    #[test]
    fn a_request_lifts_what_the_catalogue_says_and_nothing_else(call in known_call()) {
        let decision = call.decide();
        for finding in &decision.lifted {
            prop_assert_eq!(finding.code.meta().lifted_by.as_str(), "assistant");
            prop_assert!(decision.requester.is_some());
        }
        for finding in all_found(&decision) {
            let liftable = finding.code.meta().lifted_by.as_str() == "assistant";
            prop_assert!(!liftable || decision.requester.is_none(), "{}", told(&decision));
        }
    }

    #[test]
    fn consent_fails_closed(call in any_call()) {
        let decision = call.decide();
        let Kind::Plan(plan) = &decision.kind else { return Ok(()) };
        let policy = call.policy();
        let (_, owner) = policy.member_by_id(&plan.owner).expect("the owner is a member");
        let enforced = policy.enforces(owner.profile.as_deref());
        prop_assert_eq!(plan.consent_verified, enforced);
        if enforced {
            let failing = call.failing;
            prop_assert!(
                !(failing.consent || failing.profile || failing.consent_links || failing.choice
                    || failing.links || failing.eligibility || call.refused)
            );
            let profile = owner.profile.as_deref().and_then(|name| policy.profile(name));
            let profile = profile.expect("a profile that enforces");
            let mut positive = false;
            for link in &call.links {
                match link {
                    Link::Consent(Resolution::NotAConsentLink) => {}
                    Link::Consent(Resolution::Resolved { company, link_type, conference }) => {
                        prop_assert_eq!(company, "acme");
                        let named = profile.links.get(conference.provider.as_str());
                        prop_assert_eq!(named, Some(link_type));
                        positive = true;
                    }
                    other => prop_assert!(false, "planned beside {other:?}"),
                }
            }
            prop_assert!(positive, "planned without a consent link");
        }
    }

    #[test]
    fn a_plan_that_rests_on_consent_falls_with_any_fact_of_it(call in consenting_call()) {
        let plan = call.decide();
        if !is_plan(&plan) {
            return Ok(());
        }
        let all = Failing::default();
        let facts = [
            Failing { consent: true, ..all },
            Failing { profile: true, ..all },
            Failing { consent_links: true, ..all },
            Failing { choice: true, ..all },
            Failing { links: true, ..all },
            Failing { eligibility: true, ..all },
        ];
        for failing in facts {
            let decision = Call { failing, ..call.clone() }.decide();
            prop_assert!(!is_plan(&decision), "{failing:?}: {}", told(&decision));
        }
        let refused = Call { refused: true, ..call.clone() }.decide();
        prop_assert_eq!(refused.code(), Some(SkipCode::ComplianceUserRequest));
        let silent = Call { links: Vec::new(), ..call };
        prop_assert!(!is_plan(&silent.decide()));
    }

    #[test]
    fn not_knowing_never_makes_a_plan_of_a_skip(call in any_call()) {
        let known = Call { failing: Failing::default(), ..call.clone() }.decide();
        let doubtful = call.decide();
        // A provider check that could not be made is a warning, never a code.
        if !is_plan(&known) && is_plan(&doubtful) {
            prop_assert!(call.failing.adapters, "{} -> {}", told(&known), told(&doubtful));
            prop_assert!(codes(all_found(&known)).iter().all(|code| code.meta().rank >= 1_200));
            prop_assert!(doubtful.warnings.contains(Warning::ProviderCheckUnavailable));
        }
    }

    #[test]
    fn every_finding_has_evidence_unless_the_event_is_hidden(call in any_call()) {
        let decision = call.decide();
        for finding in all_found(&decision).chain(&decision.lifted) {
            prop_assert_eq!(finding.evidence.is_empty(), decision.hidden, "{:?}", finding);
        }
        let private = |code: &SkipCode| matches!(
            code,
            SkipCode::PrivateOrConfidential | SkipCode::EventBlocklisted | SkipCode::CallBlocklisted
        );
        prop_assert_eq!(decision.hidden, codes(all_found(&decision)).iter().any(private));
        let foreign = codes(all_found(&decision)).contains(&SkipCode::BelongsToAnotherCompany);
        prop_assert_eq!(decision.import_details, !decision.hidden && !foreign);
    }

    #[test]
    fn taking_away_everything_found_makes_a_plan(call in known_call()) {
        let decision = call.decide();
        if is_plan(&decision) {
            return Ok(());
        }
        let method_was_asked = repair::method_was_asked(&call);
        let mut call = repair::repair(&call, &decision);
        let mut repaired = call.decide();
        let mut trail = vec![told(&decision), told(&repaired)];
        if !is_plan(&repaired) && !method_was_asked {
            // A change of settings stands before its cause.
            let of_method = all_found(&repaired).all(|finding| {
                let code = finding.code;
                code == SkipCode::InvalidatingByCompanySettings || code.meta().rank >= 1_200
            });
            prop_assert!(of_method, "{trail:#?}");
            call = repair::repair(&call, &repaired);
            repaired = call.decide();
            trail.push(told(&repaired));
        }
        prop_assert!(is_plan(&repaired), "{trail:#?}");
    }

    #[test]
    fn the_primary_code_ranks_first_and_the_others_follow_in_order(call in any_call()) {
        let decision = call.decide();
        let rank = |code: SkipCode| (code.meta().rank, code);
        let also = codes(&decision.also);
        prop_assert!(also.is_sorted_by(|a, b| rank(*a) < rank(*b)), "{}", told(&decision));
        let lifted = codes(&decision.lifted);
        prop_assert!(lifted.is_sorted_by(|a, b| rank(*a) < rank(*b)), "{}", told(&decision));
        match decision.kind {
            Kind::Plan(_) => prop_assert!(decision.code().is_none() && also.is_empty()),
            Kind::Pending { .. } => prop_assert!(decision.code().is_none()),
            Kind::Recorded | Kind::Partial => prop_assert!(false, "nothing was carried out"),
            Kind::Skip => {
                let primary = decision.code().expect("a skip has a code");
                prop_assert!(!also.contains(&primary));
                for code in &also {
                    let phase = primary.meta().phase.cmp(&code.meta().phase);
                    let before = phase.then(rank(*code).cmp(&rank(primary)));
                    prop_assert!(before.is_gt(), "{}", told(&decision));
                }
            }
        }
        for (one, other) in BY_HISTORY {
            let found = codes(all_found(&decision));
            prop_assert!(!(found.contains(&one) && found.contains(&other)));
        }
        for code in codes(all_found(&decision)) {
            prop_assert!(!lifted.contains(&code), "{}", told(&decision));
        }
        prop_assert!(decision.lifted.iter().all(|finding| finding.lifted));
        prop_assert!(all_found(&decision).all(|finding| !finding.lifted));
    }

    #[test]
    fn of_two_twins_the_history_chooses(call in known_call()) {
        let planned = |had_plan| {
            let mut call = call.clone();
            call.history = History { had_plan, last: None };
            call.meeting.planned_owner = None;
            call.decide()
        };
        let (never, fallen) = (planned(false), planned(true));
        for (before, after) in BY_HISTORY {
            let (found_never, found_fallen) = (codes(all_found(&never)), codes(all_found(&fallen)));
            prop_assert!(!found_never.contains(&after) && !found_fallen.contains(&before));
            prop_assert_eq!(found_never.contains(&before), found_fallen.contains(&after));
            if fallen.code() == Some(after) {
                prop_assert_eq!(fallen.related, Some(before));
            }
            if never.code() == Some(before) {
                prop_assert_eq!(never.related, None);
            }
        }
        prop_assert_eq!(is_plan(&never), is_plan(&fallen));
    }

    #[test]
    fn a_call_that_fell_by_settings_names_its_cause(call in known_call()) {
        let decision = call.decide();
        let by_settings = SkipCode::InvalidatingByCompanySettings;
        if decision.code() == Some(by_settings) {
            prop_assert!(!call.history.had_plan && !decision.also.is_empty());
            let last = call.history.last.expect("something was decided before");
            prop_assert!(!last.skipped && last.policy_version < call.version);
        }
        if decision.related == Some(by_settings) {
            prop_assert!(call.history.had_plan);
        }
        let mut fresh = call.clone();
        fresh.history.last = None;
        let fresh = fresh.decide();
        prop_assert_eq!(is_plan(&fresh), is_plan(&decision));
        if decision.code() == Some(by_settings) {
            prop_assert_eq!(fresh.code(), decision.also.first().map(|finding| finding.code));
        } else {
            prop_assert_eq!(fresh.code(), decision.code());
        }
    }

    #[test]
    fn pending_ends_with_its_deadline(call in any_call()) {
        let decision = call.decide();
        let deadline = call.meeting.start - call.company.settings.recording.dispatch_ahead.0;
        if let Kind::Pending { decide_by } = decision.kind {
            prop_assert_eq!(decide_by, deadline);
            prop_assert!(call.now < decide_by && !decision.missing.is_empty());
            prop_assert!(call.failing != Failing::default());
        }
        let at_last = Call { now: deadline, ..call };
        let closed = at_last.decide();
        prop_assert!(!matches!(closed.kind, Kind::Pending { .. }), "{}", told(&closed));
        if is_plan(&closed) {
            prop_assert!(!at_last.failing.eligibility);
        }
    }

    #[test]
    fn conflicts_leave_one_recorder_and_one_place_for_each_owner(calls in contenders()) {
        let found = resolve_all(&calls);
        let kept: Vec<_> = calls.iter().filter(|call| found[&call.key].is_empty()).collect();
        for (i, one) in kept.iter().enumerate() {
            for two in &kept[i + 1..] {
                let meet = one.start < two.end && two.start < one.end;
                let twice = one.conference == two.conference && (meet || one.start == two.start);
                prop_assert!(!twice, "one conference is recorded twice: {one:?} {two:?}");
                prop_assert!(one.owner != two.owner || !meet, "an owner is in two: {one:?} {two:?}");
            }
        }
        for call in &calls {
            let findings = &found[&call.key];
            prop_assert!(codes(findings).is_sorted_by(|a, b| a.meta().rank < b.meta().rank));
            for finding in findings {
                let winner = finding.evidence.iter().find_map(|evidence| match evidence {
                    Evidence::Call(key) => kept.iter().find(|kept| kept.key == *key),
                    _ => None,
                });
                let winner = winner.expect("the loser names a call that was kept");
                let meet = call.start < winner.end && winner.start < call.end;
                let same_room = call.conference == winner.conference;
                if finding.code == SkipCode::Duplicate {
                    prop_assert!(same_room && call.start == winner.start);
                } else {
                    prop_assert!(meet && (same_room || call.owner == winner.owner));
                }
                prop_assert!(preference(winner) < preference(call));
            }
        }
    }

    #[test]
    fn conflicts_do_not_depend_on_the_order_of_the_batch(
        (calls, shuffled) in contenders()
            .prop_flat_map(|calls| (Just(calls.clone()), Just(calls).prop_shuffle()))
    ) {
        prop_assert_eq!(resolve_all(&calls), resolve_all(&shuffled));
    }

    #[test]
    fn a_call_that_conflicts_with_none_is_kept(calls in contenders()) {
        let found = resolve_all(&calls);
        for (i, call) in calls.iter().enumerate() {
            let alone = calls.iter().enumerate().all(|(j, other)| {
                let meet = call.start < other.end && other.start < call.end;
                let near = call.owner == other.owner || call.conference == other.conference;
                i == j || !(near && (meet || call.start == other.start))
            });
            prop_assert!(!alone || found[&call.key].is_empty());
        }
    }

    #[test]
    fn whole_components_are_settled_as_everything_is(
        calls in many_contenders(),
        seeds in vec(0_usize..50, 0..4),
    ) {
        let all: Vec<_> = calls.iter().map(Entrant::as_ref).collect();
        let reach = reached(&all, &seeds);
        prop_assert!(reach.is_sorted_by(|a, b| a < b));
        let everywhere = resolve(&all);
        let alone: Vec<_> = reach.iter().map(|place| all[*place]).collect();
        for (place, findings) in std::iter::zip(&reach, resolve(&alone)) {
            prop_assert_eq!(&findings, &everywhere[*place]);
        }
        // Reached is what a chain of touches leads to, and nothing else.
        let touch = |a: &Contender<'_>, b: &Contender<'_>| {
            (a.owner == b.owner || a.conference == b.conference)
                && a.start < b.end
                && b.start < a.end
        };
        let mut chained: BTreeSet<usize> =
            seeds.iter().copied().filter(|seed| *seed < all.len()).collect();
        let mut news: Vec<usize> = chained.iter().copied().collect();
        while let Some(one) = news.pop() {
            let near = (0..all.len()).filter(|other| touch(&all[one], &all[*other]));
            news.extend(near.filter(|other| chained.insert(*other)));
        }
        prop_assert_eq!(reach, Vec::from_iter(chained));
    }

    #[test]
    fn a_dispatch_that_was_missed_turns_a_plan_into_a_skip_and_nothing_else(call in any_call()) {
        let before = call.decide();
        let mut decision = before.clone();
        decision.dispatch_missed(start());
        if is_plan(&before) {
            prop_assert_eq!(&decision.kind, &Kind::Skip);
            prop_assert_eq!(decision.code(), Some(SkipCode::CannotConnectError));
            let seen = &decision.primary.iter().next().expect("a finding").evidence;
            prop_assert!(seen.contains(&Evidence::Instant(start())));
        } else {
            prop_assert_eq!(decision, before);
        }
    }

    #[test]
    fn giving_way_turns_a_plan_into_a_skip_with_all_its_reasons(call in fresh_call()) {
        let mut decision = call.decide();
        if !is_plan(&decision) {
            return Ok(());
        }
        let plain = decision.clone();
        decision.give_way(Vec::new());
        prop_assert_eq!(&decision, &plain);
        let lost = |code| Finding {
            rule: "conflict".into(),
            code,
            lifted: false,
            sub_reason: None,
            evidence: vec![Evidence::Call(CallKey::default())],
        };
        decision.give_way(vec![lost(SkipCode::Duplicate), lost(SkipCode::OverlappingMeeting)]);
        prop_assert_eq!(decision.kind, Kind::Skip);
        prop_assert_eq!(codes(decision.primary.iter().chain(&decision.also)).len(), 2);
    }
}

/// Something that speaks against recording, to be added to a call.
#[derive(Debug, Clone, Copy)]
enum Prohibition {
    ExcludedAddress(usize),
    ExcludedDomain,
    ExcludedKeyword,
    NeverRecord(usize),
    Private,
    Disabled,
    EnforcedConsent,
    RefusedConsent,
    Cancelled,
    Deleted,
    CanceledByOwner,
    InternalSkipped,
    CrmRequired,
    Foreign,
    LessNotice,
}

fn prohibition() -> impl Strategy<Value = Prohibition> {
    use Prohibition::*;
    prop_oneof![
        (0..6_usize).prop_map(ExcludedAddress),
        (0..5_usize).prop_map(NeverRecord),
        one_of(vec![
            ExcludedDomain,
            ExcludedKeyword,
            Private,
            Disabled,
            EnforcedConsent,
            RefusedConsent,
            Cancelled,
            Deleted,
            CanceledByOwner,
            InternalSkipped,
            CrmRequired,
            Foreign,
            LessNotice,
        ]),
    ]
}

impl Prohibition {
    fn add_to(self, call: &mut Call) {
        let settings = &mut call.company.settings;
        match self {
            Self::ExcludedAddress(i) => {
                let people = call.meeting.organizer.iter().chain(&call.meeting.attendees);
                let address = people.filter_map(|person| person.address.clone()).nth(i);
                settings.exclusions.addresses.extend(address);
            }
            Self::ExcludedDomain => {
                settings.exclusions.domains.push("example".to_owned());
            }
            Self::ExcludedKeyword => {
                let title = call.meeting.title.as_deref().unwrap_or_default();
                let word =
                    title.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty());
                settings.exclusions.keywords.extend(word.map(ToOwned::to_owned));
            }
            Self::NeverRecord(i) => {
                if let Some(member) = call.company.members.get_mut(i) {
                    member.capture = Capture::Never;
                }
            }
            Self::Private => call.meeting.sensitivity = Sensitivity::Private,
            // Where an event leads to several conferences another one takes its place (DOMAIN 8.15).
            Self::Disabled => settings.providers.clear(),
            Self::EnforcedConsent => {
                for profile in call.company.consent.profiles.values_mut() {
                    (profile.enabled, profile.enforced) = (true, true);
                }
            }
            Self::RefusedConsent => call.refused = true,
            Self::Cancelled => call.meeting.cancelled = true,
            Self::Deleted => call.meeting.deleted_by_user = true,
            Self::CanceledByOwner => call.meeting.recording_canceled = true,
            Self::InternalSkipped => {
                settings.recording.internal_meetings = InternalMeetings::Skip;
            }
            Self::CrmRequired => settings.recording.require_crm_match = true,
            Self::Foreign => call.meeting.foreign_company = Some("other".to_owned()),
            Self::LessNotice => {
                call.meeting.received_at = start() + TimeDelta::minutes(1);
            }
        }
    }

    /// The code it must bring, where that does not depend on the rest of the call.
    fn code(self, call: &Call) -> Option<SkipCode> {
        match self {
            Self::Private => Some(SkipCode::PrivateOrConfidential),
            Self::Disabled => call
                .links
                .iter()
                .any(|link| link.conference().is_some())
                .then_some(SkipCode::CallProviderDisabledForCompany),
            Self::Cancelled => Some(SkipCode::Cancelled),
            Self::Deleted => Some(SkipCode::DeletedByUser),
            Self::CanceledByOwner => Some(SkipCode::CanceledByOwner),
            Self::Foreign => Some(SkipCode::BelongsToAnotherCompany),
            Self::LessNotice => (!call.meeting.all_day).then_some(SkipCode::ObsoleteCall),
            Self::NeverRecord(i) => {
                let policy = call.policy();
                let people = People::of(&policy, &call.meeting);
                let organizes = people.organizer.and_then(|ix| policy.member(ix));
                let comes = !people.organizer_declined;
                organizes
                    .is_some_and(|member| comes && &*member.id == MEMBERS[i])
                    .then_some(SkipCode::HasDoNotRecordUsers)
            }
            _ => None,
        }
    }
}

/// A call that takes part in conflicts.
type Entrant = OwnedContender;

/// A few calls close together.
fn contenders() -> impl Strategy<Value = Vec<Entrant>> {
    vec(entrant(8), 0..9).prop_map(number)
}

/// Many calls scattered over some days, so that there are several groups of them.
fn many_contenders() -> impl Strategy<Value = Vec<Entrant>> {
    prop_oneof![vec(entrant(150), 0..50), vec(entrant(40), 0..20)].prop_map(number)
}

/// A call that begins at one of so many quarters of an hour.
fn entrant(slots: i64) -> impl Strategy<Value = Entrant> {
    (
        (0..slots, 1_i64..6),
        one_of(&["ada", "bob", "cy"][..]),
        (one_of(&[Provider::Zoom, Provider::Teams][..]), one_of(&["1", "2"][..])),
        any::<bool>(),
        any::<bool>(),
        0_i64..3,
    )
        .prop_map(
            |((from, length), owner, (provider, id), requested, owner_organizes, update)| {
                OwnedContender {
                    key: CallKey::default(),
                    start: at_slot(from),
                    end: at_slot(from + length),
                    owner: owner.into(),
                    conference: Conference { provider, id: id.to_owned() },
                    requested,
                    owner_organizes,
                    received_at: at_slot(-100 + update),
                }
            },
        )
}

fn at_slot(slot: i64) -> chrono::DateTime<chrono::Utc> {
    start() + TimeDelta::minutes(15 * slot)
}

/// Gives each call a key of its own.
fn number(mut calls: Vec<Entrant>) -> Vec<Entrant> {
    for (i, call) in calls.iter_mut().enumerate() {
        call.key = CallKey {
            ical_uid: (i > 0).then(|| format!("{}", i / 2)),
            recurrence_id: (i % 2 == 1).then(|| at_slot(0)),
        };
    }
    calls
}

fn preference(call: &Entrant) -> impl Ord {
    (!call.requested, !call.owner_organizes, std::cmp::Reverse(call.received_at), call.key.clone())
}

fn resolve_all(calls: &[Entrant]) -> BTreeMap<CallKey, Vec<Finding>> {
    let contenders: Vec<_> = calls.iter().map(Entrant::as_ref).collect();
    let keys = calls.iter().map(|call| call.key.clone());
    std::iter::zip(keys, resolve(&contenders)).collect()
}

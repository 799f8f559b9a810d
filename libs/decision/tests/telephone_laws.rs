//! The facts that must hold of every decision (DOMAIN 7), as properties over generated telephone calls and uploads.
#![allow(clippy::wildcard_enum_match_arm, reason = "tests look at few codes of many")]

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use decision::company::{
    Capture, Counts, InternalMeetings, NumberMode, NumberRule, Profile, WhichMeetings,
};
use decision::plan::{
    CallInputs, History, Kind, Last, PATIENCE, UploadInputs, decide_call, decide_upload,
};
use decision::reach::{Reach, Traces};
use decision::session::{Effect, Heard, Order, Outcome, Session, Settings, Signal};
use decision::skip_code::Phase;
use decision::telephone::{self, Call};
use decision::upload::{self, Upload};
use decision::{CompanyFile, Decision, Missing, Person, Policy, SkipCode, Verdict, consent, phone};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select as one_of;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

const MEMBERS: &str = r#"[
    {"id":"ada","emails":["ada@acme.example"],"can_request":true},
    {"id":"bob","emails":["bob@acme.example"]},
    {"id":"cy","emails":["cy@acme.example"]},
    {"id":"dee","emails":["dee@berlin.acme.example"],"can_request":true}
]"#;
const USERS: [&str; 8] = [
    "ada",
    "ada@acme.example",
    "bob",
    "cy",
    "dee",
    "dee@berlin.acme.example",
    "17",
    "kim@x.example",
];
const OTHERS: [&str; 6] = [
    "ada@acme.example",
    "bob@acme.example",
    "cy@acme.example",
    "temp@acme.example",
    "kim@customer.example",
    "lee@eu.partner.example",
];
const NUMBERS: [&str; 12] = [
    "+442079460000",
    "020 7946 0001",
    "+493012345678",
    "+49 (0)30 12345679",
    "+12125551234",
    "+14165551234",
    "+18005551234",
    "+33612345678",
    "101",
    "+4912",
    "anonymous",
    "",
];
const PREFIXES: [&str; 9] = ["+4", "+44", "+49", "+4930", "+1", "+1212", "+1416", "+33", "+3361"];

fn placed() -> DateTime<Utc> {
    "2026-03-02T10:00:00Z".parse().expect("a date")
}

/// Everything a decision is made from.
#[derive(Debug, Clone)]
struct Case {
    company: CompanyFile,
    version: u64,
    call: Call,
    refused: bool,
    history: History,
    minutes: i64,
    eligibility_fails: bool,
    consent_fails: bool,
}

fn consent_of(policy: &Policy, owner: Option<&str>, refused: bool) -> Verdict {
    let name = match owner.and_then(|id| policy.member_by_id(id)) {
        Some((_, owner)) => owner.profile.clone(),
        None => policy.default_profile.clone(),
    };
    consent::judge_call(&consent::Facts {
        company: &policy.company,
        profile_name: name.as_deref(),
        profile: Ok(name.as_deref().and_then(|name| policy.profile(name))),
        links: Ok(&[]),
        refused: Ok(refused),
    })
}

fn answered<T>(fails: bool, what: &'static str, answer: T) -> Result<T, Missing> {
    if fails { Err(Missing(what)) } else { Ok(answer) }
}

impl Case {
    fn policy(&self) -> Policy {
        Policy::compile(&self.company, self.version)
    }

    fn judge(&self) -> telephone::Judgement {
        telephone::judge_call(&self.policy(), &self.call)
    }

    fn decide(&self) -> Decision {
        let policy = self.policy();
        let judgement = telephone::judge_call(&policy, &self.call);
        let consent = consent_of(&policy, judgement.call.owner.as_deref(), self.refused);
        decide_call(&CallInputs {
            policy: &policy,
            call_id: "c1",
            known_at: placed(),
            revision: 1,
            eligibility: answered(self.eligibility_fails, "eligibility", judgement),
            consent: answered(self.consent_fails, "consent", consent),
            history: &self.history,
            now: placed() + TimeDelta::minutes(self.minutes),
        })
    }

    fn traces(&self) -> Traces {
        Traces::of_telephone(&self.policy(), &self.call)
    }
}

fn is_plan(decision: &Decision) -> bool {
    matches!(decision.kind, Kind::Plan(_))
}

fn codes(decision: &Decision) -> Vec<SkipCode> {
    decision.primary.iter().chain(&decision.also).map(|finding| finding.code).collect()
}

fn person(address: &str) -> Person {
    Person { address: Some(address.into()), ..Person::default() }
}

fn mode() -> impl Strategy<Value = NumberMode> {
    one_of(&NumberMode::ALL[..])
}

fn company() -> impl Strategy<Value = CompanyFile> {
    let rule = (one_of(&PREFIXES[..]), mode())
        .prop_map(|(prefix, mode)| NumberRule { prefix: prefix.to_owned(), mode });
    let rare = || proptest::bool::weighted(0.1);
    (
        vec(rule, 0..4),
        (option::weighted(0.2, mode()), any::<bool>(), rare()),
        vec(one_of(&PREFIXES[..]), 0..2),
        vec(one_of(&["customer.example", "partner.example", "acme.example"][..]), 0..2),
        (any::<bool>(), rare(), rare(), rare()),
        vec((0_usize..4, 0_u8..4), 0..3),
    )
        .prop_map(|(numbers, (unknown, either, off), own, excluded, flags, changed)| {
            let mut company = CompanyFile::named("acme");
            company.domains = vec!["acme.example".into()];
            company.members = serde_json::from_str(MEMBERS).expect("members");
            let settings = &mut company.settings;
            settings.dialer.numbers = numbers;
            settings.dialer.unknown = unknown;
            settings.dialer.counts =
                if either { Counts::EitherParty } else { Counts::ExternalParty };
            settings.dialer.enabled = !off;
            settings.dialer.own_numbers = own.into_iter().map(ToOwned::to_owned).collect();
            settings.exclusions.domains = excluded.into_iter().map(ToOwned::to_owned).collect();
            let (records_internal, enforced, by_organizer, crm) = flags;
            if records_internal {
                settings.recording.internal_meetings = InternalMeetings::Record;
            }
            if by_organizer {
                settings.recording.which_meetings = WhichMeetings::Organizer;
            }
            settings.recording.require_crm_match = crm;
            let profile = Profile { enabled: true, enforced, ..Profile::default() };
            company.consent.profiles.insert("eu".into(), profile);
            company.consent.default_profile = "eu".into();
            for (place, what) in changed {
                let member = &mut company.members[place];
                match what {
                    0 => member.seat = false,
                    1 => member.active = false,
                    2 => member.capture = Capture::Disabled,
                    _ => member.capture = Capture::Never,
                }
            }
            company
        })
}

fn call() -> impl Strategy<Value = Call> {
    let number = || one_of(&NUMBERS[..]);
    let others = prop_oneof![
        8 => one_of(&OTHERS[..]).prop_map(person),
        1 => Just(Person::default()),
    ];
    let rare = || proptest::bool::weighted(0.08);
    (
        (number(), number()),
        option::weighted(0.95, one_of(&USERS[..])),
        vec(others, 0..3),
        option::of(any::<bool>()),
        vec(one_of(&["ada", "bob", "dee@berlin.acme.example"][..]), 0..2),
        (rare(), rare()),
    )
        .prop_map(|(numbers, user, participants, started_by_hand, asked, flags)| Call {
            own_number: numbers.0.into(),
            other_number: numbers.1.into(),
            user: user.map(Into::into),
            participants,
            started_by_hand,
            requested_by: asked.into_iter().map(ToOwned::to_owned).collect(),
            deleted_by_user: flags.0,
            recording_canceled: flags.1,
            ..Call::at(placed())
        })
}

fn any_case() -> impl Strategy<Value = Case> {
    let rare = || proptest::bool::weighted(0.1);
    let last = option::of((any::<bool>(), 1_u64..4).prop_map(|(skipped, policy_version)| Last {
        skipped,
        policy_version,
        meeting_revision: 1,
    }));
    (company(), 1_u64..4, call(), (rare(), rare(), rare()), (any::<bool>(), last), 0_i64..90)
        .prop_map(
            |(
                company,
                version,
                call,
                (refused, eligibility_fails, consent_fails),
                past,
                minutes,
            )| Case {
                company,
                version,
                call,
                refused,
                history: History { had_plan: past.0, last: past.1 },
                minutes,
                eligibility_fails,
                consent_fails,
            },
        )
}

/// Cases about which everything can be learned, without history.
fn fresh_case() -> impl Strategy<Value = Case> {
    any_case().prop_map(|case| Case {
        eligibility_fails: false,
        consent_fails: false,
        history: History::default(),
        ..case
    })
}

/// Something more that forbids.
#[derive(Debug, Clone, Copy)]
enum Prohibition {
    Excluded(&'static str),
    NeverRecorded(usize),
    CaptureOff(usize),
    Deactivated(usize),
    TelephonyOff,
    Stricter(NumberMode),
    Enforced,
    Deleted,
    Canceled,
}

fn prohibition() -> impl Strategy<Value = Prohibition> {
    let member = 0_usize..4;
    prop_oneof![
        one_of(&OTHERS[..]).prop_map(Prohibition::Excluded),
        member.clone().prop_map(Prohibition::NeverRecorded),
        member.clone().prop_map(Prohibition::CaptureOff),
        member.prop_map(Prohibition::Deactivated),
        Just(Prohibition::TelephonyOff),
        mode().prop_map(Prohibition::Stricter),
        Just(Prohibition::Enforced),
        Just(Prohibition::Deleted),
        Just(Prohibition::Canceled),
    ]
}

impl Prohibition {
    fn add_to(self, case: &mut Case) {
        let company = &mut case.company;
        match self {
            Self::Excluded(address) => company.settings.exclusions.addresses.push(address.into()),
            Self::NeverRecorded(place) => company.members[place].capture = Capture::Never,
            // Who is never recorded is not recorded less by this.
            Self::CaptureOff(place) => {
                if company.members[place].capture == Capture::Enabled {
                    company.members[place].capture = Capture::Disabled;
                }
            }
            Self::Deactivated(place) => company.members[place].active = false,
            Self::TelephonyOff => company.settings.dialer.enabled = false,
            Self::Stricter(mode) => {
                let dialer = &mut company.settings.dialer;
                dialer.numbers.iter_mut().for_each(|rule| rule.mode = rule.mode.max(mode));
                dialer.unknown = dialer.unknown.map(|unknown| unknown.max(mode));
            }
            Self::Enforced => {
                company.consent.profiles.values_mut().for_each(|profile| profile.enforced = true);
            }
            Self::Deleted => case.call.deleted_by_user = true,
            Self::Canceled => case.call.recording_canceled = true,
        }
    }
}

/// Does what each remedy asks for.
fn repair(case: &mut Case, code: SkipCode) {
    let Case { company, call, .. } = case;
    match code {
        SkipCode::DeletedByUser => call.deleted_by_user = false,
        SkipCode::CanceledByOwner => call.recording_canceled = false,
        SkipCode::RemovedByUserDeactivated | SkipCode::NoOwner | SkipCode::UserRecordingOff => {
            company.members.push(
                serde_json::from_str(r#"{"id":"new","emails":["new@own.example"]}"#).expect("one"),
            );
            call.user = Some("new".into());
        }
        SkipCode::HasDoNotRecordUsers => {
            for member in &mut company.members {
                if member.capture == Capture::Never {
                    member.capture = Capture::Enabled;
                }
            }
        }
        SkipCode::CallBlocklisted => {
            company.settings.exclusions.domains.clear();
            company.settings.exclusions.addresses.clear();
        }
        SkipCode::InternalMeeting => {
            company.settings.recording.internal_meetings = InternalMeetings::Record;
        }
        SkipCode::CallProviderDisabledForCompany => company.settings.dialer.enabled = true,
        SkipCode::RecordingRestricted => {
            company.settings.dialer.numbers.clear();
            company.settings.dialer.unknown = None;
        }
        SkipCode::ManualRecordingExcluded | SkipCode::AutoRecordingExcluded => {
            call.started_by_hand = Some(true);
        }
        SkipCode::ComplianceEnforcing | SkipCode::ComplianceUserRequest => {
            company.consent.profiles.values_mut().for_each(|profile| profile.enforced = false);
        }
        other => panic!("nothing repairs {other}"),
    }
}

/// What the session makes of a call that somebody answered, and whose recording can be had.
fn carried_out(numbers: NumberMode, by_hand: bool) -> Outcome {
    let settings = Settings::default();
    let mut session = Session::new(&Order::call(placed(), numbers));
    let at = |seconds| placed() + TimeDelta::seconds(seconds);
    session.wake(&settings, at(0));
    let start = by_hand.then_some((20, Signal::ManualStart));
    let steps = [(9, Signal::Answered)].into_iter().chain(start);
    let mut fetches = false;
    for (seconds, signal) in steps.chain([(300, Signal::CallEnded), (330, Signal::FilesReady)]) {
        let effects = session.hear(&settings, &Heard::new(signal, at(seconds)), at(seconds));
        fetches |= effects.contains(&Effect::Fetch);
    }
    // Nothing is imported that was not sent for.
    if fetches {
        let length = Some(TimeDelta::seconds(280));
        let heard = Heard { length, ..Heard::new(Signal::Imported, at(340)) };
        session.hear(&settings, &heard, at(340));
    }
    for hours in 1..100 {
        if let Some(outcome) = session.outcome() {
            return outcome;
        }
        session.wake(&settings, at(hours * 3_600));
    }
    panic!("a session without end");
}

#[test]
fn generated_calls_reach_every_rule_and_every_kind_of_decision() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    let (mut plans, mut pending) = (0, 0);
    for _ in 0..4_000 {
        let case = any_case().new_tree(&mut runner).expect("a case").current();
        let decision = case.decide();
        plans += u32::from(is_plan(&decision));
        pending += u32::from(matches!(decision.kind, Kind::Pending { .. }));
        seen.extend(codes(&decision));
    }
    for rule in telephone::RULES {
        assert!(seen.contains(&rule.code), "never found: {}", rule.code);
    }
    assert!(plans > 200 && pending > 100, "{plans} plans, {pending} pending");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_a_dialer_writes_is_decided(
        raw in vec(".{0,40}|[+0-9 ()-]{0,24}", 3),
        case in any_case(),
    ) {
        let mut case = case;
        case.call.own_number = raw[0].clone();
        case.call.other_number = raw[1].clone();
        case.call.user = Some(raw[2].clone());
        let decision = case.decide();
        if let (Kind::Skip, None) = (&decision.kind, &decision.primary) {
            prop_assert!(false, "a skip without a code");
        }
        let _ = case.traces();
    }

    #[test]
    fn a_number_reads_as_itself_once_it_was_read(raw in "[+0-9 ()-]{0,20}", home in one_of(&["DE", "US", "GB", "IT", ""][..])) {
        let home = phone::Country::from_name(home).map_or(phone::Region::Unknown, phone::Region::In);
        if let phone::Number::Full(full) = phone::Number::read(&raw, home)
            && full.is_valid()
        {
            let again = phone::Number::read(&full.to_string(), phone::Region::Unknown);
            prop_assert_eq!(again, phone::Number::Full(full));
        }
    }

    #[test]
    fn the_same_call_gives_the_same_bytes(case in any_case()) {
        prop_assert_eq!(format!("{:?}", case.decide()), format!("{:?}", case.clone().decide()));
    }

    #[test]
    fn a_prohibition_never_makes_a_plan_and_never_loosens_what_numbers_permit(
        case in fresh_case(),
        which in prohibition(),
    ) {
        let (before, numbers) = (case.decide(), case.judge().numbers);
        let mut prohibited = case;
        which.add_to(&mut prohibited);
        let after = prohibited.decide();
        prop_assert!(is_plan(&before) || !is_plan(&after), "{:?} -> {:?}", codes(&before), after);
        prop_assert!(numbers <= prohibited.judge().numbers);
    }

    #[test]
    fn a_request_and_a_start_by_hand_never_cost_a_plan(case in fresh_case(), who in one_of(&USERS[..])) {
        let before = case.decide();
        let mut asked = case.clone();
        asked.call.requested_by.push(who.into());
        prop_assert!(!is_plan(&before) || is_plan(&asked.decide()));
        if case.call.started_by_hand == Some(false) {
            let mut by_hand = case;
            by_hand.call.started_by_hand = Some(true);
            prop_assert!(!is_plan(&before) || is_plan(&by_hand.decide()));
        }
    }

    #[test]
    fn every_finding_has_evidence_and_doing_what_the_remedies_say_gives_a_plan(case in fresh_case()) {
        let decision = case.decide();
        let mut repaired = case;
        for finding in decision.primary.iter().chain(&decision.also) {
            prop_assert!(decision.hidden || !finding.evidence.is_empty(), "{finding:?}");
            repair(&mut repaired, finding.code);
        }
        let after = repaired.decide();
        prop_assert!(is_plan(&after), "{:?} -> {:?}", codes(&decision), codes(&after));
    }

    #[test]
    fn where_consent_is_enforced_nothing_leads_to_a_plan(case in any_case()) {
        let mut case = case;
        Prohibition::Enforced.add_to(&mut case);
        prop_assert!(!is_plan(&case.decide()));
    }

    #[test]
    fn what_is_not_known_waits_and_ends_in_a_code(case in any_case()) {
        let decision = Case { minutes: PATIENCE.num_minutes(), ..case }.decide();
        let waits = matches!(decision.kind, Kind::Pending { .. });
        prop_assert!(!waits);
    }

    #[test]
    fn the_judge_and_the_session_agree_on_what_numbers_permit(case in fresh_case(), by_hand in any::<bool>()) {
        let mut case = case;
        case.call.started_by_hand = None;
        let handed_over = case.judge().numbers;
        case.call.started_by_hand = Some(by_hand);
        let judged = case.judge();
        let dial = judged.call.verdict.findings.iter().find(|finding| {
            !finding.lifted && finding.code.meta().phase == Phase::Dial
        });
        let expected = dial.map_or(Outcome::Recorded, |finding| Outcome::Skipped(finding.code));
        prop_assert_eq!(carried_out(handed_over, by_hand), expected);
        // And nothing is decided twice: what a start by hand has lifted stays lifted.
        prop_assert_eq!(carried_out(judged.numbers, by_hand), expected);
    }

    #[test]
    fn what_a_change_does_not_reach_stays_as_decided(
        case in any_case(),
        other in company(),
        which in 0_u8..9,
    ) {
        let mut next = Case { version: case.version + 1, ..case.clone() };
        let (new, old) = (&mut next.company, other);
        match which {
            0 => new.settings.dialer.numbers = old.settings.dialer.numbers,
            1 => new.settings.dialer.unknown = old.settings.dialer.unknown,
            2 => new.settings.dialer.counts = old.settings.dialer.counts,
            3 => new.settings.dialer.enabled = old.settings.dialer.enabled,
            4 => new.settings.dialer.own_numbers = old.settings.dialer.own_numbers,
            5 => new.settings.exclusions = old.settings.exclusions,
            6 => new.settings.recording = old.settings.recording,
            7 => {
                new.members.pop();
            }
            _ => new.members = old.members,
        }
        for last in next.history.last.iter_mut().filter(|last| last.policy_version >= case.version) {
            last.policy_version += 1;
        }
        if !Reach::between(&case.company, &next.company).touches(&case.traces()) {
            let after = Decision { policy_version: case.version, ..next.decide() };
            prop_assert_eq!(case.decide(), after);
            prop_assert_eq!(case.judge().numbers, next.judge().numbers);
        }
    }

    #[test]
    fn an_upload_is_rejected_or_decided_and_only_what_nothing_lifts_stops_it(
        company in company(),
        owner in one_of(&USERS[..]),
        participants in vec(one_of(&OTHERS[..]).prop_map(person), 0..3),
        refused in any::<bool>(),
    ) {
        let policy = Policy::compile(&company, 1);
        let upload = Upload {
            owner: owner.into(),
            title: None,
            participants,
            recorded_at: placed(),
            deleted_by_user: false,
            recording_canceled: false,
        };
        let judged = upload::judge_upload(&policy, &upload);
        let may = policy.find_member(owner).is_some_and(|(_, member)| member.may_request());
        prop_assert_eq!(judged.is_ok(), may);
        let Ok(judgement) = judged else { return Ok(()) };
        let consent = consent_of(&policy, judgement.owner.as_deref(), refused);
        let decision = decide_upload(&UploadInputs {
            policy: &policy,
            call_id: "u1",
            known_at: placed(),
            revision: 1,
            eligibility: Ok(judgement),
            consent: Ok(consent),
            history: &History::default(),
            now: placed(),
        });
        let unliftable = [
            SkipCode::HasDoNotRecordUsers,
            SkipCode::ComplianceEnforcing,
            SkipCode::ComplianceUserRequest,
        ];
        let found = codes(&decision);
        prop_assert!(found.iter().all(|code| unliftable.contains(code)), "{found:?}");
        prop_assert_eq!(is_plan(&decision), found.is_empty());
    }
}

//! The way a call came by its decision, a sentence for each step, without any content of an event.

use chrono::{DateTime, Utc};

use crate::explain::{call, short};
use crate::plan::{Decision, Kind, Plan};
use crate::rule::{Evidence, Finding};
use crate::skip_code::SkipCode;

/// What led to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The meeting is new, or has changed.
    Meeting,
    /// The company file has changed.
    Policy,
    /// A participant chose about consent.
    Consent,
    /// A person asked for the recording, or took it back.
    Request,
    /// Another call won a conflict, or is no longer in the way.
    Conflict,
    /// Its time had come.
    Timer,
    /// Its plan was carried out, or that came to an end.
    Session,
    /// Somebody asked for a decision.
    Asked,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Meeting,
        Self::Policy,
        Self::Consent,
        Self::Request,
        Self::Conflict,
        Self::Timer,
        Self::Session,
        Self::Asked,
    ];

    /// Its name on the wire and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Meeting => "meeting",
            Self::Policy => "policy",
            Self::Consent => "consent",
            Self::Request => "request",
            Self::Conflict => "conflict",
            Self::Timer => "timer",
            Self::Session => "session",
            Self::Asked => "asked",
        }
    }

    /// The cause of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == name)
    }
}

/// A decision as a place on the way.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The decision.
    pub decision: &'a Decision,
    /// The meeting revision it was made from.
    pub meeting_revision: u64,
    /// When the call starts, as that revision has it.
    pub start: DateTime<Utc>,
}

/// What changed from one decision to the next, and by what; `before` is none for the first.
#[must_use]
pub fn sentence(before: Option<&Step<'_>>, after: &Step<'_>, cause: Cause) -> String {
    let what = match before {
        None => format!("First decision: {}", outcome(after)),
        Some(before) => changed(before, after),
    };
    let mut reasons = vec![by(before, after, cause)];
    if let Some(before) = before {
        // Whatever set it off, a decision rests on all that is known by then.
        let old = before.decision.policy_version;
        let new = after.decision.policy_version;
        if cause != Cause::Meeting && before.meeting_revision != after.meeting_revision {
            reasons.push(format!(
                "the meeting went from revision {} to {}",
                before.meeting_revision, after.meeting_revision
            ));
        }
        if cause != Cause::Policy && old != new {
            reasons.push(format!("the company file went from version {old} to {new}"));
        }
    }
    format!("{what}, because {}.", reasons.join(", and meanwhile "))
}

/// By what.
fn by(before: Option<&Step<'_>>, after: &Step<'_>, cause: Cause) -> String {
    let before = before.copied();
    match cause {
        Cause::Meeting => match before.map(|before| before.meeting_revision) {
            None => format!("the meeting became known at revision {}", after.meeting_revision),
            Some(old) if old == after.meeting_revision => {
                format!("the meeting was looked at again at revision {old}")
            }
            Some(old) => {
                format!("the meeting changed from revision {old} to {}", after.meeting_revision)
            }
        },
        Cause::Policy => {
            let new = after.decision.policy_version;
            match before.map(|before| before.decision.policy_version) {
                None => format!("the company file came into force at version {new}"),
                Some(old) if old == new => {
                    format!("the company file was looked at again at version {old}")
                }
                Some(old) => format!("the company file changed from version {old} to {new}"),
            }
        }
        Cause::Consent => "a participant chose about consent".to_owned(),
        Cause::Request => match (after.decision.code(), after.decision.requester.as_deref()) {
            (Some(SkipCode::CanceledByOwner), _) => "the recording was taken back".to_owned(),
            (_, Some(who)) => format!("{who} asked for the recording"),
            (_, None) => "a person asked about the recording".to_owned(),
        },
        Cause::Conflict => {
            let won = before.and_then(|before| winner(before.decision));
            match (winner(after.decision), won) {
                (Some(other), _) => format!("it conflicts with {other}"),
                (None, Some(other)) => format!("{other} is no longer in its way"),
                (None, None) => "calls that conflict were settled anew".to_owned(),
            }
        }
        Cause::Timer => "its time had come".to_owned(),
        Cause::Session => "that is what came of its recording".to_owned(),
        Cause::Asked => "a decision was asked for".to_owned(),
    }
}

/// The call that won a conflict with this one.
fn winner(decision: &Decision) -> Option<String> {
    let of_conflicts = |code| matches!(code, SkipCode::Duplicate | SkipCode::OverlappingMeeting);
    let mut findings = decision.primary.iter().chain(&decision.also);
    let finding = findings.find(|finding| of_conflicts(finding.code))?;
    finding.evidence.iter().find_map(|seen| match seen {
        Evidence::Call(key) => Some(call(key)),
        Evidence::Member(_)
        | Evidence::Invitee(_)
        | Evidence::Setting(_)
        | Evidence::Instant(_)
        | Evidence::Seconds(_)
        | Evidence::Service(_)
        | Evidence::Company(_)
        | Evidence::Profile(_) => None,
    })
}

/// What was decided, in a clause.
fn outcome(step: &Step<'_>) -> String {
    let decision = step.decision;
    match &decision.kind {
        Kind::Plan(plan) => {
            format!("recorded {} for {}, starting {}", how(plan), plan.owner, instant(step.start))
        }
        Kind::Skip => format!("not recorded, {}", code(decision)),
        Kind::Pending { decide_by } => {
            format!("waiting for {} until {}", missing(decision), instant(*decide_by))
        }
        Kind::Recorded => "recorded to its end".to_owned(),
        Kind::Partial => format!("recorded in part, {}", code(decision)),
    }
}

/// What changed, in a clause.
fn changed(before: &Step<'_>, after: &Step<'_>) -> String {
    let (old, new) = (before.decision, after.decision);
    let main = match (&old.kind, &new.kind) {
        (Kind::Plan(_), Kind::Skip) => Some(format!("No longer recorded, {}", code(new))),
        (Kind::Skip, Kind::Plan(_)) => {
            Some(format!("Now {}; it was {}", outcome(after), code(old)))
        }
        (Kind::Recorded, Kind::Recorded) => None,
        (Kind::Partial, Kind::Partial) if reason_of(old) == reason_of(new) => None,
        (_, Kind::Recorded | Kind::Partial) => Some(format!("Carried out: {}", outcome(after))),
        (Kind::Recorded | Kind::Partial, Kind::Skip) => {
            Some(format!("Nothing is kept of what was recorded, {}", code(new)))
        }
        (Kind::Recorded | Kind::Partial, Kind::Plan(_) | Kind::Pending { .. }) => {
            Some(format!("Decided anew: {}", outcome(after)))
        }
        (Kind::Pending { .. }, Kind::Plan(_) | Kind::Skip) => {
            Some(format!("No longer waiting: {}", outcome(after)))
        }
        (Kind::Plan(_) | Kind::Skip, Kind::Pending { .. }) => {
            Some(format!("No longer decided: {}", outcome(after)))
        }
        (Kind::Skip, Kind::Skip) if old.code() != new.code() => {
            Some(format!("Not recorded for another reason, {} instead of {}", code(new), code(old)))
        }
        (Kind::Plan(old), Kind::Plan(new)) => {
            listed("Still recorded, with ", &of_plans(old, new, before.start, after.start))
        }
        (Kind::Skip, Kind::Skip) => {
            let same = reason_of(old) == reason_of(new);
            (!same)
                .then(|| format!("Still not recorded, now {} instead of {}", code(new), code(old)))
        }
        (Kind::Pending { decide_by: old_end }, Kind::Pending { decide_by }) => {
            let same = old.missing == new.missing && old_end == decide_by;
            (!same).then(|| format!("Still {}", outcome(after)))
        }
    };
    let mut behind = behind(before, after);
    if main.is_none() && behind.is_empty() {
        behind.extend(quietly(old, new));
    }
    match (main, listed("with ", &behind)) {
        (Some(main), None) => main,
        (Some(main), Some(_)) => format!("{main}; {}", behind.join(", ")),
        (None, Some(_)) => format!("Decided as before, {}", behind.join(", ")),
        (None, None) => "Decided as before".to_owned(),
    }
}

fn listed(beginning: &str, changes: &[String]) -> Option<String> {
    (!changes.is_empty()).then(|| format!("{beginning}{}", changes.join(", ")))
}

/// What differs between two plans.
fn of_plans(
    old: &Plan,
    new: &Plan,
    old_start: DateTime<Utc>,
    new_start: DateTime<Utc>,
) -> Vec<String> {
    let mut changes = Vec::new();
    if old.owner != new.owner {
        changes.push(format!("{} as owner instead of {}", new.owner, old.owner));
    }
    if (old.method, old.adapter) != (new.method, new.adapter) {
        changes.push(format!("another method, {} instead of {}", how(new), how(old)));
    }
    if old_start != new_start {
        changes.push(format!(
            "another start, {} instead of {}",
            instant(new_start),
            instant(old_start)
        ));
    } else if (old.join_at, old.latest_join) != (new.join_at, new.latest_join) {
        changes.push("other times to join".to_owned());
    }
    let conference =
        |plan: &Plan| plan.dedupe_key.rsplit_once('/').map(|(place, _)| place.to_owned());
    if conference(old) != conference(new) {
        changes.push("another conference".to_owned());
    }
    if old.fallbacks != new.fallbacks {
        changes.push("other methods to fall back to".to_owned());
    }
    if old.announcement != new.announcement {
        let an = if new.announcement { "an announcement" } else { "no announcement any more" };
        changes.push(an.to_owned());
    }
    if old.consent_verified != new.consent_verified {
        let it = if new.consent_verified { "enforced" } else { "no longer enforced" };
        changes.push(format!("consent {it}"));
    }
    if old.numbers != new.numbers {
        changes.push(format!("numbers {} instead of {}", new.numbers.about(), old.numbers.about()));
    }
    changes
}

/// What differs behind the outcome.
fn behind(before: &Step<'_>, after: &Step<'_>) -> Vec<String> {
    let (old, new) = (before.decision, after.decision);
    let mut changes = Vec::new();
    let mut compare = |what: &str, old: Vec<&str>, new: Vec<&str>| {
        let only = |one: &[&str], other: &[&str]| -> Vec<String> {
            one.iter().filter(|code| !other.contains(code)).map(ToString::to_string).collect()
        };
        changes.extend(listed(&format!("{what} now "), &only(&new, &old)));
        changes.extend(listed(&format!("{what} no longer "), &only(&old, &new)));
    };
    compare("found besides", spellings(&old.also), spellings(&new.also));
    compare("lifted", spellings(&old.lifted), spellings(&new.lifted));
    let warnings = |decision: &Decision| decision.warnings.iter().map(|one| one.as_str()).collect();
    compare("warned of", warnings(old), warnings(new));
    let named = |who: &Decision| match &who.kind {
        // The owner of a plan is told with the plan.
        Kind::Plan(_) => None,
        Kind::Skip | Kind::Pending { .. } | Kind::Recorded | Kind::Partial => who.owner.clone(),
    };
    if let (Some(was), Some(is)) = (named(old), named(new))
        && was != is
    {
        changes.push(format!("it belongs to {is} instead of {was}"));
    }
    match (old.import_details, new.import_details) {
        (true, false) => changes.push("its details are no longer imported".to_owned()),
        (false, true) => changes.push("its details are imported now".to_owned()),
        (true, true) | (false, false) => {}
    }
    changes
}

/// What differs where nothing else does.
fn quietly(old: &Decision, new: &Decision) -> Option<String> {
    if old.requester != new.requester {
        return Some(match new.requester.as_deref() {
            Some(who) => format!("{who} counts as the one who asked"),
            None => "nobody who asked counts any more".to_owned(),
        });
    }
    (details(old) != details(new)).then(|| "other details of the reasons".to_owned())
}

fn spellings(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

/// What is seen behind the codes.
fn details(decision: &Decision) -> impl PartialEq {
    (&decision.primary, &decision.also, &decision.lifted, decision.related)
}

fn reason_of(decision: &Decision) -> Option<(SkipCode, Option<&str>)> {
    decision.primary.as_ref().map(|finding| (finding.code, finding.sub_reason.as_deref()))
}

fn code(decision: &Decision) -> String {
    decision.primary.as_ref().map_or_else(|| "without a code".to_owned(), short)
}

fn how(plan: &Plan) -> String {
    format!("by {} ({})", plan.adapter.as_str(), plan.method.as_str())
}

fn missing(decision: &Decision) -> String {
    if decision.missing.is_empty() {
        "an answer".to_owned()
    } else {
        decision.missing.join(" and ")
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::company::NumberMode;
    use crate::means::Means;
    use crate::meeting::CallKey;
    use crate::provider::Adapter;
    use crate::rule::{Warning, Warnings};

    fn start() -> DateTime<Utc> {
        "2026-03-02T10:00:00Z".parse().unwrap()
    }

    fn plan() -> Plan {
        Plan {
            method: Means::Bot,
            adapter: Adapter::Teams,
            join_at: Some(start() - TimeDelta::minutes(2)),
            latest_join: Some(start() + TimeDelta::minutes(10)),
            fallbacks: Vec::new(),
            owner: "ada".into(),
            dedupe_key: "teams/19:x@thread.v2/1772445600".into(),
            announcement: false,
            consent_verified: false,
            numbers: NumberMode::Automatic,
        }
    }

    fn finding(code: SkipCode) -> Finding {
        Finding { rule: "r".into(), code, lifted: false, sub_reason: None, evidence: Vec::new() }
    }

    fn of(kind: Kind) -> Decision {
        Decision {
            kind,
            primary: None,
            also: Vec::new(),
            lifted: Vec::new(),
            related: None,
            warnings: Warnings::default(),
            import_details: true,
            hidden: false,
            missing: Vec::new(),
            owner: Some("ada".into()),
            requester: None,
            policy_version: 6,
            catalogue_version: 1,
        }
    }

    fn planned() -> Decision {
        of(Kind::Plan(plan()))
    }

    fn with_plan(change: impl FnOnce(&mut Plan)) -> Decision {
        let mut plan = plan();
        change(&mut plan);
        of(Kind::Plan(plan))
    }

    fn skipped(code: SkipCode) -> Decision {
        Decision { primary: Some(finding(code)), ..of(Kind::Skip) }
    }

    fn waiting() -> Decision {
        Decision { missing: vec!["consent".into()], ..of(Kind::Pending { decide_by: start() }) }
    }

    fn at(decision: &Decision, meeting_revision: u64) -> Step<'_> {
        Step { decision, meeting_revision, start: start() }
    }

    fn told(before: &Decision, after: &Decision, cause: Cause) -> String {
        sentence(Some(&at(before, 3)), &at(after, 3), cause)
    }

    #[test]
    fn a_first_decision_is_told_as_such() {
        let first = |decision| sentence(None, &at(&decision, 1), Cause::Meeting);
        assert_eq!(
            first(planned()),
            "First decision: recorded by teams (bot) for ada, starting 2026-03-02 10:00:00 UTC, \
             because the meeting became known at revision 1."
        );
        assert!(
            first(skipped(SkipCode::NoUrl)).starts_with("First decision: not recorded, NO_URL,")
        );
        assert!(first(waiting()).starts_with("First decision: waiting for consent until 2026-"));
        let by_policy = sentence(None, &at(&planned(), 1), Cause::Policy);
        assert!(by_policy.ends_with("because the company file came into force at version 6."));
    }

    #[test]
    fn a_plan_that_falls_names_its_code_and_the_change_that_did_it() {
        let mut fallen = skipped(SkipCode::CallProviderDisabledForCompany);
        fallen.policy_version = 7;
        assert_eq!(
            told(&planned(), &fallen, Cause::Policy),
            "No longer recorded, CALL_PROVIDER_DISABLED_FOR_COMPANY, \
             because the company file changed from version 6 to 7."
        );
    }

    #[test]
    fn a_code_that_goes_is_told_with_the_plan_that_comes() {
        let before = skipped(SkipCode::Cancelled);
        let after = planned();
        let told = sentence(Some(&at(&before, 3)), &at(&after, 4), Cause::Meeting);
        assert!(told.starts_with("Now recorded by teams (bot) for ada"), "{told}");
        assert!(
            told.contains("it was CANCELLED, because the meeting changed from revision 3 to 4")
        );
    }

    #[test]
    fn another_code_is_told_beside_the_old_one() {
        let told = told(&skipped(SkipCode::NoUrl), &skipped(SkipCode::Cancelled), Cause::Asked);
        assert_eq!(
            told,
            "Not recorded for another reason, CANCELLED instead of NO_URL, because a decision was asked for."
        );
    }

    #[test]
    fn a_narrower_reason_is_told_where_the_code_stays() {
        let mut after = skipped(SkipCode::Cancelled);
        after.primary.as_mut().unwrap().sub_reason = Some("declined_by_all".into());
        let told = told(&skipped(SkipCode::Cancelled), &after, Cause::Meeting);
        assert!(told.starts_with(
            "Still not recorded, now CANCELLED (declined by all) instead of CANCELLED"
        ));
        assert!(told.contains("looked at again at revision 3"), "{told}");
    }

    #[test]
    fn each_part_of_a_plan_that_changes_is_told() {
        type Case = (fn(&mut Plan), &'static str);
        let cases: [Case; 8] = [
            (|plan| plan.owner = "bob".into(), "bob as owner instead of ada"),
            (
                |plan| (plan.method, plan.adapter) = (Means::Cloud, Adapter::ZoomNative),
                "another method, by zoom-native (native) instead of by teams (bot)",
            ),
            (|plan| plan.join_at = None, "other times to join"),
            (|plan| plan.dedupe_key = "zoom/1/1772445600".into(), "another conference"),
            (|plan| plan.fallbacks.push(Means::LocalBot), "other methods to fall back to"),
            (|plan| plan.announcement = true, "an announcement"),
            (|plan| plan.consent_verified = true, "consent enforced"),
            (
                |plan| plan.numbers = NumberMode::Manual,
                "numbers recorded only when started by hand instead of recorded",
            ),
        ];
        for (change, expected) in cases {
            let there = told(&planned(), &with_plan(change), Cause::Timer);
            assert_eq!(
                there,
                format!("Still recorded, with {expected}, because its time had come.")
            );
            let back = told(&with_plan(change), &planned(), Cause::Timer);
            assert!(back.starts_with("Still recorded, with "), "{back}");
        }
        let moved = start() + TimeDelta::hours(1);
        let decision = planned();
        let told = sentence(
            Some(&at(&decision, 3)),
            &Step { start: moved, ..at(&decision, 4) },
            Cause::Meeting,
        );
        assert!(
            told.contains(
                "another start, 2026-03-02 11:00:00 UTC instead of 2026-03-02 10:00:00 UTC"
            )
        );
    }

    #[test]
    fn what_changes_behind_an_outcome_is_told() {
        let plain = skipped(SkipCode::NoUrl);
        let mut other = plain.clone();
        other.also.push(finding(SkipCode::NoOwner));
        let there = told(&plain, &other, Cause::Asked);
        assert!(there.starts_with("Decided as before, found besides now NO_OWNER,"), "{there}");
        let back = told(&other, &plain, Cause::Asked);
        assert!(back.starts_with("Decided as before, found besides no longer NO_OWNER,"), "{back}");

        let mut asked = planned();
        asked.lifted.push(finding(SkipCode::PrivateOrConfidential));
        asked.requester = Some("ada".into());
        let there = told(&planned(), &asked, Cause::Request);
        assert_eq!(
            there,
            "Decided as before, lifted now PRIVATE_OR_CONFIDENTIAL, because ada asked for the recording."
        );

        let mut warned = planned();
        warned.warnings.add(Warning::ShortNotice);
        let there = told(&planned(), &warned, Cause::Asked);
        assert!(there.starts_with("Decided as before, warned of now short_notice,"), "{there}");

        let hidden = Decision { import_details: false, ..plain.clone() };
        assert!(told(&plain, &hidden, Cause::Asked).contains("its details are no longer imported"));
        assert!(told(&hidden, &plain, Cause::Asked).contains("its details are imported now"));

        let others = Decision { owner: Some("bob".into()), ..plain.clone() };
        assert!(told(&plain, &others, Cause::Asked).contains("it belongs to bob instead of ada"));

        let by_bob = Decision { requester: Some("bob".into()), ..planned() };
        assert!(
            told(&planned(), &by_bob, Cause::Asked).contains("bob counts as the one who asked")
        );
        assert!(
            told(&by_bob, &planned(), Cause::Asked).contains("nobody who asked counts any more")
        );

        let mut seen = plain.clone();
        seen.primary.as_mut().unwrap().evidence.push(Evidence::Seconds(1));
        assert!(told(&plain, &seen, Cause::Asked).contains("other details of the reasons"));

        assert_eq!(
            told(&plain, &plain, Cause::Consent),
            "Decided as before, because a participant chose about consent."
        );
    }

    #[test]
    fn waiting_is_told_when_it_begins_goes_on_and_ends() {
        let begins = told(&planned(), &waiting(), Cause::Timer);
        assert!(begins.starts_with("No longer decided: waiting for consent until"), "{begins}");
        let mut other = waiting();
        other.missing.push("eligibility".into());
        let on = told(&waiting(), &other, Cause::Timer);
        assert!(on.starts_with("Still waiting for consent and eligibility until"), "{on}");
        for (end, words) in [
            (planned(), "No longer waiting: recorded by teams (bot) for ada"),
            (
                skipped(SkipCode::ComplianceSystemDecision),
                "No longer waiting: not recorded, COMPLIANCE",
            ),
        ] {
            let ends = told(&waiting(), &end, Cause::Timer);
            assert!(ends.starts_with(words), "{ends}");
        }
    }

    #[test]
    fn a_conflict_names_the_call_that_won_and_the_one_that_is_gone() {
        let mut lost = skipped(SkipCode::Duplicate);
        let key = CallKey { ical_uid: Some("u1".into()), recurrence_id: None };
        lost.primary.as_mut().unwrap().evidence.push(Evidence::Call(key));
        assert_eq!(
            told(&planned(), &lost, Cause::Conflict),
            "No longer recorded, DUPLICATE, because it conflicts with call u1."
        );
        let again = told(&lost, &planned(), Cause::Conflict);
        assert!(again.ends_with("because call u1 is no longer in its way."), "{again}");
        let neither = told(&planned(), &planned(), Cause::Conflict);
        assert!(neither.contains("settled anew"), "{neither}");
    }

    #[test]
    fn a_recording_taken_back_is_no_request_for_one() {
        let told = told(&planned(), &skipped(SkipCode::CanceledByOwner), Cause::Request);
        assert!(told.ends_with("because the recording was taken back."), "{told}");
    }

    #[test]
    fn what_changed_meanwhile_is_told_beside_the_cause() {
        let after = Decision { policy_version: 7, ..planned() };
        let told = sentence(Some(&at(&planned(), 3)), &at(&after, 5), Cause::Timer);
        assert_eq!(
            told,
            "Decided as before, because its time had come, \
             and meanwhile the meeting went from revision 3 to 5, \
             and meanwhile the company file went from version 6 to 7."
        );
    }

    #[test]
    fn a_cause_is_known_by_its_name() {
        for cause in Cause::ALL {
            assert_eq!(Cause::from_name(cause.as_str()), Some(cause));
        }
        assert_eq!(Cause::from_name("storm"), None);
    }
}

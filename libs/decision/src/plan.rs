//! From verdicts to a decision: a plan, one primary skip code, or pending.

mod import;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::company::{Method, NumberMode};
use crate::eligibility::{self, Judgement};
use crate::links::Selected;
use crate::means::Means;
use crate::meeting::{CallKey, Meeting};
use crate::policy::Policy;
use crate::provider::{Adapter, Assessed, choose};
use crate::rule::{Evidence, Finding, Missing, Verdict, Warning, Warnings, by_rank};
use crate::skip_code::{CATALOGUE_VERSION, SkipCode};

pub use import::{CallInputs, PATIENCE, UploadInputs, decide_call, decide_upload};

/// What was decided on a call before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// It had a plan at some time.
    pub had_plan: bool,
    /// The decision that holds.
    pub last: Option<Last>,
}

/// The decision that holds, as far as the next one depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// It was a skip.
    pub skipped: bool,
    /// The policy version it was made from, or the newest one since whose changes do not reach the call
    /// ([`crate::reach`]).
    pub policy_version: u64,
    /// The meeting revision it was made from.
    pub meeting_revision: u64,
}

/// Everything a decision is made from.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The company's policy.
    pub policy: &'a Policy,
    /// Identity of the call.
    pub key: &'a CallKey,
    /// The meeting.
    pub meeting: &'a Meeting,
    /// Its revision; 0 where it has none.
    pub meeting_revision: u64,
    /// Its local time is ambiguous.
    pub ambiguous_time: bool,
    /// What its links come to.
    pub links: &'a Selected,
    /// Whether its consent links could be looked up.
    pub links_known: Result<(), Missing>,
    /// Eligibility's verdict.
    pub eligibility: Result<Judgement, Missing>,
    /// Consent's verdict.
    pub consent: Result<Verdict, Missing>,
    /// The adapters' assessments, in the order of [`crate::provider::methods_to_assess`].
    pub assessed: &'a [Assessed],
    /// What was decided before.
    pub history: &'a History,
    /// The instant for which it is decided.
    pub now: DateTime<Utc>,
}

impl Inputs<'_> {
    /// Whether everybody has answered who has a say: eligibility, consent where the owner's profile enforces
    /// it, whoever looks up consent links, and the adapters. A decision made from less may hold, but it may
    /// lack what they would have found, so it is made again.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let Ok(judgement) = &self.eligibility else { return false };
        let has_said = |verdict: &Verdict| verdict.missing.is_empty();
        let enforced = self.policy.enforces(profile_of(self.policy, judgement));
        has_said(&judgement.verdict)
            && (!enforced || self.consent.as_ref().is_ok_and(has_said))
            && self.links_known.is_ok()
            && self.assessed.iter().all(Result::is_ok)
    }
}

/// How a call is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The method.
    pub method: Means,
    /// The adapter that carries it out.
    pub adapter: Adapter,
    /// When the bot joins; none where nobody joins.
    pub join_at: Option<DateTime<Utc>>,
    /// After this nobody joins any more; none where nobody joins.
    pub latest_join: Option<DateTime<Utc>>,
    /// Methods to try when it fails, in order.
    pub fallbacks: Vec<Means>,
    /// Member id of the owner.
    pub owner: Arc<str>,
    /// Key under which one plan of the company is active: conference and start.
    pub dedupe_key: String,
    /// An announcement must be played.
    pub announcement: bool,
    /// Consent is enforced and was verified.
    pub consent_verified: bool,
    /// What holds for the numbers of a telephone call, as far as a manual start has not lifted it already;
    /// [`NumberMode::Automatic`] for everything else.
    pub numbers: NumberMode,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// It is recorded.
    Plan(Plan),
    /// It is not recorded.
    Skip,
    /// It cannot be decided yet.
    Pending {
        /// Until when it will be.
        decide_by: DateTime<Utc>,
    },
    /// It was recorded.
    Recorded,
    /// A part of it was recorded and kept; the primary code says why not all.
    Partial,
}

/// The decision on one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub kind: Kind,
    /// Set for a skip, and for what was recorded in part: the finding whose code is shown.
    pub primary: Option<Finding>,
    /// All other findings, ascending by rank, each code once.
    pub also: Vec<Finding>,
    /// What a manual request lifted, ascending by rank, each code once.
    pub lifted: Vec<Finding>,
    /// Twin or companion of the primary code.
    pub related: Option<SkipCode>,
    /// What should be known although it stops nothing.
    pub warnings: Warnings,
    /// The details of the meeting may be imported.
    pub import_details: bool,
    /// Title and conference are shown to nobody: the event is private or excluded.
    pub hidden: bool,
    /// Set for pending: what is missing.
    pub missing: Vec<String>,
    /// Member id of the owner.
    pub owner: Option<Arc<str>>,
    /// Member id of the one whose request counts.
    pub requester: Option<Arc<str>>,
    /// The policy version it was made from.
    pub policy_version: u64,
    /// The version of the order of codes it was made from.
    pub catalogue_version: u32,
}

impl Decision {
    /// The primary code.
    #[must_use]
    pub fn code(&self) -> Option<SkipCode> {
        self.primary.as_ref().map(|finding| finding.code)
    }

    /// Turns a plan that lost conflicts into a skip; no findings leave it as it is.
    pub fn give_way(&mut self, findings: Vec<Finding>) {
        let mut findings = findings.into_iter();
        if let Some(first) = findings.next() {
            self.kind = Kind::Skip;
            self.primary = Some(first);
            self.also.extend(findings);
        }
    }

    /// Turns a plan that was never carried out into a skip: `latest`, the last instant at which anybody
    /// could have been sent, passed while nothing of ours ran. A missed window ends in a code and not in
    /// silence (DESIGN 4); no rule has a narrower one for it, which leaves the code for a connection that
    /// did not come about (DOMAIN 3.6). What is no plan stays as it is.
    pub fn dispatch_missed(&mut self, latest: DateTime<Utc>) {
        if !matches!(self.kind, Kind::Plan(_)) {
            return;
        }
        self.kind = Kind::Skip;
        self.primary = Some(Finding {
            rule: "dispatch-missed".into(),
            code: SkipCode::CannotConnectError,
            lifted: false,
            sub_reason: Some("dispatch_missed".into()),
            evidence: vec![Evidence::Service("orchestrator".into()), Evidence::Instant(latest)],
        });
    }
}

impl Decision {
    /// Ends what is due although its meeting is unknown: whoever keeps the meetings has answered, and has none
    /// of that id. No calendar holds it, so there is nothing to record (DOMAIN 5.8). A skip stays as it is.
    pub fn meeting_gone(&mut self) {
        self.end_with(vec![Finding {
            rule: "meeting-unknown".into(),
            code: SkipCode::Cancelled,
            lifted: false,
            sub_reason: Some("meeting_unknown".into()),
            evidence: vec![Evidence::Service("calendar-ingest".into())],
        }]);
    }

    /// Ends what still waits after its deadline and cannot be judged at all, since nobody tells its meeting: what
    /// is missing becomes the codes it would have become. What does not wait stays as it is.
    pub fn never_judged(&mut self) {
        if !matches!(self.kind, Kind::Pending { .. }) {
            return;
        }
        let lacks_consent = self.missing.iter().any(|missing| missing == "consent");
        // Where consent is not enforced, only the link is missing, and its code is there already.
        let is_link = self.also.iter().any(|finding| finding.code == SkipCode::NoValidUrls);
        let mut ended = Gathered { against: self.also.clone(), ..Gathered::default() };
        let is_judged = self.missing.iter().all(|missing| missing == "consent");
        close(&mut ended, !lacks_consent || is_link, is_judged);
        self.end_with(ended.against);
    }

    /// Turns what is no skip into one.
    fn end_with(&mut self, findings: Vec<Finding>) {
        if self.kind == Kind::Skip {
            return;
        }
        self.kind = Kind::Skip;
        self.also.extend(findings);
        tidy(&mut self.also);
        self.primary = take_primary(&mut self.also);
        self.missing.clear();
        if self.hidden {
            let findings = self.primary.iter_mut().chain(&mut self.also);
            findings.for_each(|finding| finding.evidence.clear());
        }
    }
}

/// Whether a finding of that code, unless it is lifted, hides what the event holds (DOMAIN 8.2).
#[must_use]
pub const fn hides(code: SkipCode) -> bool {
    matches!(
        code,
        SkipCode::PrivateOrConfidential | SkipCode::EventBlocklisted | SkipCode::CallBlocklisted
    )
}

/// Decides one call. Total: every input gets a decision.
#[must_use]
pub fn decide(inputs: &Inputs<'_>) -> Decision {
    let mut gathered = Gathered::default();
    let judgement = match &inputs.eligibility {
        Ok(judgement) => {
            gathered.take(&judgement.verdict);
            Some(judgement)
        }
        Err(Missing(what)) => {
            gathered.missing.push((*what).to_owned());
            None
        }
    };
    let eligibility_known = gathered.missing.is_empty();
    let profile = judgement.and_then(|judgement| profile_of(inputs.policy, judgement));
    let enforced = inputs.policy.enforces(profile);
    let consent_known = take_consent(&mut gathered, &inputs.consent, inputs.links_known, enforced);
    let method = take_method(&mut gathered, inputs);
    gathered.warnings.add_if(inputs.links.others, Warning::OtherLinks);
    gathered.warnings.add_if(inputs.ambiguous_time, Warning::AmbiguousTime);

    let decide_by = inputs.meeting.start - inputs.policy.settings.recording.dispatch_ahead.0;
    let in_time = inputs.now < decide_by;
    let links_known = inputs.links_known.is_ok();
    // What was found only because links could not be looked up may not be found next time.
    let hangs_on_links =
        |code| matches!(code, SkipCode::NoValidUrls | SkipCode::ComplianceSystemDecision);
    let stopped = gathered.against.iter().any(|one| links_known || !hangs_on_links(one.code));
    let undecided = !eligibility_known || !(stopped || consent_known && links_known);
    if undecided && !in_time {
        close(&mut gathered, consent_known, eligibility_known);
    }
    let kind = if undecided && in_time {
        Kind::Pending { decide_by }
    } else if !gathered.against.is_empty() {
        Kind::Skip
    } else {
        match plan(inputs, judgement, method, profile, enforced) {
            Some(plan) => Kind::Plan(plan),
            None => {
                gathered.against.push(unclassified());
                Kind::Skip
            }
        }
    };
    let case =
        Case { policy: inputs.policy, history: inputs.history, revision: inputs.meeting_revision };
    finish(&case, gathered, kind, judgement)
}

/// Findings and warnings while they are collected.
#[derive(Default)]
struct Gathered {
    against: Vec<Finding>,
    lifted: Vec<Finding>,
    warnings: Warnings,
    missing: Vec<String>,
}

impl Gathered {
    fn take(&mut self, verdict: &Verdict) {
        for finding in &verdict.findings {
            let list = if finding.lifted { &mut self.lifted } else { &mut self.against };
            list.push(finding.clone());
        }
        self.warnings.merge(verdict.warnings);
        self.missing.extend(verdict.missing.iter().map(ToString::to_string));
    }
}

/// The profile that holds for the owner eligibility found.
fn profile_of<'p>(policy: &'p Policy, judgement: &Judgement) -> Option<&'p str> {
    match judgement.owner.as_deref().and_then(|id| policy.member_by_id(id)) {
        Some((_, owner)) => owner.profile.as_deref(),
        None => policy.default_profile.as_deref(),
    }
}

/// Takes consent's verdict; tells whether all that matters of it is known. Where nothing is enforced,
/// consent that does not answer blocks nothing.
fn take_consent(
    gathered: &mut Gathered,
    consent: &Result<Verdict, Missing>,
    links_known: Result<(), Missing>,
    enforced: bool,
) -> bool {
    let mut known = true;
    match consent {
        Ok(verdict) if verdict.missing.is_empty() => gathered.take(verdict),
        Ok(_) | Err(_) if !enforced => {}
        Ok(verdict) => {
            gathered.take(verdict);
            known = false;
        }
        Err(Missing(what)) => {
            gathered.missing.push((*what).to_owned());
            known = false;
        }
    }
    if let Err(Missing(what)) = links_known {
        gathered.missing.push(what.to_owned());
        known &= !enforced;
    }
    known
}

/// Takes the adapters' assessments; the method they come to. Only where the provider of the
/// conference is enabled and set up (DOMAIN 8.3).
fn take_method(gathered: &mut Gathered, inputs: &Inputs<'_>) -> Option<(Method, Vec<Method>)> {
    let provider = inputs.links.conference.as_ref()?.provider;
    if !inputs.policy.provider_works(provider) {
        return None;
    }
    let choice = choose(provider, inputs.policy.method(provider), inputs.assessed);
    gathered.against.extend(choice.findings);
    gathered.warnings.merge(choice.warnings);
    Some((choice.method, choice.fallbacks))
}

/// The time to decide has run out: what could not be learned becomes a code.
fn close(gathered: &mut Gathered, consent_known: bool, eligibility_known: bool) {
    let service = |name: &'static str| vec![Evidence::Service(name.into())];
    if !consent_known {
        gathered.against.push(Finding {
            rule: "consent-unavailable".into(),
            code: SkipCode::ComplianceSystemDecision,
            lifted: false,
            sub_reason: Some("unavailable".into()),
            evidence: service("consent"),
        });
    }
    if gathered.against.is_empty() && !eligibility_known {
        gathered.against.push(Finding {
            rule: "eligibility-unavailable".into(),
            code: SkipCode::UnknownState,
            lifted: false,
            sub_reason: Some("unavailable".into()),
            evidence: service("eligibility"),
        });
    }
}

fn plan(
    inputs: &Inputs<'_>,
    judgement: Option<&Judgement>,
    method: Option<(Method, Vec<Method>)>,
    profile: Option<&str>,
    enforced: bool,
) -> Option<Plan> {
    let conference = inputs.links.conference.as_ref()?;
    let (method, fallbacks) = method?;
    let owner = judgement?.owner.clone()?;
    let recording = &inputs.policy.settings.recording;
    let start = inputs.meeting.start;
    let means = Means::from(method);
    let joins = means.joins();
    Some(Plan {
        method: means,
        adapter: Adapter::of(conference.provider, method),
        join_at: joins.then(|| start - recording.dispatch_ahead.0),
        latest_join: joins.then(|| start + recording.latest_join.0),
        fallbacks: fallbacks.into_iter().map(Means::from).collect(),
        owner,
        dedupe_key: format!(
            "{}/{}/{}",
            conference.provider.as_str(),
            conference.id,
            start.timestamp()
        ),
        announcement: profile
            .and_then(|name| inputs.policy.profile(name))
            .is_some_and(|profile| profile.enabled && profile.announcement),
        consent_verified: enforced,
        numbers: NumberMode::Automatic,
    })
}

/// Everything speaks for recording, and yet no plan can be made. It should never come to this.
fn unclassified() -> Finding {
    Finding {
        rule: "unclassified".into(),
        code: SkipCode::NotApplicable,
        lifted: false,
        sub_reason: None,
        evidence: vec![Evidence::Service("orchestrator".into())],
    }
}

/// A call that was valid, and had not been planned yet, fell because a setting of the company changed, and nothing
/// else did; what it fell by stands beside it (DOMAIN 5.3).
fn invalidated() -> Finding {
    Finding {
        rule: "invalidated-by-settings".into(),
        code: SkipCode::InvalidatingByCompanySettings,
        lifted: false,
        sub_reason: None,
        evidence: vec![Evidence::Setting("settings".into())],
    }
}

/// What of a call the last step looks at, whatever kind of call it is.
struct Case<'a> {
    policy: &'a Policy,
    history: &'a History,
    revision: u64,
}

fn finish(
    case: &Case<'_>,
    gathered: Gathered,
    kind: Kind,
    judgement: Option<&Judgement>,
) -> Decision {
    let Gathered { mut against, mut lifted, warnings, mut missing } = gathered;
    let mut related = None;
    for finding in &mut against {
        if case.history.had_plan
            && let Some(twin) = twin_after_planning(finding.code)
        {
            finding.code = twin;
        }
    }
    tidy(&mut against);
    tidy(&mut lifted);
    let has = |codes: &[SkipCode]| against.iter().any(|finding| codes.contains(&finding.code));
    let hidden = against.iter().any(|finding| hides(finding.code));
    let import_details = !hidden && !has(&[SkipCode::BelongsToAnotherCompany]);
    let mut primary = None;
    if kind == Kind::Skip {
        primary = take_primary(&mut against);
        related = primary.as_ref().and_then(|finding| {
            finding.code.meta().twin.filter(|twin| twin_after_planning(*twin) == Some(finding.code))
        });
        if let Some(cause) = primary.as_mut().filter(|cause| fell_by_settings(case, cause.code)) {
            if case.history.had_plan {
                related = Some(SkipCode::InvalidatingByCompanySettings);
            } else {
                against.insert(0, std::mem::replace(cause, invalidated()));
                related = None;
            }
        }
        missing.clear();
    }
    if hidden {
        primary
            .iter_mut()
            .chain(&mut against)
            .chain(&mut lifted)
            .for_each(|finding| finding.evidence.clear());
    }
    missing.sort();
    missing.dedup();
    Decision {
        kind,
        primary,
        also: against,
        lifted,
        related,
        warnings,
        import_details,
        hidden,
        missing,
        owner: judgement.and_then(|judgement| judgement.owner.clone()),
        requester: judgement.and_then(|judgement| judgement.requester.clone()),
        policy_version: case.policy.version,
        catalogue_version: CATALOGUE_VERSION,
    }
}

/// The finding whose code is shown: of the furthest phase, and in it the one of the lowest rank (DOMAIN 3.5).
/// The others stay, by rank.
fn take_primary(against: &mut Vec<Finding>) -> Option<Finding> {
    against
        .sort_by(|a, b| b.code.meta().phase.cmp(&a.code.meta().phase).then_with(|| by_rank(a, b)));
    let primary = (!against.is_empty()).then(|| against.remove(0));
    against.sort_by(by_rank);
    primary
}

/// By rank, each code once.
fn tidy(findings: &mut Vec<Finding>) {
    if findings.len() > 1 {
        findings.sort_by(by_rank);
        findings.dedup_by(|later, earlier| later.code == earlier.code);
    }
}

/// The code of the conference table that takes a meeting-table code's place once a plan existed
/// (DOMAIN 5.2, 8.4). Other twins differ by cause, not by history.
fn twin_after_planning(code: SkipCode) -> Option<SkipCode> {
    const BY_HISTORY: [SkipCode; 3] = [
        SkipCode::EventBlocklisted,
        SkipCode::InternalMeetingRecordingDisabled,
        SkipCode::NoValidUrls,
    ];
    code.meta().twin.filter(|_| BY_HISTORY.contains(&code))
}

/// Whether a call that was valid fell because a setting of the company changed, and nothing else did
/// (DOMAIN 5.3). A member who was deactivated or switched off is a cause of its own; what a person took
/// back or deleted, and what came through another company, no setting brings about.
fn fell_by_settings(case: &Case<'_>, code: SkipCode) -> bool {
    let of_its_own = matches!(
        code,
        SkipCode::RemovedByUserDeactivated
            | SkipCode::UserRecordingOff
            | SkipCode::BelongsToAnotherCompany
            | SkipCode::DeletedByUser
            | SkipCode::CanceledByOwner
            | SkipCode::ComplianceSystemDecision
            | SkipCode::UnknownState
            | SkipCode::NotApplicable
    );
    !of_its_own
        && case.history.last.is_some_and(|last| {
            !last.skipped
                && last.policy_version < case.policy.version
                && last.meeting_revision == case.revision
        })
}

/// Judges and decides a call in one go, with adapters that know what the policy knows: the whole
/// pipeline as a function, for those who have everything at hand.
#[must_use]
pub fn judge_and_decide(
    policy: &Policy,
    key: &CallKey,
    meeting: &Meeting,
    links: &[crate::links::Link],
    selected: &Selected,
    ambiguous_time: bool,
    now: DateTime<Utc>,
) -> Decision {
    let judgement = eligibility::judge_meeting(policy, meeting);
    let profile_name = profile_of(policy, &judgement);
    let consent = crate::consent::judge_call(&crate::consent::Facts {
        company: &policy.company,
        profile_name,
        profile: Ok(profile_name.and_then(|name| policy.profile(name))),
        links: Ok(links),
        refused: Ok(false),
    });
    let assessed = assess_from_policy(policy, meeting, selected);
    decide(&Inputs {
        policy,
        key,
        meeting,
        meeting_revision: 0,
        ambiguous_time,
        links: selected,
        links_known: Ok(()),
        eligibility: Ok(judgement),
        consent: Ok(consent),
        assessed: &assessed,
        history: &History::default(),
        now,
    })
}

/// What the adapters say when they know of the host what the company file says.
#[must_use]
pub fn assess_from_policy(
    policy: &Policy,
    meeting: &Meeting,
    selected: &Selected,
) -> Vec<Assessed> {
    use crate::provider::{Facts, Host, assess, methods_to_assess};
    let Some(provider) = selected.conference.as_ref().map(|conference| conference.provider) else {
        return Vec::new();
    };
    let organizer = meeting.organizer.as_ref().and_then(|person| person.address.as_deref());
    let host = organizer.and_then(|address| policy.find_member(address)).map(|(_, member)| member);
    methods_to_assess(provider, policy.method(provider))
        .iter()
        .map(|method| {
            let facts = Facts {
                host: host.map(|member| Host { emails: &member.emails, zoom: &member.zoom }),
                setup: policy.provider(provider),
                computer_audio: None,
                method: *method,
            };
            Ok(assess(Adapter::of(provider, *method), &facts))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::company::{CompanyFile, Profile};
    use crate::eligibility::example;
    use crate::links::{Link, Resolution, select};
    use crate::rule::Missing;

    /// Decides Ada's call, whose only link could not be looked up, so long before its start.
    fn with_unknown_links(enforced: bool, minutes: i64) -> Decision {
        let mut company: CompanyFile = example::company();
        let profile = Profile { enabled: true, enforced, ..Profile::default() };
        company.consent.profiles.insert("eu".into(), profile);
        company.consent.default_profile = "eu".into();
        let policy = Policy::compile(&company, 1);
        let links = [Link::Consent(Resolution::Unresolvable {
            link_type: crate::company::LinkType::Static,
            reason: "unavailable".into(),
        })];
        let selected = select(&policy, &links);
        let meeting = Meeting { links: selected.state, ..example::meeting() };
        decide(&Inputs {
            policy: &policy,
            key: &CallKey::default(),
            meeting: &meeting,
            meeting_revision: 1,
            ambiguous_time: false,
            links: &selected,
            links_known: Err(Missing("consent links")),
            eligibility: Ok(eligibility::judge_meeting(&policy, &meeting)),
            consent: if enforced { Err(Missing("consent")) } else { Ok(Verdict::default()) },
            assessed: &[],
            history: &History::default(),
            now: meeting.start - TimeDelta::minutes(minutes),
        })
    }

    #[test]
    fn links_that_cannot_be_looked_up_make_a_call_wait_and_then_cost_a_code() {
        for enforced in [true, false] {
            assert!(matches!(with_unknown_links(enforced, 60).kind, Kind::Pending { .. }));
        }
        assert_eq!(with_unknown_links(true, 1).code(), Some(SkipCode::ComplianceSystemDecision));
        assert_eq!(with_unknown_links(false, 1).code(), Some(SkipCode::NoValidUrls));
    }
}

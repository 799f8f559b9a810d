//! Decisions on what nobody joins: telephone calls and uploads.
//!
//! They have neither links nor a conference, so no adapter is asked whether its method can work, nothing contends with them,
//! and there is no hour at which they would have to be decided: they wait for missing answers for a while
//! ([`PATIENCE`]), counted from when they became known. Consent is asked for like everywhere (DOMAIN 5.13, 7).

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Case, Decision, Gathered, History, Kind, Plan, close, finish, profile_of, take_consent,
    unclassified,
};
use crate::company::NumberMode;
use crate::eligibility::Judgement;
use crate::means::Means;
use crate::policy::Policy;
use crate::provider::Adapter;
use crate::rule::{Missing, Verdict};
use crate::{identity, telephone};

/// So long a decision waits for those who do not answer. Nothing is lost by it: a dialer keeps its recordings for days.
pub const PATIENCE: TimeDelta = TimeDelta::hours(1);

/// Everything the decision on a telephone call is made from.
#[derive(Debug)]
pub struct CallInputs<'a> {
    /// The company's policy.
    pub policy: &'a Policy,
    /// Id of the call, see [`identity::call`].
    pub call_id: &'a str,
    /// When it became known.
    pub known_at: DateTime<Utc>,
    /// How often what is known of it changed; 0 where nobody counts.
    pub revision: u64,
    /// Eligibility's verdict.
    pub eligibility: Result<telephone::Judgement, Missing>,
    /// Consent's verdict, on no links.
    pub consent: Result<Verdict, Missing>,
    /// What was decided before.
    pub history: &'a History,
    /// The instant for which it is decided.
    pub now: DateTime<Utc>,
}

/// Everything the decision on an upload is made from.
#[derive(Debug)]
pub struct UploadInputs<'a> {
    /// The company's policy.
    pub policy: &'a Policy,
    /// Id of the upload, see [`identity::upload`].
    pub call_id: &'a str,
    /// When it was asked for.
    pub known_at: DateTime<Utc>,
    /// How often what is known of it changed; 0 where nobody counts.
    pub revision: u64,
    /// Eligibility's verdict.
    pub eligibility: Result<Judgement, Missing>,
    /// Consent's verdict, on no links.
    pub consent: Result<Verdict, Missing>,
    /// What was decided before.
    pub history: &'a History,
    /// The instant for which it is decided.
    pub now: DateTime<Utc>,
}

impl CallInputs<'_> {
    /// Whether everybody has answered who has a say, see [`super::Inputs::is_whole`].
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let judgement = self.eligibility.as_ref().map(|judgement| &judgement.call);
        is_whole(self.policy, judgement.ok(), &self.consent)
    }
}

impl UploadInputs<'_> {
    /// Whether everybody has answered who has a say, see [`super::Inputs::is_whole`].
    #[must_use]
    pub fn is_whole(&self) -> bool {
        is_whole(self.policy, self.eligibility.as_ref().ok(), &self.consent)
    }
}

fn is_whole(
    policy: &Policy,
    judgement: Option<&Judgement>,
    consent: &Result<Verdict, Missing>,
) -> bool {
    let Some(judgement) = judgement else { return false };
    let has_said = |verdict: &Verdict| verdict.missing.is_empty();
    let enforced = policy.enforces(profile_of(policy, judgement));
    has_said(&judgement.verdict) && (!enforced || consent.as_ref().is_ok_and(has_said))
}

/// Decides a telephone call. Total: every input gets a decision.
#[must_use]
pub fn decide_call(inputs: &CallInputs<'_>) -> Decision {
    let judgement = inputs.eligibility.as_ref().map(|judgement| &judgement.call);
    decide(&Import {
        case: Case { policy: inputs.policy, history: inputs.history, revision: inputs.revision },
        judgement: judgement.map_err(|missing| *missing),
        consent: &inputs.consent,
        decide_by: inputs.known_at + PATIENCE,
        now: inputs.now,
        method: Means::Dialer,
        dedupe_key: identity::call_key(inputs.call_id),
        // Without a verdict there is no plan either.
        numbers: inputs
            .eligibility
            .as_ref()
            .map_or(NumberMode::Prohibited, |judgement| judgement.numbers),
    })
}

/// Decides an upload. Total: every input gets a decision.
#[must_use]
pub fn decide_upload(inputs: &UploadInputs<'_>) -> Decision {
    decide(&Import {
        case: Case { policy: inputs.policy, history: inputs.history, revision: inputs.revision },
        judgement: inputs.eligibility.as_ref().map_err(|missing| *missing),
        consent: &inputs.consent,
        decide_by: inputs.known_at + PATIENCE,
        now: inputs.now,
        method: Means::Upload,
        dedupe_key: identity::upload_key(inputs.call_id),
        numbers: NumberMode::Automatic,
    })
}

/// What telephone calls and uploads have in common.
struct Import<'a> {
    case: Case<'a>,
    judgement: Result<&'a Judgement, Missing>,
    consent: &'a Result<Verdict, Missing>,
    decide_by: DateTime<Utc>,
    now: DateTime<Utc>,
    method: Means,
    dedupe_key: String,
    numbers: NumberMode,
}

fn decide(import: &Import<'_>) -> Decision {
    let mut gathered = Gathered::default();
    match import.judgement {
        Ok(judgement) => gathered.take(&judgement.verdict),
        Err(Missing(what)) => gathered.missing.push(what.to_owned()),
    }
    let judgement = import.judgement.ok();
    let eligibility_known = gathered.missing.is_empty();
    let policy = import.case.policy;
    let enforced = policy.enforces(judgement.and_then(|judgement| profile_of(policy, judgement)));
    let consent_known = take_consent(&mut gathered, import.consent, Ok(()), enforced);
    let undecided = !eligibility_known || gathered.against.is_empty() && !consent_known;
    let in_time = import.now < import.decide_by;
    if undecided && !in_time {
        close(&mut gathered, consent_known, eligibility_known);
    }
    let kind = if undecided && in_time {
        Kind::Pending { decide_by: import.decide_by }
    } else if !gathered.against.is_empty() {
        Kind::Skip
    } else if let Some(owner) = judgement.and_then(|judgement| judgement.owner.clone()) {
        Kind::Plan(Plan {
            method: import.method,
            adapter: Adapter::Dialer,
            join_at: None,
            latest_join: None,
            fallbacks: Vec::new(),
            owner,
            dedupe_key: import.dedupe_key.clone(),
            // Who is heard was told by whoever recorded; nobody of ours is there to play anything.
            announcement: false,
            consent_verified: enforced,
            numbers: import.numbers,
        })
    } else {
        gathered.against.push(unclassified());
        Kind::Skip
    };
    finish(&import.case, gathered, kind, judgement)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SkipCode;
    use crate::company::{CompanyFile, Profile};
    use crate::eligibility::example;
    use crate::telephone::{Call, judge_call};
    use crate::upload::judge_upload;

    /// What consent says where a profile holds and there are no links.
    fn consent(policy: &Policy, owner: Option<&str>) -> Verdict {
        let name =
            owner.and_then(|id| policy.member_by_id(id)).and_then(|(_, m)| m.profile.clone());
        crate::consent::judge_call(&crate::consent::Facts {
            company: &policy.company,
            profile_name: name.as_deref(),
            profile: Ok(name.as_deref().and_then(|name| policy.profile(name))),
            links: Ok(&[]),
            refused: Ok(false),
        })
    }

    fn enforcing(company: &mut CompanyFile) {
        let profile = Profile { enabled: true, enforced: true, ..Profile::default() };
        company.consent.profiles.insert("eu".into(), profile);
        company.consent.default_profile = "eu".into();
    }

    struct Asked {
        company: CompanyFile,
        call: Call,
        history: History,
        minutes: i64,
        eligibility_answers: bool,
        consent_answers: bool,
    }

    fn call(change: impl FnOnce(&mut Asked)) -> Decision {
        let mut asked = Asked {
            company: example::company(),
            call: telephone::example::call(),
            history: History::default(),
            minutes: 1,
            eligibility_answers: true,
            consent_answers: true,
        };
        change(&mut asked);
        let policy = Policy::compile(&asked.company, 2);
        let judgement = judge_call(&policy, &asked.call);
        let consent = consent(&policy, judgement.call.owner.as_deref());
        decide_call(&CallInputs {
            policy: &policy,
            call_id: "c1",
            known_at: example::start(),
            revision: 1,
            eligibility: if asked.eligibility_answers {
                Ok(judgement)
            } else {
                Err(Missing("eligibility"))
            },
            consent: if asked.consent_answers { Ok(consent) } else { Err(Missing("consent")) },
            history: &asked.history,
            now: example::start() + TimeDelta::minutes(asked.minutes),
        })
    }

    fn upload(change: impl FnOnce(&mut CompanyFile)) -> Decision {
        let mut company = example::company();
        change(&mut company);
        let policy = Policy::compile(&company, 2);
        let judgement = judge_upload(&policy, &crate::upload::example::upload()).unwrap();
        decide_upload(&UploadInputs {
            policy: &policy,
            call_id: "u1",
            known_at: example::start(),
            revision: 1,
            consent: Ok(consent(&policy, judgement.owner.as_deref())),
            eligibility: Ok(judgement),
            history: &History::default(),
            now: example::start(),
        })
    }

    #[test]
    fn a_call_is_planned_with_what_holds_for_its_numbers() {
        let decision = call(|asked| {
            asked.company.settings.dialer.numbers =
                vec![telephone::example::rule("+49", NumberMode::Manual)];
        });
        let Kind::Plan(plan) = decision.kind else { panic!("{decision:?}") };
        assert_eq!((plan.method, plan.adapter), (Means::Dialer, Adapter::Dialer));
        assert_eq!((plan.numbers, plan.join_at), (NumberMode::Manual, None));
        assert_eq!((plan.dedupe_key.as_str(), &*plan.owner), ("dialer/c1", "ada"));
    }

    #[test]
    fn an_upload_is_planned_for_the_one_who_asked() {
        let decision = upload(|_| {});
        let Kind::Plan(plan) = decision.kind else { panic!("{decision:?}") };
        assert_eq!((plan.method, plan.adapter), (Means::Upload, Adapter::Dialer));
        assert_eq!((plan.dedupe_key.as_str(), &*plan.owner), ("upload/u1", "ada"));
    }

    #[test]
    fn where_consent_is_enforced_neither_is_imported_without_it() {
        let planned = call(|asked| enforcing(&mut asked.company));
        assert_eq!(planned.code(), Some(SkipCode::ComplianceEnforcing));
        assert_eq!(upload(enforcing).code(), Some(SkipCode::ComplianceEnforcing));
    }

    #[test]
    fn a_call_waits_for_answers_and_then_ends_in_a_code() {
        let silent = |minutes, eligibility_answers, enforced: bool| {
            call(|asked| {
                if enforced {
                    enforcing(&mut asked.company);
                }
                asked.minutes = minutes;
                asked.eligibility_answers = eligibility_answers;
                asked.consent_answers = false;
            })
        };
        for (answers, enforced, code) in [
            (false, false, SkipCode::UnknownState),
            (true, true, SkipCode::ComplianceSystemDecision),
        ] {
            let waiting = silent(59, answers, enforced);
            assert!(matches!(waiting.kind, Kind::Pending { .. }), "{waiting:?}");
            assert_eq!(silent(60, answers, enforced).code(), Some(code));
        }
        // Consent that is not enforced is not waited for.
        assert!(matches!(silent(1, true, false).kind, Kind::Plan(_)));
    }

    #[test]
    fn a_call_that_is_excluded_shows_nothing_and_names_its_twin() {
        let decision = call(|asked| {
            asked.company.settings.exclusions.domains = vec!["customer.example".into()];
        });
        assert_eq!(
            (decision.code(), decision.related),
            (Some(SkipCode::CallBlocklisted), Some(SkipCode::EventBlocklisted))
        );
        assert!(decision.hidden && !decision.import_details);
        assert!(decision.primary.is_some_and(|primary| primary.evidence.is_empty()));
    }

    #[test]
    fn a_planned_call_that_falls_with_a_setting_says_so() {
        let last = super::super::Last { skipped: false, policy_version: 1, meeting_revision: 1 };
        let decision = call(|asked| {
            asked.company.settings.dialer.enabled = false;
            asked.history = History { had_plan: true, last: Some(last) };
        });
        assert_eq!(
            (decision.code(), decision.related),
            (
                Some(SkipCode::CallProviderDisabledForCompany),
                Some(SkipCode::InvalidatingByCompanySettings)
            )
        );
    }
}

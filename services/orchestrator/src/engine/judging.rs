//! Batches judged by the peers, all by one version of the policy, and decided by the core.

use std::collections::HashMap;
use std::sync::Arc;

use chassis::chain;
use chrono::{DateTime, Utc};
use decision::eligibility::Judgement;
use decision::{Decision, Inputs, Missing, Verdict, decide};
use futures::StreamExt as _;
use proto::calendar::v1 as calendar;

use super::{ATTEMPTS, Cause, Engine, into_batches};
use crate::error::Error;
use crate::gather::{Learned, SharedPolicy};
use crate::store::{Call, Judged};
use crate::subject::Subject;

/// A call that has been decided, conflicts apart.
pub(super) struct Decided {
    pub(super) subject: Subject,
    pub(super) decision: Decision,
    pub(super) policy: SharedPolicy,
    /// No peer's answer is missing.
    pub(super) whole: bool,
}

/// What was learned of a batch.
pub(super) struct Batch {
    learned: Learned,
    links_known: Result<(), Missing>,
}

impl Batch {
    /// A peer that did not judge.
    fn silent(&self) -> Option<Missing> {
        let eligibility = self.learned.eligibility.iter().find_map(|one| one.as_ref().err());
        let consent = self.learned.consent.iter().find_map(|one| one.as_ref().err());
        eligibility.or(consent).or(self.links_known.as_ref().err()).copied()
    }
}

impl Engine {
    /// Judges and decides calls, all by one policy version, conflicts apart.
    pub(super) async fn judge(
        &self,
        company: &str,
        subjects: Vec<Subject>,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Decided>, u64), Error> {
        let mut ready = self.policies.known(company).await?;
        let mut batches = into_batches(subjects, self.batch);
        for _ in 0..ATTEMPTS {
            let mut judged: Vec<(Vec<Subject>, Batch)> = futures::stream::iter(batches)
                .map(|batch| self.judge_batch(Arc::clone(&ready), batch, now))
                .buffered(self.parallel)
                .collect()
                .await;
            let version = ready.policy.version;
            let Some(newer) = self.newer(company, version, &mut judged).await? else {
                let decided = judged
                    .into_iter()
                    .flat_map(|(subjects, batch)| conclude(&ready, subjects, batch, now));
                return Ok((decided.collect(), version));
            };
            ready = newer;
            batches = judged.into_iter().map(|(subjects, _)| subjects).collect();
        }
        let status = tonic::Status::aborted("the policy kept changing");
        Err(Error::Peer { peer: "eligibility", source: Box::new(status) })
    }

    /// The policy by which what has been judged by a version is to be judged anew, if it is.
    ///
    /// Eligibility says by which version it judged. Where it says nothing there may be a newer one all the same, by which
    /// the calls of the company are being decided: that is in the store, and nothing is written by an older one.
    pub(super) async fn newer(
        &self,
        company: &str,
        version: u64,
        judged: &mut [(Vec<Subject>, Batch)],
    ) -> Result<Option<SharedPolicy>, Error> {
        let is_other = |batch: &Batch| batch.learned.policy_version.is_some_and(|it| it != version);
        if judged.iter().any(|(_, batch)| is_other(batch)) {
            match self.policies.newest(company).await {
                Ok(newest) => return Ok(Some(newest)),
                Err(error @ Error::Peer { .. }) => {
                    tracing::warn!(company, error = chain(&error), "a policy could not be fetched");
                }
                Err(error) => return Err(error),
            }
            // Judged by a policy that cannot be had: that is as good as not judged.
            for (subjects, batch) in judged.iter_mut().filter(|(_, batch)| is_other(batch)) {
                batch.learned.forget_eligibility(subjects.len());
            }
        }
        if judged.iter().all(|(_, batch)| batch.learned.policy_version.is_some()) {
            return Ok(None);
        }
        self.policies.raised_after(company, version).await
    }

    /// Judges meetings by a policy that nobody has applied, conflicts apart; nothing is kept.
    ///
    /// # Errors
    /// The store, or a peer that does not answer: what would come of that is no answer to what the policy changes.
    pub(crate) async fn try_out(
        &self,
        ready: &SharedPolicy,
        meetings: Vec<calendar::Meeting>,
        known: &HashMap<String, Call>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Judged>, Error> {
        let company = &*ready.policy.company;
        let subjects = self.subjects(company, meetings, known, now).await?;
        let judged: Vec<(Vec<Subject>, Batch)> =
            futures::stream::iter(into_batches(subjects, self.batch))
                .map(|batch| self.judge_batch(Arc::clone(ready), batch, now))
                .buffered(self.parallel)
                .collect()
                .await;
        let mut all = Vec::new();
        for (subjects, batch) in judged {
            if let Some(Missing(peer)) = batch.silent() {
                let status = tonic::Status::unavailable("it did not judge by the proposed policy");
                return Err(Error::Peer { peer, source: Box::new(status) });
            }
            all.extend(conclude(ready, subjects, batch, now).iter().map(|one| {
                let seen = known.get(&one.subject.wire.meeting_id).map_or(0, |call| call.version);
                self.judged_of(company, one, seen, now, Cause::Policy)
            }));
        }
        Ok(all)
    }

    pub(super) async fn judge_batch(
        &self,
        ready: SharedPolicy,
        mut subjects: Vec<Subject>,
        now: DateTime<Utc>,
    ) -> (Vec<Subject>, Batch) {
        let resolutions = self.judges.resolve(&ready, &subjects, now).await;
        let links_known = resolutions.as_ref().map(|_| ()).map_err(|missing| *missing);
        let mut resolutions = resolutions.unwrap_or_default().into_iter();
        for subject in &mut subjects {
            subject.resolve(&ready.policy, &mut resolutions);
        }
        let learned = self.judges.judge(&ready, &subjects, now).await;
        (subjects, Batch { learned, links_known })
    }
}

fn conclude(
    ready: &SharedPolicy,
    subjects: Vec<Subject>,
    batch: Batch,
    now: DateTime<Utc>,
) -> Vec<Decided> {
    let Batch { learned, links_known } = batch;
    let verdicts = learned.eligibility.into_iter().zip(learned.consent).zip(learned.assessed);
    subjects
        .into_iter()
        .zip(verdicts)
        .map(|(subject, ((eligibility, consent), assessed))| {
            let has_consent_links = subject.consent_shapes().next().is_some();
            let consent = consent.and_then(|verdict| match &eligibility {
                Ok(judgement) => asked_for_owner(&ready.policy, &subject, judgement, verdict),
                Err(_) => Ok(verdict),
            });
            let inputs = Inputs {
                policy: &ready.policy,
                key: &subject.key,
                meeting: &subject.meeting,
                meeting_revision: subject.wire.revision,
                ambiguous_time: subject.wire.ambiguous_time,
                links: &subject.selected,
                links_known: if has_consent_links { links_known } else { Ok(()) },
                eligibility,
                consent,
                assessed: &assessed,
                history: &subject.history,
                now,
            };
            let (decision, whole) = (decide(&inputs), inputs.is_whole());
            Decided { subject, decision, policy: Arc::clone(ready), whole }
        })
        .collect()
}

/// Consent's verdict, if it was asked by the profile of the owner eligibility found. A newer peer may
/// find another than we expected, and what was not asked is not permitted.
fn asked_for_owner(
    policy: &decision::Policy,
    subject: &Subject,
    judgement: &Judgement,
    verdict: Verdict,
) -> Result<Verdict, Missing> {
    let owner = judgement.owner.as_deref().and_then(|id| policy.member_by_id(id));
    let profile = match owner {
        Some((_, owner)) => owner.profile.as_deref(),
        None => policy.default_profile.as_deref(),
    };
    if profile == subject.profile.as_deref() { Ok(verdict) } else { Err(Missing("consent")) }
}

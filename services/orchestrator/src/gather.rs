//! How the facts of a batch of calls are learned: from eligibility, consent and the adapters, side by
//! side, each with a deadline. A peer that does not answer makes its verdicts unavailable, no more.

mod imports;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chassis::Link;
use chrono::{DateTime, Utc};
use decision::eligibility::Judgement;
use decision::links::Resolution;
use decision::provider::{Adapter, Assessed, Assessment, methods_to_assess};
use decision::{Missing, Policy, Verdict};
use proto::calendar::v1 as calendar;
use proto::consent::v1 as consent;
use proto::consent::v1::consent_service_client::ConsentServiceClient;
use proto::eligibility::v1 as eligibility;
use proto::eligibility::v1::eligibility_service_client::EligibilityServiceClient;
use proto::provider::v1 as provider;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::time;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use tracing::warn;

use crate::error::Error;
use crate::policies::Ready;
use crate::subject::Subject;

/// The peers that judge.
#[derive(Debug, Clone)]
pub(crate) struct Judges {
    eligibility: EligibilityServiceClient<Link>,
    consent: ConsentServiceClient<Link>,
    adapters: BTreeMap<Adapter, usize>,
    adapter_peers: Vec<ProviderAdapterServiceClient<Link>>,
    deadline: Duration,
}

/// What was learned of a batch, in the order of its subjects.
#[derive(Debug)]
pub(crate) struct Learned {
    /// Eligibility's verdicts.
    pub(crate) eligibility: Vec<Result<Judgement, Missing>>,
    /// Consent's verdicts.
    pub(crate) consent: Vec<Result<Verdict, Missing>>,
    /// The adapters' assessments.
    pub(crate) assessed: Vec<Vec<Assessed>>,
    /// The policy version eligibility judged by, if it did.
    pub(crate) policy_version: Option<u64>,
}

impl Learned {
    /// Eligibility has not said anything that can be made use of.
    pub(crate) fn forget_eligibility(&mut self, subjects: usize) {
        self.eligibility = vec![Err(NO_ELIGIBILITY); subjects];
        self.policy_version = None;
    }
}

/// Place of a subject, and place of an assessment among those of the subject.
type Slot = (usize, usize);

/// Links in one question to consent, by its contract.
const LINKS: usize = 20_000;

const NO_ELIGIBILITY: Missing = Missing("eligibility");
const NO_CONSENT: Missing = Missing("consent");

impl Judges {
    /// The peers that judge, each adapter with the link to its peer; links of one peer given twice are
    /// told apart by their place in the list.
    pub(crate) fn new(
        eligibility: EligibilityServiceClient<Link>,
        consent: ConsentServiceClient<Link>,
        adapters: BTreeMap<Adapter, usize>,
        adapter_peers: Vec<ProviderAdapterServiceClient<Link>>,
        deadline: Duration,
    ) -> Self {
        Self { eligibility, consent, adapters, adapter_peers, deadline }
    }

    /// Resolves the consent links of a batch, if it has any. The order is that of the links.
    pub(crate) async fn resolve(
        &self,
        ready: &Ready,
        subjects: &[Subject],
        now: DateTime<Utc>,
    ) -> Result<Vec<Resolution>, Missing> {
        let links: Vec<_> = subjects.iter().flat_map(Subject::consent_shapes).cloned().collect();
        if links.is_empty() {
            return Ok(Vec::new());
        }
        // One question but for a flood of links, which nobody sends by accident.
        let asking = links.chunks(LINKS).map(|part| self.resolve_part(ready, part.to_vec(), now));
        Ok(futures::future::try_join_all(asking).await?.concat())
    }

    async fn resolve_part(
        &self,
        ready: &Ready,
        links: Vec<calendar::ConsentShape>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Resolution>, Missing> {
        let count = links.len();
        let question = consent::ResolveConsentLinksRequest {
            company: ready.policy.company.to_string(),
            policy_version: ready.policy.version,
            now: Some(time::to_wire(now)),
            links,
            draft: ready.draft.as_ref().map(|_| consent_part(ready)),
        };
        let answer = self
            .ask_consent(ready, || {
                let (mut client, question) = (self.consent.clone(), self.request(question.clone()));
                async move { client.resolve_consent_links(question).await }
            })
            .await
            .map_err(|status| silent("consent", &status, NO_CONSENT))?;
        let resolutions: Result<Vec<_>, _> =
            answer.resolutions.into_iter().map(Resolution::try_from).collect();
        match resolutions {
            Ok(resolutions) if resolutions.len() == count => Ok(resolutions),
            Ok(_) | Err(_) => Err(NO_CONSENT),
        }
    }

    /// Asks every judge about a batch, side by side.
    pub(crate) async fn judge(
        &self,
        ready: &Ready,
        subjects: &[Subject],
        now: DateTime<Utc>,
    ) -> Learned {
        let ((eligibility, policy_version), consent, assessed) = tokio::join!(
            self.judge_eligibility(ready, subjects, now),
            self.judge_consent(ready, subjects, now),
            self.assess(ready, subjects, now),
        );
        Learned { eligibility, consent, assessed, policy_version }
    }

    async fn judge_eligibility(
        &self,
        ready: &Ready,
        subjects: &[Subject],
        now: DateTime<Utc>,
    ) -> (Vec<Result<Judgement, Missing>>, Option<u64>) {
        // The newest version is asked for, so that a policy applied a moment ago is never overlooked.
        let question = eligibility::JudgeMeetingsRequest {
            company: ready.policy.company.to_string(),
            policy_version: if ready.draft.is_some() { ready.policy.version } else { 0 },
            now: Some(time::to_wire(now)),
            meetings: subjects.iter().map(|subject| (&subject.meeting).into()).collect(),
            draft: ready.draft.clone().unwrap_or_default(),
        };
        let answer = self.eligibility.clone().judge_meetings(self.request(question)).await;
        match answer {
            Ok(answer) => {
                let answer = answer.into_inner();
                let verdicts = one_each(subjects.len(), answer.verdicts, NO_ELIGIBILITY, |wire| {
                    Judgement::try_from(wire).ok()
                });
                (verdicts, Some(answer.policy_version))
            }
            Err(status) => {
                let missing = silent("eligibility", &status, NO_ELIGIBILITY);
                (vec![Err(missing); subjects.len()], None)
            }
        }
    }

    /// Consent is asked only about calls whose profile enforces it: elsewhere it never blocks.
    async fn judge_consent(
        &self,
        ready: &Ready,
        subjects: &[Subject],
        now: DateTime<Utc>,
    ) -> Vec<Result<Verdict, Missing>> {
        let concerns = |subject: &&Subject| ready.policy.enforces(subject.profile.as_deref());
        let calls: Vec<_> = subjects
            .iter()
            .filter(concerns)
            .map(|subject| consent::ConsentQuestion {
                key: Some((&subject.key).into()),
                profile: subject.profile.clone().unwrap_or_default(),
                links: subject.wire.links.clone(),
            })
            .collect();
        let asked = calls.len();
        if asked == 0 {
            return vec![Ok(Verdict::default()); subjects.len()];
        }
        let question = consent::JudgeConsentsRequest {
            company: ready.policy.company.to_string(),
            policy_version: ready.policy.version,
            now: Some(time::to_wire(now)),
            calls,
            draft: ready.draft.as_ref().map(|_| consent_part(ready)),
        };
        let answer = self
            .ask_consent(ready, || {
                let (mut client, question) = (self.consent.clone(), self.request(question.clone()));
                async move { client.judge_consents(question).await }
            })
            .await;
        let verdicts = match answer {
            Ok(answer) if answer.policy_version == ready.policy.version => {
                one_each(asked, answer.verdicts, NO_CONSENT, |wire| Verdict::try_from(wire).ok())
            }
            Ok(_) => vec![Err(NO_CONSENT); asked],
            Err(status) => vec![Err(silent("consent", &status, NO_CONSENT)); asked],
        };
        let mut verdicts = verdicts.into_iter();
        subjects
            .iter()
            .map(|subject| {
                if concerns(&subject) {
                    let verdict = verdicts.next().unwrap_or(Err(NO_CONSENT));
                    crate::sabotage::permission(&subject.wire.meeting_id, verdict)
                } else {
                    Ok(Verdict::default())
                }
            })
            .collect()
    }

    /// Asks the adapters; those of one peer in one call.
    async fn assess(
        &self,
        ready: &Ready,
        subjects: &[Subject],
        now: DateTime<Utc>,
    ) -> Vec<Vec<Assessed>> {
        let mut assessed: Vec<Vec<Assessed>> = vec![Vec::new(); subjects.len()];
        // For each peer its questions, and where the answers belong: which subject, which method.
        let mut questions: BTreeMap<usize, (Vec<provider::CallQuestion>, Vec<Slot>)> =
            BTreeMap::new();
        for (place, (subject, answers)) in subjects.iter().zip(&mut assessed).enumerate() {
            let Some(conference) = &subject.selected.conference else { continue };
            if !ready.policy.provider_works(conference.provider) {
                continue;
            }
            for method in
                methods_to_assess(conference.provider, ready.policy.method(conference.provider))
            {
                let adapter = Adapter::of(conference.provider, *method);
                let slot = answers.len();
                answers.push(Err(Missing(adapter.as_str())));
                let Some(peer) = self.adapters.get(&adapter) else { continue };
                let (calls, slots) = questions.entry(*peer).or_default();
                slots.push((place, slot));
                calls.push(provider::CallQuestion {
                    adapter: provider::Adapter::from(adapter).into(),
                    method: provider::Method::from(*method).into(),
                    conference: Some(conference.into()),
                    organizer: subject.organizer.clone().unwrap_or_default(),
                });
            }
        }
        let asking = questions.into_iter().filter_map(|(peer, (calls, slots))| {
            let client = self.adapter_peers.get(peer)?;
            Some(async move { (slots, self.assess_at(client, ready, calls, now).await) })
        });
        for (slots, answers) in futures::future::join_all(asking).await {
            let Ok(answers) = answers else { continue };
            for ((place, slot), answer) in slots.into_iter().zip(answers) {
                let found = assessed.get_mut(place).and_then(|answers| answers.get_mut(slot));
                if let (Some(found), Some(answer)) = (found, assessment(answer)) {
                    *found = Ok(answer);
                }
            }
        }
        assessed
    }

    async fn assess_at(
        &self,
        client: &ProviderAdapterServiceClient<Link>,
        ready: &Ready,
        calls: Vec<provider::CallQuestion>,
        now: DateTime<Utc>,
    ) -> Result<Vec<provider::Assessment>, Missing> {
        let expected = calls.len();
        let question = provider::AssessCallsRequest {
            company: ready.policy.company.to_string(),
            policy_version: ready.policy.version,
            now: Some(time::to_wire(now)),
            calls,
            draft: ready.draft.as_ref().map(|_| provider_facts(ready)),
        };
        let ask = || {
            let (mut client, question) = (client.clone(), self.request(question.clone()));
            async move { client.assess_calls(question).await }
        };
        let mut answer = ask().await;
        if answer.as_ref().is_err_and(does_not_know_policy) {
            let facts = self.request(provider_facts(ready));
            match client.clone().apply_provider_facts(facts).await {
                Ok(_) => answer = ask().await,
                Err(status) => answer = Err(status),
            }
        }
        let answer = answer
            .map_err(|status| silent("provider-adapters", &status, Missing("provider-adapters")))?
            .into_inner();
        // Nobody can tell which answer is to which call where their number is wrong.
        if answer.assessments.len() != expected {
            return Err(Missing("provider-adapters"));
        }
        Ok(answer.assessments)
    }

    /// Asks consent; where it does not know the policy version yet, tells it and asks again.
    async fn ask_consent<T, F>(&self, ready: &Ready, ask: impl Fn() -> F) -> Result<T, Box<Status>>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let mut answer = ask().await;
        if answer.as_ref().is_err_and(does_not_know_policy) {
            match self
                .consent
                .clone()
                .apply_consent_profile(self.request(consent_part(ready)))
                .await
            {
                Ok(_) => answer = ask().await,
                Err(status) => answer = Err(status),
            }
        }
        answer.map(tonic::Response::into_inner).map_err(Box::new)
    }

    /// The peer that hosts an adapter: its place among [`Self::adapter_peers`].
    pub(crate) fn peer_of(&self, adapter: Adapter) -> Option<usize> {
        self.adapters.get(&adapter).copied()
    }

    /// The peers that host adapters.
    pub(crate) fn adapter_peers(&self) -> &[ProviderAdapterServiceClient<Link>] {
        &self.adapter_peers
    }

    /// Tells a peer that hosts adapters what a policy says of providers, where it says that it does not know that version.
    /// Answers whether it has been told.
    pub(crate) async fn introduce(
        &self,
        client: &ProviderAdapterServiceClient<Link>,
        ready: &Ready,
        refusal: &Status,
    ) -> bool {
        let facts = self.request(provider_facts(ready));
        let is_unknown = does_not_know_policy(refusal);
        is_unknown && client.clone().apply_provider_facts(facts).await.is_ok()
    }

    /// Makes a policy version known to everybody who judges by it.
    ///
    /// # Errors
    /// The first peer that did not take it.
    pub(crate) async fn announce(&self, ready: &Ready) -> Result<(), Error> {
        let company = &ready.policy.company;
        self.consent
            .clone()
            .apply_consent_profile(self.request(consent_part(ready)))
            .await
            .map_err(|status| Error::from_peer("consent", company, status))?;
        for client in &self.adapter_peers {
            client
                .clone()
                .apply_provider_facts(self.request(provider_facts(ready)))
                .await
                .map_err(|status| Error::from_peer("provider-adapters", company, status))?;
        }
        Ok(())
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.deadline);
        request
    }
}

/// One verdict per subject; where their number is wrong nobody can tell whose is whose, and all are
/// unavailable.
fn one_each<W, T>(
    expected: usize,
    wires: Vec<W>,
    missing: Missing,
    read: impl Fn(W) -> Option<T>,
) -> Vec<Result<T, Missing>> {
    if wires.len() != expected {
        return (0..expected).map(|_| Err(missing)).collect();
    }
    wires.into_iter().map(|wire| read(wire).ok_or(missing)).collect()
}

/// An assessment that says something: one without a verdict that can be read is none.
fn assessment(wire: provider::Assessment) -> Option<Assessment> {
    let verdict = Verdict::try_from(wire.verdict.clone().unwrap_or_default()).ok()?;
    if verdict.missing.is_empty() { Assessment::try_from(wire).ok() } else { None }
}

fn silent(peer: &'static str, status: &Status, missing: Missing) -> Missing {
    warn!(peer, code = ?status.code(), "peer did not judge");
    missing
}

/// Whether a peer lacks the policy version by which it is asked.
fn does_not_know_policy(status: &Status) -> bool {
    status.code() == Code::FailedPrecondition
        && status.get_details_error_info().is_some_and(|info| {
            info.reason == proto::error::v1::ErrorReason::UnknownPolicyVersion.as_str_name()
        })
}

fn consent_part(ready: &Ready) -> consent::ApplyConsentProfileRequest {
    let declared = &ready.file.consent;
    consent::ApplyConsentProfileRequest {
        company: ready.policy.company.to_string(),
        policy_version: ready.policy.version,
        host: declared.host.clone(),
        keys: declared.keys.clone(),
        default_profile: declared.default_profile.clone(),
        profiles: declared
            .profiles
            .iter()
            .map(|(name, profile)| consent::ConsentProfile::new(name, profile))
            .collect(),
    }
}

fn provider_facts(ready: &Ready) -> provider::ApplyProviderFactsRequest {
    let policy: &Policy = &ready.policy;
    provider::ApplyProviderFactsRequest {
        company: policy.company.to_string(),
        policy_version: policy.version,
        providers: decision::Provider::ALL
            .into_iter()
            .filter_map(|one| {
                Some(provider::ProviderSetup::new(one, policy.provider(one)?, policy.method(one)))
            })
            .collect(),
        hosts: policy
            .members
            .iter()
            .map(|member| provider::HostFacts {
                member: member.id.to_string(),
                emails: member.emails.clone(),
                zoom: Some((&member.zoom).into()),
            })
            .collect(),
    }
}

/// A policy that is shared by the batches of one request.
pub(crate) type SharedPolicy = Arc<Ready>;

//! How what no calendar knows is judged: telephone calls and uploads, by eligibility, and by consent where that is enforced.

use chrono::{DateTime, Utc};
use decision::eligibility::Judgement;
use decision::telephone;
use decision::upload::{Rejected, Upload};
use decision::{Missing, Verdict};
use proto::consent::v1 as consent;
use proto::eligibility::v1 as eligibility;
use proto::time;

use super::{Judges, NO_CONSENT, NO_ELIGIBILITY, consent_part, one_each, silent};
use crate::policies::Ready;

/// Eligibility's verdicts, one per question, and the policy version it judged by, if it did.
type Judged<T> = (Vec<Result<T, Missing>>, Option<u64>);

impl Judges {
    /// Asks eligibility about telephone calls.
    pub(crate) async fn judge_calls(
        &self,
        ready: &Ready,
        calls: &[telephone::Call],
        now: DateTime<Utc>,
    ) -> Judged<telephone::Judgement> {
        if calls.is_empty() {
            return (Vec::new(), Some(ready.policy.version));
        }
        // By the newest version, as of meetings.
        let question = eligibility::JudgeDialerCallsRequest {
            company: ready.policy.company.to_string(),
            policy_version: 0,
            now: Some(time::to_wire(now)),
            calls: calls.iter().map(Into::into).collect(),
            draft: String::new(),
        };
        match self.eligibility.clone().judge_dialer_calls(self.request(question)).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let verdicts = one_each(calls.len(), answer.verdicts, NO_ELIGIBILITY, |wire| {
                    telephone::Judgement::try_from(wire).ok()
                });
                (verdicts, Some(answer.policy_version))
            }
            Err(status) => {
                let missing = silent("eligibility", &status, NO_ELIGIBILITY);
                (calls.iter().map(|_| Err(missing)).collect(), None)
            }
        }
    }

    /// Asks eligibility about uploads.
    pub(crate) async fn judge_uploads(
        &self,
        ready: &Ready,
        uploads: &[Upload],
        now: DateTime<Utc>,
    ) -> Judged<Result<Judgement, Rejected>> {
        if uploads.is_empty() {
            return (Vec::new(), Some(ready.policy.version));
        }
        let question = eligibility::JudgeUploadsRequest {
            company: ready.policy.company.to_string(),
            policy_version: 0,
            now: Some(time::to_wire(now)),
            uploads: uploads.iter().map(Into::into).collect(),
            draft: String::new(),
        };
        match self.eligibility.clone().judge_uploads(self.request(question)).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let verdicts = one_each(uploads.len(), answer.verdicts, NO_ELIGIBILITY, |wire| {
                    proto::eligibility::upload_verdict(wire).ok()
                });
                (verdicts, Some(answer.policy_version))
            }
            Err(status) => {
                let missing = silent("eligibility", &status, NO_ELIGIBILITY);
                (uploads.iter().map(|_| Err(missing)).collect(), None)
            }
        }
    }

    /// Asks consent about calls without links, each by the profile that holds for it; empty is none.
    pub(crate) async fn consent_by(
        &self,
        ready: &Ready,
        profiles: &[&str],
        now: DateTime<Utc>,
    ) -> Vec<Result<Verdict, Missing>> {
        if profiles.is_empty() {
            return Vec::new();
        }
        let question = consent::JudgeConsentsRequest {
            company: ready.policy.company.to_string(),
            policy_version: ready.policy.version,
            now: Some(time::to_wire(now)),
            calls: profiles
                .iter()
                .map(|profile| consent::ConsentQuestion {
                    profile: (*profile).to_owned(),
                    ..consent::ConsentQuestion::default()
                })
                .collect(),
            draft: ready.draft.as_ref().map(|_| consent_part(ready)),
        };
        let answer = self
            .ask_consent(ready, || {
                let (mut client, question) = (self.consent.clone(), self.request(question.clone()));
                async move { client.judge_consents(question).await }
            })
            .await;
        match answer {
            Ok(answer) if answer.policy_version == ready.policy.version => {
                let read = |wire| Verdict::try_from(wire).ok();
                one_each(profiles.len(), answer.verdicts, NO_CONSENT, read)
            }
            Ok(_) => vec![Err(NO_CONSENT); profiles.len()],
            Err(status) => vec![Err(silent("consent", &status, NO_CONSENT)); profiles.len()],
        }
    }
}

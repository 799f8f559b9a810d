//! The gRPC face: from the wire, gather, judge, to the wire.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use decision::company::{Member, NumberMode};
use decision::eligibility::{Judgement, judge_meeting};
use decision::telephone::{self, Call, judge_call};
use decision::upload::{Rejected, Upload, judge_upload};
use decision::{CompanyFile, Meeting, Policy, Verdict};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use proto::eligibility::v1 as wire;
use proto::eligibility::v1::company_service_server::CompanyService;
use proto::eligibility::v1::eligibility_service_server::EligibilityService;
use proto::{Invalid, time};
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use tracing::warn;

use crate::cache::Policies;
use crate::company::{Change, Companies};
use crate::error::Error;
use crate::gather::Owners;
use crate::page;
use crate::proposal::{Proposal, Proposals};
use crate::store::Stamp;

/// Meetings judged in one request.
const MEETINGS: usize = 5_000;
/// Telephone calls or uploads judged in one request.
const IMPORTS: usize = 10_000;
/// Meetings judged before others have their turn: well under a millisecond of work.
const TURN: usize = 256;
/// The same of telephone calls, whose numbers cost some twenty times as much.
const CALLS_TURN: usize = 16;
/// Versions read at a time for a stream.
const LOG: u64 = 100;

/// Judges calls.
#[derive(Debug)]
pub(crate) struct Eligibility {
    policies: Policies,
    proposals: Proposals,
}

impl Eligibility {
    /// Judges by these policies and proposals.
    pub(crate) fn new(policies: Policies, proposals: Proposals) -> Self {
        Self { policies, proposals }
    }

    /// What to judge by: a draft where there is one, else what was applied.
    async fn basis(&self, company: &str, version: u64, draft: String) -> Result<Basis, Error> {
        if draft.is_empty() {
            return Ok(Basis::Applied(self.policies.get(company, version).await?));
        }
        Ok(Basis::Proposed(self.proposals.get(company, draft).await?, version))
    }
}

/// What a batch is judged by.
enum Basis {
    /// A version that was applied.
    Applied(Arc<Policy>),
    /// A proposal, and the version that the request names beside it.
    Proposed(Arc<Proposal>, u64),
}

impl Basis {
    fn policy(&self) -> &Policy {
        match self {
            Self::Applied(policy) => policy,
            Self::Proposed(proposal, _) => &proposal.policy,
        }
    }

    fn version(&self) -> u64 {
        match self {
            Self::Applied(policy) => policy.version,
            Self::Proposed(_, version) => *version,
        }
    }

    /// The names the company would own, where that is another matter than which it owns.
    fn claims(&self) -> Option<&HashSet<String>> {
        match self {
            Self::Applied(_) => None,
            Self::Proposed(proposal, _) => Some(&proposal.claims),
        }
    }
}

#[tonic::async_trait]
impl EligibilityService for Eligibility {
    async fn judge_meetings(
        &self,
        request: Request<wire::JudgeMeetingsRequest>,
    ) -> Result<Response<wire::JudgeMeetingsResponse>, Status> {
        let wire::JudgeMeetingsRequest { company, policy_version, now, meetings, draft } =
            request.into_inner();
        Invalid::limit("meetings", meetings.len(), MEETINGS).map_err(Error::TooMany)?;
        time::optional("now", now.as_ref()).map_err(Error::Batch)?;
        let basis = self.basis(&company, policy_version, draft).await?;
        let recipients = meetings.iter().map(|question| question.foreign_recipient.as_str());
        let owners = Owners::of(self.policies.store(), recipients).await;
        if let Err(error) = &owners {
            warn!(error = %error, "owners of recipients could not be learned");
        }
        let mut verdicts = Vec::with_capacity(meetings.len());
        for (judged, question) in meetings.into_iter().enumerate() {
            if judged % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
            verdicts.push((&verdict(&basis, owners.as_ref().ok(), question)).into());
        }
        let policy_version = basis.version();
        Ok(Response::new(wire::JudgeMeetingsResponse { policy_version, verdicts }))
    }

    async fn judge_dialer_calls(
        &self,
        request: Request<wire::JudgeDialerCallsRequest>,
    ) -> Result<Response<wire::JudgeDialerCallsResponse>, Status> {
        let wire::JudgeDialerCallsRequest { company, policy_version, now, calls, draft } =
            request.into_inner();
        Invalid::limit("calls", calls.len(), IMPORTS).map_err(Error::TooMany)?;
        time::optional("now", now.as_ref()).map_err(Error::Batch)?;
        let basis = self.basis(&company, policy_version, draft).await?;
        let mut verdicts = Vec::with_capacity(calls.len());
        for (judged, question) in calls.into_iter().enumerate() {
            if judged % CALLS_TURN == CALLS_TURN - 1 {
                tokio::task::yield_now().await;
            }
            verdicts.push((&call_verdict(&basis, question)).into());
        }
        let policy_version = basis.version();
        Ok(Response::new(wire::JudgeDialerCallsResponse { policy_version, verdicts }))
    }

    async fn judge_uploads(
        &self,
        request: Request<wire::JudgeUploadsRequest>,
    ) -> Result<Response<wire::JudgeUploadsResponse>, Status> {
        let wire::JudgeUploadsRequest { company, policy_version, now, uploads, draft } =
            request.into_inner();
        Invalid::limit("uploads", uploads.len(), IMPORTS).map_err(Error::TooMany)?;
        time::optional("now", now.as_ref()).map_err(Error::Batch)?;
        let basis = self.basis(&company, policy_version, draft).await?;
        let mut verdicts = Vec::with_capacity(uploads.len());
        for (judged, question) in uploads.into_iter().enumerate() {
            if judged % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
            verdicts.push((&upload_verdict(&basis, question)).into());
        }
        let policy_version = basis.version();
        Ok(Response::new(wire::JudgeUploadsResponse { policy_version, verdicts }))
    }
}

/// The verdict on one telephone call. What cannot be understood is a doubt of this one, not of the batch, and no permission.
fn call_verdict(basis: &Basis, question: wire::DialerCallQuestion) -> telephone::Judgement {
    match Call::try_from(question) {
        Ok(call) => judge_call(basis.policy(), &call),
        Err(invalid) => telephone::Judgement {
            call: unavailable(invalid.field()),
            numbers: NumberMode::Prohibited,
        },
    }
}

/// The verdict on one upload, or why nobody may ask for it.
fn upload_verdict(basis: &Basis, question: wire::UploadQuestion) -> Result<Judgement, Rejected> {
    match Upload::try_from(question) {
        Ok(upload) => judge_upload(basis.policy(), &upload),
        Err(invalid) => Ok(unavailable(invalid.field())),
    }
}

/// No verdict, for want of a field.
fn unavailable(field: &'static str) -> Judgement {
    Judgement { verdict: Verdict::unavailable(field), ..Judgement::default() }
}

/// The verdict on one question. What cannot be understood or learned is a doubt of this one, not of the batch.
fn verdict(basis: &Basis, owners: Option<&Owners>, question: wire::MeetingQuestion) -> Judgement {
    let mut meeting = match Meeting::try_from(question) {
        Ok(meeting) => meeting,
        Err(invalid) => return unavailable(invalid.field()),
    };
    if let Some(recipient) = meeting.foreign_company.take() {
        let Some(owners) = owners else { return unavailable("meetings.foreign_recipient") };
        let company = &basis.policy().company;
        meeting.foreign_company =
            owners.stranger(&recipient, company, basis.claims()).map(str::to_owned);
    }
    judge_meeting(basis.policy(), &meeting)
}

/// Keeps companies.
#[derive(Debug)]
pub(crate) struct Company {
    companies: Companies,
    poll: Duration,
}

impl Company {
    /// Serves these companies; streams look for versions of other processes every `poll`.
    pub(crate) fn new(companies: Companies, poll: Duration) -> Self {
        Self { companies, poll }
    }
}

#[tonic::async_trait]
impl CompanyService for Company {
    async fn apply_company(
        &self,
        request: Request<wire::ApplyCompanyRequest>,
    ) -> Result<Response<wire::ApplyCompanyResponse>, Status> {
        let wire::ApplyCompanyRequest { document, dry_run } = request.into_inner();
        let (change, canonical) = if dry_run {
            self.companies.try_out(document).await?
        } else {
            (self.companies.apply(document).await?, String::new())
        };
        Ok(Response::new(wire::ApplyCompanyResponse {
            company: change.company,
            policy_version: change.version,
            changed: change.changed,
            document: canonical,
        }))
    }

    async fn get_company(
        &self,
        request: Request<wire::GetCompanyRequest>,
    ) -> Result<Response<wire::GetCompanyResponse>, Status> {
        let wire::GetCompanyRequest { company, policy_version } = request.into_inner();
        let found = self.companies.version(&company, policy_version).await?;
        Ok(Response::new(wire::GetCompanyResponse {
            company: found.stamp.company,
            policy_version: found.stamp.version,
            document: found.document,
            applied_at: Some(time::to_wire(found.stamp.applied_at)),
        }))
    }

    async fn list_team_members(
        &self,
        request: Request<wire::ListTeamMembersRequest>,
    ) -> Result<Response<wire::ListTeamMembersResponse>, Status> {
        let wire::ListTeamMembersRequest { company, page_size, page_token } = request.into_inner();
        let size = page::size(page_size, 500, 5_000);
        // Later pages are of the version of the first, so that no change in between hides anybody.
        let (version, after) = page::read("members", &company, &page_token)?
            .map_or((0, None), |(v, id)| (v, Some(id)));
        let found = self.companies.version(&company, version).await?;
        let file = CompanyFile::from_canonical(&found.document).map_err(Error::Unreadable)?;
        let mut members: Vec<&Member> = file
            .members
            .iter()
            .filter(|member| after.as_ref().is_none_or(|after| member.id > *after))
            .collect();
        members.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let more = members.len() > size;
        members.truncate(size);
        let next_page_token = match members.last() {
            Some(last) if more => page::token("members", &company, found.stamp.version, &last.id),
            _ => String::new(),
        };
        let members = members.into_iter().map(Into::into).collect();
        Ok(Response::new(wire::ListTeamMembersResponse { members, next_page_token }))
    }

    async fn apply_team_member(
        &self,
        request: Request<wire::ApplyTeamMemberRequest>,
    ) -> Result<Response<wire::ApplyTeamMemberResponse>, Status> {
        let wire::ApplyTeamMemberRequest { company, member } = request.into_inner();
        let member = member.ok_or(Invalid::Missing("member")).and_then(Member::try_from);
        let member = member.map_err(Error::Member)?;
        let Change { version, .. } = self.companies.apply_member(&company, member).await?;
        Ok(Response::new(wire::ApplyTeamMemberResponse { policy_version: version }))
    }

    async fn deactivate_team_member(
        &self,
        request: Request<wire::DeactivateTeamMemberRequest>,
    ) -> Result<Response<wire::DeactivateTeamMemberResponse>, Status> {
        let wire::DeactivateTeamMemberRequest { company, member_id } = request.into_inner();
        let Change { version, .. } = self.companies.deactivate_member(&company, &member_id).await?;
        Ok(Response::new(wire::DeactivateTeamMemberResponse { policy_version: version }))
    }

    async fn list_policy_versions(
        &self,
        request: Request<wire::ListPolicyVersionsRequest>,
    ) -> Result<Response<wire::ListPolicyVersionsResponse>, Status> {
        let wire::ListPolicyVersionsRequest { company, page_size, page_token } =
            request.into_inner();
        let size = page::size(page_size, 100, 1_000);
        let below = page::read("versions", &company, &page_token)?;
        let (first, below) = below.map_or((true, u64::MAX), |(below, _)| (false, below));
        let limit = u64::try_from(size).unwrap_or(u64::MAX).saturating_add(1);
        let mut found = self
            .companies
            .store()
            .versions(&company, below, limit)
            .await
            .map_err(Error::Storage)?;
        if first && found.is_empty() {
            return Err(Error::UnknownCompany(company).into());
        }
        let more = found.len() > size;
        found.truncate(size);
        let next_page_token = match found.last() {
            Some(last) if more => page::token("versions", &company, last.version, ""),
            _ => String::new(),
        };
        let versions = found.into_iter().map(policy_version).collect();
        Ok(Response::new(wire::ListPolicyVersionsResponse { versions, next_page_token }))
    }

    type WatchPoliciesStream =
        Pin<Box<dyn Stream<Item = Result<wire::WatchPoliciesResponse, Status>> + Send>>;

    async fn watch_policies(
        &self,
        request: Request<wire::WatchPoliciesRequest>,
    ) -> Result<Response<Self::WatchPoliciesStream>, Status> {
        let wire::WatchPoliciesRequest { company, cursor, until_caught_up } = request.into_inner();
        let watcher = Watcher {
            news: self.companies.news(),
            companies: self.companies.clone(),
            company: (!company.is_empty()).then_some(company),
            cursor,
            until_caught_up,
            poll: self.poll,
        };
        let pages = stream::try_unfold(watcher, Watcher::next);
        let versions = pages.map_ok(|page| stream::iter(page).map(Ok::<_, Error>)).try_flatten();
        Ok(Response::new(versions.map_err(Status::from).boxed()))
    }
}

/// A reader of the log of versions. Reads on only when its client has taken what it has.
struct Watcher {
    companies: Companies,
    news: watch::Receiver<()>,
    company: Option<String>,
    cursor: u64,
    until_caught_up: bool,
    poll: Duration,
}

impl Watcher {
    async fn next(mut self) -> Result<Option<(Vec<wire::WatchPoliciesResponse>, Self)>, Error> {
        loop {
            // Seen before reading, so that a version applied while we read wakes us.
            self.news.mark_unchanged();
            let store = self.companies.store();
            let found = store.log(self.company.as_deref(), self.cursor, LOG).await?;
            if let Some(last) = found.last() {
                self.cursor = last.position;
                let page = found.into_iter().map(|stamp| wire::WatchPoliciesResponse {
                    cursor: stamp.position,
                    version: Some(policy_version(stamp)),
                });
                return Ok(Some((page.collect(), self)));
            }
            if self.until_caught_up {
                return Ok(None);
            }
            // Another process wakes nobody here: look for its versions now and then.
            let _ = tokio::time::timeout(self.poll, self.news.changed()).await;
        }
    }
}

fn policy_version(stamp: Stamp) -> wire::PolicyVersion {
    wire::PolicyVersion {
        company: stamp.company,
        policy_version: stamp.version,
        applied_at: Some(time::to_wire(stamp.applied_at)),
        digest: stamp.digest,
    }
}

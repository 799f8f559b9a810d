//! The gRPC face of the consent service.

use std::sync::Arc;

use chassis::Clock;
use chrono::{DateTime, Utc};
use decision::CallKey;
use decision::consent::judge_call;
use proto::Invalid;
use proto::consent::v1;
use proto::consent::v1::consent_service_server::ConsentService;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use crate::error::Error;
use crate::gather::Gather;
use crate::issue;
use crate::part::{self, Part};
use crate::store::{Choice, MeetingId};
use crate::watch::{News, Watcher};

/// Calls in one batch.
const MAX_CALLS: usize = 5_000;
/// Links in one batch.
const MAX_LINKS: usize = 20_000;
/// Characters of a company's id, as in company files.
const MAX_COMPANY: usize = 63;
/// Bytes of a request id.
const MAX_REQUEST_ID: usize = 200;

/// The service.
#[derive(Debug)]
pub(crate) struct Service {
    gather: Gather,
    news: News,
    clock: Arc<dyn Clock>,
}

impl Service {
    /// A service that learns facts and tells the time so.
    pub(crate) fn new(gather: Gather, clock: Arc<dyn Clock>) -> Self {
        Self { gather, news: News::default(), clock }
    }

    /// The instant a request names, else the present one.
    fn instant(&self, at: Option<&prost_types::Timestamp>) -> Result<DateTime<Utc>, Error> {
        Ok(proto::time::optional("now", at)?.unwrap_or_else(|| self.clock.now()))
    }

    /// The consent part to judge by: the proposed one where there is one, else that of the version.
    async fn part(
        &self,
        company: &str,
        version: u64,
        draft: Option<v1::ApplyConsentProfileRequest>,
    ) -> Result<Arc<Part>, Error> {
        match draft {
            Some(draft) => self.gather.draft(company, draft).await,
            None => self.gather.part(company, version).await,
        }
    }
}

#[tonic::async_trait]
impl ConsentService for Service {
    async fn judge_consents(
        &self,
        request: Request<v1::JudgeConsentsRequest>,
    ) -> Result<Response<v1::JudgeConsentsResponse>, Status> {
        let v1::JudgeConsentsRequest { company, policy_version, now, calls, draft } =
            request.into_inner();
        Invalid::limit("calls", calls.len(), MAX_CALLS).map_err(Error::from)?;
        let links = calls.iter().flat_map(|call| &call.links);
        let consent_links = links.filter(|link| link.consent.is_some()).count();
        Invalid::limit("calls.links", consent_links, MAX_LINKS).map_err(Error::from)?;
        let now = self.instant(now.as_ref())?;
        let part = self.part(&company, policy_version, draft).await?;
        let learned = self.gather.learn(&company, &part, &calls, now).await;
        let verdicts = learned.iter().map(|call| (&judge_call(&call.facts(&company))).into());
        Ok(Response::new(v1::JudgeConsentsResponse {
            policy_version,
            verdicts: verdicts.collect(),
        }))
    }

    async fn apply_consent_profile(
        &self,
        request: Request<v1::ApplyConsentProfileRequest>,
    ) -> Result<Response<v1::ApplyConsentProfileResponse>, Status> {
        let (company, version, part) = part::from_wire(request.into_inner())?;
        self.gather.store.keep_part(&company, version, &part).await?;
        Ok(Response::new(v1::ApplyConsentProfileResponse {}))
    }

    async fn issue_consent_link(
        &self,
        request: Request<v1::IssueConsentLinkRequest>,
    ) -> Result<Response<v1::IssueConsentLinkResponse>, Status> {
        let request = request.into_inner();
        let claims = issue::claims(&request, self.clock.now())?;
        let newest = self.gather.store.newest_part(&request.company).await?;
        let (_, consent) = newest.ok_or_else(|| Error::UnknownCompany(request.company.clone()))?;
        let host = decision::text::domain(&consent.host)
            .ok_or_else(|| Error::NoHost(request.company.clone()))?;
        let token = self.gather.key.sign(claims.clone()).await.map_err(Error::from)?;
        let url = issue::url(&host, &claims, &token)?;
        Ok(Response::new(v1::IssueConsentLinkResponse {
            url,
            conference: Some((&claims.conference).into()),
            expires_at: Some(proto::time::to_wire(claims.expires_at)),
        }))
    }

    async fn resolve_consent_links(
        &self,
        request: Request<v1::ResolveConsentLinksRequest>,
    ) -> Result<Response<v1::ResolveConsentLinksResponse>, Status> {
        let v1::ResolveConsentLinksRequest { company, policy_version, now, links, draft } =
            request.into_inner();
        Invalid::limit("links", links.len(), MAX_LINKS).map_err(Error::from)?;
        let now = self.instant(now.as_ref())?;
        let part = self.part(&company, policy_version, draft).await?;
        let resolved = self.gather.resolve(&part, links.iter(), now).await;
        let resolutions = links
            .iter()
            // Unset reads as unresolvable.
            .map(|shape| resolved.get(shape).map(Into::into).unwrap_or_default())
            .collect();
        Ok(Response::new(v1::ResolveConsentLinksResponse { resolutions }))
    }

    async fn record_choice(
        &self,
        request: Request<v1::RecordChoiceRequest>,
    ) -> Result<Response<v1::RecordChoiceResponse>, Status> {
        let choice = choice(request.into_inner(), self.clock.now()).map_err(Error::from)?;
        let sequence = self.gather.store.add_choice(&choice).await?;
        self.news.tell();
        Ok(Response::new(v1::RecordChoiceResponse { sequence }))
    }

    async fn list_receipts(
        &self,
        _: Request<v1::ListReceiptsRequest>,
    ) -> Result<Response<v1::ListReceiptsResponse>, Status> {
        Err(Error::Later("ListReceipts").into())
    }

    type WatchChoicesStream = BoxStream<v1::WatchChoicesResponse>;

    async fn watch_choices(
        &self,
        request: Request<v1::WatchChoicesRequest>,
    ) -> Result<Response<Self::WatchChoicesStream>, Status> {
        let watcher =
            Watcher::new(Arc::clone(&self.gather.store), &self.news, request.into_inner());
        Ok(Response::new(watcher.stream()))
    }
}

/// A choice as it is recorded.
fn choice(request: v1::RecordChoiceRequest, at: DateTime<Utc>) -> Result<Choice, Invalid> {
    let text = |field, problem: &str| Invalid::Text { field, problem: problem.to_owned() };
    let refused = match request.choice() {
        v1::Choice::Join => false,
        v1::Choice::JoinWithoutRecording => true,
        v1::Choice::Unspecified => {
            return Err(Invalid::Enum { field: "choice", value: request.choice });
        }
    };
    if request.company.is_empty() {
        return Err(Invalid::Missing("company"));
    }
    if request.company.len() > MAX_COMPANY || request.company.contains('\0') {
        return Err(text("company", "it is no id of a company"));
    }
    if request.request_id.is_empty() {
        return Err(Invalid::Missing("request_id"));
    }
    if request.request_id.len() > MAX_REQUEST_ID || request.request_id.contains('\0') {
        return Err(text("request_id", "it has more than 200 bytes, or a zero byte among them"));
    }
    let key = CallKey::try_from(request.key.ok_or(Invalid::Missing("key"))?)?;
    let missing = Invalid::Missing("key.ical_uid");
    let meeting = MeetingId::of(&key).ok_or(missing.clone())?;
    let ical_uid = key.ical_uid.filter(|uid| !uid.is_empty()).ok_or(missing)?;
    Ok(Choice {
        company: request.company,
        meeting,
        // Not every database keeps a zero byte in a text; the identity above is of the true UID.
        ical_uid: ical_uid.replace('\0', "\u{fffd}"),
        recurrence_id: key.recurrence_id,
        refused,
        request_id: request.request_id,
        at,
    })
}

//! The orchestrator's peers as small services over a state the test holds. They keep to the contract, and
//! judge with the real core.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use chassis::{App, Built, Context};
use decision::company::ProviderEntry;
use decision::consent::judge_call;
use decision::eligibility::judge_meeting;
use decision::links::Resolution;
use decision::provider::{Facts, Host, assess};
use decision::{CallKey, CompanyFile, Conference, Missing, Policy, Provider, telephone, upload};
use futures::Stream;
use proto::calendar::v1 as calendar;
use proto::calendar::v1::calendar_ingest_service_server as calendar_server;
use proto::consent::v1 as consent;
use proto::consent::v1::consent_service_server as consent_server;
use proto::eligibility::v1 as eligibility;
use proto::eligibility::v1::company_service_server as company_server;
use proto::eligibility::v1::eligibility_service_server as eligibility_server;
use proto::error::v1::ErrorReason;
use proto::provider::v1 as provider;
use proto::provider::v1::provider_adapter_service_server as adapter_server;
use proto::time;
use serde::Deserialize;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::state::{Mood, Peers, State, as_made, profile_of, world};

/// Where a peer finds what it knows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Number of the test.
    world: u64,
}

#[derive(Clone)]
struct Peer(Arc<Peers>);

type Answer<T> = Result<Response<T>, Status>;
type Watch<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Methods nobody here asks, written as the attribute of the traits would write them.
macro_rules! unasked {
    ($($name:ident($request:ty) -> $response:ty;)*) => {
        $(fn $name<'life0, 'async_trait>(
            &'life0 self,
            _: Request<$request>,
        ) -> Pin<Box<dyn Future<Output = Answer<$response>> + Send + 'async_trait>>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async { Err(Status::unimplemented(stringify!($name))) })
        })*
    };
}

macro_rules! app {
    ($app:ident, $name:literal, [$($service:literal),*], |$context:ident, $peer:ident| $routes:expr) => {
        /// A peer.
        pub(crate) struct $app;

        impl App for $app {
            const NAME: &'static str = $name;
            const SERVICES: &'static [&'static str] = &[$($service),*];
            const DESCRIPTORS: &'static [&'static [u8]] = &[];
            const DEFAULTS: &'static str = "world = 0";
            type Config = Config;

            async fn build(config: Config, $context: Context) -> anyhow::Result<Built> {
                let $peer = Peer(world(config.world));
                Ok(Built::new($routes))
            }
        }
    };
}

app!(
    Calendar,
    "calendar-ingest",
    ["callsheet.calendar.v1.CalendarIngestService"],
    |context, peer| {
        Routes::new(chassis::sized!(
            context,
            calendar_server::CalendarIngestServiceServer::new(peer)
        ))
    }
);
app!(
    Eligibility,
    "eligibility",
    ["callsheet.eligibility.v1.EligibilityService", "callsheet.eligibility.v1.CompanyService"],
    |context, peer| {
        let judge = eligibility_server::EligibilityServiceServer::new(peer.clone());
        Routes::new(chassis::sized!(context, judge))
            .add_service(chassis::sized!(context, company_server::CompanyServiceServer::new(peer)))
    }
);
app!(Consent, "consent", ["callsheet.consent.v1.ConsentService"], |context, peer| {
    Routes::new(chassis::sized!(context, consent_server::ConsentServiceServer::new(peer)))
});
app!(
    Adapters,
    "provider-adapters",
    ["callsheet.provider.v1.ProviderAdapterService"],
    |context, peer| Routes::new(chassis::sized!(
        context,
        adapter_server::ProviderAdapterServiceServer::new(peer)
    ))
);
app!(Elsewhere, "elsewhere", ["callsheet.provider.v1.ProviderAdapterService"], |context, peer| {
    Routes::new(chassis::sized!(context, adapter_server::ProviderAdapterServiceServer::new(peer)))
});

fn invalid(error: impl std::fmt::Display) -> Status {
    Status::invalid_argument(error.to_string())
}

fn unknown_version() -> Status {
    let reason = ErrorReason::UnknownPolicyVersion.as_str_name();
    let details = ErrorDetails::with_error_info(reason, "callsheet", HashMap::new());
    Status::with_error_details(Code::FailedPrecondition, "apply it first", details)
}

/// An adapter that lives elsewhere, or nowhere.
fn not_hosted() -> Status {
    let reason = ErrorReason::PeerUnavailable.as_str_name();
    let details = ErrorDetails::with_error_info(reason, "callsheet", HashMap::new());
    Status::with_error_details(Code::FailedPrecondition, "not hosted here", details)
}

/// Everything after a position, and then as it comes, until the house is gone.
fn follow<T: Send + 'static>(
    peers: &Arc<Peers>,
    cursor: u64,
    until_caught_up: bool,
    after: impl Fn(&State, u64) -> Vec<(u64, T)> + Send + 'static,
) -> Watch<T> {
    let (sender, receiver) = tokio::sync::mpsc::channel(16);
    let mut news = peers.news();
    let peers = Arc::clone(peers);
    let mut cursor = cursor;
    tokio::spawn(async move {
        loop {
            let next = after(&peers.state(), cursor);
            let caught_up = next.is_empty();
            for (at, message) in next {
                cursor = at;
                if sender.send(Ok(message)).await.is_err() {
                    return;
                }
            }
            if caught_up {
                if until_caught_up {
                    return;
                }
                tokio::select! {
                    () = sender.closed() => return,
                    _ = news.changed() => {}
                }
            }
        }
    });
    Box::pin(tokio_stream::wrappers::ReceiverStream::new(receiver))
}

fn key_of(meeting: &calendar::Meeting) -> CallKey {
    CallKey::try_from(meeting.key.clone().unwrap_or_default()).unwrap_or_default()
}

#[tonic::async_trait]
impl calendar_server::CalendarIngestService for Peer {
    type WatchMeetingsStream = Watch<calendar::WatchMeetingsResponse>;

    async fn list_meetings(
        &self,
        request: Request<calendar::ListMeetingsRequest>,
    ) -> Answer<calendar::ListMeetingsResponse> {
        let request = request.into_inner();
        self.0.ask("ListMeetings", request.meeting_ids.len()).await?;
        if self.0.state().silent.contains(&request.company) {
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        }
        let from = time::optional("from", request.from.as_ref()).map_err(invalid)?;
        let to = time::optional("to", request.to.as_ref()).map_err(invalid)?;
        let state = self.0.state();
        let is_by_id = !request.meeting_ids.is_empty();
        let mut found: Vec<_> = state
            .meetings()
            .chain(state.removed().filter(|_| is_by_id))
            .filter(|meeting| meeting.company == request.company)
            .filter(|meeting| {
                if is_by_id {
                    return request.meeting_ids.contains(&meeting.meeting_id);
                }
                let start = time::optional("start", meeting.start.as_ref()).ok().flatten();
                from.is_some() && from <= start && start < to
            })
            .cloned()
            .collect();
        found.sort_by_key(|meeting| {
            (meeting.start.map(|at| (at.seconds, at.nanos)), key_of(meeting))
        });
        if is_by_id {
            // Only those of a period have an order that is promised.
            found.reverse();
        }
        let skipped: usize = request.page_token.parse().unwrap_or_default();
        let size = if request.page_size == 0 { 500 } else { request.page_size.min(5_000) };
        let size = usize::try_from(size).unwrap();
        let next = (found.len() > skipped + size).then(|| (skipped + size).to_string());
        Ok(Response::new(calendar::ListMeetingsResponse {
            meetings: found.into_iter().skip(skipped).take(size).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn watch_meetings(
        &self,
        request: Request<calendar::WatchMeetingsRequest>,
    ) -> Answer<Self::WatchMeetingsStream> {
        let request = request.into_inner();
        self.0.ask("WatchMeetings", 0).await?;
        // The sweep reads the log up to its end, and ends there.
        if !request.until_caught_up {
            self.0.state().watched_from.push(request.cursor);
        }
        let changes = follow(&self.0, request.cursor, request.until_caught_up, |state, cursor| {
            state
                .changes_after(cursor)
                .into_iter()
                .map(|(cursor, change)| {
                    let change = calendar::WatchMeetingsResponse {
                        cursor,
                        meeting: Some(change.meeting),
                        removed: change.removed,
                    };
                    (cursor, change)
                })
                .collect()
        });
        Ok(Response::new(changes))
    }

    unasked! {
        connect_calendar(calendar::ConnectCalendarRequest) -> calendar::ConnectCalendarResponse;
        list_connections(calendar::ListConnectionsRequest) -> calendar::ListConnectionsResponse;
        sync_calendar(calendar::SyncCalendarRequest) -> calendar::SyncCalendarResponse;
        ingest_events(calendar::IngestEventsRequest) -> calendar::IngestEventsResponse;
        submit_invitation(calendar::SubmitInvitationRequest) -> calendar::SubmitInvitationResponse;
        parse_links(calendar::ParseLinksRequest) -> calendar::ParseLinksResponse;
        get_meeting(calendar::GetMeetingRequest) -> calendar::GetMeetingResponse;
    }
}

#[tonic::async_trait]
impl eligibility_server::EligibilityService for Peer {
    async fn judge_meetings(
        &self,
        request: Request<eligibility::JudgeMeetingsRequest>,
    ) -> Answer<eligibility::JudgeMeetingsResponse> {
        let request = request.into_inner();
        let mood = self.0.ask("JudgeMeetings", request.meetings.len()).await?;
        time::required("now", request.now.as_ref()).map_err(invalid)?;
        let (version, told) = {
            let state = self.0.state();
            let version = if request.draft.is_empty() {
                state.version(&request.company, request.policy_version)?
            } else {
                let file = CompanyFile::from_canonical(&request.draft).map_err(invalid)?;
                let policy = Policy::compile(&file, request.policy_version);
                Arc::new((file, policy))
            };
            (version, state.told_owner.clone())
        };
        let policy = &version.1;
        let mut verdicts = Vec::with_capacity(request.meetings.len());
        for question in request.meetings {
            let mut meeting = decision::Meeting::try_from(question).map_err(invalid)?;
            if let Some(recipient) = meeting.foreign_company.take() {
                meeting.foreign_company = self.0.state().owner_of(&recipient);
            }
            let mut verdict = eligibility::MeetingVerdict::from(&judge_meeting(policy, &meeting));
            if let Some(owner) = &told {
                verdict.owner.clone_from(owner);
            }
            verdicts.push(verdict);
        }
        Ok(Response::new(eligibility::JudgeMeetingsResponse {
            policy_version: policy.version,
            verdicts: as_made(mood, verdicts),
        }))
    }

    async fn judge_dialer_calls(
        &self,
        request: Request<eligibility::JudgeDialerCallsRequest>,
    ) -> Answer<eligibility::JudgeDialerCallsResponse> {
        let request = request.into_inner();
        let mood = self.0.ask("JudgeDialerCalls", request.calls.len()).await?;
        let version = self.0.state().version(&request.company, request.policy_version)?;
        let mut verdicts = Vec::with_capacity(request.calls.len());
        for question in request.calls {
            let call = telephone::Call::try_from(question).map_err(invalid)?;
            verdicts.push((&telephone::judge_call(&version.1, &call)).into());
        }
        Ok(Response::new(eligibility::JudgeDialerCallsResponse {
            policy_version: version.1.version,
            verdicts: as_made(mood, verdicts),
        }))
    }

    async fn judge_uploads(
        &self,
        request: Request<eligibility::JudgeUploadsRequest>,
    ) -> Answer<eligibility::JudgeUploadsResponse> {
        let request = request.into_inner();
        let mood = self.0.ask("JudgeUploads", request.uploads.len()).await?;
        let version = self.0.state().version(&request.company, request.policy_version)?;
        let mut verdicts = Vec::with_capacity(request.uploads.len());
        for question in request.uploads {
            let upload = upload::Upload::try_from(question).map_err(invalid)?;
            verdicts.push((&upload::judge_upload(&version.1, &upload)).into());
        }
        Ok(Response::new(eligibility::JudgeUploadsResponse {
            policy_version: version.1.version,
            verdicts: as_made(mood, verdicts),
        }))
    }
}

#[tonic::async_trait]
impl company_server::CompanyService for Peer {
    type WatchPoliciesStream = Watch<eligibility::WatchPoliciesResponse>;

    async fn get_company(
        &self,
        request: Request<eligibility::GetCompanyRequest>,
    ) -> Answer<eligibility::GetCompanyResponse> {
        let request = request.into_inner();
        self.0.ask("GetCompany", 1).await?;
        let version = self.0.state().version(&request.company, request.policy_version)?;
        Ok(Response::new(eligibility::GetCompanyResponse {
            company: request.company,
            policy_version: version.1.version,
            document: version.0.canonical(),
            applied_at: None,
        }))
    }

    async fn apply_company(
        &self,
        request: Request<eligibility::ApplyCompanyRequest>,
    ) -> Answer<eligibility::ApplyCompanyResponse> {
        let request = request.into_inner();
        self.0.ask("ApplyCompany", 1).await?;
        let file = CompanyFile::from_canonical(&request.document).map_err(invalid)?;
        file.validate().map_err(|wrong| Status::invalid_argument(format!("{wrong:?}")))?;
        assert!(request.dry_run, "nothing is applied by an orchestrator");
        let current = self.0.state().version(&file.company, 0).ok();
        Ok(Response::new(eligibility::ApplyCompanyResponse {
            company: file.company.clone(),
            policy_version: current.as_ref().map_or(0, |current| current.1.version),
            changed: current.is_none_or(|current| current.0 != file),
            document: file.canonical(),
        }))
    }

    async fn watch_policies(
        &self,
        request: Request<eligibility::WatchPoliciesRequest>,
    ) -> Answer<Self::WatchPoliciesStream> {
        let request = request.into_inner();
        self.0.ask("WatchPolicies", 0).await?;
        let mut versions =
            follow(&self.0, request.cursor, request.until_caught_up, |state, cursor| {
                state
                    .policies_after(cursor)
                    .into_iter()
                    .map(|(cursor, version)| {
                        let version =
                            eligibility::WatchPoliciesResponse { cursor, version: Some(version) };
                        (cursor, version)
                    })
                    .collect()
            });
        if self.0.ask("WatchPolicies stream", 0).await.is_err() {
            versions = Box::pin(futures::stream::iter([Err(Status::unavailable("cut off"))]));
        }
        Ok(Response::new(versions))
    }

    unasked! {
        list_team_members(eligibility::ListTeamMembersRequest) -> eligibility::ListTeamMembersResponse;
        apply_team_member(eligibility::ApplyTeamMemberRequest) -> eligibility::ApplyTeamMemberResponse;
        deactivate_team_member(eligibility::DeactivateTeamMemberRequest) -> eligibility::DeactivateTeamMemberResponse;
        list_policy_versions(eligibility::ListPolicyVersionsRequest) -> eligibility::ListPolicyVersionsResponse;
    }
}

/// Where a consent link leads: its token says `zoom:<id>`, or why it leads nowhere.
fn resolve(host: &str, shape: &calendar::ConsentShape) -> Resolution {
    let link_type = proto::consent::link_type(shape.r#type).unwrap();
    if shape.host != host {
        return Resolution::NotAConsentLink;
    }
    match shape.token.split_once(':') {
        Some(("zoom", id)) => Resolution::Resolved {
            company: shape.company.clone(),
            link_type,
            conference: Conference { provider: Provider::Zoom, id: id.to_owned() },
        },
        _ => Resolution::Unresolvable { link_type, reason: shape.token.clone().into() },
    }
}

#[tonic::async_trait]
impl consent_server::ConsentService for Peer {
    type WatchChoicesStream = Watch<consent::WatchChoicesResponse>;

    async fn judge_consents(
        &self,
        request: Request<consent::JudgeConsentsRequest>,
    ) -> Answer<consent::JudgeConsentsResponse> {
        let request = request.into_inner();
        let mood = self.0.ask("JudgeConsents", request.calls.len()).await?;
        let state = self.0.state();
        let id = (request.company.clone(), request.policy_version);
        let part = request.draft.as_ref().or(state.consent.get(&id)).ok_or_else(unknown_version)?;
        let mut verdicts = Vec::with_capacity(request.calls.len());
        for call in &request.calls {
            let profile = profile_of(part, &call.profile);
            let links: Result<Vec<_>, _> = call
                .links
                .iter()
                .map(|link| {
                    let resolution = link.consent.as_ref().map(|shape| resolve(&part.host, shape));
                    link.to_core(resolution.as_ref())
                })
                .collect();
            let key = CallKey::try_from(call.key.clone().unwrap_or_default()).map_err(invalid)?;
            let verdict = judge_call(&decision::consent::Facts {
                company: &request.company,
                profile_name: profile.as_ref().map(|(name, _)| name.as_str()),
                profile: Ok(profile.as_ref().map(|(_, profile)| profile)),
                links: links.as_deref().map_err(|_| Missing("links")),
                refused: Ok(state.refused.contains(&key)),
            });
            verdicts.push(proto::verdict::v1::Verdict::from(&verdict));
        }
        Ok(Response::new(consent::JudgeConsentsResponse {
            policy_version: request.policy_version,
            verdicts: as_made(mood, verdicts),
        }))
    }

    async fn apply_consent_profile(
        &self,
        request: Request<consent::ApplyConsentProfileRequest>,
    ) -> Answer<consent::ApplyConsentProfileResponse> {
        let request = request.into_inner();
        self.0.ask("ApplyConsentProfile", 1).await?;
        let id = (request.company.clone(), request.policy_version);
        self.0.state().consent.insert(id, request);
        Ok(Response::new(consent::ApplyConsentProfileResponse {}))
    }

    async fn resolve_consent_links(
        &self,
        request: Request<consent::ResolveConsentLinksRequest>,
    ) -> Answer<consent::ResolveConsentLinksResponse> {
        let request = request.into_inner();
        let mood = self.0.ask("ResolveConsentLinks", request.links.len()).await?;
        if request.links.len() > 20_000 {
            return Err(Status::invalid_argument("too many links"));
        }
        let state = self.0.state();
        let known = state.consent.get(&(request.company.clone(), request.policy_version));
        let part = request.draft.as_ref().or(known);
        let host = &part.ok_or_else(unknown_version)?.host;
        let resolutions =
            request.links.iter().map(|shape| (&resolve(host, shape)).into()).collect();
        Ok(Response::new(consent::ResolveConsentLinksResponse {
            resolutions: as_made(mood, resolutions),
        }))
    }

    async fn watch_choices(
        &self,
        request: Request<consent::WatchChoicesRequest>,
    ) -> Answer<Self::WatchChoicesStream> {
        let request = request.into_inner();
        self.0.ask("WatchChoices", 0).await?;
        let choices = follow(&self.0, request.cursor, request.until_caught_up, |state, cursor| {
            let chosen_at = state.refused_at.map(time::to_wire);
            (1..)
                .zip(&state.refusals)
                .filter(|(at, _)| *at > cursor)
                .map(|(at, (company, key))| {
                    let choice = consent::WatchChoicesResponse {
                        cursor: at,
                        company: company.clone(),
                        key: Some(key.into()),
                        choice: consent::Choice::JoinWithoutRecording.into(),
                        chosen_at,
                    };
                    (at, choice)
                })
                .collect()
        });
        Ok(Response::new(choices))
    }

    unasked! {
        issue_consent_link(consent::IssueConsentLinkRequest) -> consent::IssueConsentLinkResponse;
        record_choice(consent::RecordChoiceRequest) -> consent::RecordChoiceResponse;
        list_receipts(consent::ListReceiptsRequest) -> consent::ListReceiptsResponse;
    }
}

#[tonic::async_trait]
impl adapter_server::ProviderAdapterService for Peer {
    type WatchSignalsStream = Watch<provider::WatchSignalsResponse>;

    async fn assess_calls(
        &self,
        request: Request<provider::AssessCallsRequest>,
    ) -> Answer<provider::AssessCallsResponse> {
        let request = request.into_inner();
        let mood = self.0.ask("AssessCalls", request.calls.len()).await?;
        let state = self.0.state();
        let known = state.facts.get(&(request.company.clone(), request.policy_version));
        let facts = request.draft.as_ref().or(known);
        let facts = facts.ok_or_else(unknown_version)?;
        let mut assessments = Vec::with_capacity(request.calls.len());
        for call in &request.calls {
            let adapter = proto::provider::adapter("adapter", call.adapter).map_err(invalid)?;
            let adapter = adapter.ok_or_else(|| Status::invalid_argument("no adapter"))?;
            let conference = call.conference.clone().unwrap_or_default();
            let setup = facts.providers.iter().find(|setup| setup.provider == conference.provider);
            let setup = setup.map(|setup| ProviderEntry {
                enabled: setup.enabled,
                configured: setup.configured,
                method: None,
                authenticated_bot: setup.authenticated_bot,
            });
            let host = facts.hosts.iter().find(|host| host.member == call.organizer);
            let zoom = host.map(|host| host.zoom.clone().unwrap_or_default().into());
            let assessment = assess(
                adapter,
                &Facts {
                    host: host
                        .zip(zoom.as_ref())
                        .map(|(host, zoom)| Host { emails: &host.emails, zoom }),
                    setup: setup.as_ref(),
                    computer_audio: None,
                    method: proto::provider::method("method", call.method).map_err(invalid)?,
                },
            );
            assessments.push(provider::Assessment::from(&assessment));
        }
        Ok(Response::new(provider::AssessCallsResponse {
            policy_version: request.policy_version,
            assessments: as_made(mood, assessments),
        }))
    }

    async fn apply_provider_facts(
        &self,
        request: Request<provider::ApplyProviderFactsRequest>,
    ) -> Answer<provider::ApplyProviderFactsResponse> {
        let request = request.into_inner();
        self.0.ask("ApplyProviderFacts", 1).await?;
        let id = (request.company.clone(), request.policy_version);
        self.0.state().facts.insert(id, request);
        Ok(Response::new(provider::ApplyProviderFactsResponse {}))
    }

    async fn dispatch(
        &self,
        request: Request<provider::DispatchRequest>,
    ) -> Answer<provider::DispatchResponse> {
        let orders = request.into_inner().orders;
        let mood = self.0.ask("Dispatch", orders.len()).await?;
        let hanging = self.0.state().adapters.hanging.clone();
        if orders.iter().any(|order| hanging.contains(&order.adapter())) {
            std::future::pending::<()>().await;
        }
        let unhosted = self.0.state().adapters.unhosted.clone();
        if orders.iter().any(|order| unhosted.contains(&order.adapter())) {
            return Err(not_hosted());
        }
        if let Some(bad) = orders.iter().position(|order| !self.0.state().adapters.takes(order)) {
            return Err(Status::invalid_argument(format!("orders[{bad}] cannot be carried out")));
        }
        let receipts = self.0.change(|state| {
            // What is not answered as it should be is not kept either.
            let is_kept = matches!(mood, Mood::Well | Mood::Late);
            let mut of = |order| {
                let accepted = provider::Receipt::Accepted;
                if is_kept { state.adapters.dispatch(order) } else { accepted }.into()
            };
            orders.into_iter().map(&mut of).collect()
        });
        Ok(Response::new(provider::DispatchResponse { receipts: as_made(mood, receipts) }))
    }

    async fn withdraw(
        &self,
        request: Request<provider::WithdrawRequest>,
    ) -> Answer<provider::WithdrawResponse> {
        let withdrawals = request.into_inner().withdrawals;
        let mood = self.0.ask("Withdraw", withdrawals.len()).await?;
        let mut state = self.0.state();
        let of = |one| state.adapters.withdraw(one).into();
        let receipts = withdrawals.into_iter().map(of).collect();
        Ok(Response::new(provider::WithdrawResponse { receipts: as_made(mood, receipts) }))
    }

    async fn instruct(
        &self,
        request: Request<provider::InstructRequest>,
    ) -> Answer<provider::InstructResponse> {
        let instructions = request.into_inner().instructions;
        let mood = self.0.ask("Instruct", instructions.len()).await?;
        let mut state = self.0.state();
        let of = |one| state.adapters.instruct(one).into();
        let receipts = instructions.into_iter().map(of).collect();
        Ok(Response::new(provider::InstructResponse { receipts: as_made(mood, receipts) }))
    }

    async fn watch_signals(
        &self,
        request: Request<provider::WatchSignalsRequest>,
    ) -> Answer<Self::WatchSignalsStream> {
        let request = request.into_inner();
        self.0.ask("WatchSignals", 0).await?;
        let news = follow(&self.0, request.cursor, request.until_caught_up, |state, cursor| {
            state.adapters.news_after(cursor)
        });
        Ok(Response::new(news))
    }

    unasked! {
        describe_adapter(provider::DescribeAdapterRequest) -> provider::DescribeAdapterResponse;
        apply_conference_facts(provider::ApplyConferenceFactsRequest) -> provider::ApplyConferenceFactsResponse;
        submit_signal(provider::SubmitSignalRequest) -> provider::SubmitSignalResponse;
    }
}

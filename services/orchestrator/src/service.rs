//! The gRPC face of the orchestrator.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use decision::SkipCode;
use decision::policy::{Member, Policy};
use feed::Feed;
use futures::Stream;
use proto::orchestrator::v1 as wire;
use proto::orchestrator::v1::orchestrator_service_server::OrchestratorService;
use proto::{Invalid, time};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::course::Act;
use crate::engine::{Cause, Engine, How, MOST};
use crate::error::Error;
use crate::store::{Action, Asked, Call, Filter, Page};
use crate::stream::Told;
use crate::{history, letters, redecisions, report, simulate};

/// Decisions sent to a watcher at once.
const CHUNK: u64 = 500;

/// A watcher that was told nothing looks again after this long.
const PATIENCE: Duration = Duration::from_secs(1);

/// Earlier decisions told with an explanation.
const HISTORY: u64 = 100;

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// Who decides.
    pub(crate) engine: Arc<Engine>,
    /// What carries work to replicas.
    pub(crate) feed: Arc<dyn Feed>,
    /// Cancelled when it is time to end.
    pub(crate) shutdown: CancellationToken,
}

/// Start, inclusive, and end, exclusive.
type Period = (DateTime<Utc>, DateTime<Utc>);

type Watch = Pin<Box<dyn Stream<Item = Result<wire::WatchCallsResponse, Status>> + Send>>;

impl Service {
    fn now(&self, asked: Option<&prost_types::Timestamp>) -> Result<DateTime<Utc>, Invalid> {
        Ok(time::optional("now", asked)?.unwrap_or_else(|| self.engine.clock.now()))
    }

    /// What a stream takes with it.
    fn shared(&self) -> (Arc<Engine>, CancellationToken) {
        (Arc::clone(&self.engine), self.shutdown.clone())
    }

    async fn decide(
        &self,
        request: wire::DecideCallsRequest,
    ) -> Result<wire::DecideCallsResponse, Error> {
        let company = named(&request.company)?;
        let now = self.now(request.now.as_ref())?;
        let period = period(request.from.as_ref(), request.to.as_ref())?;
        let (dry_run, untold) = (request.dry_run, request.omit_decisions);
        let how = How { now, cause: Cause::Asked, dry_run, untold };
        let engine = &self.engine;
        let outcome = match (request.meetings.is_empty(), request.call_ids.is_empty(), period) {
            (false, true, None) => {
                Invalid::limit("meetings", request.meetings.len(), MOST)?;
                engine.decide_ad_hoc(company, request.meetings, now).await?
            }
            (true, false, None) => {
                Invalid::limit("call_ids", request.call_ids.len(), MOST)?;
                engine.decide_ids(company, &request.call_ids, how).await?
            }
            (true, true, Some(period)) => engine.decide_period(company, period, how).await?,
            (true, true, None) => {
                return Err(Invalid::Missing("meetings, call_ids, or from and to").into());
            }
            _ => {
                let problem = "give either meetings, or call_ids, or from and to".to_owned();
                return Err(Invalid::Text { field: "meetings", problem }.into());
            }
        };
        Ok(wire::DecideCallsResponse {
            policy_version: outcome.policy_version,
            decided: u32::try_from(outcome.decided).unwrap_or(u32::MAX),
            changed: u32::try_from(outcome.changed).unwrap_or(u32::MAX),
            // Those of meetings as they are given are made before it is known who wants them.
            decisions: if untold { Vec::new() } else { outcome.decisions },
        })
    }

    async fn call(&self, company: &str, call_id: &str) -> Result<Call, Error> {
        let found = self.engine.calls.get(named(company)?, &[call_id.to_owned()]).await?;
        found.into_iter().next().ok_or_else(|| Error::UnknownCall {
            company: company.to_owned(),
            call_id: call_id.to_owned(),
        })
    }

    async fn decision(&self, company: &str, call_id: &str) -> Result<wire::Decision, Error> {
        let mut decision = self.call(company, call_id).await?.decision;
        if decision.plan.is_some() {
            let released = self.engine.calls.released_at(company, call_id).await?;
            decision.released_at = released.map(time::to_wire);
        }
        Ok(decision)
    }

    /// The decision that held at an instant.
    async fn decision_at(
        &self,
        company: &str,
        call_id: &str,
        at: DateTime<Utc>,
    ) -> Result<wire::Decision, Error> {
        let newest = self.decision(company, call_id).await?;
        let Some(mut held) = self.engine.calls.decision_at(company, call_id, at).await? else {
            let first = self.engine.calls.decision(company, call_id, 1).await?.unwrap_or(newest);
            let first = time::required("decision.decided_at", first.decided_at.as_ref())
                .map_err(|invalid| Error::Corrupt(Box::new(invalid)))?;
            return Err(Error::NoDecisionYet { call_id: call_id.to_owned(), at, first });
        };
        if held.revision == newest.revision {
            // It was released by then, or later.
            let released = time::optional("released_at", newest.released_at.as_ref())?;
            held.released_at = released.filter(|released| *released <= at).map(time::to_wire);
        }
        Ok(held)
    }

    async fn get(&self, request: wire::GetCallRequest) -> Result<wire::Decision, Error> {
        let wire::GetCallRequest { company, call_id, revision, at } = request;
        if let Some(at) = time::optional("at", at.as_ref())? {
            if revision != 0 {
                let problem = "give either `revision` or `at`".to_owned();
                return Err(Invalid::Text { field: "at", problem }.into());
            }
            return self.decision_at(&company, &call_id, at).await;
        }
        let newest = self.decision(&company, &call_id).await?;
        if revision == 0 || revision == newest.revision {
            return Ok(newest);
        }
        let found = self.engine.calls.decision(&company, &call_id, revision).await?;
        found.ok_or_else(|| Error::UnknownCall {
            company,
            call_id: format!("{call_id} at revision {revision}"),
        })
    }

    /// Notes what a member asked of a call, and decides it again.
    async fn ask(
        &self,
        company: &str,
        call_id: &str,
        action: Action,
        who: String,
    ) -> Result<wire::Decision, Error> {
        let now = self.engine.clock.now();
        let asked = Asked { call_id: call_id.to_owned(), action, who };
        self.engine.calls.ask(company, &asked, now).await?;
        let ids = [call_id.to_owned()];
        self.engine.decide_ids(company, &ids, How::now(now, Cause::Request)).await?;
        self.decision(company, call_id).await
    }

    async fn request(
        &self,
        request: wire::RequestRecordingRequest,
    ) -> Result<wire::RequestRecordingResponse, Error> {
        let call = self.call(&request.company, &request.call_id).await?;
        let before = self.decision(&request.company, &request.call_id).await?;
        let ready = self.engine.policies.newest(&request.company).await?;
        let member = ready.policy.find_member(&request.requested_by).map(|(_, member)| member);
        let is_late = call.ended && self.is_late(&before, &ready.policy)?;
        let too_late = is_late.then_some("the last moment to send a recorder has passed");
        let is_kept = self.engine.keeps_import(&request.company, &call).await?;
        let kept =
            is_kept.then_some("it has been recorded, and nothing more of it is to be fetched");
        if let Some(rejection) = rejection(member).or(kept).or(too_late) {
            return Ok(wire::RequestRecordingResponse {
                decision: Some(before),
                accepted: false,
                rejection: rejection.to_owned(),
            });
        }
        let who = member.map(|member| member.id.to_string()).unwrap_or_default();
        self.engine.asked_again(&request.company, &request.call_id).await?;
        let decision = self.ask(&request.company, &request.call_id, Action::Request, who).await?;
        Ok(wire::RequestRecordingResponse {
            decision: Some(decision),
            accepted: true,
            rejection: String::new(),
        })
    }

    /// Whether nobody can be sent to a call any more.
    fn is_late(&self, decision: &wire::Decision, policy: &Policy) -> Result<bool, Error> {
        let start = time::required("decision.start", decision.start.as_ref())?;
        let latest = start.checked_add_signed(policy.settings.recording.latest_join.0);
        Ok(latest.is_some_and(|latest| latest < self.engine.clock.now()))
    }

    async fn cancel(
        &self,
        request: wire::CancelRecordingRequest,
    ) -> Result<wire::CancelRecordingResponse, Error> {
        let wire::CancelRecordingRequest { company, call_id, canceled_by } = request;
        let call = self.call(&company, &call_id).await?;
        self.engine.act(&company, &call, &canceled_by, Act::Cancel).await?;
        let decision = self.decision(&company, &call_id).await?;
        Ok(wire::CancelRecordingResponse { decision: Some(decision) })
    }

    async fn stop(
        &self,
        request: wire::StopRecordingRequest,
    ) -> Result<wire::StopRecordingResponse, Error> {
        let wire::StopRecordingRequest { company, call_id, stopped_by } = request;
        let call = self.call(&company, &call_id).await?;
        self.engine.act(&company, &call, &stopped_by, Act::Stop).await?;
        let decision = self.decision(&company, &call_id).await?;
        let session = self.engine.session(&company, &call_id).await?;
        Ok(wire::StopRecordingResponse {
            decision: Some(decision),
            session: session.map(|(session, _)| session),
        })
    }

    async fn delete(
        &self,
        request: wire::DeleteRecordingRequest,
    ) -> Result<wire::DeleteRecordingResponse, Error> {
        let wire::DeleteRecordingRequest { company, call_id, deleted_by } = request;
        let call = self.call(&company, &call_id).await?;
        self.engine.act(&company, &call, &deleted_by, Act::Delete).await?;
        let decision = self.decision(&company, &call_id).await?;
        Ok(wire::DeleteRecordingResponse { decision: Some(decision) })
    }

    async fn list(
        &self,
        request: wire::ListCallsRequest,
    ) -> Result<wire::ListCallsResponse, Error> {
        let company = named(&request.company)?;
        let filter = Filter {
            from: time::optional("from", request.from.as_ref())?,
            to: time::optional("to", request.to.as_ref())?,
            codes: (request.code != 0).then(|| vec![request.code]),
            owner: None,
            provider: None,
            after: Page::from_token(&request.page_token)?,
        };
        let size = if request.page_size == 0 { 500 } else { request.page_size.min(5_000) };
        let (calls, next) = self.engine.calls.list(company, &filter, size.into()).await?;
        Ok(wire::ListCallsResponse {
            decisions: calls.into_iter().map(|call| call.decision).collect(),
            next_page_token: next.map(|page| page.token()).unwrap_or_default(),
        })
    }

    async fn explain(
        &self,
        request: wire::ExplainCallRequest,
    ) -> Result<wire::ExplainCallResponse, Error> {
        let decision = self.decision(&request.company, &request.call_id).await?;
        let mut sentences: Vec<String> =
            decision.explanation.lines().map(ToOwned::to_owned).collect();
        let session = self.engine.session(&request.company, &request.call_id).await?;
        sentences.extend(session.into_iter().flat_map(|(_, sentences)| sentences));
        let mut history =
            self.engine.calls.history(&request.company, &request.call_id, HISTORY + 1).await?;
        // Whatever was decided since then is told to the next who asks.
        history.retain(|earlier| earlier.revision <= decision.revision);
        let path = history::path(&history)?;
        history.retain(|earlier| earlier.revision < decision.revision);
        history.truncate(usize::try_from(HISTORY).unwrap_or(usize::MAX));
        Ok(wire::ExplainCallResponse { decision: Some(decision), sentences, history, path })
    }

    fn watch(&self, request: wire::WatchCallsRequest) -> Watch {
        let (sender, receiver) = tokio::sync::mpsc::channel(64);
        let (engine, shutdown) = self.shared();
        let mut news = engine.news.subscribe();
        tokio::spawn(async move {
            let company = Some(request.company.as_str()).filter(|company| !company.is_empty());
            let mut cursor = request.cursor;
            let mut until = None;
            if request.until_caught_up {
                // What has been written a moment ago is told too, to one who does not wait, and not what is written
                // while it is told.
                let newest = async {
                    engine.calls.catch_up().await?;
                    engine.calls.newest().await
                };
                match newest.await {
                    Ok(newest) => until = Some(newest),
                    Err(error) => {
                        let _ = sender.send(Err(error.into())).await;
                        return;
                    }
                }
            }
            loop {
                let decisions = match engine.calls.after(company, cursor, CHUNK).await {
                    Ok(decisions) => decisions,
                    Err(error) => {
                        // Whoever watches may have gone; then nobody needs to know.
                        let _ = sender.send(Err(error.into())).await;
                        return;
                    }
                };
                let mut caught_up = decisions.is_empty();
                for (position, decision) in decisions {
                    cursor = position;
                    let change = wire::WatchCallsResponse { cursor, decision: Some(decision) };
                    if sender.send(Ok(change)).await.is_err() {
                        return;
                    }
                }
                caught_up |= until.is_some_and(|until| until <= cursor);
                if caught_up {
                    if until.is_some() {
                        return;
                    }
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = sender.closed() => return,
                        _ = news.changed() => {}
                        () = tokio::time::sleep(PATIENCE) => {}
                    }
                }
            }
        });
        Box::pin(ReceiverStream::new(receiver))
    }
}

/// Why a person's request is rejected; none when it counts.
fn rejection(member: Option<&Member>) -> Option<&'static str> {
    match member {
        None => Some("not a team member of the company"),
        Some(member) if !member.active => Some("the team member is deactivated"),
        Some(member) if !member.seat => Some("the team member has no seat"),
        Some(member) if !member.can_request => {
            Some("the team member has no permission to request recordings")
        }
        Some(_) => None,
    }
}

fn named(company: &str) -> Result<&str, Invalid> {
    if company.is_empty() { Err(Invalid::Missing("company")) } else { Ok(company) }
}

fn period(
    from: Option<&prost_types::Timestamp>,
    to: Option<&prost_types::Timestamp>,
) -> Result<Option<Period>, Invalid> {
    match (time::optional("from", from)?, time::optional("to", to)?) {
        (None, None) => Ok(None),
        (Some(from), Some(to)) => Ok(Some((from, to))),
        (None, Some(_)) => Err(Invalid::Missing("from")),
        (Some(_), None) => Err(Invalid::Missing("to")),
    }
}

#[tonic::async_trait]
impl OrchestratorService for Service {
    async fn decide_calls(
        &self,
        request: Request<wire::DecideCallsRequest>,
    ) -> Result<Response<wire::DecideCallsResponse>, Status> {
        Ok(Response::new(self.decide(request.into_inner()).await?))
    }

    async fn get_call(
        &self,
        request: Request<wire::GetCallRequest>,
    ) -> Result<Response<wire::GetCallResponse>, Status> {
        let request = request.into_inner();
        let (company, call_id) = (request.company.clone(), request.call_id.clone());
        let is_newest = request.revision == 0 && request.at.is_none();
        let decision = self.get(request).await?;
        let session = if is_newest { self.engine.session(&company, &call_id).await? } else { None };
        Ok(Response::new(wire::GetCallResponse {
            decision: Some(decision),
            session: session.map(|(session, _)| session),
        }))
    }

    async fn list_calls(
        &self,
        request: Request<wire::ListCallsRequest>,
    ) -> Result<Response<wire::ListCallsResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    type WatchCallsStream = Watch;

    async fn watch_calls(
        &self,
        request: Request<wire::WatchCallsRequest>,
    ) -> Result<Response<Self::WatchCallsStream>, Status> {
        Ok(Response::new(self.watch(request.into_inner())))
    }

    async fn explain_call(
        &self,
        request: Request<wire::ExplainCallRequest>,
    ) -> Result<Response<wire::ExplainCallResponse>, Status> {
        Ok(Response::new(self.explain(request.into_inner()).await?))
    }

    async fn request_recording(
        &self,
        request: Request<wire::RequestRecordingRequest>,
    ) -> Result<Response<wire::RequestRecordingResponse>, Status> {
        Ok(Response::new(self.request(request.into_inner()).await?))
    }

    async fn cancel_recording(
        &self,
        request: Request<wire::CancelRecordingRequest>,
    ) -> Result<Response<wire::CancelRecordingResponse>, Status> {
        Ok(Response::new(self.cancel(request.into_inner()).await?))
    }

    async fn list_skip_codes(
        &self,
        _request: Request<wire::ListSkipCodesRequest>,
    ) -> Result<Response<wire::ListSkipCodesResponse>, Status> {
        Ok(Response::new(wire::ListSkipCodesResponse {
            catalogue_version: decision::skip_code::CATALOGUE_VERSION,
            codes: SkipCode::ALL.iter().copied().map(Into::into).collect(),
        }))
    }

    async fn stop_recording(
        &self,
        request: Request<wire::StopRecordingRequest>,
    ) -> Result<Response<wire::StopRecordingResponse>, Status> {
        Ok(Response::new(self.stop(request.into_inner()).await?))
    }

    async fn delete_recording(
        &self,
        request: Request<wire::DeleteRecordingRequest>,
    ) -> Result<Response<wire::DeleteRecordingResponse>, Status> {
        Ok(Response::new(self.delete(request.into_inner()).await?))
    }

    async fn register_dialer_call(
        &self,
        request: Request<wire::RegisterDialerCallRequest>,
    ) -> Result<Response<wire::RegisterDialerCallResponse>, Status> {
        let wire::RegisterDialerCallRequest { company, call } = request.into_inner();
        let call_id = self.engine.register_call(&company, call.unwrap_or_default()).await?;
        let decision = Some(self.decision(&company, &call_id).await?);
        Ok(Response::new(wire::RegisterDialerCallResponse { decision }))
    }

    async fn import_recording(
        &self,
        request: Request<wire::ImportRecordingRequest>,
    ) -> Result<Response<wire::ImportRecordingResponse>, Status> {
        let request = request.into_inner();
        let company = request.company.clone();
        let call_id = self.engine.register_upload(request).await?;
        let decision = Some(self.decision(&company, &call_id).await?);
        Ok(Response::new(wire::ImportRecordingResponse { decision }))
    }

    type SimulatePolicyStream = Told<wire::SimulatePolicyResponse>;

    async fn simulate_policy(
        &self,
        request: Request<wire::SimulatePolicyRequest>,
    ) -> Result<Response<Self::SimulatePolicyStream>, Status> {
        let (engine, shutdown) = self.shared();
        Ok(Response::new(simulate::simulate(engine, shutdown, request.into_inner()).await?))
    }

    type ReportCallStatusStream = Told<wire::ReportCallStatusResponse>;

    async fn report_call_status(
        &self,
        request: Request<wire::ReportCallStatusRequest>,
    ) -> Result<Response<Self::ReportCallStatusStream>, Status> {
        let (engine, shutdown) = self.shared();
        Ok(Response::new(report::report(engine, shutdown, request.into_inner()).await?))
    }

    async fn verify_history(
        &self,
        request: Request<wire::VerifyHistoryRequest>,
    ) -> Result<Response<wire::VerifyHistoryResponse>, Status> {
        Ok(Response::new(history::verify(&self.engine, request.into_inner()).await?))
    }

    type WatchRedecisionsStream = Told<wire::WatchRedecisionsResponse>;

    async fn watch_redecisions(
        &self,
        request: Request<wire::WatchRedecisionsRequest>,
    ) -> Result<Response<Self::WatchRedecisionsStream>, Status> {
        let (engine, shutdown) = self.shared();
        Ok(Response::new(redecisions::watch(engine, shutdown, request.into_inner()).await?))
    }

    async fn list_dead_letters(
        &self,
        request: Request<wire::ListDeadLettersRequest>,
    ) -> Result<Response<wire::ListDeadLettersResponse>, Status> {
        Ok(Response::new(letters::list(&*self.feed, request.into_inner()).await?))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<wire::ReplayDeadLettersRequest>,
    ) -> Result<Response<wire::ReplayDeadLettersResponse>, Status> {
        Ok(Response::new(letters::replay(&*self.feed, request.into_inner()).await?))
    }
}

//! A house with the orchestrator and its peers, and examples to put into it.

use std::sync::Arc;
use std::time::Duration;

use chassis::{House, Link, Running, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use decision::company::CompanyFile;
use proto::calendar::v1 as calendar;
use proto::orchestrator::v1 as wire;
use proto::orchestrator::v1::orchestrator_service_client::OrchestratorServiceClient;
use proto::provider::v1 as provider;
use proto::skip::v1::SkipCode;
use proto::time::to_wire;
use proto::verdict::v1 as verdict;
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::peers::{Adapters, Calendar, Consent, Eligibility, Elsewhere};
use crate::state::{Peers, found_world};

/// An orchestrator at work among its peers.
pub(crate) struct World {
    pub(crate) running: Running,
    pub(crate) peers: Arc<Peers>,
    pub(crate) clock: SimulatedClock,
    number: u64,
}

/// When it is.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

/// So many minutes from then.
pub(crate) fn minute(minute: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(minute)
}

/// A peer's deadline that is soon over.
pub(crate) const HASTY: &str = "gather.deadline = '200ms'";

/// Everything is followed, and often looked at. The clock stands still, so what waits is tried again each time.
pub(crate) const FOLLOWING: &str = "follow.enabled = true\nfollow.sweep = '50ms'\ntimers.poll = '50ms'\ntimers.retry = '0s'\n\
     sessions.poll = '50ms'";

impl World {
    /// Nothing is followed, and there is the company `acme`.
    pub(crate) async fn open() -> Self {
        Self::with("").await
    }

    /// The same, with other settings.
    pub(crate) async fn with(settings: &str) -> Self {
        let world = Self::empty(settings).await;
        world.apply(acme());
        world
    }

    /// There is no company.
    pub(crate) async fn empty(settings: &str) -> Self {
        let (number, peers) = found_world();
        let clock = SimulatedClock::at(now());
        Self { running: open(settings, number, &clock).await, peers, clock, number }
    }

    /// The orchestrator ends and begins again; its peers know what they knew.
    pub(crate) async fn restart(self, settings: &str) -> Self {
        let Self { running, peers, clock, number } = self;
        running.shutdown().await.unwrap();
        Self { running: open(settings, number, &clock).await, peers, clock, number }
    }

    /// Another orchestrator beside this one, among the same peers.
    pub(crate) async fn beside(&self, settings: &str) -> Self {
        let (peers, clock, number) = (Arc::clone(&self.peers), self.clock.clone(), self.number);
        Self { running: open(settings, number, &clock).await, peers, clock, number }
    }

    pub(crate) fn client(&self) -> OrchestratorServiceClient<Link> {
        let client = OrchestratorServiceClient::new(self.running.link("orchestrator").unwrap());
        chassis::sized!(self.running.context(), client)
    }

    pub(crate) fn apply(&self, file: CompanyFile) -> u64 {
        self.peers.change(|state| state.apply(file))
    }

    pub(crate) fn put(&self, meetings: impl IntoIterator<Item = calendar::Meeting>) {
        self.peers.change(|state| meetings.into_iter().for_each(|meeting| state.put(meeting)));
    }

    /// Changes a meeting of acme.
    pub(crate) fn alter(&self, id: &str, alter: impl FnOnce(&mut calendar::Meeting)) {
        self.peers.change(|state| {
            let mut meeting = state.meeting("acme", id);
            alter(&mut meeting);
            state.put(meeting);
        });
    }

    pub(crate) async fn ask(
        &self,
        request: wire::DecideCallsRequest,
    ) -> Result<wire::DecideCallsResponse, Status> {
        self.client().decide_calls(request).await.map(tonic::Response::into_inner)
    }

    /// Decides stored meetings of acme.
    pub(crate) async fn decide_all(&self, ids: &[&str]) -> wire::DecideCallsResponse {
        self.ask(stored("acme", ids)).await.unwrap()
    }

    /// Decides a stored meeting of acme.
    pub(crate) async fn decide(&self, id: &str) -> wire::Decision {
        let mut decisions = self.decide_all(&[id]).await.decisions;
        assert_eq!(decisions.len(), 1, "{id}");
        decisions.remove(0)
    }

    /// Decides meetings as they are given.
    pub(crate) async fn decide_ad_hoc(
        &self,
        meetings: Vec<calendar::Meeting>,
    ) -> Result<wire::DecideCallsResponse, Status> {
        self.ask(wire::DecideCallsRequest {
            company: "acme".into(),
            meetings,
            ..wire::DecideCallsRequest::default()
        })
        .await
    }

    pub(crate) async fn get_of(
        &self,
        company: &str,
        id: &str,
        revision: u64,
    ) -> Result<wire::Decision, Status> {
        let request = wire::GetCallRequest {
            company: company.into(),
            call_id: id.into(),
            revision,
            at: None,
        };
        Ok(self.client().get_call(request).await?.into_inner().decision.unwrap())
    }

    /// The decision that holds for a call of acme.
    pub(crate) async fn get(&self, id: &str) -> wire::Decision {
        self.get_of("acme", id, 0).await.unwrap()
    }

    pub(crate) async fn list(
        &self,
        request: wire::ListCallsRequest,
    ) -> Result<wire::ListCallsResponse, Status> {
        self.client().list_calls(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn request(&self, id: &str, who: &str) -> wire::RequestRecordingResponse {
        let request = wire::RequestRecordingRequest {
            company: "acme".into(),
            call_id: id.into(),
            requested_by: who.into(),
        };
        self.client().request_recording(request).await.unwrap().into_inner()
    }

    pub(crate) async fn cancel(&self, id: &str, who: &str) -> Result<wire::Decision, Status> {
        let request = wire::CancelRecordingRequest {
            company: "acme".into(),
            call_id: id.into(),
            canceled_by: who.into(),
        };
        let answer = self.client().cancel_recording(request).await?.into_inner();
        Ok(answer.decision.unwrap())
    }

    /// A call of acme with its session.
    pub(crate) async fn call(&self, id: &str) -> wire::GetCallResponse {
        let request = wire::GetCallRequest {
            company: "acme".into(),
            call_id: id.into(),
            ..wire::GetCallRequest::default()
        };
        self.client().get_call(request).await.unwrap().into_inner()
    }

    /// Waits until the session of a call of acme stands somewhere.
    pub(crate) async fn until_stage(&self, id: &str, stage: &str) -> wire::Session {
        let mut last = None;
        for _ in 0..200 {
            last = self.call(id).await.session;
            if let Some(session) = last.take_if(|session| session.stage == stage) {
                return session;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("`{id}` did not come to `{stage}`: {last:#?}");
    }

    /// The adapter tells something of the newest attempt of a call of acme.
    pub(crate) fn tell(&self, id: &str, signal: &str, at: DateTime<Utc>) {
        self.peers.change(|state| state.adapters.tell("acme", id, signal, at));
    }

    /// The orders that adapters were given for a call of acme.
    pub(crate) fn orders(&self, id: &str) -> Vec<provider::Order> {
        let of = |order: &&provider::Order| {
            order.attempt.as_ref().is_some_and(|attempt| attempt.call_id == id)
        };
        self.peers.state().adapters.orders.iter().filter(of).cloned().collect()
    }

    /// What else adapters were told to do for a call of acme.
    pub(crate) fn acts(&self, id: &str) -> Vec<provider::Act> {
        let state = self.peers.state();
        let of = |one: &&provider::Instruction| {
            one.attempt.as_ref().is_some_and(|attempt| attempt.call_id == id)
        };
        state.adapters.instructions.iter().filter(of).map(provider::Instruction::act).collect()
    }

    /// The attempts of a call of acme that adapters were told to take back: plan and run.
    pub(crate) fn withdrawn(&self, id: &str) -> Vec<(u64, u32)> {
        let state = self.peers.state();
        let of = |one: &&provider::Attempt| one.call_id == id;
        let withdrawn = state.adapters.withdrawn.iter().filter(of);
        withdrawn.map(|one| (one.plan_revision, one.run)).collect()
    }

    /// Every decision of a company made until now, with its position.
    pub(crate) async fn log(&self, company: &str, cursor: u64) -> Vec<(u64, wire::Decision)> {
        let request =
            wire::WatchCallsRequest { company: company.into(), cursor, until_caught_up: true };
        let mut stream = self.client().watch_calls(request).await.unwrap().into_inner();
        let mut decisions = Vec::new();
        while let Some(change) = stream.message().await.unwrap() {
            decisions.push((change.cursor, change.decision.unwrap()));
        }
        decisions
    }

    /// Waits until the decision that holds for a call of acme is as it should be.
    pub(crate) async fn until(
        &self,
        id: &str,
        wanted: impl Fn(&wire::Decision) -> bool,
    ) -> wire::Decision {
        let mut last = None;
        for _ in 0..200 {
            last = self.get_of("acme", id, 0).await.ok();
            if let Some(decision) = last.take_if(|decision| wanted(decision)) {
                return decision;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("`{id}` did not come to be as it should: {last:#?}");
    }

    /// Long enough that followers would have done what they do.
    pub(crate) async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
}

async fn open(settings: &str, number: u64, clock: &SimulatedClock) -> Running {
    let own = if settings.contains("store.url") { "" } else { "store.url = 'sqlite::memory:'\n" };
    let following =
        if settings.contains("follow.enabled") { "" } else { "follow.enabled = false\n" };
    // Whoever records is sent or set up when it is time, whatever the method.
    let arming =
        if settings.contains("sessions.arm_ahead") { "" } else { "sessions.arm_ahead = '2m'\n" };
    let world = format!("world = {number}");
    House::new()
        .clock(clock.clone())
        .host::<Calendar>(world.as_str())
        .host::<Eligibility>(world.as_str())
        .host::<Consent>(world.as_str())
        .host::<Adapters>(world.as_str())
        .host::<Elsewhere>(world.as_str())
        .host::<orchestrator::App>(format!("{own}{following}{arming}{settings}"))
        .open()
        .await
        .unwrap()
}

/// Asks for stored meetings.
pub(crate) fn stored(company: &str, ids: &[&str]) -> wire::DecideCallsRequest {
    wire::DecideCallsRequest {
        company: company.into(),
        call_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        ..wire::DecideCallsRequest::default()
    }
}

/// Records Zoom natively and Teams by a bot. Bob may not ask for recordings, Cy has no seat, Dee is
/// deactivated. The profile `eu` enforces consent, and nobody has it.
pub(crate) fn acme() -> CompanyFile {
    CompanyFile::from_canonical(
        r#"{
        "company": "acme", "domains": ["acme.example"],
        "settings": { "providers": { "zoom": { "enabled": true }, "teams": { "enabled": true } } },
        "consent": { "host": "consent.acme.example", "profiles": {
          "eu": { "enabled": true, "enforced": true, "links": { "zoom": "static" } } } },
        "members": [
          { "id": "ada", "emails": ["ada@acme.example"], "can_request": true,
            "zoom": { "email": "ada@acme.example", "licensed": true, "auto_recording": true,
                      "local_recording": true, "active": true } },
          { "id": "bob", "emails": ["bob@acme.example"] },
          { "id": "cy", "emails": ["cy@acme.example"], "seat": false, "can_request": true },
          { "id": "dee", "emails": ["dee@acme.example"], "active": false, "can_request": true },
          { "id": "eve", "emails": ["eve@acme.example"], "can_request": true }
        ] }"#,
    )
    .unwrap()
}

/// The same, changed.
pub(crate) fn acme_with(change: impl FnOnce(&mut CompanyFile)) -> CompanyFile {
    let mut file = acme();
    change(&mut file);
    file
}

/// Ada has the profile that enforces consent.
pub(crate) fn enforcing() -> CompanyFile {
    acme_with(|file| file.members[0].consent_profile = Some("eu".into()))
}

pub(crate) fn person(address: &str) -> calendar::Person {
    calendar::Person { address: Some(address.into()), ..calendar::Person::default() }
}

pub(crate) fn zoom(id: &str) -> calendar::Link {
    calendar::Link {
        field: calendar::Field::Location.into(),
        kind: calendar::LinkKind::Join.into(),
        provider: verdict::Provider::Zoom.into(),
        id: id.into(),
        service: "zoom".into(),
        ..calendar::Link::default()
    }
}

pub(crate) fn teams(id: &str) -> calendar::Link {
    calendar::Link {
        provider: verdict::Provider::Teams.into(),
        service: "teams".into(),
        ..zoom(id)
    }
}

/// A static consent link of acme; see the peer for tokens.
pub(crate) fn consent_link(token: &str) -> calendar::Link {
    calendar::Link {
        field: calendar::Field::Location.into(),
        kind: calendar::LinkKind::Consent.into(),
        consent: Some(calendar::ConsentShape {
            host: "consent.acme.example".into(),
            company: "acme".into(),
            r#type: calendar::ConsentLinkType::Static.into(),
            token: token.into(),
        }),
        ..calendar::Link::default()
    }
}

/// Ada's half an hour with a customer in a Zoom room of its own, so many minutes from now, known since
/// yesterday. It is recorded.
pub(crate) fn meeting(id: &str, start: i64) -> calendar::Meeting {
    calendar::Meeting {
        meeting_id: id.into(),
        company: "acme".into(),
        key: Some(verdict::CallKey {
            ical_uid: Some(format!("{id}@mail.example")),
            recurrence_id: None,
        }),
        title: Some("Renewal".into()),
        start: Some(to_wire(minute(start))),
        end: Some(to_wire(minute(start + 30))),
        organizer: Some(person("ada@acme.example")),
        attendees: vec![person("kim@customer.example")],
        links: vec![zoom(id)],
        received_at: Some(to_wire(minute(-1440))),
        revision: 1,
        ..calendar::Meeting::default()
    }
}

/// The same, changed.
pub(crate) fn meeting_with(
    id: &str,
    start: i64,
    change: impl FnOnce(&mut calendar::Meeting),
) -> calendar::Meeting {
    let mut meeting = meeting(id, start);
    change(&mut meeting);
    meeting
}

pub(crate) fn is_plan(decision: &wire::Decision) -> bool {
    assert_eq!(decision.plan.is_some(), decision.kind() == wire::DecisionKind::Plan);
    decision.plan.is_some()
}

pub(crate) fn is_pending(decision: &wire::Decision) -> bool {
    decision.kind() == wire::DecisionKind::Pending
}

/// The code of a skip; unspecified for anything else.
pub(crate) fn code(decision: &wire::Decision) -> SkipCode {
    assert_eq!(decision.primary.is_some(), decision.kind() == wire::DecisionKind::Skip);
    decision.primary.as_ref().map_or(SkipCode::Unspecified, |finding| finding.code())
}

pub(crate) fn also(decision: &wire::Decision) -> Vec<SkipCode> {
    decision.also.iter().map(|finding| finding.code()).collect()
}

/// Ids in the order of an answer.
pub(crate) fn ids(decisions: &[wire::Decision]) -> Vec<&str> {
    decisions.iter().map(|decision| decision.call_id.as_str()).collect()
}

/// Reason of a refusal.
pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

/// Fields that are wrong.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let found = status.get_details_bad_request().unwrap().field_violations;
    found.into_iter().map(|violation| violation.field).collect()
}

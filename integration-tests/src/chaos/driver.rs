//! The driver: carries operations out over the wire, and insists.
//!
//! A call whose outcome is unknown is made again with the same content until it succeeds: every one of them may be repeated.
//! Where nothing goes wrong that anybody should notice, it is made again once, and only if the answer was UNAVAILABLE.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chassis::Link;
use chrono::{DateTime, TimeDelta, Utc};
use decision::CompanyFile;
use proto::calendar::v1 as calendar;
use proto::calendar::v1::calendar_ingest_service_client::CalendarIngestServiceClient;
use proto::consent::v1 as consent;
use proto::consent::v1::consent_service_client::ConsentServiceClient;
use proto::eligibility::v1 as eligibility;
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use proto::orchestrator::v1 as wire;
use proto::orchestrator::v1::orchestrator_service_client::OrchestratorServiceClient;
use proto::{time, verdict};
use tonic::{Code, Status};

use super::fleet::{Fleet, replica};
use super::op::{CONSENT_HOST, Op, Planned, Sketch, payload, uid};
use super::oracle::Asked;
use super::random::Random;

/// The company everything is about.
pub const COMPANY: &str = "acme";

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(6);

/// The same where every failure counts: a slow machine is none.
pub const UNHURRIED: Duration = Duration::from_secs(20);

/// How long to wait before a call is made again the first time.
pub const PAUSE: Duration = Duration::from_millis(50);

/// How long an operation is insisted on. Faults are shorter, all of them.
const INSIST: Duration = Duration::from_secs(90);

/// Clients of every process, through the proxy. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Of calendar-ingest.
    pub calendar: CalendarIngestServiceClient<Link>,
    /// Of eligibility, for companies.
    pub companies: CompanyServiceClient<Link>,
    /// Of consent.
    pub consent: ConsentServiceClient<Link>,
    /// Of each replica of the orchestrator.
    pub orchestrators: Vec<OrchestratorServiceClient<Link>>,
}

impl Clients {
    /// Connects when first used.
    ///
    /// # Errors
    /// A service is missing.
    pub fn new(fleet: &Fleet, replicas: usize) -> anyhow::Result<Self> {
        Self::over("driver", ATTEMPT, fleet, (1..=replicas).map(replica))
    }

    /// The same, where every connection goes to whichever instance takes it.
    ///
    /// # Errors
    /// A service is missing.
    pub fn of_anybody(fleet: &Fleet, connections: usize) -> anyhow::Result<Self> {
        let names = (0..connections).map(|_| "orchestrator".to_owned());
        Self::over("anybody", UNHURRIED, fleet, names)
    }

    fn over(
        who: &str,
        attempt: Duration,
        fleet: &Fleet,
        orchestrators: impl Iterator<Item = String>,
    ) -> anyhow::Result<Self> {
        let link = |name: &str| {
            let address = fleet.proxy.address(&format!("{who}>{name}"))?;
            anyhow::Ok(Link::far(name, &format!("http://{address}"), attempt)?)
        };
        let orchestrators = orchestrators.map(|name| {
            Ok(OrchestratorServiceClient::new(link(&name)?).max_decoding_message_size(64 << 20))
        });
        Ok(Self {
            calendar: CalendarIngestServiceClient::new(link("calendar-ingest")?)
                .max_decoding_message_size(64 << 20),
            companies: CompanyServiceClient::new(link("eligibility")?),
            consent: ConsentServiceClient::new(link("consent")?),
            orchestrators: orchestrators.collect::<anyhow::Result<_>>()?,
        })
    }

    /// A replica, by a number that wraps around.
    ///
    /// # Panics
    /// There is no replica at all.
    #[must_use]
    pub fn orchestrator(&self, number: usize) -> OrchestratorServiceClient<Link> {
        self.orchestrators[number % self.orchestrators.len()].clone()
    }
}

/// How often a call is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patience {
    /// Until there is an answer.
    #[default]
    Insist,
    /// Once, where nobody was there: see [`is_unavailable`].
    Once,
}

/// Something asked of a call, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// What was asked, and by whom.
    pub asked: Asked,
    /// Attempts; each but the last may have been carried out, too, and its answer been lost.
    pub attempts: usize,
    /// When it was acknowledged; nothing where it was refused.
    pub acknowledged: Option<DateTime<Utc>>,
}

/// What the driver was told, and how often it had to ask again.
#[derive(Debug, Default)]
pub struct Ledger {
    /// How often a call is made again.
    pub patience: Patience,
    /// Operations carried out.
    pub done: AtomicU64,
    /// Attempts that failed and were made again.
    pub retries: AtomicU64,
    /// How often each status was met in failed attempts.
    pub statuses: Mutex<BTreeMap<String, u64>>,
    /// What was asked of each call, in order: all of one call comes from one lane.
    pub acts: Mutex<BTreeMap<String, Vec<Act>>>,
    /// Meetings about which somebody chose, by UID, and whether anybody refused.
    pub choices: Mutex<BTreeMap<String, bool>>,
    /// What must not be.
    pub wrong: Mutex<Vec<String>>,
}

impl Ledger {
    /// Notes something that must not be.
    pub fn complain(&self, what: String) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// Whether a call that failed may be made again, after so many repetitions. Counts it, if so.
    pub fn may_repeat(&self, status: &Status, repeated: usize) -> bool {
        let may = match self.patience {
            Patience::Insist => true,
            Patience::Once => repeated == 0 && is_unavailable(status),
        };
        if may {
            self.failed(status);
        }
        may
    }

    fn acted(&self, call: String, act: Act) {
        let mut acts = self.acts.lock().unwrap_or_else(PoisonError::into_inner);
        acts.entry(call).or_default().push(act);
    }

    fn failed(&self, status: &Status) {
        self.retries.fetch_add(1, Ordering::Relaxed);
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        *statuses.entry(format!("{:?}", status.code())).or_default() += 1;
    }
}

/// Whether nobody was there: UNAVAILABLE, or what a bare channel makes of a call that did not get as far as the server. A status
/// that came from a service has no error of the transport behind it.
#[must_use]
pub fn is_unavailable(status: &Status) -> bool {
    status.code() == Code::Unavailable
        || std::error::Error::source(status).is_some_and(chassis::never_begun)
}

/// Whether asking again can help. What says that the question is wrong is an answer.
#[must_use]
pub fn is_passing(status: &Status) -> bool {
    !matches!(
        status.code(),
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated
    )
}

/// Asks until there is an answer.
async fn insist<T, F>(
    ledger: &Ledger,
    what: &str,
    mut attempt: impl FnMut(usize) -> F,
) -> anyhow::Result<Result<T, Status>>
where
    F: Future<Output = Result<tonic::Response<T>, Status>>,
{
    let begin = Instant::now();
    let mut tries = 0;
    loop {
        match attempt(tries).await {
            Ok(answer) => return Ok(Ok(answer.into_inner())),
            Err(status) if !is_passing(&status) => return Ok(Err(status)),
            Err(status) if begin.elapsed() > INSIST => bail!("{what} never succeeded: {status}"),
            Err(status) if ledger.may_repeat(&status, tries) => {}
            Err(status) => bail!("{what} failed: {status}"),
        }
        tries += 1;
        let pause = 50 * u64::try_from(tries).unwrap_or(10).min(10);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Carries out the operations of one lane.
#[derive(Debug)]
pub struct Driver {
    clients: Clients,
    ledger: Arc<Ledger>,
    random: Random,
    beginning: DateTime<Utc>,
    /// Where the meetings of this lane are by now.
    known: HashMap<usize, Sketch>,
    ids: HashMap<usize, String>,
}

impl Driver {
    /// A driver; `beginning` is what instants of operations are relative to, `random` chooses replicas.
    #[must_use]
    pub fn new(
        clients: Clients,
        ledger: Arc<Ledger>,
        random: Random,
        beginning: DateTime<Utc>,
    ) -> Self {
        Self { clients, ledger, random, beginning, known: HashMap::new(), ids: HashMap::new() }
    }

    /// Carries an operation out.
    ///
    /// # Errors
    /// It never succeeded.
    pub async fn carry_out(&mut self, planned: Planned) -> anyhow::Result<()> {
        let number = planned.number;
        let told = format!("operation {number}");
        match planned.op {
            Op::Ingest(meetings) => self.ingest(number, meetings).await,
            Op::Rush(meeting) => self.rush(number, meeting).await,
            Op::Apply(company) => self.apply(&company).await,
            Op::Deactivate(member) => self.deactivate(member).await,
            Op::Choose { meeting, without_recording } => {
                self.choose(number, meeting, without_recording).await
            }
            Op::Request { meeting, by } => self.request(meeting, by).await,
            Op::Cancel { meeting, by } => self.cancel(meeting, by).await,
            Op::Decide(meetings) => self.decide(&meetings).await,
        }
        .with_context(|| told)?;
        self.ledger.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Applies a company file.
    ///
    /// # Errors
    /// It never succeeded, or was refused.
    pub async fn apply(&mut self, company: &CompanyFile) -> anyhow::Result<()> {
        let request = eligibility::ApplyCompanyRequest {
            document: serde_json::to_string(company)?,
            dry_run: false,
        };
        let companies = &self.clients.companies;
        insist(&self.ledger, "applying the company", |_| {
            let (mut client, request) = (companies.clone(), request.clone());
            async move { client.apply_company(request).await }
        })
        .await??;
        Ok(())
    }

    async fn deactivate(&mut self, member: &str) -> anyhow::Result<()> {
        let request = eligibility::DeactivateTeamMemberRequest {
            company: COMPANY.to_owned(),
            member_id: member.to_owned(),
        };
        let companies = &self.clients.companies;
        insist(&self.ledger, "deactivating a member", |_| {
            let (mut client, request) = (companies.clone(), request.clone());
            async move { client.deactivate_team_member(request).await }
        })
        .await??;
        Ok(())
    }

    async fn ingest(&mut self, number: u64, meetings: Vec<Sketch>) -> anyhow::Result<()> {
        let received = TimeDelta::seconds(i64::try_from(number)?) - TimeDelta::days(2);
        let request = calendar::IngestEventsRequest {
            company: COMPANY.to_owned(),
            source: "calendar".to_owned(),
            format: calendar::Format::Icalendar.into(),
            payload: payload(&meetings, self.beginning)?.into_bytes(),
            time_zone: "Europe/Berlin".to_owned(),
            received_at: Some(time::to_wire(self.beginning + received)),
            expand_from: Some(time::to_wire(self.beginning - TimeDelta::days(1))),
            expand_to: Some(time::to_wire(self.beginning + TimeDelta::days(60))),
            consent_host: CONSENT_HOST.to_owned(),
            recipient: String::new(),
        };
        let calendar = &self.clients.calendar;
        let answer = insist(&self.ledger, "telling of meetings", |_| {
            let (mut client, request) = (calendar.clone(), request.clone());
            async move { client.ingest_events(request).await }
        })
        .await??;
        for problem in answer.problems {
            self.ledger.complain(format!("operation {number}: {problem:?}"));
        }
        self.known.extend(meetings.into_iter().map(|meeting| (meeting.number, meeting)));
        Ok(())
    }

    async fn rush(&mut self, number: u64, meeting: Sketch) -> anyhow::Result<()> {
        // A series that moves is another call.
        let id = if meeting.weekly { None } else { self.id(meeting.number).await? };
        self.ask_aside(id.as_ref());
        self.ingest(number, vec![meeting]).await?;
        self.ask_aside(id.as_ref());
        Ok(())
    }

    /// Asks every replica once for a decision, and waits for none.
    fn ask_aside(&self, id: Option<&String>) {
        let Some(id) = id else { return };
        for client in &self.clients.orchestrators {
            let mut client = client.clone();
            let request = wire::DecideCallsRequest {
                company: COMPANY.to_owned(),
                call_ids: vec![id.clone()],
                ..wire::DecideCallsRequest::default()
            };
            let ledger = Arc::clone(&self.ledger);
            tokio::spawn(async move {
                let answer = client.decide_calls(request.clone()).await;
                let Err(status) = answer else { return };
                // Among faults nobody cares.
                if ledger.patience == Patience::Insist || !is_passing(&status) {
                    return;
                }
                if !ledger.may_repeat(&status, 0) {
                    return ledger.complain(format!("a decision aside failed: {status}"));
                }
                tokio::time::sleep(PAUSE).await;
                if let Err(status) = client.decide_calls(request).await {
                    ledger.complain(format!("a decision aside failed again: {status}"));
                }
            });
        }
    }

    async fn choose(&mut self, number: u64, meeting: usize, without: bool) -> anyhow::Result<()> {
        if self.known.get(&meeting).is_none_or(|known| known.weekly) {
            return Ok(());
        }
        let choice =
            if without { consent::Choice::JoinWithoutRecording } else { consent::Choice::Join };
        let request = consent::RecordChoiceRequest {
            company: COMPANY.to_owned(),
            key: Some(verdict::v1::CallKey { ical_uid: Some(uid(meeting)), recurrence_id: None }),
            choice: choice.into(),
            request_id: format!("operation {number}"),
        };
        let consent = &self.clients.consent;
        insist(&self.ledger, "recording a choice", |_| {
            let (mut client, request) = (consent.clone(), request.clone());
            async move { client.record_choice(request).await }
        })
        .await??;
        let mut choices = self.ledger.choices.lock().unwrap_or_else(PoisonError::into_inner);
        *choices.entry(uid(meeting)).or_default() |= without;
        Ok(())
    }

    async fn request(&mut self, meeting: usize, by: &str) -> anyhow::Result<()> {
        let Some(call_id) = self.decided(meeting).await? else { return Ok(()) };
        let request = wire::RequestRecordingRequest {
            company: COMPANY.to_owned(),
            call_id: call_id.clone(),
            requested_by: by.to_owned(),
        };
        let first = self.random.below(self.clients.orchestrators.len());
        let clients = &self.clients;
        let mut attempts = 0;
        let answer = insist(&self.ledger, "asking for a recording", |tries| {
            attempts = tries + 1;
            let (mut client, request) = (clients.orchestrator(first + tries), request.clone());
            async move { client.request_recording(request).await }
        })
        .await??;
        let asked = Asked { cancels: false, who: by.to_owned() };
        let acknowledged = answer.accepted.then(Utc::now);
        self.ledger.acted(call_id, Act { asked, attempts, acknowledged });
        Ok(())
    }

    async fn cancel(&mut self, meeting: usize, by: &str) -> anyhow::Result<()> {
        let Some(call_id) = self.decided(meeting).await? else { return Ok(()) };
        let request = wire::CancelRecordingRequest {
            company: COMPANY.to_owned(),
            call_id: call_id.clone(),
            canceled_by: by.to_owned(),
        };
        let first = self.random.below(self.clients.orchestrators.len());
        let clients = &self.clients;
        let mut attempts = 0;
        let answer = insist(&self.ledger, "taking a recording back", |tries| {
            attempts = tries + 1;
            let (mut client, request) = (clients.orchestrator(first + tries), request.clone());
            async move { client.cancel_recording(request).await }
        })
        .await?;
        let acknowledged = match answer {
            Ok(_) => Some(Utc::now()),
            // Not everybody may.
            Err(status) if status.code() == Code::PermissionDenied => None,
            Err(status) => return Err(status.into()),
        };
        let asked = Asked { cancels: true, who: by.to_owned() };
        self.ledger.acted(call_id, Act { asked, attempts, acknowledged });
        Ok(())
    }

    async fn decide(&mut self, meetings: &[usize]) -> anyhow::Result<()> {
        let mut call_ids = Vec::new();
        for meeting in meetings {
            call_ids.extend(self.id(*meeting).await?);
        }
        self.decide_ids(call_ids).await
    }

    async fn decide_ids(&mut self, call_ids: Vec<String>) -> anyhow::Result<()> {
        if call_ids.is_empty() {
            return Ok(());
        }
        let asked = call_ids.len();
        let request = wire::DecideCallsRequest {
            company: COMPANY.to_owned(),
            call_ids,
            ..wire::DecideCallsRequest::default()
        };
        let first = self.random.below(self.clients.orchestrators.len());
        let clients = &self.clients;
        let answer = insist(&self.ledger, "asking for decisions", |tries| {
            let (mut client, request) = (clients.orchestrator(first + tries), request.clone());
            async move { client.decide_calls(request).await }
        })
        .await??;
        if answer.decisions.len() != asked {
            let count = answer.decisions.len();
            self.ledger.complain(format!("{asked} decisions were asked for and {count} came"));
        }
        for decision in &answer.decisions {
            if decision.revision == 0 || decision.kind() == wire::DecisionKind::Unspecified {
                self.ledger.complain(format!("a decision that is none: {decision:?}"));
            }
        }
        Ok(())
    }

    /// The id of a meeting that has been decided at least once.
    async fn decided(&mut self, meeting: usize) -> anyhow::Result<Option<String>> {
        let Some(id) = self.id(meeting).await? else { return Ok(None) };
        self.decide_ids(vec![id.clone()]).await?;
        Ok(Some(id))
    }

    /// The id of a meeting; of a series, that of its first occurrence.
    async fn id(&mut self, meeting: usize) -> anyhow::Result<Option<String>> {
        let Some(known) = self.known.get(&meeting) else { return Ok(None) };
        if let Some(id) = self.ids.get(&meeting) {
            return Ok(Some(id.clone()));
        }
        let (start, _) = known.period(self.beginning);
        let request = calendar::ListMeetingsRequest {
            company: COMPANY.to_owned(),
            from: Some(time::to_wire(start)),
            to: Some(time::to_wire(start + TimeDelta::seconds(1))),
            page_size: 5_000,
            ..calendar::ListMeetingsRequest::default()
        };
        let calendar = &self.clients.calendar;
        let answer = insist(&self.ledger, "looking for a meeting", |_| {
            let (mut client, request) = (calendar.clone(), request.clone());
            async move { client.list_meetings(request).await }
        })
        .await??;
        let wanted = Some(known.uid());
        let found = answer
            .meetings
            .into_iter()
            .find(|found| found.key.as_ref().is_some_and(|key| key.ical_uid == wanted));
        let Some(found) = found else {
            let told = format!("{} was told, and is not at {start}", known.uid());
            self.ledger.complain(told);
            return Ok(None);
        };
        if !known.weekly {
            self.ids.insert(meeting, found.meeting_id.clone());
        }
        Ok(Some(found.meeting_id))
    }
}

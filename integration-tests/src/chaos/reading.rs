//! Load on every service beside the driver's: people and programs that ask all the time, over plain gRPC channels that repeat
//! nothing by themselves, and that make a call again once if the answer was UNAVAILABLE.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use proto::calendar::v1 as calendar;
use proto::calendar::v1::calendar_ingest_service_client::CalendarIngestServiceClient;
use proto::consent::v1 as consent;
use proto::consent::v1::consent_service_client::ConsentServiceClient;
use proto::eligibility::v1 as eligibility;
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use proto::eligibility::v1::eligibility_service_client::EligibilityServiceClient;
use proto::orchestrator::v1 as wire;
use proto::orchestrator::v1::orchestrator_service_client::OrchestratorServiceClient;
use proto::provider::v1 as provider;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::time;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::driver::{COMPANY, Ledger, PAUSE, UNHURRIED, is_passing};
use super::fleet::Fleet;

/// Between one question of a reader and its next.
const BREATH: Duration = Duration::from_millis(25);

/// Calls decided with one question.
const TOGETHER: usize = 5;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// The orchestrator for decisions.
    DecideCalls,
    /// The orchestrator for one decision.
    GetCall,
    /// The orchestrator for a page of decisions.
    ListCalls,
    /// The orchestrator for the path of a decision.
    ExplainCall,
    /// Eligibility for verdicts.
    JudgeMeetings,
    /// Eligibility for the company file.
    GetCompany,
    /// Consent for where links lead.
    ResolveConsentLinks,
    /// The adapters for what they can do.
    DescribeAdapter,
    /// Calendar-ingest for meetings.
    ListMeetings,
    /// Calendar-ingest for links.
    ParseLinks,
}

/// A call that is asked about, and by which version of the policy it was decided.
#[derive(Debug, Clone, Default)]
struct Subject {
    call_id: String,
    policy_version: u64,
}

impl Question {
    /// All of them; to every service there is one at least.
    pub const ALL: [Self; 10] = [
        Self::DecideCalls,
        Self::GetCall,
        Self::ListCalls,
        Self::ExplainCall,
        Self::JudgeMeetings,
        Self::GetCompany,
        Self::ResolveConsentLinks,
        Self::DescribeAdapter,
        Self::ListMeetings,
        Self::ParseLinks,
    ];

    const fn service(self) -> &'static str {
        match self {
            Self::DecideCalls | Self::GetCall | Self::ListCalls | Self::ExplainCall => {
                "orchestrator"
            }
            Self::JudgeMeetings | Self::GetCompany => "eligibility",
            Self::ResolveConsentLinks => "consent",
            Self::DescribeAdapter => "provider-adapters",
            Self::ListMeetings | Self::ParseLinks => "calendar-ingest",
        }
    }

    /// Asks it once.
    async fn ask(self, channel: Channel, about: &[Subject]) -> Result<(), Status> {
        let company = COMPANY.to_owned();
        let now = Some(time::to_wire(Utc::now()));
        let orchestrator = || OrchestratorServiceClient::new(channel.clone());
        let first = about.first().cloned().unwrap_or_default();
        let (call_id, policy_version) = (first.call_id, first.policy_version);
        match self {
            Self::DecideCalls => {
                let call_ids = about.iter().map(|one| one.call_id.clone()).collect();
                let request = wire::DecideCallsRequest { company, call_ids, ..Default::default() };
                orchestrator().decide_calls(bounded(request)).await.map(drop)
            }
            Self::GetCall => {
                let request = wire::GetCallRequest { company, call_id, ..Default::default() };
                orchestrator().get_call(bounded(request)).await.map(drop)
            }
            Self::ListCalls => {
                let request =
                    wire::ListCallsRequest { company, page_size: 20, ..Default::default() };
                orchestrator().list_calls(bounded(request)).await.map(drop)
            }
            Self::ExplainCall => {
                let request = wire::ExplainCallRequest { company, call_id };
                orchestrator().explain_call(bounded(request)).await.map(drop)
            }
            Self::JudgeMeetings => {
                let start = Some(time::to_wire(Utc::now() + TimeDelta::days(1)));
                let meeting = eligibility::MeetingQuestion {
                    has_ical_uid: true,
                    start,
                    ..Default::default()
                };
                let request = eligibility::JudgeMeetingsRequest {
                    company,
                    now,
                    meetings: vec![meeting],
                    ..Default::default()
                };
                let mut client = EligibilityServiceClient::new(channel);
                client.judge_meetings(bounded(request)).await.map(drop)
            }
            Self::GetCompany => {
                let request = eligibility::GetCompanyRequest { company, policy_version: 0 };
                let mut client = CompanyServiceClient::new(channel);
                client.get_company(bounded(request)).await.map(drop)
            }
            Self::ResolveConsentLinks => {
                let request = consent::ResolveConsentLinksRequest {
                    company,
                    policy_version,
                    now,
                    ..Default::default()
                };
                let mut client = ConsentServiceClient::new(channel);
                client.resolve_consent_links(bounded(request)).await.map(drop)
            }
            Self::DescribeAdapter => {
                let request = provider::DescribeAdapterRequest { company, ..Default::default() };
                let mut client = ProviderAdapterServiceClient::new(channel);
                client.describe_adapter(bounded(request)).await.map(drop)
            }
            Self::ListMeetings => {
                let request = calendar::ListMeetingsRequest {
                    company,
                    from: now,
                    to: Some(time::to_wire(Utc::now() + TimeDelta::days(60))),
                    page_size: 20,
                    ..Default::default()
                };
                let mut client = CalendarIngestServiceClient::new(channel);
                client.list_meetings(bounded(request)).await.map(drop)
            }
            Self::ParseLinks => {
                let request = calendar::ParseLinksRequest {
                    text: "Join: https://zoom.us/j/91234567890".to_owned(),
                    ..Default::default()
                };
                let mut client = CalendarIngestServiceClient::new(channel);
                client.parse_links(bounded(request)).await.map(drop)
            }
        }
    }
}

fn bounded<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(UNHURRIED);
    request
}

/// What came of one question.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answered {
    /// How often there was an answer.
    pub answered: u64,
    /// How often it was asked a second time.
    pub repeated: u64,
    /// How long all of it took.
    pub took: Duration,
    /// How long it took at most.
    pub slowest: Duration,
}

/// What came of each question.
pub type Answers = BTreeMap<Question, Answered>;

/// Everybody who asks.
#[derive(Debug)]
pub struct Readers {
    is_over: Arc<AtomicBool>,
    asking: JoinSet<(Question, Answered)>,
}

impl Readers {
    /// Lets everybody begin. What fails goes into the ledger.
    ///
    /// # Errors
    /// A service is missing.
    pub fn start(fleet: &Fleet, ledger: &Arc<Ledger>) -> anyhow::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut asking = JoinSet::new();
        for question in Question::ALL {
            let channel = |service: &str| {
                let address = fleet.proxy.address(&format!("anybody>{service}"))?;
                let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
                anyhow::Ok(endpoint.tcp_nodelay(true).connect_lazy())
            };
            let reader = Reader {
                question,
                channel: channel(question.service())?,
                calls: OrchestratorServiceClient::new(channel("orchestrator")?),
                ledger: Arc::clone(ledger),
                told: Answered::default(),
            };
            asking.spawn(reader.run(Arc::clone(&is_over)));
        }
        Ok(Self { is_over, asking })
    }

    /// Lets everybody end.
    ///
    /// # Errors
    /// One of them panicked.
    pub async fn end(mut self) -> anyhow::Result<Answers> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut answers = Answers::new();
        while let Some(ended) = self.asking.join_next().await {
            let (question, answered) = ended?;
            answers.insert(question, answered);
        }
        Ok(answers)
    }
}

/// Somebody who asks one question all the time.
struct Reader {
    question: Question,
    channel: Channel,
    calls: OrchestratorServiceClient<Channel>,
    ledger: Arc<Ledger>,
    told: Answered,
}

impl Reader {
    async fn run(mut self, is_over: Arc<AtomicBool>) -> (Question, Answered) {
        let mut subjects: Vec<Subject> = Vec::new();
        let mut turn = 0;
        while !is_over.load(Ordering::Relaxed) {
            if turn >= subjects.len() {
                (subjects, turn) = (self.subjects().await, 0);
            }
            let some: Vec<Subject> = subjects.iter().skip(turn).take(TOGETHER).cloned().collect();
            turn += TOGETHER;
            if !some.is_empty() {
                let (question, channel) = (self.question, self.channel.clone());
                let begin = Instant::now();
                let answer = self.once_more(|| question.ask(channel.clone(), &some)).await;
                self.told.answered += u64::from(answer.is_some());
                self.told.took += begin.elapsed();
                self.told.slowest = self.told.slowest.max(begin.elapsed());
            }
            tokio::time::sleep(BREATH).await;
        }
        (self.question, self.told)
    }

    /// Calls to ask about.
    async fn subjects(&mut self) -> Vec<Subject> {
        let calls = self.calls.clone();
        let listed = self.once_more(|| {
            let mut calls = calls.clone();
            let company = COMPANY.to_owned();
            let request = wire::ListCallsRequest { company, page_size: 100, ..Default::default() };
            async move { calls.list_calls(bounded(request)).await }
        });
        let listed = listed.await.map(|listed| listed.into_inner().decisions).unwrap_or_default();
        let subjects = listed.into_iter().map(|decision| Subject {
            call_id: decision.call_id,
            policy_version: decision.policy_version,
        });
        subjects.collect()
    }

    /// Asks, and asks once more if the answer was UNAVAILABLE.
    async fn once_more<T, F>(&mut self, ask: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let mut status = match ask().await {
            Ok(answer) => return Some(answer),
            Err(status) => status,
        };
        if is_passing(&status) && self.ledger.may_repeat(&status, 0) {
            self.told.repeated += 1;
            tokio::time::sleep(PAUSE).await;
            match ask().await {
                Ok(answer) => return Some(answer),
                Err(again) => status = again,
            }
        }
        self.ledger.complain(format!("{:?} failed: {status:?}", self.question));
        None
    }
}

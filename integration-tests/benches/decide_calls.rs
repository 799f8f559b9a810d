//! `DecideCalls` over five processes, nothing stored, beside a bare tonic fan-out: one process that makes the same number
//! of parallel calls, of the same messages, to processes that answer the same without thinking.
//!
//! Both run in turn, so that what else the machine does falls on both. `CALLSHEET_BENCH_SECONDS` sets how long each turn
//! takes (2 when unset), `CALLSHEET_BENCH_BIN` the folder of the release binaries (`target/release` when unset).
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and may fail loudly"
)]

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prost::Message as _;
use proto::calendar::v1 as calendar;
use proto::consent::v1 as consent;
use proto::eligibility::v1 as eligibility;
use proto::orchestrator::v1 as orchestrator;
use proto::provider::v1 as provider;
use proto::verdict::v1 as verdict;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

const TURNS: usize = 5;
const LARGEST: usize = 64 * 1024 * 1024;

fn main() {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("bare-leaf") => bare_leaf(&arguments.next().unwrap()),
        Some("bare-front") => bare_front(&arguments.collect::<Vec<_>>()),
        _ => runtime().block_on(run()),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A process that ends with the benchmark.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already; nobody is left to tell.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(program: &PathBuf, arguments: &[String], environment: &[(String, String)]) -> Process {
    let child = Command::new(program)
        .args(arguments)
        .envs(environment.iter().cloned())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
    Process(child)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn channel(port: u16) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))
        .unwrap()
        .tcp_nodelay(true)
        .initial_stream_window_size(4 * 1024 * 1024)
        .initial_connection_window_size(16 * 1024 * 1024);
    for _ in 0..500 {
        if let Ok(channel) = endpoint.connect().await {
            return channel;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nobody listens on port {port}");
}

const COMPANY: &str = r#"
company: bench
domains: [bench.example]
settings:
  providers: { zoom: { enabled: true, method: native }, teams: { enabled: true } }
  exclusions: { keywords: [secret, layoff], domains: [blocked.example] }
consent:
  profiles: { eu: { enabled: true, enforced: true, links: { zoom: static } } }
members:
  - { id: m0, emails: [m0@bench.example], zoom: { email: m0@bench.example, licensed: true, auto_recording: true, local_recording: true, active: true } }
  - { id: m1, emails: [m1@bench.example], consent_profile: eu }
  - { id: m2, emails: [m2@bench.example] }
"#;

/// A meeting of about two kilobytes: ten people, two links.
fn meeting(number: usize) -> calendar::Meeting {
    let person = |address: String| calendar::Person {
        address: Some(address),
        kind: calendar::PersonKind::Individual.into(),
        participation: calendar::Participation::Accepted.into(),
    };
    let start = 1_900_000_000 + i64::try_from(number).unwrap() * 3_600;
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let link = |id: String| calendar::Link {
        field: calendar::Field::Description.into(),
        kind: calendar::LinkKind::Join.into(),
        provider: verdict::Provider::Zoom.into(),
        url: format!("https://bench.zoom.us/j/{id}?pwd={}", "a1B2c3D4".repeat(8)),
        id,
        service: "zoom".into(),
        ..calendar::Link::default()
    };
    calendar::Meeting {
        meeting_id: format!("{number:032x}"),
        company: "bench".into(),
        key: Some(verdict::CallKey {
            ical_uid: Some(format!("{number:040}@calendar.bench.example")),
            recurrence_id: None,
        }),
        title: Some(format!(
            "Quarterly review number {number} with the platform team of the customer"
        )),
        start: at(start),
        end: at(start + 1_800),
        zone: "Europe/Berlin".into(),
        organizer: Some(person(format!("m{}@bench.example", number % 3))),
        attendees: (0..9)
            .map(|i| person(format!("person.number{i}@mail.customer{number}.example")))
            .collect(),
        links: vec![link(format!("9{number:010}"))],
        received_at: at(start - 86_400),
        revision: 1,
        ..calendar::Meeting::default()
    }
}

/// Meetings of three owners in turn, of whom one has a profile that enforces consent; a single one is hers.
fn meetings(size: usize) -> Vec<calendar::Meeting> {
    let first = usize::from(size == 1);
    (first..first + size).map(meeting).collect()
}

fn question(size: usize) -> orchestrator::DecideCallsRequest {
    orchestrator::DecideCallsRequest {
        company: "bench".into(),
        meetings: meetings(size),
        now: Some(prost_types::Timestamp { seconds: 1_899_900_000, nanos: 0 }),
        ..orchestrator::DecideCallsRequest::default()
    }
}

/// The system under test: five processes.
struct System {
    _processes: Vec<Process>,
    front: Channel,
}

async fn system(folder: &std::path::Path) -> System {
    let bin = std::env::var_os("CALLSHEET_BENCH_BIN").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release")),
        PathBuf::from,
    );
    let names = ["calendar-ingest", "eligibility", "consent", "provider-adapters", "orchestrator"];
    let ports: Vec<u16> = names.iter().map(|_| free_port()).collect();
    let mut processes = Vec::new();
    for (name, port) in names.iter().zip(&ports) {
        let prefix = format!("CALLSHEET_{}", name.replace('-', "_").to_uppercase());
        let mut environment = vec![
            (
                format!("{prefix}__STORE__URL"),
                format!("sqlite://{}/{name}.db?mode=rwc", folder.display()),
            ),
            (format!("{prefix}__TELEMETRY__FILTER"), "error".to_owned()),
        ];
        if *name == "orchestrator" {
            environment.push((format!("{prefix}__FOLLOW__ENABLED"), "false".to_owned()));
            for (peer, port) in names.iter().zip(&ports).take(4) {
                let peer = peer.replace('-', "_").to_uppercase();
                environment
                    .push((format!("{prefix}__PEERS__{peer}"), format!("http://127.0.0.1:{port}")));
            }
        }
        if *name == "consent" {
            environment.push((
                format!("{prefix}__KEY_FILE"),
                folder.join("key.pem").display().to_string(),
            ));
        }
        let arguments = ["--listen".to_owned(), format!("127.0.0.1:{port}")];
        processes.push(spawn(&bin.join(name), &arguments, &environment));
    }
    let companies = channel(ports[1]).await;
    eligibility::company_service_client::CompanyServiceClient::new(companies)
        .apply_company(eligibility::ApplyCompanyRequest {
            document: COMPANY.into(),
            dry_run: false,
        })
        .await
        .unwrap();
    for port in &ports {
        channel(*port).await;
    }
    System { _processes: processes, front: channel(ports[4]).await }
}

/// Canned messages for a size of batch: what goes to each leaf and what comes back, taken from the real types.
struct Canned {
    questions: [Vec<u8>; 3],
    answer: Vec<u8>,
}

fn canned(size: usize, answer: &orchestrator::DecideCallsResponse) -> Canned {
    let meetings = meetings(size);
    let judge = eligibility::JudgeMeetingsRequest {
        draft: String::new(),
        company: "bench".into(),
        policy_version: 0,
        now: meetings[0].start,
        meetings: meetings
            .iter()
            .map(|meeting| eligibility::MeetingQuestion {
                has_ical_uid: true,
                title: meeting.title.clone(),
                start: meeting.start,
                end: meeting.end,
                sensitivity: calendar::Sensitivity::Public.into(),
                organizer: meeting.organizer.clone(),
                attendees: meeting.attendees.clone(),
                received_at: meeting.received_at,
                conference_provider: verdict::Provider::Zoom.into(),
                has_join_link: true,
                ..eligibility::MeetingQuestion::default()
            })
            .collect(),
    };
    let consents = consent::JudgeConsentsRequest {
        draft: None,
        company: "bench".into(),
        policy_version: 1,
        now: meetings[0].start,
        calls: meetings
            .iter()
            .filter(|meeting| {
                meeting.organizer.as_ref().and_then(|o| o.address.as_deref())
                    == Some("m1@bench.example")
            })
            .map(|meeting| consent::ConsentQuestion {
                key: meeting.key.clone(),
                profile: "eu".into(),
                links: meeting.links.clone(),
            })
            .collect(),
    };
    let assess = provider::AssessCallsRequest {
        draft: None,
        company: "bench".into(),
        policy_version: 1,
        now: meetings[0].start,
        calls: meetings
            .iter()
            .flat_map(|meeting| {
                let conference = Some(verdict::Conference {
                    provider: verdict::Provider::Zoom.into(),
                    id: meeting.links[0].id.clone(),
                });
                [provider::Adapter::ZoomNative, provider::Adapter::ZoomLocal].map(|adapter| {
                    provider::CallQuestion {
                        adapter: adapter.into(),
                        method: provider::Method::Native.into(),
                        conference: conference.clone(),
                        organizer: "m0".into(),
                    }
                })
            })
            .collect(),
    };
    Canned {
        questions: [judge.encode_to_vec(), consents.encode_to_vec(), assess.encode_to_vec()],
        answer: answer.encode_to_vec(),
    }
}

/// An answer of a leaf, as large as the real one.
fn leaf_answer(kind: &str, size: usize) -> Vec<u8> {
    let verdict =
        verdict::Verdict { outcome: verdict::Outcome::Allow.into(), ..verdict::Verdict::default() };
    match kind {
        "judge" => eligibility::JudgeMeetingsResponse {
            policy_version: 1,
            verdicts: vec![
                eligibility::MeetingVerdict {
                    verdict: Some(verdict),
                    owner: "m0".into(),
                    requester: String::new(),
                };
                size
            ],
        }
        .encode_to_vec(),
        "consent" => {
            consent::JudgeConsentsResponse { policy_version: 1, verdicts: vec![verdict; size] }
                .encode_to_vec()
        }
        _ => provider::AssessCallsResponse {
            policy_version: 1,
            assessments: vec![
                provider::Assessment {
                    possibility: provider::Possibility::Possible.into(),
                    verdict: Some(verdict),
                    reason: String::new(),
                };
                size
            ],
        }
        .encode_to_vec(),
    }
}

/// A trivial server of one leaf: decodes the question, answers as many verdicts as it holds.
fn bare_leaf(port: &str) {
    use bare::Leaf;
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    runtime().block_on(async {
        Server::builder()
            .tcp_nodelay(true)
            .initial_stream_window_size(4 * 1024 * 1024)
            .initial_connection_window_size(16 * 1024 * 1024)
            .add_service(
                eligibility::eligibility_service_server::EligibilityServiceServer::new(Leaf)
                    .max_decoding_message_size(LARGEST),
            )
            .add_service(
                consent::consent_service_server::ConsentServiceServer::new(Leaf)
                    .max_decoding_message_size(LARGEST),
            )
            .add_service(
                provider::provider_adapter_service_server::ProviderAdapterServiceServer::new(Leaf)
                    .max_decoding_message_size(LARGEST),
            )
            .serve(address)
            .await
            .unwrap();
    });
}

/// The bare front: for each call three parallel calls with canned messages, then a canned answer.
fn bare_front(arguments: &[String]) {
    let folder = PathBuf::from(&arguments[1]);
    let address = format!("127.0.0.1:{}", arguments[0]).parse().unwrap();
    let leaves: Vec<u16> = arguments[2..].iter().map(|port| port.parse().unwrap()).collect();
    runtime().block_on(async {
        let mut channels = Vec::new();
        for port in leaves {
            channels.push(channel(port).await);
        }
        let front = bare::Front { channels, canned: bare::read(&folder) };
        Server::builder()
            .tcp_nodelay(true)
            .initial_stream_window_size(4 * 1024 * 1024)
            .initial_connection_window_size(16 * 1024 * 1024)
            .add_service(
                orchestrator::orchestrator_service_server::OrchestratorServiceServer::new(front)
                    .max_decoding_message_size(LARGEST),
            )
            .serve(address)
            .await
            .unwrap();
    });
}

/// Calls per second with so many in flight, for so long.
async fn rate(
    front: &Channel,
    size: usize,
    in_flight: usize,
    time: Duration,
) -> (f64, Vec<Duration>) {
    let done = Arc::new(AtomicU64::new(0));
    let question = Arc::new(question(size));
    let begin = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let (mut client, question, done) =
                (Grpc::new(front.clone()), Arc::clone(&question), Arc::clone(&done));
            client = client.max_decoding_message_size(LARGEST);
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while begin.elapsed() < time {
                    let sent = Instant::now();
                    client.ready().await.unwrap();
                    let path = PathAndQuery::from_static(
                        "/callsheet.orchestrator.v1.OrchestratorService/DecideCalls",
                    );
                    let codec: ProstCodec<
                        orchestrator::DecideCallsRequest,
                        orchestrator::DecideCallsResponse,
                    > = ProstCodec::default();
                    let answer: Response<orchestrator::DecideCallsResponse> =
                        client.unary(Request::new((*question).clone()), path, codec).await.unwrap();
                    assert_eq!(answer.get_ref().decisions.len(), size, "every call is decided");
                    latencies.push(sent.elapsed());
                    done.fetch_add(1, Ordering::Relaxed);
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    latencies.sort_unstable();
    (done.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64(), latencies)
}

async fn run() {
    let seconds: f64 = std::env::var("CALLSHEET_BENCH_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2.0);
    let time = Duration::from_secs_f64(seconds);
    let folder = tempfile::tempdir().unwrap();
    let system = system(folder.path()).await;
    let sizes = [(1, 64), (100, 4), (500, 4)];
    for (size, _) in sizes {
        let mut client = orchestrator::orchestrator_service_client::OrchestratorServiceClient::new(
            system.front.clone(),
        )
        .max_decoding_message_size(LARGEST);
        let answer = client.decide_calls(question(size)).await.unwrap().into_inner();
        bare::write(folder.path(), size, &canned(size, &answer));
    }
    let this = std::env::current_exe().unwrap();
    let leaves: Vec<u16> = (0..3).map(|_| free_port()).collect();
    let mut bare = Vec::new();
    for port in &leaves {
        bare.push(spawn(&this, &["bare-leaf".into(), port.to_string()], &[]));
    }
    let front = free_port();
    let mut arguments =
        vec!["bare-front".to_owned(), front.to_string(), folder.path().display().to_string()];
    arguments.extend(leaves.iter().map(ToString::to_string));
    bare.push(spawn(&this, &arguments, &[]));
    let front = channel(front).await;

    println!(
        "DecideCalls over five processes, nothing stored, beside a bare fan-out of three ({TURNS} turns of {seconds} s)"
    );
    for (size, in_flight) in sizes {
        rate(&front, size, in_flight, time / 4).await;
        rate(&system.front, size, in_flight, time / 4).await;
        let (mut ratios, mut rates, mut latencies) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let (bare, _) = rate(&front, size, in_flight, time).await;
            let (ours, times) = rate(&system.front, size, in_flight, time).await;
            ratios.push(ours / bare);
            rates.push((ours * size as f64, bare * size as f64));
            latencies.extend(times);
        }
        ratios.sort_by(f64::total_cmp);
        rates.sort_by(|a, b| a.0.total_cmp(&b.0));
        latencies.sort_unstable();
        let (ours, bare) = rates[TURNS / 2];
        println!(
            "  batches of {size:>3}, {in_flight:>2} in flight: {ours:>7.0} meetings/s, bare {bare:>7.0}; ratio {:.2} ({:.2}..{:.2}); p50 {:.2} ms, p99 {:.2} ms",
            ratios[TURNS / 2],
            ratios[0],
            ratios[TURNS - 1],
            latencies[latencies.len() / 2].as_secs_f64() * 1e3,
            latencies[latencies.len() * 99 / 100].as_secs_f64() * 1e3,
        );
    }
}

/// The bare fan-out.
mod bare {
    use super::*;
    use std::collections::HashMap;
    use std::path::Path;

    use futures::future::BoxFuture;
    use futures::stream::BoxStream;

    type Stream<T> = BoxStream<'static, Result<T, Status>>;

    pub(super) fn write(folder: &Path, size: usize, canned: &Canned) {
        for (place, bytes) in canned.questions.iter().chain([&canned.answer]).enumerate() {
            std::fs::write(folder.join(format!("{size}-{place}")), bytes).unwrap();
        }
    }

    pub(super) struct Answers {
        judge: eligibility::JudgeMeetingsRequest,
        consent: consent::JudgeConsentsRequest,
        assess: provider::AssessCallsRequest,
        answer: orchestrator::DecideCallsResponse,
    }

    pub(super) fn read(folder: &Path) -> HashMap<usize, Answers> {
        let part = |size: usize, place: usize| {
            std::fs::read(folder.join(format!("{size}-{place}"))).unwrap()
        };
        [1, 100, 500]
            .into_iter()
            .map(|size| {
                let answers = Answers {
                    judge: eligibility::JudgeMeetingsRequest::decode(part(size, 0).as_slice())
                        .unwrap(),
                    consent: consent::JudgeConsentsRequest::decode(part(size, 1).as_slice())
                        .unwrap(),
                    assess: provider::AssessCallsRequest::decode(part(size, 2).as_slice()).unwrap(),
                    answer: orchestrator::DecideCallsResponse::decode(part(size, 3).as_slice())
                        .unwrap(),
                };
                (size, answers)
            })
            .collect()
    }

    pub(super) struct Front {
        pub(super) channels: Vec<Channel>,
        pub(super) canned: HashMap<usize, Answers>,
    }

    impl Front {
        async fn fan_out(&self, size: usize) -> Result<orchestrator::DecideCallsResponse, Status> {
            let canned = &self.canned[&size];
            let mut judge = eligibility::eligibility_service_client::EligibilityServiceClient::new(
                self.channels[0].clone(),
            )
            .max_decoding_message_size(LARGEST);
            let mut consent = consent::consent_service_client::ConsentServiceClient::new(
                self.channels[1].clone(),
            )
            .max_decoding_message_size(LARGEST);
            let mut assess =
                provider::provider_adapter_service_client::ProviderAdapterServiceClient::new(
                    self.channels[2].clone(),
                )
                .max_decoding_message_size(LARGEST);
            let (a, b, c) = tokio::join!(
                judge.judge_meetings(canned.judge.clone()),
                consent.judge_consents(canned.consent.clone()),
                assess.assess_calls(canned.assess.clone()),
            );
            a?;
            b?;
            c?;
            Ok(canned.answer.clone())
        }
    }

    pub(super) struct Leaf;

    fn read_answer<T: prost::Message + Default>(
        kind: &str,
        size: usize,
    ) -> Result<Response<T>, Status> {
        Ok(Response::new(T::decode(leaf_answer(kind, size).as_slice()).unwrap()))
    }

    macro_rules! refuse {
        ($($name:ident($request:ty) -> $response:ty;)*) => {
            // As `async_trait` would write it, which does not see into macros.
            $(fn $name<'a, 'b>(&'a self, _: Request<$request>) -> BoxFuture<'b, Result<Response<$response>, Status>>
            where
                'a: 'b,
                Self: 'b,
            {
                Box::pin(async { Err(Status::unimplemented("bare")) })
            })*
        };
    }

    #[tonic::async_trait]
    impl eligibility::eligibility_service_server::EligibilityService for Leaf {
        async fn judge_meetings(
            &self,
            request: Request<eligibility::JudgeMeetingsRequest>,
        ) -> Result<Response<eligibility::JudgeMeetingsResponse>, Status> {
            read_answer("judge", request.get_ref().meetings.len())
        }
        refuse! { judge_dialer_calls(eligibility::JudgeDialerCallsRequest) -> eligibility::JudgeDialerCallsResponse; }
        refuse! { judge_uploads(eligibility::JudgeUploadsRequest) -> eligibility::JudgeUploadsResponse; }
    }

    #[tonic::async_trait]
    impl consent::consent_service_server::ConsentService for Leaf {
        async fn judge_consents(
            &self,
            request: Request<consent::JudgeConsentsRequest>,
        ) -> Result<Response<consent::JudgeConsentsResponse>, Status> {
            read_answer("consent", request.get_ref().calls.len())
        }
        refuse! {
            apply_consent_profile(consent::ApplyConsentProfileRequest) -> consent::ApplyConsentProfileResponse;
            issue_consent_link(consent::IssueConsentLinkRequest) -> consent::IssueConsentLinkResponse;
            resolve_consent_links(consent::ResolveConsentLinksRequest) -> consent::ResolveConsentLinksResponse;
            record_choice(consent::RecordChoiceRequest) -> consent::RecordChoiceResponse;
            list_receipts(consent::ListReceiptsRequest) -> consent::ListReceiptsResponse;
        }
        type WatchChoicesStream = Stream<consent::WatchChoicesResponse>;
        refuse! { watch_choices(consent::WatchChoicesRequest) -> Self::WatchChoicesStream; }
    }

    #[tonic::async_trait]
    impl provider::provider_adapter_service_server::ProviderAdapterService for Leaf {
        async fn assess_calls(
            &self,
            request: Request<provider::AssessCallsRequest>,
        ) -> Result<Response<provider::AssessCallsResponse>, Status> {
            read_answer("assess", request.get_ref().calls.len())
        }
        refuse! {
            describe_adapter(provider::DescribeAdapterRequest) -> provider::DescribeAdapterResponse;
            apply_provider_facts(provider::ApplyProviderFactsRequest) -> provider::ApplyProviderFactsResponse;
            apply_conference_facts(provider::ApplyConferenceFactsRequest) -> provider::ApplyConferenceFactsResponse;
            dispatch(provider::DispatchRequest) -> provider::DispatchResponse;
            withdraw(provider::WithdrawRequest) -> provider::WithdrawResponse;
            instruct(provider::InstructRequest) -> provider::InstructResponse;
            submit_signal(provider::SubmitSignalRequest) -> provider::SubmitSignalResponse;
        }
        type WatchSignalsStream = Stream<provider::WatchSignalsResponse>;
        refuse! { watch_signals(provider::WatchSignalsRequest) -> Self::WatchSignalsStream; }
    }

    #[tonic::async_trait]
    impl orchestrator::orchestrator_service_server::OrchestratorService for Front {
        async fn decide_calls(
            &self,
            request: Request<orchestrator::DecideCallsRequest>,
        ) -> Result<Response<orchestrator::DecideCallsResponse>, Status> {
            Ok(Response::new(self.fan_out(request.get_ref().meetings.len()).await?))
        }
        refuse! {
            get_call(orchestrator::GetCallRequest) -> orchestrator::GetCallResponse;
            list_calls(orchestrator::ListCallsRequest) -> orchestrator::ListCallsResponse;
            explain_call(orchestrator::ExplainCallRequest) -> orchestrator::ExplainCallResponse;
            request_recording(orchestrator::RequestRecordingRequest) -> orchestrator::RequestRecordingResponse;
            cancel_recording(orchestrator::CancelRecordingRequest) -> orchestrator::CancelRecordingResponse;
            stop_recording(orchestrator::StopRecordingRequest) -> orchestrator::StopRecordingResponse;
            delete_recording(orchestrator::DeleteRecordingRequest) -> orchestrator::DeleteRecordingResponse;
            register_dialer_call(orchestrator::RegisterDialerCallRequest) -> orchestrator::RegisterDialerCallResponse;
            import_recording(orchestrator::ImportRecordingRequest) -> orchestrator::ImportRecordingResponse;
            list_skip_codes(orchestrator::ListSkipCodesRequest) -> orchestrator::ListSkipCodesResponse;
            verify_history(orchestrator::VerifyHistoryRequest) -> orchestrator::VerifyHistoryResponse;
            list_dead_letters(orchestrator::ListDeadLettersRequest) -> orchestrator::ListDeadLettersResponse;
            replay_dead_letters(orchestrator::ReplayDeadLettersRequest) -> orchestrator::ReplayDeadLettersResponse;
        }
        type WatchCallsStream = Stream<orchestrator::WatchCallsResponse>;
        refuse! { watch_calls(orchestrator::WatchCallsRequest) -> Self::WatchCallsStream; }
        type SimulatePolicyStream = Stream<orchestrator::SimulatePolicyResponse>;
        refuse! { simulate_policy(orchestrator::SimulatePolicyRequest) -> Self::SimulatePolicyStream; }
        type WatchRedecisionsStream = Stream<orchestrator::WatchRedecisionsResponse>;
        refuse! { watch_redecisions(orchestrator::WatchRedecisionsRequest) -> Self::WatchRedecisionsStream; }
        type ReportCallStatusStream = Stream<orchestrator::ReportCallStatusResponse>;
        refuse! { report_call_status(orchestrator::ReportCallStatusRequest) -> Self::ReportCallStatusStream; }
    }
}

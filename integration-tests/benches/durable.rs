//! The durable paths over five processes with PostgreSQL and Redis on the same machine: from ingest to stored decision,
//! deciding everything again after a change of policy while live decisions go on, and the report of all of it.
//!
//! Beside each stands a bare rate of the same database in the same run. `CALLSHEET_BENCH_MEETINGS` sets how many meetings
//! there are (50,000 when unset), `CALLSHEET_BENCH_BIN` the folder of the release binaries.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and may fail loudly"
)]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use proto::calendar::v1 as calendar;
use proto::calendar::v1::calendar_ingest_service_client::CalendarIngestServiceClient;
use proto::eligibility::v1 as eligibility;
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use proto::orchestrator::v1 as orchestrator;
use proto::orchestrator::v1::orchestrator_service_client::OrchestratorServiceClient;
use servers::{Programs, Servers, Settings};
use tonic::transport::{Channel, Endpoint};

const SERVICES: [&str; 5] =
    ["calendar-ingest", "eligibility", "consent", "provider-adapters", "orchestrator"];
const LARGEST: usize = 64 * 1024 * 1024;
/// Owners at the least.
const OWNERS: usize = 200;
/// Meetings of an owner at the most, ten minutes each: more would not begin within the 28 days that are planned.
const EACH: usize = 2_500;
/// Events in one payload.
const PAYLOAD: usize = 100;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run());
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

struct Fleet {
    servers: Servers,
    processes: Vec<Process>,
    channels: Vec<Channel>,
}

impl Fleet {
    async fn start() -> Self {
        let settings = Settings { fsync: true, max_connections: 100 };
        let servers = Servers::start(&Programs::find().unwrap(), settings).unwrap();
        servers.postgres.ask("postgres", "CREATE DATABASE bench").unwrap();
        let folder = servers.folder().path().to_owned();
        let binaries = std::env::var_os("CALLSHEET_BENCH_BIN").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release")),
            PathBuf::from,
        );
        let ports = servers::free_ports(SERVICES.len()).unwrap();
        let mut peers = String::new();
        for (name, port) in SERVICES.iter().zip(&ports) {
            writeln!(peers, "{name} = \"http://127.0.0.1:{port}\"").unwrap();
        }
        let mut processes = Vec::new();
        for (name, port) in SERVICES.iter().zip(&ports) {
            let mut toml = format!(
                "telemetry.filter = \"error\"\nstore.url = \"{}\"\nstore.schema = \"{}\"\n",
                servers.postgres.database("bench"),
                name.replace('-', "_")
            );
            if *name == "consent" {
                writeln!(toml, "key_file = \"{}\"", folder.join("key.pem").display()).unwrap();
            }
            if *name == "orchestrator" {
                writeln!(toml, "feed.redis = \"{}\"\n[peers]\n{peers}", servers.redis.url())
                    .unwrap();
            }
            let file = folder.join(format!("{name}.toml"));
            std::fs::write(&file, toml).unwrap();
            let child = Command::new(binaries.join(name))
                .arg("--config")
                .arg(&file)
                .arg("--listen")
                .arg(format!("127.0.0.1:{port}"))
                .stdin(Stdio::null())
                .spawn()
                .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
            processes.push(Process(child));
        }
        let mut channels = Vec::new();
        for port in ports {
            channels.push(channel(port).await);
        }
        Self { servers, processes, channels }
    }

    fn calendar(&self) -> CalendarIngestServiceClient<Channel> {
        CalendarIngestServiceClient::new(self.channels[0].clone())
            .max_encoding_message_size(LARGEST)
    }

    fn companies(&self) -> CompanyServiceClient<Channel> {
        CompanyServiceClient::new(self.channels[1].clone())
    }

    fn orchestrator(&self) -> OrchestratorServiceClient<Channel> {
        OrchestratorServiceClient::new(self.channels[4].clone()).max_decoding_message_size(LARGEST)
    }

    fn count(&self, sql: &str) -> u64 {
        self.servers.postgres.ask("bench", sql).unwrap()[0][0].parse().unwrap()
    }

    /// Resident memory of the orchestrator, in MiB.
    fn memory(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.processes[4].0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }
}

async fn channel(port: u16) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))
        .unwrap()
        .tcp_nodelay(true)
        .initial_stream_window_size(4 * 1024 * 1024)
        .initial_connection_window_size(16 * 1024 * 1024);
    for _ in 0..1_000 {
        if let Ok(channel) = endpoint.connect().await {
            return channel;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nobody listens on port {port}");
}

/// How many meetings there are, and whose.
#[derive(Clone, Copy)]
struct Load {
    meetings: usize,
    owners: usize,
}

fn company(keywords: &str, owners: usize) -> String {
    let mut file = format!(
        "company: bench\ndomains: [bench.example]\nsettings:\n  providers: {{ zoom: {{ enabled: true, method: bot }} }}\n  \
         exclusions: {{ keywords: [{keywords}] }}\nmembers:\n"
    );
    for owner in 0..owners {
        writeln!(file, "  - {{ id: m{owner}, emails: [m{owner}@bench.example] }}").unwrap();
    }
    file
}

/// Payload number so-and-so: each owner's meetings one after another, each in a room of its own.
fn payload(number: usize, owners: usize, from: DateTime<Utc>) -> String {
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//bench//EN\r\n".to_owned();
    for meeting in number * PAYLOAD..(number + 1) * PAYLOAD {
        let owner = meeting % owners;
        let step = i64::try_from(meeting / owners).unwrap();
        let start = from + TimeDelta::minutes(10 * step);
        let end = start + TimeDelta::minutes(10);
        let stamp = "%Y%m%dT%H%M%SZ";
        let title = if meeting % 1_000 == 7 { "Quarterly secret" } else { "Quarterly review" };
        write!(
            text,
            "BEGIN:VEVENT\r\nUID:{meeting:08}@bench.example\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:{}\r\nDTEND:{}\r\n\
             SUMMARY:{title} {meeting}\r\nORGANIZER:mailto:m{owner}@bench.example\r\n\
             ATTENDEE;PARTSTAT=ACCEPTED:mailto:m{owner}@bench.example\r\nATTENDEE:mailto:guest{meeting}@customer.example\r\n\
             LOCATION:https://bench.zoom.us/j/{}\r\nEND:VEVENT\r\n",
            start.format(stamp),
            end.format(stamp),
            90_000_000_000 + meeting,
        )
        .unwrap();
    }
    text.push_str("END:VCALENDAR\r\n");
    text
}

async fn ingest(fleet: &Fleet, load: Load, from: DateTime<Utc>) {
    let next = Arc::new(AtomicUsize::new(0));
    let payloads = load.meetings / PAYLOAD;
    let workers = (0..4).map(|_| {
        let (next, mut client) = (Arc::clone(&next), fleet.calendar());
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= payloads {
                    return;
                }
                let request = calendar::IngestEventsRequest {
                    company: "bench".into(),
                    source: format!("calendar-{number}"),
                    format: calendar::Format::Icalendar.into(),
                    payload: payload(number, load.owners, from).into_bytes(),
                    time_zone: "UTC".into(),
                    ..calendar::IngestEventsRequest::default()
                };
                client.ingest_events(request).await.unwrap();
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
}

/// Rows of about 300 bytes, inserted a thousand at a time: the bare rate of the database.
fn bare(fleet: &Fleet, rows: usize) -> f64 {
    let ask = |sql: &str| fleet.servers.postgres.ask("bench", sql).unwrap();
    ask("CREATE TABLE bare (id bigint PRIMARY KEY, body text NOT NULL)");
    let mut sql = String::new();
    for batch in 0..rows / 1_000 {
        sql.push_str("INSERT INTO bare VALUES ");
        for row in 0..1_000 {
            let id = batch * 1_000 + row;
            let comma = if row == 0 { "" } else { "," };
            write!(sql, "{comma}({id},'{}')", "x".repeat(280)).unwrap();
        }
        sql.push_str(";\n");
    }
    let file = fleet.servers.folder().path().join("bare.sql");
    std::fs::write(&file, sql).unwrap();
    let began = Instant::now();
    let status = Command::new("psql")
        .arg("-q")
        .arg(fleet.servers.postgres.database("bench"))
        .arg("-f")
        .arg(&file)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let rate = rows as f64 / began.elapsed().as_secs_f64();
    ask("DROP TABLE bare");
    rate
}

/// Live unary decisions at a steady rate; how long each took.
async fn live(fleet: &Fleet, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut client = fleet.orchestrator();
    let meeting = {
        let id = fleet.servers.postgres.ask(
            "bench",
            "SELECT call_id FROM orchestrator.orchestrator_call ORDER BY start DESC LIMIT 1",
        );
        id.unwrap()[0][0].clone()
    };
    let mut took = Vec::new();
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    while !stop.load(Ordering::Relaxed) {
        tick.tick().await;
        let request = orchestrator::DecideCallsRequest {
            company: "bench".into(),
            call_ids: vec![meeting.clone()],
            ..orchestrator::DecideCallsRequest::default()
        };
        let began = Instant::now();
        client.decide_calls(request).await.unwrap();
        took.push(began.elapsed());
    }
    took.sort_unstable();
    took
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
}

async fn until_done(fleet: &Fleet, version: u64) -> orchestrator::WatchRedecisionsResponse {
    loop {
        let request =
            orchestrator::WatchRedecisionsRequest { company: "bench".into(), until_done: true };
        let mut steps = fleet.orchestrator().watch_redecisions(request).await.unwrap().into_inner();
        while let Some(step) = steps.message().await.unwrap() {
            if step.policy_version == version && step.finished_at.is_some() {
                return step;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn apply(fleet: &Fleet, keywords: &str, owners: usize) -> u64 {
    let document = company(keywords, owners);
    let request = eligibility::ApplyCompanyRequest { document, dry_run: false };
    fleet.companies().apply_company(request).await.unwrap().into_inner().policy_version
}

async fn run() {
    let meetings: usize = std::env::var("CALLSHEET_BENCH_MEETINGS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(50_000);
    let fleet = Fleet::start().await;
    let load = Load { meetings, owners: OWNERS.max(meetings.div_ceil(EACH)) };
    let version = apply(&fleet, "layoff", load.owners).await;
    until_done(&fleet, version).await;
    let rate = bare(&fleet, 100_000);
    println!("bare batched insert, 1,000 rows of 300 bytes a statement: {rate:.0} rows/s");

    let from = Utc::now() + TimeDelta::hours(2);
    let decided = || fleet.count("SELECT count(*) FROM orchestrator.orchestrator_call");
    let began = Instant::now();
    ingest(&fleet, load, from).await;
    let taken = began.elapsed();
    while decided() < u64::try_from(meetings).unwrap() {
        assert!(began.elapsed() < Duration::from_secs(3_600), "{} decided", decided());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let all = began.elapsed();
    println!(
        "ingest to stored decision: {meetings} meetings in {:.1} s: {:.0}/s (ingest alone was answered after {:.1} s); \
         orchestrator {} MiB",
        all.as_secs_f64(),
        meetings as f64 / all.as_secs_f64(),
        taken.as_secs_f64(),
        fleet.memory(),
    );

    let stop = Arc::new(AtomicBool::new(false));
    let quiet = {
        let ends = Arc::clone(&stop);
        let (took, ()) = tokio::join!(live(&fleet, ends), async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            stop.store(true, Ordering::Relaxed);
        });
        took
    };
    let stop = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let (loud, step) = tokio::join!(live(&fleet, Arc::clone(&stop)), async {
        let version = apply(&fleet, "layoff, secret", load.owners).await;
        let step = until_done(&fleet, version).await;
        stop.store(true, Ordering::Relaxed);
        step
    });
    let took = began.elapsed();
    println!(
        "decided again: {} calls, {} changed, in {:.1} s: {:.0}/s; orchestrator {} MiB",
        step.done,
        step.changed,
        took.as_secs_f64(),
        step.done as f64 / took.as_secs_f64(),
        fleet.memory(),
    );
    for percent in [50, 99] {
        let (before, meanwhile) = (percentile(&quiet, percent), percentile(&loud, percent));
        println!(
            "live unary DecideCalls of a stored call, p{percent}: quiet {before:.1?}, meanwhile {meanwhile:.1?}, {:.1} times",
            meanwhile.as_secs_f64() / before.as_secs_f64()
        );
    }

    let before = fleet.memory();
    let began = Instant::now();
    let request = orchestrator::ReportCallStatusRequest {
        company: "bench".into(),
        ..orchestrator::ReportCallStatusRequest::default()
    };
    let mut lines = fleet.orchestrator().report_call_status(request).await.unwrap().into_inner();
    let mut told = 0_u64;
    while lines.message().await.unwrap().is_some() {
        told += 1;
    }
    println!(
        "report: {told} lines in {:.1} s: {:.0}/s; orchestrator {before} to {} MiB",
        began.elapsed().as_secs_f64(),
        told as f64 / began.elapsed().as_secs_f64(),
        fleet.memory(),
    );
}

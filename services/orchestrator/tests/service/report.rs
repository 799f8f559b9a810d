//! Reports: what became of every call of a period.

use decision::SkipCode as Code;
use proto::orchestrator::v1 as wire;
use proto::orchestrator::v1::report_call_status_response::Told;
use proto::skip::v1::SkipCode;
use proto::time::to_wire;
use proto::verdict::v1::Provider;
use tonic::Status;

use crate::state::Mood;
use crate::world::{
    World, acme, acme_with, fields, meeting, meeting_with, minute, person, reason, teams,
};

type Report = (Vec<wire::CallStatus>, wire::ReportSummary);

async fn ask(world: &World, request: wire::ReportCallStatusRequest) -> Result<Report, Status> {
    let mut stream = world.client().report_call_status(request).await?.into_inner();
    let (mut calls, mut summary) = (Vec::new(), None);
    while let Some(answer) = stream.message().await? {
        assert!(summary.is_none(), "the summary is the last word");
        match answer.told.unwrap() {
            Told::Call(call) => calls.push(call),
            Told::Summary(told) => summary = Some(told),
        }
    }
    Ok((calls, summary.unwrap()))
}

async fn report(world: &World, change: impl FnOnce(&mut wire::ReportCallStatusRequest)) -> Report {
    let mut request =
        wire::ReportCallStatusRequest { company: "acme".into(), ..Default::default() };
    change(&mut request);
    let told = ask(world, request.clone()).await.unwrap();
    // Counted one by one or by the database, it is the same.
    request.summary_only = true;
    assert_eq!(ask(world, request).await.unwrap(), (Vec::new(), told.1.clone()));
    told
}

fn ids((calls, _): &Report) -> Vec<&str> {
    calls.iter().map(|call| call.call_id.as_str()).collect()
}

/// Two plans, one of them of Eve's at Teams, two cancelled calls, an excluded one, and one that waits.
async fn various() -> World {
    let world = World::empty("").await;
    world.apply(acme_with(|file| file.settings.exclusions.keywords = vec!["secret".into()]));
    world.put([
        meeting("plan", 60),
        meeting_with("eve", 120, |meeting| {
            meeting.organizer = Some(person("eve@acme.example"));
            meeting.links = vec![teams("eve")];
        }),
        meeting_with("gone", 180, |meeting| meeting.cancelled = true),
        meeting_with("gone-too", 240, |meeting| meeting.cancelled = true),
        meeting_with("hidden", 300, |meeting| meeting.title = Some("Secret plan".into())),
    ]);
    world.decide_all(&["plan", "eve", "gone", "gone-too", "hidden"]).await;
    world.peers.make("JudgeMeetings", Mood::Down);
    world.put([meeting("waits", 360)]);
    world.decide("waits").await;
    world.peers.make("JudgeMeetings", Mood::Well);
    world
}

const ALL: [&str; 6] = ["plan", "eve", "gone", "gone-too", "hidden", "waits"];

#[tokio::test]
async fn every_call_is_reported_with_its_outcome_and_what_to_do() {
    let world = various().await;
    let told = report(&world, |_| {}).await;
    assert_eq!(ids(&told), ALL);
    let [plan, eve, gone, _, hidden, waits] = told.0.try_into().unwrap();
    let decision = world.get("plan").await;
    assert_eq!(plan.outcome(), wire::CallOutcome::Planned);
    assert_eq!((plan.start, plan.end), (decision.start, decision.end));
    assert_eq!((plan.title.as_deref(), plan.owner.as_str()), (Some("Renewal"), "ada"));
    assert_eq!((&plan.key, plan.decided_at), (&decision.key, decision.decided_at));
    assert_eq!((plan.revision, plan.provider()), (1, Provider::Zoom));
    assert_eq!((plan.code, plan.spelling.as_str(), plan.remedy.as_str()), (0, "", ""));
    assert_eq!((eve.provider(), eve.owner.as_str()), (Provider::Teams, "eve"));
    let meta = Code::Cancelled.meta();
    assert_eq!(gone.outcome(), wire::CallOutcome::Skipped);
    assert_eq!((gone.code(), gone.spelling.as_str()), (SkipCode::Cancelled, "CANCELLED"));
    assert_eq!((gone.description.as_str(), gone.remedy.as_str()), (meta.description, meta.remedy));
    // What is excluded is not shown.
    assert_eq!(hidden.code(), SkipCode::EventBlocklisted);
    assert_eq!((hidden.title, hidden.provider), (None, 0));
    assert_eq!((waits.outcome(), waits.code), (wire::CallOutcome::Pending, 0));
}

#[tokio::test]
async fn a_summary_has_plans_first_then_codes_as_in_the_catalogue_and_shares_of_all() {
    let world = various().await;
    let (_, summary) = report(&world, |_| {}).await;
    let outcomes: Vec<_> = summary
        .outcomes
        .iter()
        .map(|one| (one.outcome(), one.code(), one.spelling.as_str(), one.calls))
        .collect();
    assert_eq!(
        outcomes,
        [
            (wire::CallOutcome::Planned, SkipCode::Unspecified, "", 2),
            (wire::CallOutcome::Skipped, SkipCode::Cancelled, "CANCELLED", 2),
            (wire::CallOutcome::Skipped, SkipCode::EventBlocklisted, "EVENT_BLOCKLISTED", 1),
            (wire::CallOutcome::Pending, SkipCode::Unspecified, "", 1),
        ]
    );
    assert_eq!(summary.calls, 6);
    assert!((summary.outcomes[0].share - 1.0 / 3.0).abs() < 1e-9);
    assert!((summary.outcomes.iter().map(|one| one.share).sum::<f64>() - 1.0).abs() < 1e-9);
}

#[tokio::test]
async fn a_report_is_of_a_period_of_codes_of_an_owner_of_a_provider_and_of_a_phase() {
    let world = various().await;
    let of_period = report(&world, |request| {
        request.from = Some(to_wire(minute(120)));
        request.to = Some(to_wire(minute(240)));
    });
    assert_eq!(ids(&of_period.await), ["eve", "gone"]);
    let cancelled = vec![SkipCode::Cancelled.into(), SkipCode::NoUrl.into()];
    let of_codes = report(&world, |request| request.codes = cancelled.clone());
    assert_eq!(ids(&of_codes.await), ["gone", "gone-too"]);
    let of_owner = report(&world, |request| request.owner = "eve".into());
    assert_eq!(ids(&of_owner.await), ["eve"]);
    assert!(ids(&report(&world, |request| request.owner = "nobody".into()).await).is_empty());
    // A hidden call is at no provider anybody could see.
    let at_zoom = report(&world, |request| request.provider = Provider::Zoom.into());
    assert_eq!(ids(&at_zoom.await), ["plan", "gone", "gone-too", "waits"]);
    let of_planning = report(&world, |request| request.phase = "planning".into());
    assert_eq!(ids(&of_planning.await), ["gone", "gone-too", "hidden"]);
    let of_session = report(&world, |request| request.phase = "session".into()).await;
    assert!(ids(&of_session).is_empty());
    assert_eq!((of_session.1.calls, of_session.1.outcomes.len()), (0, 0));
    let of_both = report(&world, |request| {
        request.phase = "session".into();
        request.codes = cancelled.clone();
    });
    assert!(ids(&of_both.await).is_empty());
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_by_the_field() {
    let world = World::open().await;
    type Spoil = fn(&mut wire::ReportCallStatusRequest);
    let cases: [(Spoil, &str); 8] = [
        (|request| request.company.clear(), "company"),
        (|request| request.codes = vec![0], "codes"),
        (|request| request.codes = vec![99_999], "codes"),
        (|request| request.codes = vec![1; 1_000], "codes"),
        (|request| request.provider = 77, "provider"),
        (|request| request.phase = "before".into(), "phase"),
        (
            |request| {
                request.from = Some(to_wire(minute(1)));
                request.to = Some(to_wire(minute(0)));
            },
            "from",
        ),
        (|request| request.to = Some(prost_types::Timestamp { seconds: 0, nanos: -1 }), "to"),
    ];
    for (spoil, field) in cases {
        let mut request =
            wire::ReportCallStatusRequest { company: "acme".into(), ..Default::default() };
        spoil(&mut request);
        let refused = ask(&world, request).await.expect_err(field);
        assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{field}");
        assert_eq!(fields(&refused), [field]);
    }
    let unknown = wire::ReportCallStatusRequest { company: "nobody".into(), ..Default::default() };
    let refused = ask(&world, unknown).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound);
    assert_eq!(reason(&refused), "ERROR_REASON_UNKNOWN_COMPANY");
}

#[tokio::test]
async fn a_company_without_calls_has_an_empty_report_and_one_with_calls_needs_nobody_else() {
    let world = World::open().await;
    assert_eq!(report(&world, |_| {}).await.1.calls, 0);
    world.put([meeting("a", 60)]);
    world.decide("a").await;
    world.peers.make("GetCompany", Mood::Down);
    assert_eq!(report(&world, |_| {}).await.1.calls, 1);
}

#[tokio::test]
async fn a_long_report_is_whole_and_in_order() {
    let world = World::open().await;
    let ids: Vec<String> = (0..1_201).map(|n| format!("m{n:04}")).collect();
    // Five at each start, so that pages end among them.
    world.put((0..).zip(&ids).map(|(n, id)| meeting(id, 60 + n / 5)));
    world.decide_all(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let told = report(&world, |_| {}).await;
    assert_eq!(self::ids(&told), ids);
    assert_eq!(told.1.calls, 1_201);
}

#[tokio::test]
async fn companies_are_reported_apart() {
    let world = World::open().await;
    let mut other = acme();
    other.company = "other".into();
    world.apply(other);
    world.put([meeting("a", 60), meeting_with("b", 60, |m| m.company = "other".into())]);
    world.decide("a").await;
    world.ask(crate::world::stored("other", &["b"])).await.unwrap();
    assert_eq!(ids(&report(&world, |_| {}).await), ["a"]);
    assert_eq!(ids(&report(&world, |request| request.company = "other".into()).await), ["b"]);
}

/// Memory of this process that is in use, in megabytes; none where nobody can tell.
fn memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

#[tokio::test]
#[ignore = "a measurement: cargo test --release -p orchestrator --test service -- --ignored --nocapture rows_stream"]
async fn rows_stream_in_constant_memory() {
    use sea_orm::ConnectionTrait as _;
    let rows: u64 = std::env::var("CALLSHEET_ROWS").map_or(100_000, |rows| rows.parse().unwrap());
    let (world, _folder, config) = crate::verify::with_file("").await;
    world.put([meeting("a", 60)]);
    world.decide("a").await;
    let store = storage::connect(&config).await.unwrap();
    let copied = "version, sort_key, kind, code, provider, owner, had_plan, planned_owner, ended, \
        judged_policy, judged_meeting, contends_until, contends_owner, contends_room, organizes, \
        received, candidate, traces, revision, decision";
    let fill = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) \
         INSERT INTO orchestrator_call (company, call_id, start, {copied}) \
         SELECT company, call_id || i, start + i, {copied} FROM orchestrator_call, n",
        rows - 1
    );
    let fill = fill.as_str();
    store
        .write(|tx| async move {
            tx.execute_unprepared(fill).await.map(|_| ()).map_err(storage::Error::from)
        })
        .await
        .unwrap();
    let request = wire::ReportCallStatusRequest { company: "acme".into(), ..Default::default() };
    for round in 1..=2 {
        let (before, began) = (memory(), std::time::Instant::now());
        let mut stream =
            world.client().report_call_status(request.clone()).await.unwrap().into_inner();
        let (mut told, mut most) = (0_u64, 0.0_f64);
        while let Some(answer) = stream.message().await.unwrap() {
            told += u64::from(matches!(answer.told, Some(Told::Call(_))));
            if told % 10_000 == 0 {
                most = most.max(memory().unwrap_or_default());
            }
        }
        assert_eq!(told, rows);
        let (rate, grown) =
            (rows as f64 / began.elapsed().as_secs_f64(), before.map(|it| most - it));
        eprintln!("round {round}: {rate:.0} rows/s, {grown:.1?} MB more than before at the most");
        assert!(round == 1 || grown.is_none_or(|grown| grown < 32.0), "memory grows with rows");
    }
}

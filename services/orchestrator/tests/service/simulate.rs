//! What a proposed company file would change: as much as applying it does.

use std::collections::BTreeMap;

use decision::CompanyFile;
use decision::company::{Capture, InternalMeetings, WhichMeetings};
use proto::calendar::v1::Meeting;
use proto::orchestrator::v1 as wire;
use proto::orchestrator::v1::simulate_policy_response::Told;
use proto::skip::v1::SkipCode;
use proto::time::to_wire;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tonic::{Code, Status};

use crate::state::Mood;
use crate::world::{
    FOLLOWING, World, acme, acme_with, code, consent_link, fields, is_plan, meeting, meeting_with,
    minute, now, person, teams, zoom,
};

type Simulated = (Vec<wire::SimulatedChange>, wire::SimulationSummary);

async fn ask(world: &World, request: wire::SimulatePolicyRequest) -> Result<Simulated, Status> {
    let mut stream = world.client().simulate_policy(request).await?.into_inner();
    let (mut changes, mut summary) = (Vec::new(), None);
    while let Some(answer) = stream.message().await? {
        assert!(summary.is_none(), "the summary is the last word");
        match answer.told.unwrap() {
            Told::Change(change) => changes.push(change),
            Told::Summary(told) => summary = Some(told),
        }
    }
    Ok((changes, summary.unwrap()))
}

fn proposal(file: &CompanyFile) -> wire::SimulatePolicyRequest {
    wire::SimulatePolicyRequest {
        company: "acme".into(),
        document: file.canonical(),
        ..Default::default()
    }
}

async fn simulate(world: &World, file: &CompanyFile) -> Simulated {
    let told = ask(world, proposal(file)).await.unwrap();
    let summary = ask(world, wire::SimulatePolicyRequest { summary_only: true, ..proposal(file) });
    assert_eq!(summary.await.unwrap(), (Vec::new(), told.1.clone()));
    told
}

fn without_zoom() -> CompanyFile {
    acme_with(|file| file.settings.providers.get_mut("zoom").unwrap().enabled = false)
}

#[tokio::test]
async fn every_decision_that_would_change_is_told_and_all_are_counted() {
    let world = World::open().await;
    world.put([
        meeting("a", 60),
        meeting_with("b", 120, |meeting| meeting.links = vec![teams("b")]),
        meeting_with("c", 180, |meeting| meeting.cancelled = true),
    ]);
    world.decide_all(&["a", "b", "c"]).await;
    let before = world.get("a").await;
    let (changes, summary) = simulate(&world, &without_zoom()).await;
    // The cancelled call would have the same code and another one beside it.
    let changed: Vec<&str> =
        changes.iter().map(|change| change.after.as_ref().unwrap().call_id.as_str()).collect();
    assert_eq!(changed, ["a", "c"]);
    let after = changes[0].after.as_ref().unwrap();
    assert_eq!(changes[0].before.as_ref(), Some(&before));
    assert_eq!(code(after), SkipCode::CallProviderDisabledForCompany);
    assert_eq!(after.related_code(), SkipCode::InvalidatingByCompanySettings);
    assert_eq!((after.policy_version, after.revision, after.predecessor), (2, 0, 1));
    assert_eq!(after.cause, "policy");
    assert_eq!((summary.decided, summary.changed, summary.policy_version), (3, 2, 1));
    let outcomes: Vec<_> = summary
        .outcomes
        .iter()
        .map(|one| (one.outcome(), one.spelling.as_str(), one.before, one.after))
        .collect();
    assert_eq!(
        outcomes,
        [
            (wire::CallOutcome::Planned, "", 2, 1),
            (wire::CallOutcome::Skipped, "CANCELLED", 1, 1),
            (wire::CallOutcome::Skipped, "CALL_PROVIDER_DISABLED_FOR_COMPANY", 0, 1),
        ]
    );
    // Nothing has happened.
    assert_eq!(world.get("a").await, before);
    assert_eq!(world.log("", 0).await.len(), 3);
}

#[tokio::test]
async fn the_file_in_force_changes_nothing_and_nobody_is_asked() {
    let world = World::open().await;
    world.put([meeting("a", 60), meeting("b", 120)]);
    world.decide("a").await;
    world.peers.forget();
    let (changes, summary) = simulate(&world, &acme()).await;
    assert!(changes.is_empty());
    assert_eq!((summary.decided, summary.changed, summary.outcomes[0].after), (1, 0, 1));
    assert!(world.peers.sizes("JudgeMeetings").is_empty());
}

#[tokio::test]
async fn a_meeting_that_was_never_decided_is_told_with_what_it_would_become() {
    let world = World::open().await;
    world.put([meeting("a", 60), meeting("b", 75)]);
    world.decide("a").await;
    let (changes, summary) = simulate(&world, &acme_with(|file| file.name = "A".into())).await;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].before, None);
    assert_eq!(code(changes[0].after.as_ref().unwrap()), SkipCode::OverlappingMeeting);
    assert_eq!((summary.decided, summary.changed), (2, 1));
}

#[tokio::test]
async fn calls_the_change_cannot_reach_are_not_judged_and_may_still_have_to_give_way() {
    let world = World::open().await;
    let at_teams = |id: &str, at| meeting_with(id, at, |m| m.links = vec![teams(id)]);
    world.put([meeting("a", 60), at_teams("b", 75), at_teams("c", 300)]);
    world.decide_all(&["a", "b", "c"]).await;
    assert_eq!(code(&world.get("b").await), SkipCode::OverlappingMeeting);
    world.peers.forget();
    let (changes, _) = ask(&world, proposal(&without_zoom())).await.unwrap();
    assert_eq!(world.peers.sizes("JudgeMeetings"), [1]);
    let after: Vec<_> = changes.iter().map(|change| change.after.clone().unwrap()).collect();
    assert_eq!(code(&after[0]), SkipCode::CallProviderDisabledForCompany);
    assert!(is_plan(&after[1]) && after[1].call_id == "b" && after[1].cause == "conflict");
    assert_eq!(after.len(), 2);
}

#[tokio::test]
async fn calls_that_have_begun_are_told_as_if_they_were_decided_and_touch_no_others() {
    let world = World::open().await;
    world.put([meeting("a", 60), meeting_with("b", 75, |m| m.links = vec![teams("b")])]);
    world.decide_all(&["a", "b"]).await;
    world.clock.set(minute(70));
    let (changes, _) = simulate(&world, &without_zoom()).await;
    let changed: Vec<_> = changes.iter().map(|one| one.after.as_ref().unwrap()).collect();
    // By applying it the running call would stay, and go on being in the way.
    assert_eq!(changed.iter().map(|one| one.call_id.as_str()).collect::<Vec<_>>(), ["a"]);
    // Of the period that is asked for.
    let later = wire::SimulatePolicyRequest {
        from: Some(to_wire(minute(70))),
        ..proposal(&without_zoom())
    };
    let (changes, summary) = ask(&world, later).await.unwrap();
    assert_eq!((changes.len(), summary.decided), (0, 1));
}

#[tokio::test]
async fn what_is_stored_outside_of_the_period_goes_on_being_in_the_way() {
    let world = World::open().await;
    world.put([
        meeting_with("a", 60, |m| m.end = Some(to_wire(minute(180)))),
        meeting_with("b", 120, |m| m.attendees = vec![person("bob@acme.example")]),
    ]);
    world.decide_all(&["a", "b"]).await;
    assert_eq!(code(&world.get("b").await), SkipCode::InternalMeetingRecordingDisabled);
    let recording = acme_with(|file| {
        file.settings.recording.internal_meetings = InternalMeetings::Record;
    });
    let request =
        wire::SimulatePolicyRequest { from: Some(to_wire(minute(100))), ..proposal(&recording) };
    let (changes, summary) = ask(&world, request).await.unwrap();
    assert_eq!(summary.decided, 1);
    assert_eq!(code(changes[0].after.as_ref().unwrap()), SkipCode::OverlappingMeeting);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let world = World::open().await;
    type Spoil = fn(&mut wire::SimulatePolicyRequest);
    let cases: [(Spoil, &str); 6] = [
        (|request| request.company.clear(), "company"),
        (|request| request.document.clear(), "document"),
        (
            |request| request.document = acme_with(|f| f.company = "other".into()).canonical(),
            "document",
        ),
        (
            |request| {
                request.from = Some(to_wire(minute(1)));
                request.to = Some(to_wire(minute(0)));
            },
            "from",
        ),
        // The other end is twenty-eight days from now.
        (|request| request.from = Some(to_wire(minute(60 * 24 * 29))), "from"),
        (
            |request| request.now = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
            "now",
        ),
    ];
    for (spoil, field) in cases {
        let mut request = proposal(&without_zoom());
        spoil(&mut request);
        let refused = ask(&world, request).await.expect_err(field);
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec![field.into()]));
    }
    let garbage =
        wire::SimulatePolicyRequest { document: "{ nonsense".into(), ..proposal(&acme()) };
    let refused = ask(&world, garbage).await.unwrap_err();
    // In the words of whoever reads such files.
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("line 1"), "{refused:?}");
    let unknown = wire::SimulatePolicyRequest { company: "nobody".into(), ..proposal(&acme()) };
    assert_eq!(ask(&world, unknown).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_peer_that_does_not_judge_makes_no_changes_up() {
    for (method, expected) in
        [("JudgeMeetings", Code::Unavailable), ("ApplyCompany", Code::Unavailable)]
    {
        let world = World::open().await;
        world.put([meeting("a", 60)]);
        world.decide("a").await;
        world.peers.make(method, Mood::Down);
        let refused = ask(&world, proposal(&without_zoom())).await.unwrap_err();
        assert_eq!(refused.code(), expected, "{method}");
    }
}

#[tokio::test]
async fn a_policy_applied_meanwhile_is_told() {
    let world = World::open().await;
    world.put([meeting("a", 60)]);
    world.decide("a").await;
    world.peers.when_asked("JudgeMeetings", |state| {
        state.apply(acme_with(|file| file.name = "Acme".into()));
    });
    let refused = ask(&world, proposal(&without_zoom())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted);
}

#[tokio::test]
async fn many_calls_are_compared_page_by_page() {
    let world = World::open().await;
    let ids: Vec<String> = (0..1_150).map(|n| format!("m{n:04}")).collect();
    // Every second one overlaps with the one before, and some of them share a start.
    world.put((0..).zip(&ids).map(|(n, id)| meeting(id, 60 + n * 20)));
    world.decide_all(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (changes, summary) = simulate(&world, &without_zoom()).await;
    assert_eq!((changes.len(), summary.decided, summary.changed), (1_150, 1_150, 1_150));
    let again = acme_with(|file| file.members[0].can_request = false);
    let (changes, summary) = simulate(&world, &again).await;
    assert_eq!((changes.len(), summary.decided), (0, 1_150));
}

/// A meeting as it comes: mostly of few people in few rooms, so that they conflict.
fn some_meeting(random: &mut StdRng, id: &str) -> Meeting {
    let people = ["ada", "bob", "cy", "dee", "eve"].map(|name| format!("{name}@acme.example"));
    meeting_with(id, random.random_range(-10..40) * 15, |meeting| {
        let length = random.random_range(1..8) * 15;
        let start = meeting.start.unwrap().seconds;
        meeting.end = Some(prost_types::Timestamp { seconds: start + length * 60, nanos: 0 });
        let room = format!("r{}", random.random_range(0..6));
        meeting.links = vec![match random.random_range(0..4) {
            0 => teams(&room),
            1 => consent_link(&format!("zoom:{room}")),
            _ => zoom(&room),
        }];
        meeting.organizer = Some(person(people.choose(random).unwrap()));
        meeting.attendees = (0..random.random_range(0..3))
            .map(|_| person(people.choose(random).unwrap()))
            .collect();
        if random.random_bool(0.8) {
            let domain = ["customer", "prospect", "lab"].choose(random).unwrap();
            meeting.attendees.push(person(&format!("kim@{domain}.example")));
        }
        meeting.title = Some((*["Renewal", "Secret plan"].choose(random).unwrap()).into());
        meeting.cancelled = random.random_bool(0.1);
    })
}

/// A company file as one may come to be, by a few changes.
fn some_file(random: &mut StdRng) -> CompanyFile {
    let changes: [fn(&mut CompanyFile, &mut StdRng); 14] = [
        |file, _| file.settings.providers.get_mut("zoom").unwrap().enabled = false,
        |file, _| file.settings.providers.get_mut("teams").unwrap().enabled = false,
        |file, _| file.settings.exclusions.keywords = vec!["secret".into()],
        |file, _| file.settings.exclusions.domains = vec!["lab.example".into()],
        |file, _| file.settings.exclusions.addresses = vec!["kim@customer.example".into()],
        |file, _| file.settings.recording.internal_meetings = InternalMeetings::Record,
        |file, _| file.settings.recording.which_meetings = WhichMeetings::Organizer,
        |file, _| {
            file.settings.recording.require_crm_match = true;
            file.crm.domains = vec!["customer.example".into()];
        },
        |file, random| {
            let at = random.random_range(0..file.members.len());
            file.members[at].capture = Capture::Disabled;
        },
        |file, random| {
            let at = random.random_range(0..file.members.len());
            file.members[at].capture = Capture::Never;
        },
        |file, random| {
            let at = random.random_range(0..file.members.len());
            file.members[at].active = !file.members[at].active;
        },
        |file, random| {
            let at = random.random_range(0..file.members.len());
            file.members[at].seat = !file.members[at].seat;
        },
        |file, random| {
            let at = random.random_range(0..file.members.len());
            file.members[at].consent_profile = Some("eu".into());
        },
        |file, _| file.name = "Acme".into(),
    ];
    acme_with(|file| {
        for _ in 0..random.random_range(0..4) {
            changes.choose(random).unwrap()(file, random);
        }
    })
}

/// What a decision says, whatever it was made from.
fn essence(decision: &wire::Decision) -> wire::Decision {
    wire::Decision {
        policy_version: 0,
        revision: 0,
        predecessor: 0,
        decided_at: None,
        cause: String::new(),
        ..decision.clone()
    }
}

async fn held(world: &World) -> BTreeMap<String, wire::Decision> {
    let request = wire::ListCallsRequest {
        company: "acme".into(),
        from: Some(to_wire(now())),
        page_size: 5_000,
        ..Default::default()
    };
    let decisions = world.list(request).await.unwrap().decisions;
    decisions.into_iter().map(|one| (one.call_id.clone(), one)).collect()
}

/// Proposes a file, applies it, and compares.
async fn proposed_and_applied(seed: u64, by_storm: bool) -> usize {
    eprintln!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::empty(if by_storm { FOLLOWING } else { "" }).await;
    world.apply(some_file(&mut random));
    let ids: Vec<String> = (0..random.random_range(1..40)).map(|n| format!("m{n:02}")).collect();
    world.put(ids.iter().map(|id| some_meeting(&mut random, id)));
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.decide_all(&all).await;
    // Some have a past: a file that held before, a request, a cancellation.
    world.apply(some_file(&mut random));
    world.decide_all(&all).await;
    for id in &all {
        if random.random_bool(0.1) {
            world.request(id, ["ada", "eve"].choose(&mut random).unwrap()).await;
        }
        if random.random_bool(0.05) {
            let _ = world.cancel(id, "ada").await;
        }
    }
    if by_storm {
        // The second file has been followed.
        world.settle().await;
    }
    let proposed = some_file(&mut random);
    let before = held(&world).await;
    let (changes, summary) = simulate(&world, &proposed).await;
    let version = world.apply(proposed);
    if by_storm {
        let request = wire::WatchRedecisionsRequest { company: "acme".into(), until_done: false };
        let mut progress = world.client().watch_redecisions(request).await.unwrap().into_inner();
        while let Some(one) = progress.message().await.unwrap() {
            if one.policy_version == version && one.finished_at.is_some() {
                break;
            }
        }
    } else {
        let upcoming: Vec<&str> = before.keys().map(String::as_str).collect();
        if !upcoming.is_empty() {
            world.decide_all(&upcoming).await;
        }
    }
    let mut expected = before;
    for change in changes {
        let after = change.after.unwrap();
        if after.start.unwrap().seconds >= now().timestamp() {
            let was = expected.insert(after.call_id.clone(), after);
            assert_eq!(was, change.before, "seed {seed}");
        }
    }
    let real = held(&world).await;
    assert_eq!(real.len(), expected.len(), "seed {seed}");
    for (id, real) in &real {
        assert_eq!(essence(real), essence(&expected[id]), "seed {seed}");
    }
    usize::try_from(summary.changed).unwrap()
}

#[tokio::test]
async fn what_is_simulated_is_what_applying_gives() {
    let first = std::env::var("CALLSHEET_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = first.map_or(0..80, |seed: u64| seed..seed + 1);
    let mut changed = 0;
    for seed in seeds {
        changed += proposed_and_applied(seed, false).await;
    }
    assert!(changed > 0, "nothing was put to the test");
}

#[tokio::test]
async fn what_is_simulated_is_what_a_change_of_policy_comes_to_by_itself() {
    for seed in 1_000..1_006 {
        proposed_and_applied(seed, true).await;
    }
}

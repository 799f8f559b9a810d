//! The life of one recorded call, signal by signal, beside a bare machine that trusts the order of arrival
//! and forgets what it was told, and beside one that keeps it; and what a hundred thousand sessions weigh.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a benchmark measures time, prints, and may fail loudly"
)]

use std::hint::black_box;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use decision::company::NumberMode;
use decision::session::{Effect, Heard, Means, Order, Outcome, Session, Settings, Signal, Timer};

const SAMPLES: usize = 41;
const ROUNDS: usize = 2_000;
const MANY: usize = 100_000;

/// A call of half an hour, recorded by a bot that was let in from the lobby.
const LIFE: [(i64, Signal); 14] = [
    (-118, Signal::Launched),
    (-117, Signal::Joining),
    (-112, Signal::InLobby),
    (10, Signal::MeetingStarted),
    (40, Signal::Admitted),
    (41, Signal::InCall),
    (45, Signal::CompanyPresent),
    (50, Signal::PermissionGranted),
    (52, Signal::RecordingStarted),
    (60, Signal::OthersPresent),
    (1_790, Signal::MeetingEnded),
    (1_791, Signal::Left),
    (1_900, Signal::FilesReady),
    (1_960, Signal::Imported),
];

fn start() -> DateTime<Utc> {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

fn order() -> Order {
    Order {
        means: vec![Means::LocalBot],
        start: start(),
        end: start() + TimeDelta::minutes(30),
        join_at: start() - TimeDelta::minutes(2),
        latest_join: start() + TimeDelta::minutes(10),
        announcement: false,
        personal_room: false,
        numbers: NumberMode::Automatic,
    }
}

fn life() -> Vec<Heard> {
    LIFE.iter()
        .map(|(second, signal)| Heard::new(*signal, start() + TimeDelta::seconds(*second)))
        .collect()
}

fn live(order: &Order, settings: &Settings, life: &[Heard]) -> Session {
    let mut session = Session::new(order);
    black_box(session.wake(settings, order.join_at));
    for heard in life {
        black_box(session.hear(settings, heard, heard.at));
    }
    session
}

/// What one would write first: a stage, and a match of stage and signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bare {
    Sent,
    Joining,
    Lobby,
    InCall,
    Recording,
    Processing,
    Importing,
    Done,
}

const fn bare(stage: Bare, signal: Signal) -> Bare {
    match (stage, signal) {
        (Bare::Sent, Signal::Launched | Signal::Joining) => Bare::Joining,
        (Bare::Joining, Signal::InLobby) => Bare::Lobby,
        (Bare::Joining | Bare::Lobby, Signal::Admitted | Signal::InCall) => Bare::InCall,
        (Bare::InCall, Signal::RecordingStarted) => Bare::Recording,
        (Bare::Recording, Signal::MeetingEnded | Signal::Left) => Bare::Processing,
        (Bare::Processing, Signal::FilesReady) => Bare::Importing,
        (Bare::Importing, Signal::Imported) => Bare::Done,
        (stage, _) => stage,
    }
}

/// The same with what any machine of use needs besides: it keeps what it heard, arms a timer for each stage, and
/// tells so.
struct Kept {
    stage: Bare,
    heard: Vec<(Signal, i64)>,
}

impl Kept {
    fn hear(&mut self, heard: &Heard) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.heard.push((heard.signal, heard.at.timestamp_millis()));
        let stage = bare(self.stage, heard.signal);
        if stage != self.stage {
            self.stage = stage;
            effects.push(Effect::Disarm { timer: Timer::Connect });
            effects.push(Effect::Arm { timer: Timer::Connect, due: heard.at });
        }
        effects
    }
}

/// Nanoseconds of one call: least, median, most of the samples.
fn measure(mut call: impl FnMut()) -> [f64; 3] {
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..ROUNDS {
                call();
            }
            begin.elapsed().as_nanos() as f64 / ROUNDS as f64
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    [samples[0], samples[SAMPLES / 2], samples[SAMPLES - 1]]
}

/// Bytes of this process in memory; none where the system does not tell.
fn resident() -> Option<f64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<f64>().ok()? * 4_096.0)
}

fn main() {
    let (order, settings, life) = (order(), Settings::default(), life());
    let transitions = (life.len() + 1) as f64;
    assert_eq!(live(&order, &settings, &life).outcome(), Some(Outcome::Recorded));

    let facts = measure(|| drop(black_box(live(&order, &settings, black_box(&life)))));
    let arrival = measure(|| {
        let stage =
            black_box(&life).iter().fold(Bare::Sent, |stage, heard| bare(stage, heard.signal));
        assert_eq!(black_box(stage), Bare::Done);
    });
    let kept = measure(|| {
        let mut machine = Kept { stage: Bare::Sent, heard: Vec::new() };
        for heard in black_box(&life) {
            drop(black_box(machine.hear(heard)));
        }
        assert_eq!(black_box(machine).stage, Bare::Done);
    });
    let midway = live(&order, &settings, &life[..10]);
    let row = serde_json::to_string(&midway).unwrap();
    let done = serde_json::to_string(&live(&order, &settings, &life)).unwrap();
    let (mut idle, later) = (midway.clone(), start() + TimeDelta::minutes(5));
    let wake = measure(|| drop(black_box(idle.wake(&settings, black_box(later)))));
    let again = Heard::new(Signal::CompanyPresent, start() + TimeDelta::seconds(45));
    let repeat = measure(|| drop(black_box(idle.hear(&settings, black_box(&again), later))));
    let write = measure(|| drop(black_box(serde_json::to_string(black_box(&midway)).unwrap())));
    let read = measure(|| {
        drop(black_box(serde_json::from_str::<Session>(black_box(&row)).unwrap()));
    });

    println!("one recorded call, {transitions} transitions (ns each: least, median, most)");
    let each = |name: &str, [least, median, most]: [f64; 3], per: f64| {
        println!(
            "  {name:<40}{:>7.0} {:>7.0} {:>7.0}   {:>10.0}/s",
            least / per,
            median / per,
            most / per,
            1e9 * per / median
        );
    };
    each("bare machine, in order of arrival", arrival, transitions);
    each("bare machine that keeps and arms", kept, transitions);
    each("session machine", facts, transitions);
    println!(
        "  ratio of the medians: {:.0} to the one that keeps, {:.0} to the bare one",
        facts[1] / kept[1],
        facts[1] / arrival[1]
    );
    each("a signal heard again while recording", repeat, 1.0);
    each("woken with nothing due", wake, 1.0);
    each("a session written as a row", write, 1.0);
    each("a session read from a row", read, 1.0);
    println!("  row: {} bytes while recording, {} when over", row.len(), done.len());

    let before = resident();
    let sessions: Vec<Session> = (0..MANY).map(|_| midway.clone()).collect();
    if let (Some(before), Some(after)) = (before, resident()) {
        println!(
            "  {MANY} sessions in memory while recording: {:.0} bytes each, {} of them the struct",
            (after - before) / sessions.len() as f64,
            size_of::<Session>()
        );
    }
    drop(black_box(sessions));
}

//! The facts that must hold of every session (DOMAIN 7), as properties over generated signals.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use decision::SkipCode;
use decision::company::NumberMode;
use decision::session::{
    Codes, Effect, Heard, Means, Order, Outcome, Raw, Says, Session, Settings, Signal, Stage,
};
use decision::skip_code::Phase;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

fn start() -> DateTime<Utc> {
    "2026-03-02T10:00:00Z".parse().expect("a date")
}

fn at(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

fn any_means() -> impl Strategy<Value = Vec<Means>> {
    prop_oneof![
        3 => select(&Means::ALL[..]).prop_map(|means| vec![means]),
        1 => Just(vec![Means::Cloud, Means::LocalBot]),
        1 => Just(vec![Means::LocalBot, Means::Bot]),
        1 => Just(vec![Means::Cloud, Means::LocalBot, Means::Bot]),
    ]
}

fn any_order() -> impl Strategy<Value = Order> {
    let numbers = select(vec![
        NumberMode::Automatic,
        NumberMode::AutomaticExcluded,
        NumberMode::Manual,
        NumberMode::Prohibited,
    ]);
    (any_means(), any::<[bool; 2]>(), numbers).prop_map(
        |(means, [announcement, personal_room], numbers)| Order {
            means,
            start: start(),
            end: at(1_800),
            join_at: at(-120),
            latest_join: at(600),
            announcement,
            personal_room,
            numbers,
        },
    )
}

/// Most sequences of any signals end at once: half of those generated consist of what keeps a session alive.
fn any_signal() -> impl Strategy<Value = Signal> {
    let lively: Vec<Signal> = Signal::ALL
        .iter()
        .copied()
        .filter(|signal| {
            matches!(
                signal.says(),
                Says::Progress | Says::Meeting | Says::People | Says::Dial | Says::Files
            )
        })
        .collect();
    prop_oneof![1 => select(Signal::ALL), 1 => select(lively)]
}

/// The code of a decision, which goes with few signals and must not matter to the others.
fn any_code() -> impl Strategy<Value = Option<SkipCode>> {
    proptest::option::of(select(SkipCode::ALL))
}

fn any_heard() -> impl Strategy<Value = Heard> {
    any_signal().prop_flat_map(heard_of)
}

/// Few signals, told time after time: their first and their last times matter.
fn few_heard() -> impl Strategy<Value = Vec<Heard>> {
    let palette = vec(any_signal(), 1..5);
    palette.prop_flat_map(|palette| vec(select(palette).prop_flat_map(heard_of), 1..10))
}

/// That signal, at some time.
fn heard_of(signal: Signal) -> impl Strategy<Value = Heard> {
    let length = proptest::option::of(select(vec![10_i64, 30, 600, 21_600, 21_601]));
    (-700_i64..2_400, 0_u32..3, length, any_code()).prop_map(
        move |(second, sequence, length, code)| Heard {
            sequence,
            code,
            run: Some(0),
            length: length.map(TimeDelta::seconds),
            raw: (signal.says() == Says::Note).then(|| Raw {
                observed_at: at(second),
                provider: "zoom".into(),
                raw_code: sequence.to_string(),
                raw_text: "unheard of".into(),
            }),
            ..Heard::new(signal, at(second))
        },
    )
}

/// Settings under which no timer ends anything while signals are heard.
fn patient() -> Settings {
    let never = TimeDelta::days(10_000);
    Settings {
        launch: never,
        connect: never,
        start_wait: never,
        host_wait: never,
        lobby_wait: never,
        alone_before: never,
        alone_after: never,
        company_wait: never,
        internal_wait: never,
        permission_wait: never,
        announcement_wait: never,
        not_recording: never,
        live_start: never,
        silence: never,
        longest_meeting: never,
        ring_wait: never,
        longest_call: never,
        files_due: never,
        files_deadline: never,
        import_deadline: never,
        // There is always time for one more attempt: giving a method up is an act like the end of a session.
        latest_join: never * 2,
        max_length: TimeDelta::hours(6),
        join_retries: vec![never; 3],
        permission_asks: vec![TimeDelta::zero()],
        ..Settings::default()
    }
}

/// What a session comes to, once time has passed.
fn comes_to(session: &mut Session, mut now: DateTime<Utc>) -> Option<Outcome> {
    let settings = Settings::default();
    session.wake(&settings, now);
    for _ in 0..200 {
        let Some(due) = session.timers().map(|(_, due)| due).min() else { break };
        now = now.max(due);
        session.wake(&settings, now);
    }
    session.outcome()
}

/// Everything that is told of a session, and what it comes to.
type Told = (Stage, Codes, Vec<Raw>, Option<Outcome>, Codes);

/// All of it is heard at one moment, in the order given.
fn heard_in(order: &Order, heard: &[&Heard]) -> Told {
    let settings = patient();
    let mut session = Session::new(order);
    let now = at(2_400);
    session.wake(&settings, at(-110));
    session.wake(&settings, now);
    for one in heard {
        session.hear(&settings, one, now);
    }
    let (stage, also, raws) = (session.stage(&settings), session.also(), session.raws().to_vec());
    let outcome = comes_to(&mut session, now);
    (stage, also, raws, outcome, session.also())
}

const fn is_result_of_import(heard: &Heard) -> bool {
    matches!(heard.signal, Signal::Imported) || matches!(heard.signal.says(), Says::FileFault)
}

/// A sequence and two other orders of it, one of them with repetitions.
type Shuffled = (Order, Vec<Heard>, Vec<usize>, Vec<usize>);

fn shuffled() -> impl Strategy<Value = Shuffled> {
    let heard = prop_oneof![1 => vec(any_heard(), 1..10), 2 => few_heard()];
    (any_order(), heard).prop_flat_map(|(order, heard)| {
        let count = heard.len();
        let all = Just((0..count).collect::<Vec<usize>>());
        let again = vec(0..count, 0..4).prop_flat_map(move |again| {
            Just((0..count).chain(again).collect::<Vec<usize>>()).prop_shuffle()
        });
        (Just(order), Just(heard), again, all.prop_shuffle())
    })
}

/// What came of the import is the last thing that happens, by our own hand; everything else may be told
/// again after it.
fn imported_last<'a>(first: Vec<&'a Heard>, again: Vec<&'a Heard>) -> Vec<&'a Heard> {
    let mut all = first;
    all.sort_by_key(|heard| is_result_of_import(heard));
    all.extend(again);
    all
}

/// Times, lengths and attempts from far outside of all that makes sense.
fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
    prop_oneof![
        4 => (-4_000_i64..200_000).prop_map(at),
        1 => select(vec![
            DateTime::<Utc>::MIN_UTC,
            DateTime::<Utc>::MAX_UTC,
            DateTime::<Utc>::UNIX_EPOCH,
            "0001-01-01T00:00:00Z".parse().expect("a date"),
        ]),
    ]
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let span = select(vec![
        TimeDelta::MIN,
        TimeDelta::zero(),
        TimeDelta::seconds(1),
        TimeDelta::hours(1),
        TimeDelta::MAX,
    ]);
    prop_oneof![
        1 => Just(Settings::default()),
        1 => vec(span, 8).prop_map(|spans| Settings {
            launch: spans[0],
            hold: spans[1],
            not_recording: spans[2],
            files_deadline: spans[3],
            latest_join: spans[4],
            min_length: spans[5],
            join_retries: vec![spans[6]; 3],
            permission_asks: vec![spans[7]; 9],
            ..Settings::default()
        }),
    ]
}

fn wild_heard() -> impl Strategy<Value = Heard> {
    let numbers = any::<(u32, Option<u8>, Option<i64>)>();
    (any_signal(), any_time(), numbers, any_code()).prop_map(
        |(signal, at, (sequence, run, length), code)| Heard {
            sequence,
            run,
            code,
            length: length.and_then(TimeDelta::try_milliseconds),
            ..Heard::new(signal, at)
        },
    )
}

/// A life: signals as they come, seldom in order, while time goes on.
fn any_life() -> impl Strategy<Value = (Order, Vec<(i64, Heard)>)> {
    // Most adapters name no attempt; who does may speak of one that is over.
    let run = prop_oneof![3 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(1))];
    let moment = (0_i64..400, any_heard(), 0_i64..600, run);
    (any_order(), vec(moment, 0..14)).prop_map(|(order, moments)| {
        let mut now = -600;
        let life = moments
            .into_iter()
            .map(|(pause, heard, late, run)| {
                now += pause;
                (now, Heard { at: at(now - late), run, ..heard })
            })
            .collect();
        (order, life)
    })
}

/// Plays a life to its end; after each step, what was asked for then and how the session stands.
fn live(
    order: &Order,
    life: &[(i64, Heard)],
    mut see: impl FnMut(Option<&Heard>, &[Effect], &Session),
) -> Session {
    let settings = Settings::default();
    let mut session = Session::new(order);
    let mut now = at(-3_600);
    let mut rung = 0;
    let effects = session.wake(&settings, now);
    see(None, &effects, &session);
    for (second, heard) in life {
        while let Some(due) =
            session.timers().map(|(_, due)| due).min().filter(|due| *due <= at(*second))
        {
            now = now.max(due);
            let effects = session.wake(&settings, now);
            see(None, &effects, &session);
            rung += 1;
            assert!(rung < 500, "timers ring for ever: {session:?}");
        }
        now = now.max(at(*second));
        let effects = session.hear(&settings, heard, now);
        let idle = session.timers().all(|(_, due)| due > now);
        assert!(idle, "something was due and not done: {session:?}");
        see(Some(heard), &effects, &session);
    }
    for _ in 0..200 {
        let Some(due) = session.timers().map(|(_, due)| due).min() else { break };
        now = now.max(due);
        let effects = session.wake(&settings, now);
        see(None, &effects, &session);
    }
    session
}

/// The generator is worth nothing if it never comes near an outcome.
#[test]
fn generated_lives_reach_recordings_parts_and_many_codes() {
    let mut runner = TestRunner::deterministic();
    let mut outcomes = BTreeMap::<String, u32>::new();
    let mut codes = BTreeSet::new();
    for _ in 0..3_000 {
        let (order, life) = any_life().new_tree(&mut runner).expect("a life").current();
        let session = live(&order, &life, |_, _, _| {});
        let outcome = session.outcome().expect("an outcome");
        let kind = match outcome {
            Outcome::Recorded => "recorded",
            Outcome::Partial(_) => "partial",
            Outcome::Skipped(_) => "skipped",
        };
        *outcomes.entry(kind.to_owned()).or_default() += 1;
        codes.extend(outcome.code());
    }
    assert!(outcomes["recorded"] > 50 && outcomes["partial"] > 20, "{outcomes:?}");
    assert!(codes.len() > 50, "{} codes: {codes:?}", codes.len());
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn the_order_in_which_signals_come_changes_nothing(
        (order, heard, places, again) in shuffled()
    ) {
        let one = imported_last(heard.iter().collect(), Vec::new());
        let placed = |places: &[usize]| places.iter().map(|place| &heard[*place]).collect();
        let other = imported_last(placed(&places), placed(&again));
        prop_assert_eq!(heard_in(&order, &one), heard_in(&order, &other));
    }

    #[test]
    fn no_signal_and_no_time_does_harm(
        order in any_order(),
        settings in any_settings(),
        sequence in vec((wild_heard(), any_time()), 0..24),
    ) {
        let mut session = Session::new(&order);
        for (heard, now) in &sequence {
            session.hear(&settings, heard, *now);
        }
        let row = serde_json::to_string(&session).expect("a row");
        prop_assert!(row.len() < 8_192, "{} bytes: {row}", row.len());
        prop_assert_eq!(serde_json::from_str::<Session>(&row).expect("a session"), session);
    }

    #[test]
    fn what_was_stored_and_read_goes_on_as_if_it_had_not_been(
        (order, life) in any_life(), after in 0_usize..14,
    ) {
        let mut straight = Vec::new();
        live(&order, &life, |_, effects, _| straight.push(effects.to_vec()));
        let settings = Settings::default();
        let mut sessions = Vec::new();
        live(&order, &life, |_, _, session| sessions.push(session.clone()));
        let after = after.min(sessions.len() - 1);
        let row = serde_json::to_string(&sessions[after]).expect("a row");
        let mut read: Session = serde_json::from_str(&row).expect("a session");
        prop_assert_eq!(&read, &sessions[after]);
        let mut kept = sessions[after].clone();
        let now = at(10_000_000);
        prop_assert_eq!(read.wake(&settings, now), kept.wake(&settings, now));
        prop_assert_eq!(read, kept);
    }

    #[test]
    fn a_life_played_twice_is_the_same_life((order, life) in any_life()) {
        let mut first = Vec::new();
        let mut second = Vec::new();
        live(&order, &life, |_, effects, _| first.push(effects.to_vec()));
        live(&order, &life, |_, effects, _| second.push(effects.to_vec()));
        prop_assert_eq!(first, second);
    }

    #[test]
    fn every_session_waits_for_something_until_it_ends((order, life) in any_life()) {
        let mut forgotten = 0;
        let session = live(&order, &life, |_, _, session| {
            let waits = session.timers().next().is_some();
            forgotten += usize::from(waits == session.outcome().is_some());
        });
        prop_assert_eq!(forgotten, 0);
        prop_assert!(session.outcome().is_some());
    }

    #[test]
    fn what_is_over_stays_over_and_never_loses_its_furthest_reason((order, life) in any_life()) {
        let mut before: Option<(Outcome, Option<DateTime<Utc>>)> = None;
        let mut wrong = Vec::new();
        live(&order, &life, |heard, effects, session| {
            let ended = session.outcome().map(|outcome| (outcome, session.ended_at()));
            if let Some((outcome, when)) = before {
                let Some((now, same)) = ended else { return wrong.push("reopened".to_owned()) };
                if same != when {
                    wrong.push("ended twice".into());
                }
                let binding = heard.is_some_and(|heard| {
                    matches!(heard.signal.says(), Says::Act | Says::Forbids)
                });
                if !binding && furthest(now) < furthest(outcome) {
                    wrong.push(format!("{outcome:?} became {now:?} through {heard:?}"));
                }
                for effect in effects {
                    if !matches!(effect, Effect::Correct { .. } | Effect::Discard) {
                        wrong.push(format!("{effect:?} after the end"));
                    }
                }
            }
            before = ended;
        });
        prop_assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn a_stop_is_final(
        (order, life) in any_life(), place in 0_usize..14, command in select(vec![
            Signal::StopAsked, Signal::CancelAsked, Signal::MeetingDeleted, Signal::DeletionAsked,
        ]),
    ) {
        let mut life = life;
        let place = place.min(life.len());
        let second = if place == 0 { -500 } else { life[place - 1].0 };
        life.insert(place, (second, Heard::new(command, at(second))));
        let (mut stopped, mut over) = (false, false);
        let mut wrong = Vec::new();
        live(&order, &life, |heard, effects, session| {
            let before = stopped;
            if heard.is_some_and(|heard| heard.signal == command && heard.at == at(second)) {
                stopped |= !over || session.ended_at() >= Some(at(second));
            }
            over = session.outcome().is_some();
            let code = session.outcome().and_then(Outcome::code);
            let by_person = code.is_some_and(|code| PERSONAL.contains(&code.as_str()));
            if stopped && (!by_person || session.outcome().is_some_and(Outcome::keeps)) {
                wrong.push(format!("{:?}", session.outcome()));
            }
            if before && effects.iter().any(|effect| matches!(effect, Effect::Dispatch { .. })) {
                wrong.push("sent again".into());
            }
        });
        prop_assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn what_forbids_recording_leaves_nothing_of_it(
        (order, life) in any_life(), place in 0_usize..14, code in any_code(),
        signal in select(Signal::ALL.iter().copied().filter(|one| one.says() == Says::Forbids).collect::<Vec<_>>()),
    ) {
        let mut life = life;
        let place = place.min(life.len());
        let second = if place == 0 { -500 } else { life[place - 1].0 };
        let heard = Heard { code, ..Heard::new(signal, at(second)) };
        life.insert(place, (second, heard.clone()));
        let (mut forbidden, mut over) = (false, false);
        let (mut recording, mut discarded) = (false, false);
        let mut wrong = Vec::new();
        live(&order, &life, |one, effects, session| {
            if one == Some(&heard) {
                forbidden |= !over || session.ended_at() >= Some(at(second));
            }
            over = session.outcome().is_some();
            recording |= one.is_some_and(|one| one.signal == Signal::RecordingStarted)
                && session.outcome().is_none();
            discarded |= effects.contains(&Effect::Discard);
            if forbidden && session.outcome().is_none_or(Outcome::keeps) {
                wrong.push(format!("{:?}", session.outcome()));
            }
        });
        prop_assert!(wrong.is_empty(), "{wrong:?}");
        prop_assert!(!forbidden || !recording || discarded, "something is kept");
    }

    #[test]
    fn there_is_one_recorder_at_a_time((order, life) in any_life()) {
        let mut running: Option<u8> = None;
        let mut sent = Vec::new();
        let mut wrong = Vec::new();
        live(&order, &life, |_, effects, _| {
            for effect in effects {
                match effect {
                    Effect::Dispatch { run, .. } => {
                        if running.is_some() || sent.contains(run) {
                            wrong.push(format!("{effect:?} beside {running:?}"));
                        }
                        sent.push(*run);
                        running = Some(*run);
                    }
                    Effect::Withdraw { run } if running == Some(*run) => running = None,
                    Effect::Withdraw { .. } => wrong.push(format!("{effect:?} runs not")),
                    Effect::Arm { .. }
                    | Effect::Disarm { .. }
                    | Effect::AskPermission { .. }
                    | Effect::Announce { .. }
                    | Effect::StartRecording { .. }
                    | Effect::StartLiveRecording { .. }
                    | Effect::CheckMeeting
                    | Effect::CheckFiles
                    | Effect::Fetch
                    | Effect::Discard
                    | Effect::End { .. }
                    | Effect::Correct { .. } => {}
                }
            }
        });
        prop_assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn timers_are_armed_as_told((order, life) in any_life()) {
        let mut armed = BTreeMap::new();
        let mut wrong = 0;
        live(&order, &life, |_, effects, session| {
            for effect in effects {
                if let Effect::Arm { timer, due } = effect {
                    armed.insert(*timer, *due);
                }
                if let Effect::Disarm { timer } = effect {
                    wrong += usize::from(armed.remove(timer).is_none());
                }
            }
            wrong += usize::from(armed != session.timers().collect());
        });
        prop_assert_eq!(wrong, 0);
    }
}

/// Codes of a person's act.
const PERSONAL: [&str; 4] =
    ["STOP_USER_REQUEST", "CANCELED_BY_OWNER", "DELETED_BY_USER", "RECORDING_DELETED_BY_USER"];

/// How far a call had come.
fn furthest(outcome: Outcome) -> Phase {
    outcome
        .code()
        .filter(|_| !outcome.keeps())
        .map_or(Phase::Import, |code| code.meta().phase.max(Phase::Session))
}

//! Telephone calls and uploads.

use chrono::TimeDelta;
use decision::SkipCode;
use decision::company::NumberMode;
use decision::session::{Effect, Heard, Order, Outcome, Session, Signal, Stage};

use crate::play::{Play, at, start};

#[test]
fn six_hours_pass_and_a_millisecond_more_does_not() {
    let over = TimeDelta::hours(6) + TimeDelta::milliseconds(1);
    for (length, outcome) in [
        (TimeDelta::hours(6), Outcome::Recorded),
        (over, Outcome::Skipped(SkipCode::TooLong)),
        (TimeDelta::seconds(30), Outcome::Recorded),
        (TimeDelta::milliseconds(29_999), Outcome::Skipped(SkipCode::TooShort)),
    ] {
        let mut play = Play::of(|order| *order = Order::upload(start()));
        play.imported(60, length).ends_as(outcome);
    }
}

#[test]
fn a_call_is_recorded_by_the_dialer() {
    let mut play = Play::call(NumberMode::Automatic);
    // Completed is told before ringing.
    play.hear(400, Signal::CallEnded).late(2, Signal::Ringing).late(9, Signal::Answered);
    assert_eq!(play.when(|effect| *effect == Effect::CheckMeeting), [300]);
    play.hear(430, Signal::FilesReady).imported(440, TimeDelta::seconds(380));
    play.ends_as(Outcome::Recorded);
}

#[test]
fn a_manual_start_lifts_what_is_not_prohibited() {
    for (numbers, outcome) in [
        (NumberMode::AutomaticExcluded, Outcome::Recorded),
        (NumberMode::Manual, Outcome::Recorded),
        (NumberMode::Prohibited, Outcome::Skipped(SkipCode::RecordingRestricted)),
    ] {
        let mut play = Play::call(numbers);
        play.hear(9, Signal::Answered).hear(20, Signal::ManualStart).hear(300, Signal::CallEnded);
        play.hear(330, Signal::FilesReady).imported(340, TimeDelta::seconds(280));
        play.ends_as(outcome);
    }
}

#[test]
fn a_call_is_to_be_recorded_once_it_is_answered_where_its_numbers_are_recorded_automatically() {
    let told = |numbers, heard: &[(i64, Signal)]| {
        let mut play = Play::call(numbers);
        for (second, signal) in heard {
            play.hear(*second, *signal);
        }
        play.when(|effect| matches!(effect, Effect::StartRecording { .. }))
    };
    let answered = [(5, Signal::Ringing), (9, Signal::Answered), (11, Signal::Answered)];
    assert_eq!(told(NumberMode::Automatic, &answered), [9]);
    for other in [NumberMode::AutomaticExcluded, NumberMode::Manual, NumberMode::Prohibited] {
        assert_eq!(told(other, &answered), [0; 0], "{other:?}");
    }
    let recorded = [(8, Signal::RecordingStarted), (9, Signal::Answered)];
    assert_eq!(told(NumberMode::Automatic, &recorded), [0; 0], "it records by itself");
    let missed = [(5, Signal::Ringing), (9, Signal::CallUnanswered)];
    assert_eq!(told(NumberMode::Automatic, &missed), [0; 0]);
}

#[test]
fn answered_and_busy_at_once_is_a_contradiction() {
    let mut play = Play::call(NumberMode::Automatic);
    play.hear(9, Signal::Answered).hear(10, Signal::LineBusy).skipped(SkipCode::UnknownState);
    assert!(play.session.also().contains(SkipCode::BusyLine));
}

#[test]
fn a_call_of_which_nothing_is_heard_ends_too() {
    let mut play = Play::call(NumberMode::Automatic);
    play.skipped(SkipCode::NotApplicable);
}

#[test]
fn whoever_carries_out_a_call_or_an_upload_is_told_so_and_called_back() {
    for (order, run) in [
        (Order::upload(start()), Signal::StopAsked),
        (Order::upload(start()), Signal::ConsentBroken),
        (Order::call(start(), NumberMode::Automatic), Signal::CancelAsked),
        (Order::call(start(), NumberMode::Automatic), Signal::CaptureOff),
    ] {
        let mut play = Play::of(|of| *of = order.clone());
        let sent = Effect::Dispatch { run: 0, means: order.means[0] };
        assert_eq!(play.when(|effect| *effect == sent).len(), 1, "{:?}", play.done);
        play.hear(10, run);
        let called_back = play.when(|effect| *effect == Effect::Withdraw { run: 0 });
        assert_eq!(called_back, [10], "{:?}", play.done);
    }
}

#[test]
fn an_upload_that_is_stopped_is_thrown_away_even_if_it_came_afterwards() {
    // Nobody has said yet that it is being fetched.
    let mut play = Play::of(|order| *order = Order::upload(start()));
    play.hear(1, Signal::StopAsked);
    assert_eq!(play.when(|effect| *effect == Effect::Discard), [1], "{:?}", play.done);
    play.hear(2, Signal::Fetching).imported(30, TimeDelta::minutes(5));
    assert_eq!(play.when(|effect| *effect == Effect::Discard), [1, 2], "{:?}", play.done);
    play.skipped(SkipCode::CanceledByOwner);
}

#[test]
fn an_import_that_failed_is_left_to_be_tried_again_and_what_comes_late_is_no_recording() {
    let mut play = Play::of(|order| *order = Order::upload(start()));
    play.hear(10, Signal::UrlImportFailed).imported(20, TimeDelta::minutes(5));
    let thrown = play.when(|effect| {
        matches!(effect, Effect::Discard | Effect::Withdraw { .. } | Effect::Correct { .. })
    });
    assert!(thrown.is_empty(), "{:?}", play.done);
    play.skipped(SkipCode::ImportFromCustomerUrlFailed);
}

/// What becomes of a call when it becomes known at that second what its number permits.
fn learnt(first: NumberMode, then: NumberMode, second: i64, by_hand: bool) -> Option<Outcome> {
    let mut play = Play::call(first);
    let mut steps =
        vec![(9, Signal::Answered), (300, Signal::CallEnded), (330, Signal::FilesReady)];
    if by_hand {
        steps.insert(1, (20, Signal::ManualStart));
    }
    let mut is_known = false;
    for (at, signal) in steps {
        if !is_known && second <= at {
            is_known = true;
            play.until(second);
            let effects = play.session.permits(&play.settings, then, play.now);
            play.log(effects);
        }
        play.hear(at, signal);
    }
    if !play.when(|effect| *effect == Effect::Fetch).is_empty() {
        play.imported(340, TimeDelta::seconds(280));
    }
    play.until(1_000_000);
    play.session.outcome()
}

#[test]
fn what_a_number_permits_counts_whether_it_is_known_before_or_after_the_call_was_handed_over() {
    for (then, by_hand) in
        NumberMode::ALL.into_iter().flat_map(|then| [(then, false), (then, true)])
    {
        let wanted = learnt(then, then, 0, by_hand);
        for first in NumberMode::ALL {
            // While it rings, after the answer, and while the end of what is prohibited is settled.
            for second in [0, 5, 9, 11, 60, 98] {
                let found = learnt(first, then, second, by_hand);
                assert_eq!(found, wanted, "{first:?}, then {then:?} at {second}: {by_hand}");
            }
        }
        for second in [200, 300, 330] {
            let found = learnt(NumberMode::Automatic, then, second, by_hand);
            assert_eq!(found, wanted, "{then:?} at {second}: {by_hand}");
        }
    }
}

#[test]
fn what_is_over_stays_over_whatever_becomes_known_of_its_numbers() {
    let mut play = Play::call(NumberMode::Prohibited);
    play.hear(9, Signal::Answered).until(200);
    let over = Some(Outcome::Skipped(SkipCode::RecordingRestricted));
    assert_eq!(play.session.outcome(), over);
    let effects = play.session.permits(&play.settings, NumberMode::Automatic, play.now);
    assert_eq!((effects, play.session.outcome()), (Vec::new(), over));
}

#[test]
fn what_is_not_permitted_is_not_kept_although_it_was_fetched() {
    for (numbers, code) in [
        (NumberMode::Prohibited, SkipCode::RecordingRestricted),
        (NumberMode::Manual, SkipCode::ManualRecordingExcluded),
    ] {
        let mut play = Play::call(NumberMode::Automatic);
        play.hear(9, Signal::Answered).hear(300, Signal::CallEnded).hear(330, Signal::FilesReady);
        assert_eq!(play.when(|effect| *effect == Effect::Fetch), [330]);
        let effects = play.session.permits(&play.settings, numbers, play.now);
        play.log(effects);
        play.imported(340, TimeDelta::seconds(280)).skipped(code);
        assert!(play.discarded(), "{numbers:?}");
    }
}

#[test]
fn a_call_of_long_ago_waits_for_the_answer_of_whoever_is_asked_about_it() {
    let mut play = Play::call(NumberMode::Automatic);
    let registered = 3 * 86_400;
    play.session = Session::new(&Order::call(start(), NumberMode::Automatic));
    (play.now, play.done) = (at(registered), Vec::new());
    play.wake();
    assert_eq!(play.when(|effect| *effect == Effect::CheckMeeting), [registered]);
    assert_eq!(play.session.outcome(), None, "{:#?}", play.done);
    play.late(9, Signal::Answered).late(400, Signal::CallEnded).late(430, Signal::FilesReady);
    play.imported(registered + 60, TimeDelta::seconds(380)).ends_as(Outcome::Recorded);
}

#[test]
fn a_call_or_an_upload_whose_plan_falls_ends_before_there_is_anything_and_not_after() {
    let fell = |second| Heard::decided(SkipCode::NoOwner, at(second)).expect("a signal");
    for (begun, outcome) in
        [(false, Outcome::Skipped(SkipCode::NoOwner)), (true, Outcome::Recorded)]
    {
        let mut play = Play::call(NumberMode::Automatic);
        if begun {
            play.hear(9, Signal::Answered);
        }
        play.until(20).heard(fell(20));
        assert_eq!(play.stage() == Stage::Leaving, !begun);
        if begun {
            play.hear(300, Signal::CallEnded).hear(330, Signal::FilesReady);
            play.imported(340, TimeDelta::seconds(280));
        }
        play.ends_as(outcome);

        let mut play = Play::of(|order| *order = Order::upload(start()));
        if begun {
            play.hear(5, Signal::Fetching);
        }
        play.until(20).heard(fell(20));
        assert_eq!(play.stage() == Stage::Leaving, !begun);
        if begun {
            play.imported(60, TimeDelta::seconds(280));
        }
        play.ends_as(outcome);
    }
}

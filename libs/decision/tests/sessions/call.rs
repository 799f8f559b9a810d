//! Telephone calls and uploads.

use chrono::TimeDelta;
use decision::SkipCode;
use decision::company::NumberMode;
use decision::session::{Effect, Order, Outcome, Signal};

use crate::play::{Play, start};

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

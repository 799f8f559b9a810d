//! The provider's own recording.

use chrono::TimeDelta;
use decision::SkipCode;
use decision::session::{Effect, Heard, Means, Outcome, Signal, Stage};

use crate::play::{Play, at};

#[test]
fn an_ordinary_call_is_recorded_natively() {
    let mut play = Play::cloud();
    assert_eq!(play.dispatched(), [-3_600]);
    play.hear(-3_500, Signal::Armed);
    assert_eq!(play.stage(), Stage::Armed);
    // In either order, at a normal end.
    play.hear(10, Signal::MeetingStarted).hear(12, Signal::RecordingStarted);
    play.hear(1_801, Signal::MeetingEnded).late(1_800, Signal::RecordingStopped);
    play.hear(4_000, Signal::FilesReady).imported(4_100, TimeDelta::seconds(1_788));
    play.ends_as(Outcome::Recorded);
}

#[test]
fn a_native_recording_that_does_not_begin_is_begun_and_then_taken_over_by_a_bot() {
    let mut play = Play::of(|order| order.means = vec![Means::Cloud, Means::LocalBot]);
    play.hear(-3_500, Signal::Armed).hear(10, Signal::MeetingStarted).until(160);
    assert_eq!(play.when(|effect| matches!(effect, Effect::StartLiveRecording { .. })), [160]);
    play.hear(170, Signal::NativeRefused);
    let bot = Effect::Dispatch { run: 1, means: Means::LocalBot };
    assert_eq!(play.when(|effect| *effect == bot), [170]);
    let withdrawn = Effect::Withdraw { run: 0 };
    assert_eq!(play.when(|effect| *effect == withdrawn), [170]);
}

#[test]
fn without_another_method_a_refused_start_ends_in_a_code_at_the_deadline() {
    let mut play = Play::cloud();
    play.hear(10, Signal::MeetingStarted).hear(170, Signal::NativeRefused);
    play.until(1_209);
    assert_eq!(play.stage(), Stage::Started);
    play.skipped(SkipCode::OnAirTooLongWithoutRecording);
}

#[test]
fn arming_that_fails_is_tried_again_and_then_left_to_a_bot() {
    let mut play = Play::of(|order| order.means = vec![Means::Cloud, Means::Bot]);
    for second in [-3_000, -2_900, -2_700, -2_300] {
        play.hear(second, Signal::ConnectionFailed);
    }
    play.until(-100);
    let sent: Vec<(i64, Means)> = play
        .done
        .iter()
        .filter_map(|(second, effect)| match effect {
            Effect::Dispatch { means, .. } => Some((*second, *means)),
            _ => None,
        })
        .collect();
    let cloud = Means::Cloud;
    let bot = (-120, Means::Bot);
    assert_eq!(sent, [(-3_600, cloud), (-2_970, cloud), (-2_780, cloud), (-2_400, cloud), bot]);
}

#[test]
fn what_people_waited_for_does_not_keep_a_recording_from_being_armed() {
    let mut play = Play::cloud();
    play.hear(-100, Signal::ConnectionFailed).hear(-90, Signal::NeverStarted).until(-60);
    assert_eq!(play.dispatched(), [-3_600, -70]);
}

#[test]
fn a_bot_takes_over_before_the_start_at_its_own_time() {
    let mut play = Play::of(|order| order.means = vec![Means::Cloud, Means::Bot]);
    play.hear(-3_000, Signal::NativeImpossible).until(0);
    let bot = Effect::Dispatch { run: 1, means: Means::Bot };
    assert_eq!(play.when(|effect| *effect == bot), [-120]);
}

#[test]
fn a_stop_by_the_host_after_five_minutes_keeps_the_part() {
    let mut play = Play::cloud();
    play.hear(0, Signal::MeetingStarted).hear(2, Signal::RecordingStarted);
    play.hear(303, Signal::RecordingStopped).hear(1_800, Signal::MeetingEnded);
    play.hear(3_000, Signal::FilesReady).imported(3_100, TimeDelta::seconds(301));
    play.ends_as(Outcome::Partial(SkipCode::RecordingStoppedByHost));
}

#[test]
fn a_stop_of_ours_is_not_the_hosts() {
    let mut play = Play::cloud();
    play.hear(0, Signal::MeetingStarted).hear(2, Signal::RecordingStarted);
    play.hear(99, Signal::OwnStop).hear(100, Signal::RecordingStopped);
    play.hear(1_800, Signal::MeetingEnded).hear(3_000, Signal::FilesReady);
    play.imported(3_100, TimeDelta::seconds(98)).ends_as(Outcome::Recorded);
}

#[test]
fn a_recording_that_the_host_begins_again_goes_on() {
    let mut play = Play::cloud();
    play.hear(0, Signal::MeetingStarted).hear(2, Signal::RecordingStarted);
    play.hear(100, Signal::RecordingStopped).until(300);
    assert_eq!(play.stage(), Stage::Stopped);
    assert_eq!(play.when(|effect| *effect == Effect::CheckMeeting), [190]);
    play.hear(400, Signal::RecordingStarted).hear(1_800, Signal::MeetingEnded);
    play.hear(3_000, Signal::FilesReady).imported(3_100, TimeDelta::seconds(1_500));
    play.ends_as(Outcome::Recorded);
}

#[test]
fn files_of_an_earlier_meeting_do_not_keep_a_conference_waiting_for_ever() {
    let mut play = Play::cloud();
    play.hear(-3_000, Signal::FilesReady).hear(0, Signal::MeetingStarted).until(1_300);
    assert_eq!(play.stage(), Stage::Started);
    assert_eq!(play.session.timers().count(), 1, "{:?}", play.session);
    play.hear(1_800, Signal::MeetingEnded).until(1_000_000);
    assert!(play.session.outcome().is_some());
}

#[test]
fn a_meeting_that_ends_and_begins_again_is_one_call() {
    let mut play = Play::cloud();
    play.hear(-60, Signal::MeetingStarted).hear(-50, Signal::Alone).hear(-10, Signal::MeetingEnded);
    play.hear(300, Signal::MeetingStarted).hear(302, Signal::RecordingStarted);
    assert_eq!(play.stage(), Stage::Recording);
    play.hear(310, Signal::CompanyPresent).hear(320, Signal::OthersPresent);
    play.hear(1_800, Signal::MeetingEnded).hear(3_000, Signal::FilesReady);
    play.imported(3_100, TimeDelta::seconds(1_498)).ends_as(Outcome::Recorded);
}

/// A cloud recording of ten minutes of a call planned for thirty.
fn interrupted() -> Play {
    let mut play = Play::cloud();
    play.hear(0, Signal::MeetingStarted).hear(2, Signal::RecordingStarted);
    play.hear(600, Signal::RecordingStopped).hear(601, Signal::MeetingEnded);
    play
}

#[test]
fn a_recorded_meeting_that_begins_again_is_fetched_when_all_of_it_is_there() {
    let mut play = interrupted();
    play.hear(700, Signal::FilesReady).until(899);
    assert_eq!(play.stage(), Stage::Processing);
    play.hear(900, Signal::MeetingStarted).hear(902, Signal::RecordingStarted);
    assert_eq!(play.stage(), Stage::Recording);
    // Of the first part once more, late.
    play.hear(1_000, Signal::FilesReady).until(1_100);
    assert_eq!(play.stage(), Stage::Recording);
    play.hear(2_400, Signal::MeetingEnded).until(2_700);
    assert_eq!(play.when(|effect| *effect == Effect::Fetch), [0; 0]);
    play.hear(2_800, Signal::FilesReady);
    assert_eq!(play.when(|effect| *effect == Effect::Fetch), [2_800]);
    play.imported(2_900, TimeDelta::seconds(2_096)).ends_as(Outcome::Recorded);
}

#[test]
fn a_meeting_that_ended_early_is_fetched_at_its_planned_end_or_half_an_hour_later() {
    let mut play = interrupted();
    play.hear(700, Signal::FilesReady).until(10_000);
    assert_eq!(play.when(|effect| *effect == Effect::Fetch), [1_800]);
    let mut play = Play::of(|order| {
        order.means = vec![Means::Cloud];
        order.end = at(20_000);
    });
    play.hear(0, Signal::MeetingStarted).hear(2, Signal::RecordingStarted);
    play.hear(600, Signal::MeetingEnded).hear(700, Signal::FilesReady).until(10_000);
    assert_eq!(play.when(|effect| *effect == Effect::Fetch), [2_400]);
}

#[test]
fn a_second_part_that_is_not_recorded_by_itself_is_begun_by_us() {
    let mut play = interrupted();
    play.hear(900, Signal::MeetingStarted).until(1_049);
    assert_eq!(play.stage(), Stage::Started);
    play.until(1_050);
    assert_eq!(play.when(|effect| matches!(effect, Effect::StartLiveRecording { .. })), [1_050]);
    // Files of the first part are kept, whatever becomes of the second.
    play.hear(1_060, Signal::NativeRefused).hear(2_400, Signal::MeetingEnded);
    play.late(800, Signal::FilesReady);
    assert_eq!(play.when(|effect| *effect == Effect::Fetch), [2_400]);
    play.imported(2_500, TimeDelta::seconds(598)).ends_as(Outcome::Recorded);
}

#[test]
fn where_the_files_of_a_second_part_never_come_the_first_is_kept_in_part() {
    let mut play = interrupted();
    play.hear(700, Signal::FilesReady);
    play.hear(900, Signal::MeetingStarted).hear(902, Signal::RecordingStarted);
    play.hear(2_400, Signal::MeetingEnded).until(2_400 + 172_799);
    assert_eq!(play.when(|effect| *effect == Effect::Fetch), [0; 0]);
    play.until(2_400 + 172_800);
    assert_eq!(play.when(|effect| *effect == Effect::Fetch), [2_400 + 172_800]);
    play.imported(180_000, TimeDelta::seconds(598));
    play.ends_as(Outcome::Partial(SkipCode::MissingRecording));
}

#[test]
fn a_bot_gives_way_to_a_native_recording_that_begins_after_all() {
    let mut play = Play::of(|order| order.means = vec![Means::Cloud, Means::LocalBot]);
    play.hear(10, Signal::MeetingStarted).hear(170, Signal::NativeRefused);
    play.hear(175, Signal::Joining).hear(180, Signal::InCall);
    let native = |at| Heard { run: Some(0), ..Heard::new(Signal::RecordingStarted, at) };
    play.until(200).heard(native(at(200)));
    assert_eq!(play.stage(), Stage::Recording);
    assert_eq!(play.session.means(), Means::Cloud);
    assert_eq!(play.when(|effect| *effect == Effect::Withdraw { run: 1 }), [200]);
    let armed = Effect::Dispatch { run: 2, means: Means::Cloud };
    assert_eq!(play.when(|effect| *effect == armed), [200]);
    play.hear(1_800, Signal::MeetingEnded).hear(3_000, Signal::FilesReady);
    play.imported(3_100, TimeDelta::seconds(1_600)).ends_as(Outcome::Recorded);
    assert_eq!(play.dispatched().len(), 3);
}

#[test]
fn a_bot_that_records_stays_when_a_native_recording_begins() {
    let mut play = Play::of(|order| order.means = vec![Means::Cloud, Means::Bot]);
    play.hear(10, Signal::MeetingStarted).hear(170, Signal::NativeRefused);
    play.hear(175, Signal::Joining).hear(180, Signal::InCall).hear(190, Signal::RecordingStarted);
    let run = Some(0);
    play.until(200).heard(Heard { run, ..Heard::new(Signal::RecordingStarted, at(200)) });
    assert_eq!(play.session.means(), Means::Bot);
    assert_eq!(play.when(|effect| *effect == Effect::Withdraw { run: 1 }), [0; 0]);
}

#[test]
fn a_native_recording_that_runs_is_left_to_nobody_else() {
    let mut play = Play::of(|order| order.means = vec![Means::Cloud, Means::Bot]);
    play.hear(10, Signal::MeetingStarted).hear(12, Signal::RecordingStarted);
    play.hear(20, Signal::NativeImpossible).until(300);
    assert_eq!(play.session.means(), Means::Cloud);
    assert_eq!(play.dispatched(), [-3_600]);
    assert_eq!(play.stage(), Stage::Recording);
}

#[test]
fn a_native_recording_is_asked_for_and_missing_after_two_days() {
    let mut play = Play::cloud();
    play.hear(0, Signal::MeetingStarted).hear(2, Signal::RecordingStarted);
    play.hear(1_800, Signal::MeetingEnded).skipped(SkipCode::MissingRecording);
    let asked = play.when(|effect| *effect == Effect::CheckFiles);
    assert_eq!(asked, [1_800 + 2 * 1_798, 1_800 + 86_400, 1_800 + 172_710]);
    assert_eq!(play.when(|effect| matches!(effect, Effect::End { .. })), [1_800 + 172_800]);
}

#[test]
fn a_deleted_recording_is_missing_unless_it_is_recovered() {
    let mut play = Play::cloud();
    play.hear(0, Signal::MeetingStarted).hear(2, Signal::RecordingStarted);
    play.hear(1_800, Signal::MeetingEnded).hear(2_000, Signal::FilesDeleted);
    assert_eq!(play.stage(), Stage::Leaving);
    play.hear(2_030, Signal::FilesReady);
    assert_eq!(play.stage(), Stage::Importing);
    play.hear(2_040, Signal::FilesDeleted).skipped(SkipCode::MissingRecording);
}

#[test]
fn people_who_waited_in_vain_make_it_the_hosts_absence() {
    let mut play = Play::cloud();
    play.hear(-10, Signal::WaitingForHost).skipped(SkipCode::HostNeverShowed);
    let mut play = Play::cloud();
    play.hear(700, Signal::NeverStarted).skipped(SkipCode::DidNotStart);
}

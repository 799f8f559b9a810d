//! A bot in a conference.

use chrono::TimeDelta;
use decision::SkipCode;
use decision::session::{Effect, Heard, Means, Outcome, Signal, Stage};

use crate::play::{Play, at};

#[test]
fn an_ordinary_call_is_recorded_by_a_bot() {
    let mut play = Play::recording();
    assert_eq!(play.stage(), Stage::Recording);
    play.hear(1_800, Signal::MeetingEnded);
    assert_eq!(play.stage(), Stage::Processing);
    play.hear(1_900, Signal::FilesReady);
    assert_eq!(play.stage(), Stage::Importing);
    play.imported(1_960, TimeDelta::seconds(1_794)).ends_as(Outcome::Recorded);
    assert_eq!(play.dispatched(), [-120]);
    assert_eq!(play.when(|effect| *effect == Effect::Fetch), [1_900]);
    assert_eq!(play.when(|effect| matches!(effect, Effect::StartRecording { .. })), [-90]);
    assert!(!play.discarded());
    assert!(play.session.also().is_empty());
}

#[test]
fn files_that_come_before_the_end_of_the_meeting_are_fetched_after_it() {
    let mut play = Play::recording();
    play.hear(1_700, Signal::FilesReady).hear(1_800, Signal::MeetingEnded);
    assert_eq!(play.when(|effect| *effect == Effect::Fetch), [1_800]);
}

#[test]
fn a_join_that_fails_is_tried_three_times_more_and_no_oftener() {
    let mut play = Play::bot();
    play.hear(-110, Signal::ConnectionFailed).hear(-70, Signal::ConnectionFailed);
    assert_eq!(play.stage(), Stage::BackingOff);
    play.hear(60, Signal::ConnectionFailed).hear(400, Signal::ConnectionFailed);
    play.skipped(SkipCode::TempCannotConnectError);
    assert_eq!(play.dispatched(), [-120, -80, 50, 360]);
}

#[test]
fn the_same_failure_told_twice_is_one_failure() {
    let mut play = Play::bot();
    let failed = |run| Heard { run: Some(run), ..Heard::new(Signal::ConnectionFailed, at(-110)) };
    play.until(-110).heard(failed(0)).heard(failed(0)).until(-70).heard(failed(0));
    assert_eq!(play.dispatched(), [-120, -80]);
}

#[test]
fn a_wrong_password_and_a_captcha_are_never_tried_again() {
    for (signal, code) in [
        (Signal::PasswordWrong, SkipCode::PasswordError),
        (Signal::Captcha, SkipCode::CaptchaVerificationBlockedBot),
    ] {
        let mut play = Play::bot();
        play.hear(-110, signal).hear(-109, Signal::ConnectionFailed).skipped(code);
        assert_eq!(play.dispatched(), [-120]);
    }
}

#[test]
fn nobody_is_sent_after_the_latest_join() {
    let mut play = Play::bot();
    play.hear(310, Signal::ConnectionFailed);
    play.until(345).hear(345, Signal::ConnectionFailed).hear(500, Signal::ConnectionFailed);
    play.skipped(SkipCode::TempCannotConnectError);
    assert!(play.dispatched().iter().all(|second| *second <= 600));
}

#[test]
fn a_dispatch_missed_by_an_outage_ends_in_a_code() {
    let mut play = Play::bot();
    play.now = at(601);
    play.wake();
    play.skipped(SkipCode::CannotConnectError);
    assert_eq!(play.dispatched(), [0; 0]);
}

#[test]
fn a_dropped_recorder_comes_back_and_a_part_is_kept() {
    let mut play = Play::recording();
    play.hear(900, Signal::ConnectionFailed);
    play.until(931);
    assert_eq!(play.dispatched(), [-120, 930]);
    let run = Some(play.session.run());
    for (second, signal) in [(935, Signal::InCall), (936, Signal::RecordingStarted)] {
        play.until(second).heard(Heard { run, ..Heard::new(signal, at(second)) });
    }
    play.hear(1_800, Signal::MeetingEnded).hear(1_900, Signal::FilesReady);
    play.imported(1_960, TimeDelta::seconds(1_700));
    play.ends_as(Outcome::Partial(SkipCode::TempCannotConnectError));
}

#[test]
fn an_attempt_that_gets_over_a_fault_is_not_made_again() {
    let mut play = Play::bot();
    play.hear(-117, Signal::Joining).until(-50);
    assert_eq!(play.stage(), Stage::BackingOff);
    play.hear(-40, Signal::InCall).until(60);
    assert_eq!(play.stage(), Stage::InCall);
    assert_eq!(play.dispatched(), [-120]);
}

#[test]
fn an_attempt_is_called_back_before_the_next_one() {
    let mut play = Play::bot();
    play.hear(-110, Signal::ConnectionFailed).until(-80);
    let sent = |effect: &Effect| {
        matches!(effect, Effect::Dispatch { run: 1, .. } | Effect::Withdraw { run: 0 })
    };
    let sent: Vec<&Effect> =
        play.done.iter().map(|(_, effect)| effect).filter(|effect| sent(effect)).collect();
    assert_eq!(
        sent,
        [&Effect::Withdraw { run: 0 }, &Effect::Dispatch { run: 1, means: Means::Bot }]
    );
}

#[test]
fn what_a_later_attempt_overcame_is_history() {
    let mut play = Play::bot();
    play.hear(-110, Signal::Locked).until(-60);
    let run = Some(1);
    play.heard(Heard { run, ..Heard::new(Signal::InLobby, at(-60)) });
    play.skipped(SkipCode::ConnectorWasNotApproved);
    assert_eq!(play.session.also().iter().collect::<Vec<_>>(), [SkipCode::MeetingLocked]);
}

#[test]
fn the_lobby_is_waited_in_for_a_quarter_of_an_hour_from_the_start() {
    let mut play = Play::bot();
    play.hear(-70, Signal::InLobby).until(899);
    assert_eq!(play.stage(), Stage::Lobby);
    play.until(900);
    assert_eq!(play.session.outcome(), Some(Outcome::Skipped(SkipCode::ConnectorWasNotApproved)));
}

#[test]
fn whoever_is_put_back_into_the_lobby_waits_anew() {
    let mut play = Play::bot();
    play.hear(-70, Signal::InLobby).hear(10, Signal::InCall).hear(600, Signal::InLobby);
    play.until(1_499);
    assert_eq!(play.stage(), Stage::Lobby);
    play.until(1_500);
    assert_eq!(play.stage(), Stage::Ended);
}

#[test]
fn thrown_out_of_the_lobby_is_a_denied_entry() {
    let mut play = Play::bot();
    play.hear(-70, Signal::InLobby).hear(30, Signal::Removed).skipped(SkipCode::DeniedEntry);
}

#[test]
fn a_recorder_removed_in_the_first_five_minutes_leaves_nothing() {
    let mut play = Play::recording();
    play.hear(306, Signal::Removed).skipped(SkipCode::KickedOut);
    assert!(play.discarded());
}

#[test]
fn a_recorder_removed_later_keeps_its_part() {
    let mut play = Play::recording();
    play.hear(307, Signal::Removed).hear(400, Signal::FilesReady);
    play.imported(460, TimeDelta::seconds(301)).ends_as(Outcome::Partial(SkipCode::KickedOut));
    assert!(!play.discarded());
}

#[test]
fn a_bot_stays_a_minute_after_all_have_left() {
    let mut play = Play::recording();
    play.hear(20, Signal::CompanyPresent)
        .hear(30, Signal::OthersPresent)
        .hear(1_500, Signal::Alone);
    play.until(1_559);
    assert_eq!(play.stage(), Stage::Recording);
    play.until(1_560);
    assert_eq!(play.stage(), Stage::Processing);
    play.hear(1_700, Signal::FilesReady).imported(1_760, TimeDelta::seconds(1_554));
    play.ends_as(Outcome::Recorded);
}

#[test]
fn told_again_that_it_is_alone_a_bot_stays_no_longer() {
    let mut play = Play::recording();
    play.hear(20, Signal::CompanyPresent).hear(1_500, Signal::Alone).hear(1_550, Signal::Alone);
    play.until(1_560);
    assert_eq!(play.stage(), Stage::Processing);
}

#[test]
fn a_recording_runs_whatever_else_is_told_of_the_recorder() {
    let mut play = Play::recording();
    play.hear(30, Signal::InCall).hear(40, Signal::PermissionGranted);
    assert_eq!(play.stage(), Stage::Recording);
    play.hear(50, Signal::RecordingPaused).hear(60, Signal::InCall);
    assert_eq!(play.stage(), Stage::Paused);
    play.hear(70, Signal::InLobby);
    assert_eq!(play.stage(), Stage::Lobby);
}

#[test]
fn a_recorder_is_sent_again_to_a_conference_that_begins_again() {
    let mut play = Play::recording();
    play.hear(300, Signal::MeetingEnded).hear(400, Signal::MeetingStarted);
    let withdrawn = |effect: &Effect| matches!(effect, Effect::Withdraw { .. });
    assert_eq!(play.when(withdrawn), [390]);
    assert_eq!(play.dispatched(), [-120, 400]);
    let run = Some(1);
    for (second, signal) in [(410, Signal::InCall), (411, Signal::RecordingStarted)] {
        play.until(second).heard(Heard { run, ..Heard::new(signal, at(second)) });
    }
    assert_eq!(play.stage(), Stage::Recording);
    play.hear(1_800, Signal::MeetingEnded).hear(1_900, Signal::FilesReady);
    play.imported(1_960, TimeDelta::seconds(1_680)).ends_as(Outcome::Recorded);
    assert_eq!(play.when(withdrawn), [390, 1_890]);
}

#[test]
fn a_recorder_is_called_back_at_the_latest_when_its_recording_is_there() {
    let mut play = Play::recording();
    play.hear(1_800, Signal::MeetingEnded).hear(1_810, Signal::FilesReady);
    play.imported(1_820, TimeDelta::seconds(1_794)).ends_as(Outcome::Recorded);
    assert_eq!(play.when(|effect| matches!(effect, Effect::Withdraw { .. })), [1_820]);
}

#[test]
fn an_end_told_before_a_later_beginning_calls_nobody_back() {
    let mut play = Play::recording();
    play.hear(300, Signal::MeetingEnded).until(350).late(301, Signal::MeetingStarted).until(1_000);
    assert_eq!(play.stage(), Stage::Recording);
    assert_eq!(play.dispatched(), [-120]);
}

#[test]
fn silence_counts_only_after_the_first_twenty_minutes() {
    let mut play = Play::recording();
    play.hear(60, Signal::SilenceBegan).until(1_805);
    assert_eq!(play.stage(), Stage::Recording);
    play.until(1_806);
    assert_eq!(play.stage(), Stage::Processing);
}

#[test]
fn a_bot_leaves_at_the_longest_length_and_keeps_it() {
    let mut play = Play::recording();
    play.until(21_606);
    assert_eq!(play.stage(), Stage::Processing);
    play.hear(21_700, Signal::FilesReady).imported(21_800, TimeDelta::hours(6));
    play.ends_as(Outcome::Partial(SkipCode::TooLong));
}

#[test]
fn permission_is_asked_for_three_times_and_given_up_at_the_end_of_the_call() {
    let mut play = Play::local();
    play.hear(-117, Signal::Joining).hear(-90, Signal::InLobby).hear(5, Signal::InCall).until(604);
    assert_eq!(play.stage(), Stage::AskingPermission);
    play.skipped(SkipCode::HostNotAnswered);
    assert_eq!(play.when(|effect| matches!(effect, Effect::AskPermission { .. })), [5, 65, 185]);
    // In a call that goes on, its end is that of the patience with a call nobody records.
    assert_eq!(play.when(|effect| matches!(effect, Effect::End { .. })), [1_205]);
}

#[test]
fn a_host_who_comes_late_may_still_permit_the_recording() {
    let mut play = Play::local();
    play.hear(-117, Signal::Joining).hear(5, Signal::InCall).until(700);
    assert_eq!(play.stage(), Stage::AskingPermission);
    play.hear(900, Signal::HostJoined).hear(910, Signal::PermissionGranted);
    assert_eq!(
        play.when(|effect| matches!(effect, Effect::AskPermission { .. })),
        [5, 65, 185, 900]
    );
    assert_eq!(play.when(|effect| matches!(effect, Effect::StartRecording { .. })), [910]);
}

#[test]
fn a_request_that_nobody_answered_explains_a_call_that_ended() {
    let mut play = Play::local();
    play.hear(-117, Signal::Joining)
        .hear(5, Signal::InCall)
        .hear(300, Signal::PermissionUnanswered);
    play.hear(400, Signal::MeetingEnded).skipped(SkipCode::HostNotAnswered);
}

#[test]
fn a_refused_permission_is_asked_for_again_when_a_host_joins() {
    let mut play = Play::local();
    play.hear(-117, Signal::Joining)
        .hear(-90, Signal::InLobby)
        .hear(5, Signal::InCall)
        .hear(20, Signal::PermissionDenied)
        .until(300);
    assert_eq!(play.stage(), Stage::PermissionDenied);
    play.hear(301, Signal::HostJoined).hear(310, Signal::PermissionGranted);
    assert_eq!(play.when(|effect| matches!(effect, Effect::AskPermission { .. })), [5, 301]);
    assert_eq!(play.when(|effect| matches!(effect, Effect::StartRecording { .. })), [310]);
}

#[test]
fn an_announcement_comes_before_the_recording() {
    let mut play = Play::of(|order| order.announcement = true);
    play.hear(-117, Signal::Joining).hear(-90, Signal::InLobby).hear(5, Signal::InCall);
    assert_eq!(play.stage(), Stage::Announcing);
    play.hear(15, Signal::Announced);
    assert_eq!(play.when(|effect| matches!(effect, Effect::Announce { .. })), [5]);
    assert_eq!(play.when(|effect| matches!(effect, Effect::StartRecording { .. })), [15]);
}

#[test]
fn an_announcement_that_never_ends_has_failed() {
    let mut play = Play::of(|order| order.announcement = true);
    play.hear(-117, Signal::Joining)
        .hear(-90, Signal::InLobby)
        .hear(5, Signal::InCall)
        .skipped(SkipCode::ComplianceAudioAnnouncement);
}

#[test]
fn the_end_of_the_meeting_before_is_not_the_end_of_this_one() {
    let mut play = Play::bot();
    play.hear(-110, Signal::Joining).hear(-70, Signal::WaitingForHost);
    play.hear(30, Signal::MeetingEnded).until(300);
    assert_eq!(play.stage(), Stage::WaitingForHost);
}

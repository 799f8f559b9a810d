//! What ends a session whatever runs: acts, prohibitions, decisions; and what is kept as evidence.

use chrono::TimeDelta;
use decision::SkipCode;
use decision::session::{Effect, Heard, Means, Outcome, Raw, Signal, Stage};
use decision::skip_code::Phase;

use crate::play::{Play, at};

#[test]
fn a_stop_is_final_whatever_comes_after_it() {
    let mut play = Play::recording();
    play.hear(900, Signal::StopAsked);
    assert_eq!(play.session.outcome(), Some(Outcome::Skipped(SkipCode::StopUserRequest)));
    for (second, signal) in [
        (901, Signal::InCall),
        (902, Signal::RecordingStarted),
        (903, Signal::FilesReady),
        (904, Signal::RequestedAgain),
    ] {
        play.hear(second, signal);
    }
    play.imported(960, TimeDelta::seconds(900)).skipped(SkipCode::StopUserRequest);
    assert_eq!(play.dispatched(), [-120]);
    assert!(play.session.requested_again());
    assert_eq!(play.when(|effect| *effect == Effect::Fetch), [0; 0]);
}

#[test]
fn a_stop_that_loses_a_race_is_still_the_reason() {
    let mut play = Play::bot();
    play.hear(-110, Signal::PasswordWrong).skipped(SkipCode::PasswordError);
    play.late(-109, Signal::StopAsked);
    assert_eq!(play.session.outcome(), Some(Outcome::Skipped(SkipCode::CanceledByOwner)));
    assert_eq!(play.session.also().iter().collect::<Vec<_>>(), [SkipCode::PasswordError]);
}

#[test]
fn a_stop_long_after_the_end_changes_nothing() {
    let mut play = Play::recording();
    play.hear(1_800, Signal::MeetingEnded).hear(1_900, Signal::FilesReady);
    play.imported(1_960, TimeDelta::seconds(1_794)).hear(9_000, Signal::StopAsked);
    play.ends_as(Outcome::Recorded);
}

#[test]
fn what_was_recorded_can_be_deleted_long_after_the_end() {
    let mut play = Play::recording();
    play.hear(1_800, Signal::MeetingEnded).hear(1_900, Signal::FilesReady);
    play.imported(1_960, TimeDelta::seconds(1_794)).hear(90_000, Signal::DeletionAsked);
    play.skipped(SkipCode::RecordingDeletedByUser);
    assert!(play.discarded());
}

#[test]
fn whoever_must_never_be_recorded_stops_the_recording_and_it_is_thrown_away() {
    let mut play = Play::recording();
    play.hear(900, Signal::NeverRecordJoined).skipped(SkipCode::HasDoNotRecordUsers);
    assert!(play.discarded());
    let withdrawn = |effect: &Effect| matches!(effect, Effect::Withdraw { .. });
    assert_eq!(play.when(withdrawn), [900]);
    // Files that turn up later are thrown away as well.
    play.late(950, Signal::FilesReady).late(960, Signal::FilesReady);
    assert_eq!(play.when(|effect| *effect == Effect::Discard).len(), 2);
}

#[test]
fn a_prohibition_heard_late_takes_a_recording_back() {
    let mut play = Play::recording();
    play.hear(1_800, Signal::MeetingEnded).hear(1_900, Signal::FilesReady);
    play.imported(1_960, TimeDelta::seconds(1_794)).until(5_000);
    play.late(1_000, Signal::NeverRecordJoined).skipped(SkipCode::HasDoNotRecordUsers);
    assert!(play.discarded());
}

#[test]
fn colleagues_among_themselves_are_left_after_a_while_and_nothing_is_kept() {
    let mut play = Play::recording();
    play.hear(20, Signal::CompanyPresent).hear(20, Signal::OnlyColleagues).until(1_219);
    assert_eq!(play.stage(), Stage::Recording);
    play.until(1_220);
    assert_eq!(play.session.outcome(), Some(Outcome::Skipped(SkipCode::InternalMeeting)));
    assert!(play.discarded());
}

#[test]
fn a_call_that_ends_among_colleagues_was_internal() {
    for mut play in [Play::recording(), Play::cloud()] {
        play.hear(6, Signal::MeetingStarted).hear(6, Signal::RecordingStarted);
        play.hear(20, Signal::CompanyPresent).hear(20, Signal::OnlyColleagues);
        play.hear(900, Signal::MeetingEnded).skipped(SkipCode::InternalMeeting);
        assert!(play.discarded());
    }
}

#[test]
fn colleagues_who_waited_for_a_guest_were_not_internal() {
    let mut play = Play::recording();
    play.hear(20, Signal::CompanyPresent).hear(20, Signal::OnlyColleagues);
    play.hear(1_100, Signal::OthersPresent).hear(1_800, Signal::MeetingEnded);
    play.hear(1_900, Signal::FilesReady).imported(1_960, TimeDelta::seconds(1_794));
    play.ends_as(Outcome::Recorded);
}

#[test]
fn where_a_stranger_may_be_of_the_company_nobody_says_that_nobody_was() {
    let mut play = Play::recording();
    play.hear(20, Signal::OthersPresent).hear(20, Signal::StrangerPresent);
    play.hear(1_800, Signal::MeetingEnded).hear(1_900, Signal::FilesReady);
    play.imported(1_960, TimeDelta::seconds(1_794)).ends_as(Outcome::Recorded);
}

#[test]
fn a_person_who_refuses_consent_live_stops_the_recording() {
    let mut play = Play::recording();
    play.hear(900, Signal::ConsentRefused).skipped(SkipCode::ComplianceUserRequest);
    assert!(play.discarded());
}

#[test]
fn whatever_the_decision_becomes_takes_a_waiting_recorder_out_with_that_code() {
    let planning = SkipCode::ALL.iter().filter(|code| code.meta().phase == Phase::Planning);
    for code in planning.copied() {
        for means in [Means::Bot, Means::LocalBot, Means::Cloud] {
            let mut play = Play::of(|order| order.means = vec![means]);
            if means.joins() {
                play.hear(-117, Signal::Joining).hear(-90, Signal::InLobby);
            }
            play.until(-60).heard(Heard::decided(code, at(-60)).expect("a signal")).until(900);
            let shown = play.session.outcome().and_then(Outcome::code).expect("a code");
            assert!(shown == code || code.meta().twin == Some(shown), "{code}: {shown}");
            let withdrawn = play.when(|effect| matches!(effect, Effect::Withdraw { .. }));
            assert_eq!(withdrawn, [-60], "{code}");
        }
    }
}

#[test]
fn a_recording_goes_on_when_its_plan_is_gone_and_stops_when_it_is_forbidden() {
    let mut play = Play::recording();
    play.until(900).heard(Heard::decided(SkipCode::NoOwner, at(900)).expect("a signal"));
    assert_eq!(play.stage(), Stage::Recording);
    assert!(play.session.also().contains(SkipCode::NoOwner));
    let forbidden = Heard::decided(SkipCode::PrivateOrConfidential, at(960)).expect("a signal");
    play.until(960).heard(forbidden).skipped(SkipCode::PrivateOrConfidential);
    assert!(play.discarded());
    assert_eq!(play.session.also().iter().collect::<Vec<_>>(), [SkipCode::NoOwner]);
}

#[test]
fn a_decision_without_its_code_or_with_a_wrong_one_ends_in_an_unknown_state() {
    for code in [None, Some(SkipCode::KickedOut), Some(SkipCode::NoOwner)] {
        let mut play = Play::recording();
        play.until(900).heard(Heard { code, ..Heard::new(Signal::PlanForbidden, at(900)) });
        play.skipped(SkipCode::UnknownState);
    }
}

#[test]
fn files_of_a_meeting_that_was_given_up_are_left_alone() {
    let mut play = Play::cloud();
    play.hear(700, Signal::NeverStarted).skipped(SkipCode::DidNotStart);
    play.late(5_000, Signal::FilesReady);
    assert!(!play.discarded());
}
#[test]
fn an_unknown_raw_code_is_kept_and_explains_only_what_nothing_else_does() {
    let raw = Raw {
        observed_at: at(-90),
        provider: "recall".into(),
        raw_code: "a_new_sub_code".into(),
        raw_text: String::new(),
    };
    let unread = |signal| Heard { raw: Some(raw.clone()), ..Heard::new(signal, at(-90)) };
    let mut play = Play::bot();
    play.until(-90).heard(unread(Signal::FailedUnreadable)).skipped(SkipCode::UnknownState);
    assert_eq!(play.session.raws(), std::slice::from_ref(&raw));

    let mut play = Play::bot();
    play.until(-90).heard(unread(Signal::Unreadable)).hear(-80, Signal::FailedUnexplained);
    play.skipped(SkipCode::UnknownState);

    let mut play = Play::bot();
    play.until(-90).heard(unread(Signal::FailedUnreadable)).hear(-80, Signal::Denied);
    play.skipped(SkipCode::DeniedEntry);
    assert!(play.session.also().contains(SkipCode::UnknownState));
}

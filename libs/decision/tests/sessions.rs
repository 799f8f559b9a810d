//! What comes of a session, case by case: a day in the life of a bot, of a cloud recording, of a telephone
//! call and of an upload, told as signals and as time that passes.
#![allow(clippy::wildcard_enum_match_arm, reason = "tests look at few effects of many")]

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use decision::SkipCode;
use decision::company::NumberMode;
use decision::session::ways::WAYS;
use decision::session::{
    Effect, Heard, Means, Order, Outcome, Raw, Session, Settings, Signal, Stage,
};
use decision::skip_code::Phase;

fn start() -> DateTime<Utc> {
    "2026-03-02T10:00:00Z".parse().expect("a date")
}

fn at(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

/// A session under a clock that jumps from one thing to the next.
struct Play {
    session: Session,
    settings: Settings,
    now: DateTime<Utc>,
    done: Vec<(i64, Effect)>,
}

impl Play {
    fn of(change: impl FnOnce(&mut Order)) -> Self {
        let mut order = Order {
            means: vec![Means::Bot],
            start: start(),
            end: at(1_800),
            join_at: at(-120),
            latest_join: at(600),
            announcement: false,
            personal_room: false,
            numbers: NumberMode::Automatic,
        };
        change(&mut order);
        let session = Session::new(&order);
        let mut play =
            Self { session, settings: Settings::default(), now: at(-3_600), done: Vec::new() };
        play.wake();
        play
    }

    fn bot() -> Self {
        Self::of(|_| {})
    }

    fn local() -> Self {
        Self::of(|order| order.means = vec![Means::LocalBot])
    }

    fn cloud() -> Self {
        Self::of(|order| order.means = vec![Means::Cloud])
    }

    fn call(numbers: NumberMode) -> Self {
        Self::of(|order| *order = Order::call(start(), numbers))
    }

    /// A bot that records from six seconds after the start.
    fn recording() -> Self {
        let mut play = Self::bot();
        play.hear(-118, Signal::Launched).hear(-117, Signal::Joining).hear(-90, Signal::InCall);
        play.hear(6, Signal::RecordingStarted);
        play
    }

    fn wake(&mut self) {
        let effects = self.session.wake(&self.settings, self.now);
        self.log(effects);
    }

    fn log(&mut self, effects: Vec<Effect>) {
        let second = (self.now - start()).num_seconds();
        self.done.extend(effects.into_iter().map(|effect| (second, effect)));
    }

    /// Lets time pass until then.
    fn until(&mut self, second: i64) -> &mut Self {
        let then = at(second);
        while let Some(due) = self.session.timers().map(|(_, due)| due).min() {
            if due > then {
                break;
            }
            self.now = self.now.max(due);
            self.wake();
        }
        self.now = self.now.max(then);
        self
    }

    fn hear(&mut self, second: i64, signal: Signal) -> &mut Self {
        self.until(second);
        self.late(second, signal)
    }

    /// A signal that happened then and is heard only now.
    fn late(&mut self, second: i64, signal: Signal) -> &mut Self {
        self.heard(Heard::new(signal, at(second)))
    }

    fn heard(&mut self, heard: Heard) -> &mut Self {
        let effects = self.session.hear(&self.settings, &heard, self.now);
        self.log(effects);
        self
    }

    fn imported(&mut self, second: i64, length: TimeDelta) -> &mut Self {
        self.until(second);
        let length = Some(length);
        self.heard(Heard { length, ..Heard::new(Signal::Imported, at(second)) })
    }

    fn ends_as(&mut self, outcome: Outcome) {
        self.until(1_000_000);
        assert_eq!(self.session.outcome(), Some(outcome), "{:#?}", self.done);
    }

    fn skipped(&mut self, code: SkipCode) {
        self.ends_as(Outcome::Skipped(code));
    }

    fn stage(&self) -> Stage {
        self.session.stage(&self.settings)
    }

    /// Seconds at which something was asked for.
    fn when(&self, wanted: impl Fn(&Effect) -> bool) -> Vec<i64> {
        self.done.iter().filter(|(_, effect)| wanted(effect)).map(|(second, _)| *second).collect()
    }

    fn dispatched(&self) -> Vec<i64> {
        self.when(|effect| matches!(effect, Effect::Dispatch { .. }))
    }

    fn discarded(&self) -> bool {
        self.done.iter().any(|(_, effect)| *effect == Effect::Discard)
    }
}

#[test]
fn every_way_leads_to_its_code() {
    for way in WAYS {
        let (session, done) = way.walk(&Settings::default(), start());
        let ends = done.iter().filter(|(_, effect)| matches!(effect, Effect::End { .. })).count();
        assert_eq!(session.outcome(), Some(Outcome::Skipped(way.code)), "{way:?}\n{done:#?}");
        assert_eq!(ends, 1, "{way:?}\n{done:#?}");
    }
}

#[test]
fn there_is_a_way_to_every_code_of_sessions_calls_and_imports() {
    let ways: BTreeSet<SkipCode> = WAYS.iter().map(|way| way.code).collect();
    assert_eq!(ways.len(), WAYS.len(), "one way to each code");
    for code in SkipCode::ALL {
        if code.meta().phase != Phase::Planning {
            assert!(ways.contains(code), "no way leads to {code}");
        }
    }
}

#[test]
fn every_code_a_signal_can_come_to_has_a_way() {
    let ways: BTreeSet<SkipCode> = WAYS.iter().map(|way| way.code).collect();
    for signal in Signal::ALL {
        if let Some(code) = signal.code() {
            assert!(ways.contains(&code), "{}: no way leads to {code}", signal.as_str());
        }
    }
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

#[test]
fn files_of_a_meeting_that_was_given_up_are_left_alone() {
    let mut play = Play::cloud();
    play.hear(700, Signal::NeverStarted).skipped(SkipCode::DidNotStart);
    play.late(5_000, Signal::FilesReady);
    assert!(!play.discarded());
}

//! What a timer does when it is due.

use super::step::{GONE, LIVE_START, START_CHECK, TAKE_WHAT_IS, WAITED};
use super::{Effect, Means, Session, Settings, Signal, Timer};

impl Session {
    /// A timer is due: what was waited for did not happen, or the time for something has come. Tells
    /// whether it ends what it waited for.
    pub(super) fn fire(
        &mut self,
        settings: &Settings,
        timer: Timer,
        due: i64,
        now: i64,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let run = self.run;
        let missed = match timer {
            Timer::Dispatch | Timer::Retry => {
                if timer == Timer::Dispatch
                    && self.means().joins()
                    && now > self.join_limit(settings)
                {
                    Signal::DispatchMissed
                } else {
                    if timer == Timer::Retry {
                        // Whatever is left of the attempt before must not record beside this one.
                        self.withdraw(effects);
                        self.next_run();
                        self.tries = self.tries.saturating_add(1);
                    }
                    self.dispatched = Some(now);
                    effects.push(Effect::Dispatch { run: self.run, means: self.means() });
                    return false;
                }
            }
            Timer::Launch | Timer::Connect => {
                self.learn(Signal::ConnectionFailed, due);
                return false;
            }
            Timer::StartWait => Signal::NeverStarted,
            Timer::HostWait if self.waits_for_identity() => Signal::IdentityOwnerGone,
            Timer::HostWait => Signal::HostNeverCame,
            Timer::Lobby => Signal::LobbyTimeout,
            Timer::NobodyJoined => Signal::NobodyJoined,
            Timer::EverybodyLeft => Signal::EverybodyLeft,
            Timer::Company => Signal::NoCompanyCame,
            Timer::Internal => Signal::CallIsInternal,
            Timer::Ask => {
                effects.push(Effect::AskPermission { run, asked: self.issued.asked });
                self.issued.asked = self.issued.asked.saturating_add(1);
                self.issued.asked_at = now;
                return false;
            }
            Timer::PermissionEnd => {
                self.learn(Signal::PermissionUnanswered, due);
                return false;
            }
            Timer::Announcement => Signal::AnnouncementFailed,
            Timer::NotRecording => Signal::NotRecordingTooLong,
            Timer::Silence => Signal::SilentTooLong,
            Timer::MaxLength => Signal::LastedTooLong,
            Timer::StartCheck => {
                self.issued.flags |= START_CHECK;
                effects.push(Effect::CheckMeeting);
                return false;
            }
            Timer::StartDeadline => Signal::NobodyAtAll,
            Timer::LiveStart => {
                self.issued.flags |= LIVE_START;
                effects.push(Effect::StartLiveRecording { run });
                return false;
            }
            Timer::StopHold => {
                self.issued.stop_checked = due;
                effects.push(Effect::CheckMeeting);
                return false;
            }
            Timer::MeetingLimit => {
                let ended = match self.means() {
                    Means::Dialer => Signal::CallEnded,
                    Means::Cloud | Means::LocalBot | Means::Bot | Means::Upload => {
                        Signal::MeetingEnded
                    }
                };
                self.learn(ended, due);
                return false;
            }
            Timer::Ring if self.issued.flags & START_CHECK == 0 => {
                self.issued.flags |= START_CHECK;
                self.issued.asked_at = now;
                effects.push(Effect::CheckMeeting);
                return false;
            }
            Timer::Ring if self.facts.has(Signal::Ringing) => Signal::CallUnanswered,
            Timer::Ring => Signal::FailedUnexplained,
            // The end is settled where it was found.
            Timer::Settle => return true,
            Timer::FilesPoll => {
                self.issued.polls = self.issued.polls.saturating_add(1);
                effects.push(Effect::CheckFiles);
                return false;
            }
            Timer::FilesDeadline if self.facts.has(Signal::FilesReady) => {
                self.issued.flags |= TAKE_WHAT_IS;
                return false;
            }
            Timer::FilesDeadline => Signal::FilesNeverCame,
            Timer::Leave => {
                self.withdraw(effects);
                self.issued.flags |= GONE;
                return false;
            }
            Timer::Restart => {
                self.issued.flags |= WAITED;
                return false;
            }
            Timer::Import => match self.means() {
                Means::Dialer => Signal::DialerImportFailed,
                Means::Upload => Signal::UrlImportFailed,
                Means::Cloud | Means::LocalBot | Means::Bot => Signal::FilesNeverCame,
            },
        };
        self.learn(missed, due);
        true
    }
}

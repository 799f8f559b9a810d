//! Timers: each waits for one thing that may not happen.

macro_rules! timers {
    ($( $variant:ident $name:literal $settings:expr, $about:literal; )+) => {
        /// What is waited for. A session has at most one of a kind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Timer {
            $( #[doc = $about] $variant, )+
        }

        impl Timer {
            /// Every timer.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// Its name in timer rows and docs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// Names of the settings that tell how long, as in [`super::Settings`]; none where the plan tells.
            #[must_use]
            pub const fn settings(self) -> &'static [&'static str] {
                match self { $( Self::$variant => &$settings, )+ }
            }

            /// What it waits for, in a sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $( Self::$variant => $about, )+ }
            }
        }
    };
}

timers! {
    Dispatch "dispatch" [], "The time to set the method to work.";
    Retry "retry" ["join_retries"], "The time to try once more.";
    Launch "launch" ["launch"], "A sign of life of the recorder.";
    Connect "connect" ["connect"], "The recorder to reach the door.";
    StartWait "start_wait" ["start_wait"], "The conference to begin.";
    HostWait "host_wait" ["host_wait"], "The host to come.";
    Lobby "lobby" ["lobby_wait"], "Somebody to let the recorder in.";
    NobodyJoined "nobody_joined" ["alone_before"], "Anyone to join.";
    EverybodyLeft "everybody_left" ["alone_after"], "Anyone to come back.";
    Company "company" ["company_wait"], "Anyone of the company to join.";
    Ask "ask" ["permission_asks"], "The time to ask for permission.";
    PermissionEnd "permission_end" ["permission_wait"], "An answer of the host.";
    Announcement "announcement" ["announcement_wait"], "The announcement to be played.";
    NotRecording "not_recording" ["not_recording"], "A recording to begin.";
    Silence "silence" ["silence_after", "silence"], "Something to be heard.";
    MaxLength "max_length" ["max_length"], "The longest recording that is kept.";
    StartCheck "start_check" ["start_wait"], "The time to ask the provider whether the conference began.";
    StartDeadline "start_deadline" ["start_wait"], "The conference to begin before the meeting is over.";
    LiveStart "live_start" ["live_start"], "The provider's own recording to begin by itself.";
    StopHold "stop_hold" ["hold"], "The end of the conference after its recording stopped.";
    MeetingLimit "meeting_limit" ["longest_meeting", "longest_call"], "News of the end of the conference or call.";
    Ring "ring" ["ring_wait", "longest_call"], "Somebody to answer the telephone.";
    Settle "settle" ["hold"], "Late news that change the reason of an end.";
    FilesPoll "files_poll" ["files_due"], "The time to ask for the recording.";
    FilesDeadline "files_deadline" ["files_deadline"], "The recording.";
    Import "import" ["import_deadline"], "The import to finish.";
    Restart "restart" ["restart_wait"], "The conference to begin again before its planned end.";
    Leave "leave" ["hold"], "Late news that a conference which ended goes on, with the recorder still there.";
    Internal "internal" ["internal_wait"], "Anyone from outside the company to join.";
}

impl Timer {
    pub(super) const fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|timer| timer.number() == number)
    }

    /// Whether news that repeat what is known leave it as it was armed.
    pub(super) const fn keeps_due(self) -> bool {
        matches!(self, Self::EverybodyLeft | Self::Silence | Self::NobodyJoined)
    }
}

/// Timers with the times at which they are due, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timers {
    due: [i64; Timer::ALL.len()],
}

/// A time that never comes.
const NEVER: i64 = i64::MAX;

impl Timers {
    pub(super) const NONE: Self = Self { due: [NEVER; Timer::ALL.len()] };

    pub(super) fn set(&mut self, timer: Timer, due: i64) {
        if let Some(place) = self.due.get_mut(timer as usize) {
            *place = due;
        }
    }

    pub(super) fn get(&self, timer: Timer) -> Option<i64> {
        self.due.get(timer as usize).copied().filter(|due| *due != NEVER)
    }

    /// The one that is due first, if it is due by `now`.
    pub(super) fn due(&self, now: i64) -> Option<(Timer, i64)> {
        self.iter().filter(|(_, due)| *due <= now).min_by_key(|(timer, due)| (*due, *timer))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Timer, i64)> {
        Timer::ALL.iter().copied().zip(self.due).filter(|(_, due)| *due != NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Settings;

    #[test]
    fn every_timer_but_the_first_has_its_settings() {
        let table = Settings::default().table();
        let known = |name: &str| {
            ["join_retries", "permission_asks"].contains(&name)
                || table.iter().any(|(other, _, _)| *other == name)
        };
        for timer in Timer::ALL {
            assert_eq!(timer.settings().is_empty(), *timer == Timer::Dispatch, "{timer:?}");
            assert!(timer.settings().iter().all(|name| known(name)), "{timer:?}");
        }
    }
}

//! What happens in a meeting that is planned, or on the telephone: who tells what, and when.

use proto::provider::v1::Act;

use super::random::Random;

/// How a meeting that is to be recorded goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// It is recorded from its beginning to its end.
    Well,
    /// The host comes some minutes late; it is recorded from then on.
    HostLate,
    /// Nobody lets the bot in.
    Lobby,
    /// Somebody turns the bot away.
    TurnedAway,
    /// Somebody removes the bot soon after it began.
    KickedOut,
    /// Somebody removes the bot when much has been recorded.
    RemovedLate,
    /// Its owner stops the recording.
    Stopped,
    /// Its owner takes the recording back before it begins.
    TakenBack,
    /// The host does not permit the recording.
    HostRefuses,
    /// Nobody but the bot comes.
    NobodyComes,
    /// It never begins.
    NeverStarts,
    /// The passcode of the invitation is not the right one.
    WrongPasscode,
    /// The room is locked at first; the bot tries again.
    Locked,
}

/// How a telephone call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// It is busy.
    Busy,
    /// The other side declines.
    Declined,
    /// Nobody answers.
    Unanswered,
    /// Somebody answers where nothing may be recorded.
    Forbidden,
}

/// Something that happens in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Seconds from the planned start.
    pub(super) at: i64,
    /// What.
    pub(super) deed: Deed,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    /// Whoever carries the call out tells of it.
    Tell {
        /// What it was told to do first.
        after: Option<Act>,
        /// Name of the signal, from docs/sessions.md; one that shows in the session when it was heard.
        signal: &'static str,
        /// Seconds of the recording, with `imported`.
        length: Option<i64>,
    },
    /// The owner stops the recording.
    Stop,
    /// The owner takes it back.
    Cancel,
}

/// Steps in the making.
struct Script<'a> {
    steps: Vec<Step>,
    random: &'a mut Random,
    /// The host is asked before it is recorded.
    asks: bool,
}

impl Script<'_> {
    fn tell(&mut self, at: i64, signal: &'static str) {
        self.tell_after(at, None, signal);
    }

    fn tell_after(&mut self, at: i64, after: Option<Act>, signal: &'static str) {
        self.steps.push(Step { at, deed: Deed::Tell { after, signal, length: None } });
    }

    /// Comes to the door; answers when.
    fn arrive(&mut self) -> i64 {
        self.tell(-112, "launched");
        let door = self.random.between(-104, -96);
        self.tell(door, "joining");
        door
    }

    /// Waits in the lobby; answers since when.
    fn knock(&mut self) -> i64 {
        let door = self.arrive() + self.random.between(15, 25);
        self.tell(door, "in_lobby");
        door
    }

    /// Is let in and records from `at` on; answers when that begins.
    fn record(&mut self, at: i64) -> i64 {
        self.tell(at, "in_call");
        let mut begins = at + self.random.between(4, 9);
        if self.asks {
            self.tell_after(begins, Some(Act::AskPermission), "permission_granted");
            begins += 5;
        }
        let starts = Some(Act::StartRecording);
        self.tell_after(begins, starts, "recording_started");
        begins
    }

    /// It is over; what was recorded since `begun` is handed over.
    fn hand_over(&mut self, begun: i64, ends: i64, signal: &'static str) {
        self.tell(ends, signal);
        let ready = ends + self.random.between(25, 60);
        self.tell(ready, "files_ready");
        // Only when it is certain that the meeting is over is the recording asked for.
        let at = ends + 120;
        let length = Some(ends - begun);
        let deed = Deed::Tell { after: Some(Act::Fetch), signal: "imported", length };
        self.steps.push(Step { at, deed });
    }
}

impl Course {
    /// Whether it needs a host who is asked for permission.
    pub(super) const fn asks(self) -> bool {
        matches!(self, Self::HostRefuses)
    }

    /// What happens in a meeting of so many minutes. `asks` where its host is asked before it is recorded.
    pub(super) fn steps(self, minutes: i64, asks: bool, random: &mut Random) -> Vec<Step> {
        // People keep to their plans within a minute or two.
        let ends = minutes * 60 + random.between(-150, 90);
        let mut script = Script { steps: Vec::new(), random, asks };
        match self {
            Self::Well => {
                let at = script.knock() + script.random.between(10, 40);
                let begun = script.record(at);
                script.hand_over(begun, ends, "meeting_ended");
            }
            Self::HostLate => {
                let door = script.arrive() + 20;
                script.tell(door, "waiting_for_host");
                let at = script.random.between(120, 420);
                let begun = script.record(at);
                script.hand_over(begun, ends, "meeting_ended");
            }
            Self::Lobby => drop(script.knock()),
            Self::TurnedAway => {
                let at = script.knock() + script.random.between(30, 100);
                script.tell(at, "denied");
            }
            Self::KickedOut => {
                let at = script.knock() + 20;
                script.record(at);
                let removed = script.random.between(40, 200);
                script.tell(removed, "removed");
            }
            Self::RemovedLate => {
                let at = script.knock() + 20;
                let begun = script.record(at);
                script.hand_over(begun, ends / 2 + 300, "removed");
            }
            Self::Stopped => {
                let at = script.knock() + 20;
                script.record(at);
                script.steps.push(Step { at: ends / 2, deed: Deed::Stop });
            }
            Self::TakenBack => {
                script.knock();
                script.steps.push(Step { at: -30, deed: Deed::Cancel });
            }
            Self::HostRefuses => {
                let at = script.knock() + 20;
                script.tell(at, "in_call");
                script.tell_after(at + 15, Some(Act::AskPermission), "permission_denied");
                script.tell(ends, "meeting_ended");
            }
            Self::NobodyComes => {
                let at = script.arrive() + 30;
                script.tell(at, "in_call");
                script.tell(at + 1, "alone");
            }
            Self::NeverStarts => {
                let at = script.arrive() + 30;
                script.tell(at, "waiting_for_start");
            }
            Self::WrongPasscode => {
                let at = script.arrive() + 10;
                script.tell(at, "password_wrong");
            }
            Self::Locked => {
                let at = script.arrive() + 5;
                script.tell(at, "locked");
                // Thirty seconds later it is sent once more.
                script.tell(at + 45, "launched");
                script.tell(at + 55, "joining");
                let begun = script.record(at + 70);
                script.hand_over(begun, ends, "meeting_ended");
            }
        }
        script.steps
    }
}

impl Line {
    /// What the telephone system tells of a call.
    pub(super) fn steps(self, random: &mut Random) -> Vec<Step> {
        let tell = |at, signal| Step { at, deed: Deed::Tell { after: None, signal, length: None } };
        match self {
            Self::Busy => vec![tell(random.between(3, 8), "line_busy")],
            Self::Declined => vec![tell(random.between(9, 20), "call_declined")],
            Self::Unanswered => vec![tell(random.between(40, 60), "call_unanswered")],
            Self::Forbidden => vec![tell(5, "answered")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_a_course_come_in_their_order_and_end_in_time() {
        let all = [
            Course::Well,
            Course::HostLate,
            Course::Lobby,
            Course::TurnedAway,
            Course::KickedOut,
            Course::RemovedLate,
            Course::Stopped,
            Course::TakenBack,
            Course::HostRefuses,
            Course::NobodyComes,
            Course::NeverStarts,
            Course::WrongPasscode,
            Course::Locked,
        ];
        for seed in 0..200 {
            for course in all {
                for asks in [false, true] {
                    let steps = course.steps(30, asks, &mut Random::new(seed));
                    assert!(steps.is_sorted_by_key(|step| step.at), "{course:?}: {steps:#?}");
                    assert!(
                        steps.iter().all(|step| (-120..2_100).contains(&step.at)),
                        "{steps:#?}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_signal_is_one_that_sessions_know() {
        let mut random = Random::new(1);
        let mut steps = Course::Well.steps(30, true, &mut random);
        steps.extend(Course::Locked.steps(30, false, &mut random));
        steps.extend(
            [Line::Busy, Line::Declined, Line::Unanswered]
                .iter()
                .flat_map(|line| line.steps(&mut random)),
        );
        for step in steps {
            let Deed::Tell { signal, .. } = step.deed else { continue };
            assert!(decision::session::Signal::from_name(signal).is_some(), "{signal}");
        }
    }
}

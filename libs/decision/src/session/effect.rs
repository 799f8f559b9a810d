//! What a session asks of the world.

use chrono::{DateTime, Utc};

use super::order::Means;
use super::outcome::Outcome;
use super::timer::Timer;

/// One thing to do, each asked for once. `run` counts attempts from 0 over all methods; adapters hand it
/// back with every signal of the attempt, and refuse what belongs to an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Call [`super::Session::wake`] then. A timer of that kind that was armed before is replaced.
    Arm {
        /// What is waited for.
        timer: Timer,
        /// When.
        due: DateTime<Utc>,
    },
    /// That timer is not wanted any more.
    Disarm {
        /// Which.
        timer: Timer,
    },
    /// Set a method to work: send a bot, arm the provider's recording.
    Dispatch {
        /// The attempt.
        run: u8,
        /// The method.
        means: Means,
    },
    /// Take an attempt back: leave the conference, stop and disarm the provider's recording.
    Withdraw {
        /// The attempt.
        run: u8,
    },
    /// Ask the host to permit recording.
    AskPermission {
        /// The attempt.
        run: u8,
        /// How often it was asked before, in this attempt.
        asked: u8,
    },
    /// Play the announcement.
    Announce {
        /// The attempt.
        run: u8,
    },
    /// Begin to record.
    StartRecording {
        /// The attempt.
        run: u8,
    },
    /// Begin the provider's own recording in the running conference.
    StartLiveRecording {
        /// The attempt.
        run: u8,
    },
    /// Ask the provider what the conference does, and tell it as signals.
    CheckMeeting,
    /// Ask the provider for the recording, and tell what comes of it as signals.
    CheckFiles,
    /// Fetch and probe the recording.
    Fetch,
    /// Throw away what was recorded for us. Whether a copy at the provider goes too, which is its owner's, is
    /// for the setting of the company to say.
    Discard,
    /// The session is over.
    End {
        /// What came of it.
        outcome: Outcome,
    },
    /// Late news changed what came of a session that is over; it stays over.
    Correct {
        /// What came of it.
        outcome: Outcome,
    },
}

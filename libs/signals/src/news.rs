//! News that are no signal of a session yet: about somebody, about an account, or true only in their context.

use std::fmt;

use decision::session::Signal;

macro_rules! news {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal $about:ident, $comes_to:expr;)+) => {
        /// What a provider tells that no session can take as it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum News {
            $($(#[doc = $doc])+ $name,)+
        }

        impl News {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name in tables, evidence and metrics; never that of a signal.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)+
                }
            }

            /// What it is about, which is who has to make something of it.
            #[must_use]
            pub const fn topic(self) -> Topic {
                match self {
                    $(Self::$name => Topic::$about,)+
                }
            }

            /// The signal it comes to where its context bears it out; see [`Topic`]. Nothing where no signal follows.
            #[must_use]
            pub const fn comes_to(self) -> Option<Signal> {
                match self {
                    $(Self::$name => $comes_to,)+
                }
            }
        }
    };
}

/// What news are about, and so what has to be known before they come to a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A participant, who may be anybody: a signal if it is our own recorder.
    Participant,
    /// A participant who may host: a signal if it does.
    Host,
    /// A meeting as it is planned: a signal if the calendar does not say otherwise.
    Plan,
    /// A conference: a signal if it is so for long enough, or at that moment of the session.
    Conference,
    /// A telephone call: a signal if the company wants it so.
    Call,
    /// A bot, before and after it is of interest to a session.
    Bot,
    /// An account, its users and settings: a signal to the sessions that depend on them.
    Account,
    /// What reaches us at all: our subscriptions.
    Subscription,
}

impl Topic {
    /// What the context has to bear out, in words.
    #[must_use]
    pub const fn condition(self) -> &'static str {
        match self {
            Self::Participant => "if it is our recorder",
            Self::Host => "if it hosts",
            Self::Plan => "if the calendar does not say otherwise",
            Self::Conference => "if the session's state and timers bear it out",
            Self::Call => "if the company wants people only",
            Self::Bot | Self::Subscription => "never",
            Self::Account => "for sessions that depend on the account",
        }
    }
}

use Signal as S;

news! {
    /// Somebody came in.
    ParticipantJoined = "participant_joined" Participant, Some(S::InCall);
    /// Somebody left.
    ParticipantLeft = "participant_left" Participant, Some(S::Left);
    /// Somebody was thrown out.
    ParticipantRemoved = "participant_removed" Participant, Some(S::Removed);
    /// Somebody was thrown out of the lobby.
    ParticipantRefused = "participant_refused" Participant, Some(S::Denied);
    /// Somebody lost the connection.
    ParticipantDropped = "participant_dropped" Participant, Some(S::ConnectionFailed);
    /// Somebody is in the lobby.
    LobbyEntered = "lobby_entered" Participant, Some(S::InLobby);
    /// Somebody left the lobby; whether to the inside is told by what comes next.
    LobbyLeft = "lobby_left" Participant, None;
    /// Somebody was let in from the lobby.
    LobbyAdmitted = "lobby_admitted" Participant, Some(S::Admitted);
    /// Somebody has another role, which is the state of the participant.
    RoleChanged = "role_changed" Host, Some(S::HostJoined);

    /// The conference was made.
    MeetingPlanned = "meeting_planned" Plan, None;
    /// The conference was changed: time, settings, link. It was moved if its start is another than the planned one.
    MeetingChanged = "meeting_changed" Plan, Some(S::Rescheduled);
    /// The conference was deleted at the provider. The calendar says whether the meeting takes place.
    CancelledAtProvider = "cancelled_at_provider" Plan, Some(S::MeetingCancelled);
    /// A deleted conference is back.
    MeetingRestored = "meeting_restored" Plan, None;
    /// The conference has not begun.
    NotStarted = "not_started" Conference, Some(S::NeverStarted);
    /// Nobody can come in any more; whoever is in stays.
    MeetingLocked = "meeting_locked" Conference, Some(S::Locked);
    /// The conference is not being recorded.
    NotRecording = "not_recording" Conference, Some(S::NotRecordingTooLong);
    /// The transcript can be fetched.
    TranscriptReady = "transcript_ready" Conference, None;

    /// A machine answered.
    MachineAnswered = "machine_answered" Call, Some(S::CallUnanswered);

    /// The bot is booked for later.
    BotBooked = "bot_booked" Bot, None;
    /// The bot has its resources and waits for its time.
    BotStaged = "bot_staged" Bot, None;
    /// The bot is on its way out.
    BotLeaving = "bot_leaving" Bot, None;
    /// The bot has nothing more to do.
    BotDone = "bot_done" Bot, None;

    /// A user is deactivated, deleted, or no member of the account any more.
    UserGone = "user_gone" Account, Some(S::HostInactive);
    /// Something about a user or the account changed: its future meetings are to be planned again.
    SettingsChanged = "settings_changed" Account, None;
    /// The provider took our access away.
    AccessLost = "access_lost" Account, Some(S::ClientIncompatible);
    /// There is no more storage for recordings.
    StorageFull = "storage_full" Account, Some(S::FilesLost);

    /// A subscription wants to be confirmed.
    SubscriptionEnding = "subscription_ending" Subscription, None;
    /// A subscription is gone.
    SubscriptionLost = "subscription_lost" Subscription, None;
    /// Notifications were lost: read everything again.
    SignalsMissed = "signals_missed" Subscription, None;
}

impl News {
    /// The news of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|news| news.as_str() == name)
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_different_and_lead_back() {
        let names: BTreeSet<&str> = News::ALL.iter().map(|news| news.as_str()).collect();
        assert_eq!(names.len(), News::ALL.len());
        for news in News::ALL {
            assert_eq!(News::from_name(news.as_str()), Some(*news));
        }
        assert_eq!(News::from_name("eclipse"), None);
    }

    #[test]
    fn no_news_has_the_name_of_a_signal() {
        for news in News::ALL {
            assert_eq!(Signal::from_name(news.as_str()), None, "{news}");
        }
    }

    #[test]
    fn what_no_session_depends_on_comes_to_no_signal() {
        for news in News::ALL {
            if matches!(news.topic(), Topic::Bot | Topic::Subscription) {
                assert_eq!(news.comes_to(), None, "{news}");
            }
        }
    }
}

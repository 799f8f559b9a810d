//! How long a session waits for what, and what it keeps.

use chrono::TimeDelta;

use crate::company::Recording;

macro_rules! settings {
    ($( $name:ident $default:expr, $about:literal; )+) => {
        /// How long a session waits for what, and what it keeps. None is negative; where one is, it counts
        /// as nothing.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Settings {
            $( #[doc = $about] pub $name: TimeDelta, )+
            /// How long after a fault that may pass the same is tried again; as many times as there are entries.
            pub join_retries: Vec<TimeDelta>,
            /// How long after entering the host is asked for permission, time after time.
            pub permission_asks: Vec<TimeDelta>,
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    $( $name: TimeDelta::seconds($default), )+
                    join_retries: [30, 120, 300].map(TimeDelta::seconds).to_vec(),
                    permission_asks: [0, 60, 180].map(TimeDelta::seconds).to_vec(),
                }
            }
        }

        impl Settings {
            /// Every length of time: its name, its value and what it means.
            #[must_use]
            pub fn table(&self) -> Vec<(&'static str, TimeDelta, &'static str)> {
                vec![$( (stringify!($name), self.$name, $about), )+]
            }
        }
    };
}

settings! {
    dispatch_ahead 120, "So long before the planned start a bot is sent, where the plan names no time.";
    launch 60, "From sending a recorder to its first sign of life.";
    connect 60, "From its first sign of life to the door of the conference.";
    start_wait 600, "A recorder waits so long for the conference to begin, counted from the planned start at the earliest.";
    host_wait 600, "The same for the host.";
    lobby_wait 900, "The same in the lobby.";
    alone_before 1_200, "So long a recorder waits in the conference before anyone came.";
    alone_after 60, "So long it stays after all have left.";
    company_wait 1_200, "So long it stays with others and nobody of the company.";
    internal_wait 1_200, "So long it stays with colleagues alone, where the company records no internal calls.";
    permission_wait 600, "So long after entering, or after a host joined, a request without an answer counts as unanswered; the recorder stays.";
    announcement_wait 120, "From the order to announce until the announcement has been played.";
    not_recording 1_200, "The longest time in a running conference without a recording.";
    live_start 150, "So long after the start of a conference its own recording may begin by itself; then it is started.";
    silence 600, "So long nothing may be heard.";
    silence_after 1_200, "Silence counts only from so long after recording began.";
    early 300, "A recorder removed, or a recording stopped by the host, so soon after the start leaves nothing worth keeping.";
    hold 90, "A stop of the recording so shortly before the end of the conference is its end; later news settle an end for as long.";
    before_start 300, "A session in a personal room that began so long before the planned start is still this meeting.";
    restart_wait 1_800, "So long after it ended, and until its planned end at the latest, the same conference may begin again before its recording is fetched; where nobody joins.";
    longest_meeting 86_400, "A conference whose end was never told is taken for ended so long after its start.";
    ring_wait 300, "So long after a telephone call was placed or began to ring its provider is asked what became of it.";
    longest_call 86_400, "A telephone call whose end was never told is taken for ended so long after it was answered, and for unanswered so long after it was placed or its provider was asked.";
    files_due 86_400, "After so long the recording ought to be there: the last but one time it is asked for.";
    files_deadline 172_800, "After so long a recording is missing.";
    import_deadline 86_400, "The longest time an import may take.";
    latest_join 600, "So long after the start of a conference that began late a recorder is still sent.";
    min_length 30, "A shorter recording is not kept.";
    max_length 21_600, "A longer recording is not kept; this length itself is.";
}

impl Settings {
    /// The settings under which a company records; what it does not say is as by default.
    #[must_use]
    pub fn of(recording: &Recording) -> Self {
        Self {
            dispatch_ahead: recording.dispatch_ahead.0,
            latest_join: recording.latest_join.0,
            min_length: recording.min_duration.0,
            max_length: recording.max_duration.0,
            ..Self::default()
        }
    }
}

/// More than any session lasts, so that no sum of times overflows.
const HUNDRED_YEARS: i64 = 100 * 366 * 86_400_000;

/// A length of time in milliseconds.
pub(super) fn ms(span: TimeDelta) -> i64 {
    span.num_milliseconds().clamp(0, HUNDRED_YEARS)
}

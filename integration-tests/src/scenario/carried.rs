//! What a scenario says of calls that are carried out: what is told of them, and what no calendar knows.

use chrono::TimeDelta;
use decision::company::Span;
use serde::{Deserialize, Deserializer, de};

use super::Key;

/// What whoever carries a call out will tell of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The call.
    pub call: Key,
    /// What is told, in order.
    pub tells: Vec<Tell>,
}

/// One thing that is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tell {
    /// When it happens, from the planned start; may be before it.
    #[serde(deserialize_with = "offset")]
    pub at: TimeDelta,
    /// Name of the signal.
    pub signal: String,
    /// How long the recording is, where it was imported.
    pub length: Option<Span>,
    /// Everybody who is in the conference then: addresses, `?` for somebody without one.
    #[serde(default)]
    pub roster: Vec<String>,
}

/// A span of seconds with a sign: `-110s`.
fn offset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeDelta, D::Error> {
    let text = String::deserialize(deserializer)?;
    let seconds = text.strip_suffix('s').and_then(|number| number.parse().ok());
    seconds
        .map(TimeDelta::seconds)
        .ok_or_else(|| de::Error::custom(format!("`{text}` is not such as `-110s`")))
}

/// A meeting in the company's account at Zoom.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoomMeeting {
    /// Its number.
    pub number: u64,
    /// Address of the user who hosts it.
    pub host: String,
    /// It is the host's personal room.
    #[serde(default)]
    pub personal: bool,
    /// What is set to record does, and what is told to record does too.
    #[serde(default = "yes")]
    pub records: bool,
}

/// A telephone call, placed now by one of the company.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dial {
    /// What it is called from here on, in place of a UID.
    pub call: String,
    /// Who tells of it.
    #[serde(default)]
    pub dialer: Dialer,
    /// Number of the company's side.
    pub from: String,
    /// Number of the other side.
    pub to: String,
    /// Member id or address of the user.
    pub user: String,
    /// Addresses of others who take part.
    #[serde(default)]
    pub participants: Vec<String>,
}

/// A telephony system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialer {
    /// One that speaks our own event API.
    #[default]
    Own,
    /// Twilio.
    Twilio,
}

impl Dialer {
    /// Name of the connection.
    #[must_use]
    pub const fn connection(self) -> &'static str {
        match self {
            Self::Own => "dialer",
            Self::Twilio => "twilio",
        }
    }
}

/// A recording behind a link, to be imported now.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// What it is called from here on, in place of a UID.
    pub call: String,
    /// Member id or address of whoever asks.
    pub owner: String,
    /// Addresses of others who are heard.
    #[serde(default)]
    pub participants: Vec<String>,
    /// What the link leads to.
    pub file: Recorded,
    /// Whether it is heard.
    #[serde(default = "yes")]
    pub accepted: bool,
}

/// What a link leads to.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    /// A WAV in which something is heard for so long.
    Tone(Span),
    /// A WAV in which nothing is heard for so long.
    Silence(Span),
    /// A file that is no recording.
    Text,
    /// Nothing.
    Gone,
}

const fn yes() -> bool {
    true
}

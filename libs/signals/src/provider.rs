//! Who sends signals.

use std::fmt;

/// A sender of signals, with a table of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Zoom Meetings: webhooks, and what its SDKs answer to a bot.
    Zoom,
    /// Zoom Phone. Its webhooks come with those of Zoom, signed in the same way.
    ZoomPhone,
    /// Microsoft Teams: Graph change notifications, calls of a bot, and what its web client shows.
    Teams,
    /// Cisco Webex Meetings.
    Webex,
    /// Google Meet.
    GoogleMeet,
    /// Twilio Voice.
    Twilio,
    /// RingCentral.
    RingCentral,
    /// Aircall.
    Aircall,
    /// Vonage Voice.
    Vonage,
    /// Telnyx.
    Telnyx,
    /// Any other dialer, through our own signed event API.
    Dialer,
    /// The telephone network itself: SIP responses and Q.850 causes, whoever passes them on.
    Sip,
    /// Bots of Recall.ai.
    Recall,
    /// Bots of Attendee.
    Attendee,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Zoom,
        Self::ZoomPhone,
        Self::Teams,
        Self::Webex,
        Self::GoogleMeet,
        Self::Twilio,
        Self::RingCentral,
        Self::Aircall,
        Self::Vonage,
        Self::Telnyx,
        Self::Dialer,
        Self::Sip,
        Self::Recall,
        Self::Attendee,
    ];

    /// Its name in evidence, metrics and keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Zoom => "zoom",
            Self::ZoomPhone => "zoom_phone",
            Self::Teams => "teams",
            Self::Webex => "webex",
            Self::GoogleMeet => "google_meet",
            Self::Twilio => "twilio",
            Self::RingCentral => "ringcentral",
            Self::Aircall => "aircall",
            Self::Vonage => "vonage",
            Self::Telnyx => "telnyx",
            Self::Dialer => "dialer",
            Self::Sip => "sip",
            Self::Recall => "recall",
            Self::Attendee => "attendee",
        }
    }

    /// Whether its signals are about telephone calls.
    #[must_use]
    pub const fn is_telephony(self) -> bool {
        match self {
            Self::ZoomPhone
            | Self::Twilio
            | Self::RingCentral
            | Self::Aircall
            | Self::Vonage
            | Self::Telnyx
            | Self::Dialer
            | Self::Sip => true,
            Self::Zoom
            | Self::Teams
            | Self::Webex
            | Self::GoogleMeet
            | Self::Recall
            | Self::Attendee => false,
        }
    }

    /// The provider of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == name)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_found_by_its_name() {
        for provider in Provider::ALL {
            assert_eq!(Provider::from_name(provider.as_str()), Some(provider));
        }
        assert_eq!(Provider::from_name("carrier_pigeon"), None);
    }
}

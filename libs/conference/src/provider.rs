//! The supported providers: which hosts are theirs, and which conference a URL of theirs means.

mod google_meet;
mod teams;
mod webex;
mod zoom;

use std::{fmt, str::FromStr};

use url::Url;

use crate::host;

/// A provider of web conferences whose calls can be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// Zoom, the government's and the Chinese installation included.
    Zoom,
    /// Microsoft Teams, for work and for home, government clouds included.
    Teams,
    /// Cisco Webex.
    Webex,
    /// Google Meet.
    GoogleMeet,
}

/// A name that is no supported provider's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown provider `{0}`")]
pub struct UnknownProvider(pub String);

impl Provider {
    /// All of them, in the order in which they are listed to people.
    pub const ALL: [Self; 4] = [Self::Zoom, Self::Teams, Self::Webex, Self::GoogleMeet];

    /// `zoom`, `teams`, `webex` or `google_meet`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zoom => "zoom",
            Self::Teams => "teams",
            Self::Webex => "webex",
            Self::GoogleMeet => "google_meet",
        }
    }

    /// A link by which a conference can be joined, made of its canonical id alone: without passcodes, since an id has none.
    /// Nothing where an id does not tell the way: that of a meeting of Webex names no site, that of a stream no meeting.
    pub fn join_url(self, id: &str) -> Option<String> {
        let url = match self {
            Self::Zoom => zoom::join_url(id),
            Self::Teams => teams::join_url(id),
            Self::Webex => webex::join_url(id),
            Self::GoogleMeet => google_meet::join_url(id),
        }?;
        // Whoever follows it must come where the id leads.
        let leads_there = host::of(&url).is_some_and(|host| {
            Self::of_host(host) == Some(self)
                && self.page(host, &url) == Page::Conference(id.to_owned())
        });
        leads_there.then(|| url.into())
    }

    /// Whose host this is, whatever the page.
    pub(crate) fn of_host(host: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.domains().iter().any(|domain| host::within(host, domain)))
    }

    /// The domains under which join links live.
    pub(crate) fn domains(self) -> &'static [&'static str] {
        match self {
            Self::Zoom => zoom::DOMAINS,
            Self::Teams => teams::DOMAINS,
            Self::Webex => webex::DOMAINS,
            Self::GoogleMeet => google_meet::DOMAINS,
        }
    }

    /// Which conference a URL under one of [`Self::domains`] means.
    pub(crate) fn page(self, host: &str, url: &Url) -> Page {
        match self {
            Self::Zoom => zoom::page(host, url),
            Self::Teams => teams::page(host, url),
            Self::Webex => webex::page(host, url),
            Self::GoogleMeet => google_meet::page(host, url),
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.as_str() == name)
            .ok_or_else(|| UnknownProvider(name.to_owned()))
    }
}

/// What a page of a provider is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// The way into a conference with this canonical id.
    Conference(String),
    /// The way into some conference; which one cannot be told.
    NoId,
    /// Anything else: help, sign-up, recordings, chat.
    Other,
}

impl Page {
    /// A conference where there is an id, else the shape of one.
    fn with(id: Option<String>) -> Self {
        id.map_or(Self::NoId, Self::Conference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_providers_name_is_read_back() {
        for provider in Provider::ALL {
            assert_eq!(provider.as_str().parse(), Ok(provider));
        }
        assert_eq!("Zoom".parse::<Provider>(), Err(UnknownProvider("Zoom".to_owned())));
    }

    #[test]
    fn a_link_made_of_an_id_leads_to_its_conference() {
        for (provider, id, url) in [
            (Provider::Zoom, "96000000001", "https://zoom.us/j/96000000001"),
            (Provider::Zoom, "my/ada.lovelace", "https://zoom.us/my/ada.lovelace"),
            (Provider::Teams, "2000000000001", "https://teams.microsoft.com/meet/2000000000001"),
            (
                Provider::Teams,
                "19:meeting_Zm9v@thread.v2",
                "https://teams.microsoft.com/l/meetup-join/19:meeting_Zm9v@thread.v2/0",
            ),
            (
                Provider::Teams,
                "19:ab@thread.tacv2/1700000000001",
                "https://teams.microsoft.com/l/meetup-join/19:ab@thread.tacv2/1700000000001",
            ),
            (Provider::Webex, "umbrella/ada", "https://umbrella.webex.com/meet/ada"),
            (Provider::Webex, "umbrella.my/ada", "https://umbrella.my.webex.com/meet/ada"),
            (Provider::GoogleMeet, "qrs-tuvw-xyz", "https://meet.google.com/qrs-tuvw-xyz"),
            (Provider::GoogleMeet, "lookup/team-room", "https://meet.google.com/lookup/team-room"),
            (Provider::GoogleMeet, "team-room", "https://g.co/meet/team-room"),
        ] {
            assert_eq!(provider.join_url(id).as_deref(), Some(url));
            let link = crate::classify(url).unwrap();
            assert_eq!((link.provider(), link.id()), (Some(provider), Some(id)));
        }
    }

    #[test]
    fn no_link_is_made_of_what_does_not_tell_the_way() {
        for (provider, id) in [
            (Provider::Webex, "m0aB"),
            (Provider::GoogleMeet, "stream/0a1b"),
            (Provider::Zoom, "96000000001@evil.example"),
            (Provider::Zoom, "../evil"),
            (Provider::Zoom, ""),
            (Provider::Teams, "19:x@y/../../z"),
            (Provider::Webex, "evil.example#/ada"),
            (Provider::Webex, "evil.example/x?/ada"),
            (Provider::Webex, "user@evil.example:1/ada"),
        ] {
            assert_eq!(provider.join_url(id), None, "{id}");
        }
    }

    #[test]
    fn a_name_that_only_ends_like_a_providers_is_somebody_elses() {
        assert_eq!(Provider::of_host("evilzoom.us"), None);
        assert_eq!(Provider::of_host("zoom.us.evil.example"), None);
        assert_eq!(Provider::of_host("a.b.zoom.us"), Some(Provider::Zoom));
    }
}

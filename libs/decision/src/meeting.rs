//! A meeting as the rules see it.

use chrono::{DateTime, NaiveDate, Utc};

/// Identity of a meeting inside its company. Orders bytewise, absent before present.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CallKey {
    /// iCalendar UID (RFC 5545, 3.8.4.7).
    pub ical_uid: Option<String>,
    /// Original start of an occurrence of a series.
    pub recurrence_id: Option<DateTime<Utc>>,
}

/// A conference provider that can be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Zoom Meetings and Webinars.
    Zoom,
    /// Microsoft Teams.
    Teams,
    /// Cisco Webex Meetings.
    Webex,
    /// Google Meet.
    GoogleMeet,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Zoom, Self::Teams, Self::Webex, Self::GoogleMeet];

    /// Its name in company files, reports and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Zoom => "zoom",
            Self::Teams => "teams",
            Self::Webex => "webex",
            Self::GoogleMeet => "google_meet",
        }
    }

    /// The provider of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == name)
    }
}

/// Where a call takes place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conference {
    /// Who provides it.
    pub provider: Provider,
    /// Canonical id, without passcodes.
    pub id: String,
}

impl Conference {
    /// The longest id of a conference, in bytes. Providers' are far shorter; a longer one is nobody's, and no adapter takes it.
    pub const MAX_ID: usize = 600;

    /// Whether one link leads to meeting after meeting, as far as the id tells. Zoom's own numbers of such rooms look like any
    /// other; the adapter knows those.
    #[must_use]
    pub fn is_personal_room(&self) -> bool {
        match self.provider {
            Provider::Zoom => self.id.starts_with("my/"),
            Provider::Webex => self.id.contains('/'),
            Provider::Teams | Provider::GoogleMeet => false,
        }
    }
}

/// How private an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Sensitivity {
    /// Open.
    #[default]
    Public,
    /// Personal in Outlook: private where the company says so.
    Personal,
    /// Private or confidential.
    Private,
}

/// What an invited calendar user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum PersonKind {
    /// A person.
    #[default]
    Individual,
    /// A mailing list: one person by its address.
    Group,
    /// A room: no person.
    Room,
    /// Another resource: no person.
    Resource,
}

/// What an invited calendar user answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Participation {
    /// Nothing yet.
    #[default]
    NeedsAction,
    /// Comes.
    Accepted,
    /// Does not come.
    Declined,
    /// Perhaps.
    Tentative,
    /// Sends somebody else.
    Delegated,
}

/// An organizer or attendee.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Person {
    /// Comparable address, see [`crate::text::address`]; none when the calendar gives none.
    pub address: Option<String>,
    /// What it is.
    pub kind: PersonKind,
    /// What was answered.
    pub participation: Participation,
}

/// What the links of an event come to, as far as eligibility must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkState {
    /// Provider of the conference, if there is one.
    pub provider: Option<Provider>,
    /// Whether there is a link in join shape (a usable one too).
    pub join_link: bool,
    /// Whether there is a consent link nobody can resolve.
    pub unresolved_consent: bool,
}

/// What eligibility needs to know of a meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// Whether the event has an iCalendar UID.
    pub has_ical_uid: bool,
    /// Title.
    pub title: Option<String>,
    /// Start; midnight in the company's zone for an all-day event.
    pub start: DateTime<Utc>,
    /// End, if it has one after its start.
    pub end: Option<DateTime<Utc>>,
    /// Whether start and end are dates.
    pub all_day: bool,
    /// Whether the calendar says it is cancelled.
    pub cancelled: bool,
    /// Whether it was deleted in Callsheet.
    pub deleted_by_user: bool,
    /// Whether the owner took the recording back, with no newer request.
    pub recording_canceled: bool,
    /// How private it is.
    pub sensitivity: Sensitivity,
    /// The organizer.
    pub organizer: Option<Person>,
    /// Whether the organizer's own attendee entry says declined.
    pub organizer_declined: bool,
    /// Attendees in the order of the invitation.
    pub attendees: Vec<Person>,
    /// When the last material update was received.
    pub received_at: DateTime<Utc>,
    /// Member ids or addresses of those who asked through the API or by forwarding, oldest first.
    pub requested_by: Vec<String>,
    /// What the links come to.
    pub links: LinkState,
    /// Id of another company through whose address or calendar the event came.
    pub foreign_company: Option<String>,
    /// Owner of an earlier plan of this call, a member id; none when it never had a plan.
    pub planned_owner: Option<String>,
}

impl Meeting {
    /// A meeting of an hour with nobody invited and no link, received a day before.
    #[must_use]
    pub fn at(start: DateTime<Utc>) -> Self {
        Self {
            has_ical_uid: true,
            title: None,
            start,
            end: Some(start + chrono::TimeDelta::hours(1)),
            all_day: false,
            cancelled: false,
            deleted_by_user: false,
            recording_canceled: false,
            sensitivity: Sensitivity::Public,
            organizer: None,
            organizer_declined: false,
            attendees: Vec::new(),
            received_at: start - chrono::TimeDelta::days(1),
            requested_by: Vec::new(),
            links: LinkState::default(),
            foreign_company: None,
            planned_owner: None,
        }
    }
}

/// First and last day of an all-day event, the last one exclusive.
pub type Dates = (NaiveDate, NaiveDate);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_that_goes_by_a_persons_name_is_personal_and_a_meeting_with_a_number_is_not() {
        let is_personal =
            |provider, id: &str| Conference { provider, id: id.into() }.is_personal_room();
        assert!(is_personal(Provider::Zoom, "my/ada.lovelace"));
        assert!(is_personal(Provider::Webex, "acme/ada"));
        assert!(!is_personal(Provider::Zoom, "92345678901"));
        assert!(!is_personal(Provider::Webex, "27312345678"));
        assert!(!is_personal(Provider::Teams, "my/ada/x"));
        assert!(!is_personal(Provider::GoogleMeet, "my/ada"));
    }
}

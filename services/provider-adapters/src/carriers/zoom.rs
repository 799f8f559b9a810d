//! A company's account of Zoom: what is to be known of a meeting and its host before anything is set there.

use chrono::{DateTime, Utc};
use remote::Error;
use remote::zoom::preconditions::{self, Assessment};
use remote::zoom::{Client, Locks, Meeting, Related, User, UserSettings};

use super::files::Origin;
use super::line::Line;

/// An account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) line: Line,
    pub(crate) client: Client,
    /// Where its files come from.
    pub(super) files: Origin,
    /// What was recorded for us may be moved into Zoom's own bin when it is thrown away.
    pub(super) removes_copies: bool,
}

/// All there is to see of a meeting, now.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) meeting: Option<Meeting>,
    pub(super) host: Found,
    settings: Option<UserSettings>,
    account: Option<Locks>,
    groups: Vec<Locks>,
    related: Vec<Related>,
}

/// The user of whom the calendar names as organizer.
#[derive(Debug, Default)]
pub(super) enum Found {
    /// Nobody knows an address to ask for.
    #[default]
    Unnamed,
    /// The account has no such user, by this code.
    Nowhere(String),
    /// This is the user.
    User(Box<User>),
}

impl Found {
    fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            Self::Unnamed | Self::Nowhere(_) => None,
        }
    }
}

/// What may be unknown: that we are not permitted to read it, or that it is not there. What passes is an error.
fn known<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(known) => Ok(Some(known)),
        Err(Error::Forbidden { .. } | Error::NotFound { .. } | Error::Unreadable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Account {
    /// Looks at a meeting and at whoever should be its host. Never remembered: any of it may change until the meeting.
    ///
    /// # Errors
    /// What may pass, credentials that are refused, and that not even meetings and users may be read.
    pub(super) async fn look(
        &self,
        number: &str,
        host: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Seen, Error> {
        let looked = self.look_on(number, host).await;
        self.line.hear(looked, now).await
    }

    async fn look_on(&self, number: &str, host: Option<&str>) -> Result<Seen, Error> {
        let zoom = &self.client;
        let mut seen = Seen::default();
        match zoom.meeting(number).await {
            Ok(meeting) => seen.meeting = Some(meeting),
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let Some(host) = host else { return Ok(seen) };
        let user = match zoom.user(host).await {
            Ok(user) => user,
            Err(Error::NotFound { code, .. }) => {
                seen.host = Found::Nowhere(code);
                return Ok(seen);
            }
            Err(error) => return Err(error),
        };
        seen.settings = known(zoom.user_settings(&user.id).await)?;
        seen.account = known(zoom.account_locks().await)?;
        for group in &user.groups {
            seen.groups.extend(known(zoom.group_locks(group).await)?);
        }
        let owner = seen.meeting.as_ref().and_then(|meeting| meeting.host.as_deref());
        if owner.is_some_and(|owner| owner != user.id) {
            // Somebody else's: perhaps one of the two schedules for the other.
            seen.related.extend(known(zoom.schedulers(&user.id).await)?.unwrap_or_default());
            seen.related.extend(known(zoom.assistants(&user.id).await)?.unwrap_or_default());
        }
        seen.host = Found::User(Box::new(user));
        Ok(seen)
    }
}

impl Seen {
    /// Whether the account knows neither the meeting nor its host.
    pub(super) fn is_of_another(&self) -> bool {
        self.meeting.is_none() && self.host.user().is_none()
    }

    /// What it comes to.
    pub(super) fn assess(&self, number: &str) -> Assessment {
        preconditions::assess(&preconditions::Facts {
            host: self.host.user(),
            settings: self.settings.as_ref(),
            account: self.account.as_ref(),
            groups: &self.groups,
            meeting: self.meeting.as_ref(),
            related: &self.related,
            number: Some(number),
        })
    }
}

/// The number of a meeting at Zoom; none for a room that goes by a name.
pub(super) fn number(conference: Option<&decision::Conference>) -> Option<&str> {
    let id = conference?.id.as_str();
    let plain = !id.is_empty() && id.len() < 20 && id.bytes().all(|byte| byte.is_ascii_digit());
    plain.then_some(id)
}

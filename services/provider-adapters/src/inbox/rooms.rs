//! Conferences that their provider's webhooks call by other names than the links to them do: of each, the provider is asked
//! once for the link, by which orders know it.
//!
//! What was found is kept with the attempt when it is told, so that the next event finds the attempt by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use chassis::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use remote::{Base, Budget, Error, Http, Mint, Tokens, meet, webex};
use secrecy::ExposeSecret as _;
use signals::{Private, Provider};
use tokio::time::Instant;

use super::Opened;
use super::called::{asked_for, of_meet};
use super::hear::may_be_of_an_attempt;
use super::recognise::{Known, Recognised};
use crate::api::{needed, set};
use crate::carriers::line::Line;
use crate::connections::{Connection, Connections};
use crate::journal::Journal;
use crate::subscriptions;

/// How long providers may be asked for all webhooks of a round.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a link that was found holds, and how long there is none.
const HOLDS: (TimeDelta, TimeDelta) = (TimeDelta::hours(1), TimeDelta::minutes(10));
/// How long a provider is left alone that could not answer.
const REST: TimeDelta = TimeDelta::seconds(30);
/// Links that are remembered, at most.
const MANY: usize = 20_000;

/// Who can be asked, by connection, and what they answered. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rooms {
    desks: Arc<HashMap<String, Desk>>,
    answers: Arc<Mutex<Answers>>,
}

#[derive(Debug)]
struct Desk {
    line: Line,
    provider: Ask,
}

#[derive(Debug)]
enum Ask {
    Webex(webex::Client),
    Meet(meet::Client),
}

#[derive(Debug, Default)]
struct Answers {
    /// By connection and name: until when it holds, and the link.
    links: HashMap<(String, String), (DateTime<Utc>, Option<Private>)>,
    /// Until when a connection is left alone.
    resting: HashMap<String, DateTime<Utc>>,
}

impl Rooms {
    /// The providers behind connections that may be asked.
    ///
    /// # Errors
    /// The settings of one cannot be used.
    pub(crate) fn open(
        connections: &Connections,
        http: &Http,
        journal: &Journal,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let mut desks = HashMap::new();
        for one in connections.iter().filter(|one| one.carries()) {
            let (name, provider) = if one.provider == Provider::Webex {
                ("webex", Ask::Webex(subscriptions::webex::client(one, http)?))
            } else if one.provider == Provider::GoogleMeet {
                let client = google(one, http, clock);
                let client = client.with_context(|| format!("connection `{}`", one.name))?;
                ("google_meet", Ask::Meet(client))
            } else {
                continue;
            };
            let line = Line::new(&one.name, &one.company, name, journal.clone());
            desks.insert(one.name.clone(), Desk { line, provider });
        }
        Ok(Self { desks: Arc::new(desks), answers: Arc::default() })
    }

    /// Adds links to the events of which nobody knows yet what they are about, and answers whether there were any.
    pub(super) async fn find(
        &self,
        opened: &mut [Opened<'_>],
        known: &Known,
        now: DateTime<Utc>,
    ) -> bool {
        let until = Instant::now() + PATIENCE;
        let mut found = false;
        for one in opened {
            let Some(desk) = self.desks.get(&one.connection.name) else { continue };
            for event in &mut one.events {
                if event.about.link.is_some() || !may_be_of_an_attempt(event) {
                    continue;
                }
                let is = known.recognise(one.connection, event, one.letter.received);
                let Some(asked) = asked_for(event).filter(|_| matches!(is, Recognised::Nobody))
                else {
                    continue;
                };
                let link = self.link(desk, asked, now, until).await;
                found |= link.is_some();
                event.about.link = link;
            }
        }
        found
    }

    async fn link(
        &self,
        desk: &Desk,
        asked: &str,
        now: DateTime<Utc>,
        until: Instant,
    ) -> Option<Private> {
        let key = (desk.line.name.clone(), asked.to_owned());
        {
            let answers = self.answers();
            if let Some((holds, link)) = answers.links.get(&key)
                && now < *holds
            {
                return link.clone();
            }
            if answers.resting.get(&desk.line.name).is_some_and(|until| now < *until) {
                return None;
            }
        }
        let answer = tokio::time::timeout_at(until, desk.ask(asked, now)).await;
        let mut answers = self.answers();
        let link = match answer {
            Ok(Ok(link)) => link,
            // It does not exist, or is not shown to us.
            Ok(Err(error)) if is_word(&error) => None,
            Ok(Err(_)) | Err(_) => {
                answers.resting.insert(desk.line.name.clone(), now + REST);
                return None;
            }
        };
        if answers.links.len() >= MANY {
            answers.links.retain(|_, (holds, _)| now < *holds);
        }
        if answers.links.len() >= MANY {
            answers.links.clear();
        }
        let holds = if link.is_some() { HOLDS.0 } else { HOLDS.1 };
        answers.links.insert(key, (now + holds, link.clone()));
        link
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an error says something of what was asked for.
fn is_word(error: &Error) -> bool {
    let shown = matches!(error, Error::Forbidden { missing_scope: false, .. });
    shown || matches!(error, Error::NotFound { .. } | Error::Refused { .. } | Error::Argument(_))
}

impl Desk {
    /// The link by which people join what the provider calls so.
    async fn ask(&self, asked: &str, now: DateTime<Utc>) -> Result<Option<Private>, Error> {
        match &self.provider {
            Ask::Webex(client) => {
                let meeting = self.line.hear(client.meeting(asked).await, now).await?;
                Ok(meeting.link.map(|link| Private::new(link.expose())))
            }
            Ask::Meet(client) => {
                let space = match of_meet(asked) {
                    (Some(space), _) => space.to_owned(),
                    (None, Some(record)) => {
                        self.line.hear(client.space_of(record).await, now).await?
                    }
                    (None, None) => return Ok(None),
                };
                let space = self.line.hear(client.space(&space).await, now).await?;
                let by_code = space.code.map(|code| format!("https://meet.google.com/{code}"));
                let link = space.link.map(|link| link.expose().to_owned());
                Ok(by_code.or(link).map(Private::new))
            }
        }
    }
}

/// A client for the domain of a connection.
fn google(one: &Connection, http: &Http, clock: &Arc<dyn Clock>) -> anyhow::Result<meet::Client> {
    let at = match &one.base_url {
        Some(url) => Base::new(url).context("`base_url`")?,
        None => meet::public()?,
    };
    let tokens = match set(one, "token_url") {
        Some(url) => Base::new(url).context("`api.token_url`")?,
        None => meet::public_tokens()?,
    };
    let email = needed(one, "client_email")?.expose_secret().to_owned();
    let key = needed(one, "private_key")?;
    let clock = Arc::clone(clock);
    let now: remote::Now = Arc::new(move || clock.now());
    let subject = set(one, "subject");
    let account = meet::ServiceAccount::new(http, tokens, (&email, key), subject, now);
    let account: Arc<dyn Mint> =
        Arc::new(account.context("`api.private_key` is no private key in PEM")?);
    Ok(meet::Client::new(http, at, &one.name, Tokens::new(account), Budget::unbounded()))
}

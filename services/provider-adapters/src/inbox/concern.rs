//! Whose calls a change at a provider concerns: the member whose licence or settings changed, or everybody.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use remote::Http;
use signals::{Event, News, Private, Provider};
use tokio::time::Instant;

use super::Opened;
use crate::carriers::line::Line;
use crate::carriers::zoom::Account;
use crate::connections::Connections;
use crate::error::Error;
use crate::gather::Gather;
use crate::journal::Journal;
use crate::subscriptions;

/// How long providers may be asked whose account something is, for all webhooks of a round.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whose calls a change concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Concerned {
    /// Nobody's: the user is no member, so no plan rests on what changed.
    Nobody,
    /// Those of this member.
    Member(String),
    /// Perhaps everybody's.
    Everybody,
}

/// Providers that can be asked for the address of a user of theirs, by connection. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory(Arc<HashMap<String, Book>>);

#[derive(Debug)]
enum Book {
    Zoom(Arc<Account>),
    Graph(Box<(Line, remote::graph::Client)>),
}

impl Directory {
    /// The providers behind connections.
    ///
    /// # Errors
    /// The settings of one cannot be used.
    pub(crate) fn open(
        connections: &Connections,
        accounts: &[Arc<Account>],
        http: &Http,
        journal: &Journal,
    ) -> anyhow::Result<Self> {
        let mut books = HashMap::new();
        for account in accounts {
            books.insert(account.line.name.clone(), Book::Zoom(Arc::clone(account)));
        }
        for one in connections.iter().filter(|one| one.is_notified()) {
            if one.provider == Provider::Teams {
                let line = Line::new(&one.name, &one.company, "teams", journal.clone());
                let client = subscriptions::graph::client(one, http)?;
                books.insert(one.name.clone(), Book::Graph(Box::new((line, client))));
            }
        }
        Ok(Self(Arc::new(books)))
    }

    /// The address of a user, if the provider can be asked and tells.
    async fn address(&self, connection: &str, user: &str, now: DateTime<Utc>) -> Option<Private> {
        let (line, answer) = match self.0.get(connection)? {
            Book::Zoom(account) => {
                let user = account.client.user(user).await;
                (&account.line, user.map(|user| user.email))
            }
            Book::Graph(tenant) => {
                let (line, client) = &**tenant;
                let user = client.user(user).await;
                (line, user.map(|user| user.email.or(user.sign_in)))
            }
        };
        let address = line.hear(answer, now).await.ok().flatten()?;
        Some(Private::new(address.expose()))
    }
}

/// Finds out whose calls changes concern.
#[derive(Debug, Clone)]
pub(crate) struct Members {
    /// What is known of members.
    pub(crate) gather: Arc<Gather>,
    /// Which users hosted what was ordered.
    pub(crate) journal: Journal,
    /// Who can be asked.
    pub(crate) directory: Directory,
}

impl Members {
    /// Whose calls the changes in a round of webhooks concern, by the keys of the events that name a user.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn concerned(
        &self,
        opened: &[Opened<'_>],
        now: DateTime<Utc>,
    ) -> Result<HashMap<String, Concerned>, Error> {
        let mut found = HashMap::new();
        let until = Instant::now() + PATIENCE;
        for one in opened {
            for event in &one.events {
                let Some(user) = user(event) else { continue };
                let (connection, company) = (&one.connection.name, &one.connection.company);
                let concerned = match &event.about.user_email {
                    Some(address) => self.member(company, address).await?,
                    None => self.user(connection, company, user, now, until).await?,
                };
                found.insert(event.key.to_string(), concerned);
            }
        }
        Ok(found)
    }

    /// A user of whom the event tells nothing but an id.
    async fn user(
        &self,
        connection: &str,
        company: &str,
        user: &str,
        now: DateTime<Utc>,
        until: Instant,
    ) -> Result<Concerned, Error> {
        // Who hosts what we recorded is known without asking.
        if let Some(member) = self.journal.host(company, user).await? {
            return Ok(Concerned::Member(member));
        }
        let asked = self.directory.address(connection, user, now);
        match tokio::time::timeout_at(until, asked).await {
            Ok(Some(address)) => self.member(company, &address).await,
            Ok(None) | Err(_) => Ok(Concerned::Everybody),
        }
    }

    async fn member(&self, company: &str, address: &Private) -> Result<Concerned, Error> {
        let Some((_, known)) = self.gather.newest(company).await? else {
            return Ok(Concerned::Everybody);
        };
        let member = known.member_of(address.expose());
        Ok(member.map_or(Concerned::Nobody, |member| Concerned::Member(member.to_owned())))
    }
}

/// The user whose licence or settings an event says have changed.
fn user(event: &Event) -> Option<&str> {
    let changed = event.tells(News::UserGone) || event.tells(News::SettingsChanged);
    // Elsewhere Zoom names who did it.
    let is_of_users = event.provider != Provider::Zoom || event.name.starts_with("user.");
    event.about.user.as_deref().filter(|_| changed && is_of_users)
}
